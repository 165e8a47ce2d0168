-- What the tests of sql/ share: a fresh extension in an empty database, with its
-- scheduler, and ways to wait for a state.
-- They are run by the role postgres, whoever made the server: messages name it.
DO $$
BEGIN
	IF to_regrole('postgres') IS NULL THEN
		CREATE ROLE postgres SUPERUSER LOGIN;
	END IF;
END
$$;
\connect - postgres
SET client_min_messages = error;
DROP SCHEMA public CASCADE;
DROP EXTENSION IF EXISTS pg_scheduler;
CREATE SCHEMA public;
GRANT ALL ON SCHEMA public TO PUBLIC;
CREATE EXTENSION pg_scheduler;
RESET client_min_messages;

-- Poll until a condition holds.
CREATE FUNCTION wait_until(condition text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	deadline timestamptz := clock_timestamp() + interval '3 minutes';
	holds boolean;
BEGIN
	LOOP
		PERFORM pg_stat_clear_snapshot();
		EXECUTE 'SELECT ' || condition INTO holds;
		EXIT WHEN holds;
		IF clock_timestamp() > deadline THEN
			RAISE 'waited in vain until %', condition;
		END IF;
		PERFORM pg_sleep(0.002);
	END LOOP;
END
$$;

-- The same for a query, between whose executions no snapshot is kept.
CREATE PROCEDURE await(query text) LANGUAGE plpgsql AS $$
DECLARE
	result boolean;
BEGIN
	FOR i IN 1 .. 18000 LOOP
		EXECUTE query INTO result;
		EXIT WHEN result;
		COMMIT;
		PERFORM pg_sleep(0.01);
	END LOOP;
	IF result IS NOT TRUE THEN
		RAISE WARNING 'waited in vain for: %', query;
	END IF;
END
$$;

-- Wait for the last run of a job; its status.
CREATE FUNCTION wait_for_job(name text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM wait_until(format('EXISTS (SELECT FROM scheduler.runs WHERE job_name = %L)', name));
	RETURN scheduler.wait_for_run((SELECT max(run_id) FROM scheduler.runs WHERE job_name = name),
								  interval '3 minutes');
END
$$;

-- Run a job now and wait for it; no snapshot is kept meanwhile, as what builds
-- or drops an index concurrently would wait for it.
CREATE PROCEDURE run_job(name text, args jsonb DEFAULT NULL, INOUT status text DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
	id bigint := scheduler.run_job(name, args);
BEGIN
	FOR i IN 1 .. 1800 LOOP
		COMMIT;
		status := scheduler.wait_for_run(id, interval '100 milliseconds');
		EXIT WHEN status IS NOT NULL;
	END LOOP;
END
$$;

-- Schedule a job that does not fire by itself, run it now and wait for it.
CREATE PROCEDURE run_command(name text, command text, INOUT status text DEFAULT NULL)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM scheduler.schedule_job(name, '@at 2199-12-31', command);
	COMMIT;
	CALL run_job(name, NULL, status);
END
$$;

-- Wait until a reloaded setting has arrived at a worker.  All processes have
-- been told of it when a new session begins ("\c -"), for the postmaster tells
-- them before it lets anybody in.
CREATE PROCEDURE wait_for_setting(setting text, value text)
LANGUAGE plpgsql AS $$
DECLARE
	status text;
BEGIN
	FOR i IN 1 .. 1000 LOOP
		CALL run_command('probe', format('SELECT 1 / (current_setting(%L) = %L)::int', setting, value), status);
		EXIT WHEN status = 'succeeded';
	END LOOP;
	PERFORM scheduler.unschedule_job('probe');
END
$$;

-- SQLSTATE, message, detail and hint of the error that a statement raises.
CREATE FUNCTION error_of(statement text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
	context text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
		hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
	RETURN concat_ws(' | ', sqlstate, left(message, 150), nullif(detail, ''), nullif(hint, ''),
		CASE WHEN context LIKE '%scheduler.job%' THEN 'CONTEXT: ' || context END);
END
$$;

DO $$
BEGIN
	PERFORM wait_until($w$scheduler.status() ->> 'state' = 'healthy'$w$);
END
$$;

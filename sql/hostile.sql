-- Roles with odd settings, and jobs that leave a mess or try to get out.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
SET client_min_messages = warning;
CREATE ROLE regress_hostile LOGIN;
CREATE ROLE regress_other LOGIN;
CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY, line text, pid int DEFAULT pg_backend_pid());
GRANT ALL ON log TO PUBLIC;
CREATE VIEW outcome AS SELECT job_name, status, attempt, rows_affected, sqlstate, left(error_message, 100) AS error_message
	FROM scheduler.runs ORDER BY run_id, attempt;
GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC;

-- Odd defaults of the role
ALTER ROLE regress_hostile SET default_transaction_read_only = on;
ALTER ROLE regress_hostile SET default_transaction_isolation = serializable;
ALTER ROLE regress_hostile SET default_transaction_deferrable = on;
ALTER ROLE regress_hostile SET row_security = off;
ALTER ROLE regress_hostile SET synchronous_commit = off;
ALTER ROLE regress_hostile SET bytea_output = 'escape';
ALTER ROLE regress_hostile SET datestyle = 'SQL, DMY';
ALTER ROLE regress_hostile SET intervalstyle = 'iso_8601';
ALTER ROLE regress_hostile SET timezone = 'Asia/Kathmandu';
ALTER ROLE regress_hostile SET enable_indexscan = off;
ALTER ROLE regress_hostile SET enable_seqscan = off;
ALTER ROLE regress_hostile SET session_replication_role = replica;
SELECT scheduler.schedule_job(name, '@at 2199-12-31', command, run_as => 'regress_hostile', max_retries => 1, retry_delay => '1 ms') AS hostile_id
FROM (VALUES ('reads', $$SELECT 1 WHERE current_setting('transaction_read_only') = 'on' AND current_setting('transaction_isolation') = 'serializable'$$),
	('writes', $$INSERT INTO log (line) VALUES ('written')$$),
	('writes on', $$SET TRANSACTION READ WRITE; INSERT INTO log (line) VALUES ('written')$$),
	('commits', 'DO $x$ BEGIN PERFORM 1; COMMIT; PERFORM 2; END $x$')) AS j (name, command);
SELECT scheduler.run_job(job_id) > 0 AS id FROM scheduler.jobs ORDER BY job_id;
SELECT wait_until($$(SELECT count(*) = 4 AND bool_and(last_status IS NOT NULL AND NOT EXISTS (SELECT FROM scheduler.runs WHERE finished_at IS NULL)) FROM scheduler.jobs)$$);
SELECT * FROM outcome;
TRUNCATE log;
ALTER ROLE regress_hostile RESET ALL;
SELECT array_agg(job_name) AS odd FROM scheduler.jobs \gset

-- One millisecond for a statement: the run may fail, the record does not.
ALTER ROLE regress_hostile SET statement_timeout = '1ms';
ALTER ROLE regress_hostile SET lock_timeout = '1ms';
ALTER ROLE regress_hostile SET idle_in_transaction_session_timeout = '1ms';
SELECT scheduler.schedule_job('hurry', '@at 2199-12-31', 'SELECT pg_sleep(60)', run_as => 'regress_hostile') AS hurry_id \gset
SELECT scheduler.run_job(:hurry_id) AS run_id \gset
SELECT scheduler.wait_for_run(:run_id);
SELECT * FROM outcome WHERE job_name = 'hurry';
ALTER ROLE regress_hostile RESET ALL;

-- Things named like ours, in the role's path
SELECT scheduler.unschedule_job(job_id) FROM scheduler.jobs;
CREATE SCHEMA trap AUTHORIZATION regress_hostile;
SET ROLE regress_hostile;
CREATE TABLE trap.caught (what text);
CREATE TABLE trap.pending_run (run_id bigint);
CREATE TABLE trap.run_history (run_id bigint);
CREATE TABLE trap.job (job_id bigint, command text);
CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE sql AS $$INSERT INTO trap.caught VALUES ('now'); SELECT '2001-01-01Z'::timestamptz$$;
CREATE FUNCTION trap.nextval(regclass) RETURNS bigint LANGUAGE sql AS $$INSERT INTO trap.caught VALUES ('nextval'); SELECT 1::bigint$$;
CREATE FUNCTION trap.lower(text) RETURNS text LANGUAGE sql AS $$INSERT INTO trap.caught VALUES ('lower'); SELECT ''$$;
CREATE FUNCTION trap.caught_eq(a bigint, b bigint) RETURNS boolean LANGUAGE sql AS $$INSERT INTO trap.caught VALUES ('= for ' || current_user); SELECT true$$;
CREATE FUNCTION trap.caught_eq(a text, b text) RETURNS boolean LANGUAGE sql AS $$INSERT INTO trap.caught VALUES ('= for ' || current_user); SELECT true$$;
CREATE OPERATOR trap.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap.caught_eq);
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.caught_eq);
RESET ROLE;
ALTER ROLE regress_hostile SET search_path = trap, pg_catalog, scheduler, public;
SET ROLE regress_hostile;
SET search_path = trap, pg_catalog, scheduler, public;
SELECT scheduler.schedule_job('trapped', '@at 2199-12-31', 'INSERT INTO public.log (line) VALUES (''trapped''); SELECT 1 / 0', max_retries => 1, retry_delay => '1 ms', retry_jitter => false, retry_on => '{all}') > 0 AS id;
SELECT scheduler.alter_job('trapped', priority => 2);
SELECT scheduler.pause_job('trapped');
SELECT scheduler.resume_job('trapped');
CALL public.run_job('trapped');
SELECT scheduler.redrive_dead_letters('trapped');
SELECT public.wait_until($$(SELECT count(*) OPERATOR(pg_catalog.=) 4 FROM scheduler.runs WHERE job_name OPERATOR(pg_catalog.=) 'trapped' AND status OPERATOR(pg_catalog.=) 'failed')$$);
SELECT count(*) AS jobs FROM scheduler.jobs;
SELECT count(*) AS runs FROM scheduler.runs;
SELECT count(*) AS letters FROM scheduler.dead_letters;
SELECT * FROM trap.caught;
RESET ROLE;
RESET search_path;
ALTER ROLE regress_hostile RESET ALL;
SELECT * FROM outcome WHERE job_name = 'trapped';

-- Jobs that leave things behind, each followed by a look at the session.
CREATE TABLE mess (n int PRIMARY KEY, m int, UNIQUE (m) DEFERRABLE INITIALLY DEFERRED);
GRANT ALL ON mess TO PUBLIC;
CREATE SEQUENCE mess_seq;
GRANT ALL ON mess_seq TO PUBLIC;
CREATE FUNCTION session_state() RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(', ',
		(SELECT 'temp ' || string_agg(relname, ' ') FROM pg_class WHERE relpersistence = 't' AND relkind = 'r' AND relnamespace = pg_my_temp_schema()),
		(SELECT 'prepared ' || string_agg(name, ' ') FROM pg_prepared_statements),
		(SELECT 'cursors ' || string_agg(name, ' ') FROM pg_cursors WHERE name <> ''),
		(SELECT 'locks ' || count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' HAVING count(*) > 0),
		(SELECT 'listening ' || string_agg(c, ' ') FROM pg_listening_channels() c),
		(SELECT 'settings ' || string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings
			WHERE source = 'session' AND name NOT LIKE 'pg_scheduler.%' AND name <> 'application_name'),
		nullif('own ' || current_setting('my.own', true), 'own '),
		CASE WHEN session_user <> 'regress_hostile' OR current_user <> 'regress_hostile' THEN 'user ' || session_user || ' ' || current_user END)
$$;
CREATE TABLE states (job text, pid int, state text);
GRANT ALL ON states TO PUBLIC;
GRANT regress_other TO regress_hostile;
CREATE FUNCTION deep(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN deep($1 + 1) + 1; END $$;
CREATE PROCEDURE leaves() LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMP TABLE left_by_procedure (x int);
	PERFORM set_config('my.own', 'left', false);
	COMMIT;
	PERFORM pg_advisory_lock(11);
END
$$;
SET ROLE regress_hostile;
SELECT scheduler.schedule_job('look', '@at 2199-12-31', $$INSERT INTO states SELECT current_setting('pg_scheduler.job_name'), pg_backend_pid(), session_state()$$) > 0 AS id;
CALL run_command('temp', 'CREATE TEMP TABLE left_behind (x int); CREATE TEMP SEQUENCE s; CREATE TEMP VIEW v AS SELECT 1');
CALL run_job('look');
CALL run_command('prepare', 'PREPARE p AS SELECT 1');
CALL run_job('look');
CALL run_command('locks', 'SELECT pg_advisory_lock(1), pg_advisory_lock_shared(2), pg_advisory_lock(1)');
CALL run_job('look');
CALL run_command('listen', 'LISTEN one; LISTEN two');
CALL run_job('look');
CALL run_command('settings', $$SET work_mem = '1MB'; SET search_path = nowhere; SET my.own = 'x'; SELECT set_config('timezone', 'Asia/Tokyo', false)$$);
CALL run_job('look');
CALL run_command('cursor', 'DECLARE c CURSOR WITH HOLD FOR SELECT generate_series(1, 100000)');
CALL run_job('look');
CALL run_command('set role', 'SET ROLE regress_other');
CALL run_job('look');
CALL run_command('set role local', 'SET LOCAL ROLE regress_other; CREATE TEMP TABLE others (x int)');
CALL run_job('look');
CALL run_command('reset role', 'RESET ROLE; RESET SESSION AUTHORIZATION; SELECT 1');
CALL run_job('look');
CALL run_command('set authorization', 'SET SESSION AUTHORIZATION regress_other');
CALL run_job('look');
SELECT rolname AS superuser FROM pg_roles WHERE oid = 10 \gset
CALL run_command('superuser', format('SET ROLE %I', :'superuser'));
CALL run_job('look');
CALL run_command('procedure', 'CALL leaves()');
CALL run_job('look');
CALL run_command('sequence', $$SELECT nextval('mess_seq'); SELECT currval('mess_seq')$$);
CALL run_command('currval', $$SELECT currval('mess_seq')$$);
SELECT setseed(0.5), random() AS first \gset
CALL run_command('seed', 'INSERT INTO log (line) SELECT ''seeded'' FROM setseed(0.5)');
CALL run_command('random', format('INSERT INTO log (line) SELECT CASE WHEN random() = %s THEN ''foreseen'' ELSE ''by chance'' END', :'first'));
SELECT line, count(*) FROM log l WHERE line IN ('seeded', 'foreseen', 'by chance') GROUP BY line, pid ORDER BY line DESC;
DELETE FROM log WHERE line IN ('seeded', 'foreseen', 'by chance');
CALL run_command('deferred', 'INSERT INTO mess VALUES (1, 1), (2, 1)');
CALL run_job('look');
CALL run_command('deferred do', 'DO $x$ BEGIN INSERT INTO mess VALUES (3, 3); COMMIT; INSERT INTO mess VALUES (4, 3); END $x$');
CALL run_job('look');
CALL run_command('stack', 'SELECT deep(1)');
CALL run_job('look');
CALL run_command('huge error', $j$DO $x$ BEGIN RAISE '%', repeat('e', 10000000) USING DETAIL = repeat('d', 1000000); END $x$$j$);
CALL run_job('look');
CALL run_command('notify', $$NOTIFY nobody, 'payload'; SELECT pg_notify('a', repeat('x', 7000))$$);
CALL run_command('large result', 'SELECT n, repeat(''x'', 100) FROM generate_series(1, 300000) n');
CALL run_job('look');
CALL run_command('event', $j$DO $x$ BEGIN RAISE WARNING 'a warning'; RAISE NOTICE 'a notice'; END $x$$j$);
CALL run_command('swallows', $j$DO $x$ BEGIN PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN PERFORM set_config('my.own', 'y', false); END $x$$j$);
CALL run_job('look');
SELECT job_name, status, sqlstate, replace(error_message, :'superuser', 'SUPERUSER') AS error_message FROM outcome
WHERE job_name NOT IN ('look', 'trapped', 'hurry') AND job_name <> ALL (:'odd');
SELECT length(error_message), length(error_detail) FROM scheduler.runs WHERE job_name = 'huge error';
SELECT count(DISTINCT pid) < count(*) / 2 AS reused, array_agg(DISTINCT state) AS states, count(*) AS looks FROM states;
SELECT array_agg(n) FROM mess;

-- A job that ends its own session is a failed run; another worker takes over.
CALL run_command('suicide', 'SELECT pg_terminate_backend(pg_backend_pid())');
CALL run_command('cancels itself', 'SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60)');
CALL run_job('look');
SELECT job_name, status, sqlstate, error_message FROM outcome WHERE job_name IN ('suicide', 'cancels itself');
SELECT array_agg(DISTINCT state) AS states FROM states;
SELECT line FROM log;

-- A role that its sessions become at once: so does each run.
RESET ROLE;
ALTER ROLE regress_hostile SET role = regress_other;
SET ROLE regress_hostile;
CREATE TABLE became (job text, pid int, who text);
GRANT ALL ON became TO regress_other;
SELECT scheduler.schedule_job(name, '@at 2199-12-31', command || $$INSERT INTO became SELECT current_setting('pg_scheduler.job_name'), pg_backend_pid(), current_user$$) > 0 AS id
FROM (VALUES ('by default', ''), ('none', 'SET ROLE NONE; '), ('own', 'SET ROLE regress_hostile; '), ('authorization', 'SET SESSION AUTHORIZATION regress_hostile; ')) AS j (name, command);
CALL run_job('none');
CALL run_job('by default');
CALL run_job('own');
CALL run_job('by default');
CALL run_job('authorization');
CALL run_job('by default');
SELECT job, who, count(*) FROM became GROUP BY job, who ORDER BY job;
SELECT count(DISTINCT pid) < count(*) AS reused FROM became;
RESET ROLE;
ALTER ROLE regress_hostile RESET role;

-- Libraries that its sessions load: so do workers.
ALTER ROLE regress_hostile SET session_preload_libraries = 'auto_explain';
SET ROLE regress_hostile;
CALL run_command('library', $$SELECT 1 / count(*) FROM pg_settings WHERE name = 'auto_explain.log_nested_statements'$$);
RESET ROLE;
ALTER ROLE regress_hostile RESET session_preload_libraries;

-- Event triggers that refuse all else do not refuse us our partitions.
SELECT 'run_history_' || to_char(now() AT TIME ZONE 'UTC' + interval '7 days', 'YYYYMMDD') AS to_come \gset
ALTER EXTENSION pg_scheduler DROP TABLE scheduler.:to_come;
DROP TABLE scheduler.:to_come;
CREATE TABLE scheduler.run_history_20010203 (LIKE scheduler.run_history);
ALTER TABLE scheduler.run_history ATTACH PARTITION scheduler.run_history_20010203 FOR VALUES FROM ('2001-02-03Z') TO ('2001-02-04Z');
ALTER EXTENSION pg_scheduler ADD TABLE scheduler.run_history_20010203;
CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$;
CREATE EVENT TRIGGER refuse_start ON ddl_command_start EXECUTE FUNCTION refuse();
CREATE EVENT TRIGGER refuse_end ON ddl_command_end EXECUTE FUNCTION refuse();
CREATE EVENT TRIGGER refuse_drop ON sql_drop EXECUTE FUNCTION refuse();
ALTER EVENT TRIGGER refuse_start ENABLE ALWAYS;
ALTER EVENT TRIGGER refuse_end ENABLE REPLICA;
ALTER EVENT TRIGGER refuse_drop ENABLE ALWAYS;
SELECT scheduler.reload();
SELECT wait_until(format('EXISTS (SELECT FROM pg_class WHERE relname = %L)', :'to_come')) \g /dev/null
SELECT wait_until($$NOT EXISTS (SELECT FROM pg_class WHERE relname = 'run_history_20010203')$$);
DROP EVENT TRIGGER refuse_start;
DROP EVENT TRIGGER refuse_end;
DROP EVENT TRIGGER refuse_drop;
DROP FUNCTION refuse();
SELECT count(*) FROM scheduler.runs WHERE finished_at IS NULL;
SELECT kind, severity, subject, message FROM scheduler.alerts WHERE job_id IS NULL;
DROP EXTENSION pg_scheduler CASCADE;
DROP SCHEMA trap CASCADE;
DROP OWNED BY regress_hostile, regress_other;
DROP ROLE regress_hostile, regress_other;

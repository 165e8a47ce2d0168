-- The objects that the benchmark's jobs and yardsticks write to.

CREATE SCHEMA bench;
GRANT USAGE ON SCHEMA bench TO PUBLIC;

-- What every job, and every yardstick, inserts into.
CREATE TABLE bench.target (value bigint);
GRANT INSERT ON bench.target TO PUBLIC;

SELECT format('CREATE ROLE bench_%s LOGIN', i) FROM generate_series(1, 50) AS i \gexec

----------------------------------------------------------------------
-- The ceiling: the writes of a run, by a procedure
--
-- A run is: insert its row into the queue, advance the state of its job,
-- delete the row, do the job's work, insert a record with two indexes.  The
-- procedure does it all in one transaction.  For comparison it can leave out
-- the first two: a queue that somebody else has filled before.
----------------------------------------------------------------------

CREATE TABLE bench.queue (
	run_id bigint PRIMARY KEY,
	job_id bigint NOT NULL,
	attempt int NOT NULL,
	owner oid NOT NULL,
	scheduled_at timestamptz NOT NULL,
	due_at timestamptz NOT NULL,
	UNIQUE (job_id, scheduled_at, attempt)
) WITH (fillfactor = 90);

CREATE TABLE bench.state (
	job_id bigint PRIMARY KEY,
	next_run_at timestamptz,
	finished boolean NOT NULL,
	runs bigint NOT NULL,
	succeeded bigint NOT NULL,
	failed bigint NOT NULL,
	last_run_at timestamptz,
	last_finished_at timestamptz,
	last_status text,
	total_duration bigint NOT NULL
) WITH (fillfactor = 45);

CREATE TABLE bench.history (
	run_id bigint PRIMARY KEY,
	job_id bigint NOT NULL,
	job_name text NOT NULL,
	owner oid NOT NULL,
	attempt int NOT NULL,
	status text NOT NULL,
	scheduled_at timestamptz NOT NULL,
	next_attempt_at timestamptz,
	started_at timestamptz,
	finished_at timestamptz,
	worker_pid int,
	rows_affected bigint,
	error_message text,
	error_detail text,
	error_hint text,
	error_context text,
	sqlstate text,
	http_status int,
	response text,
	triggered_by text NOT NULL
);
CREATE INDEX ON bench.history (job_id, run_id);

CREATE UNLOGGED TABLE bench.session (runs bigint, began timestamptz, ended timestamptz);

CREATE PROCEDURE bench.fill_queue(count bigint, filled boolean) LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE bench.queue, bench.state, bench.history, bench.target, bench.session;
	IF filled THEN
		INSERT INTO bench.queue
			SELECT i, i, 1, 10, now(), now() FROM generate_series(1, count) AS i;
	ELSE
		INSERT INTO bench.state
			SELECT i, now(), false, 0, 0, 0, NULL, NULL, NULL, 0
			FROM generate_series(1, count) AS i;
	END IF;
END $$;

-- One session's share of the ceiling: run for some seconds from a common
-- instant, or until its part of the jobs is done.
CREATE PROCEDURE bench.ceiling(client int, per_session bigint, start_at float8, seconds float8, filled boolean)
LANGUAGE plpgsql AS $$
DECLARE
	first bigint := client * per_session + 1;
	run bigint := first;
	q bench.queue;
	began timestamptz;
	started timestamptz;
BEGIN
	PERFORM pg_sleep(start_at - extract(epoch FROM clock_timestamp()));
	began := clock_timestamp();
	started := began;
	WHILE run < first + per_session
		AND extract(epoch FROM started - began) < seconds
	LOOP
		IF NOT filled THEN
			INSERT INTO bench.queue VALUES (run, run, 1, 10, started, started);
			UPDATE bench.state
				SET next_run_at = NULL, finished = true, runs = runs + 1,
					succeeded = succeeded + 1, last_run_at = started,
					last_finished_at = started, last_status = 'succeeded',
					total_duration = total_duration + 1
				WHERE job_id = run;
		END IF;
		DELETE FROM bench.queue WHERE run_id = run RETURNING * INTO STRICT q;
		INSERT INTO bench.target VALUES (1);
		INSERT INTO bench.history
			VALUES (q.run_id, q.job_id, 'bench_' || q.job_id, q.owner, q.attempt,
					'succeeded', q.scheduled_at, NULL, started, clock_timestamp(),
					pg_backend_pid(), 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
					'schedule');
		COMMIT;
		run := run + 1;
		started := clock_timestamp();
	END LOOP;
	INSERT INTO bench.session VALUES (run - first, began, clock_timestamp());
END $$;

----------------------------------------------------------------------
-- Waiting for pg_scheduler: for a state, with no snapshot held meanwhile
----------------------------------------------------------------------

CREATE PROCEDURE bench.await_rows(wanted bigint, seconds float8 = 60) LANGUAGE plpgsql AS $$
DECLARE
	deadline timestamptz := clock_timestamp() + seconds * interval '1 second';
BEGIN
	WHILE (SELECT count(*) FROM bench.target) < wanted AND clock_timestamp() < deadline LOOP
		COMMIT;
		PERFORM pg_sleep(0.2);
	END LOOP;
END $$;

-- Wait until the scheduler has given so many jobs an instant as their next time.
CREATE PROCEDURE bench.await_planned(wanted bigint, due timestamptz, seconds float8 = 60)
LANGUAGE plpgsql AS $$
DECLARE
	deadline timestamptz := clock_timestamp() + seconds * interval '1 second';
BEGIN
	WHILE clock_timestamp() < least(due, deadline)
		AND wanted > (SELECT count(*) FROM scheduler.job_state WHERE next_run_at = due)
	LOOP
		COMMIT;
		PERFORM pg_sleep(0.1);
	END LOOP;
END $$;

-- Wait until so many runs of the jobs due at one instant are over.
CREATE PROCEDURE bench.await_runs(job_pattern text, due timestamptz, wanted bigint, seconds float8 = 60)
LANGUAGE plpgsql AS $$
DECLARE
	deadline timestamptz := clock_timestamp() + seconds * interval '1 second';
BEGIN
	WHILE clock_timestamp() < deadline
		AND wanted > (SELECT count(*) FROM scheduler.runs
					  WHERE job_name LIKE job_pattern AND scheduled_at = due
						AND finished_at IS NOT NULL)
	LOOP
		COMMIT;
		PERFORM pg_sleep(0.5);
	END LOOP;
END $$;

-- Wait until a job scheduled now has run, and tell when it started.
CREATE PROCEDURE bench.await_scheduler(INOUT ready timestamptz, seconds float8 = 30)
LANGUAGE plpgsql AS $$
DECLARE
	deadline timestamptz := clock_timestamp() + seconds * interval '1 second';
	probe bigint;
BEGIN
	probe := scheduler.schedule_job('bench_probe', 'now', 'SELECT 1');
	LOOP
		COMMIT;
		SELECT max(started_at) INTO ready FROM scheduler.runs
			WHERE job_id = probe AND status = 'succeeded';
		EXIT WHEN ready IS NOT NULL;
		IF clock_timestamp() > deadline THEN
			RAISE EXCEPTION 'no job ran within % s', seconds;
		END IF;
		PERFORM pg_sleep(0.01);
	END LOOP;
	PERFORM scheduler.unschedule_job(probe);
END $$;

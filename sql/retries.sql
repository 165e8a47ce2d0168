-- Failures: retries, dead letters, timeouts.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
SET client_min_messages = warning;
CREATE SEQUENCE tries;
CREATE TABLE log (line text);
CREATE VIEW outcome AS SELECT job_name, status, attempt, sqlstate, error_message, next_attempt_at IS NOT NULL AS next
	FROM scheduler.runs ORDER BY run_id, attempt;
-- Fails until its n-th call.
CREATE FUNCTION nth(n int, state text DEFAULT 'P0001') RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	IF nextval('tries') < n THEN
		RAISE 'not yet' USING ERRCODE = state;
	END IF;
	RETURN n;
END
$$;

-- Succeeds at the third attempt; all share one run.
SELECT scheduler.schedule_job('third', '@at 2199-12-31', 'SELECT nth(3)', max_retries => 5, retry_delay => '1 ms', retry_jitter => false) > 0 AS id;
CALL run_job('third');
SELECT job_name, status, attempt, next FROM outcome;
SELECT count(DISTINCT run_id) AS runs, count(DISTINCT scheduled_at) AS occurrences FROM scheduler.runs;
SELECT count(*) FROM scheduler.dead_letters;
SELECT wait_until($$(SELECT last_status = 'succeeded' FROM scheduler.jobs WHERE job_name = 'third')$$);
SELECT last_status, consecutive_failures, succeeded, failed FROM scheduler.jobs WHERE job_name = 'third';

-- The delays of each backoff, to the microsecond
SELECT scheduler.schedule_job('delay ' || b, '@at 2199-12-31', 'SELECT 1 / 0', max_retries => 9, backoff => b,
	retry_delay => '1 ms', max_retry_delay => '100 ms', retry_jitter => false) > 0 AS id
FROM unnest('{exponential,linear,fixed}'::text[]) b;
SELECT scheduler.run_job('delay ' || b) > 0 AS id FROM unnest('{exponential,linear,fixed}'::text[]) b;
SELECT scheduler.wait_for_run(run_id) FROM (SELECT DISTINCT run_id FROM scheduler.runs WHERE job_name LIKE 'delay %') r;
SELECT job_name, array_agg(extract(epoch FROM next_attempt_at - finished_at) * 1000 ORDER BY attempt) AS milliseconds
FROM scheduler.runs WHERE job_name LIKE 'delay %' GROUP BY job_name ORDER BY job_name;
SELECT bool_and(started_at >= due) AS never_early FROM (SELECT started_at,
	lag(next_attempt_at) OVER (PARTITION BY run_id ORDER BY attempt) AS due FROM scheduler.runs WHERE job_name LIKE 'delay %') r;
-- Full jitter stays below.
SELECT scheduler.schedule_job('jitter', '@at 2199-12-31', 'SELECT 1 / 0', max_retries => 8, backoff => 'fixed', retry_delay => '5 ms') > 0 AS id;
CALL run_job('jitter');
SELECT bool_and(next_attempt_at >= finished_at AND next_attempt_at < finished_at + interval '5 ms') AS within,
	count(DISTINCT next_attempt_at - finished_at) > 1 AS vary
FROM scheduler.runs WHERE job_name = 'jitter' AND next_attempt_at IS NOT NULL;
-- No delay at all
SELECT scheduler.schedule_job('at once', '@at 2199-12-31', 'SELECT 1 / 0', max_retries => 3, retry_delay => '0') > 0 AS id;
CALL run_job('at once');
SELECT count(*), bool_and(next_attempt_at = finished_at) AS at_once FROM scheduler.runs WHERE job_name = 'at once';

-- A waiting attempt is seen, and can be cancelled.
SELECT scheduler.schedule_job('waits', '@at 2199-12-31', 'SELECT 1 / 0', max_retries => 3, retry_delay => '1 day', max_retry_delay => '7 days', retry_jitter => false) > 0 AS id;
SELECT scheduler.run_job('waits') AS waits_run \gset
SELECT wait_until($$EXISTS (SELECT FROM scheduler.runs WHERE job_name = 'waits' AND attempt = 2 AND status = 'queued')$$);
SELECT a.status, a.attempt, a.next_attempt_at = b.next_attempt_at AS same, a.finished_at, b.next_attempt_at - b.finished_at AS delay
FROM scheduler.runs a, scheduler.runs b WHERE a.job_name = 'waits' AND a.attempt = 2 AND b.job_name = 'waits' AND b.attempt = 1;
SELECT scheduler.cancel_run(:waits_run);
SELECT scheduler.wait_for_run(:waits_run);
SELECT job_name, status, attempt, sqlstate, error_message FROM outcome WHERE job_name = 'waits';
-- So it is when the cancellation comes while the failure of the one before is put on record.
SELECT pg_advisory_lock(1);
SELECT scheduler.schedule_job('late', '@at 2199-12-31', 'SELECT pg_advisory_xact_lock_shared(1); SELECT 1 / 0', max_retries => 1, retry_delay => '1 day') > 0 AS id;
SELECT scheduler.run_job('late') AS late_run \gset
SELECT wait_until($$EXISTS (SELECT FROM scheduler.workers JOIN pg_locks USING (pid) WHERE job_name = 'late' AND locktype = 'advisory' AND NOT granted)$$);
BEGIN;
LOCK TABLE scheduler.run_history IN SHARE MODE;
SELECT pg_advisory_unlock(1);
SELECT wait_until($$EXISTS (SELECT FROM scheduler.workers JOIN pg_locks USING (pid) WHERE job_name = 'late' AND locktype = 'relation' AND NOT granted)$$);
SELECT scheduler.cancel_run(:late_run);
COMMIT;
SELECT scheduler.wait_for_run(:late_run, '1 minute');
SELECT job_name, status, attempt, sqlstate, error_message FROM outcome WHERE job_name = 'late';

-- What is retried: by default all that a retry can mend
SELECT scheduler.schedule_job(format('%s on %s', state, coalesce(retry_on::text, 'default')), '@at 2199-12-31',
	format('SELECT nth(1000000, %L)', state), max_retries => 1, retry_delay => '0', retry_on => retry_on::text[]) > 0 AS id
FROM (VALUES ('40001', NULL), ('42601', NULL), ('42P01', NULL), ('42501', NULL), ('0A000', NULL), ('28000', NULL), ('3D000', NULL), ('P0001', NULL),
	('40001', '{40}'), ('40001', '{40P01}'), ('40P01', '{deadlock_detected}'), ('42P01', '{42P01}'), ('P0001', '{40,deadlock_detected}'),
	('42P01', '{all}'), ('40001', '{}')) v (state, retry_on);
SELECT count(scheduler.run_job(job_name)) FROM scheduler.jobs WHERE job_name LIKE '% on %';
SELECT DISTINCT wait_for_job(job_name) FROM scheduler.jobs WHERE job_name LIKE '% on %';
SELECT job_name, max(attempt) AS attempts, bool_and(sqlstate = left(job_name, 5)) AS right_state FROM scheduler.runs WHERE job_name LIKE '% on %' GROUP BY job_name ORDER BY job_name;

-- Dead letters
SELECT count(*) FROM scheduler.dead_letters WHERE job_name LIKE '% on %';
ALTER SEQUENCE tries RESTART;
SELECT scheduler.schedule_job('letter', '@at 2199-12-31', $$INSERT INTO log SELECT $1 ->> 'who'; SELECT nth(3)$$, args => '{"who": "job"}', max_retries => 1, retry_delay => '0') AS letter_job \gset
CALL run_job('letter', '{"who": "run"}');
SELECT count(*) FROM log;
SELECT job_name, owner = current_user::regrole AS mine, attempts, error_message, sqlstate, error_context IS NOT NULL AS context, args, redriven_at,
	definition ->> 'command' AS command, definition ->> 'max_retries' AS max_retries, died_at >= scheduled_at AS in_order
FROM scheduler.dead_letters WHERE job_name = 'letter';
SELECT jsonb_array_length(attempt_log) = attempts AS all_attempts, attempt_log -> -1 ->> 'sqlstate' AS last_sqlstate
FROM scheduler.dead_letters WHERE job_name = 'letter';
SELECT dead_letter_id AS letter, run_id AS dead_run, scheduled_at AS dead_at FROM scheduler.dead_letters WHERE job_name = 'letter' \gset
SELECT scheduler.redrive_dead_letter(:letter) AS new_run \gset
SELECT scheduler.wait_for_run(:new_run);
SELECT * FROM log;
SELECT status, attempt, triggered_by, redriven_from = :dead_run AS linked, scheduled_at = :'dead_at' AS same_occurrence
FROM scheduler.runs WHERE run_id = :new_run;
SELECT redriven_at IS NOT NULL AS redriven FROM scheduler.dead_letters WHERE dead_letter_id = :letter;
SELECT replace(error_of(format('SELECT scheduler.redrive_dead_letter(%s)', :letter)), :'letter', 'N');
SELECT scheduler.redrive_dead_letters('letter');
SELECT scheduler.discard_dead_letter(:letter);
SELECT count(*) FROM scheduler.dead_letters WHERE dead_letter_id = :letter;
-- several at once, of a job that fails again
SELECT scheduler.schedule_job('again', '@at 2199-12-31', 'SELECT 1 / 0', max_retries => 1, retry_delay => '0') AS again_job \gset
CALL run_job('again');
CALL run_job('again');
SELECT wait_until($$(SELECT failed = 4 FROM scheduler.jobs WHERE job_name = 'again')$$);
SELECT runs FROM scheduler.jobs WHERE job_name = 'again';
SELECT scheduler.redrive_dead_letters(:again_job);
SELECT wait_until($$(SELECT count(*) = 4 FROM scheduler.dead_letters WHERE job_name = 'again')$$);
SELECT redriven_at IS NOT NULL AS redriven, count(*) FROM scheduler.dead_letters WHERE job_name = 'again' GROUP BY 1 ORDER BY 1;
SELECT triggered_by, attempt, count(*) FROM scheduler.runs WHERE job_name = 'again' GROUP BY 1, 2 ORDER BY 1, 2;
-- a dead letter outlives its job, but there is nothing to run then
SELECT max(dead_letter_id) AS orphan FROM scheduler.dead_letters WHERE job_name = 'again' \gset
SELECT scheduler.unschedule_job('again');
SELECT count(*) FROM scheduler.dead_letters WHERE job_name = 'again';
SELECT regexp_replace(error_of(format('SELECT scheduler.redrive_dead_letter(%s)', :orphan)), '\d+ does', 'N does');
SELECT scheduler.discard_dead_letter(:orphan);

-- Timeouts: over the whole run
SELECT scheduler.schedule_job('slow', '@at 2199-12-31', 'SELECT pg_sleep(60)', timeout => '20 ms') > 0 AS id;
CALL run_job('slow');
SELECT scheduler.schedule_job('slow steps', '@at 2199-12-31', 'DO $x$ BEGIN LOOP PERFORM pg_sleep(0.005); COMMIT; END LOOP; END $x$', timeout => '30 ms') > 0 AS id;
CALL run_job('slow steps');
SELECT scheduler.schedule_job('slow retried', '@at 2199-12-31', 'SELECT pg_sleep(60)', timeout => '5 ms', max_retries => 1, retry_delay => '0') > 0 AS id;
CALL run_job('slow retried');
-- one that does not want to hear of it has failed all the same
SELECT scheduler.schedule_job('swallows', '@at 2199-12-31', $j$DO $x$ BEGIN INSERT INTO log VALUES ('swallowed');
	BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END $x$$j$, timeout => '20 ms') > 0 AS id;
CALL run_job('swallows');
SELECT job_name, status, attempt, sqlstate, error_message, next FROM outcome WHERE job_name ~ '^(slow|swallows)';
SELECT count(*) FROM log WHERE line = 'swallowed';
-- The cap for all
ALTER SYSTEM SET pg_scheduler.max_timeout = '15 ms';
SELECT pg_reload_conf();
\c -
SET client_min_messages = warning;
CALL wait_for_setting('pg_scheduler.max_timeout', '15ms');
CALL run_command('capped', 'SELECT pg_sleep(60)');
SELECT job_name, status, sqlstate FROM outcome WHERE job_name = 'capped';
ALTER SYSTEM RESET pg_scheduler.max_timeout;
-- A run that never stops by itself is terminated, and the next one has a worker.
ALTER SYSTEM SET pg_scheduler.kill_after = '50 ms';
SELECT pg_reload_conf();
\c -
SET client_min_messages = warning;
CALL wait_for_setting('pg_scheduler.kill_after', '50ms');
SELECT scheduler.schedule_job('stubborn', '@at 2199-12-31', $j$DO $x$ BEGIN LOOP
	BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $x$$j$, timeout => '500 ms') > 0 AS id;
CALL run_job('stubborn');
SELECT scheduler.alter_job('stubborn', timeout => '1 day');
SELECT scheduler.run_job('stubborn') AS run_id \gset
SELECT wait_until($$EXISTS (SELECT FROM scheduler.runs r JOIN pg_stat_activity a ON a.pid = r.worker_pid
	WHERE job_name = 'stubborn' AND status = 'running' AND wait_event = 'PgSleep')$$);
SELECT scheduler.cancel_run(:run_id);
SELECT scheduler.wait_for_run(:run_id);
SELECT status, attempt, sqlstate, error_message FROM outcome WHERE job_name = 'stubborn';
CALL run_command('next', 'SELECT 1');
ALTER SYSTEM RESET pg_scheduler.kill_after;
SELECT pg_reload_conf();
\c -
SET client_min_messages = warning;
CALL wait_for_setting('pg_scheduler.kill_after', '10s');

-- Cancelled runs are not retried, and leave no dead letter.
SELECT scheduler.schedule_job('cancelled', 'now', 'SELECT pg_sleep(60)', max_retries => 3, retry_delay => '0') > 0 AS id;
SELECT wait_until($$EXISTS (SELECT FROM scheduler.runs WHERE job_name = 'cancelled' AND status = 'running')$$);
SELECT scheduler.cancel_run(run_id) FROM scheduler.runs WHERE job_name = 'cancelled';
SELECT wait_for_job('cancelled');
SELECT status, attempt, sqlstate, error_message, next FROM outcome WHERE job_name = 'cancelled';
SELECT count(*) FROM scheduler.dead_letters WHERE job_name = 'cancelled';
SELECT count(*) AS pending FROM scheduler.runs WHERE finished_at IS NULL;
-- A worker that dies is a failed attempt, and retried.
ALTER SEQUENCE tries RESTART;
SELECT scheduler.schedule_job('dies', '@at 2199-12-31', 'SELECT CASE WHEN nextval(''tries'') = 1 THEN pg_terminate_backend(pg_backend_pid()) END', max_retries => 1, retry_delay => '0') > 0 AS id;
CALL run_job('dies');
SELECT status, attempt, sqlstate FROM outcome WHERE job_name = 'dies';
-- A non-transactional run that dies half way is lost, or retried as on_lost says.
SELECT scheduler.schedule_job('lost ' || o, '@at 2199-12-31', 'DO $x$ BEGIN PERFORM nextval(''tries''); COMMIT; IF currval(''tries'') < 4 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; END $x$', on_lost => o) > 0 AS id
FROM unnest('{fail,retry}'::text[]) o;
CALL run_job('lost fail');
CALL run_job('lost retry');
SELECT job_name, status, attempt, sqlstate FROM outcome WHERE job_name LIKE 'lost %';

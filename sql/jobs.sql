-- Jobs: schedule, alter, pause, resume, drop, run, wait, cancel.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
SET timezone = 'UTC';
CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY, line text);

-- A one-off runs once and is finished.
SELECT scheduler.schedule_job('once', 'now', $$INSERT INTO log (line) VALUES ('once')$$) > 0 AS id;
SELECT wait_for_job('once');
SELECT line FROM log;
SELECT wait_until($$(SELECT state = 'finished' AND last_status IS NOT NULL FROM scheduler.jobs WHERE job_name = 'once')$$);
SELECT job_name, owner = current_user::regrole AS mine, kind, schedule, timezone, command, url,
	queue, priority, enabled, state, next_run_at, last_run_at IS NOT NULL AS has_run, last_status,
	consecutive_failures, runs, succeeded, failed, skipped, missed
FROM scheduler.jobs;
SELECT r.job_name, r.owner = current_user::regrole AS mine, r.status, r.attempt,
	r.scheduled_at <= r.started_at AND r.started_at <= r.finished_at AS in_order,
	r.next_attempt_at, r.worker_pid > 0 AS worker, r.rows_affected, r.error_message, r.sqlstate,
	r.http_status, r.triggered_by, r.occurrences, r.redriven_from
FROM scheduler.runs r JOIN scheduler.jobs j USING (job_id);
SELECT scheduler.unschedule_job('once');
SELECT count(*) AS jobs FROM scheduler.jobs;
SELECT job_name, status FROM scheduler.runs;

-- Every option is kept as given.
SELECT scheduler.schedule_job('full', '0 3 * * mon', 'SELECT $1', args => '{"a": 1}', priority => 7,
	timezone => 'Europe/Berlin', starts_at => '2990-01-01 00:00Z', ends_at => '2999-01-01 00:00Z',
	max_runs => 10, jitter => '5 minutes', overlap => 'allow', max_instances => 3, misfire => 'run_all',
	misfire_grace => '2 days', timeout => '1 hour', max_retries => 5, backoff => 'linear',
	retry_delay => '3 seconds', max_retry_delay => '1 minute', settings => '{"work_mem": "9MB", "jit": false, "geqo_threshold": 13}',
	description => 'All of it', retry_jitter => false, retry_on => '{40,deadlock_detected,55P03}',
	on_lost => 'retry', calendar_action => 'defer') AS full_id \gset
\x on
SELECT job_name, schedule, timezone, command, args, queue, priority, starts_at, ends_at, max_runs, jitter,
	overlap, max_instances, misfire, misfire_grace, timeout, max_retries, backoff, retry_delay,
	max_retry_delay, settings, description, retry_jitter, retry_on, on_lost, calendar, calendar_action,
	enabled, state, next_run_at
FROM scheduler.jobs WHERE job_id = :full_id;
\x off
SELECT to_char(next_run_at, 'YYYY-MM-DD HH24:MI') AS next_run_at FROM scheduler.jobs WHERE job_id = :full_id;

-- The same call again changes nothing, a missing option goes back to its default.
SELECT scheduler.schedule_job('up', 'every 1 day', 'SELECT 1') AS up_id \gset
SELECT next_run_at AS first_next FROM scheduler.jobs WHERE job_id = :up_id \gset
SELECT scheduler.schedule_job('up', 'every 1 day', 'SELECT 1') = :up_id AS same_id;
SELECT next_run_at = :'first_next' AS same_time FROM scheduler.jobs WHERE job_id = :up_id;
SELECT scheduler.schedule_job('up', 'every 1 day', 'SELECT 2', max_retries => 3) = :up_id AS same_id;
SELECT command, max_retries, next_run_at = :'first_next' AS same_time FROM scheduler.jobs WHERE job_id = :up_id;
SELECT scheduler.schedule_job('up', 'every 2 days', 'SELECT 1') = :up_id AS same_id;
SELECT schedule, max_retries, next_run_at > :'first_next'::timestamptz + interval '12 hours' AS later
FROM scheduler.jobs WHERE job_id = :up_id;
SELECT scheduler.pause_job('up', 'under repair');
SELECT scheduler.schedule_job('up', 'every 2 days', 'SELECT 1') = :up_id AS same_id;
SELECT state, paused_reason FROM scheduler.jobs WHERE job_id = :up_id;
SELECT scheduler.schedule_job('up', 'every 1 day', 'SELECT 3', replace => false);
SELECT schedule, command FROM scheduler.jobs WHERE job_id = :up_id;
SELECT scheduler.schedule_job('fresh', 'every 1 day', 'SELECT 3', replace => false) > 0 AS id;

-- "now" runs the job when it is said, and not when something else is altered.
SELECT scheduler.schedule_job('said', 'now', 'SELECT 1') > 0 AS id;
SELECT wait_until($$(SELECT succeeded = 1 FROM scheduler.jobs WHERE job_name = 'said')$$);
SELECT scheduler.alter_job('said', description => 'now'), scheduler.alter_job('said', ends_at => '2199-12-31');
SELECT scheduler.alter_job('said', schedule => 'NOW');
SELECT wait_until($$(SELECT succeeded > 1 FROM scheduler.jobs WHERE job_name = 'said')$$);
SELECT scheduler.schedule_job('said', 'now', 'SELECT 1') > 0 AS id;
SELECT wait_until($$(SELECT succeeded > 2 FROM scheduler.jobs WHERE job_name = 'said')$$);
SELECT status, occurrences, count(*) FROM scheduler.runs WHERE job_name = 'said' GROUP BY 1, 2;
SELECT scheduler.unschedule_job('said');

-- alter_job, by name and by id; NULL leaves as it is.
SELECT scheduler.alter_job('up', priority => 3, description => 'altered');
SELECT scheduler.alter_job(:up_id, command => 'SELECT 4', max_runs => 9);
SELECT schedule, command, priority, description, max_runs FROM scheduler.jobs WHERE job_id = :up_id;
SELECT scheduler.alter_job('up', job_name => 'upper');
SELECT job_name FROM scheduler.jobs WHERE job_id = :up_id;
SELECT scheduler.alter_job('upper', job_name => 'fresh');
SELECT scheduler.alter_job('up', priority => 1);
SELECT scheduler.alter_job(-1, priority => 1);
SELECT scheduler.alter_job('upper', overlap => 'queue', max_instances => 2);
SELECT overlap, max_instances FROM scheduler.jobs WHERE job_id = :up_id;

-- Pause and resume; run_job runs a paused job, too.
SELECT scheduler.schedule_job('tick', 'every 1 day', $$INSERT INTO log (line) VALUES ('tick')$$) AS tick_id \gset
SELECT scheduler.pause_job(:tick_id, 'for a test');
SELECT state, next_run_at, paused_at IS NOT NULL AS paused, paused_reason FROM scheduler.jobs WHERE job_id = :tick_id;
CALL run_job('tick');
SELECT status, triggered_by FROM scheduler.runs WHERE job_id = :tick_id;
SELECT scheduler.resume_job('tick');
SELECT state, next_run_at IS NOT NULL AS due, paused_at, paused_reason FROM scheduler.jobs WHERE job_id = :tick_id;
SELECT scheduler.pause_job('tick');
SELECT scheduler.resume_job(:tick_id);
SELECT scheduler.alter_job('tick', enabled => false);
SELECT enabled, state, next_run_at FROM scheduler.jobs WHERE job_id = :tick_id;
SELECT scheduler.resume_job('tick');
SELECT enabled, state FROM scheduler.jobs WHERE job_id = :tick_id;
SELECT scheduler.unschedule_job(:tick_id);
SELECT scheduler.unschedule_job(:tick_id);
SELECT scheduler.unschedule_job('tick');

-- A disabled job waits for resume_job.
SELECT scheduler.schedule_job('off', 'now', $$INSERT INTO log (line) VALUES ('off')$$, enabled => false) AS off_id \gset
SELECT enabled, state, next_run_at FROM scheduler.jobs WHERE job_id = :off_id;
SELECT scheduler.resume_job('off');
SELECT wait_for_job('off');

-- Arguments: the job's own, or those of the run.
SELECT scheduler.schedule_job('args', '@at 2199-12-31', $$INSERT INTO log (line) SELECT 'args ' || coalesce($1::text, 'none')$$, args => '{"n": 1}') > 0 AS id;
CALL run_job('args');
CALL run_job('args', '[1, "two"]');
SELECT scheduler.schedule_job('args', '@at 2199-12-31', $$INSERT INTO log (line) SELECT 'args ' || coalesce($1::text, 'none')$$) > 0 AS id;
CALL run_job('args');
SELECT line FROM log ORDER BY id;

-- A run is not waited for by the transaction that has added it.
BEGIN;
SELECT scheduler.run_job('args') AS run_id \gset
SELECT regexp_replace(error_of(format('SELECT scheduler.wait_for_run(%s)', :run_id)), 'run \d+', 'run N');
ROLLBACK;
SELECT error_of(format('SELECT scheduler.wait_for_run(%s)', :run_id)) ~ 'does not exist' AS rolled_back;
SELECT scheduler.wait_for_run(NULL);
SELECT scheduler.wait_for_run(-1);
SELECT scheduler.run_job('nobody');
SELECT scheduler.run_job(NULL::text);

-- max_runs, and a beginning.
SELECT scheduler.schedule_job('thrice', 'every 1 millisecond', $$INSERT INTO log (line) VALUES ('thrice')$$,
	max_runs => 3, misfire => 'run_all', overlap => 'allow', max_instances => 3) AS thrice_id \gset
SELECT wait_until($$(SELECT state = 'finished' FROM scheduler.jobs WHERE job_name = 'thrice')$$);
SELECT status, count(*) FROM scheduler.runs WHERE job_id = :thrice_id GROUP BY status;
SELECT next_run_at FROM scheduler.jobs WHERE job_id = :thrice_id;
SELECT scheduler.schedule_job('future', 'every 1 hour', 'SELECT 1', starts_at => '2999-01-01 00:30Z') AS future_id \gset
SELECT next_run_at >= '2999-01-01 00:30Z' AND next_run_at <= '2999-01-01 01:30Z' AS in_time FROM scheduler.jobs WHERE job_id = :future_id;
SELECT scheduler.schedule_job('rest', '@after 1 hour', 'SELECT 1', starts_at => '2999-01-01 00:30Z') AS rest_id \gset
SELECT next_run_at - '2999-01-01 00:30Z' AS later FROM scheduler.jobs WHERE job_id = :rest_id;

-- Settings of a job hold for its runs only.
SELECT scheduler.schedule_job('settings', '@at 2199-12-31', $$INSERT INTO log (line)
	SELECT concat_ws(' ', current_setting('work_mem'), coalesce(nullif(current_setting('my.own', true), ''), 'none'), current_setting('datestyle'))$$,
	settings => '{"work_mem": "7MB", "my.own": "x", "datestyle": "German, DMY"}') > 0 AS id;
CALL run_job('settings');
SELECT scheduler.alter_job('settings', settings => '{}');
CALL run_job('settings');
SELECT line FROM log ORDER BY id DESC LIMIT 2;

-- What a job finds out about itself.
CALL run_command('self', $$INSERT INTO log (line) SELECT concat_ws(' ', current_setting('pg_scheduler.job_name'),
	(SELECT job_id = current_setting('pg_scheduler.job_id')::bigint FROM scheduler.jobs WHERE job_name = 'self'),
	current_setting('pg_scheduler.run_id')::bigint > 0, current_setting('pg_scheduler.attempt'),
	current_setting('pg_scheduler.scheduled_at')::timestamptz <= clock_timestamp())$$);
SELECT line FROM log ORDER BY id DESC LIMIT 1;

-- Order: priority first, then the time that a run is due.  A session lock
-- keeps a single worker busy until all are queued.
SELECT pg_advisory_lock(1);
TRUNCATE log;
SELECT scheduler.schedule_job('block' || n, 'now', 'SELECT pg_advisory_xact_lock_shared(1)', priority => 100) > 0 AS id FROM generate_series(1, 4) n;
SELECT wait_until($$(SELECT count(*) = 4 FROM scheduler.workers WHERE job_name LIKE 'block_')$$);
SELECT job_name, state FROM scheduler.workers WHERE database = current_database() ORDER BY job_name;
SELECT scheduler.schedule_job('low', '@at 2199-12-31', 'SELECT 1', priority => -5) > 0 AS id;
SELECT scheduler.schedule_job('high', '@at 2199-12-31', 'SELECT 1', priority => 5) > 0 AS id;
SELECT scheduler.schedule_job('mid', '@at 2199-12-31', 'SELECT 1') > 0 AS id;
SELECT scheduler.run_job('low') > 0 AS id;
SELECT scheduler.run_job('mid') > 0 AS id;
SELECT scheduler.run_job('high') > 0 AS id;
SELECT job_name, status FROM scheduler.runs WHERE job_name IN ('low', 'mid', 'high') ORDER BY run_id;

-- Cancel what is queued, and what runs.
SELECT run_id AS mid_run FROM scheduler.runs WHERE job_name = 'mid' \gset
SELECT scheduler.cancel_run(:mid_run);
SELECT scheduler.cancel_run(:mid_run);
SELECT scheduler.wait_for_run(:mid_run);
SELECT status, error_message, started_at, sqlstate FROM scheduler.runs WHERE run_id = :mid_run;
SELECT scheduler.cancel_run(run_id) FROM scheduler.runs WHERE job_name LIKE 'block_' AND status = 'running';
SELECT DISTINCT wait_for_job('block' || n) FROM generate_series(1, 4) n;
SELECT status, error_message, sqlstate, count(*) FROM scheduler.runs WHERE job_name LIKE 'block_' GROUP BY 1, 2, 3;
SELECT wait_for_job('low'), wait_for_job('high');
SELECT array_agg(job_name ORDER BY started_at) AS started FROM scheduler.runs WHERE job_name IN ('low', 'high');
SELECT scheduler.cancel_run(NULL);
SELECT scheduler.cancel_run(-1);

-- Dropping a job: what waits is cancelled, what runs finishes unless told otherwise.
SELECT scheduler.schedule_job('drop1', 'now', 'SELECT pg_advisory_xact_lock_shared(1)') > 0 AS id;
SELECT scheduler.schedule_job('drop2', 'now', 'SELECT pg_advisory_xact_lock_shared(1)') > 0 AS id;
SELECT wait_until($$(SELECT count(*) = 2 FROM scheduler.workers JOIN pg_locks USING (pid) WHERE job_name LIKE 'drop_' AND NOT granted)$$);
SELECT scheduler.unschedule_job('drop2', cancel => true);
SELECT wait_until($$(SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'drop2' AND status = 'cancelled')$$);
SELECT scheduler.unschedule_job('drop1');
SELECT pg_advisory_unlock(1);
SELECT wait_until($$(SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'drop1' AND status = 'succeeded')$$);

-- Cancelled before the worker could read what to run.
SELECT pg_advisory_lock(1);
SELECT scheduler.schedule_job('early', '@at 2199-12-31', 'SELECT 1') > 0 AS id;
SELECT scheduler.schedule_job('fill' || n, 'now', 'SELECT pg_advisory_xact_lock_shared(1)') > 0 AS id FROM generate_series(1, 4) n;
SELECT wait_until($$(SELECT count(*) = 4 FROM scheduler.runs WHERE job_name LIKE 'fill_' AND status = 'running')$$);
SELECT scheduler.run_job('early') AS early_run \gset
SELECT wait_until($$scheduler.status() @> '{"pending_runs": 5, "ready_runs": 1}'$$);
BEGIN;
LOCK TABLE scheduler.job;
SELECT pg_advisory_unlock(1);
SELECT wait_until(format($$EXISTS (SELECT FROM scheduler.workers JOIN pg_locks USING (pid)
	WHERE run_id = %s AND relation = 'scheduler.job'::regclass AND NOT granted)$$, :early_run));
SELECT scheduler.cancel_run(:early_run);
COMMIT;
SELECT scheduler.wait_for_run(:early_run);
SELECT status, error_message, attempt FROM scheduler.runs WHERE run_id = :early_run;

-- What is cancelled when there is no run does no harm to a worker.
SELECT wait_until($$(SELECT count(*) = 4 FROM scheduler.workers WHERE state = 'idle')$$);
SELECT array_agg(pid) AS workers FROM scheduler.workers \gset
SELECT bool_and(pg_cancel_backend(pid)) FROM unnest(:'workers'::int[]) pid;
CALL run_job('early');
SELECT count(*) FROM scheduler.workers WHERE pid = ANY (:'workers');

-- Pausing with cancel.
SELECT pg_advisory_lock(1);
SELECT scheduler.schedule_job('halt', 'now', 'SELECT pg_advisory_xact_lock_shared(1)') > 0 AS id;
SELECT wait_until($$(SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'halt' AND status = 'running')$$);
SELECT scheduler.pause_job('halt', 'enough', cancel => true);
SELECT wait_for_job('halt');
SELECT pg_advisory_unlock(1);

-- wait_for_run gives up in time.
SELECT scheduler.stop();
SELECT scheduler.run_job('args') AS run_id \gset
SELECT scheduler.wait_for_run(:run_id, '10 milliseconds') IS NULL AS not_over;
SELECT scheduler.cancel_run(:run_id);
SELECT scheduler.start();

-- Rolled back, nothing has happened.
BEGIN;
SELECT scheduler.schedule_job('ghost', 'now', $$INSERT INTO log (line) VALUES ('ghost')$$) > 0 AS id;
ROLLBACK;
SELECT count(*) FROM scheduler.jobs WHERE job_name = 'ghost';

-- A table that has shrunk: where rows were seen last is beyond its end.
SELECT count(scheduler.schedule_job('fill' || i, '@at 2099-01-01', 'SELECT 1')) FROM generate_series(1, 500) AS i;
SELECT scheduler.schedule_job('survivor', '1 second', 'SELECT 1') > 0 AS id;
SELECT wait_until($$(SELECT count(*) > 0 FROM scheduler.runs WHERE job_name = 'survivor' AND status = 'succeeded')$$);
SELECT count(scheduler.unschedule_job('fill' || i)) FROM generate_series(1, 500) AS i;
VACUUM FULL scheduler.job;
VACUUM FULL scheduler.job_state;
VACUUM FULL scheduler.pending_run;
SELECT pg_catalog.now() AS shrunk \gset
SELECT wait_until(format($$(SELECT count(*) > 1 FROM scheduler.runs WHERE job_name = 'survivor' AND status = 'succeeded' AND scheduled_at > %L)$$, :'shrunk'));
SELECT scheduler.unschedule_job('survivor');

-- NULL for an option is its default: in C as in the functions' own defaults.
SELECT scheduler.schedule_job('defaults', '@yearly', 'SELECT 1') > 0 AS id;
SELECT scheduler.schedule_job('nulls', '@yearly', 'SELECT 1', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL) > 0 AS id;
SELECT d.key, d.value, n.value
FROM scheduler.jobs j, jsonb_each(to_jsonb(j)) d, scheduler.jobs k, jsonb_each(to_jsonb(k)) n
WHERE j.job_name = 'defaults' AND k.job_name = 'nulls' AND d.key = n.key AND d.value <> n.value
	AND d.key NOT IN ('job_id', 'job_name', 'created_at');

-- Options that are taken back, by their names or by what is empty.
SELECT scheduler.alter_job('nulls', timeout => '1 minute', max_retries => 3, overlap => 'queue', on_lost => 'retry', settings => '{"work_mem": "1MB"}', retry_on => '{40001}', description => 'x', jitter => '1 s', ends_at => '2199-01-01', after => 'defaults', depends_on => '{job:defaults}');
SELECT timeout, max_retries, overlap, on_lost, settings, retry_on, description, jitter, ends_at IS NOT NULL AS ends, after, after_on, depends_on FROM scheduler.jobs WHERE job_name = 'nulls';
SELECT scheduler.alter_job('nulls', settings => '{}', retry_on => '{}', reset => '{timeout,max_retries,overlap,on_lost,description,jitter,ends_at,after,after_on,depends_on}');
SELECT timeout, max_retries, overlap, on_lost, settings, retry_on, description, jitter, ends_at IS NOT NULL AS ends, after, after_on, depends_on FROM scheduler.jobs WHERE job_name = 'nulls';
SELECT error_of($$SELECT scheduler.alter_job('nulls', reset => '{$$ || name || $$}', timeout => '1 hour')$$)
FROM unnest('{timeout,nonsense,job_name,schedule,command}'::text[]) WITH ORDINALITY AS n (name, i) ORDER BY i;
SELECT error_of($$SELECT scheduler.alter_job('nulls', reset => '{NULL}')$$);
SELECT scheduler.schedule_http_job('sent', '@yearly', 'http://localhost/', method => 'PUT', body => 'b', max_redirects => 3, connect_timeout => '1 s') > 0 AS id;
SELECT scheduler.alter_http_job('sent', reset => '{method,body,max_redirects,connect_timeout}');
SELECT method, url, body, max_redirects, connect_timeout FROM scheduler.http_jobs WHERE job_name = 'sent';
SELECT error_of($$SELECT scheduler.alter_http_job('sent', reset => '{$$ || name || $$}', body => 'c')$$)
FROM unnest('{body,url,timeout,one_off}'::text[]) WITH ORDINALITY AS n (name, i) ORDER BY i;

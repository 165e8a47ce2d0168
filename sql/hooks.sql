-- SQL that serves a job: at its start and stop, after failures, and to check
-- its health.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
ALTER SYSTEM SET pg_scheduler.monitor_interval = '10ms';
SELECT pg_reload_conf();
CREATE TABLE log (id serial, what text);
CREATE TABLE switch (closed boolean);
INSERT INTO switch VALUES (true);
-- Runs until the switch is closed.
CREATE FUNCTION wait_for_switch() RETURNS void LANGUAGE plpgsql AS
$$BEGIN WHILE NOT (SELECT closed FROM switch) LOOP PERFORM pg_sleep(0.005); END LOOP; END$$;
CREATE FUNCTION wait_for_log(lines int) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM wait_until(format('(SELECT count(*) >= %s FROM log)', lines));
	RETURN QUERY DELETE FROM log WHERE true RETURNING what;
END
$$;
SELECT wait_until($$(SELECT state = 'healthy' FROM scheduler.health WHERE scope = 'scheduler')$$);

-- Bad input
SELECT scheduler.schedule_job('work', '@yearly', $$INSERT INTO log (what) VALUES ('work')$$) AS job \gset
SELECT error_of(c) FROM unnest(ARRAY[
	$$SELECT scheduler.set_hook('work', 'before', 'SELECT 1')$$,
	$$SELECT scheduler.set_hook('work', 'health_check', 'SELECT 1')$$,
	$$SELECT scheduler.set_hook('work', NULL, 'SELECT 1')$$,
	$$SELECT scheduler.set_hook('work', 'start', NULL)$$,
	$$SELECT scheduler.set_hook('work', 'start', 'SELEC 1')$$,
	$$SELECT scheduler.set_hook('work', 'start', 'COMMIT')$$,
	$$SELECT scheduler.set_hook('no such job', 'start', 'SELECT 1')$$,
	$$SELECT scheduler.set_hook(0, 'start', 'SELECT 1')$$,
	$$SELECT scheduler.set_hook(NULL::bigint, 'start', 'SELECT 1')$$,
	$$SELECT scheduler.drop_hook('work', 'after')$$,
	$$SELECT scheduler.drop_hook('work', 'health_check')$$,
	$$SELECT scheduler.set_health_check('work', NULL)$$,
	$$SELECT scheduler.set_health_check('work', 'SELECT 1 +')$$,
	$$SELECT scheduler.set_health_check('work', 'true', schedule => 'sometimes')$$,
	$$SELECT scheduler.set_health_check('no such job', 'true')$$,
	$$SELECT scheduler._report_health((SELECT job_id FROM scheduler.job), true)$$]) c;
SELECT scheduler.drop_hook('work', 'start'), scheduler.drop_health_check('work');

-- A start hook of a job that is live runs at once, and again only when it is another
SELECT scheduler.set_hook('work', 'start', $$INSERT INTO log (what) VALUES ('start')$$) > 0 AS set;
SELECT wait_for_log(1);
SELECT scheduler.set_hook('work', 'start', $$INSERT INTO log (what) VALUES ('start')$$) > 0 AS set;
SELECT scheduler.set_hook('work', 'stop', $$INSERT INTO log (what) VALUES ('stop')$$) > 0 AS set;
CALL run_job('work');
SELECT wait_for_log(1);
SELECT wait_until($$(SELECT last_status IS NOT NULL FROM scheduler.job_hooks WHERE event = 'start')$$);
SELECT event, command, last_status FROM scheduler.job_hooks ORDER BY event;

-- Whatever stops and starts the job calls them
SELECT scheduler.pause_job('work');
SELECT wait_for_log(1);
SELECT scheduler.resume_job('work');
SELECT wait_for_log(1);
SELECT scheduler.alter_job('work', enabled => false);
SELECT wait_for_log(1);
SELECT scheduler.alter_job('work', enabled => true);
SELECT wait_for_log(1);
SELECT scheduler.stop_queue('default');
SELECT wait_for_log(1);
SELECT scheduler.pause_job('work');
SELECT scheduler.start_queue('default');
SELECT scheduler.resume_job('work');
SELECT wait_for_log(1);
SELECT scheduler.stop();
SELECT wait_until($$scheduler.status() ->> 'state' = 'stopped'$$);
SELECT wait_for_log(1);
SELECT scheduler.start();
SELECT wait_for_log(1);
-- of what is stopped and started faster than its hooks, the last word counts
DO $$
BEGIN
	FOR i IN 1 .. 20 LOOP
		PERFORM scheduler.pause_job('work');
		COMMIT;
		PERFORM scheduler.resume_job('work');
		COMMIT;
	END LOOP;
	PERFORM scheduler.pause_job('work');
END
$$;
CALL run_command('other', 'SELECT 1');
SELECT wait_until($$(SELECT what = 'stop' FROM log ORDER BY id DESC LIMIT 1) AND NOT EXISTS (SELECT FROM scheduler.pending_run)$$);
SELECT bool_and(what <> previous) AS in_turns FROM (SELECT what, lag(what, 1, 'start') OVER (ORDER BY id) AS previous FROM log) l;
DELETE FROM log;

-- The runs of the job wait for its start, and the stop for the runs of the job
UPDATE switch SET closed = false;
SELECT scheduler.set_hook('work', 'start', $$SELECT wait_for_switch(); INSERT INTO log (what) VALUES ('start')$$) > 0 AS set;
SELECT scheduler.resume_job('work');
SELECT wait_until($$EXISTS (SELECT FROM scheduler.runs WHERE status = 'running' AND triggered_by = 'hook')$$);
SELECT scheduler.run_job('work') AS run \gset
CALL run_command('other', 'SELECT 1');
SELECT status FROM scheduler.runs WHERE run_id = :run;
UPDATE switch SET closed = true;
SELECT scheduler.wait_for_run(:run, '30 s');
SELECT wait_for_log(2);
SELECT scheduler.alter_job('work', command => $$SELECT wait_for_switch(); INSERT INTO log (what) VALUES ('work')$$);
UPDATE switch SET closed = false;
SELECT scheduler.run_job('work') > 0 AS added;
SELECT wait_until($$EXISTS (SELECT FROM scheduler.runs WHERE status = 'running')$$);
SELECT scheduler.pause_job('work');
SELECT wait_until($$EXISTS (SELECT FROM scheduler.runs WHERE status = 'queued' AND triggered_by = 'hook')$$);
CALL run_command('other', 'SELECT 1');
SELECT job_name = 'work' AS job, status FROM scheduler.runs WHERE status IN ('queued', 'running') ORDER BY status;
UPDATE switch SET closed = true;
SELECT wait_for_log(2);
SELECT scheduler.unschedule_job('other');

-- A hook that fails is seen, and does not hold the job back
SELECT scheduler.set_hook('work', 'start', 'SELECT 1 / 0') > 0 AS set;
SELECT scheduler.resume_job('work');
SELECT wait_until($$EXISTS (SELECT FROM scheduler.alerts WHERE kind = 'hook_failed' AND resolved_at IS NULL)$$);
CALL run_job('work');
SELECT wait_for_log(1);
SELECT subject = 'job ' || :job || ' start' AS named, severity, regexp_replace(message, '\d+', 'N', 'g') AS message
	FROM scheduler.alerts WHERE kind = 'hook_failed';
SELECT wait_until($$EXISTS (SELECT FROM scheduler.recovery_events WHERE action = 'hook')$$);
SELECT outcome, job_id = :job AS of_job FROM scheduler.recovery_events WHERE action = 'hook';
SELECT wait_until($$(SELECT consecutive_failures > 0 FROM scheduler.job_hooks WHERE event = 'start')$$);
SELECT last_status, consecutive_failures FROM scheduler.job_hooks WHERE event = 'start';
-- one with retries is tried again first
CREATE SEQUENCE tries;
SELECT scheduler.set_hook('work', 'start', $$SELECT 1 / (nextval('tries') - 1); INSERT INTO log (what) VALUES ('start')$$, max_retries => 3) > 0 AS set;
SELECT scheduler.alter_job(hook_job_id, retry_on => '{all}', retry_delay => '1 ms') FROM scheduler.job_hooks WHERE event = 'start';
SELECT wait_for_log(1);
SELECT wait_until($$NOT EXISTS (SELECT FROM scheduler.alerts WHERE kind = 'hook_failed' AND resolved_at IS NULL)$$);
SELECT scheduler.drop_hook('work', 'start'), scheduler.drop_hook(:job, 'stop'), scheduler.drop_hook(:job, 'stop');
SELECT count(*) FROM scheduler.jobs WHERE serves IS NOT NULL;

-- After each attempt that did not succeed there is a clean-up, before the next
CREATE SEQUENCE attempts;
CREATE FUNCTION fail_once() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF nextval('attempts') = 1 THEN RAISE 'not yet'; END IF;
	INSERT INTO log (what) VALUES ('work');
END
$$;
SELECT scheduler.set_hook('work', 'cleanup', $$SELECT wait_for_switch();
	INSERT INTO log (what) VALUES (format('clean up attempt %s: %s, %s, %s', $1 ->> 'attempt', $1 ->> 'status', $1 ->> 'sqlstate', $1 ->> 'error_message'))$$) > 0 AS set;
SELECT scheduler.alter_job('work', command => 'SELECT fail_once()', max_retries => 1, retry_delay => '0', retry_on => '{all}');
UPDATE switch SET closed = false;
SELECT scheduler.run_job('work') AS run \gset
SELECT wait_until($$EXISTS (SELECT FROM scheduler.runs WHERE status = 'running' AND triggered_by = 'hook')$$);
CALL run_command('other', 'SELECT 1');
SELECT attempt, status FROM scheduler.runs WHERE run_id = :run ORDER BY attempt;
UPDATE switch SET closed = true;
SELECT wait_for_log(2);
SELECT scheduler.alter_job('work', command => 'SELECT pg_sleep(600)', timeout => '10 ms', max_retries => 0);
CALL run_job('work');
SELECT wait_for_log(1);
SELECT scheduler.alter_job('work', timeout => '1 hour');
SELECT scheduler.run_job('work') AS run \gset
SELECT wait_until($$EXISTS (SELECT FROM scheduler.runs WHERE status = 'running' AND job_name = 'work')$$);
SELECT scheduler.cancel_run(:run);
SELECT wait_for_log(1);
SELECT scheduler.run_job('work') AS run \gset
SELECT wait_until($$EXISTS (SELECT FROM scheduler.runs WHERE status = 'running' AND job_name = 'work')$$);
SELECT pg_terminate_backend(worker_pid) FROM scheduler.runs WHERE status = 'running' AND job_name = 'work';
SELECT wait_for_log(1);
SELECT wait_until($$EXISTS (SELECT FROM scheduler.recovery_events WHERE action = 'worker_died')$$);
SELECT job_id = :job AS of_job, reason, outcome FROM scheduler.recovery_events WHERE action = 'worker_died';
-- the hook of a hook there is not
SELECT error_of(format($$SELECT scheduler.set_hook(%s, 'start', 'SELECT 1')$$, hook_job_id)) LIKE '55000%serves another%' AS refused FROM scheduler.job_hooks;

-- Health checks
SELECT scheduler.alter_job('work', command => 'SELECT 1');
SELECT scheduler.drop_hook('work', 'cleanup');
SELECT scheduler.recover('work') > 0 AS asked;
SELECT wait_until($$(SELECT state = 'healthy' FROM scheduler.job_health WHERE job_name = 'work')$$);
UPDATE switch SET closed = false;
SELECT scheduler.set_health_check('work', 'SELECT closed FROM switch; ', schedule => '10 milliseconds') > 0 AS set;
SELECT wait_until($$(SELECT state = 'unhealthy' FROM scheduler.job_health WHERE job_name = 'work')$$);
SELECT state, reason FROM scheduler.job_health WHERE job_name = 'work';
SELECT wait_until($$EXISTS (SELECT FROM scheduler.alerts WHERE kind = 'health_check' AND resolved_at IS NULL)$$);
SELECT severity, message FROM scheduler.alerts WHERE kind = 'health_check';
SELECT wait_until($$(SELECT last_status IS NOT NULL FROM scheduler.health_checks)$$);
SELECT query, schedule, timeout, healthy, checked_at IS NOT NULL AS checked, last_status FROM scheduler.health_checks;
UPDATE switch SET closed = true;
SELECT wait_until($$(SELECT state = 'healthy' FROM scheduler.job_health WHERE job_name = 'work')$$);
SELECT wait_until($$NOT EXISTS (SELECT FROM scheduler.alerts WHERE kind = 'health_check' AND resolved_at IS NULL)$$);
-- an error is its reason; two rows are one
SELECT scheduler.set_health_check('work', 'SELECT 1 / 0 = 1 -- a comment', schedule => '10 milliseconds') > 0 AS set;
SELECT wait_until($$(SELECT state = 'unhealthy' FROM scheduler.job_health WHERE job_name = 'work')$$);
SELECT reason FROM scheduler.job_health WHERE job_name = 'work';
SELECT scheduler.set_health_check('work', 'SELECT true FROM generate_series(1, 2)', schedule => '10 milliseconds') > 0 AS set;
SELECT wait_until($$(SELECT reason LIKE '%more than one row%' FROM scheduler.job_health WHERE job_name = 'work')$$);
SELECT reason FROM scheduler.job_health WHERE job_name = 'work';
SELECT scheduler.set_health_check('work', $$SELECT repeat('ä', 500)::int = 1$$, schedule => '10 milliseconds') > 0 AS set;
SELECT wait_until($$(SELECT reason LIKE '%type integer%' FROM scheduler.job_health WHERE job_name = 'work')$$);
SELECT convert_from(convert_to(reason, 'UTF8'), 'UTF8') AS reason FROM scheduler.job_health WHERE job_name = 'work';
SELECT scheduler.set_health_check('work', 'SELECT pg_sleep(600) IS NULL', schedule => '10 milliseconds', timeout => '20 ms') > 0 AS set;
SELECT wait_until($$(SELECT reason LIKE '%timeout%' FROM scheduler.job_health WHERE job_name = 'work')$$);
SELECT reason FROM scheduler.job_health WHERE job_name = 'work';
-- the job itself runs all the same
CALL run_job('work');
-- NULL, and no row, are no answer
SELECT scheduler.set_health_check('work', 'SELECT closed FROM switch WHERE false', schedule => '10 milliseconds') > 0 AS set;
SELECT wait_until($$(SELECT state = 'healthy' FROM scheduler.job_health WHERE job_name = 'work')$$);
SELECT healthy FROM scheduler.health_checks;
-- an unhealthy job that is paused is stopped
SELECT scheduler.set_health_check('work', 'false', schedule => '10 milliseconds') > 0 AS set;
SELECT wait_until($$(SELECT state = 'unhealthy' FROM scheduler.job_health WHERE job_name = 'work')$$);
SELECT scheduler.pause_job('work');
SELECT state FROM scheduler.job_health WHERE job_name = 'work';
SELECT scheduler.resume_job('work');
-- without its check it is healthy again
SELECT scheduler.drop_health_check('work');
SELECT wait_until($$(SELECT state = 'healthy' FROM scheduler.job_health WHERE job_name = 'work')$$);
SELECT wait_until($$NOT EXISTS (SELECT FROM scheduler.alerts WHERE kind = 'health_check' AND resolved_at IS NULL)$$);

-- What serves others is marked, and counted nowhere
SELECT scheduler.unschedule_job('other');
SELECT scheduler.set_health_check('work', 'true', schedule => '1 hour') > 0 AS set;
SELECT scheduler.set_hook('work', e, 'SELECT 1') > 0 AS set FROM unnest('{start,stop,cleanup}'::text[]) e;
SELECT scheduler.create_alert_check('check', 'false') > 0 AS made;
CREATE FUNCTION hear(jsonb) RETURNS void LANGUAGE sql AS '';
SELECT scheduler.create_alert_handler('handler', 'hear') > 0 AS made;
SELECT replace(job_name, :'job', 'N') AS job_name, serves FROM scheduler.jobs ORDER BY 1;
SELECT job_name FROM scheduler.job_health;
SELECT job_name FROM scheduler.job_stats;
SELECT jobs FROM scheduler.queues;
SELECT scheduler.health_summary() -> 'jobs' ->> 'total' AS total;
SELECT scheduler.drop_alert_check('check'), scheduler.drop_alert_handler('handler');

-- A name that is taken is not taken over
SELECT scheduler.schedule_job('mine', '@yearly', 'SELECT 1') AS mine \gset
SELECT scheduler.schedule_job('stop hook of job ' || :mine, '@yearly', 'SELECT ''not this''') > 0 AS scheduled;
SELECT replace(error_of(format('SELECT scheduler.set_hook(%s, ''stop'', ''SELECT 1'')', :mine)), :'mine', 'N') AS error;
SELECT scheduler.unschedule_job('mine');
SELECT scheduler.unschedule_job('stop hook of job ' || :mine);

-- Rights: hooks run as the owner of the job, and go with it
CREATE ROLE regress_hooks_owner LOGIN;
CREATE ROLE regress_hooks_other LOGIN;
GRANT INSERT ON log TO regress_hooks_owner, regress_hooks_other;
GRANT USAGE ON SEQUENCE log_id_seq TO regress_hooks_owner, regress_hooks_other;
SELECT scheduler.set_hook('work', 'stop', $$INSERT INTO log (what) VALUES ('as ' || current_user || ', ' || session_user)$$) > 0 AS set;
SELECT scheduler.alter_job('work', run_as => 'regress_hooks_owner');
SELECT DISTINCT owner FROM scheduler.jobs;
SELECT scheduler.pause_job(:job);
SELECT wait_for_log(1);
SET ROLE regress_hooks_other;
SELECT count(*) FROM scheduler.job_hooks;
SELECT count(*) FROM scheduler.health_checks;
SELECT error_of(c) FROM unnest(ARRAY[
	format($$SELECT scheduler.set_hook(%s, 'stop', 'SELECT 1')$$, :job),
	format($$SELECT scheduler.drop_hook(%s, 'stop')$$, :job),
	format($$SELECT scheduler.set_health_check(%s, 'true')$$, :job),
	format($$SELECT scheduler._report_health(%s, false)$$, :job),
	format($$SELECT scheduler._add_hook(%s, 'stop', %s, 'x')$$, :job, :job)]) c;
-- nor does it help to own one of the two jobs, or a table with our trigger
SELECT scheduler.schedule_job('foreign', '@yearly', 'SELECT 1') AS foreign \gset
SELECT error_of(format($$SELECT scheduler._add_hook(%s, 'stop', %s, 'x')$$, :foreign, :job)) LIKE '42704%' AS refused;
CREATE TEMP TABLE trap (hook_job_id bigint, job_id bigint, owner oid);
RESET ROLE;
CREATE TRIGGER trap AFTER DELETE ON trap FOR EACH ROW EXECUTE FUNCTION scheduler._hook_deleted();
CREATE TRIGGER trap_owner AFTER UPDATE ON trap FOR EACH ROW EXECUTE FUNCTION scheduler._owner_changed();
SET ROLE regress_hooks_other;
INSERT INTO trap VALUES (1, 1, 10);
SELECT error_of('DELETE FROM trap'), error_of('UPDATE trap SET job_id = 2');
RESET ROLE;
-- a job of another role that one may not SET ROLE to gets no hooks either
GRANT regress_hooks_owner TO regress_hooks_other;
SET ROLE regress_hooks_other;
SELECT scheduler.set_hook(:job, 'start', $$SELECT 1$$) > 0 AS set;
RESET ROLE;
REVOKE regress_hooks_owner FROM regress_hooks_other;
DROP TABLE trap;
SELECT scheduler.unschedule_job(:foreign);

-- They go with their job
SELECT scheduler.unschedule_job(:job);
SELECT count(*) FROM scheduler.job;
SELECT count(*) FROM scheduler.job_hook;
-- and one that is dropped as a job is gone
SELECT scheduler.schedule_job('work', '@yearly', 'SELECT 1') AS job \gset
SELECT scheduler.unschedule_job(scheduler.set_hook('work', 'stop', 'SELECT 1'));
SELECT count(*) FROM scheduler.job_hooks;
SELECT scheduler.unschedule_job('work');
REVOKE ALL ON log, log_id_seq FROM regress_hooks_owner, regress_hooks_other;
DROP ROLE regress_hooks_owner, regress_hooks_other;
ALTER SYSTEM RESET pg_scheduler.monitor_interval;
SELECT pg_reload_conf();

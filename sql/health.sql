-- States of health, alerts and metrics, from real runs.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
ALTER SYSTEM SET pg_scheduler.monitor_interval = '10ms';
ALTER SYSTEM SET pg_scheduler.metrics_interval = '1s';
SELECT pg_reload_conf();

-- Run a job a number of times.
CREATE PROCEDURE run(name text, times int DEFAULT 1) LANGUAGE plpgsql AS $$
DECLARE
	status text;
BEGIN
	FOR i IN 1 .. times LOOP
		CALL run_job(name, NULL, status);
	END LOOP;
END
$$;
SELECT wait_until($$(SELECT state = 'healthy' FROM scheduler.health WHERE scope = 'scheduler')$$);
SELECT state, reason FROM scheduler.health WHERE scope = 'scheduler';

-- A job goes from healthy to unhealthy and back
CREATE TABLE switch (fails boolean);
INSERT INTO switch VALUES (false);
CREATE FUNCTION work() RETURNS void LANGUAGE plpgsql AS
$$BEGIN IF (SELECT fails FROM switch) THEN RAISE 'it fails'; END IF; END$$;
SELECT scheduler.schedule_job('work', '@yearly', 'SELECT work()') > 0 AS scheduled;
SELECT wait_until($$(SELECT state = 'healthy' FROM scheduler.job_health WHERE job_name = 'work')$$);
CALL run('work');
SELECT state, reason, consecutive_failures FROM scheduler.job_health WHERE job_name = 'work';
UPDATE switch SET fails = true;
CALL run('work');
SELECT wait_until($$(SELECT state = 'degraded' FROM scheduler.job_health WHERE job_name = 'work')$$);
SELECT state, reason FROM scheduler.job_health WHERE job_name = 'work';
CALL run('work', 4);
SELECT wait_until($$(SELECT state = 'unhealthy' FROM scheduler.job_health WHERE job_name = 'work')$$);
SELECT state, reason FROM scheduler.job_health WHERE job_name = 'work';
SELECT wait_until($$(SELECT count(*) = 2 FROM scheduler.alerts WHERE kind IN ('job_failing', 'failure_rate'))$$);
SELECT kind, severity, message, resolved_at IS NULL AS open FROM scheduler.alerts
	WHERE kind = 'job_failing';
SELECT scheduler.health_summary() ->> 'state' AS summary;
UPDATE switch SET fails = false;
CALL run('work');
SELECT wait_until($$(SELECT resolved_at IS NOT NULL FROM scheduler.alerts WHERE kind = 'job_failing')$$);
-- most of the last attempts have failed
SELECT state FROM scheduler.job_health WHERE job_name = 'work';
CALL run('work', 30);
SELECT wait_until($$(SELECT state = 'healthy' FROM scheduler.job_health WHERE job_name = 'work')$$);
SELECT wait_until($$(SELECT bool_and(resolved_at IS NOT NULL) FROM scheduler.alerts WHERE kind <> 'repaired')$$);
SELECT kind, resolved_by IS NULL AS by_itself FROM scheduler.alerts
	WHERE kind <> 'repaired' ORDER BY kind;

-- A job that flaps makes one alert
SELECT scheduler.alter_alert_rule('job_failing', threshold => 1);
SELECT scheduler.alter_alert_rule('failure_rate', enabled => false);
DO $$
BEGIN
	FOR i IN 1 .. 5 LOOP
		UPDATE switch SET fails = true;
		COMMIT;
		CALL run('work');
		PERFORM wait_until('(SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = ''job_failing'' AND resolved_at IS NULL)');
		UPDATE switch SET fails = false;
		COMMIT;
		CALL run('work');
		PERFORM wait_until('(SELECT count(*) = 0 FROM scheduler.alerts WHERE kind = ''job_failing'' AND resolved_at IS NULL)');
	END LOOP;
END
$$;
SELECT kind, count >= 6 AS counted FROM scheduler.alerts WHERE kind = 'job_failing';

-- but one that was resolved by hand is a new one when it fails again
UPDATE switch SET fails = true;
CALL run('work');
SELECT wait_until($$(SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = 'job_failing' AND resolved_at IS NULL)$$);
SELECT scheduler.resolve_alerts('job_failing');
SELECT scheduler.resolve_alerts('job_failing');
SELECT scheduler.resolve_alert(0);
UPDATE switch SET fails = false;
CALL run('work');
SELECT wait_until($$(SELECT state = 'healthy' FROM scheduler.job_health WHERE job_name = 'work')$$);
UPDATE switch SET fails = true;
CALL run('work');
SELECT wait_until($$(SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = 'job_failing' AND resolved_at IS NULL)$$);
SELECT count(*) FROM scheduler.alerts WHERE kind = 'job_failing';
SELECT scheduler.clear_alerts() > 0 AS cleared;
SELECT scheduler.alter_alert_rule('job_failing', threshold => -1);
SELECT scheduler.alter_alert_rule('job_failing', severity => 'loud');
SELECT scheduler.alter_alert_rule('nothing');
SELECT scheduler.alter_alert_rule('failure_rate', "interval" => '0');
SELECT scheduler.reset_alert_rule('nothing');
SELECT scheduler.reset_alert_rule(NULL);
SELECT kind, enabled, threshold FROM scheduler.alert_rules WHERE altered ORDER BY kind;

-- paused, and resumed
SELECT wait_until($$(SELECT state = 'unhealthy' FROM scheduler.job_health WHERE job_name = 'work')$$);
SELECT u ->> 'job_name' AS unhealthy FROM jsonb_array_elements(scheduler.dashboard() -> 'unhealthy_jobs') u;
SELECT scheduler.pause_job('work', 'a holiday');
SELECT state, reason FROM scheduler.job_health WHERE job_name = 'work';
SELECT u ->> 'job_name' AS unhealthy FROM jsonb_array_elements(scheduler.dashboard() -> 'unhealthy_jobs') u;
SELECT scheduler.resume_job('work');
SELECT scheduler.unschedule_job('work');

-- A paused job whose run goes on
SELECT scheduler.schedule_job('long', '@yearly', 'SELECT pg_sleep(600)') > 0 AS scheduled;
SELECT scheduler.run_job('long') AS run \gset
SELECT wait_until($$(SELECT count(*) = 1 FROM scheduler.runs WHERE status = 'running')$$);
SELECT scheduler.pause_job('long');
SELECT state FROM scheduler.job_health WHERE job_name = 'long';
SELECT scheduler.cancel_run(:run);
SELECT wait_until($$(SELECT state = 'stopped' FROM scheduler.job_health WHERE job_name = 'long')$$);

-- A timeout
SELECT scheduler.schedule_job('slow', '@yearly', 'SELECT pg_sleep(600)', timeout => '10 ms') > 0 AS scheduled;
CALL run('slow');
SELECT wait_until($$(SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = 'timeouts' AND resolved_at IS NULL)$$);
SELECT message FROM scheduler.alerts WHERE kind = 'timeouts';
-- goes with its job
SELECT scheduler.unschedule_job('slow');
SELECT wait_until($$(SELECT count(*) = 0 FROM scheduler.alerts WHERE kind = 'timeouts' AND resolved_at IS NULL)$$);

-- A dead letter, and its end
SELECT scheduler.schedule_job('mail', '@yearly', 'SELECT 1 / 0', max_retries => 1,
	retry_delay => '1 ms', retry_on => '{division_by_zero}') > 0 AS scheduled;
CALL run('mail');
SELECT wait_until($$(SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = 'dead_letter' AND resolved_at IS NULL)$$);
SELECT message FROM scheduler.alerts WHERE kind = 'dead_letter';
SELECT count(scheduler.discard_dead_letter(dead_letter_id)) FROM scheduler.dead_letters WHERE job_name = 'mail';
SELECT wait_until($$(SELECT count(*) = 0 FROM scheduler.alerts WHERE kind = 'dead_letter' AND resolved_at IS NULL)$$);
SELECT scheduler.unschedule_job('mail');

-- A start that is too late
SELECT scheduler.alter_alert_rule('late_start', threshold => 0.00001);
SELECT scheduler.schedule_job('late', '@yearly', 'SELECT 1') > 0 AS scheduled;
CALL run('late');
SELECT wait_until($$(SELECT count(*) = 1 FROM scheduler.alerts JOIN scheduler.jobs USING (job_id)
	WHERE alerts.kind = 'late_start' AND resolved_at IS NULL AND job_name = 'late')$$);
SELECT scheduler.alter_alert_rule('late_start', threshold => 3600);
CALL run('late');
SELECT wait_until($$(SELECT count(*) = 0 FROM scheduler.alerts WHERE kind = 'late_start' AND resolved_at IS NULL)$$);

-- The scheduler is stopped, and says so
SELECT scheduler.stop('0');
SELECT wait_until($$(SELECT state = 'stopped' FROM scheduler.health WHERE scope = 'scheduler')$$);
SELECT scheduler.status() ->> 'reason' AS reason;
SELECT wait_until($$(SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = 'scheduler_stopped' AND resolved_at IS NULL)$$);
SELECT scheduler.health_summary() ->> 'state' AS summary;
SELECT scheduler.start();
SELECT wait_until($$(SELECT state = 'healthy' FROM scheduler.health WHERE scope = 'scheduler')$$);
SELECT wait_until($$(SELECT count(*) = 0 FROM scheduler.alerts WHERE kind = 'scheduler_stopped' AND resolved_at IS NULL)$$);

-- Connections
SELECT scheduler.alter_alert_rule('connections', threshold => 0.0001);
SELECT wait_until($$(SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = 'connections' AND resolved_at IS NULL)$$);
SELECT scheduler.alter_alert_rule('connections', threshold => 1);
SELECT wait_until($$(SELECT count(*) = 0 FROM scheduler.alerts WHERE kind = 'connections' AND resolved_at IS NULL)$$);

-- A check of one's own
SELECT scheduler.create_alert_check('switch', '(SELECT fails FROM switch)', '1 second', 'critical',
	'the switch is on');
SELECT wait_until($$(SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = 'check' AND resolved_at IS NULL)$$);
SELECT severity, message FROM scheduler.alerts WHERE kind = 'check';
UPDATE switch SET fails = false;
SELECT wait_until($$(SELECT count(*) = 0 FROM scheduler.alerts WHERE kind = 'check' AND resolved_at IS NULL)$$);
SELECT check_name, owner = current_user::regrole AS mine, predicate, severity FROM scheduler.alert_checks;
SELECT scheduler.drop_alert_check('switch');
SELECT count(*) FROM scheduler.alert_checks;

-- Handlers: one fails, and the others are told all the same
CREATE TABLE told (alerts jsonb);
CREATE FUNCTION hear(alerts jsonb) RETURNS void LANGUAGE sql AS 'INSERT INTO told VALUES (alerts)';
CREATE FUNCTION deaf(alerts jsonb) RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE 'deaf'; END$$;
SELECT scheduler.create_alert_handler('deaf', 'deaf');
SELECT scheduler.create_alert_handler('hear', 'hear', kinds => '{job_failing}');
SELECT scheduler.create_alert_handler('never', 'hear', min_severity => 'critical');
SELECT scheduler.create_alert_listener('listen', 'alerts', min_severity => 'info');
UPDATE switch SET fails = true;
SELECT scheduler.schedule_job('other', '@yearly', 'SELECT work()') > 0 AS scheduled;
CALL run('other');
SELECT wait_until($$EXISTS (SELECT FROM told WHERE alerts @> '[{"job_name": "other"}]')$$);
SELECT alert ->> 'kind' AS kind, alert ->> 'message' AS message FROM told, jsonb_array_elements(alerts) alert
	WHERE alert ->> 'job_name' = 'other';
SELECT wait_until($$(SELECT last_status = 'failed' FROM scheduler.alert_handlers WHERE handler_name = 'deaf')$$);
SELECT wait_until($$(SELECT last_status = 'succeeded' FROM scheduler.alert_handlers WHERE handler_name = 'hear')$$);
SELECT handler_name, kind, kinds, min_severity, last_status FROM scheduler.alert_handlers ORDER BY 1;
SELECT wait_until($$EXISTS (SELECT FROM scheduler.alerts a JOIN scheduler.jobs j USING (job_id)
	WHERE j.job_name = 'alert handler deaf' AND a.resolved_at IS NULL)$$);
SELECT count(*) FROM scheduler.alerts a JOIN scheduler.jobs j USING (job_id)
	WHERE j.job_name = 'alert handler deaf' AND a.resolved_at IS NULL;
SELECT scheduler.drop_alert_handler(handler_name) FROM scheduler.alert_handlers;
SELECT scheduler.drop_alert_handler('deaf');

-- One that hangs keeps one worker, not all of them
CREATE FUNCTION hang(alerts jsonb) RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(1000)';
SELECT scheduler.create_alert_handler('hang', 'hang', kinds => '{job_failing}') > 0 AS created;
SELECT count(scheduler.schedule_job('call ' || i, '@yearly', 'SELECT 1/0')) FROM generate_series(1, 4) i;
DO $$
BEGIN
	FOR i IN 1 .. 4 LOOP
		CALL run('call ' || i);
		CALL await(format('SELECT count(*) = %s FROM scheduler.pending_run JOIN scheduler.job USING (job_id)
			WHERE job_name = $q$alert handler hang$q$', i));
	END LOOP;
END
$$;
SELECT wait_until($$EXISTS (SELECT FROM scheduler.runs WHERE job_name = 'alert handler hang' AND status = 'running')$$);
SELECT max_instances, timeout FROM scheduler.job WHERE job_name = 'alert handler hang';
SELECT scheduler.unschedule_job('alert handler hang', cancel => true);

-- Metrics
SELECT wait_until($$(SELECT timed > 0 FROM scheduler.job_metric m JOIN scheduler.job j USING (job_id) WHERE job_name = 'late')$$);
SELECT succeeded, failed, success_rate, p50_duration <= p99_duration AS ordered,
	max_duration > '0'::interval AS timed
	FROM scheduler.job_stats WHERE job_name = 'late';
SELECT wait_until($$(SELECT sum(failed) > 0 FROM scheduler.metrics WHERE queue = 'default')$$);
SELECT count(*) > 0 AS kept FROM scheduler.scheduler_metrics;
SELECT count(DISTINCT m[1]) AS families
	FROM regexp_matches(scheduler.prometheus_metrics(), '^# TYPE (\S+)', 'gn') m;
SELECT jsonb_object_keys(scheduler.status()) AS key ORDER BY 1;
SELECT jsonb_object_keys(scheduler.health_summary()) AS key ORDER BY 1;
SELECT jsonb_object_keys(scheduler.dashboard()) AS key ORDER BY 1;

-- Others see theirs only
CREATE ROLE regress_health_other LOGIN;
SET ROLE regress_health_other;
SELECT scope, name FROM scheduler.health ORDER BY 1, 2;
SELECT count(*) FROM scheduler.alerts;
SELECT count(*) FROM scheduler.job_health;
SELECT count(*) FROM scheduler.job_stats;
SELECT count(*) FROM scheduler.metrics;
SELECT count(*) FROM scheduler.scheduler_metrics;
SELECT scheduler.clear_alerts();
SELECT scheduler.alter_alert_rule('job_failing', enabled => false);
SELECT scheduler._add_alert_check('stolen', 1, 'true', 'info', NULL);
RESET ROLE;

-- One job has all the runs: the views do not read the whole table for each job
CREATE FUNCTION reads_all_runs() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
	result boolean := false;
BEGIN
	FOR line IN EXPLAIN SELECT state FROM scheduler.job_health LOOP
		result := result OR line LIKE '%Seq Scan on pending_run%';
	END LOOP;
	RETURN result;
END $$;
BEGIN;
INSERT INTO scheduler.pending_run (run_id, job_id, owner, attempt, priority, scheduled_at, due_at, triggered_by, crashes)
SELECT -i, -1, 10, i, 0, now(), now(), 'manual', 0 FROM generate_series(1, 10000) i;
ANALYZE scheduler.pending_run;
SELECT reads_all_runs();
ROLLBACK;
DROP FUNCTION reads_all_runs();

-- Monitoring turned off: counted, and not judged
ALTER SYSTEM SET pg_scheduler.monitoring = off;
SELECT pg_reload_conf();
SELECT (scheduler.status() ->> 'pid')::int AS pid \gset
SELECT scheduler.restart();
SELECT set_config('test.pid', :'pid', false) IS NOT NULL AS set;
SELECT wait_until($$(SELECT state = 'healthy' AND scheduler.status() ->> 'pid' <> current_setting('test.pid')
	FROM scheduler.health WHERE scope = 'scheduler')$$);
SELECT scheduler.schedule_job('unseen', '@yearly', 'SELECT work()') > 0 AS scheduled;
CALL run('unseen', 6);
SELECT wait_until($$(SELECT timed > 0 FROM scheduler.job_metric m JOIN scheduler.job j USING (job_id) WHERE job_name = 'unseen')$$);
SELECT state, reason FROM scheduler.job_health WHERE job_name = 'unseen';
SELECT scheduler.health_summary() ->> 'state' AS state, scheduler.status() ->> 'monitoring' AS monitoring;
SELECT count(*) FROM scheduler.alerts JOIN scheduler.jobs USING (job_id) WHERE job_name = 'unseen';
ALTER SYSTEM RESET pg_scheduler.monitoring;
SELECT pg_reload_conf();
SELECT wait_until($$(SELECT state = 'unhealthy' FROM scheduler.job_health WHERE job_name = 'unseen')$$);

-- The same in this database alone
SET ROLE regress_health_other;
SELECT scheduler.set_monitoring(false);
SELECT scheduler.check_now();
RESET ROLE;
SELECT scheduler.set_monitoring(NULL);
SELECT scheduler.check_now(NULL);
SELECT scheduler.set_monitoring(false);
SELECT wait_until($$(SELECT NOT (scheduler.status() ->> 'monitoring')::boolean)$$);
SELECT DISTINCT state, reason FROM scheduler.queues;
SELECT state, reason FROM scheduler.job_health WHERE job_name = 'unseen';
SELECT scheduler.check_now() ->> 'state' AS state, scheduler.status() ->> 'monitoring' AS monitoring;
SELECT scheduler.set_monitoring(true);
SELECT wait_until($$(SELECT (scheduler.status() ->> 'monitoring')::boolean)$$);

-- All that is judged, judged now: also what nobody would look at for an hour
ALTER SYSTEM SET pg_scheduler.monitor_interval = '1h';
SELECT pg_reload_conf();
CALL wait_for_setting('pg_scheduler.monitor_interval', '1h');
SELECT scheduler.schedule_job('looked_at', '@yearly', 'SELECT 1 / 0') > 0 AS scheduled;
SELECT scheduler.run_job('looked_at') AS run_id \gset
SELECT scheduler.wait_for_run(:run_id);
SELECT scheduler.check_now() ->> 'state' AS state;
SELECT state, reason FROM scheduler.job_health WHERE job_name = 'looked_at';
SELECT kind, subject FROM scheduler.alerts WHERE job_id = (SELECT job_id FROM scheduler.jobs WHERE job_name = 'looked_at');
SELECT scheduler.unschedule_job('looked_at');
ALTER SYSTEM SET pg_scheduler.monitor_interval = '10ms';
SELECT pg_reload_conf();

-- A job that has to succeed every so often: nothing happens, and that is seen
CREATE FUNCTION await_state(job text, wanted text) RETURNS void LANGUAGE SQL
RETURN wait_until(format($$(SELECT state = %L FROM scheduler.job_health WHERE job_name = %L) AND
	(SELECT count(*) > 0 FROM scheduler.alerts JOIN scheduler.jobs USING (job_id) WHERE job_name = %L
		AND alerts.kind = 'no_success' AND resolved_at IS NULL) = %L$$, wanted, job, job, wanted = 'unhealthy'));
SELECT scheduler.schedule_job('quiet', '@yearly', 'SELECT 1', success_within => '100 milliseconds') > 0 AS scheduled;
SELECT await_state('quiet', 'unhealthy');
SELECT state, reason FROM scheduler.job_health WHERE job_name = 'quiet';
SELECT severity, regexp_replace(message, 'since .*', 'since then') AS message FROM scheduler.alerts WHERE kind = 'no_success' AND resolved_at IS NULL;
SELECT success_within, last_success_at FROM scheduler.jobs WHERE job_name = 'quiet';
SELECT scheduler.alter_job('quiet', success_within => '1 day');
SELECT await_state('quiet', 'healthy');
SELECT scheduler.alter_job('quiet', success_within => '2 seconds');
SELECT await_state('quiet', 'unhealthy');
SELECT scheduler.run_job('quiet') AS run_id \gset
SELECT scheduler.wait_for_run(:run_id);
SELECT await_state('quiet', 'healthy');
SELECT wait_until($$(SELECT last_success_at > created_at FROM scheduler.jobs WHERE job_name = 'quiet')$$);
SELECT await_state('quiet', 'unhealthy');
SELECT scheduler.pause_job('quiet');
SELECT await_state('quiet', 'stopped');
SELECT scheduler.resume_job('quiet');
SELECT await_state('quiet', 'unhealthy');
SELECT scheduler.alter_job('quiet', reset => '{success_within}');
SELECT await_state('quiet', 'healthy');
SELECT scheduler.alter_job('quiet', success_within => '0');
SELECT scheduler.unschedule_job('quiet');
SELECT scheduler.schedule_http_job('quiet', '@yearly', 'http://localhost:1/', success_within => '100 milliseconds') > 0 AS scheduled;
SELECT await_state('quiet', 'unhealthy');
SELECT scheduler.unschedule_job('quiet');
SELECT wait_until($$NOT EXISTS (SELECT FROM scheduler.alerts WHERE kind = 'no_success' AND resolved_at IS NULL)$$);

-- One look
SELECT (scheduler.status() -> 'jobs' ->> 'total')::int = (SELECT count(*) FROM scheduler.job_health) AS all_jobs,
	(scheduler.status() ->> 'next_run_at')::timestamptz = (SELECT min(next_run_at) FROM scheduler.jobs) AS next_run,
	scheduler.status() ->> 'copy' AS copy, scheduler.status() ->> 'standby' AS standby,
	(scheduler.status() -> 'connections' ->> 'used')::int > 0 AS connected,
	scheduler.status() -> 'connections' ->> 'max' = current_setting('max_connections') AS max,
	scheduler.status() -> 'connections' ->> 'reserved' >= current_setting('superuser_reserved_connections') AS reserved;
SET ROLE regress_health_other;
SELECT scheduler.status() -> 'jobs' ->> 'total' AS total, scheduler.status() ->> 'next_run_at' AS next_run_at,
	scheduler.status() -> 'connections' ->> 'used' AS used;
RESET ROLE;

DROP ROLE regress_health_other;
ALTER SYSTEM RESET pg_scheduler.monitor_interval;
ALTER SYSTEM RESET pg_scheduler.metrics_interval;
SELECT pg_reload_conf();

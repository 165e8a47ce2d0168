-- What goes on is a new alert after it was resolved by hand; what is over is not.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
SET client_min_messages = warning;
ALTER SYSTEM SET pg_scheduler.monitor_interval = '10ms';
ALTER SYSTEM SET pg_scheduler.metrics_interval = '1s';
SELECT pg_reload_conf();
CREATE FUNCTION open_alerts(wanted text, n int DEFAULT 1) RETURNS boolean LANGUAGE sql AS
$$SELECT count(*) = n FROM scheduler.alerts WHERE kind = wanted AND resolved_at IS NULL$$;
-- Resolve the alert of a kind by hand, and wait until there is another.
CREATE PROCEDURE comes_back(wanted text) LANGUAGE plpgsql AS $$
DECLARE
	old bigint;
BEGIN
	CALL await(format('SELECT open_alerts(%L)', wanted));
	SELECT alert_id INTO old FROM scheduler.alerts WHERE kind = wanted AND resolved_at IS NULL;
	PERFORM scheduler.resolve_alert(old);
	COMMIT;
	CALL await(format('SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = %L AND resolved_at IS NULL AND alert_id > %s', wanted, old));
END
$$;

SELECT scheduler.schedule_job('base', '@yearly', 'SELECT 1') > 0 AS id;
SELECT scheduler.pause_job('base');
SELECT scheduler.schedule_job('top', '@yearly', 'SELECT 1', depends_on => '{base}') > 0 AS id;
CALL comes_back('dependency_unhealthy');
CREATE TABLE answer (healthy boolean);
INSERT INTO answer VALUES (false);
SELECT scheduler.schedule_job('sick', '@yearly', 'SELECT 1') > 0 AS id;
SELECT scheduler.set_health_check('sick', 'SELECT healthy FROM answer', '10 ms');
CALL comes_back('health_check');
SELECT scheduler.create_queue('full');
SELECT scheduler.stop_queue('full');
SELECT scheduler.alter_alert_rule('queue_backlog', threshold => 1);
SELECT scheduler.schedule_job('full ' || i, 'now', 'SELECT 1', queue => 'full') > 0 AS id FROM generate_series(1, 2) i;
CALL comes_back('queue_backlog');
SELECT scheduler.alter_alert_rule('connections', threshold => 0);
CALL comes_back('connections');
SELECT scheduler.reset_alert_rule('connections');
SELECT wait_until($$open_alerts('connections', 0)$$);
SELECT scheduler.stop();
CALL comes_back('scheduler_stopped');
SELECT scheduler.start();
SELECT wait_until($$open_alerts('scheduler_stopped', 0)$$);

-- A job that is dropped does not touch the alert of another's health check.
SELECT alert_id AS check_alert FROM scheduler.alerts WHERE kind = 'health_check' AND resolved_at IS NULL \gset
SELECT scheduler.unschedule_job('full 1');
SELECT wait_until($$(SELECT backlog = 1 FROM scheduler.queues WHERE queue_name = 'full')$$);
SELECT wait_until($$(SELECT open_alerts('queue_backlog', 0))$$);
SELECT count, last_seen = first_seen AS once FROM scheduler.alerts WHERE alert_id = :check_alert;
UPDATE answer SET healthy = true;
SELECT wait_until($$open_alerts('health_check', 0)$$);

-- What has failed is an alert again when it fails again, not before, and not at a start.
SELECT scheduler.schedule_job('fails', '@yearly', 'SELECT 1 / 0') > 0 AS id;
CALL run_job('fails');
SELECT wait_until($$open_alerts('job_failed')$$);
SELECT scheduler.alter_alert_rule('job_failing', threshold => 1);
SELECT wait_until($$open_alerts('job_failing')$$);
SELECT scheduler.resolve_alerts(kind) FROM unnest('{job_failed,job_failing}'::text[]) kind;
SELECT scheduler.restart();
SELECT wait_until($$scheduler.status() ->> 'state' = 'healthy'$$);
CALL run_command('some time', 'SELECT 1');
SELECT wait_until($$(SELECT count(*) = 1 FROM scheduler.job_metrics WHERE job_name = 'some time')$$);
SELECT open_alerts('job_failed', 0), open_alerts('job_failing', 0);
CALL run_job('fails');
SELECT wait_until($$open_alerts('job_failed')$$);
SELECT wait_until($$open_alerts('job_failing')$$);

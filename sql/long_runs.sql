-- Runs that hang, and occurrences that are not run.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
SET client_min_messages = warning;
ALTER SYSTEM SET pg_scheduler.monitor_interval = '10ms';
ALTER SYSTEM SET pg_scheduler.metrics_interval = '1s';
SELECT pg_reload_conf();
SELECT kind, enabled, threshold, "interval", severity FROM scheduler.alert_rules WHERE kind IN ('long_running', 'not_run') ORDER BY kind;
SELECT scheduler.alter_alert_rule(kind, "interval" => '100 ms') FROM unnest('{long_running,not_run}'::text[]) kind;
CREATE FUNCTION open_alerts(name text) RETURNS text LANGUAGE sql AS
$$SELECT string_agg(a.kind, ', ' ORDER BY a.kind) FROM scheduler.alerts a JOIN scheduler.jobs j USING (job_id)
	WHERE j.job_name = name AND resolved_at IS NULL AND a.kind IN ('long_running', 'not_run')$$;

-- A job that hangs: its run goes on, and no other begins.
SELECT scheduler.schedule_job('hangs', 'every 10 ms', 'SELECT pg_sleep(600)') > 0 AS id;
SELECT wait_until($$(SELECT open_alerts('hangs') = 'long_running, not_run')$$);
SELECT state, reason, running_since IS NOT NULL AS runs FROM scheduler.job_health WHERE job_name = 'hangs';
SELECT regexp_replace(message, 'since .*', 'since T') AS message FROM scheduler.alerts WHERE kind = 'long_running';
SELECT regexp_replace(message, '^\d+', 'N') AS message FROM scheduler.alerts WHERE kind = 'not_run';
-- what goes on comes back
SELECT scheduler.resolve_alerts('long_running');
SELECT wait_until($$(SELECT count(*) = 2 FROM scheduler.alerts WHERE kind = 'long_running')$$);
-- until it ends
SELECT scheduler.alter_job('hangs', schedule => '@yearly');
SELECT scheduler.cancel_run(run_id) FROM scheduler.runs WHERE status = 'running';
SELECT wait_until($$(SELECT open_alerts('hangs') IS NULL)$$);
SELECT wait_until($$(SELECT state = 'healthy' FROM scheduler.job_health WHERE job_name = 'hangs')$$);
SELECT running_since IS NULL AS idle FROM scheduler.job_health WHERE job_name = 'hangs';

-- What takes no longer than it always does is not long.
SELECT scheduler.alter_alert_rule('long_running', "interval" => '10 ms', threshold => 1000000);
SELECT scheduler.schedule_job('slow', '@yearly', 'SELECT pg_sleep(0.1)') > 0 AS id;
CALL run_job('slow');
SELECT wait_until($$(SELECT p95_duration > '0' FROM scheduler.job_stats WHERE job_name = 'slow')$$);
SELECT scheduler.alter_job('slow', command => 'SELECT pg_sleep(600)');
SELECT scheduler.run_job('slow') AS run \gset
SELECT wait_until($$(SELECT running_since < clock_timestamp() - interval '3 s' FROM scheduler.job_health WHERE job_name = 'slow')$$);
SELECT open_alerts('slow') IS NULL AS none;
SELECT scheduler.alter_alert_rule('long_running', threshold => 1);
SELECT wait_until($$(SELECT open_alerts('slow') = 'long_running')$$);
SELECT scheduler.cancel_run(:run);
SELECT wait_until($$(SELECT open_alerts('slow') IS NULL)$$);

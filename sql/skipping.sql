-- One occurrence that is not wanted, a pause with an end, and going on without
-- what was missed.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
SET client_min_messages = warning;
ALTER SYSTEM SET pg_scheduler.monitor_interval = '10ms';
SELECT pg_reload_conf();
SET timezone = 'UTC';
CREATE FUNCTION recorded(job text) RETURNS TABLE (status text, occurrences bigint, error_message text) LANGUAGE SQL
BEGIN ATOMIC
	SELECT r.status, sum(r.occurrences), r.error_message FROM scheduler.runs r WHERE r.job_name = job
	AND r.triggered_by = 'schedule' GROUP BY 1, 3 ORDER BY 1, 3;
END;

-- Skip the next one, two more, and take it back
SELECT scheduler.schedule_job('yearly', '0 0 1 1 *', 'SELECT 1') > 0 AS scheduled;
SELECT extract(year FROM scheduler.skip_next('yearly')) - extract(year FROM now()) AS years;
SELECT extract(year FROM scheduler.skip_next('yearly', 2)) - extract(year FROM now()) AS years;
SELECT extract(year FROM skip_through) - extract(year FROM now()) AS skipped, extract(year FROM next_run_at) - extract(year FROM now()) AS next
	FROM scheduler.jobs WHERE job_name = 'yearly';
SELECT extract(year FROM min(scheduled_at)) - extract(year FROM now()) AS forecast FROM scheduler.forecast('10 years') WHERE job_name = 'yearly';
SELECT scheduler.skip_next('yearly', 0);
SELECT skip_through, extract(year FROM next_run_at) - extract(year FROM now()) AS next FROM scheduler.jobs WHERE job_name = 'yearly';
SELECT scheduler.skip_next('yearly', -1);
SELECT scheduler.skip_next('yearly', NULL);
SELECT scheduler.pause_job('yearly');
SELECT scheduler.skip_next('yearly');
SELECT scheduler.unschedule_job('yearly');
SELECT scheduler.schedule_job('boot', '@reboot', 'SELECT 1') > 0 AS scheduled;
SELECT scheduler.skip_next('boot');
SELECT scheduler.unschedule_job('boot');

-- It happens: one is skipped, those after it run
SELECT scheduler.schedule_job('often', '1 second', 'SELECT 1') > 0 AS scheduled;
SELECT scheduler.skip_next('often') AS skipped \gset
SELECT wait_until($$(SELECT count(*) FILTER (WHERE status = 'succeeded') > 0 FROM scheduler.runs WHERE job_name = 'often')$$);
SELECT scheduler.pause_job('often');
SELECT status, occurrences, error_message FROM recorded('often') WHERE status = 'skipped';
SELECT count(*) FROM scheduler.runs WHERE job_name = 'often' AND scheduled_at = :'skipped' AND status <> 'skipped';
SELECT state FROM scheduler.job_health WHERE job_name = 'often';
SELECT scheduler.unschedule_job('often');

-- Of a job that runs each occurrence
SELECT scheduler.schedule_job('each', '200 milliseconds', 'SELECT 1', misfire => 'run_all', overlap => 'allow', max_instances => 10) > 0 AS scheduled;
SELECT scheduler.skip_next('each', 3) IS NOT NULL AS skipped;
SELECT wait_until($$(SELECT count(*) > 0 FROM scheduler.runs WHERE job_name = 'each' AND status = 'succeeded')$$);
SELECT scheduler.unschedule_job('each');
SELECT sum(occurrences) AS skipped FROM scheduler.runs WHERE job_name = 'each' AND status = 'skipped';

-- A pause with an end
SELECT scheduler.schedule_job('rests', '100 milliseconds', 'SELECT 1') > 0 AS scheduled;
SELECT scheduler.pause_job('rests', 'for a while', until => now() - interval '1 second');
SELECT scheduler.pause_job('rests', until => 'infinity');
SELECT scheduler.pause_job('rests', 'for a while', until => clock_timestamp() + interval '1 hour');
SELECT paused_until > now() AS with_end, paused_reason FROM scheduler.jobs WHERE job_name = 'rests';
SELECT state, regexp_replace(reason, 'until .*', 'until then') AS reason FROM scheduler.job_health WHERE job_name = 'rests';
SELECT scheduler.pause_job('rests', until => clock_timestamp() + interval '1 second');
SELECT wait_until($$(SELECT state = 'healthy' FROM scheduler.job_health WHERE job_name = 'rests')$$);
SELECT paused_until, paused_reason FROM scheduler.jobs WHERE job_name = 'rests';
SELECT scheduler.pause_job('rests', until => clock_timestamp() + interval '1 hour');
SELECT scheduler.pause_job('rests');
SELECT paused_until IS NULL AS without_end FROM scheduler.jobs WHERE job_name = 'rests';
-- over a restart of the scheduler
SELECT scheduler.pause_job('rests', until => clock_timestamp() + interval '2 seconds');
SELECT (scheduler.status() ->> 'pid') AS pid \gset
SELECT scheduler.restart();
SELECT set_config('test.pid', :'pid', false) IS NOT NULL AS set;
SELECT wait_until($$(SELECT scheduler.status() ->> 'pid' <> current_setting('test.pid'))$$);
SELECT wait_until($$(SELECT state = 'healthy' FROM scheduler.job_health WHERE job_name = 'rests')$$);
SELECT scheduler.unschedule_job('rests');

-- Going on without what was missed
SELECT scheduler.schedule_job('missed', '10 milliseconds', 'SELECT 1', misfire => 'run_all', misfire_grace => '0', overlap => 'queue') > 0 AS scheduled;
SELECT scheduler.pause_job('missed');
SELECT pg_sleep(0.5);
SELECT scheduler.resume_job('missed', misfire => 'run_once');
SELECT scheduler.resume_job('missed', misfire => 'skip');
SELECT wait_until($$(SELECT sum(occurrences) >= 40 FROM scheduler.runs WHERE job_name = 'missed' AND status = 'skipped' AND error_message ~ 'without catching up')$$);
SELECT wait_until($$(SELECT count(*) > 0 FROM scheduler.runs WHERE job_name = 'missed' AND status = 'succeeded')$$);
SELECT scheduler.unschedule_job('missed');
ALTER SYSTEM RESET pg_scheduler.monitor_interval;
SELECT pg_reload_conf();

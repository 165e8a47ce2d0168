-- The states of health of jobs, queues and the scheduler, each from its real
-- cause, with its reason.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
ALTER SYSTEM SET pg_scheduler.monitor_interval = '10ms';
ALTER SYSTEM SET pg_scheduler.metrics_interval = '1s';
SELECT pg_reload_conf();
CREATE TABLE switch (closed boolean);
INSERT INTO switch VALUES (true);
CREATE FUNCTION wait_for_switch() RETURNS void LANGUAGE plpgsql AS
$$BEGIN WHILE NOT (SELECT closed FROM switch) LOOP PERFORM pg_sleep(0.005); END LOOP; END$$;
-- Wait for a state of something; its reason.
CREATE FUNCTION wait_for_state(what text, named text, wanted text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM wait_until(format('(SELECT state = %L FROM scheduler.health WHERE scope = %L AND name = %L)',
		wanted, what, named));
	RETURN (SELECT reason FROM scheduler.health WHERE scope = what AND name = named AND since <= clock_timestamp());
END
$$;
SELECT wait_for_state('scheduler', 'pg_scheduler', 'healthy');

-- Jobs: over, disabled, paused, about to be paused
SELECT scheduler.schedule_job('once', 'now', 'SELECT 1') > 0 AS scheduled;
SELECT wait_for_state('job', 'once', 'stopped');
SELECT scheduler.schedule_job('off', '@yearly', 'SELECT 1', enabled => false) > 0 AS scheduled;
SELECT wait_for_state('job', 'off', 'stopped');
SELECT scheduler.schedule_job('work', '@yearly', 'SELECT wait_for_switch()') AS job \gset
SELECT wait_for_state('job', 'work', 'healthy');
UPDATE switch SET closed = false;
SELECT scheduler.run_job('work') > 0 AS added;
SELECT wait_until($$(SELECT count(*) = 1 FROM scheduler.runs WHERE status = 'running')$$);
SELECT scheduler.pause_job('work', 'lunch');
SELECT wait_for_state('job', 'work', 'stopping');
UPDATE switch SET closed = true;
SELECT wait_for_state('job', 'work', 'stopped');
SELECT scheduler.resume_job('work');
SELECT wait_for_state('job', 'work', 'healthy');

-- The reason follows what has changed, also when the state stays
SELECT scheduler.alter_alert_rule('failure_rate', enabled => false);
SELECT scheduler.alter_job('work', command => 'SELECT pg_sleep(600)', timeout => '5 ms');
CALL run_job('work');
SELECT wait_for_state('job', 'work', 'degraded');
SELECT scheduler.alter_job('work', command => 'SELECT 1', timeout => '1 minute');
CALL run_job('work');
SELECT wait_until($$(SELECT reason LIKE '%timed out' FROM scheduler.job_health WHERE job_name = 'work')$$);
SELECT wait_for_state('job', 'work', 'degraded');
SELECT scheduler.alter_alert_rule('timeouts', enabled => false);
SELECT wait_for_state('job', 'work', 'healthy');
SELECT scheduler.alter_alert_rule('late_start', threshold => 0.000001);
CALL run_job('work');
SELECT wait_for_state('job', 'work', 'degraded');
SELECT scheduler.alter_alert_rule('late_start', enabled => false);
SELECT wait_for_state('job', 'work', 'healthy');
SELECT scheduler.alter_alert_rule('failure_rate', enabled => true);

-- Memory: a worker that has grown is replaced between two runs, which costs no
-- run, and no death is counted
DO $$
BEGIN
	EXECUTE format('CREATE FUNCTION grow() RETURNS void LANGUAGE plpgsql AS %L',
		'BEGIN ' || repeat('PERFORM 1; ', 4000) || 'END');
END
$$;
ALTER SYSTEM SET pg_scheduler.worker_memory_limit = '8MB';
SELECT pg_reload_conf();
\c -
CALL wait_for_setting('pg_scheduler.worker_memory_limit', '8MB');
SELECT scheduler.schedule_job('grow', '@yearly', 'SELECT grow()', overlap => 'allow', max_instances => 4) AS job \gset
SELECT count(scheduler.run_job('grow')) FROM generate_series(1, 100);
SELECT wait_until($$(SELECT count(*) = 100 FROM scheduler.runs WHERE job_name = 'grow' AND status = 'succeeded')$$);
SELECT wait_for_state('job', 'grow', 'degraded');
SELECT wait_until($$EXISTS (SELECT FROM scheduler.recovery_events WHERE action = 'recycle')$$);
SELECT DISTINCT subject = 'job ' || :job AS of_job, regexp_replace(reason, '\d+', 'N') AS reason, outcome
	FROM scheduler.recovery_events WHERE action = 'recycle';
SELECT count(*) FROM scheduler.recovery_events WHERE action = 'worker_died';
SELECT worker_restarts FROM scheduler.scheduler_metric;
-- until that is long ago
SELECT scheduler.alter_alert_rule('failure_rate', "interval" => '1 second');
SELECT wait_for_state('job', 'grow', 'healthy');
SELECT scheduler.alter_alert_rule('failure_rate', "interval" => '5 minutes');
ALTER SYSTEM RESET pg_scheduler.worker_memory_limit;
SELECT pg_reload_conf();
SELECT scheduler.unschedule_job(job_id) FROM scheduler.jobs;

-- Queues
SELECT scheduler.create_queue('reports');
SELECT scheduler.schedule_job('report ' || i, '@yearly', 'SELECT 1 / ' || (i % 2), queue => 'reports') > 0 AS scheduled
	FROM generate_series(1, 3) i;
SELECT wait_for_state('queue', 'reports', 'healthy');
SELECT scheduler.alter_alert_rule('job_failing', threshold => 1);
CALL run_job('report 2');
SELECT wait_for_state('queue', 'reports', 'degraded');
SELECT scheduler.alter_job('report 1', command => 'SELECT 1 / 0');
CALL run_job('report 1');
SELECT wait_for_state('queue', 'reports', 'unhealthy');
SELECT scheduler.recover_queue('reports') > 0 AS asked;
SELECT wait_for_state('queue', 'reports', 'healthy');
SELECT scheduler.alter_alert_rule('queue_backlog', threshold => 1);
SELECT scheduler.alter_queue('reports', max_concurrency => 1);
UPDATE switch SET closed = false;
SELECT scheduler.alter_job('report 3', command => 'SELECT wait_for_switch()', overlap => 'allow', max_instances => 9);
SELECT count(scheduler.run_job('report 3')) FROM generate_series(1, 3);
SELECT regexp_replace(wait_for_state('queue', 'reports', 'degraded'), '\d+', 'N') AS reason;
SELECT scheduler.stop_queue('reports');
SELECT wait_until($$(SELECT state = 'stopping' AND running = 1 FROM scheduler.queues WHERE queue_name = 'reports')$$);
SELECT wait_for_state('queue', 'reports', 'stopping');
UPDATE switch SET closed = true;
SELECT wait_for_state('queue', 'reports', 'stopped');
SELECT scheduler.start_queue('reports');
SELECT wait_for_state('queue', 'reports', 'healthy');

-- The scheduler: too little of workers, about to stop, stopped
SELECT scheduler.alter_queue('reports', max_concurrency => 0);
UPDATE switch SET closed = false;
SELECT count(scheduler.run_job('report 3')) FROM generate_series(1, 1010);
SELECT regexp_replace(wait_for_state('scheduler', 'pg_scheduler', 'degraded'), '\d+ runs', 'N runs') AS reason;
-- what is dropped while it runs is not waited for
SELECT scheduler.unschedule_job('report 3');
SELECT scheduler.stop('1 hour');
SELECT wait_for_state('scheduler', 'pg_scheduler', 'stopping');
UPDATE switch SET closed = true;
SELECT wait_for_state('scheduler', 'pg_scheduler', 'stopped');
SELECT scheduler.start();
SELECT wait_for_state('scheduler', 'pg_scheduler', 'healthy');
ALTER SYSTEM RESET pg_scheduler.monitor_interval;
ALTER SYSTEM RESET pg_scheduler.metrics_interval;
SELECT pg_reload_conf();

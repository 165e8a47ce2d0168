-- Queues: limits, start and stop.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
SELECT scheduler.create_queue('narrow', max_concurrency => 1, description => 'one at a time');
SELECT scheduler.create_queue('narrow');
SELECT scheduler.create_queue('');
SELECT scheduler.create_queue('bad', max_concurrency => -1);
SELECT scheduler.create_queue('bad', rate_limit => 1, rate_period => '0');
SELECT scheduler.create_queue('bad', rate_limit => 1, rate_period => '178000000 years');
SELECT scheduler.create_queue('bad', start_timeout => '178000000 years');
SELECT scheduler.alter_alert_rule('failure_rate', "interval" => '178000000 years');
SELECT scheduler.alter_queue('missing');
SELECT queue_name, state, enabled, max_concurrency, rate_limit, jobs FROM scheduler.queues ORDER BY 1;

-- At most one run at a time: no run ever meets another
CREATE TABLE met (others bigint);
SELECT count(scheduler.schedule_job('narrow ' || i, '@yearly',
	$$INSERT INTO met SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 6;
	SELECT pg_advisory_xact_lock_shared(6), pg_sleep(0.01)$$, queue => 'narrow'))
	FROM generate_series(1, 20) i;
SELECT count(scheduler.run_job('narrow ' || i)) FROM generate_series(1, 20) i;
CALL await('SELECT count(*) = 20 FROM met');
SELECT max(others) FROM met;

-- Stopped: what is due waits
SELECT scheduler.stop_queue('narrow');
SELECT scheduler.run_job('narrow 1') AS run \gset
SELECT scheduler.wait_for_run(:run, '200 ms');
SELECT status FROM scheduler.runs WHERE run_id = :run;
CALL await($$SELECT state = 'stopped' FROM scheduler.queues WHERE queue_name = 'narrow'$$);
SELECT state, reason FROM scheduler.queues WHERE queue_name = 'narrow';
SELECT scheduler.start_queue('narrow');
SELECT scheduler.wait_for_run(:run, '30 s');
CALL await($$SELECT state = 'healthy' FROM scheduler.queues WHERE queue_name = 'narrow'$$);

-- Stopped with a timeout: what runs is cancelled
SELECT scheduler.alter_job('narrow 1', command => 'SELECT pg_sleep(600)');
SELECT scheduler.run_job('narrow 1') AS run \gset
CALL await('SELECT count(*) = 1 FROM scheduler.runs WHERE status = ''running''');
SELECT scheduler.stop_queue('narrow', '0');
SELECT scheduler.wait_for_run(:run, '30 s');
SELECT scheduler.restart_queue('narrow');
CALL await($$SELECT state = 'healthy' FROM scheduler.queues WHERE queue_name = 'narrow'$$);

-- A restart waits for what runs, until its timeout; what is due meanwhile waits
SELECT scheduler.run_job('narrow 1') AS run \gset
CALL await('SELECT count(*) = 1 FROM scheduler.runs WHERE status = ''running''');
SELECT scheduler.restart_queue('narrow');
SELECT scheduler.run_job('narrow 2') AS next \gset
CALL await($$SELECT state = 'stopping' FROM scheduler.queues WHERE queue_name = 'narrow'$$);
CALL await($$SELECT count(*) = 1 FROM scheduler.runs WHERE held_by IS NOT NULL$$);
SELECT state, reason, enabled FROM scheduler.queues WHERE queue_name = 'narrow';
SELECT status, held_by FROM scheduler.runs WHERE run_id = :next;
SELECT scheduler.restart_queue('narrow', '0');
SELECT scheduler.wait_for_run(:run, '30 s');
SELECT scheduler.wait_for_run(:next, '30 s');
CALL await($$SELECT state = 'healthy' FROM scheduler.queues WHERE queue_name = 'narrow'$$);
-- one that was stopped during its restart stays so
SELECT scheduler.run_job('narrow 1') AS run \gset
CALL await('SELECT count(*) = 1 FROM scheduler.runs WHERE status = ''running''');
SELECT scheduler.restart_queue('narrow');
SELECT scheduler.stop_queue('narrow', '0');
SELECT scheduler.wait_for_run(:run, '30 s');
CALL await($$SELECT state = 'stopped' FROM scheduler.queues WHERE queue_name = 'narrow'$$);
SELECT reason FROM scheduler.queues WHERE queue_name = 'narrow';
SELECT scheduler.start_queue('narrow');
SELECT scheduler.restart_queue('missing');
SELECT scheduler.restart_queue('narrow', '-1 s');

-- A rate: what is due at once begins one after the other
SELECT scheduler.create_queue('slow', rate_limit => 2, rate_period => '0.2 s');
SELECT count(scheduler.schedule_job('slow ' || i, '@yearly', 'SELECT 1', queue => 'slow'))
	FROM generate_series(1, 6) i;
SELECT count(scheduler.run_job('slow ' || i)) FROM generate_series(1, 6) i;
CALL await($$SELECT count(*) = 6 FROM scheduler.runs WHERE status = 'succeeded' AND job_name LIKE 'slow %'$$);
-- two at once, and four more in 0.4 s, but for one that may be on its way
SELECT max(started_at) - min(scheduled_at) >= '0.3 s' AS spread
	FROM scheduler.runs WHERE job_name LIKE 'slow %';
SELECT scheduler.alter_queue('slow', rate_limit => 0, max_concurrency => 3);
SELECT max_concurrency, rate_limit FROM scheduler.queues WHERE queue_name = 'slow';

-- All
SELECT scheduler.stop_all('0');
SELECT queue_name, enabled FROM scheduler.queues ORDER BY 1;
SELECT scheduler.start_all();
SELECT queue_name, enabled FROM scheduler.queues ORDER BY 1;
SELECT scheduler.drop_queue('slow');
SELECT scheduler.drop_queue('default');
SELECT scheduler.drop_queue('missing');
SELECT count(scheduler.unschedule_job(job_id)) FROM scheduler.jobs WHERE queue = 'slow';
SELECT scheduler.drop_queue('slow');

CREATE ROLE regress_queue_other LOGIN;
SET ROLE regress_queue_other;
SELECT scheduler.create_queue('mine');
SELECT scheduler.stop_queue('narrow');
SELECT scheduler.restart_queue('narrow');
SELECT scheduler.alter_queue('narrow', depends_on => '{default}');
SELECT scheduler.start_all();
SELECT queue_name, jobs, backlog FROM scheduler.queues ORDER BY 1;
RESET ROLE;
DROP ROLE regress_queue_other;
DROP EXTENSION pg_scheduler;
DROP TABLE met;
DROP PROCEDURE await;

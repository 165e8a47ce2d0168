-- Circuit breakers: held back, tried again, resumed or given up.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
ALTER SYSTEM SET pg_scheduler.monitor_interval = '10ms';
SELECT pg_reload_conf();
CREATE TABLE switch (fails boolean);
INSERT INTO switch VALUES (true);
CREATE FUNCTION work() RETURNS void LANGUAGE plpgsql AS
$$BEGIN IF (SELECT fails FROM switch) THEN RAISE 'it fails'; END IF; END$$;
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
-- Wait for the state of the circuit of "work".
CREATE FUNCTION wait_for_circuit(wanted text) RETURNS void LANGUAGE sql AS
$$SELECT wait_until(format('(SELECT state = %L FROM scheduler.job_recoveries WHERE job_name = ''work'')', wanted))$$;
SELECT wait_until($$(SELECT state = 'healthy' FROM scheduler.health WHERE scope = 'scheduler')$$);

-- Bad input
SELECT scheduler.schedule_job('work', '@yearly', 'SELECT work()') AS job \gset
SELECT error_of(c) FROM unnest(ARRAY[
	$$SELECT scheduler.set_recovery('work', error_threshold => 0)$$,
	$$SELECT scheduler.set_recovery('work', restart_delay => '0')$$,
	$$SELECT scheduler.set_recovery('work', restart_delay => '1000000 years')$$,
	$$SELECT scheduler.set_recovery('work', max_restarts => -1)$$,
	$$SELECT scheduler.set_recovery('work', max_restarts => NULL)$$,
	$$SELECT scheduler.set_recovery('work', enabled => NULL)$$,
	$$SELECT scheduler.set_recovery('no such job')$$,
	$$SELECT scheduler.set_recovery(0)$$,
	$$SELECT scheduler.drop_recovery('no such job')$$,
	$$SELECT scheduler.recover(0)$$,
	$$SELECT scheduler.recover(NULL::text)$$,
	$$SELECT scheduler.recover_queue('no such queue')$$,
	$$SELECT scheduler.recover_queue(NULL)$$]) c;

-- Failures open the circuit, and no other run comes by the schedule
SELECT scheduler.set_recovery('work', error_threshold => 3, restart_delay => '1 hour', max_restarts => 2);
SELECT state, restarts, retry_at, enabled FROM scheduler.job_recoveries;
CALL run('work', 2);
SELECT wait_until($$(SELECT consecutive_failures = 2 FROM scheduler.jobs WHERE job_name = 'work')$$);
SELECT state FROM scheduler.job_recoveries;
CALL run('work');
SELECT wait_for_circuit('open');
SELECT state, consecutive_failures, reason FROM scheduler.job_health WHERE job_name = 'work';
SELECT state, next_run_at, paused_reason FROM scheduler.jobs WHERE job_name = 'work';
SELECT r.state, r.restarts, r.retry_at - j.paused_at AS delay
	FROM scheduler.job_recoveries r JOIN scheduler.jobs j USING (job_id);

-- Probes that fail come later and later, until recovery gives up
UPDATE scheduler.job_recovery SET retry_at = now();
SELECT wait_until($$(SELECT restarts = 1 AND state = 'open' FROM scheduler.job_recoveries)$$);
SELECT r.retry_at - e.at AS delay FROM scheduler.job_recoveries r
	JOIN scheduler.recovery_events e USING (job_id) ORDER BY event_id DESC LIMIT 1;
UPDATE scheduler.job_recovery SET retry_at = now();
SELECT wait_for_circuit('given_up');
SELECT wait_until($$(SELECT consecutive_failures = 5 FROM scheduler.job_health WHERE job_name = 'work')$$);
SELECT state, consecutive_failures FROM scheduler.job_health WHERE job_name = 'work';
SELECT wait_until($$EXISTS (SELECT FROM scheduler.alerts WHERE kind = 'given_up' AND resolved_at IS NULL)$$);
SELECT severity, message FROM scheduler.alerts WHERE kind = 'given_up';
SELECT wait_until($$NOT EXISTS (SELECT FROM scheduler.recovery_events WHERE outcome = 'pending')$$);
SELECT subject = 'job ' || :job AS named, action, reason, outcome, run_id IS NOT NULL AS run, finished_at >= at AS ended
	FROM scheduler.recovery_events WHERE job_id IS NOT NULL ORDER BY event_id;

-- A run by hand that succeeds closes it
UPDATE switch SET fails = false;
CALL run('work');
SELECT wait_for_circuit('closed');
SELECT wait_until($$(SELECT state = 'active' FROM scheduler.jobs WHERE job_name = 'work')$$);
SELECT wait_until($$NOT EXISTS (SELECT FROM scheduler.alerts WHERE kind = 'given_up' AND resolved_at IS NULL)$$);
SELECT action, reason, outcome FROM scheduler.recovery_events ORDER BY event_id DESC LIMIT 1;

-- A probe that succeeds does, too; while it runs the job is starting
UPDATE switch SET fails = true;
SELECT scheduler.set_recovery('work', error_threshold => 1, restart_delay => '1 hour', max_restarts => 9);
CALL run('work');
SELECT wait_for_circuit('open');
CREATE FUNCTION slow() RETURNS void LANGUAGE plpgsql AS
$$BEGIN WHILE (SELECT fails FROM switch) LOOP PERFORM pg_sleep(0.01); END LOOP; END$$;
SELECT scheduler.alter_job('work', command => 'SELECT slow()');
UPDATE scheduler.job_recovery SET retry_at = now();
SELECT wait_until($$(SELECT count(*) = 1 FROM scheduler.runs WHERE status = 'running')$$);
SELECT triggered_by FROM scheduler.runs WHERE status = 'running';
SELECT state, reason FROM scheduler.job_health WHERE job_name = 'work';
SELECT action, outcome, finished_at FROM scheduler.recovery_events ORDER BY event_id DESC LIMIT 1;
UPDATE switch SET fails = false;
SELECT wait_for_circuit('closed');
SELECT wait_until($$NOT EXISTS (SELECT FROM scheduler.recovery_events WHERE outcome = 'pending')$$);
SELECT action, reason, outcome FROM scheduler.recovery_events WHERE action <> 'reset' ORDER BY event_id DESC LIMIT 2;
SELECT scheduler.alter_job('work', command => 'SELECT work()');

-- A probe that is cancelled has failed
UPDATE switch SET fails = true;
CALL run('work');
SELECT wait_for_circuit('open');
SELECT scheduler.alter_job('work', command => 'SELECT slow()');
UPDATE scheduler.job_recovery SET retry_at = now();
SELECT wait_until($$(SELECT count(*) = 1 FROM scheduler.runs WHERE status = 'running')$$);
SELECT scheduler.cancel_run(run_id) FROM scheduler.runs WHERE status = 'running';
SELECT wait_for_circuit('open');
SELECT wait_until($$(SELECT restarts = 1 FROM scheduler.job_recoveries)$$);
SELECT scheduler.alter_job('work', command => 'SELECT work()');

-- A change of the policy while it is open holds from the next step on
SELECT scheduler.set_recovery('work', error_threshold => 1, restart_delay => '2 hours', max_restarts => 1);
SELECT state, restarts, restart_delay, max_restarts FROM scheduler.job_recoveries;
UPDATE scheduler.job_recovery SET retry_at = now();
SELECT wait_for_circuit('given_up');

-- recover() starts anew: nothing is held back, and no failure counts
SELECT scheduler.recover('work') AS event \gset
SELECT wait_until(format('(SELECT outcome = ''succeeded'' FROM scheduler.recovery_events WHERE event_id = %s)', :event));
SELECT state, restarts FROM scheduler.job_recoveries;
SELECT wait_until($$(SELECT consecutive_failures = 0 FROM scheduler.jobs WHERE job_name = 'work')$$);
SELECT wait_until($$(SELECT state = 'healthy' FROM scheduler.job_health WHERE job_name = 'work')$$);
SELECT state, paused_reason FROM scheduler.jobs WHERE job_name = 'work';
SELECT action, reason, outcome FROM scheduler.recovery_events WHERE event_id >= :event ORDER BY action;
-- and it is held back again when it fails again
CALL run('work');
SELECT wait_for_circuit('open');

-- A pause of one's own is not recovery's to end
SELECT scheduler.pause_job('work', 'mine');
SELECT r.state AS circuit, j.state, j.paused_reason FROM scheduler.job_recoveries r JOIN scheduler.jobs j USING (job_id);
UPDATE switch SET fails = false;
CALL run('work');
SELECT scheduler.recover('work') AS event \gset
SELECT wait_until(format('(SELECT outcome = ''succeeded'' FROM scheduler.recovery_events WHERE event_id = %s)', :event));
SELECT state, paused_reason FROM scheduler.jobs WHERE job_name = 'work';
SELECT state, reason FROM scheduler.job_health WHERE job_name = 'work';
SELECT scheduler.resume_job('work');

-- nor is a job that was disabled meanwhile resumed
UPDATE switch SET fails = true;
CALL run('work');
SELECT wait_for_circuit('open');
SELECT scheduler.alter_job('work', enabled => false);
SELECT wait_for_circuit('closed');
SELECT state, enabled, paused_at FROM scheduler.jobs WHERE job_name = 'work';
SELECT reason FROM scheduler.recovery_events WHERE action = 'close' ORDER BY event_id DESC LIMIT 1;

-- Resumed by hand: the failures before are forgiven
SELECT scheduler.alter_job('work', enabled => true);
CALL run('work');
SELECT wait_for_circuit('open');
SELECT scheduler.resume_job('work');
SELECT wait_for_circuit('closed');
SELECT reason FROM scheduler.recovery_events WHERE action = 'close' ORDER BY event_id DESC LIMIT 1;

-- Two failures at once open it once
SELECT scheduler.set_recovery('work', error_threshold => 2, restart_delay => '1 hour');
SELECT scheduler.alter_job('work', overlap => 'allow', max_instances => 4);
SELECT count(*) AS before FROM scheduler.recovery_events WHERE action = 'open' \gset
SELECT count(scheduler.run_job('work')) FROM generate_series(1, 4);
SELECT wait_for_circuit('open');
SELECT wait_until($$NOT EXISTS (SELECT FROM scheduler.pending_run)$$);
SELECT count(*) - :before AS opened FROM scheduler.recovery_events WHERE action = 'open';
-- and other runs of the job that wait do not keep a probe from its end
SELECT scheduler.set_recovery('work', error_threshold => 2, restart_delay => '1 hour', max_restarts => 1);
SELECT scheduler.alter_job('work', max_retries => 1, retry_delay => '1 hour', retry_jitter => false, retry_on => '{all}');
SELECT scheduler.run_job('work') > 0 AS waits;
SELECT wait_until($$EXISTS (SELECT FROM scheduler.runs WHERE status = 'queued' AND attempt = 2)$$);
SELECT scheduler.alter_job('work', max_retries => 0);
UPDATE scheduler.job_recovery SET retry_at = now();
SELECT wait_for_circuit('given_up');
SELECT scheduler.cancel_run(run_id) FROM scheduler.runs WHERE status = 'queued';

-- Without a restart it is given up at once
SELECT scheduler.recover(:job) > 0 AS asked;
SELECT wait_for_circuit('closed');
SELECT scheduler.set_recovery('work', error_threshold => 1, max_restarts => 0);
CALL run('work');
SELECT wait_for_circuit('given_up');

-- A queue as a whole
SELECT scheduler.recover_queue('default') AS event \gset
SELECT wait_until(format('(SELECT outcome = ''succeeded'' FROM scheduler.recovery_events WHERE event_id = %s)', :event));
SELECT subject, job_id, reason FROM scheduler.recovery_events WHERE event_id = :event;
SELECT state FROM scheduler.job_recoveries;

-- Turned off: for a job, and for all
SELECT scheduler.set_recovery('work', error_threshold => 1, enabled => false);
CALL run('work', 2);
SELECT wait_until($$(SELECT consecutive_failures = 2 FROM scheduler.jobs WHERE job_name = 'work')$$);
SELECT state FROM scheduler.job_recoveries;
ALTER SYSTEM SET pg_scheduler.recovery = off;
SELECT pg_reload_conf();
\c -
CALL wait_for_setting('pg_scheduler.recovery', 'off');
SELECT scheduler.set_recovery('work', error_threshold => 1);
CALL run('work', 2);
SELECT wait_until($$(SELECT consecutive_failures = 4 FROM scheduler.jobs WHERE job_name = 'work')$$);
SELECT state FROM scheduler.job_recoveries;
ALTER SYSTEM RESET pg_scheduler.recovery;
SELECT pg_reload_conf();
\c -
CALL wait_for_setting('pg_scheduler.recovery', 'on');
CALL run('work');
SELECT wait_for_circuit('open');

-- Without monitoring, jobs are held back all the same
SELECT scheduler.recover('work') > 0 AS asked;
SELECT wait_for_circuit('closed');
ALTER SYSTEM SET pg_scheduler.monitoring = off;
SELECT pg_reload_conf();
\c -
CALL wait_for_setting('pg_scheduler.monitoring', 'off');
CALL run('work');
SELECT wait_for_circuit('open');
ALTER SYSTEM RESET pg_scheduler.monitoring;
SELECT pg_reload_conf();

-- Others see and do nothing of it
CREATE ROLE regress_recovery_other LOGIN;
SET ROLE regress_recovery_other;
SELECT count(*) FROM scheduler.job_recoveries;
SELECT count(*) FROM scheduler.recovery_events;
SELECT scheduler.recover(:job);
SELECT scheduler.set_recovery(:job);
SELECT scheduler.recover_queue('default');
RESET ROLE;
DROP ROLE regress_recovery_other;

-- The policy goes, and the job stays as it is; a dropped job takes it along
SELECT scheduler.drop_recovery('work');
SELECT scheduler.drop_recovery(:job);
SELECT state FROM scheduler.jobs WHERE job_name = 'work';
SELECT scheduler.set_recovery('work');
SELECT scheduler.unschedule_job('work');
SELECT count(*) FROM scheduler.job_recovery;
ALTER SYSTEM RESET pg_scheduler.monitor_interval;
SELECT pg_reload_conf();

-- Circuit breakers: held back, tried again, resumed or given up.
SET client_min_messages = error;
DROP EXTENSION IF EXISTS pg_scheduler CASCADE;
RESET client_min_messages;
CREATE EXTENSION pg_scheduler;
ALTER SYSTEM SET pg_scheduler.monitor_interval = '10ms';
SELECT pg_reload_conf();
CREATE PROCEDURE await(query text) LANGUAGE plpgsql AS $$
DECLARE
	result boolean;
BEGIN
	FOR i IN 1 .. 3000 LOOP
		EXECUTE query INTO result;
		EXIT WHEN result;
		COMMIT;
		PERFORM pg_sleep(0.01);
	END LOOP;
	IF result IS NOT TRUE THEN
		RAISE WARNING 'waited in vain for: %', query;
	END IF;
END
$$;
CREATE TABLE switch (fails boolean);
INSERT INTO switch VALUES (true);
CREATE FUNCTION work() RETURNS void LANGUAGE plpgsql AS
$$BEGIN IF (SELECT fails FROM switch) THEN RAISE 'it fails'; END IF; END$$;
SELECT scheduler.schedule_job('work', '1 second', 'SELECT work()') AS job \gset
SELECT scheduler.set_recovery(:job, error_threshold => 0);
SELECT scheduler.set_recovery(0);
SELECT scheduler.recover(:job);
SELECT scheduler.set_recovery(:job, error_threshold => 2, restart_delay => '1 hour', max_restarts => 2);
CALL await($$SELECT state = 'open' FROM scheduler.job_recoveries$$);
SELECT state, consecutive_failures, reason FROM scheduler.job_health;
SELECT state, next_run_at, paused_reason FROM scheduler.jobs;

-- probes that fail
SELECT scheduler.recover(:job);
CALL await($$SELECT state = 'open' AND restarts = 1 FROM scheduler.job_recoveries$$);
SELECT scheduler.set_recovery(:job, error_threshold => 2, restart_delay => '1 ms', max_restarts => 2);
SELECT scheduler.recover(:job);
CALL await($$SELECT state = 'given_up' FROM scheduler.job_recoveries$$);
SELECT state, consecutive_failures FROM scheduler.job_health;

-- a probe that succeeds
UPDATE switch SET fails = false;
SELECT scheduler.recover(:job);
CALL await($$SELECT state = 'closed' FROM scheduler.job_recoveries$$);
CALL await($$SELECT state = 'active' FROM scheduler.jobs$$);
SELECT action, reason FROM scheduler.recovery_events ORDER BY event_id;

-- resumed by hand
UPDATE switch SET fails = true;
SELECT scheduler.set_recovery(:job, error_threshold => 2, restart_delay => '1 hour', max_restarts => 2);
CALL await($$SELECT state = 'open' FROM scheduler.job_recoveries$$);
UPDATE switch SET fails = false;
SELECT scheduler.resume_job(:job);
CALL await($$SELECT state = 'closed' FROM scheduler.job_recoveries$$);

-- others do not see it
CREATE ROLE recovery_other LOGIN;
SET ROLE recovery_other;
SELECT count(*) FROM scheduler.job_recoveries;
SELECT count(*) FROM scheduler.recovery_events;
SELECT scheduler.recover(:job);
RESET ROLE;
DROP ROLE recovery_other;
SELECT scheduler.drop_recovery(:job);
SELECT scheduler.drop_recovery(:job);
ALTER SYSTEM RESET pg_scheduler.monitor_interval;
SELECT pg_reload_conf();
DROP EXTENSION pg_scheduler;
DROP TABLE switch;
DROP FUNCTION work;
DROP PROCEDURE await;

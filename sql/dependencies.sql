-- Jobs and queues that depend on others: definition, and what comes of it.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
ALTER SYSTEM SET pg_scheduler.monitor_interval = '10ms';
SELECT pg_reload_conf();
CREATE TABLE switch (fails boolean);
INSERT INTO switch VALUES (false);
CREATE FUNCTION work() RETURNS void LANGUAGE plpgsql AS
$$BEGIN IF (SELECT fails FROM switch) THEN RAISE 'it fails'; END IF; END$$;
CREATE FUNCTION define(job_name text, depends_on text[] DEFAULT NULL, queue text DEFAULT 'default')
RETURNS boolean LANGUAGE sql AS
$$SELECT scheduler.schedule_job(job_name, '@yearly', 'SELECT work()', queue => queue, depends_on => depends_on) > 0$$;

-- Input
SELECT define('load');
SELECT define('load, part "2"', '{load}');
SELECT define('queue:odd', '{job:load}');
SELECT define('report', '{"load, part \"2\"", job:queue:odd, queue:default}', 'other');
SELECT scheduler.create_queue('other'), scheduler.create_queue('mail', depends_on => '{other, job:load}');
SELECT define('report', '{"load, part \"2\"", job:queue:odd, queue:default, load, load}', 'other');
SELECT job_name, depends_on FROM scheduler.jobs ORDER BY job_id;
SELECT queue_name, depends_on, start_timeout FROM scheduler.queues ORDER BY 1;
CALL await($$SELECT bool_and(state = 'healthy') FROM scheduler.job_health$$);
SELECT kind, name, on_kind, on_name, on_state FROM scheduler.dependencies ORDER BY 1, 2, 3, 4;
SELECT define('bad', '{missing}');
SELECT define('bad', '{queue:missing}');
SELECT define('bad', '{job_id:0}');
SELECT define('bad', '{job_id:1000000}');
SELECT define('bad', '{job_id:one}');
SELECT define('bad', '{load, NULL}');
SELECT define('bad', '{""}');
SELECT scheduler.alter_queue('mail', depends_on => '{load}');
SELECT scheduler.create_queue('bad', start_timeout => '-1 s');
SELECT count(*) FROM scheduler.jobs WHERE job_name = 'bad';

-- A script can be run again; what it does not say is gone
SELECT define('report', '{"load, part \"2\""}', 'other');
SELECT scheduler.alter_job('report', priority => 1);
SELECT depends_on FROM scheduler.jobs WHERE job_name = 'report';
SELECT define('report', NULL, 'other');
SELECT depends_on FROM scheduler.jobs WHERE job_name = 'report';

-- A name may change, and case counts
SELECT define('report', '{load}', 'other');
SELECT scheduler.alter_job('load', job_name => 'Load');
SELECT depends_on FROM scheduler.jobs WHERE job_name = 'report';
SELECT define('bad', '{load}');
SELECT scheduler.alter_job('Load', job_name => 'load');

-- Cycles
SELECT define('load', '{load}');
SELECT define('load', '{report}');
SELECT scheduler.alter_job('load', depends_on => '{job:load\, part \"2\"}');
SELECT define('middle', '{"load, part \"2\""}'), define('end', '{middle, load}');
SELECT scheduler.alter_job('load', depends_on => '{end}');
SELECT scheduler.alter_queue('other', depends_on => '{mail}');
SELECT scheduler.alter_queue('other', depends_on => '{other}');
-- a job does not run while its queue waits for it
SELECT scheduler.alter_queue('default', depends_on => '{job:load}');
-- and a queue is unhealthy because of it
SELECT scheduler.alter_job('load', depends_on => '{queue:default}');
SELECT scheduler.alter_job('load', queue => 'mail');
SELECT define('first', '{queue:other}', 'mail');
SELECT scheduler.alter_job('report', depends_on => '{queue:mail}');
SELECT scheduler.alter_job('report', queue => 'default', depends_on => '{queue:mail}');
SELECT scheduler.alter_job('report', queue => 'other');
SELECT job_name, queue, depends_on FROM scheduler.jobs WHERE job_name IN ('load', 'report') ORDER BY 1;

-- What others depend on stays
SELECT scheduler.unschedule_job('load');
SELECT scheduler.drop_queue('other');
SELECT scheduler.unschedule_job('report'), scheduler.unschedule_job('first');
SELECT scheduler.drop_queue('other');
SELECT scheduler.alter_queue('mail', depends_on => '{}');
SELECT scheduler.drop_queue('other'), scheduler.drop_queue('mail');
SELECT scheduler.alter_job('end', depends_on => '{}');
SELECT scheduler.unschedule_job('end'), scheduler.unschedule_job('middle');
SELECT scheduler.unschedule_job('load, part "2"'), scheduler.unschedule_job('queue:odd');
SELECT scheduler.unschedule_job('load');
SELECT count(*) FROM scheduler.dependency;

-- Whose jobs
CREATE ROLE regress_dep_alice LOGIN;
CREATE ROLE regress_dep_bob LOGIN;
CREATE ROLE regress_dep_chief LOGIN;
GRANT regress_dep_alice TO regress_dep_chief;
SET ROLE regress_dep_bob;
SELECT define('secret');
SELECT job_id AS secret FROM scheduler.jobs WHERE job_name = 'secret' \gset
SET ROLE regress_dep_alice;
SELECT define('mine', '{secret}');
SELECT set_config('test.secret', :'secret', false) <> '' AS set;
DO $$ BEGIN
	PERFORM scheduler.schedule_job('mine', '@yearly', 'SELECT 1', depends_on => ARRAY['job_id:' || current_setting('test.secret')]);
EXCEPTION WHEN undefined_object THEN
	RAISE NOTICE 'such a job does not exist';
END $$;
SELECT define('mine');
SELECT job_id AS mine FROM scheduler.jobs WHERE job_name = 'mine' \gset
SELECT scheduler.create_queue('mine', depends_on => '{default}');
RESET ROLE;
-- not even an admin makes somebody depend on what he may not see
DO $$ BEGIN
	PERFORM scheduler.alter_job(j.job_id, depends_on => ARRAY['job_id:' || current_setting('test.secret')])
		FROM scheduler.jobs j WHERE job_name = 'mine';
EXCEPTION WHEN insufficient_privilege THEN
	RAISE NOTICE 'not for this owner';
END $$;
SET ROLE regress_dep_chief;
SELECT scheduler.schedule_job('above', '@yearly', 'SELECT 1', depends_on => ARRAY['job_id:' || :mine]) > 0 AS scheduled;
SELECT depends_on = ARRAY['job_id:' || :mine] AS by_id FROM scheduler.jobs WHERE job_name = 'above';
SELECT kind, name, on_name FROM scheduler.dependencies;
SET ROLE regress_dep_alice;
-- who depends on it has no name here
SELECT kind, name, on_name FROM scheduler.dependencies;
\set VERBOSITY terse
SELECT scheduler.unschedule_job('mine');
\set VERBOSITY default
SET ROLE regress_dep_chief;
SELECT scheduler.unschedule_job('above');
SET ROLE regress_dep_alice;
SELECT scheduler.unschedule_job('mine');
SET ROLE regress_dep_bob;
SELECT scheduler.unschedule_job('secret');
RESET ROLE;

-- A diamond that is held while its top is paused
SELECT define('top');
SELECT define(side, '{top}') FROM unnest('{left,right}'::text[]) side;
SELECT scheduler.pause_job('top', 'for a while');
SELECT scheduler.schedule_job('bottom', 'now', 'SELECT work()', depends_on => '{left, right}') > 0 AS scheduled;
CALL await($$SELECT state = 'unhealthy' FROM scheduler.job_health WHERE job_name = 'bottom'$$);
CALL await($$SELECT count(*) = 3 FROM scheduler.alerts WHERE kind = 'dependency_unhealthy' AND resolved_at IS NULL$$);
SELECT job_name, state, reason FROM scheduler.job_health ORDER BY 1;
SELECT job_name, status, held_by FROM scheduler.runs WHERE job_name = 'bottom';
SELECT kind, severity, message FROM scheduler.alerts
	WHERE kind = 'dependency_unhealthy' ORDER BY message;
-- run_job() is for those who know better
\set AUTOCOMMIT off
SELECT scheduler.run_job('left') AS run \gset
COMMIT;
\set AUTOCOMMIT on
SELECT scheduler.wait_for_run(:run, '30 s');
SELECT scheduler.resume_job('top');
CALL await($$SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'bottom' AND status = 'succeeded'$$);
CALL await($$SELECT bool_and(state IN ('healthy', 'stopped')) FROM scheduler.job_health$$);
CALL await($$SELECT bool_and(resolved_at IS NOT NULL) FROM scheduler.alerts WHERE kind = 'dependency_unhealthy'$$);
SELECT job_name, count(*) FROM scheduler.runs GROUP BY 1 ORDER BY 1;

-- What fails once is degraded, and holds nobody; what goes on failing does
UPDATE switch SET fails = true;
\set AUTOCOMMIT off
SELECT scheduler.run_job('top') AS run \gset
COMMIT;
\set AUTOCOMMIT on
SELECT scheduler.wait_for_run(:run, '30 s');
CALL await($$SELECT state = 'degraded' FROM scheduler.job_health WHERE job_name = 'top'$$);
SELECT scheduler.schedule_job('after one', 'now', 'SELECT 1', depends_on => '{top}') > 0 AS scheduled;
CALL await($$SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'after one' AND status = 'succeeded'$$);
SELECT scheduler.alter_job('top', overlap => 'allow', max_instances => 9);
SELECT count(scheduler.run_job('top')) FROM generate_series(1, 4);
CALL await($$SELECT state = 'unhealthy' FROM scheduler.job_health WHERE job_name = 'left'$$);
SELECT job_name, state, reason FROM scheduler.job_health ORDER BY 1;
SELECT scheduler.schedule_job('after five', 'now', 'SELECT 1', depends_on => '{top}') > 0 AS scheduled;
CALL await($$SELECT held_by IS NOT NULL FROM scheduler.runs WHERE job_name = 'after five'$$);
SELECT status, held_by FROM scheduler.runs WHERE job_name = 'after five';
-- what waits too long is missed, while it waits
SELECT scheduler.schedule_job('in time', 'now', 'SELECT 1', depends_on => '{top}', misfire_grace => '2 seconds') > 0 AS scheduled;
CALL await($$SELECT status = 'missed' FROM scheduler.runs WHERE job_name = 'in time'$$);
UPDATE switch SET fails = false;
\set AUTOCOMMIT off
SELECT scheduler.run_job('top') AS run \gset
COMMIT;
\set AUTOCOMMIT on
SELECT scheduler.wait_for_run(:run, '30 s');
CALL await($$SELECT count(*) = 2 FROM scheduler.runs WHERE job_name IN ('after five', 'in time') AND finished_at IS NOT NULL$$);
SELECT job_name, status, error_message FROM scheduler.runs WHERE job_name IN ('after five', 'in time') ORDER BY 1;

-- A dependency that is taken away holds nobody
SELECT scheduler.pause_job('top');
SELECT scheduler.schedule_job('freed', 'now', 'SELECT 1', depends_on => '{top}') > 0 AS scheduled;
CALL await($$SELECT held_by IS NOT NULL FROM scheduler.runs WHERE job_name = 'freed'$$);
SELECT scheduler.alter_job('freed', depends_on => '{}');
CALL await($$SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'freed' AND status = 'succeeded'$$);
CALL await($$SELECT state = 'stopped' FROM scheduler.job_health WHERE job_name = 'freed'$$);
SELECT scheduler.resume_job('top');

-- A job that is over holds others when it ended badly
UPDATE switch SET fails = true;
SELECT scheduler.schedule_job('once', 'now', 'SELECT work()', max_retries => 1, retry_delay => '0') > 0 AS scheduled;
CALL await($$SELECT count(*) = 1 FROM scheduler.dead_letters WHERE job_name = 'once'$$);
SELECT scheduler.schedule_job('after once', 'now', 'SELECT 1', depends_on => '{once}') > 0 AS scheduled;
CALL await($$SELECT held_by IS NOT NULL FROM scheduler.runs WHERE job_name = 'after once'$$);
SELECT held_by FROM scheduler.runs WHERE job_name = 'after once';
UPDATE switch SET fails = false;
SELECT scheduler.redrive_dead_letters('once');
CALL await($$SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'after once' AND status = 'succeeded'$$);

-- Queues: one that is stopped holds the start of another
SELECT scheduler.create_queue('base', enabled => false);
SELECT scheduler.create_queue('upper', depends_on => '{base}', priority => 2);
SELECT scheduler.create_queue('roof', depends_on => '{upper}', priority => 3);
SELECT scheduler.schedule_job('roof', 'now', 'SELECT 1', queue => 'roof') > 0 AS scheduled;
CALL await($$SELECT bool_and(state = 'starting') FROM scheduler.queues WHERE queue_name IN ('upper', 'roof')$$);
CALL await($$SELECT count(*) = 2 FROM scheduler.alerts WHERE kind = 'dependency_unhealthy' AND resolved_at IS NULL$$);
CALL await($$SELECT held_by IS NOT NULL FROM scheduler.runs WHERE job_name = 'roof'$$);
SELECT queue_name, state, reason FROM scheduler.queues WHERE queue_name <> 'default' ORDER BY 1;
SELECT status, held_by FROM scheduler.runs WHERE job_name = 'roof';
SELECT subject, message FROM scheduler.alerts
	WHERE kind = 'dependency_unhealthy' AND resolved_at IS NULL ORDER BY 1;
SELECT scheduler.start_queue('base');
CALL await($$SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'roof' AND status = 'succeeded'$$);
CALL await($$SELECT bool_and(state = 'healthy') FROM scheduler.queues$$);
CALL await($$SELECT bool_and(resolved_at IS NOT NULL) FROM scheduler.alerts WHERE kind = 'dependency_unhealthy'$$);

-- and what has waited for its start_timeout goes on, degraded
SELECT scheduler.alter_queue('roof', start_timeout => '100 milliseconds');
SELECT scheduler.stop_all('0');
CALL await($$SELECT bool_and(state = 'stopped') FROM scheduler.queues$$);
SELECT scheduler.start_queue('roof');
SELECT scheduler.schedule_job('roof', 'now', 'SELECT 1', queue => 'roof') > 0 AS scheduled;
CALL await($$SELECT count(*) = 2 FROM scheduler.runs WHERE job_name = 'roof' AND status = 'succeeded'$$);
CALL await($$SELECT state = 'degraded' FROM scheduler.queues WHERE queue_name = 'roof'$$);
SELECT queue_name, state, reason FROM scheduler.queues WHERE queue_name <> 'default' ORDER BY 1;
CALL await($$SELECT resolved_at IS NULL FROM scheduler.alerts WHERE subject = 'queue roof' ORDER BY alert_id DESC LIMIT 1$$);
SELECT scheduler.start_all();
CALL await($$SELECT bool_and(state = 'healthy') FROM scheduler.queues$$);

-- A queue that is lost is missed by those who depend on it, jobs too
SELECT define('tenant', '{queue:base}');
SELECT scheduler.alter_queue('roof', start_timeout => '1 hour');
SELECT scheduler.stop_queue('base');
CALL await($$SELECT state = 'unhealthy' FROM scheduler.queues WHERE queue_name = 'roof'$$);
CALL await($$SELECT state = 'unhealthy' FROM scheduler.job_health WHERE job_name = 'tenant'$$);
SELECT reason FROM scheduler.job_health WHERE job_name = 'tenant';
SELECT queue_name, state, reason FROM scheduler.queues WHERE queue_name <> 'default' ORDER BY 1;
SELECT scheduler.drop_queue('base');
SELECT scheduler.drop_queue('roof');
SELECT scheduler.unschedule_job('roof'), scheduler.unschedule_job('tenant');
SELECT scheduler.drop_queue('roof'), scheduler.drop_queue('upper'), scheduler.drop_queue('base');
CALL await($$SELECT bool_and(resolved_at IS NOT NULL) FROM scheduler.alerts WHERE kind = 'dependency_unhealthy'$$);

-- Without monitoring nothing is found to be unhealthy
UPDATE switch SET fails = true;
SELECT count(scheduler.run_job('top')) FROM generate_series(1, 5);
CALL await($$SELECT state = 'unhealthy' FROM scheduler.job_health WHERE job_name = 'left'$$);
SELECT scheduler.schedule_job('unwatched', 'now', 'SELECT 1', depends_on => '{top}') > 0 AS scheduled;
CALL await($$SELECT held_by IS NOT NULL FROM scheduler.runs WHERE job_name = 'unwatched'$$);
ALTER SYSTEM SET pg_scheduler.monitoring = off;
SELECT pg_reload_conf();
CALL await($$SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'unwatched' AND status = 'succeeded'$$);
ALTER SYSTEM RESET pg_scheduler.monitoring;
SELECT pg_reload_conf();

-- The rule can be turned off; who depends waits all the same
SELECT scheduler.alter_alert_rule('dependency_unhealthy', enabled => false);
SELECT count(*) AS alerts FROM scheduler.alerts WHERE kind = 'dependency_unhealthy' \gset
SELECT scheduler.pause_job('top');
CALL await($$SELECT state = 'unhealthy' FROM scheduler.job_health WHERE job_name = 'left'$$);
SELECT count(*) - :alerts AS more FROM scheduler.alerts WHERE kind = 'dependency_unhealthy';

ALTER SYSTEM RESET pg_scheduler.monitor_interval;
SELECT pg_reload_conf();
DROP EXTENSION pg_scheduler;
DROP ROLE regress_dep_alice, regress_dep_bob, regress_dep_chief;
DROP PROCEDURE await;
DROP FUNCTION define, work;
DROP TABLE switch;

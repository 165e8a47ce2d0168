-- A role sees health, alerts and metrics of its own jobs only; a member of the
-- admin role sees all.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
CREATE ROLE regress_vis_ann LOGIN;
CREATE ROLE regress_vis_bob LOGIN;
CREATE ROLE regress_vis_team;
CREATE ROLE regress_vis_lead LOGIN IN ROLE regress_vis_ann, regress_vis_bob;
CREATE ROLE regress_vis_boss LOGIN IN ROLE regress_vis_team;
CREATE ROLE regress_vis_stranger LOGIN;
ALTER SYSTEM SET pg_scheduler.admin_role = 'regress_vis_team';
ALTER SYSTEM SET pg_scheduler.monitor_interval = '10ms';
ALTER SYSTEM SET pg_scheduler.metrics_interval = '1s';
SELECT pg_reload_conf();
SELECT scheduler.alter_alert_rule('job_failing', threshold => 1);

-- Two roles do the same: a job with a dead letter, a recovery, a check that
-- is true, a handler, an HTTP job that nobody answers
DO $$
DECLARE
	role text;
	job bigint;
BEGIN
	FOREACH role IN ARRAY '{regress_vis_ann,regress_vis_bob}'::text[] LOOP
		EXECUTE format('SET ROLE %I', role);
		job := scheduler.schedule_job('work', '@yearly', 'SELECT 1/0', max_retries => 1,
			retry_delay => '1 ms', retry_on => '{all}');
		PERFORM scheduler.set_recovery(job, 1);
		PERFORM scheduler.run_job(job);
		PERFORM scheduler.run_job(scheduler.schedule_http_job('call', '@yearly', 'http://127.0.0.1:1/'));
		PERFORM scheduler.create_alert_check('check', 'true', schedule => '1 second');
		PERFORM scheduler.create_alert_listener('listener', 'vis_channel');
		RESET ROLE;
	END LOOP;
END
$$;
CALL await($$SELECT count(DISTINCT job_name || owner) = 6 FROM scheduler.job_metrics$$);
CALL await($$SELECT count(*) = 2 FROM scheduler.recovery_events WHERE action = 'open'$$);
CALL await($$SELECT count(DISTINCT job_id) >= 6 FROM scheduler.alerts WHERE resolved_at IS NULL$$);
CALL await($$SELECT count(*) = 2 FROM scheduler.http_responses$$);
CALL await($$SELECT count(DISTINCT job_id) = 4 FROM scheduler.dead_letters$$);

-- Whose rows does a role see?  Rows of no job are those of the scheduler.
CREATE TABLE vis_job AS SELECT job_id, owner::text FROM scheduler.jobs;
GRANT SELECT ON vis_job TO PUBLIC;
CREATE FUNCTION seen(view text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	key text := CASE
		WHEN view IN ('metrics', 'alert_handlers') THEN 'v.owner::text'
		WHEN view = 'workers' THEN 'v.role::text'
		ELSE 'COALESCE((SELECT owner FROM vis_job j WHERE j.job_id = v.job_id), ''scheduler'')' END;
BEGIN
	EXECUTE format('SELECT string_agg(DISTINCT %s, '', '') FROM scheduler.%I v WHERE %s', key, view,
		-- the scheduler may have been restarted
		CASE WHEN view = 'recovery_events' THEN 'job_id IS NOT NULL' ELSE 'true' END) INTO result;
	RETURN COALESCE(replace(result, 'regress_vis_', ''), '-');
END
$$;
CREATE FUNCTION look(role text) RETURNS TABLE (what text, seen text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	RETURN QUERY SELECT v, seen(v) FROM unnest('{jobs,runs,dead_letters,alerts,alert_checks,
		alert_handlers,job_health,health,job_stats,job_metrics,metrics,job_recoveries,recovery_events,
		http_responses}'::text[]) v;
	RETURN QUERY SELECT 'scheduler_metrics', CASE WHEN count(*) > 0 THEN 'some' ELSE '-' END
		FROM scheduler.scheduler_metrics;
	RETURN QUERY SELECT 'queues, backlog', CASE WHEN count(backlog) > 0 THEN 'some' ELSE '-' END
		FROM scheduler.queues;
	RETURN QUERY SELECT 'queues, jobs', max(jobs)::text FROM scheduler.queues;
	RETURN QUERY SELECT 'health_summary(), jobs', scheduler.health_summary() -> 'jobs' ->> 'total';
	RETURN QUERY SELECT 'health_summary(), alerts',
		CASE WHEN (scheduler.health_summary() -> 'alerts' ->> 'open')::int = (SELECT count(*) FROM scheduler.alerts
			WHERE resolved_at IS NULL) THEN 'as the view' ELSE 'other' END;
	RETURN QUERY SELECT 'dashboard(), unhealthy jobs',
		(SELECT COALESCE(string_agg(DISTINCT replace(owner, 'regress_vis_', ''), ', '), '-') FROM vis_job
			WHERE job_id IN (SELECT (u ->> 'job_id')::bigint
				FROM jsonb_array_elements(scheduler.dashboard() -> 'unhealthy_jobs') u));
	RETURN QUERY SELECT 'dashboard(), alerts',
		CASE WHEN jsonb_array_length(scheduler.dashboard() -> 'alerts') > 0 THEN 'some' ELSE '-' END;
	RETURN QUERY SELECT 'prometheus_metrics(), dead letters',
		substring(scheduler.prometheus_metrics() FROM '\npg_scheduler_dead_letters{.*?} (\d+)');
	RETURN QUERY SELECT 'prometheus_metrics(), jobs', (SELECT sum(m[1]::int)::text
		FROM regexp_matches(scheduler.prometheus_metrics(), '^pg_scheduler_jobs{.*} (\d+)$', 'gn') m);
	RETURN QUERY SELECT 'prometheus_metrics(), of the scheduler', CASE WHEN scheduler.prometheus_metrics()
		~ 'pg_scheduler_(worker_restarts|http_in_flight|pending_runs)' THEN 'some' ELSE '-' END;
	RESET ROLE;
END
$$;
SELECT what, a.seen AS ann, b.seen AS bob, l.seen AS lead, s.seen AS stranger, o.seen AS boss
	FROM look('regress_vis_ann') WITH ORDINALITY AS a (what, seen, n)
	JOIN look('regress_vis_bob') b USING (what) JOIN look('regress_vis_lead') l USING (what)
	JOIN look('regress_vis_stranger') s USING (what) JOIN look('regress_vis_boss') o USING (what)
	ORDER BY n;

-- What a function that leaks sees is no more than that.
CREATE FUNCTION leak(t text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
	$$BEGIN RAISE NOTICE 'leaked %', t; RETURN true; END$$;
SET ROLE regress_vis_stranger;
SELECT count(*) FROM scheduler.job_health WHERE leak(job_name);
SELECT count(*) FROM scheduler.job_metrics WHERE leak(job_name);
SELECT count(*) FROM scheduler.alerts WHERE leak(message);
SELECT count(*) FROM scheduler.metrics WHERE leak(queue);
SELECT count(*) FROM scheduler.health WHERE scope = 'job' AND leak(name);
RESET ROLE;

-- Managing is as seeing.
SET ROLE regress_vis_ann;
SELECT scheduler.resolve_alert(alert_id) FROM (SELECT max(alert_id) AS alert_id
	FROM scheduler.alerts WHERE resolved_at IS NULL) a;
RESET ROLE;
SET ROLE regress_vis_stranger;
SELECT scheduler.clear_alerts(), scheduler.resolve_alerts('job_failing');
SELECT kind, threshold FROM scheduler.alert_rules WHERE altered;
SELECT kind FROM scheduler.alert_rule_preset;
SELECT scheduler.reset_alert_rule('job_failing');
SELECT scheduler.drop_alert_handler('listener');
SELECT scheduler.drop_alert_check('check');
RESET ROLE;
SET ROLE regress_vis_boss;
SELECT scheduler.reset_alert_rule('job_failing');
SELECT scheduler.clear_alerts() > 0 AS cleared;
RESET ROLE;

ALTER SYSTEM RESET pg_scheduler.admin_role;
ALTER SYSTEM RESET pg_scheduler.monitor_interval;
ALTER SYSTEM RESET pg_scheduler.metrics_interval;
SELECT pg_reload_conf();
DROP EXTENSION pg_scheduler;
DROP TABLE vis_job;
DROP FUNCTION seen, look, leak;
DROP PROCEDURE await;
DROP ROLE regress_vis_ann, regress_vis_bob, regress_vis_team, regress_vis_lead, regress_vis_boss, regress_vis_stranger;

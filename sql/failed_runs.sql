-- Runs that are over without success: their alert, dead letters, and how to run them again.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
SET client_min_messages = warning;
ALTER SYSTEM SET pg_scheduler.monitor_interval = '10ms';
ALTER SYSTEM SET pg_scheduler.metrics_interval = '1s';
SELECT pg_reload_conf();
CREATE TABLE log (line jsonb);
CREATE TABLE broken (yes boolean);
CREATE FUNCTION work(given jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM broken) THEN
		RAISE 'broken: %', given;
	END IF;
	INSERT INTO log VALUES (given);
END
$$;
CREATE FUNCTION open_alert(name text) RETURNS text LANGUAGE sql AS
$$SELECT string_agg(a.kind || ' ' || a.severity, ', ' ORDER BY a.kind) FROM scheduler.alerts a JOIN scheduler.jobs j USING (job_id)
	WHERE j.job_name = name AND resolved_at IS NULL AND a.kind IN ('job_failed', 'dead_letter')$$;

-- One failure is enough, without retries; the next success ends it.
INSERT INTO broken VALUES (true);
SELECT scheduler.schedule_job('nightly', '@yearly', 'SELECT work($1)', args => '1') > 0 AS id;
CALL run_job('nightly');
SELECT wait_until($$(SELECT open_alert('nightly') = 'job_failed error')$$);
SELECT message, count FROM scheduler.alerts WHERE kind = 'job_failed';
SELECT state, reason FROM scheduler.job_health WHERE job_name = 'nightly';
SELECT job_name, attempts, error_message, args, jsonb_array_length(attempt_log) AS log FROM scheduler.dead_letters;
DELETE FROM broken;
CALL run_job('nightly');
SELECT wait_until($$(SELECT open_alert('nightly') IS NULL)$$);
SELECT state, reason FROM scheduler.job_health WHERE job_name = 'nightly';

-- A one-off that failed is unhealthy, until it is redriven with success.
INSERT INTO broken VALUES (true);
SELECT scheduler.schedule_job('once', 'now', 'SELECT work($1)', args => '2') > 0 AS id;
SELECT wait_until($$(SELECT open_alert('once') = 'job_failed error')$$);
SELECT wait_until($$(SELECT state = 'unhealthy' FROM scheduler.job_health WHERE job_name = 'once')$$);
SELECT j.state AS job, h.state, h.reason FROM scheduler.job_health h JOIN scheduler.jobs j USING (job_id) WHERE h.job_name = 'once';
SELECT reason FROM scheduler.job_health_state JOIN scheduler.jobs USING (job_id) WHERE job_name = 'once';
DELETE FROM broken;
SELECT scheduler.redrive_dead_letters('once');
SELECT wait_until($$(SELECT open_alert('once') IS NULL)$$);
SELECT wait_until($$(SELECT state = 'stopped' FROM scheduler.job_health WHERE job_name = 'once')$$);
SELECT reason FROM scheduler.job_health WHERE job_name = 'once';

-- A redrive ends the alert at once; that it fails begins it again.
INSERT INTO broken VALUES (true);
CALL run_job('once');
SELECT wait_until($$(SELECT open_alert('once') = 'job_failed error')$$);
SELECT scheduler.stop();
SELECT scheduler.redrive_dead_letters('once');
SELECT wait_until($$(SELECT open_alert('once') IS NULL)$$);
SELECT scheduler.start();
SELECT wait_until($$(SELECT open_alert('once') = 'job_failed error')$$);
-- it goes with its job, and the failures that recover() forgives
SELECT scheduler.unschedule_job('once');
SELECT wait_until($$(SELECT count(*) = 0 FROM scheduler.alerts WHERE kind = 'job_failed' AND resolved_at IS NULL)$$);
CALL run_job('nightly');
SELECT wait_until($$(SELECT open_alert('nightly') = 'job_failed error')$$);
SELECT scheduler.recover('nightly') > 0 AS event;
SELECT wait_until($$(SELECT open_alert('nightly') IS NULL)$$);

-- With retries nothing is raised before the last.
SELECT scheduler.schedule_job('again', '@yearly', 'SELECT work(''3'')', max_retries => 1, retry_delay => '1 ms') > 0 AS id;
CALL run_job('again');
SELECT wait_until($$(SELECT open_alert('again') = 'dead_letter error, job_failed error')$$);
SELECT attempts, jsonb_array_length(attempt_log) AS log FROM scheduler.dead_letters WHERE job_name = 'again';
SELECT scheduler.schedule_job('waits', '@yearly', 'SELECT work(''3'')', max_retries => 1, retry_delay => '1 day', retry_jitter => false) > 0 AS id;
SELECT scheduler.run_job('waits') > 0 AS run;
SELECT wait_until($$(SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'waits' AND status = 'failed')$$);
SELECT wait_until($$(SELECT state = 'degraded' FROM scheduler.job_health WHERE job_name = 'waits')$$);
SELECT open_alert('waits') IS NULL AS none;

-- No letters where the job wants none; the alert is there.
SELECT dead_letters FROM scheduler.jobs WHERE job_name = 'again';
SELECT scheduler.schedule_job('no letters', '@yearly', 'SELECT work($1)', dead_letters => false) > 0 AS id;
CALL run_job('no letters', '{"given": 1}');
SELECT wait_until($$(SELECT open_alert('no letters') = 'job_failed error')$$);
SELECT count(*) FROM scheduler.dead_letters WHERE job_name = 'no letters';
SELECT scheduler.alter_job('no letters', dead_letters => true);
SELECT scheduler.alter_job('no letters', reset => '{dead_letters}');
SELECT dead_letters FROM scheduler.jobs WHERE job_name = 'no letters';

-- A rule that is off raises nothing.
SELECT scheduler.alter_alert_rule('job_failed', enabled => false);
SELECT wait_until($$(SELECT count(*) = 0 FROM scheduler.alerts WHERE kind = 'job_failed' AND resolved_at IS NULL)$$);
SELECT scheduler.reset_alert_rule('job_failed');

-- Any run that is over can be run again, with what it was given.
DELETE FROM broken;
SELECT run_id AS failed FROM scheduler.runs WHERE job_name = 'no letters' \gset
SELECT scheduler.retry_run(:failed) AS second \gset
SELECT scheduler.wait_for_run(:second);
SELECT status, triggered_by, redriven_from = :failed AS linked, args, scheduled_at = (SELECT scheduled_at FROM scheduler.runs WHERE run_id = :failed) AS same
FROM scheduler.runs WHERE run_id = :second;
-- one that succeeded, too
SELECT scheduler.retry_run(:second) AS third \gset
SELECT scheduler.wait_for_run(:third);
SELECT line, count(*) FROM log WHERE line ? 'given' GROUP BY line;
-- with its dead letter
SELECT dead_letter_id, run_id FROM scheduler.dead_letters WHERE job_name = 'again' \gset
SELECT scheduler.retry_run(:run_id) AS fourth \gset
SELECT scheduler.wait_for_run(:fourth);
SELECT redriven_at IS NOT NULL AS redriven FROM scheduler.dead_letters WHERE dead_letter_id = :dead_letter_id;
SELECT wait_until($$(SELECT open_alert('again') IS NULL)$$);
-- what is not over, or gone, or another's, is not
SELECT run_id AS waiting FROM scheduler.runs WHERE job_name = 'waits' AND status = 'queued' \gset
SELECT replace(error_of(format('SELECT scheduler.retry_run(%s)', :waiting)), :'waiting', 'N');
SELECT error_of('SELECT scheduler.retry_run(0)');
SELECT error_of('SELECT scheduler.retry_run(NULL)');
SELECT scheduler.pause_job('nightly');
BEGIN;
SELECT scheduler.retry_run(:failed) > 0 AS run;
SELECT replace(error_of(format('SELECT scheduler.retry_run(%s)', :failed)), :'failed', 'N');
ROLLBACK;
CREATE ROLE regress_failed_runs;
SET ROLE regress_failed_runs;
SELECT replace(error_of(format('SELECT scheduler.retry_run(%s)', :failed)), :'failed', 'N');
RESET ROLE;
DROP ROLE regress_failed_runs;
SELECT scheduler.unschedule_job('no letters');
SELECT regexp_replace(error_of(format('SELECT scheduler.retry_run(%s)', :failed)), 'job \d+', 'job N');

-- Of a job the newest 1,000 letters are kept, and the others counted.
INSERT INTO broken VALUES (true);
SELECT scheduler.schedule_job('always', 'every 1 ms', 'SELECT work(''4'')', max_runs => 1005, misfire => 'run_all', overlap => 'allow', max_instances => 10) > 0 AS id;
SELECT wait_until($$(SELECT state = 'finished' FROM scheduler.jobs WHERE job_name = 'always')$$);
SELECT wait_until($$(SELECT count(*) = 1000 AND min(older_dropped) = 5 FROM scheduler.dead_letters WHERE job_name = 'always')$$);
SELECT count(*), min(d.died_at) > (SELECT min(finished_at) FROM scheduler.runs WHERE job_name = 'always') AS newest
FROM scheduler.dead_letters d WHERE job_name = 'always';

--
-- demo.sql
--	  The main job at work, for the command ./demo.  psql variable "endpoint" is
--	  the URL of an HTTP server on this machine.
--
\set ECHO none
\pset null '-'
\pset footer off
\pset pager off
SET client_min_messages = warning;

CREATE SCHEMA demo;

-- Wait for a state, never for a time.
CREATE PROCEDURE demo.wait_until(condition text) LANGUAGE plpgsql AS $$
DECLARE
    reached boolean;
    give_up timestamptz := clock_timestamp() + interval '1 minute';
BEGIN
    LOOP
        EXECUTE 'SELECT ' || condition INTO reached;
        EXIT WHEN reached;
        IF clock_timestamp() > give_up THEN
            RAISE EXCEPTION 'waited a minute in vain for: %', condition;
        END IF;
        PERFORM pg_sleep(0.05);
    END LOOP;
END
$$;

\echo
\echo '=== Install it'
\echo
\set ECHO queries
CREATE EXTENSION pg_scheduler;

\set ECHO none
\echo
\echo '=== A SQL job that runs each second'
\echo
\set ECHO queries
CREATE TABLE demo.heartbeat (at timestamptz DEFAULT clock_timestamp());

SELECT scheduler.schedule_job('heartbeat', 'every 1 second',
                              'INSERT INTO demo.heartbeat DEFAULT VALUES');

CALL demo.wait_until($$ (SELECT count(*) >= 3 FROM scheduler.runs
                         WHERE job_name = 'heartbeat' AND status = 'succeeded') $$);

SELECT run_id, status, scheduled_at, started_at - scheduled_at AS delay, rows_affected
FROM scheduler.runs WHERE job_name = 'heartbeat' AND status = 'succeeded'
ORDER BY scheduled_at LIMIT 3;

\set ECHO none
\echo
\echo '=== What a run did, and its record, commit together: exactly once'
\echo
\set ECHO queries
SELECT (SELECT count(*) FROM demo.heartbeat) AS rows_written,
       (SELECT count(*) FROM scheduler.runs
        WHERE job_name = 'heartbeat' AND status = 'succeeded') AS runs_succeeded;
\set ECHO none

\echo
\echo '=== Run it now, with an argument, and wait for the outcome'
\echo
\set ECHO queries
CREATE TABLE demo.greeting (text text);

SELECT scheduler.schedule_job('greet', '@daily',
    $$INSERT INTO demo.greeting VALUES ('hello, ' || ($1 ->> 'name'))$$,
    args => '{"name": "world"}');

SELECT scheduler.run_job('greet', '{"name": "you"}') AS run_id \gset
SELECT scheduler.wait_for_run(:run_id, '30 seconds') AS outcome;
SELECT * FROM demo.greeting;
\set ECHO none

\echo
\echo '=== An HTTP job.  Addresses of this machine are refused unless a setting'
\echo '    allows them, as it does here'
\echo
\set ECHO queries
SHOW pg_scheduler.http_allowed_networks;

SELECT scheduler.schedule_http_job('webhook', 'now', :'endpoint' || '/orders',
    headers => '{"Content-Type": "application/json"}',
    body => '{"order": 42}');

CALL demo.wait_until($$ (SELECT count(*) = 1 FROM scheduler.runs
                         WHERE job_name = 'webhook' AND status = 'succeeded') $$);

SELECT run_id, status, http_status, finished_at - started_at AS took
FROM scheduler.runs WHERE job_name = 'webhook';
\set ECHO none

\echo
\echo '=== A job that fails is retried, and ends as a dead letter: nothing is lost'
\echo
\set ECHO queries
SELECT scheduler.schedule_job('broken', 'now', 'SELECT 1 / 0',
                              max_retries => 2, retry_delay => '200 milliseconds');

CALL demo.wait_until($$ EXISTS (SELECT FROM scheduler.dead_letters
                                WHERE job_name = 'broken') $$);
CALL demo.wait_until($$ (SELECT consecutive_failures = 3 FROM scheduler.job_health
                         WHERE job_name = 'broken') $$);

SELECT attempt, status, sqlstate, error_message
FROM scheduler.runs WHERE job_name = 'broken' ORDER BY attempt;

SELECT dead_letter_id, job_name, attempts, sqlstate, error_message
FROM scheduler.dead_letters;
\set ECHO none

\echo
\echo '=== What a schedule means'
\echo
\set ECHO queries
SELECT scheduler.describe_schedule('CRON_TZ=Europe/Berlin 30 2 * * mon-fri');

SELECT next_runs FROM scheduler.next_runs('CRON_TZ=Europe/Berlin 30 2 * * mon-fri', 3);
\set ECHO none

\echo
\echo '=== All jobs'
\echo
\set ECHO queries
SELECT job_id, job_name, kind, schedule, state, next_run_at, last_status
FROM scheduler.jobs ORDER BY job_id;
\set ECHO none

\echo
\echo '=== How they are'
\echo
\set ECHO queries
SELECT job_name, state, reason, consecutive_failures, success_rate
FROM scheduler.job_health ORDER BY job_name;
\set ECHO none

\set ECHO queries
SELECT * FROM scheduler.health;
\set ECHO none

\echo
\echo '=== All of it is done by these processes; no client connection is taken'
\echo
\set ECHO queries
SELECT backend_type, datname, usename, wait_event
FROM pg_stat_activity WHERE backend_type LIKE 'pg_scheduler%' ORDER BY backend_start;
\set ECHO none
\echo

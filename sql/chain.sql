-- Jobs that run after other jobs.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
SET timezone = 'UTC';
CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY, job text DEFAULT current_setting('pg_scheduler.job_name'), args jsonb);
GRANT ALL ON log TO PUBLIC;
CREATE TABLE switch (fails boolean);
INSERT INTO switch VALUES (false);

-- Wait until the scheduler knows of the end of each run that is over: until then
-- the job is at work for it, and may skip the next one.
CREATE FUNCTION wait_for_scheduler() RETURNS void LANGUAGE sql AS
$$SELECT wait_until('(scheduler.status() ->> ''pending_runs'')::bigint = (SELECT count(*) FROM scheduler.pending_run)')$$;
-- Wait until nothing is left to be done, but for the ends that wait.
CREATE FUNCTION wait_for_quiet() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM wait_until(format('NOT EXISTS (SELECT FROM scheduler.pending_run p JOIN scheduler.job j USING (job_id)
		WHERE j.paused_at IS NULL)'));
	PERFORM wait_for_scheduler();
END
$$;
-- Run a job and wait for its end, and for those of n runs of others that come of it.
CREATE PROCEDURE run_and_wait(name text, n int, args jsonb DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
	id bigint := scheduler.run_job(name, args);
BEGIN
	COMMIT;
	PERFORM scheduler.wait_for_run(id, interval '30 seconds');
	PERFORM wait_until(format('(SELECT count(*) >= %s AND bool_and(finished_at IS NOT NULL) FROM scheduler.run_chain(%s))', n + 1, id));
	PERFORM wait_for_scheduler();
END
$$;
-- What has come of runs so far, in order; then it is forgotten.
CREATE FUNCTION take_log() RETURNS TABLE (job text, args jsonb) LANGUAGE sql AS $$
	WITH taken AS (DELETE FROM log RETURNING *) SELECT job, args FROM taken ORDER BY id
$$;

--
-- A leader and its followers
--
SELECT scheduler.schedule_job('extract', '@at 2199-12-31', 'INSERT INTO log (args) SELECT $1 WHERE 1 / (SELECT 1 - fails::int FROM switch) = 1') AS extract \gset
SELECT scheduler.schedule_job('load', NULL, 'INSERT INTO log (args) VALUES ($1)', after => 'extract') AS load \gset
SELECT scheduler.schedule_job('complain', NULL, 'INSERT INTO log (args) VALUES ($1)', after => 'extract', after_on => 'failure') > 0 AS id;
SELECT scheduler.schedule_job('tidy', NULL, 'INSERT INTO log (args) VALUES ($1)', after => 'extract', after_on => 'any') > 0 AS id;
SELECT job_name, schedule, state, next_run_at, after, after_on FROM scheduler.jobs ORDER BY job_id;
SELECT job_name, leader_name, after_on, ended_run_id FROM scheduler.chains ORDER BY job_id;

CALL run_and_wait('extract', 2);
SELECT job FROM take_log() ORDER BY job;
UPDATE switch SET fails = true;
CALL run_and_wait('extract', 2);
SELECT job FROM take_log() ORDER BY job;
-- a run that is cancelled before it begins, and one that is cancelled while it runs
SELECT scheduler.cancel_run(scheduler.run_job('extract'));
SELECT wait_until($$(SELECT count(*) = 3 FROM scheduler.run_history WHERE job_name = 'tidy')$$);
SELECT scheduler.alter_job('extract', command => 'SELECT pg_sleep(1000)');
SELECT scheduler.run_job('extract') AS run \gset
SELECT wait_until(format('(SELECT status = ''running'' FROM scheduler.runs WHERE run_id = %s)', :run));
SELECT scheduler.cancel_run(:run);
SELECT wait_until($$(SELECT count(*) = 4 FROM scheduler.run_history WHERE job_name = 'tidy')$$);
-- and one that takes too long
SELECT scheduler.alter_job('extract', timeout => '10 milliseconds');
CALL run_and_wait('extract', 2);
SELECT job, count(*) FROM take_log() GROUP BY job ORDER BY job;
SELECT r.job_name, r.status, r.triggered_by, t.job_name AS of, t.status AS of_status, r.scheduled_at = t.finished_at AS at_its_end,
	cardinality(r.trigger_run_ids)
FROM scheduler.runs r LEFT JOIN scheduler.runs t ON t.run_id = ANY (r.trigger_run_ids)
ORDER BY t.run_id, r.job_id;

-- Only the last attempt is an end.
UPDATE switch SET fails = true;
SELECT scheduler.alter_job('extract', timeout => '1 minute', max_retries => 1, retry_delay => '0', retry_on => '{all}',
	command => $$INSERT INTO log VALUES (DEFAULT, current_setting('pg_scheduler.attempt')); SELECT 1 / (current_setting('pg_scheduler.attempt')::int - 1)$$);
CALL run_and_wait('extract', 2);
SELECT job FROM take_log() ORDER BY job;
SELECT scheduler.alter_job('extract', command => 'SELECT 1 / 0');
CALL run_and_wait('extract', 2);
SELECT job FROM take_log() ORDER BY job;
-- Procedures, and statements that stand alone, lead as well.
SELECT scheduler.alter_job('extract', max_retries => 0, command => 'DO $x$ BEGIN COMMIT; END $x$');
CALL run_and_wait('extract', 2);
SELECT job FROM take_log() ORDER BY job;
SELECT scheduler.alter_job('extract', command => 'DO $x$ BEGIN COMMIT; RAISE division_by_zero; END $x$');
CALL run_and_wait('extract', 2);
SELECT job FROM take_log() ORDER BY job;
SELECT scheduler.alter_job('extract', command => 'VACUUM switch');
CALL run_and_wait('extract', 2);
SELECT job FROM take_log() ORDER BY job;
-- What fails in its commit has not succeeded.
CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);
SELECT scheduler.alter_job('extract', command => 'INSERT INTO deferred VALUES (1), (1)');
CALL run_and_wait('extract', 2);
SELECT job FROM take_log() ORDER BY job;
SELECT count(*) FROM scheduler.leader_end;
-- A dead letter that is redriven ends as any run does.
SELECT scheduler.alter_job('extract', command => 'SELECT 1');
SELECT count(scheduler.redrive_dead_letter(dead_letter_id)) FROM (SELECT min(dead_letter_id) AS dead_letter_id FROM scheduler.dead_letters WHERE job_name = 'extract') d;
SELECT wait_until($$(SELECT count(*) = 5 FROM scheduler.run_history WHERE job_name = 'load' AND status = 'succeeded')$$);
SELECT wait_for_quiet();
SELECT job FROM take_log() ORDER BY job;
SELECT leads, follows FROM scheduler.job ORDER BY job_id;

--
-- Arguments
--
SELECT count(scheduler.unschedule_job(job_id)) FROM scheduler.jobs WHERE after IS NOT NULL;
SELECT leads, follows FROM scheduler.job ORDER BY job_id;
SELECT scheduler.unschedule_job('extract');
SELECT scheduler.schedule_job('a', '@at 2199-12-31', 'SELECT 1', args => '{"from": "a", "a": 1}') > 0 AS id;
SELECT scheduler.schedule_job('own', NULL, 'INSERT INTO log (args) VALUES ($1)', after => 'a', args => '{"from": "own", "own": 1}') > 0 AS id;
SELECT scheduler.schedule_job('none', NULL, 'INSERT INTO log (args) VALUES ($1)', after => 'a') > 0 AS id;
SELECT scheduler.schedule_job('next', NULL, 'INSERT INTO log (args) VALUES ($1)', after => 'own', args => '{"next": [1]}') > 0 AS id;
CALL run_and_wait('a', 3);
SELECT * FROM take_log() ORDER BY job;
CALL run_and_wait('a', 3, '{"run": true}');
SELECT * FROM take_log() ORDER BY job;
CALL run_and_wait('a', 3, '[1, 2]');
SELECT * FROM take_log() ORDER BY job;
-- out of line, compressed or not
SELECT scheduler.run_job('a', (SELECT jsonb_object_agg(i, md5(i::text)) FROM generate_series(1, 500) i)) AS run \gset
SELECT wait_until(format('(SELECT count(*) = 4 AND bool_and(finished_at IS NOT NULL) FROM scheduler.run_chain(%s))', :run));
SELECT job, (SELECT count(*) FROM jsonb_object_keys(args)) FROM take_log() ORDER BY job;

--
-- Several leaders
--
SELECT count(scheduler.unschedule_job(job_id, cascade => true)) FROM (SELECT * FROM scheduler.jobs ORDER BY job_id DESC) j;
SELECT scheduler.schedule_job(name, '@at 2199-12-31', 'SELECT 1', args => jsonb_build_object('last', name, name, 1)) > 0 AS id
FROM unnest('{a,b,c}'::text[]) name;
SELECT scheduler.schedule_job('join', NULL, 'INSERT INTO log (args) VALUES ($1)', after => ' c,a , b', args => '{"own": 1}') > 0 AS id;
SELECT after FROM scheduler.jobs WHERE job_name = 'join';
CALL run_and_wait('a', 0);
CALL run_and_wait('b', 0);
SELECT wait_until($$(SELECT count(*) = 2 FROM scheduler.chains WHERE ended_status = 'succeeded')$$);
SELECT leader_name, ended_status FROM scheduler.chains ORDER BY leader_id;
-- a leader that ends again counts once, with its last run
CALL run_and_wait('a', 0, '{"again": 1}');
SELECT wait_until($$(SELECT count(*) = 2 FROM scheduler.leader_end)$$);
CALL run_and_wait('c', 1);
SELECT * FROM take_log();
SELECT leader_name, ended_status FROM scheduler.chains ORDER BY leader_id;
SELECT wait_until($$NOT EXISTS (SELECT FROM scheduler.leader_end)$$);
CALL run_and_wait('c', 0);
CALL run_and_wait('b', 0);
SELECT count(*) FROM take_log();
CALL run_and_wait('a', 1);
SELECT count(*) FROM take_log();
SELECT run_id = min(run_id) OVER (PARTITION BY job_id), array_length(trigger_run_ids, 1) FROM scheduler.runs WHERE job_name = 'join' ORDER BY run_id;
-- without the leader that it waits for it runs
CALL run_and_wait('a', 0);
CALL run_and_wait('b', 0);
SELECT scheduler.alter_job('join', after => 'a, b');
SELECT wait_until($$(SELECT count(*) = 3 FROM scheduler.run_history WHERE job_name = 'join')$$);
-- one that was not waited for has no effect later
CALL run_and_wait('c', 0);
SELECT scheduler.alter_job('join', after => 'c, b');
CALL run_and_wait('b', 0);
SELECT leader_name, ended_status FROM scheduler.chains ORDER BY leader_id;
SELECT count(*) FROM take_log();

-- A diamond
SELECT scheduler.unschedule_job('join');
SELECT scheduler.alter_job('b', after => 'a', schedule => '');
SELECT scheduler.alter_job('c', after => 'a', schedule => '');
SELECT scheduler.schedule_job('d', NULL, 'INSERT INTO log (args) VALUES ($1)', after => 'b, c') > 0 AS id;
CALL run_and_wait('a', 3);
CALL run_and_wait('a', 3, '{"x": "y"}');
SELECT * FROM take_log();
SELECT max(run_id) AS last FROM scheduler.runs WHERE job_name = 'c' \gset
SELECT depth, job_name, status, array_length(trigger_run_ids, 1) AS triggers FROM scheduler.run_chain(:last) ORDER BY depth, job_name;
SELECT count(*) FROM scheduler.run_chain(-1);
SELECT count(*) FROM scheduler.forecast('500 years');
-- a job that has a schedule too runs by both
SELECT scheduler.alter_job('d', schedule => 'now');
SELECT wait_until($$(SELECT count(*) = 3 FROM scheduler.run_history WHERE job_name = 'd')$$);
CALL run_and_wait('a', 3);
SELECT count(*) FROM take_log();
SELECT state, schedule, after FROM scheduler.jobs WHERE job_name = 'd';
SELECT triggered_by, count(*) FROM scheduler.runs WHERE job_name = 'd' GROUP BY 1 ORDER BY 1;

--
-- Names
--
SELECT scheduler.unschedule_job('d');
SELECT scheduler.schedule_job(name, '@at 2199-12-31', 'SELECT 1') > 0 AS id
FROM unnest(ARRAY['one, two', 'One', 'one', 'two', ' sp aced ', 'in the middle', 'say "hi"', '"quoted"']) name;
SELECT scheduler.schedule_job('f', NULL, 'SELECT 1', after => 'one, two') > 0 AS id;
SELECT after FROM scheduler.jobs WHERE job_name = 'f';
SELECT scheduler.alter_job('f', after => 'two, one');
SELECT after FROM scheduler.jobs WHERE job_name = 'f';
SELECT scheduler.alter_job('f', after => $$"one, two",One ," sp aced ", in the middle,say "hi","""quoted"""$$);
SELECT after AS names FROM scheduler.jobs WHERE job_name = 'f' \gset
SELECT :'names';
SELECT leader_name FROM scheduler.chains WHERE job_name = 'f' ORDER BY leader_id;
SELECT scheduler.alter_job('f', after => :'names');
SELECT after = :'names' AS same FROM scheduler.jobs WHERE job_name = 'f';

--
-- Errors
--
SELECT error_of(format('SELECT scheduler.alter_job(%L, after => %L)', 'f', bad)) AS error
FROM unnest(ARRAY[',', 'one,', 'one,,two', '  ', '"one', '"one" two', '""', 'one, "one"', 'nobody', 'ONE', 'one two', repeat('x', 1000)]) bad;
SELECT error_of($$SELECT scheduler.alter_job('f', after_on => 'sometimes')$$);
SELECT error_of($$SELECT scheduler.alter_job('one', after_on => 'any')$$);
SELECT error_of($$SELECT scheduler.schedule_job('g', NULL, 'SELECT 1')$$);
SELECT error_of($$SELECT scheduler.schedule_job('g', '', 'SELECT 1')$$);
SELECT error_of($$SELECT scheduler.schedule_job('g', NULL, 'SELECT 1', after => '')$$);
SELECT error_of($$SELECT scheduler.schedule_job('g', NULL, 'SELECT 1', after => 'one', after_on => NULL)$$);
SELECT error_of($$SELECT scheduler.schedule_job('g', NULL, 'SELECT 1', after => 'g')$$);
SELECT error_of($$SELECT scheduler.alter_job('f', after => '')$$);
SELECT error_of($$SELECT scheduler.alter_job('f', schedule => '', after => '')$$);
SELECT error_of($$SELECT scheduler.schedule_job('f', NULL, 'SELECT 1')$$);
-- a request that goes when it is over cannot be waited for
BEGIN;
SELECT scheduler.http_request('http://127.0.0.1:1/', max_retries => 0) AS run \gset
SELECT replace(error_of(format('SELECT scheduler.alter_job(%L, after => %L)', 'f', (SELECT job_name FROM scheduler.runs WHERE run_id = :run))), :'run', 'N') AS error;
ROLLBACK;

-- Cycles
SELECT scheduler.schedule_job('w', '@at 2199-12-31', 'SELECT 1') > 0 AS id;
SELECT scheduler.schedule_job('x', NULL, 'SELECT 1', after => 'w') > 0 AS id;
SELECT scheduler.schedule_job('y', NULL, 'SELECT 1', after => 'one, x') > 0 AS id;
SELECT scheduler.schedule_job('z', NULL, 'SELECT 1', after => 'two, y, x') > 0 AS id;
SELECT error_of($$SELECT scheduler.alter_job('w', after => 'w')$$);
SELECT error_of($$SELECT scheduler.alter_job('w', after => 'two, z')$$);
SELECT error_of($$SELECT scheduler.schedule_job('x', NULL, 'SELECT 1', after => 'y')$$);
SELECT after FROM scheduler.jobs WHERE job_name IN ('w', 'x') ORDER BY job_id;

--
-- Changes
--
SELECT scheduler.alter_job('x', after_on => 'any', priority => 3);
SELECT schedule, after, after_on, priority FROM scheduler.jobs WHERE job_name = 'x';
SELECT scheduler.alter_job('x', after => 'w, two');
SELECT schedule, after, after_on FROM scheduler.jobs WHERE job_name = 'x';
SELECT scheduler.alter_job('x', after => '', schedule => '@at 2199-12-31');
SELECT schedule, after, after_on, state, next_run_at FROM scheduler.jobs WHERE job_name = 'x';
SELECT scheduler.schedule_job('x', '@at 2199-12-31', 'SELECT 1', after => 'w') > 0 AS id;
SELECT scheduler.schedule_job('x', '@at 2199-12-31', 'SELECT 1') > 0 AS id;
SELECT schedule, after, after_on FROM scheduler.jobs WHERE job_name = 'x';
-- a leader keeps its followers when it is replaced, or renamed
SELECT scheduler.schedule_job('x', '@daily', 'SELECT 2') > 0 AS id;
SELECT scheduler.alter_job('x', job_name => 'the x');
SELECT job_name, after FROM scheduler.jobs WHERE job_name IN ('y', 'z') ORDER BY job_id;
SELECT job_name, leads, follows FROM scheduler.job WHERE job_name IN ('w', 'the x', 'y', 'z') ORDER BY job_id;

-- Dropping
SELECT scheduler.unschedule_job('the x');
SELECT scheduler.unschedule_job('the x', cascade => true);
SELECT job_name, after, schedule FROM scheduler.jobs WHERE job_name IN ('y', 'z') ORDER BY job_id;
SELECT scheduler.unschedule_job('z');
SELECT scheduler.unschedule_job('y');
DELETE FROM scheduler.job WHERE job_name = 'one, two';
SELECT after FROM scheduler.jobs WHERE job_name = 'f';
SELECT count(*) FROM scheduler.run_after a WHERE NOT EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = a.leader_id);
SELECT job_name FROM scheduler.job WHERE leads ORDER BY job_id;

--
-- The options of a follower
--
SELECT count(scheduler.unschedule_job(job_id, cascade => true)) > 0 AS dropped FROM (SELECT * FROM scheduler.jobs ORDER BY job_id DESC) j;
SELECT scheduler.schedule_job('lead', '@at 2199-12-31', 'SELECT 1') > 0 AS id;
SELECT scheduler.schedule_job('follow', NULL, 'SELECT pg_sleep(1000)', after => 'lead', max_runs => 3) > 0 AS id;
-- overlap
SELECT scheduler.run_job('lead') AS first \gset
SELECT wait_until($$(SELECT status = 'running' FROM scheduler.runs WHERE job_name = 'follow')$$);
CALL run_job('lead');
SELECT wait_until($$(SELECT count(*) = 2 FROM scheduler.runs WHERE job_name = 'follow')$$);
SELECT job_name, status, triggered_by, error_message, array_length(trigger_run_ids, 1) FROM scheduler.runs WHERE job_name = 'follow' ORDER BY run_id;
SELECT scheduler.alter_job('follow', overlap => 'queue');
CALL run_job('lead');
SELECT wait_until($$(SELECT count(*) = 3 FROM scheduler.runs WHERE job_name = 'follow')$$);
SELECT status FROM scheduler.runs WHERE job_name = 'follow' ORDER BY run_id;
SELECT scheduler.alter_job('follow', command => 'SELECT 1', overlap => 'skip');
SELECT scheduler.cancel_run(run_id) FROM scheduler.runs WHERE job_name = 'follow' AND status = 'running';
SELECT wait_for_quiet();
SELECT status FROM scheduler.runs WHERE job_name = 'follow' ORDER BY run_id;
-- max_runs
CALL run_and_wait('lead', 1);
SELECT wait_until($$(SELECT state = 'finished' FROM scheduler.jobs WHERE job_name = 'follow')$$);
CALL run_and_wait('lead', 0);
SELECT wait_until('NOT EXISTS (SELECT FROM scheduler.leader_end)');
SELECT count(*) FROM scheduler.runs WHERE job_name = 'follow' AND triggered_by = 'after';
-- paused: it runs once when it is resumed
SELECT scheduler.schedule_job('follow', NULL, 'SELECT 1', after => 'lead') > 0 AS id;
SELECT scheduler.pause_job('follow');
CALL run_job('lead');
CALL run_job('lead');
SELECT wait_until('(SELECT count(*) = 1 FROM scheduler.leader_end)');
SELECT ended_run_id = (SELECT max(run_id) FROM scheduler.runs WHERE job_name = 'lead') AS the_last FROM scheduler.chains;
SELECT scheduler.resume_job('follow');
SELECT wait_until('NOT EXISTS (SELECT FROM scheduler.leader_end)');
SELECT wait_for_quiet();
SELECT status, count(*) FROM scheduler.runs WHERE job_name = 'follow' AND triggered_by = 'after' GROUP BY 1 ORDER BY 1;
-- or not at all, when it is too late then
SELECT scheduler.alter_job('follow', misfire_grace => '1 microsecond');
SELECT scheduler.pause_job('follow');
CALL run_job('lead');
SELECT wait_until('(SELECT count(*) = 1 FROM scheduler.leader_end)');
SELECT scheduler.resume_job('follow');
SELECT wait_until('NOT EXISTS (SELECT FROM scheduler.leader_end)');
SELECT status, error_message, triggered_by, array_length(trigger_run_ids, 1) FROM scheduler.runs WHERE job_name = 'follow' ORDER BY run_id DESC LIMIT 1;
-- limits of time, calendars
SELECT scheduler.schedule_job('follow', NULL, 'SELECT 1', after => 'lead', starts_at => '2199-01-01') > 0 AS id;
CALL run_job('lead');
SELECT wait_until('NOT EXISTS (SELECT FROM scheduler.leader_end)');
SELECT scheduler.schedule_job('follow', NULL, 'SELECT 1', after => 'lead', ends_at => '2020-01-01') > 0 AS id;
SELECT state FROM scheduler.jobs WHERE job_name = 'follow';
CALL run_job('lead');
SELECT wait_until('NOT EXISTS (SELECT FROM scheduler.leader_end)');
SELECT scheduler.create_calendar('never', 'include');
SELECT scheduler.schedule_job('follow', NULL, 'SELECT 1', after => 'lead', calendar => 'never') > 0 AS id;
CALL run_and_wait('lead', 1);
SELECT scheduler.schedule_job('follow', NULL, 'SELECT 1', after => 'lead', calendar => 'never', calendar_action => 'defer') > 0 AS id;
CALL run_and_wait('lead', 1);
SELECT status, error_message FROM scheduler.runs WHERE job_name = 'follow' AND triggered_by = 'after' ORDER BY run_id DESC LIMIT 2;
-- a stopped queue
SELECT scheduler.create_queue('slow');
SELECT scheduler.stop_queue('slow');
SELECT scheduler.schedule_job('follow', NULL, 'SELECT 1', after => 'lead', queue => 'slow', priority => 7) > 0 AS id;
CALL run_job('lead');
SELECT wait_until($$EXISTS (SELECT FROM scheduler.runs WHERE job_name = 'follow' AND status = 'queued')$$);
SELECT priority FROM scheduler.pending_run;
SELECT depth, job_name, status FROM scheduler.run_chain((SELECT run_id FROM scheduler.pending_run));
-- a run that waits when the job is paused does so until it is resumed
SELECT scheduler.pause_job('follow');
SELECT scheduler.start_queue('slow');
SELECT scheduler.resume_job('follow');
SELECT wait_for_quiet();
SELECT status FROM scheduler.runs WHERE job_name = 'follow' ORDER BY run_id DESC LIMIT 1;

-- A scheduler that starts takes up what has ended before.
SELECT scheduler.stop('1 minute');
SELECT scheduler.cancel_run(scheduler.run_job('lead')) FROM generate_series(1, 2);
SELECT scheduler.alter_job('follow', after_on => 'any', overlap => 'queue');
SELECT scheduler.cancel_run(scheduler.run_job('lead')) FROM generate_series(1, 2);
SELECT count(*) AS ends FROM scheduler.leader_end;
SELECT count(*) AS runs FROM scheduler.runs WHERE job_name = 'follow' AND status = 'succeeded' \gset
SELECT scheduler.start();
SELECT wait_until('NOT EXISTS (SELECT FROM scheduler.leader_end)');
SELECT wait_for_quiet();
SELECT count(*) - :runs AS more FROM scheduler.runs WHERE job_name = 'follow' AND status = 'succeeded';

--
-- Roles
--
SET client_min_messages = warning;
CREATE ROLE regress_chain_team LOGIN;
CREATE ROLE regress_chain_club LOGIN;
CREATE ROLE regress_chain_alice LOGIN IN ROLE regress_chain_team, regress_chain_club;
CREATE ROLE regress_chain_bob LOGIN;
GRANT regress_chain_bob TO CURRENT_USER;
-- nothing of a leader's session has a say
ALTER ROLE regress_chain_team SET default_transaction_read_only = on;
ALTER ROLE regress_chain_team SET default_transaction_isolation = serializable;
ALTER ROLE regress_chain_team SET search_path = pg_temp;
RESET client_min_messages;
SET ROLE regress_chain_team;
SELECT scheduler.schedule_job('shared', '@at 2199-12-31', 'SET enable_indexscan = off; SELECT 1', args => '{"from": "team"}') > 0 AS id;
SET ROLE regress_chain_alice;
SELECT scheduler.schedule_job('hers', NULL, 'INSERT INTO log (args) VALUES ($1)', after => 'shared') > 0 AS id;
SELECT after FROM scheduler.jobs WHERE job_name = 'hers';
SET ROLE regress_chain_bob;
-- what bob may not see does not exist
SELECT error_of($$SELECT scheduler.schedule_job('his', NULL, 'SELECT 1', after => 'shared')$$);
SELECT error_of($$SELECT scheduler.schedule_job('his', NULL, 'SELECT 1', after => 'hers')$$);
SELECT count(*) FROM scheduler.chains;
SELECT count(*) FROM scheduler.run_after;
RESET ROLE;
SELECT error_of($$SELECT scheduler.schedule_job('his', NULL, 'SELECT 1', after => 'shared', run_as => 'regress_chain_bob')$$);
-- a leader of the caller's own goes first; two of others are one too many
SET ROLE regress_chain_club;
SELECT scheduler.schedule_job('shared', '@at 2199-12-31', 'SELECT 1') > 0 AS id;
SET ROLE regress_chain_alice;
SELECT error_of($$SELECT scheduler.alter_job('hers', after => 'shared')$$);
RESET ROLE;
-- the team learns that there is a follower, not which
SET ROLE regress_chain_team;
SELECT error_of($$SELECT scheduler.unschedule_job('shared')$$);
SELECT count(*) FROM scheduler.chains;
RESET ROLE;
SET ROLE regress_chain_team;
CALL run_job('shared');
RESET ROLE;
SELECT wait_until('EXISTS (SELECT FROM log)');
SELECT * FROM take_log();
SELECT wait_for_quiet();
SET ROLE regress_chain_alice;
SELECT depth, job_name, status FROM scheduler.run_chain((SELECT max(run_id) FROM scheduler.runs WHERE job_name = 'hers'));
SET ROLE regress_chain_team;
SELECT depth, job_name, status FROM scheduler.run_chain((SELECT max(run_id) FROM scheduler.runs));
SET ROLE regress_chain_bob;
SELECT count(*) FROM scheduler.run_chain((SELECT max(run_id) FROM scheduler.run_trigger));
SELECT count(*) FROM scheduler.run_trigger;
RESET ROLE;
-- a job cannot be given to a role that may not know of its leaders
SELECT error_of(format('SELECT scheduler.alter_job(%s, run_as => %L)', job_id, 'regress_chain_bob')) FROM scheduler.jobs WHERE job_name = 'hers';
-- who is a member no more follows no more
REVOKE regress_chain_team FROM regress_chain_alice;
SET ROLE regress_chain_team;
CALL run_job('shared');
RESET ROLE;
SELECT wait_until('NOT EXISTS (SELECT FROM scheduler.leader_end)');
SELECT wait_for_quiet();
SELECT count(*) FROM log;
SELECT count(*) FROM scheduler.runs WHERE job_name = 'hers';
-- DROP OWNED takes the chain along, not the follower
GRANT regress_chain_team TO regress_chain_alice;
DROP OWNED BY regress_chain_team;
SELECT job_name, after, schedule FROM scheduler.jobs WHERE job_name = 'hers';
SELECT count(*) FROM scheduler.chains WHERE job_name = 'hers';
DROP OWNED BY regress_chain_alice, regress_chain_club, regress_chain_bob;
DROP ROLE regress_chain_team, regress_chain_club, regress_chain_alice, regress_chain_bob;
SELECT * FROM scheduler.run_trigger t WHERE NOT EXISTS (SELECT FROM scheduler.runs r WHERE r.run_id = t.run_id);

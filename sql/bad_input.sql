-- Bad input: one clear error each, and nothing half done.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
SET timezone = 'UTC';
CREATE ROLE regress_nologin;
CREATE ROLE regress_noconnect LOGIN;

-- The statement's error with its SQLSTATE, detail and hint.
CREATE VIEW jobs_left AS SELECT count(*) AS jobs FROM scheduler.jobs;
CREATE FUNCTION bad(options text) RETURNS text LANGUAGE sql AS
	$$SELECT error_of('SELECT scheduler.schedule_job(' || options || ')')$$;
CREATE FUNCTION bad_option(option text) RETURNS text LANGUAGE sql AS
	$$SELECT bad($q$'j', '@daily', 'SELECT 1', $q$ || option)$$;

-- names
SELECT bad($$NULL, '@daily', 'SELECT 1'$$);
SELECT bad($$'', '@daily', 'SELECT 1'$$);
SELECT bad($$repeat('n', 10000), '@daily', 'SELECT 1'$$);
SELECT bad($$repeat('ä', 5000), '@daily', 'SELECT 1'$$);
SELECT bad($$repeat('n', 1000000), '@daily', 'SELECT 1'$$);
-- schedules
SELECT bad($$'j', NULL, 'SELECT 1'$$);
SELECT bad($$'j', '', 'SELECT 1'$$);
SELECT bad($$'j', 'sometimes', 'SELECT 1'$$);
SELECT bad($$'j', '61 * * * *', 'SELECT 1'$$);
SELECT bad($$'j', '* * * *', 'SELECT 1'$$);
SELECT bad($$'j', '0 0 30 2 *', 'SELECT 1'$$);
SELECT bad($$'j', 'every 0 seconds', 'SELECT 1'$$);
SELECT bad($$'j', 'every -5 seconds', 'SELECT 1'$$);
SELECT bad($$'j', '@at yesterday-ish', 'SELECT 1'$$);
SELECT bad($$'j', repeat('*', 1000000), 'SELECT 1'$$);
SELECT bad($$'j', 'CRON_TZ=Nowhere/Land 0 0 * * *', 'SELECT 1'$$);
-- commands
SELECT bad($$'j', '@daily', NULL$$);
SELECT bad($$'j', '@daily', ''$$);
SELECT bad($$'j', '@daily', '  ; -- nothing'$$);
SELECT bad($$'j', '@daily', 'BEGIN; SELECT 1; COMMIT'$$);
SELECT bad($$'j', '@daily', 'SELECT 1; ROLLBACK'$$);
SELECT bad($$'j', '@daily', 'SAVEPOINT s'$$);
SELECT bad($$'j', '@daily', 'COPY t FROM STDIN'$$);
SELECT bad($$'j', '@daily', 'COPY t TO STDOUT'$$);
SELECT bad($$'j', '@daily', 'DISCARD ALL'$$);
SELECT bad($$'j', '@daily', '\! ls'$$);
-- The position of a syntax error is one in the command.
SELECT scheduler.schedule_job('j', '@daily', 'SELECT 1;
  SELEC 2');
SELECT scheduler.schedule_job('j', '@daily', $$SELECT 'open$$);
SELECT scheduler.schedule_job('j', '@daily', 'SELECT (');
DO $$ BEGIN PERFORM scheduler.schedule_job('j', '@daily', 'SELECT FROM WHERE'); END $$;
-- roles
SELECT bad_option($$run_as => 'nobody_here'$$);
-- PostgreSQL 17 and later let background workers connect without LOGIN.
SELECT bad_option(CASE WHEN current_setting('server_version_num')::int < 170000
	THEN $$run_as => 'regress_nologin'$$ ELSE $$timeout => '0'$$ END)
	~ 'role "regress_nologin" is not permitted to log in . Use ALTER ROLE regress_nologin LOGIN|greater than zero' AS refused;
SELECT bad_option($$run_as => 424242::oid::regrole$$);
-- choices
SELECT bad_option(option || ' => ' || value)
FROM unnest('{queue,overlap,misfire,backoff,on_lost,calendar_action}'::text[]) option,
	unnest(ARRAY['NULL', $$''$$, $$'nonsense'$$, $$repeat('x', 1000000)$$]) WITH ORDINALITY AS v(value, n)
WHERE NOT (option = 'on_lost' AND value = 'NULL')
ORDER BY option, n;
-- numbers
SELECT bad_option(o) FROM unnest('{max_instances => 0,max_instances => 2,max_instances => NULL,max_retries => -1,
	max_retries => NULL,max_runs => 0,max_runs => -9223372036854775808,priority => NULL,enabled => NULL,retry_jitter => NULL}'::text[]) o;
-- intervals
SELECT bad_option(option || ' => ' || quote_literal(value))
FROM unnest('{jitter,misfire_grace,timeout,retry_delay,max_retry_delay}'::text[]) option,
	unnest('{-1 second,0,200 years,178000000 years}'::text[]) WITH ORDINALITY AS v(value, n)
WHERE NOT (value = '0' AND option <> 'timeout')
ORDER BY option, n;
SELECT bad_option($$retry_delay => NULL$$);
SELECT bad_option($$max_retry_delay => NULL$$);
-- zones and times
SELECT bad_option($$timezone => 'Nowhere/Land'$$);
SELECT bad_option($$timezone => ''$$);
SELECT bad_option($$timezone => repeat('x', 1000000)$$);
SELECT bad_option($$starts_at => '2030-01-01', ends_at => '2029-01-01'$$);
SELECT bad_option($$starts_at => '2030-01-01', ends_at => '2030-01-01'$$);
SELECT bad_option($$ends_at => '2001-01-01'$$);
SELECT bad_option($$starts_at => '-infinity'$$);
SELECT bad_option($$starts_at => 'infinity'$$);
SELECT bad_option($$ends_at => 'infinity'$$);
SELECT bad_option($$ends_at => '-infinity'$$);
SELECT bad(o) FROM unnest(ARRAY[
	$$'j', '1 hour', 'SELECT 1', starts_at => '4714-11-24 00:00:00+00 BC'$$,
	$$'j', '1 hour', 'SELECT 1', starts_at => '0001-12-31'$$,
	$$'j', '1 hour', 'SELECT 1', starts_at => '294276-12-31'$$,
	$$'j', '1 hour', 'SELECT 1', ends_at => '0001-12-31'$$,
	$$'j', '@daily', 'SELECT 1', starts_at => '294276-12-31'$$,
	$$'j', '@reboot', 'SELECT 1', ends_at => '0001-12-31'$$]) o;
-- settings
SELECT bad_option($$settings => '[]'$$);
SELECT bad_option($$settings => '1'$$);
SELECT bad_option($$settings => 'null'$$);
SELECT bad_option($$settings => '{"work_mem": {"a": 1}}'$$);
SELECT bad_option($$settings => '{"work_mem": null}'$$);
SELECT bad_option($$settings => '{"work_mem": ["1MB"]}'$$);
SELECT bad_option($$settings => '{"no_such_setting": 1}'$$);
SELECT bad_option($$settings => '{"": 1}'$$);
SELECT bad_option($$settings => '{"work_mem": "much"}'$$);
SELECT bad_option($$settings => '{"max_parallel_workers_per_gather": "-1"}'$$);
SELECT bad_option($$settings => '{"role": "postgres"}'$$);
SELECT bad_option($$settings => '{"Session_Authorization": "postgres"}'$$);
SELECT bad_option($$settings => '{"shared_buffers": "1GB"}'$$);
SELECT bad_option($$settings => '{"pg_scheduler.timezone": "UTC"}'$$);
SELECT bad_option($$settings => '{"server_version": "9.0"}'$$);
SELECT bad_option($$settings => '{"transaction_isolation": "serializable"}'$$);
-- retry_on
SELECT bad_option($$retry_on => '{nonsense}'$$);
SELECT bad_option($$retry_on => '{40001,NULL}'$$);
SELECT bad_option($$retry_on => '{}'$$);
SELECT bad_option($$retry_on => '{{40},{41}}'$$);
SELECT bad_option($$retry_on => '{4}'$$);
-- Nothing of this has left a job, and none of the checks a trace in the session.
SELECT scheduler.unschedule_job(job_id) FROM scheduler.jobs;
SELECT current_setting('work_mem') AS work_mem, current_user = session_user AS same_user;
-- The functions for one job or run
SELECT error_of('SELECT scheduler.' || call) FROM unnest(ARRAY[
	'alter_job(NULL::text)', 'alter_job(NULL::bigint)', 'alter_job(''no such'')', 'alter_job(0)',
	'pause_job(NULL::text)', 'pause_job('''')', 'pause_job(0)', 'resume_job(NULL::bigint)', 'resume_job(0)',
	'unschedule_job(NULL::text)', 'unschedule_job(0)', 'run_job(NULL::bigint)', 'run_job(0)',
	'run_job(repeat(''x'', 1000000))',
	'cancel_run(NULL)', 'cancel_run(0)', 'wait_for_run(NULL)', 'wait_for_run(0)', 'wait_for_run(0, ''-1 s'')',
	'redrive_dead_letter(NULL)', 'redrive_dead_letter(0)', 'redrive_dead_letters(NULL::text)',
	'redrive_dead_letters(0)', 'discard_dead_letter(NULL)', 'discard_dead_letter(0)', 'stop(''-1 second'')']) call;
-- alter_job checks the same, and leaves the job as it was.
SELECT scheduler.schedule_job('keep', '@daily', 'SELECT 1') AS keep_id \gset
SELECT error_of(format('SELECT scheduler.alter_job(%s, %s)', :keep_id, option)) FROM unnest(ARRAY[
	$$schedule => 'sometimes'$$, $$command => 'SELEC'$$, $$queue => 'nowhere'$$, $$max_retries => -1$$,
	$$priority => 3, overlap => 'never'$$, $$timeout => '0'$$, $$run_as => 'nobody_here'$$,
	$$job_name => ''$$, $$settings => '{"role": "x"}'$$]) option;
SELECT schedule, command, queue, max_retries, priority, overlap, timeout, settings FROM scheduler.jobs WHERE job_id = :keep_id;
-- What is cut off in a message is cut between characters.
SELECT convert_from(convert_to(error_of('SELECT scheduler.' || format(call, 'x' || repeat('ä', 1000))), 'UTF8'), 'UTF8') LIKE '%xä%' AS whole FROM unnest(ARRAY[
	'schedule_job(''j'', ''@daily'', ''SELECT 1'', queue => %L)', 'schedule_job(''j'', ''@daily'', ''SELECT 1'', overlap => %L)',
	'schedule_job(''j'', ''@daily'', ''SELECT 1'', timezone => %L)', 'schedule_job(''j'', ''@daily'', ''SELECT 1'', after => %L)',
	'schedule_job(''j'', ''@daily'', ''SELECT 1'', calendar => %L)', 'run_job(%L)', 'next_job_runs(%L)', 'start_queue(%L)',
	'drop_calendar(%L)', 'set_hook(''keep'', %L, ''SELECT 1'')', 'describe_schedule(%L)']) call;
-- The functions for alerts, health and recovery
SELECT error_of('SELECT scheduler.' || call) FROM unnest(ARRAY[
	'create_alert_check('''', ''true'')', 'create_alert_check(''c'', NULL)', 'create_alert_check(''c'', ''true'', severity => repeat(''x'', 1000000))',
	'create_alert_handler(''h'', NULL)', 'create_alert_handler(''h'', 0::regproc)', 'create_alert_handler('''', ''jsonb_pretty'')',
	'create_alert_listener('''', ''c'')', 'create_alert_listener(repeat(''x'', 1000000), ''c'')',
	'create_alert_listener(''l'', ''c'', kinds => ''{NULL}'')', 'create_alert_listener(''l'', NULL)',
	'create_alert_listener(''l'', ''c'', kinds => ''{check,history_upkeep,job_broken}'')',
	'create_alert_handler(''h'', ''jsonb_pretty'', kinds => ARRAY[repeat(''x'', 1000000)])', 'create_alert_listener(''l'', ''c'', min_severity => ''fatal'')',
	'set_health_check(''keep'', NULL)', 'set_hook(''keep'', ''start'', NULL)', 'set_recovery(''keep'', NULL)',
	'set_recovery(''keep'', enabled => NULL)', 'set_recovery(''keep'', 0)']) call;
-- The longest of timeouts does not end in the past.
BEGIN;
SELECT scheduler.stop('178000000 years');
SELECT stop_deadline > now() + interval '99 years' AS later FROM scheduler.scheduler_state;
SELECT scheduler.stop_all('178000000 years');
SELECT stop_deadline > now() + interval '99 years' AS later FROM scheduler.queue;
ROLLBACK;
-- A read-only transaction changes nothing.
BEGIN READ ONLY;
SELECT error_of('SELECT scheduler.' || call) FROM unnest(ARRAY[
	'schedule_job(''r'', ''@daily'', ''SELECT 1'')', 'alter_job(''keep'', priority => 1)', 'pause_job(''keep'')',
	'resume_job(''keep'')', 'unschedule_job(''keep'')', 'run_job(''keep'')', 'set_recovery(''keep'')',
	'set_hook(''keep'', ''start'', ''SELECT 1'')', 'http_request(''https://example.com'')', 'set_secret(''a'', ''b'')',
	'create_calendar(''c'')', 'create_queue(''q'')', 'alter_alert_rule(''timeouts'', false)', 'stop()']) call;
SELECT count(*) AS times FROM scheduler.next_job_runs('keep');
ROLLBACK;
-- An error after schedule_job takes the job away again.
DO $$ BEGIN PERFORM scheduler.schedule_job('gone', '@daily', 'SELECT 1'); RAISE 'oops'; END $$;
-- Odd names and large texts are fine.
SELECT scheduler.schedule_job(n, '@at 2199-01-01', 'SELECT 1') > 0 AS id
FROM unnest(ARRAY[E'O''Reilly "quoted" \\ %s ; DROP TABLE x', 'Käse für 大家 🦆', ' ', E'a\nb\tc']) n;
SELECT to_json(job_name) FROM scheduler.jobs ORDER BY job_name COLLATE "C";
CALL run_job(E'O''Reilly "quoted" \\ %s ; DROP TABLE x');
CALL run_job('Käse für 大家 🦆');
CALL run_job(E'a\nb\tc');
SELECT scheduler.schedule_job('large', '@at 2199-01-01', 'SELECT ''' || repeat('é', 500000) || '''',
	args => jsonb_build_object('a', repeat('x', 1000000)), description => repeat('d', 1000000)) > 0 AS id;
CALL run_job('large');
CALL run_job('large', to_jsonb(repeat('y', 1000000)));
SELECT length(command), length(description), length(args::text) FROM scheduler.jobs WHERE job_name = 'large';
-- A role that loses its right to connect, between scheduling and running.
SELECT current_database() AS db \gset
SELECT scheduler.schedule_job('cut off', '@at 2199-01-01', 'SELECT 1', run_as => 'regress_noconnect') AS cut_id \gset
REVOKE CONNECT ON DATABASE :db FROM PUBLIC;
SELECT replace(bad_option($$run_as => 'regress_noconnect'$$), current_database(), 'DB');
SELECT scheduler.run_job(:cut_id) AS cut_run \gset
SELECT scheduler.wait_for_run(:cut_run);
SELECT status, sqlstate, replace(error_message, current_database(), 'DB') AS message, replace(error_hint, current_database(), 'DB') AS hint FROM scheduler.runs WHERE run_id = :cut_run;
GRANT CONNECT ON DATABASE :db TO PUBLIC;
SELECT scheduler.run_job(:cut_id) AS cut_run \gset
SELECT scheduler.wait_for_run(:cut_run);
SELECT scheduler.unschedule_job(:cut_id);
DROP ROLE regress_nologin, regress_noconnect;

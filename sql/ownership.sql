-- Who sees, manages and runs what.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
SET client_min_messages = warning;
CREATE ROLE regress_alice LOGIN;
CREATE ROLE regress_bob LOGIN;
CREATE ROLE regress_team LOGIN;
CREATE ROLE regress_admins NOLOGIN;
CREATE ROLE regress_admin LOGIN IN ROLE regress_admins;
CREATE ROLE regress_noinherit LOGIN NOINHERIT IN ROLE regress_team;
GRANT regress_team TO regress_alice;
CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY, line text);
GRANT ALL ON log TO PUBLIC;

SET ROLE regress_alice;
SELECT scheduler.schedule_job('job', '@at 2199-12-31', $$INSERT INTO log (line) SELECT 'alice ' || current_user || ' ' || session_user$$) AS alice_job \gset
SELECT scheduler.schedule_job('secret', '@at 2199-12-31', $$SELECT 'password of alice' / 0$$, args => '{"token": "of alice"}',
	max_retries => 1, retry_delay => '0', retry_on => '{all}') AS secret_job \gset
CALL run_job('job');
CALL run_job('secret');
SELECT max(run_id) AS secret_run FROM scheduler.runs WHERE job_name = 'secret' \gset
SELECT dead_letter_id AS secret_letter FROM scheduler.dead_letters \gset
RESET ROLE;
SET ROLE regress_bob;
SELECT scheduler.schedule_job('job', '@at 2199-12-31', $$INSERT INTO log (line) SELECT 'bob ' || current_user || ' ' || session_user$$) AS bob_job \gset
CALL run_job('job');

-- Each sees its own: through views, base tables, functions.
CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'leaked %', $1; RETURN true; END $$;
GRANT EXECUTE ON FUNCTION leak TO PUBLIC;
SET client_min_messages = notice;
SELECT job_name, owner FROM scheduler.jobs WHERE leak(command);
SELECT job_name, owner, status FROM scheduler.runs WHERE leak(error_message) OR leak(job_name);
SELECT job_name FROM scheduler.dead_letters WHERE leak(error_message);
SELECT message FROM scheduler.alerts WHERE leak(message);
SELECT wait_until($$(SELECT count(*) = 0 FROM scheduler.workers WHERE state <> 'idle' AND database = current_database())$$);
SELECT role FROM scheduler.workers WHERE leak(job_name) IS NULL AND role <> 'regress_bob'::regrole;
SELECT job_name FROM scheduler.job WHERE leak(command);
SELECT run_id IS NULL FROM scheduler.pending_run WHERE leak(args::text);
SELECT job_name FROM scheduler.run_history WHERE leak(error_message) OR leak(job_name);
SELECT job_name FROM scheduler.dead_letter WHERE leak(definition::text);
SELECT count(*) FROM scheduler.job_state;
SELECT count(*) FROM scheduler.job_state WHERE leak(job_id::text) AND job_id <> :bob_job;
SET client_min_messages = warning;
SET row_security = off;
SELECT count(*) FROM scheduler.job;
SELECT count(*) FROM scheduler.run_history;
RESET row_security;
SELECT error_of(format('SELECT * FROM scheduler.%I', relname)) ~ 'permission denied' AS denied FROM pg_class WHERE relnamespace = 'scheduler'::regnamespace AND relkind = 'r' AND relispartition GROUP BY 1;

-- Nobody manages another's.
SELECT error_of('SELECT scheduler.' || replace(call, 'ID', :alice_job::text)) ~ '42704 . job \d+ does not exist' AS refused, call
FROM unnest(ARRAY['alter_job(ID, priority => 9)', 'pause_job(ID)', 'resume_job(ID)', 'unschedule_job(ID)', 'run_job(ID)',
	'redrive_dead_letters(ID)']) call;
SELECT error_of('SELECT scheduler.' || replace(call, 'ID', :secret_run::text)) ~ '42704 . run \d+ does not exist' AS refused, call
FROM unnest(ARRAY['cancel_run(ID)', 'wait_for_run(ID)']) call;
SELECT error_of('SELECT scheduler.' || replace(call, 'ID', :secret_letter::text)) ~ '42704 . dead letter \d+ does not exist' AS refused, call
FROM unnest(ARRAY['redrive_dead_letter(ID)', 'discard_dead_letter(ID)']) call;
SELECT error_of('SELECT scheduler.' || call) FROM unnest('{start(),stop(),restart(),reload()}'::text[]) call;
SELECT error_of('SELECT scheduler.run_job(''secret'')');
-- Nor writes to the tables.
SELECT DISTINCT error_of(format(statement, relname)) ~ '^42501' AS denied
FROM pg_class, unnest(ARRAY['INSERT INTO scheduler.%I SELECT * FROM scheduler.%1$I', 'UPDATE scheduler.%I SET ctid = ctid', 'DELETE FROM scheduler.%I', 'TRUNCATE scheduler.%I',
	'ALTER TABLE scheduler.%I DISABLE ROW LEVEL SECURITY', 'DROP TABLE scheduler.%I', 'SELECT * FROM scheduler.%I FOR UPDATE']) statement
WHERE relnamespace = 'scheduler'::regnamespace AND relkind = 'r' AND error_of(format(statement, relname)) !~ 'system column';
SELECT error_of('CREATE TABLE scheduler.mine (x int)');
SELECT error_of('CREATE TRIGGER mine AFTER INSERT ON scheduler.run_history FOR EACH ROW EXECUTE FUNCTION scheduler._job_changed()');
SELECT error_of('SELECT nextval(''scheduler.job_id_seq'')');
-- The functions behind the views show no more than the views.
SELECT scheduler._next_run_at(:alice_job) IS NULL AS hidden;
SELECT count(*) FROM scheduler._running();
SELECT DISTINCT role::regrole FROM scheduler._workers();

-- Nor do counts, plans and errors tell what others have.
SELECT scheduler.status() - '{state,reason,since,pid}'::text[] - 'clock' AS counts;
SELECT error_of('DROP ROLE regress_alice') ~ '^42501 . permission denied to drop role' AS refused;
RESET ROLE;
ANALYZE scheduler.job, scheduler.run_history, scheduler.dead_letter;
SELECT DISTINCT regexp_replace(tablename, '_\d+$', '') AS table_name, attname FROM pg_stats
WHERE schemaname = 'scheduler' AND attname ~ 'name|command|args|error|definition';
SET ROLE regress_bob;

-- Jobs as another role
SELECT error_of($$SELECT scheduler.schedule_job('as', '@daily', 'SELECT 1', run_as => 'regress_alice')$$);
SELECT error_of($$SELECT scheduler.schedule_job('as', '@daily', 'SELECT 1', run_as => 'regress_team')$$);
SELECT error_of(format('SELECT scheduler.schedule_job(''as'', ''@daily'', ''SELECT 1'', run_as => %L)', rolname)) ~ '42501 . permission denied to run jobs as role' AS refused FROM pg_roles WHERE oid = 10;
SELECT error_of($$SELECT scheduler.alter_job('job', run_as => 'regress_alice')$$);
RESET ROLE;
SET ROLE regress_alice;
SELECT scheduler.schedule_job('as team', '@at 2199-12-31', $$INSERT INTO log (line) SELECT 'team ' || current_user || ' ' || session_user$$, run_as => 'regress_team') AS team_job \gset
SELECT job_name, owner FROM scheduler.jobs ORDER BY job_id;
SELECT scheduler.run_job(:team_job) AS team_run \gset
SELECT scheduler.wait_for_run(:team_run);
SELECT scheduler.alter_job(:team_job, run_as => 'regress_alice');
SELECT owner FROM scheduler.jobs WHERE job_id = :team_job;
CALL run_job('as team');
RESET ROLE;
SET ROLE regress_noinherit;
SELECT count(*) AS seen_without_inherit FROM scheduler.jobs;
RESET ROLE;
SELECT line FROM log ORDER BY id;
-- Rights are looked at again for each run: the owner's membership does not matter, its own rights do.
REVOKE ALL ON log FROM PUBLIC;
SET ROLE regress_alice;
CALL run_job('job');
SELECT sqlstate, error_message FROM scheduler.runs WHERE job_name = 'job' ORDER BY run_id DESC LIMIT 1;
RESET ROLE;

-- What a job may not do
GRANT ALL ON log TO PUBLIC;
SET ROLE regress_bob;
CALL run_command('reads', 'INSERT INTO log (line) SELECT ''jobs seen '' || string_agg(job_name || '' of '' || owner, '','' ORDER BY job_name) FROM scheduler.jobs');
CALL run_command('writes', 'UPDATE scheduler.job SET command = ''SELECT 1''');
CALL run_command('deletes', 'DELETE FROM scheduler.pending_run');
CALL run_command('forges', 'INSERT INTO scheduler.run_history SELECT * FROM scheduler.run_history');
CALL run_command('becomes', 'SET ROLE regress_alice');
CALL run_command('authorizes', 'SET SESSION AUTHORIZATION regress_alice');
CALL run_command('shadows', 'CREATE FUNCTION pg_catalog.now2() RETURNS int LANGUAGE sql AS ''SELECT 1''');
CALL run_command('grants', 'GRANT ALL ON scheduler.job TO regress_bob');
CALL run_command('owns', 'ALTER TABLE scheduler.job OWNER TO regress_bob');
CALL run_command('triggers', 'ALTER TABLE scheduler.job DISABLE TRIGGER ALL');
CALL run_command('event trigger', 'CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION scheduler._job_changed()');
CALL run_command('superuser', 'ALTER ROLE regress_bob SUPERUSER');
CALL run_command('schedules as', $$SELECT scheduler.schedule_job('x', '@daily', 'SELECT 1', run_as => 'regress_alice')$$);
CALL run_command('program', 'COPY log (line) FROM PROGRAM ''id''');
CALL run_command('settings', 'SET pg_scheduler.job_id = 1');
CALL run_command('set_config', $$SELECT set_config('pg_scheduler.run_id', '1', false)$$);
CALL run_command('finishes itself', 'SELECT scheduler.cancel_run(current_setting(''pg_scheduler.run_id'')::bigint), pg_sleep(60)');
CALL run_command('drops itself', 'SELECT scheduler.unschedule_job(''drops itself'')');
CALL run_command('schedules', $$SELECT scheduler.schedule_job('child', '@at 2199-12-31', 'SELECT 1')$$);
-- what the server says differs from version to version
SELECT job_name, owner, status, sqlstate, CASE WHEN job_name NOT IN ('superuser', 'program') THEN error_message END AS error_message
FROM scheduler.runs WHERE job_name <> 'job' ORDER BY run_id;
SELECT job_name, owner FROM scheduler.jobs WHERE job_name IN ('child', 'drops itself');
RESET ROLE;
SELECT line FROM log WHERE line LIKE 'jobs seen%';

-- All data can be written, and row security is no matter: but our tables.
CREATE ROLE regress_writer LOGIN BYPASSRLS IN ROLE pg_read_all_data, pg_write_all_data;
GRANT SET ON PARAMETER session_replication_role TO regress_writer;
GRANT ALL ON SCHEMA public TO regress_writer;
SET ROLE regress_writer;
SET session_replication_role = replica;
SELECT error_of('UPDATE scheduler.job SET owner = 10') ~ '^42501' AS refused;
SELECT relname, statement FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND attnum = 1,
	unnest(ARRAY['INSERT INTO scheduler.%I DEFAULT VALUES', 'UPDATE scheduler.%I SET %I = %2$I', 'DELETE FROM scheduler.%I']) statement
WHERE relnamespace = 'scheduler'::regnamespace AND relkind = 'r' AND (NOT relispartition OR statement ~ 'INSERT')
	AND error_of(format(statement, relname, attname)) !~ '^42501 . permission denied to write to table';
SELECT error_of('DELETE FROM scheduler.run_history') ~ '^42501' AS refused, error_of('UPDATE scheduler.run_history SET owner = 10') ~ '^42501' AS refused;
SELECT error_of('MERGE INTO scheduler.queue USING (SELECT) AS s ON true WHEN MATCHED THEN DELETE') ~ '^42501' AS refused;
RESET session_replication_role;
-- It may use the functions, as anybody.
SELECT scheduler.schedule_job('writer', '@at 2199-12-31', 'UPDATE scheduler.job SET owner = 10') > 0 AS scheduled;
CALL run_job('writer');
SELECT sqlstate, error_message FROM scheduler.runs WHERE job_name = 'writer';
SELECT scheduler.unschedule_job('writer');
-- A superuser who calls a function of its does not lend it more.
CREATE FUNCTION trick() RETURNS void SECURITY DEFINER LANGUAGE sql AS 'UPDATE scheduler.job SET owner = 10';
RESET ROLE;
SELECT error_of('SELECT trick()');
DROP OWNED BY regress_writer;
DROP ROLE regress_writer;

-- Members of the admin role see and manage all.
SET ROLE regress_alice;
SELECT scheduler.schedule_http_job('call', '@at 2199-12-31', 'http://api.example/') AS alice_http_job \gset
RESET ROLE;
ALTER SYSTEM SET pg_scheduler.admin_role = 'regress_admins';
SELECT pg_reload_conf();
\c -
SET client_min_messages = warning;
SET ROLE regress_admin;
SELECT job_name, owner FROM scheduler.jobs WHERE job_name IN ('job', 'secret') ORDER BY job_id;
SELECT count(*) > 0 AS letters FROM scheduler.dead_letters;
SELECT scheduler.pause_job(:alice_job, 'by the admin');
SELECT paused_reason FROM scheduler.jobs WHERE job_id = :alice_job;
SELECT scheduler.resume_job(:alice_job);
SELECT scheduler.discard_dead_letter(:secret_letter);
SELECT scheduler.reload();
SELECT scheduler.run_job(:alice_job) AS run_id \gset
SELECT scheduler.wait_for_run(:run_id);
SELECT owner FROM scheduler.runs WHERE run_id = :run_id;
-- they change when it runs, and within which limits
SELECT scheduler.alter_job(:alice_job, schedule => '@at 2199-12-30', priority => 3, max_retries => 1, timeout => '1 minute', reset => '{max_runs}');
SELECT schedule, priority, max_retries, owner FROM scheduler.jobs WHERE job_id = :alice_job;
SELECT scheduler.alter_http_job(:alice_http_job, connect_timeout => '5 seconds');
-- but they do not become others, nor choose what others run
SELECT error_of($$SELECT scheduler.schedule_job('as', '@daily', 'SELECT 1', run_as => 'regress_alice')$$);
SELECT error_of(format($$SELECT scheduler.alter_job(%s, command => 'SELECT 1')$$, :alice_job));
SELECT call, error_of(format('SELECT scheduler.' || call, :alice_job, :alice_http_job)) ~ '^42501 . permission denied to choose what a job of role "regress_alice" runs' AS refused
FROM unnest(ARRAY[$$alter_job(%1$s, args => '{"a": 1}')$$, $$alter_job(%1$s, settings => '{"work_mem": "1MB"}')$$, $$alter_job(%1$s, reset => '{args}')$$,
	$$alter_job(%1$s, run_as => 'regress_admin')$$, $$alter_job(%1$s, reset => '{run_as}')$$, $$alter_job(%1$s, after => 'secret')$$,
	$$alter_http_job(%2$s, url => 'http://evil.example/')$$, $$alter_http_job(%2$s, headers => '{"X-A": "b"}')$$, $$alter_http_job(%2$s, body => 'x')$$,
	$$alter_http_job(%2$s, success_codes => '500')$$, $$alter_http_job(%2$s, reset => '{method}')$$,
	$$run_job(%1$s, '{"a": 1}')$$, $$run_job(%2$s, '{"a": 1}')$$, $$_add_hook(%1$s, 'cleanup', %2$s, 'x')$$]) call;
SELECT error_of(format($$SELECT scheduler.set_hook(%s, 'cleanup', 'SELECT 1')$$, :alice_job)) ~ '^42501' AS refused;
RESET ROLE;
ALTER SYSTEM RESET pg_scheduler.admin_role;
SELECT pg_reload_conf();
\c -
SET client_min_messages = warning;
SET ROLE regress_admin;
SELECT count(*) FROM scheduler.jobs;
RESET ROLE;

-- What has not begun goes with its job to another owner.
SELECT scheduler.create_queue('handover');
SELECT scheduler.stop_queue('handover');
SET ROLE regress_alice;
SELECT scheduler.schedule_job('given', '0 0 1 1 *', 'SELECT 1', queue => 'handover') > 0 AS scheduled;
SELECT scheduler.run_job('given') AS run_id \gset
RESET ROLE;
SELECT scheduler.alter_job(job_id, run_as => 'regress_bob') FROM scheduler.jobs WHERE job_name = 'given';
SELECT scheduler.start_queue('handover');
SELECT scheduler.wait_for_run(:run_id, '1 minute');
SELECT owner, status FROM scheduler.runs WHERE run_id = :run_id;

-- An owner is not dropped while it has jobs.
CREATE ROLE regress_single LOGIN;
SELECT scheduler.schedule_job('single', '@yearly', 'SELECT 1', run_as => 'regress_single') > 0 AS scheduled;
DROP ROLE regress_single;
DROP OWNED BY regress_single;
DROP ROLE regress_single;
DROP OWNED BY regress_bob;
SELECT count(*) FROM scheduler.jobs WHERE owner = 'regress_bob'::regrole;
DROP ROLE regress_bob;
REVOKE regress_team FROM regress_alice;
DROP ROLE regress_alice;
REASSIGN OWNED BY regress_alice TO regress_team;
SELECT DISTINCT owner FROM scheduler.jobs;
DROP OWNED BY regress_alice;
DROP ROLE regress_alice;
DROP OWNED BY regress_team;
SELECT count(*) FROM scheduler.jobs;
DROP ROLE regress_noinherit, regress_team, regress_admin, regress_admins;

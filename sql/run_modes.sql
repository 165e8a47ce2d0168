-- How SQL runs: transactions, procedures, top-level statements, and their records.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
CREATE TABLE t (n int);
CREATE VIEW outcome AS SELECT job_name, status, attempt, rows_affected, sqlstate, error_message,
	error_detail, error_hint, error_context FROM scheduler.runs ORDER BY run_id, attempt;

-- One transaction: all or nothing, rows of the last statement.
CALL run_command('insert', 'INSERT INTO t SELECT generate_series(1, 10)');
CALL run_command('several', 'INSERT INTO t VALUES (11), (12); UPDATE t SET n = n + 1 WHERE n > 10; DELETE FROM t WHERE n = 1');
CALL run_command('half', 'INSERT INTO t VALUES (100); SELECT 1 / 0; INSERT INTO t VALUES (101)');
CALL run_command('ddl', 'CREATE TABLE made (x int); INSERT INTO made VALUES (1); CREATE INDEX ON made (x)');
CALL run_command('select', 'SELECT * FROM t');
CALL run_command('ctas', 'CREATE TABLE copy AS SELECT * FROM t');
CALL run_command('with', 'WITH d AS (DELETE FROM t WHERE n > 11 RETURNING n) INSERT INTO made SELECT n FROM d');
CALL run_command('merge', 'MERGE INTO t USING made ON n = x WHEN NOT MATCHED THEN INSERT VALUES (x)');
CALL run_command('returning', 'UPDATE t SET n = n RETURNING n');
CALL run_command('explain', 'EXPLAIN SELECT * FROM t');
CALL run_command('notify', $$NOTIFY channel, 'payload'$$);
CALL run_command('set', 'SET LOCAL work_mem = ''1MB''; SET enable_seqscan = off; SELECT 1');
SELECT * FROM outcome;
SELECT array_agg(n ORDER BY n) FROM t;

-- What kind of transaction a command wants it says first, as anywhere.
TRUNCATE scheduler.run_history;
CREATE TABLE kind (isolation text, read_only text, is_deferrable text);
CREATE FUNCTION note_kind() RETURNS void LANGUAGE sql AS $$
	INSERT INTO kind SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only'),
		current_setting('transaction_deferrable') $$;
CALL run_command('level', 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT note_kind()');
CALL run_command('levels', 'SET LOCAL work_mem = ''1MB''; SET transaction_isolation = ''repeatable read''; SET TRANSACTION DEFERRABLE; SELECT note_kind(); SELECT note_kind()');
CALL run_command('level of do', 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; DO $x$ BEGIN PERFORM note_kind(); COMMIT; PERFORM note_kind(); END $x$');
CALL run_command('level alone', 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE');
CALL run_command('level and arguments', 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT note_kind() WHERE $1 IS NULL');
CALL run_command('read only', 'SET TRANSACTION READ ONLY; SELECT count(*) FROM kind');
CALL run_command('read only, and writes', 'SET TRANSACTION READ ONLY; SELECT note_kind()');
CALL run_command('level too late', 'SELECT 1; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE');
CALL run_command('no snapshot', 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT ''none''');
SELECT scheduler.schedule_job('read write', '@at 2199-12-31', 'SET TRANSACTION READ WRITE; SELECT note_kind()',
	settings => '{"default_transaction_read_only": "on", "default_transaction_isolation": "serializable"}') > 0 AS id;
CALL run_job('read write');
SELECT job_name, status, sqlstate, error_message FROM outcome;
SELECT isolation, read_only, is_deferrable, count(*) FROM kind GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- An error is kept whole.
TRUNCATE scheduler.run_history;
CREATE FUNCTION fails() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'it failed' USING DETAIL = 'In detail.', HINT = 'Try harder.', ERRCODE = 'XX123';
END
$$;
CALL run_command('raise', 'SELECT fails()');
CALL run_command('syntax', 'DO $x$ BEGIN EXECUTE ''SELEC 1''; END $x$');
CALL run_command('missing', 'SELECT * FROM nowhere');
CALL run_command('many errors', 'SELECT fails(); SELECT fails()');
SELECT * FROM outcome;
-- The caller's place is shown, our SQL is not.
SELECT count(*) FROM scheduler.runs WHERE error_context ~ 'pending_run|run_history';

-- Procedures and DO blocks that commit
TRUNCATE scheduler.run_history;
TRUNCATE t;
CREATE PROCEDURE commits(fail boolean) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 3 LOOP
		INSERT INTO t VALUES (i);
		COMMIT;
	END LOOP;
	INSERT INTO t VALUES (10);
	ROLLBACK;
	INSERT INTO t VALUES (20);
	IF fail THEN
		PERFORM 1 / 0;
	END IF;
END
$$;
CALL run_command('call', 'CALL commits(false)');
SELECT array_agg(n ORDER BY n) FROM t;
CALL run_command('call fails', 'CALL commits(true)');
SELECT array_agg(n ORDER BY n) FROM t;
CALL run_command('do', 'DO $x$ BEGIN INSERT INTO t VALUES (30); COMMIT; INSERT INTO t VALUES (31); ROLLBACK; END $x$');
CALL run_command('do only rollback', 'DO $x$ BEGIN INSERT INTO t VALUES (40); ROLLBACK; END $x$');
CALL run_command('call and more', 'INSERT INTO t VALUES (50); CALL commits(false); INSERT INTO t VALUES (51)');
SELECT scheduler.schedule_job('do args', '@at 2199-12-31', 'CREATE TEMP TABLE a AS SELECT 1; CALL takes($1)') > 0 AS id;
CREATE PROCEDURE takes(j jsonb) LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES ((j ->> 'n')::int); COMMIT; END $$;
CALL run_job('do args', '{"n": 60}');
CALL run_command('function commits', 'SELECT commits_in_function()');
SELECT job_name, status, sqlstate, error_message, error_context FROM outcome;
SELECT array_agg(n ORDER BY n) FROM t;

-- What cannot be in a transaction block
TRUNCATE scheduler.run_history;
CREATE TABLE a (x int PRIMARY KEY);
CREATE TABLE b (x int);
CALL run_command('vacuum', 'VACUUM a');
CALL run_command('vacuum both', 'VACUUM a; VACUUM (FREEZE) b; ANALYZE a');
CALL run_command('concurrently', 'CREATE INDEX CONCURRENTLY a_x ON a (x)');
CALL run_command('reindex', 'REINDEX INDEX CONCURRENTLY a_x; REINDEX TABLE CONCURRENTLY a');
CALL run_command('drop index', 'DROP INDEX CONCURRENTLY a_x');
CALL run_command('database', 'DROP DATABASE IF EXISTS regress_made; CREATE DATABASE regress_made');
CALL run_command('drop database', 'DROP DATABASE regress_made');
CALL run_command('system', 'ALTER SYSTEM SET log_min_duration_statement = 12345');
CALL run_command('system reset', 'ALTER SYSTEM RESET log_min_duration_statement');
CALL run_command('cluster', 'CLUSTER a USING a_pkey');
CALL run_command('mixed', 'INSERT INTO b VALUES (1); VACUUM b; INSERT INTO b VALUES (2); VACUUM nowhere; INSERT INTO b VALUES (3)');
CALL run_command('vacuum call', 'VACUUM b; CALL commits(false)');
CALL run_command('analyze', 'ANALYZE');
SELECT job_name, status, rows_affected, sqlstate, error_message FROM outcome;
SELECT array_agg(x ORDER BY x) FROM b;
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid = 'a'::regclass;

-- A parallel query knows the job, too.
CREATE TABLE big AS SELECT generate_series(1, 100000) AS n;
ANALYZE big;
CREATE FUNCTION whose(n int) RETURNS text LANGUAGE sql PARALLEL SAFE AS
	$$SELECT concat_ws(' ', current_setting('pg_scheduler.job_id'), current_setting('pg_scheduler.run_id'), current_setting('pg_scheduler.job_name'), current_setting('pg_scheduler.attempt'))$$;
SELECT scheduler.schedule_job('parallel', '@at 2199-12-31', $$CREATE TABLE told AS SELECT DISTINCT whose(n) AS w FROM big$$,
	settings => '{"parallel_setup_cost": 0, "parallel_tuple_cost": 0, "min_parallel_table_scan_size": 0, "max_parallel_workers_per_gather": 4, "parallel_leader_participation": "off"}') > 0 AS id;
CALL run_job('parallel');
SELECT count(*) FROM told;
SELECT w = concat_ws(' ', job_id, run_id, 'parallel', 1) AS right FROM told, scheduler.runs WHERE job_name = 'parallel';
-- A session that is no job has none of these.
SELECT current_setting('pg_scheduler.job_id', true) IS NULL OR current_setting('pg_scheduler.job_id', true) = '' AS none;
SET pg_scheduler.job_id = 7;

-- pg_stat_activity shows the command.
CREATE TABLE activity (application_name text, backend_type text, state text, query text, usename name);
CALL run_command('look', 'INSERT INTO activity SELECT application_name, backend_type, state, query, usename FROM pg_stat_activity WHERE pid = pg_backend_pid()');
SELECT application_name ~ '^pg_scheduler: job \d+$' AS says_job, backend_type, state, query, usename = current_user AS me FROM activity;

-- now() is when the run began, also in a worker that has done others before.
TRUNCATE scheduler.run_history;
CREATE TABLE times (id int GENERATED ALWAYS AS IDENTITY, at timestamptz DEFAULT now());
SELECT scheduler.schedule_job('time', '@at 2199-12-31', 'INSERT INTO times DEFAULT VALUES') > 0 AS id;
CALL run_job('time');
CALL run_job('time');
CALL run_command('time of do', 'DO $x$ BEGIN INSERT INTO times DEFAULT VALUES; COMMIT; END $x$');
CALL run_command('time of vacuum', 'VACUUM times; INSERT INTO times DEFAULT VALUES');
SELECT job_name, at >= started_at AND at < finished_at AS right
FROM (SELECT *, row_number() OVER (ORDER BY run_id) AS id FROM scheduler.runs) AS r JOIN times USING (id) ORDER BY id;
CALL run_command('times of statements', 'INSERT INTO times DEFAULT VALUES; VACUUM times; INSERT INTO times DEFAULT VALUES');
SELECT count(DISTINCT at) FROM times WHERE id > 4;

-- A transaction of the scheduler, too, shows when it began.
SELECT clock_timestamp() AS before \gset
SELECT scheduler.schedule_job('each second', '1 second', 'SELECT 1') > 0 AS id;
SELECT wait_for_job('each second');
BEGIN;
LOCK TABLE scheduler.job_state;
SELECT wait_until($$EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'pg_scheduler scheduler' AND wait_event_type = 'Lock')$$);
SELECT xact_start > :'before' AS right FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'pg_scheduler scheduler';
COMMIT;
SELECT scheduler.unschedule_job('each second');

-- DDL that would break the extension is refused, the rest is not.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
SELECT error_of('ALTER SCHEMA scheduler RENAME TO other');
SELECT statement, error_of(statement) ~ '^2BP01 . cannot change ' AS refused FROM unnest(ARRAY[
	'ALTER TABLE scheduler.job RENAME TO other',
	'ALTER TABLE scheduler.job RENAME COLUMN owner TO other',
	'ALTER TABLE scheduler.job RENAME CONSTRAINT job_pkey TO other',
	'ALTER TRIGGER job_changed ON scheduler.job RENAME TO other',
	'ALTER POLICY visible ON scheduler.job RENAME TO other',
	'ALTER INDEX scheduler.job_pkey RENAME TO other',
	'ALTER VIEW scheduler.jobs RENAME TO other',
	'ALTER SEQUENCE scheduler.run_id_seq RENAME TO other',
	'ALTER FUNCTION scheduler.status() RENAME TO other',
	'ALTER ROUTINE scheduler.status() SET SCHEMA public',
	'ALTER TABLE scheduler.job SET SCHEMA public',
	'ALTER TABLE scheduler.job ADD COLUMN other int',
	'ALTER TABLE scheduler.job DROP COLUMN description',
	'ALTER TABLE scheduler.job ALTER COLUMN command TYPE varchar',
	'ALTER TABLE scheduler.job SET (fillfactor = 90), ADD CHECK (job_name <> ''x'')',
	'ALTER TABLE scheduler.job DISABLE ROW LEVEL SECURITY',
	'ALTER TABLE scheduler.job OWNER TO pg_read_all_data',
	'ALTER TABLE scheduler.pending_run SET UNLOGGED',
	'CREATE UNIQUE INDEX other ON scheduler.job (job_name)',
	'CREATE INDEX other ON scheduler.pending_run (abs(run_id))',
	'CREATE INDEX other ON scheduler.pending_run (run_id) WHERE run_id > 0',
	'CREATE INDEX other ON scheduler.pending_run USING hash (run_id)']) statement;
-- in a row, for one needs what another has made
SELECT statement, error_of(statement) AS error FROM unnest(ARRAY[
	'ALTER TABLE scheduler.job SET (autovacuum_vacuum_scale_factor = 0.1)',
	'ALTER TABLE scheduler.job RESET (autovacuum_vacuum_scale_factor)',
	'ALTER TABLE scheduler.job DISABLE TRIGGER ALL',
	'ALTER TABLE scheduler.job ENABLE TRIGGER ALL',
	'ALTER TABLE scheduler.dependency REPLICA IDENTITY FULL',
	'CREATE INDEX mine ON scheduler.run_history (job_name)',
	'DROP INDEX scheduler.mine',
	'CLUSTER scheduler.job USING job_pkey',
	'REINDEX TABLE scheduler.job',
	'ANALYZE scheduler.job',
	'CREATE TABLE mine (x int)',
	'ALTER TABLE mine RENAME COLUMN x TO y',
	'CREATE SCHEMA mine',
	'ALTER SCHEMA mine RENAME TO yours',
	'ALTER TABLE mine SET SCHEMA yours',
	'DROP SCHEMA yours CASCADE']) statement;
VACUUM FULL scheduler.job;
ALTER TABLE scheduler.job DISABLE TRIGGER ALL;
ALTER TABLE scheduler.job ENABLE TRIGGER ALL;
-- others hear from the server that it is not theirs
CREATE ROLE regress_ddl;
SET ROLE regress_ddl;
SELECT error_of('ALTER SCHEMA scheduler RENAME TO other') ~ '^42501' AS denied;
SELECT error_of('ALTER TABLE scheduler.job RENAME TO other') ~ '^42501' AS denied;
RESET ROLE;
DROP ROLE regress_ddl;
-- who insists
BEGIN;
SET LOCAL allow_system_table_mods = on;
ALTER TABLE scheduler.job ADD COLUMN other int;
ROLLBACK;
-- Jobs run as before.
CALL run_command('after all', 'SELECT 1');

-- @reboot waits for the next start, also in a database that has just got it.
BEGIN;
DROP EXTENSION pg_scheduler;
CREATE EXTENSION pg_scheduler;
SELECT scheduler.schedule_job('boot', '@reboot', 'SELECT 1') > 0 AS scheduled;
COMMIT;
SELECT wait_until($$scheduler.status() ->> 'state' = 'healthy'$$);
CALL run_command('after boot', 'SELECT 1');
SELECT job_name FROM scheduler.runs ORDER BY run_id;

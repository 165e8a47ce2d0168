-- What a role with nothing but the right to schedule might try on others.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
SET client_min_messages = warning;
CREATE ROLE regress_tenant_ann LOGIN;
CREATE ROLE regress_tenant_bob LOGIN;

-- Functions of triggers are for our own tables: not for those of a tenant,
SET ROLE regress_tenant_bob;
CREATE TABLE job AS SELECT * FROM scheduler.job;
SELECT error_of(format('CREATE TRIGGER %I AFTER INSERT ON job EXECUTE FUNCTION scheduler.%1$I()', proname))
FROM pg_proc WHERE pronamespace = 'scheduler'::regnamespace AND prorettype = 'trigger'::regtype ORDER BY proname;
RESET ROLE;
-- nor for those of a superuser
CREATE TABLE odd (a text);
CREATE TABLE empty ();
CREATE VIEW pair AS SELECT 1 AS a, 2 AS b;
CREATE TRIGGER changed AFTER UPDATE ON odd EXECUTE FUNCTION scheduler._changed();
CREATE TRIGGER inserted BEFORE INSERT ON empty FOR EACH ROW EXECUTE FUNCTION scheduler._state_inserted();
CREATE TRIGGER job_changed AFTER INSERT ON odd FOR EACH ROW EXECUTE FUNCTION scheduler._job_changed();
CREATE TRIGGER set_secrets INSTEAD OF INSERT ON pair FOR EACH ROW EXECUTE FUNCTION scheduler._set_secrets();
SELECT error_of(s) FROM unnest('{UPDATE odd SET a = a,INSERT INTO empty DEFAULT VALUES,INSERT INTO odd VALUES (1),INSERT INTO pair VALUES (1)}'::text[]) s;
DROP TABLE job, odd, empty;
DROP VIEW pair;

-- Any number is a set of weekdays, or part of one.
SELECT scheduler._weekdays(w) FROM unnest('{0,1,127,128,255,-1,2147483647,-2147483648}'::int[]) w;

-- How much others have waiting is not told, nor are their runs to who may read
-- all tables: that does not take a policy away.
GRANT pg_read_all_data TO regress_tenant_bob;
SELECT scheduler.schedule_job('private', '@at 2199-12-31', 'SELECT 1', run_as => 'regress_tenant_ann') AS private_id \gset
SELECT scheduler.run_job(:private_id) AS run_id \gset
SELECT scheduler.wait_for_run(:run_id);
SELECT string_agg(inhrelid::regclass::text, ' UNION ALL SELECT run_id FROM ') AS partitions
FROM pg_inherits WHERE inhparent = 'scheduler.run_history'::regclass \gset
SELECT count(*) AS runs FROM (SELECT run_id FROM :partitions) p;
SET ROLE regress_tenant_ann;
SELECT error_of('TABLE scheduler.queue_health_state');
SELECT queue_name, state, backlog, running FROM scheduler.queues;
SELECT count(*) AS runs FROM scheduler.runs;
SET ROLE regress_tenant_bob;
SELECT count(*) AS runs FROM (SELECT run_id FROM :partitions) p;
SELECT count(*) AS runs FROM scheduler.runs;
RESET ROLE;

-- Who has given a job away does not have its dead letters run as its new owner,
-- who in turn has none of the letters of the old one.
GRANT regress_tenant_bob TO regress_tenant_ann;
SET ROLE regress_tenant_ann;
SELECT scheduler.schedule_job('given', '@at 2199-12-31', 'SELECT 1 / 0', max_retries => 1, retry_delay => '1 ms', retry_on => '{all}') AS given_id \gset
CALL run_job('given');
SELECT dead_letter_id AS letter_id FROM scheduler.dead_letters WHERE job_id = :given_id \gset
SELECT scheduler.alter_job(:given_id, run_as => 'regress_tenant_bob', command => 'SELECT 1');
RESET ROLE;
REVOKE regress_tenant_bob FROM regress_tenant_ann;
SET ROLE regress_tenant_ann;
SELECT error_of(format('SELECT scheduler.redrive_dead_letter(%s)', :letter_id));
SET ROLE regress_tenant_bob;
SELECT scheduler.redrive_dead_letters('given');
SET ROLE regress_tenant_ann;
SELECT scheduler.discard_dead_letter(:letter_id);
RESET ROLE;

-- Default privileges do not hold for the tables of the extension: a trigger on
-- one would be executed as its owner.
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO regress_tenant_bob;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO regress_tenant_bob;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO regress_tenant_bob;
DROP EXTENSION pg_scheduler;
CREATE EXTENSION pg_scheduler;
SELECT wait_until($$EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'scheduler.run_history'::regclass)$$);
SELECT c.relname FROM pg_class c, aclexplode(c.relacl) a
WHERE c.relnamespace = 'scheduler'::regnamespace AND a.grantee = 'regress_tenant_bob'::regrole;
SELECT has_schema_privilege('regress_tenant_bob', 'scheduler', 'CREATE') AS may_create;
SET ROLE regress_tenant_bob;
CREATE TRIGGER t BEFORE INSERT ON scheduler.job FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
RESET ROLE;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM regress_tenant_bob;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM regress_tenant_bob;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON SCHEMAS FROM regress_tenant_bob;
DROP OWNED BY regress_tenant_ann, regress_tenant_bob;
DROP ROLE regress_tenant_ann, regress_tenant_bob;

-- What a role with nothing but the right to schedule might try on others.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
SET client_min_messages = warning;
CREATE ROLE tenant_ann LOGIN;
CREATE ROLE tenant_bob LOGIN;

-- Functions of triggers are for our own tables: not for those of a tenant,
SET ROLE tenant_bob;
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
DROP OWNED BY tenant_ann, tenant_bob;
DROP ROLE tenant_ann, tenant_bob;

-- Every object of the extension says what it is for, and so do the columns of
-- views that people use, and the settings.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
SELECT pg_describe_object(classid, objid, 0) AS without_comment
FROM pg_depend d
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_scheduler')
	AND classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_namespace'::regclass)
	AND NOT EXISTS (SELECT FROM pg_class c WHERE d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relispartition)
	AND obj_description(objid, classid::regclass::name) IS NULL
ORDER BY 1;
SELECT c.relname || '.' || a.attname AS without_comment
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'scheduler'::regnamespace AND c.relkind = 'v' AND c.relname NOT LIKE '\_%'
	AND a.attnum > 0 AND NOT a.attisdropped
	AND COALESCE(col_description(c.oid, a.attnum), '') = ''
ORDER BY 1;
SELECT name AS without_comment
FROM pg_settings
WHERE name LIKE 'pg\_scheduler.%' AND COALESCE(short_desc, '') = ''
ORDER BY 1;

--
-- The extension's objects with everything that an upgrade script can forget,
-- one per line, in an order that does not depend on OIDs.
--
SET search_path = '';

CREATE TEMP VIEW member AS
SELECT classid, objid,
       pg_catalog.pg_describe_object(classid, objid, 0) AS name
FROM pg_catalog.pg_depend
WHERE refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
  AND refobjid = (SELECT oid FROM pg_catalog.pg_extension
                  WHERE extname = 'pg_scheduler')
  AND deptype = 'e';

SELECT line
FROM (
    SELECT m.name || ': ' || coalesce(pg_catalog.obj_description(m.objid,
               (SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid = m.classid)),
               '(no comment)')
    FROM pg_temp.member m
  UNION ALL
    SELECT m.name || ' is ' || pg_catalog.pg_get_functiondef(p.oid)
           || ' ' || coalesce(p.proacl::text, '')
    FROM pg_temp.member m
    JOIN pg_catalog.pg_proc p ON p.oid = m.objid
    WHERE m.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
      AND p.prokind IN ('f', 'p', 'w')
  UNION ALL
    SELECT m.name || ' has ' || coalesce(c.relacl::text, 'default privileges')
           || ' ' || c.relkind::text || c.relpersistence::text
           || ' ' || c.relrowsecurity::text || ' ' || c.relforcerowsecurity::text
           || ' ' || coalesce(c.reloptions::text, '')
           || ' ' || coalesce(pg_catalog.pg_get_partkeydef(c.oid), '')
           || ' ' || coalesce(pg_catalog.pg_get_viewdef(c.oid), '')
    FROM pg_temp.member m
    JOIN pg_catalog.pg_class c ON c.oid = m.objid
    WHERE m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  UNION ALL
    -- the number too: the library finds columns of its tables by that
    SELECT m.name || ' column ' || a.attnum::text || ' ' || a.attname || ' '
           || pg_catalog.format_type(a.atttypid, a.atttypmod)
           || ' ' || a.attnotnull::text || ' ' || a.attstorage::text
           || a.attidentity::text || a.attgenerated::text
           || ' ' || coalesce(a.attacl::text, '')
           || ' ' || coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '')
           || ' ' || coalesce(pg_catalog.col_description(a.attrelid, a.attnum), '')
    FROM pg_temp.member m
    JOIN pg_catalog.pg_attribute a ON a.attrelid = m.objid
    LEFT JOIN pg_catalog.pg_attrdef d
      ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
      AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
    SELECT m.name || ' constraint ' || c.conname || ' '
           || pg_catalog.pg_get_constraintdef(c.oid)
    FROM pg_temp.member m
    JOIN pg_catalog.pg_constraint c
      ON m.objid = CASE m.classid WHEN 'pg_catalog.pg_class'::pg_catalog.regclass THEN c.conrelid
                                  WHEN 'pg_catalog.pg_type'::pg_catalog.regclass THEN c.contypid END
  UNION ALL
    SELECT m.name || ' index ' || pg_catalog.pg_get_indexdef(i.indexrelid)
    FROM pg_temp.member m
    JOIN pg_catalog.pg_index i ON i.indrelid = m.objid
    WHERE m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  UNION ALL
    SELECT m.name || ' trigger ' || t.tgenabled::text || ' ' || pg_catalog.pg_get_triggerdef(t.oid)
    FROM pg_temp.member m
    JOIN pg_catalog.pg_trigger t ON t.tgrelid = m.objid
    WHERE m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
      AND NOT t.tgisinternal
  UNION ALL
    SELECT m.name || ' policy ' || p.polname || ' ' || p.polcmd::text || ' '
           || p.polpermissive::text || ' ' || p.polroles::pg_catalog.regrole[]::text || ' '
           || coalesce(pg_catalog.pg_get_expr(p.polqual, p.polrelid), '') || ' '
           || coalesce(pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid), '')
    FROM pg_temp.member m
    JOIN pg_catalog.pg_policy p ON p.polrelid = m.objid
    WHERE m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  UNION ALL
    SELECT m.name || ' label ' || e.enumlabel
    FROM pg_temp.member m
    JOIN pg_catalog.pg_enum e ON e.enumtypid = m.objid
    WHERE m.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
  UNION ALL
    SELECT m.name || ' has ' || coalesce(n.nspacl::text, 'default privileges')
    FROM pg_temp.member m
    JOIN pg_catalog.pg_namespace n ON n.oid = m.objid
    WHERE m.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
  UNION ALL
    SELECT m.name || ' has ' || coalesce(t.typacl::text, 'default privileges')
           || ' ' || t.typnotnull::text || ' ' || coalesce(t.typdefault, '')
    FROM pg_temp.member m
    JOIN pg_catalog.pg_type t ON t.oid = m.objid
    WHERE m.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
  UNION ALL
    SELECT m.name || ' counts ' || s.seqstart::text || ' ' || s.seqincrement::text || ' '
           || s.seqmin::text || ' ' || s.seqmax::text || ' ' || s.seqcycle::text
    FROM pg_temp.member m
    JOIN pg_catalog.pg_sequence s ON s.seqrelid = m.objid
    WHERE m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  UNION ALL
    SELECT 'dumped: ' || c::pg_catalog.regclass::text || ' ' || coalesce(w, '')
    FROM pg_catalog.pg_extension e,
         LATERAL ROWS FROM (pg_catalog.unnest(e.extconfig),
                            pg_catalog.unnest(e.extcondition)) AS u (c, w)
    WHERE e.extname = 'pg_scheduler'
) AS object (line)
ORDER BY line COLLATE "C";

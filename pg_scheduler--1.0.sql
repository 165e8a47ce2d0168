/* pg_scheduler--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pg_scheduler" to load this file. \quit

CREATE SCHEMA scheduler;
COMMENT ON SCHEMA scheduler IS 'pg_scheduler: jobs that run inside the database';

----------------------------------------------------------------------
-- Tables
----------------------------------------------------------------------

----------------------------------------------------------------------
-- Schedules
----------------------------------------------------------------------

CREATE FUNCTION scheduler.next_runs(
    schedule text, count int DEFAULT 5,
    after timestamptz DEFAULT pg_catalog.now(), timezone text DEFAULT NULL)
RETURNS SETOF timestamptz
AS 'MODULE_PATHNAME', 'scheduler_next_runs'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5;
COMMENT ON FUNCTION scheduler.next_runs(text, int, timestamptz, text) IS
'the first times, at most count of them, at which a schedule fires after the given time, which is also what its intervals count from; the time zone, for a schedule that names none, defaults to pg_scheduler.timezone';

CREATE FUNCTION scheduler.describe_schedule(schedule text)
RETURNS text
AS 'MODULE_PATHNAME', 'scheduler_describe_schedule'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION scheduler.describe_schedule(text) IS
'a schedule said in English, such as "At 02:30 on Monday through Friday, Europe/Berlin"';

CREATE FUNCTION scheduler.normalize_schedule(schedule text)
RETURNS text
AS 'MODULE_PATHNAME', 'scheduler_normalize_schedule'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION scheduler.normalize_schedule(text) IS
'the canonical spelling of a schedule, with its time zone; schedules that fire at the same times because they say the same have the same one';

----------------------------------------------------------------------
-- Jobs
----------------------------------------------------------------------

----------------------------------------------------------------------
-- HTTP
----------------------------------------------------------------------

----------------------------------------------------------------------
-- Views
----------------------------------------------------------------------

/* pg_scheduler--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pg_scheduler" to load this file. \quit

----------------------------------------------------------------------
-- Contents
--
--   Basics                          the schema; who sees what; partitions
--   Jobs by their names             a function for the id makes one for the name
--   Triggers that tell the scheduler
--                                   what has changed, at commit; the guard of tables
--   The scheduler of a database     start, stop; workers
--   Schedules                       reading and spelling them
--   Calendars                       days and times at which jobs do not run
--   Jobs                            definitions and states; forecast
--   Runs                            pending and finished; run, cancel, wait
--   Dead letters                    occurrences whose attempts are exhausted
--   Chains                          jobs that run after others
--   Queues                          named groups of jobs with limits
--   Dependencies                    jobs and queues that wait for healthy ones
--   Hooks and health checks         SQL that serves a job
--   Recovery                        circuit breakers
--   Health                          what is wrong with jobs
--   Views of jobs, runs and queues  what reads from several of the above
--   HTTP                            secrets, jobs, requests, responses
--   Alerts                          what needs attention
--   Limits of roles                 what one role may have of all
--   Alert rules                     when the scheduler raises one
--   Alert checks                    when a role raises one
--   Alert handlers                  who is told
--   Metrics                         counts and durations
--   One look                        status, summary, dashboard, Prometheus
--   Moving in                       from pg_cron, pgAgent, crontabs
--   Last steps                      first partitions, privileges, preload
--
-- All of one thing stands together: sequence, table, indexes, comment, row
-- security, privileges, whether it is dumped, triggers; then its functions and
-- its views.
--
-- Tables are private.  The library writes them; people read them through the
-- views, and row security shows each role the rows of the roles that it is a
-- member of.
--
-- store.c reads and writes some tables tuple by tuple: it knows the order of
-- their columns (store.h), and it wants plain heaps and plain indexes.
--
-- Definitions go into dumps (pg_extension_config_dump); what follows from
-- running them does not.
----------------------------------------------------------------------

----------------------------------------------------------------------
-- Basics
----------------------------------------------------------------------

CREATE SCHEMA scheduler;
COMMENT ON SCHEMA scheduler IS 'pg_scheduler: jobs that run inside the database';
GRANT USAGE ON SCHEMA scheduler TO PUBLIC;

CREATE FUNCTION scheduler._visible(owner oid) RETURNS boolean
AS 'MODULE_PATHNAME', 'pg_scheduler_visible' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION scheduler._visible(oid) IS
'Does the current user see what belongs to this role?';

CREATE FUNCTION scheduler._admin() RETURNS boolean
AS 'MODULE_PATHNAME', 'pg_scheduler_admin' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION scheduler._admin() IS
'Is the current user a superuser, or a member of pg_scheduler.admin_role?';

CREATE FUNCTION scheduler._role_sees(role oid, owner oid) RETURNS boolean
AS 'MODULE_PATHNAME', 'pg_scheduler_role_sees' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION scheduler._role_sees(oid, oid) IS
'Does a role see what belongs to another? What belongs to none is seen by admins';

CREATE FUNCTION scheduler._required(value text, argument text) RETURNS text
AS 'MODULE_PATHNAME', 'pg_scheduler_required' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION scheduler._required(text, text) IS
'The value of an argument, which must not be null';

CREATE FUNCTION scheduler._usecs(usecs bigint, divisor bigint DEFAULT 1) RETURNS interval
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN divisor > 0 THEN pg_catalog.make_interval(secs => usecs / 1e6 / divisor) END;
COMMENT ON FUNCTION scheduler._usecs(bigint, bigint) IS 'An interval of microseconds, divided';

-- What is executed here is executed with the rights of the extension's owner:
-- default privileges must not let anybody put a trigger on it, or write.
CREATE FUNCTION scheduler._forget_default_privileges(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	grantee regrole;
BEGIN
	FOR grantee IN SELECT DISTINCT a.grantee FROM pg_class c, aclexplode(c.relacl) a
		WHERE c.oid = relation AND a.grantee NOT IN (0, c.relowner)
	LOOP
		EXECUTE format('REVOKE ALL ON TABLE %s FROM %s', relation, grantee);
	END LOOP;
END
$$;
COMMENT ON FUNCTION scheduler._forget_default_privileges(regclass) IS
'Takes from a table what ALTER DEFAULT PRIVILEGES has granted on it';

-- The policy of its parent does not hold for who reads a partition directly, as
-- members of pg_read_all_data may: they see nothing.  Attached, it takes no lock
-- that readers of the parent would wait for.
CREATE FUNCTION scheduler._create_partition(parent text, day date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	name text := parent || to_char(day, '_YYYYMMDD');
BEGIN
	-- the strongest lock first: a weaker one that is raised later is a deadlock
	-- with who wants the table for himself, as DROP INDEX does
	EXECUTE format('LOCK TABLE ONLY scheduler.%I IN SHARE UPDATE EXCLUSIVE MODE', parent);
	EXECUTE format('CREATE TABLE scheduler.%I (LIKE scheduler.%I) USING heap', name, parent);
	EXECUTE format('ALTER TABLE scheduler.%I ENABLE ROW LEVEL SECURITY', name);
	EXECUTE format('ALTER TABLE scheduler.%I REPLICA IDENTITY FULL', name);
	EXECUTE (SELECT format('ALTER TABLE scheduler.%I %s', name,
			string_agg(format('ALTER %I SET STATISTICS 0', attname), ', '))
		FROM pg_attribute
		WHERE attrelid = format('scheduler.%I', parent)::regclass AND attstattarget = 0 AND attnum > 0);
	PERFORM scheduler._forget_default_privileges(format('scheduler.%I', name)::regclass);
	EXECUTE format('ALTER TABLE scheduler.%I ATTACH PARTITION scheduler.%I FOR VALUES FROM (%L) TO (%L)',
		parent, name, to_char(day, 'YYYY-MM-DD 00:00:00+00'), to_char(day + 1, 'YYYY-MM-DD 00:00:00+00'));
END
$$;
COMMENT ON FUNCTION scheduler._create_partition(text, date) IS
'Makes the partition of a day, which begins at midnight UTC';

----------------------------------------------------------------------
-- Jobs by their names
--
-- A job can be named by its id or by its name.
----------------------------------------------------------------------

CREATE FUNCTION scheduler._job_id(job text) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_job_id' LANGUAGE C STABLE;
COMMENT ON FUNCTION scheduler._job_id(text) IS 'The job_id of a job of the caller';

-- Whoever takes a job by its id takes it by its name, too: the same function
-- where it is in C, which looks at the type of its argument, else a call of it.
CREATE PROCEDURE scheduler._also_by_name(by_id regproc) LANGUAGE plpgsql AS $$
DECLARE
	function pg_catalog.pg_proc;
	definition text := pg_catalog.replace(pg_catalog.pg_get_functiondef(by_id), '(job bigint', '(job text');
	description text := pg_catalog.obj_description(by_id, 'pg_proc');
	signature text := by_id::regprocedure;
BEGIN
	SELECT * INTO STRICT function FROM pg_catalog.pg_proc WHERE oid = by_id;
	IF function.prosqlbody IS NOT NULL THEN
		definition := pg_catalog.split_part(definition, 'BEGIN ATOMIC', 1) ||
			pg_catalog.format('BEGIN ATOMIC SELECT scheduler.%I(%s); END', function.proname,
				pg_catalog.array_to_string('{scheduler._job_id(job)}' || function.proargnames[2:], ', '));
	END IF;
	EXECUTE definition;
	EXECUTE pg_catalog.format('COMMENT ON FUNCTION %s IS %L', signature,
		description || '; the job by its id');
	EXECUTE pg_catalog.format('COMMENT ON FUNCTION %s IS %L',
		pg_catalog.replace(signature, '(bigint', '(text'), description || '; the job by its name');
END
$$;

----------------------------------------------------------------------
-- Triggers that tell the scheduler
--
-- Tables below have triggers that call these functions.  The scheduler is told at
-- commit what has changed.
----------------------------------------------------------------------

CREATE FUNCTION scheduler._job_changed() RETURNS trigger
AS 'MODULE_PATHNAME', 'pg_scheduler_job_changed' LANGUAGE C;
COMMENT ON FUNCTION scheduler._job_changed() IS 'Tells the scheduler of changed jobs at commit';
REVOKE EXECUTE ON FUNCTION scheduler._job_changed() FROM PUBLIC;

CREATE FUNCTION scheduler._changed() RETURNS trigger
AS 'MODULE_PATHNAME', 'pg_scheduler_changed' LANGUAGE C;
COMMENT ON FUNCTION scheduler._changed() IS
'Tells the scheduler of changed queues or rules at commit';
REVOKE EXECUTE ON FUNCTION scheduler._changed() FROM PUBLIC;

CREATE FUNCTION scheduler._calendar_changed() RETURNS trigger
AS 'MODULE_PATHNAME', 'pg_scheduler_calendar_changed' LANGUAGE C;
COMMENT ON FUNCTION scheduler._calendar_changed() IS
'Tells the scheduler of changed calendars at commit';
REVOKE EXECUTE ON FUNCTION scheduler._calendar_changed() FROM PUBLIC;

-- The triggers that call it are made for all tables in the last steps.
CREATE FUNCTION scheduler._guard_table() RETURNS trigger
AS 'MODULE_PATHNAME', 'pg_scheduler_guard_table' LANGUAGE C;
COMMENT ON FUNCTION scheduler._guard_table() IS
'Refuses writes to tables of pg_scheduler that come neither from its functions nor from a superuser';
REVOKE EXECUTE ON FUNCTION scheduler._guard_table() FROM PUBLIC;

----------------------------------------------------------------------
-- The scheduler of a database
----------------------------------------------------------------------

-- One row: what start() and stop() have asked for, kept over restarts.  Clients
-- write it, and may leave their transactions open: the scheduler only reads it.
CREATE TABLE scheduler.scheduler_state (
	stopped boolean NOT NULL,
	stop_deadline timestamptz,
	monitoring boolean NOT NULL DEFAULT true,
	only_row boolean NOT NULL DEFAULT true,
	CONSTRAINT scheduler_state_pkey PRIMARY KEY (only_row),
	CONSTRAINT scheduler_state_only_row_check CHECK (only_row)
) USING heap;
INSERT INTO scheduler.scheduler_state (stopped) VALUES (false);
COMMENT ON TABLE scheduler.scheduler_state IS 'What start(), stop() and set_monitoring() have asked for; one row';

-- One row: how far the scheduler has come.  Nobody else writes it.
CREATE TABLE scheduler.scheduler_mark (
	counted_run_id bigint,
	booted_at timestamptz,
	-- the pg_scheduler.timezone that next times were planned with
	timezone text,
	-- the clock, every half minute while there is something to write
	seen_at timestamptz,
	only_row boolean NOT NULL DEFAULT true,
	CONSTRAINT scheduler_mark_pkey PRIMARY KEY (only_row),
	CONSTRAINT scheduler_mark_only_row_check CHECK (only_row)
) USING heap;
-- The server has not come up since: @reboot waits for the next start.
INSERT INTO scheduler.scheduler_mark (booted_at) VALUES (pg_catalog.pg_postmaster_start_time());
COMMENT ON TABLE scheduler.scheduler_mark IS 'How far the scheduler has come; one row';

-- Where the jobs of this database belong; the scheduler writes the row when it
-- first comes.  A second one was loaded from a dump.
CREATE TABLE scheduler.home (
	system_identifier bigint NOT NULL,
	database oid NOT NULL,
	database_name text NOT NULL,
	restored_at timestamptz,
	written_by bigint NOT NULL,
	key_system bigint NOT NULL,
	key_database oid NOT NULL,
	CONSTRAINT home_pkey PRIMARY KEY (system_identifier, database)
) USING heap;
COMMENT ON TABLE scheduler.home IS
'The system and database whose jobs these are: elsewhere they are held until scheduler.start()';
SELECT pg_catalog.pg_extension_config_dump('scheduler.home', '');

CREATE FUNCTION scheduler._replace_home() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM scheduler.home
		WHERE system_identifier = NEW.system_identifier AND database = NEW.database;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION scheduler._replace_home() IS
'Lets pg_restore bring the home as it was dumped';
REVOKE EXECUTE ON FUNCTION scheduler._replace_home() FROM PUBLIC;
CREATE TRIGGER home_restored BEFORE INSERT ON scheduler.home
	FOR EACH ROW EXECUTE FUNCTION scheduler._replace_home();
CREATE TRIGGER home_changed AFTER INSERT OR UPDATE OR DELETE ON scheduler.home
	FOR EACH STATEMENT EXECUTE FUNCTION scheduler._changed('home');
-- A restore may turn triggers off by session_replication_role.
ALTER TABLE scheduler.home ENABLE ALWAYS TRIGGER home_restored;
ALTER TABLE scheduler.home ENABLE ALWAYS TRIGGER home_changed;

CREATE FUNCTION scheduler.start() RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_start' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.start() IS
'Start the scheduler of this database again after stop(); in a copy, make this the home of its jobs, with idempotency keys of its own';

CREATE FUNCTION scheduler.stop(timeout interval DEFAULT NULL) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_stop' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.stop(interval) IS
'Stop the scheduler of this database, also over restarts of the server; runs may go on for the timeout, then they are stopped, and done again after start()';

CREATE PROCEDURE scheduler.stop_and_wait(timeout interval DEFAULT NULL)
AS 'MODULE_PATHNAME', 'pg_scheduler_stop_and_wait' LANGUAGE C;
COMMENT ON PROCEDURE scheduler.stop_and_wait(interval) IS
'Stop the scheduler of this database as stop() does, and return when nothing runs any more; not inside a transaction block';

CREATE FUNCTION scheduler.restart() RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_restart' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.restart() IS 'Restart the scheduler process of this database';

CREATE FUNCTION scheduler.reload() RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_reload' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.reload() IS 'Have the scheduler of this database read all jobs again';

CREATE FUNCTION scheduler.set_monitoring(enabled boolean) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_set_monitoring' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.set_monitoring(boolean) IS
'Turn the judging of health, and the alerts of the rules, off or on in this database, also over restarts; the setting pg_scheduler.monitoring does so for all databases';

CREATE FUNCTION scheduler._monitoring() RETURNS boolean
AS 'MODULE_PATHNAME', 'pg_scheduler_monitoring_is_on' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler._monitoring() IS 'Does the scheduler of this database judge health?';

CREATE FUNCTION scheduler._judge(timeout interval) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_judge' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler._judge(interval) IS
'Have the scheduler judge everything, and wait until it has; a warning if it has not by then';

CREATE FUNCTION scheduler._scheduler_health(
	OUT state text, OUT reason text, OUT since timestamptz, OUT pid int,
	OUT pending bigint, OUT ready bigint, OUT workers int, OUT workers_busy int,
	OUT max_workers int, OUT worker_memory bigint, OUT http_in_flight int,
	OUT next_run_at timestamptz, OUT copy boolean,
	OUT connections int, OUT max_connections int, OUT reserved_connections int,
	OUT monitoring boolean) RETURNS record
AS 'MODULE_PATHNAME', 'pg_scheduler_scheduler_health' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler._scheduler_health() IS
'The state of the scheduler of this database, from shared memory';

CREATE FUNCTION scheduler._workers(
	OUT pid int, OUT database oid, OUT role oid, OUT state text, OUT job_name text,
	OUT run_id bigint, OUT since timestamptz, OUT runs bigint, OUT memory bigint,
	OUT wait_event text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_scheduler_workers' LANGUAGE C VOLATILE ROWS 4;
COMMENT ON FUNCTION scheduler._workers() IS 'The worker processes of the cluster';

CREATE VIEW scheduler.workers WITH (security_invoker = true) AS
SELECT w.pid, d.datname AS database, w.role::regrole AS role, w.state, w.job_name, w.run_id,
	w.since, w.runs, w.memory, w.wait_event
FROM scheduler._workers() w
LEFT JOIN pg_catalog.pg_database d ON d.oid = w.database;
COMMENT ON VIEW scheduler.workers IS
'Worker processes that run jobs of roles the current user is a member of';
COMMENT ON COLUMN scheduler.workers.pid IS 'Process id';
COMMENT ON COLUMN scheduler.workers.database IS 'Database that the process is connected to';
COMMENT ON COLUMN scheduler.workers.role IS 'Role that it runs jobs of; null: the HTTP worker';
COMMENT ON COLUMN scheduler.workers.state IS 'starting, idle, running or stopping';
COMMENT ON COLUMN scheduler.workers.job_name IS 'Job of the run in hand';
COMMENT ON COLUMN scheduler.workers.run_id IS 'Run in hand; null: none';
COMMENT ON COLUMN scheduler.workers.since IS 'When that run began, or the state';
COMMENT ON COLUMN scheduler.workers.runs IS 'Runs since the process started';
COMMENT ON COLUMN scheduler.workers.memory IS 'Bytes in use between runs, looked at now and then';
COMMENT ON COLUMN scheduler.workers.wait_event IS
'What it waits for, as in pg_stat_activity; null: for nothing';
GRANT SELECT ON scheduler.workers TO PUBLIC;

----------------------------------------------------------------------
-- Schedules
----------------------------------------------------------------------

CREATE FUNCTION scheduler.next_runs(
    schedule text, count int DEFAULT 5,
    after timestamptz DEFAULT pg_catalog.now(), timezone text DEFAULT NULL,
	anchor timestamptz DEFAULT NULL)
RETURNS SETOF timestamptz
AS 'MODULE_PATHNAME', 'pg_scheduler_next_runs'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5;
COMMENT ON FUNCTION scheduler.next_runs(text, int, timestamptz, text, timestamptz) IS
'the first times, at most count of them, at which a schedule fires after the given time; its intervals and "in" count from the anchor, which is that time by default; the time zone, for a schedule that names none, defaults to pg_scheduler.timezone';

CREATE FUNCTION scheduler.schedule_is(schedule text, property text) RETURNS boolean
AS 'MODULE_PATHNAME', 'pg_scheduler_schedule_is'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION scheduler.schedule_is(text, text) IS
'Has the schedule a property: recurs, once, fixed, from_now, from_end, at_boot, anchored or workdays? NULL for a text that is no schedule, an error for another property; for example schedule_is(''@daily'', ''recurs'')';

CREATE FUNCTION scheduler.describe_schedule(schedule text)
RETURNS text
AS 'MODULE_PATHNAME', 'pg_scheduler_describe_schedule'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION scheduler.describe_schedule(text) IS
'a schedule said in English, such as "At 02:30 on Monday through Friday, Europe/Berlin"';

CREATE FUNCTION scheduler.normalize_schedule(schedule text)
RETURNS text
AS 'MODULE_PATHNAME', 'pg_scheduler_normalize_schedule'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION scheduler.normalize_schedule(text) IS
'the canonical spelling of a schedule, with its time zone; schedules that fire at the same times because they say the same have the same one';

----------------------------------------------------------------------
-- Calendars
----------------------------------------------------------------------

CREATE TABLE scheduler.calendar (
	calendar_name text NOT NULL,
	owner regrole NOT NULL,
	mode text NOT NULL,
	timezone text,
	description text,
	created_at timestamptz NOT NULL,
	CONSTRAINT calendar_pkey PRIMARY KEY (calendar_name),
	CONSTRAINT calendar_mode_check CHECK (mode IN ('exclude', 'include'))
) USING heap;
COMMENT ON TABLE scheduler.calendar IS 'Calendars; use the view calendars';
GRANT SELECT ON scheduler.calendar TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('scheduler.calendar', '');

CREATE TRIGGER calendar_changed AFTER UPDATE OR DELETE ON scheduler.calendar
	FOR EACH ROW EXECUTE FUNCTION scheduler._calendar_changed();
CREATE TRIGGER calendar_truncated AFTER TRUNCATE ON scheduler.calendar
	FOR EACH STATEMENT EXECUTE FUNCTION scheduler._job_changed();

CREATE SEQUENCE scheduler.calendar_window_id_seq;
COMMENT ON SEQUENCE scheduler.calendar_window_id_seq IS 'Source of the ids of calendar windows';
SELECT pg_catalog.pg_extension_config_dump('scheduler.calendar_window_id_seq', '');

-- NULL: no limit.  A window from a time to an earlier one ends on the next day.
CREATE TABLE scheduler.calendar_window (
	window_id bigint NOT NULL DEFAULT pg_catalog.nextval('scheduler.calendar_window_id_seq'),
	calendar_name text NOT NULL,
	first_date date,
	last_date date,
	weekdays int,
	from_time time,
	to_time time,
	description text,
	CONSTRAINT calendar_window_pkey PRIMARY KEY (window_id),
	CONSTRAINT calendar_window_calendar_name_fkey FOREIGN KEY (calendar_name)
		REFERENCES scheduler.calendar ON DELETE CASCADE
) USING heap;
CREATE INDEX calendar_window_calendar_name_idx ON scheduler.calendar_window (calendar_name);
COMMENT ON TABLE scheduler.calendar_window IS
'Dates and times that a calendar names; use the view calendar_windows';
GRANT SELECT ON scheduler.calendar_window TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('scheduler.calendar_window', '');

CREATE TRIGGER calendar_window_changed AFTER INSERT OR UPDATE OR DELETE ON scheduler.calendar_window
	FOR EACH ROW EXECUTE FUNCTION scheduler._calendar_changed();
CREATE TRIGGER calendar_window_truncated AFTER TRUNCATE ON scheduler.calendar_window
	FOR EACH STATEMENT EXECUTE FUNCTION scheduler._job_changed();

CREATE FUNCTION scheduler._weekdays(mask int) RETURNS text
AS 'MODULE_PATHNAME', 'pg_scheduler_weekdays' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION scheduler._weekdays(int) IS 'The spelling of a set of weekdays';

CREATE FUNCTION scheduler.create_calendar(calendar_name text, mode text DEFAULT 'exclude',
	timezone text DEFAULT NULL, description text DEFAULT NULL, replace boolean DEFAULT false)
RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_create_calendar' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.create_calendar(text, text, text, text, boolean) IS
'Create a calendar, whose windows are closed (mode "exclude") or alone are open ("include"); with "replace" an existing one is emptied first';

CREATE FUNCTION scheduler.alter_calendar(calendar_name text, mode text DEFAULT NULL,
	timezone text DEFAULT NULL, description text DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_alter_calendar' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.alter_calendar(text, text, text, text) IS
'Change options of a calendar; NULL leaves one as it is';

CREATE FUNCTION scheduler.drop_calendar(calendar_name text)
RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_drop_calendar' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.drop_calendar(text) IS 'Drop a calendar that no job refers to';

CREATE FUNCTION scheduler.add_calendar_dates(calendar_name text, dates date[],
	description text DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_add_calendar_dates' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.add_calendar_dates(text, date[], text) IS
'Add whole days to a calendar; returns how many of them are new';

CREATE FUNCTION scheduler.remove_calendar_dates(calendar_name text, dates date[])
RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_remove_calendar_dates' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.remove_calendar_dates(text, date[]) IS
'Remove whole days from a calendar; returns how many there were';

CREATE FUNCTION scheduler.add_calendar_window(calendar_name text,
	weekdays text DEFAULT NULL, from_time time DEFAULT NULL, to_time time DEFAULT NULL,
	first_date date DEFAULT NULL, last_date date DEFAULT NULL, description text DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_add_calendar_window' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.add_calendar_window(text, text, time, time, date, date, text) IS
'Add the times of day, on the weekdays, in the range of dates, to a calendar; NULL is no limit; returns the window_id';

CREATE FUNCTION scheduler.remove_calendar_window(window_id bigint)
RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_remove_calendar_window' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.remove_calendar_window(bigint) IS
'Remove a window or a date from its calendar';

CREATE FUNCTION scheduler.calendar_next_open(calendar_name text,
	at timestamptz DEFAULT pg_catalog.now())
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'pg_scheduler_calendar_next_open' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION scheduler.calendar_next_open(text, timestamptz) IS
'The given time when the calendar is open then, else the end of the closed time; NULL when there is none in ten years';

CREATE VIEW scheduler.calendars WITH (security_invoker = true) AS
SELECT c.calendar_name, c.owner, c.mode, c.timezone, c.description, c.created_at
FROM scheduler.calendar c;
COMMENT ON VIEW scheduler.calendars IS 'Calendars, that jobs can refer to';
COMMENT ON COLUMN scheduler.calendars.calendar_name IS 'Name of the calendar';
COMMENT ON COLUMN scheduler.calendars.owner IS 'Role that may change it';
COMMENT ON COLUMN scheduler.calendars.mode IS
'exclude: its windows are closed; include: they alone are open';
COMMENT ON COLUMN scheduler.calendars.timezone IS
'Time zone of its dates and times; null: pg_scheduler.timezone';
COMMENT ON COLUMN scheduler.calendars.description IS 'What its maker has said about it';
COMMENT ON COLUMN scheduler.calendars.created_at IS 'When it was made';
GRANT SELECT ON scheduler.calendars TO PUBLIC;

CREATE VIEW scheduler.calendar_windows WITH (security_invoker = true) AS
SELECT w.window_id, w.calendar_name, scheduler._weekdays(w.weekdays) AS weekdays,
	w.from_time, w.to_time, w.first_date, w.last_date, w.description
FROM scheduler.calendar_window w;
COMMENT ON VIEW scheduler.calendar_windows IS 'Dates and times that calendars name';
COMMENT ON COLUMN scheduler.calendar_windows.window_id IS 'Id, for remove_calendar_window()';
COMMENT ON COLUMN scheduler.calendar_windows.calendar_name IS 'Calendar that it belongs to';
COMMENT ON COLUMN scheduler.calendar_windows.weekdays IS 'Days of the week; null: all';
COMMENT ON COLUMN scheduler.calendar_windows.from_time IS 'First time of day; null: midnight';
COMMENT ON COLUMN scheduler.calendar_windows.to_time IS
'End of the time of day, which is not in it; null: the end of the day. Earlier than from_time: on the next day';
COMMENT ON COLUMN scheduler.calendar_windows.first_date IS 'First day; null: no limit';
COMMENT ON COLUMN scheduler.calendar_windows.last_date IS 'Last day; null: no limit';
COMMENT ON COLUMN scheduler.calendar_windows.description IS 'What its maker has said about it';
GRANT SELECT ON scheduler.calendar_windows TO PUBLIC;

----------------------------------------------------------------------
-- Jobs
----------------------------------------------------------------------

CREATE SEQUENCE scheduler.job_id_seq;
COMMENT ON SEQUENCE scheduler.job_id_seq IS 'Source of job_id';
SELECT pg_catalog.pg_extension_config_dump('scheduler.job_id_seq', '');

CREATE TABLE scheduler.job (
	job_id bigint NOT NULL DEFAULT pg_catalog.nextval('scheduler.job_id_seq'),
	job_name text NOT NULL,
	owner regrole NOT NULL,
	kind text NOT NULL,
	schedule text,
	schedule_version int NOT NULL,
	anchor timestamptz NOT NULL,
	timezone text,
	starts_at timestamptz,
	ends_at timestamptz,
	max_runs bigint,
	jitter interval,
	command text,
	args jsonb,
	settings jsonb,
	request jsonb,
	queue text NOT NULL,
	priority int NOT NULL,
	overlap text NOT NULL,
	max_instances int NOT NULL,
	misfire text NOT NULL,
	misfire_grace interval,
	timeout interval,
	max_retries int NOT NULL,
	backoff text NOT NULL,
	retry_delay interval NOT NULL,
	max_retry_delay interval NOT NULL,
	retry_jitter boolean NOT NULL,
	retry_on text[],
	on_lost text NOT NULL,
	enabled boolean NOT NULL,
	paused_at timestamptz,
	paused_reason text,
	description text,
	calendar text,
	calendar_action text NOT NULL,
	dead_letters boolean NOT NULL,
	kill_after interval,
	soft_timeout interval,
	success_within interval,
	paused_until timestamptz,
	skip_through timestamptz,
	created_at timestamptz NOT NULL,
	leads boolean NOT NULL DEFAULT false,
	follows boolean NOT NULL DEFAULT false,
	serves text,				-- stays last: no code in C reads it
	CONSTRAINT job_pkey PRIMARY KEY (job_id),
	CONSTRAINT job_owner_job_name_key UNIQUE (owner, job_name),
	CONSTRAINT job_calendar_fkey FOREIGN KEY (calendar) REFERENCES scheduler.calendar
) USING heap;
CREATE INDEX job_paused_until_idx ON scheduler.job (job_id) WHERE paused_until IS NOT NULL;
CREATE INDEX job_success_within_idx ON scheduler.job (job_id) WHERE success_within IS NOT NULL;
CREATE INDEX job_calendar_idx ON scheduler.job (calendar) WHERE calendar IS NOT NULL;
COMMENT ON TABLE scheduler.job IS 'Definitions of jobs; use the view jobs';
ALTER TABLE scheduler.job ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.job FOR SELECT USING (scheduler._visible(owner));
GRANT SELECT ON scheduler.job TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('scheduler.job', '');

CREATE TRIGGER job_changed AFTER INSERT OR UPDATE OR DELETE ON scheduler.job
	FOR EACH ROW EXECUTE FUNCTION scheduler._job_changed();
CREATE TRIGGER job_truncated AFTER TRUNCATE ON scheduler.job
	FOR EACH STATEMENT EXECUTE FUNCTION scheduler._job_changed();

CREATE FUNCTION scheduler._state_inserted() RETURNS trigger
AS 'MODULE_PATHNAME', 'pg_scheduler_state_inserted' LANGUAGE C;
COMMENT ON FUNCTION scheduler._state_inserted() IS
'Has a state that is restored take the place of one that the scheduler has made meanwhile';
REVOKE EXECUTE ON FUNCTION scheduler._state_inserted() FROM PUBLIC;

CREATE TABLE scheduler.job_state (
	job_id bigint NOT NULL,
	schedule_version int NOT NULL,
	next_run_at timestamptz,
	finished boolean NOT NULL,
	runs bigint NOT NULL,
	succeeded bigint NOT NULL,
	failed bigint NOT NULL,
	timed_out bigint NOT NULL,
	cancelled bigint NOT NULL,
	lost bigint NOT NULL,
	skipped bigint NOT NULL,
	missed bigint NOT NULL,
	retries bigint NOT NULL,
	consecutive_failures int NOT NULL,
	last_run_at timestamptz,
	last_finished_at timestamptz,
	last_success_at timestamptz,
	last_status text,
	total_duration bigint NOT NULL,
	-- runs that may have ended before last_finished_at, and are not counted
	open_runs bigint[],
	open_attempts int[],
	CONSTRAINT job_state_pkey PRIMARY KEY (job_id)
) USING heap WITH (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE scheduler.job_state IS
'What has become of jobs: next time and counters, written in batches';
ALTER TABLE scheduler.job_state ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.job_state FOR SELECT
	USING (EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = job_state.job_id));
GRANT SELECT ON scheduler.job_state TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('scheduler.job_state', '');

CREATE TRIGGER job_state_inserted BEFORE INSERT ON scheduler.job_state
	FOR EACH ROW EXECUTE FUNCTION scheduler._state_inserted();

CREATE FUNCTION scheduler.schedule_job(
	job_name text,
	schedule text,
	command text,
	args jsonb DEFAULT NULL,
	queue text DEFAULT 'default',
	priority int DEFAULT 0,
	timezone text DEFAULT NULL,
	starts_at timestamptz DEFAULT NULL,
	ends_at timestamptz DEFAULT NULL,
	max_runs bigint DEFAULT NULL,
	jitter interval DEFAULT NULL,
	overlap text DEFAULT 'skip',
	max_instances int DEFAULT 1,
	misfire text DEFAULT 'run_once',
	misfire_grace interval DEFAULT NULL,
	timeout interval DEFAULT NULL,
	max_retries int DEFAULT 0,
	backoff text DEFAULT 'exponential',
	retry_delay interval DEFAULT '1 second',
	max_retry_delay interval DEFAULT '1 hour',
	run_as regrole DEFAULT NULL,
	settings jsonb DEFAULT NULL,
	enabled boolean DEFAULT true,
	description text DEFAULT NULL,
	replace boolean DEFAULT true,
	retry_jitter boolean DEFAULT true,
	retry_on text[] DEFAULT NULL,
	on_lost text DEFAULT NULL,
	calendar text DEFAULT NULL,
	calendar_action text DEFAULT 'skip',
	after text DEFAULT NULL,
	after_on text DEFAULT 'success',
	depends_on text[] DEFAULT NULL,
	dead_letters boolean DEFAULT true,
	kill_after interval DEFAULT NULL,
	soft_timeout interval DEFAULT NULL,
	success_within interval DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_schedule_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.schedule_job(text, text, text, jsonb, text, int, text, timestamptz, timestamptz, bigint, interval, text, int, text, interval, interval, int, text, interval, interval, regrole, jsonb, boolean, text, boolean, boolean, text[], text, text, text, text, text, text[], boolean, interval, interval, interval) IS
'Schedule a SQL job, or replace the definition of the caller''s job of that name; returns its job_id';

CREATE FUNCTION scheduler.alter_job(job bigint,
	schedule text DEFAULT NULL,
	command text DEFAULT NULL,
	args jsonb DEFAULT NULL,
	queue text DEFAULT NULL,
	priority int DEFAULT NULL,
	timezone text DEFAULT NULL,
	starts_at timestamptz DEFAULT NULL,
	ends_at timestamptz DEFAULT NULL,
	max_runs bigint DEFAULT NULL,
	jitter interval DEFAULT NULL,
	overlap text DEFAULT NULL,
	max_instances int DEFAULT NULL,
	misfire text DEFAULT NULL,
	misfire_grace interval DEFAULT NULL,
	timeout interval DEFAULT NULL,
	max_retries int DEFAULT NULL,
	backoff text DEFAULT NULL,
	retry_delay interval DEFAULT NULL,
	max_retry_delay interval DEFAULT NULL,
	run_as regrole DEFAULT NULL,
	settings jsonb DEFAULT NULL,
	enabled boolean DEFAULT NULL,
	description text DEFAULT NULL,
	retry_jitter boolean DEFAULT NULL,
	retry_on text[] DEFAULT NULL,
	on_lost text DEFAULT NULL,
	calendar text DEFAULT NULL,
	calendar_action text DEFAULT NULL,
	job_name text DEFAULT NULL,
	after text DEFAULT NULL,
	after_on text DEFAULT NULL,
	depends_on text[] DEFAULT NULL,
	dead_letters boolean DEFAULT NULL,
	kill_after interval DEFAULT NULL,
	soft_timeout interval DEFAULT NULL,
	success_within interval DEFAULT NULL,
	reset text[] DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_alter_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.alter_job IS 'Change options of a job; NULL leaves one as it is, "reset" names those that go back to their defaults';
CALL scheduler._also_by_name('scheduler.alter_job');

CREATE FUNCTION scheduler.unschedule_job(job bigint, cancel boolean DEFAULT false,
	cascade boolean DEFAULT false) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_unschedule_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.unschedule_job IS
'Drop a job; what waits is cancelled, what runs finishes unless "cancel" is true; that other jobs run after it is an error unless "cascade" is true, and they do so no more then';
CALL scheduler._also_by_name('scheduler.unschedule_job');

CREATE FUNCTION scheduler.pause_job(job bigint, reason text DEFAULT NULL, cancel boolean DEFAULT false,
	until timestamptz DEFAULT NULL) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_pause_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.pause_job IS
'Pause a job, up to a time if one is given; what runs finishes unless "cancel" is true';
CALL scheduler._also_by_name('scheduler.pause_job');

CREATE FUNCTION scheduler.stop_job(job bigint, timeout interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_stop_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.stop_job IS
'Pause a job and end its runs: what waits is cancelled at once, what runs when the timeout (null: pg_scheduler.shutdown_grace) is over; returns how many there are';
CALL scheduler._also_by_name('scheduler.stop_job');

CREATE FUNCTION scheduler.restart_job(job bigint, timeout interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_restart_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.restart_job IS
'End what runs of a job, at the latest when the timeout (null: pg_scheduler.shutdown_grace) is over, and run it anew after that; returns the run_id of the new run';
CALL scheduler._also_by_name('scheduler.restart_job');

CREATE FUNCTION scheduler.resume_job(job bigint, misfire text DEFAULT NULL) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_resume_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.resume_job IS
'Resume a job that was paused or disabled; its misfire policy decides about what it has missed, or with misfire => ''skip'' nothing of that is run';
CALL scheduler._also_by_name('scheduler.resume_job');

CREATE FUNCTION scheduler.skip_next(job bigint, count int DEFAULT 1) RETURNS timestamptz
AS 'MODULE_PATHNAME', 'pg_scheduler_skip_next' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.skip_next IS
'Skip the next occurrences of a job, as many as "count" says, beyond those that are to be skipped already; 0 takes that back; returns the last one that is skipped, or null';
CALL scheduler._also_by_name('scheduler.skip_next');

CREATE FUNCTION scheduler.forecast(horizon interval DEFAULT '1 day',
	OUT job_id bigint, OUT job_name text, OUT scheduled_at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_scheduler_forecast' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.forecast(interval) IS
'The runs to come of all jobs that the caller sees, in order';

CREATE FUNCTION scheduler.next_job_runs(job bigint, count int DEFAULT 5) RETURNS SETOF timestamptz
AS 'MODULE_PATHNAME', 'pg_scheduler_next_job_runs' LANGUAGE C VOLATILE ROWS 5;
COMMENT ON FUNCTION scheduler.next_job_runs IS
'The next times at which a job runs, at most count of them';
CALL scheduler._also_by_name('scheduler.next_job_runs');

CREATE FUNCTION scheduler._next_run_at(job_id bigint) RETURNS timestamptz
AS 'MODULE_PATHNAME', 'pg_scheduler_next_run_at' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION scheduler._next_run_at(bigint) IS
'The next time of a job whose schedule the scheduler has not seen yet, or that has a calendar';

CREATE FUNCTION scheduler._is_over(job scheduler.job, state scheduler.job_state) RETURNS boolean
LANGUAGE SQL STABLE PARALLEL SAFE
RETURN CASE WHEN job.follows
	THEN COALESCE(state.runs >= job.max_runs, false) OR COALESCE(job.ends_at < pg_catalog.now(), false)
	ELSE COALESCE(state.finished AND state.schedule_version = job.schedule_version, false) END;
COMMENT ON FUNCTION scheduler._is_over(scheduler.job, scheduler.job_state) IS
'Will a job not run any more, by its schedule or after others?';

----------------------------------------------------------------------
-- Runs
----------------------------------------------------------------------

CREATE SEQUENCE scheduler.run_id_seq;
COMMENT ON SEQUENCE scheduler.run_id_seq IS 'Source of run_id';
SELECT pg_catalog.pg_extension_config_dump('scheduler.run_id_seq', '');

CREATE TABLE scheduler.pending_run (
	run_id bigint NOT NULL,
	job_id bigint NOT NULL,
	owner oid NOT NULL,
	attempt int NOT NULL,
	priority int NOT NULL,
	scheduled_at timestamptz NOT NULL,
	due_at timestamptz NOT NULL,
	triggered_by text NOT NULL,
	started_at timestamptz,
	crashes int NOT NULL,
	args jsonb,
	redriven_from bigint,
	CONSTRAINT pending_run_pkey PRIMARY KEY (run_id),
	CONSTRAINT pending_run_occurrence_key UNIQUE (job_id, scheduled_at, attempt)
) USING heap WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0,
	autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
	autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000);

-- Statistics of the moment at which one job had all the runs must not make
-- views read the whole table for each job.
ALTER TABLE scheduler.pending_run ALTER job_id SET (n_distinct = -1);
COMMENT ON TABLE scheduler.pending_run IS
'Runs that have yet to be done; a row goes in the transaction that does the run';
ALTER TABLE scheduler.pending_run ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.pending_run FOR SELECT USING (scheduler._visible(owner));
GRANT SELECT ON scheduler.pending_run TO PUBLIC;

CREATE TABLE scheduler.run_history (
	run_id bigint NOT NULL,
	job_id bigint NOT NULL,
	job_name text NOT NULL,
	owner oid NOT NULL,
	attempt int NOT NULL,
	status text NOT NULL,
	scheduled_at timestamptz NOT NULL,
	next_attempt_at timestamptz,
	started_at timestamptz,
	finished_at timestamptz NOT NULL,
	worker_pid int,
	rows_affected bigint,
	error_message text,
	error_detail text,
	error_hint text,
	error_context text,
	sqlstate text,
	http_status int,
	triggered_by text NOT NULL,
	occurrences bigint NOT NULL,
	redriven_from bigint,
	cpu_time bigint,
	buffers_hit bigint,
	buffers_read bigint,
	temp_bytes bigint,
	wal_bytes bigint,
	args jsonb
) PARTITION BY RANGE (finished_at);
ALTER TABLE scheduler.run_history REPLICA IDENTITY FULL;
CREATE INDEX run_history_run_id_idx ON scheduler.run_history (run_id);
CREATE INDEX run_history_job_id_run_id_idx ON scheduler.run_history (job_id, run_id);
COMMENT ON TABLE scheduler.run_history IS 'Finished attempts, by the day; use the view runs';
ALTER TABLE scheduler.run_history ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.run_history FOR SELECT USING (scheduler._visible(owner));
GRANT SELECT ON scheduler.run_history TO PUBLIC;

-- Which runs have brought about a run.
CREATE TABLE scheduler.run_trigger (
	run_id bigint NOT NULL,
	trigger_run_id bigint NOT NULL,
	owner oid NOT NULL,
	CONSTRAINT run_trigger_pkey PRIMARY KEY (run_id, trigger_run_id)
) USING heap;
CREATE INDEX run_trigger_trigger_run_id_idx ON scheduler.run_trigger (trigger_run_id);
COMMENT ON TABLE scheduler.run_trigger IS
'Which runs have brought about a run; use runs.trigger_run_ids, or run_chain()';
ALTER TABLE scheduler.run_trigger ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.run_trigger FOR SELECT USING (scheduler._visible(owner));
GRANT SELECT ON scheduler.run_trigger TO PUBLIC;

CREATE FUNCTION scheduler._running(
	OUT run_id bigint, OUT worker_pid int, OUT started_at timestamptz) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_scheduler_running' LANGUAGE C VOLATILE ROWS 4;
COMMENT ON FUNCTION scheduler._running() IS
'The runs that workers are executing in this database right now';

CREATE FUNCTION scheduler.run_job(job bigint, args jsonb DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_run_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.run_job IS
'Run a job once, now, also when it is paused; returns the run_id';
CALL scheduler._also_by_name('scheduler.run_job');

CREATE FUNCTION scheduler.cancel_run(run_id bigint) RETURNS boolean
AS 'MODULE_PATHNAME', 'pg_scheduler_cancel_run' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.cancel_run(bigint) IS
'Cancel a run that waits or is being executed; false: it is over; one that is being executed is told at once, which a rollback does not take back';

CREATE FUNCTION scheduler.retry_run(run_id bigint) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_retry_run' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.retry_run(bigint) IS
'Run an occurrence again whose run is over, whatever became of it, with the same arguments; returns the new run_id';

CREATE FUNCTION scheduler.wait_for_run(run_id bigint, timeout interval DEFAULT NULL) RETURNS text
AS 'MODULE_PATHNAME', 'pg_scheduler_wait_for_run' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.wait_for_run(bigint, interval) IS
'Wait until a run is over and return its status; NULL after the timeout';

----------------------------------------------------------------------
-- Dead letters
----------------------------------------------------------------------

CREATE SEQUENCE scheduler.dead_letter_id_seq;
COMMENT ON SEQUENCE scheduler.dead_letter_id_seq IS 'Source of dead_letter_id';

CREATE TABLE scheduler.dead_letter (
	dead_letter_id bigint NOT NULL DEFAULT pg_catalog.nextval('scheduler.dead_letter_id_seq'),
	run_id bigint NOT NULL,
	job_id bigint NOT NULL,
	job_name text NOT NULL,
	owner oid NOT NULL,
	scheduled_at timestamptz NOT NULL,
	attempts int NOT NULL,
	definition jsonb NOT NULL,
	args jsonb,
	error_message text,
	error_detail text,
	error_hint text,
	error_context text,
	sqlstate text,
	died_at timestamptz NOT NULL,
	redriven_at timestamptz,
	attempt_log jsonb,
	CONSTRAINT dead_letter_pkey PRIMARY KEY (dead_letter_id)
) USING heap;
CREATE INDEX dead_letter_job_id_idx ON scheduler.dead_letter (job_id, dead_letter_id);
CREATE INDEX dead_letter_run_id_idx ON scheduler.dead_letter (run_id);
COMMENT ON TABLE scheduler.dead_letter IS
'Occurrences whose attempts are exhausted; use the view dead_letters';
ALTER TABLE scheduler.dead_letter ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.dead_letter FOR SELECT USING (scheduler._visible(owner));
GRANT SELECT ON scheduler.dead_letter TO PUBLIC;

-- Of a job the newest 1,000 letters are kept.
CREATE TABLE scheduler.dead_letter_dropped (
	job_id bigint NOT NULL,
	letters bigint NOT NULL,
	upto bigint NOT NULL,			-- dead_letter_id
	CONSTRAINT dead_letter_dropped_pkey PRIMARY KEY (job_id)
) USING heap WITH (fillfactor = 70);
COMMENT ON TABLE scheduler.dead_letter_dropped IS
'How many older dead letters of a job were not kept; see dead_letters.older_dropped';
ALTER TABLE scheduler.dead_letter_dropped ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.dead_letter_dropped FOR SELECT
	USING (EXISTS (SELECT FROM scheduler.dead_letter d WHERE d.job_id = dead_letter_dropped.job_id)
		OR EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = dead_letter_dropped.job_id));
GRANT SELECT ON scheduler.dead_letter_dropped TO PUBLIC;

CREATE FUNCTION scheduler.redrive_dead_letter(id bigint) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_redrive_dead_letter' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.redrive_dead_letter(bigint) IS
'Run the occurrence of a dead letter again; returns the run_id';

CREATE FUNCTION scheduler.redrive_dead_letters(job bigint) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_redrive_dead_letters' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.redrive_dead_letters IS
'Run all dead letters of a job again; returns how many';
CALL scheduler._also_by_name('scheduler.redrive_dead_letters');

CREATE FUNCTION scheduler.discard_dead_letter(id bigint) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_discard_dead_letter' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.discard_dead_letter(bigint) IS 'Delete a dead letter';

CREATE VIEW scheduler.dead_letters WITH (security_invoker = true) AS
SELECT dead_letter_id, run_id, job_id, job_name, owner::regrole AS owner, scheduled_at,
	attempts, error_message, sqlstate, died_at, redriven_at, args, definition,
	error_detail, error_hint, error_context, attempt_log,
	COALESCE((SELECT o.letters FROM scheduler.dead_letter_dropped o WHERE o.job_id = d.job_id), 0)
		AS older_dropped
FROM scheduler.dead_letter d;
COMMENT ON VIEW scheduler.dead_letters IS
'Runs that are over without success, with what it takes to run them again; the newest 1,000 of each job';
COMMENT ON COLUMN scheduler.dead_letters.dead_letter_id IS 'Id, for redrive_dead_letter()';
COMMENT ON COLUMN scheduler.dead_letters.run_id IS 'Run that failed';
COMMENT ON COLUMN scheduler.dead_letters.job_id IS 'Id of the job';
COMMENT ON COLUMN scheduler.dead_letters.job_name IS 'Name of the job, as it was';
COMMENT ON COLUMN scheduler.dead_letters.owner IS 'Owner of the job, as it was';
COMMENT ON COLUMN scheduler.dead_letters.scheduled_at IS
'The occurrence: time of the schedule, or of the request to run';
COMMENT ON COLUMN scheduler.dead_letters.attempts IS 'Number of attempts';
COMMENT ON COLUMN scheduler.dead_letters.error_message IS 'Message of the error';
COMMENT ON COLUMN scheduler.dead_letters.sqlstate IS 'SQLSTATE of the error';
COMMENT ON COLUMN scheduler.dead_letters.died_at IS 'When the last attempt ended';
COMMENT ON COLUMN scheduler.dead_letters.redriven_at IS 'When it was redriven; null: it was not';
COMMENT ON COLUMN scheduler.dead_letters.args IS 'Argument $1 of the run';
COMMENT ON COLUMN scheduler.dead_letters.definition IS 'The job as it was when the occurrence died';
COMMENT ON COLUMN scheduler.dead_letters.error_detail IS 'Detail of the error';
COMMENT ON COLUMN scheduler.dead_letters.error_hint IS 'Hint of the error';
COMMENT ON COLUMN scheduler.dead_letters.error_context IS 'Where the error arose';
COMMENT ON COLUMN scheduler.dead_letters.attempt_log IS
'All attempts: status, times and error of each';
COMMENT ON COLUMN scheduler.dead_letters.older_dropped IS
'How many older letters of the job were dropped, since no more than the newest 1,000 are kept';
GRANT SELECT ON scheduler.dead_letters TO PUBLIC;

----------------------------------------------------------------------
-- Chains
----------------------------------------------------------------------

-- There are no foreign keys: job.leads and job.follows say where there
-- is something to look for, also when a job is dropped.
-- pg_restore loads tables in the order of their names, and the scheduler may look
-- between any two: nothing should come between job and job_state.
CREATE TABLE scheduler.run_after (
	job_id bigint NOT NULL,
	leader_id bigint NOT NULL,
	position int NOT NULL,
	after_on text NOT NULL,
	CONSTRAINT run_after_pkey PRIMARY KEY (job_id, leader_id),
	CONSTRAINT run_after_after_on_check CHECK (after_on IN ('success', 'failure', 'any'))
) USING heap;
CREATE INDEX run_after_leader_id_idx ON scheduler.run_after (leader_id);
COMMENT ON TABLE scheduler.run_after IS 'Which jobs run after which; use the view chains';
ALTER TABLE scheduler.run_after ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.run_after FOR SELECT
	USING (EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = run_after.job_id));
GRANT SELECT ON scheduler.run_after TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('scheduler.run_after', '');

CREATE TRIGGER run_after_changed AFTER INSERT OR UPDATE OR DELETE ON scheduler.run_after
	FOR EACH ROW EXECUTE FUNCTION scheduler._job_changed();

-- Ends of leaders that their followers have not taken up.
CREATE TABLE scheduler.leader_end (
	run_id bigint NOT NULL,
	job_id bigint NOT NULL,
	leader_id bigint NOT NULL,
	leader_owner oid NOT NULL,
	status text NOT NULL,
	ended_at timestamptz NOT NULL,
	args jsonb,
	CONSTRAINT leader_end_pkey PRIMARY KEY (run_id, job_id)
) USING heap WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
	autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE scheduler.leader_end IS
'Ends of runs that jobs which run after them have not taken up; use the view chains';
ALTER TABLE scheduler.leader_end ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.leader_end FOR SELECT
	USING (EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = leader_end.job_id));
GRANT SELECT ON scheduler.leader_end TO PUBLIC;

CREATE FUNCTION scheduler._quote_job_name(job_name text) RETURNS text
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN job_name ~ '^["[:space:]]|,|[[:space:]]$'
	THEN '"' || pg_catalog.replace(job_name, '"', '""') || '"' ELSE job_name END;
COMMENT ON FUNCTION scheduler._quote_job_name(text) IS
'The name of a job as the argument "after" has it in a list';

CREATE VIEW scheduler.chains WITH (security_invoker = true) AS
SELECT a.job_id,
	j.job_name,
	j.owner,
	a.leader_id,
	l.job_name AS leader_name,
	a.after_on,
	e.run_id AS ended_run_id,
	e.status AS ended_status,
	e.ended_at
FROM scheduler.run_after a
JOIN scheduler.job j ON j.job_id = a.job_id
LEFT JOIN scheduler.job l ON l.job_id = a.leader_id
LEFT JOIN LATERAL (SELECT e.run_id, e.status, e.ended_at FROM scheduler.leader_end e
	WHERE e.job_id = a.job_id AND e.leader_id = a.leader_id
	ORDER BY e.ended_at DESC LIMIT 1) e ON true;
COMMENT ON VIEW scheduler.chains IS
'Which jobs run after which, one row for each leader of a job; the end of the leader that the job has yet to take up, when it waits for that of another leader, or to be resumed';
COMMENT ON COLUMN scheduler.chains.job_id IS 'Job that runs after another';
COMMENT ON COLUMN scheduler.chains.job_name IS 'Name of that job';
COMMENT ON COLUMN scheduler.chains.owner IS 'Owner of that job';
COMMENT ON COLUMN scheduler.chains.leader_id IS 'Job that it runs after';
COMMENT ON COLUMN scheduler.chains.leader_name IS
'Name of the leader; null: the reader may not see it';
COMMENT ON COLUMN scheduler.chains.after_on IS
'Which ends of the leader count: success, failure or any';
COMMENT ON COLUMN scheduler.chains.ended_run_id IS
'Run of the leader that has ended and waits to be taken up; null: none';
COMMENT ON COLUMN scheduler.chains.ended_status IS 'Status of that run';
COMMENT ON COLUMN scheduler.chains.ended_at IS 'End of that run';
GRANT SELECT ON scheduler.chains TO PUBLIC;

----------------------------------------------------------------------
-- Queues
----------------------------------------------------------------------

-- A dump has the queue "default" as it was changed: it replaces the one that
-- comes with the extension.
CREATE FUNCTION scheduler._replace_default_queue() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM scheduler.queue WHERE queue_name = NEW.queue_name;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION scheduler._replace_default_queue() IS
'Lets pg_restore bring the queue "default" as it was dumped';
REVOKE EXECUTE ON FUNCTION scheduler._replace_default_queue() FROM PUBLIC;

CREATE TABLE scheduler.queue (
	queue_name text NOT NULL,
	enabled boolean NOT NULL DEFAULT true,
	max_concurrency int,
	rate_limit int,
	rate_period interval NOT NULL DEFAULT '1 second',
	priority int NOT NULL DEFAULT 0,
	description text,
	stop_deadline timestamptz,
	restarting boolean NOT NULL DEFAULT false,
	start_timeout interval NOT NULL DEFAULT '5 minutes',
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	stopped_by text,
	CONSTRAINT queue_pkey PRIMARY KEY (queue_name),
	CONSTRAINT queue_name_check CHECK (pg_catalog.octet_length(queue_name) BETWEEN 1 AND 63),
	CONSTRAINT queue_max_concurrency_check CHECK (max_concurrency > 0),
	CONSTRAINT queue_rate_limit_check CHECK (rate_limit > 0),
	CONSTRAINT queue_rate_period_check CHECK (rate_period > '0'::interval),
	CONSTRAINT queue_start_timeout_check CHECK (start_timeout >= '0'::interval)
) USING heap;
INSERT INTO scheduler.queue (queue_name) VALUES ('default');
COMMENT ON TABLE scheduler.queue IS 'Named groups of jobs';
GRANT SELECT ON scheduler.queue TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('scheduler.queue', '');

CREATE TRIGGER queue_changed AFTER INSERT OR UPDATE OR DELETE ON scheduler.queue
	FOR EACH STATEMENT EXECUTE FUNCTION scheduler._changed('queues');
CREATE TRIGGER default_queue_restored BEFORE INSERT ON scheduler.queue
	FOR EACH ROW WHEN (NEW.queue_name = 'default')
	EXECUTE FUNCTION scheduler._replace_default_queue();

CREATE TABLE scheduler.queue_health_state (
	queue_name text NOT NULL,
	state text NOT NULL,
	reason text NOT NULL,
	since timestamptz NOT NULL,
	backlog bigint NOT NULL,
	running bigint NOT NULL,
	waits_for text,
	CONSTRAINT queue_health_state_pkey PRIMARY KEY (queue_name)
) USING heap WITH (fillfactor = 70);
COMMENT ON TABLE scheduler.queue_health_state IS 'State and backlog of queues; use the view queues';

CREATE FUNCTION scheduler.create_queue(queue_name text, max_concurrency int DEFAULT NULL,
	rate_limit int DEFAULT NULL, rate_period interval DEFAULT '1 second',
	priority int DEFAULT 0, enabled boolean DEFAULT true, description text DEFAULT NULL,
	depends_on text[] DEFAULT NULL, start_timeout interval DEFAULT '5 minutes')
RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_create_queue' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.create_queue(text, int, int, interval, int, boolean, text, text[], interval) IS
'Create a queue: at most max_concurrency runs at once, at most rate_limit runs begun in a rate_period, NULL being no limit; runs of a queue with a higher priority go first, and none while something that it depends on is not healthy, for up to start_timeout. Needs an admin role';

CREATE FUNCTION scheduler.alter_queue(queue_name text, max_concurrency int DEFAULT NULL,
	rate_limit int DEFAULT NULL, rate_period interval DEFAULT NULL,
	priority int DEFAULT NULL, enabled boolean DEFAULT NULL, description text DEFAULT NULL,
	depends_on text[] DEFAULT NULL, start_timeout interval DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_alter_queue' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.alter_queue(text, int, int, interval, int, boolean, text, text[], interval) IS
'Change a queue; NULL leaves an option as it is, and a max_concurrency or rate_limit of 0 takes the limit away, an empty depends_on all dependencies. Needs an admin role';

CREATE FUNCTION scheduler.drop_queue(queue_name text) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_drop_queue' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.drop_queue(text) IS
'Drop a queue that has no jobs. Needs an admin role';

CREATE FUNCTION scheduler.start_queue(queue_name text) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_start_queue' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.start_queue(text) IS
'Let the runs of a queue go again after stop_queue(). Needs an admin role';

CREATE FUNCTION scheduler.stop_queue(queue_name text, timeout interval DEFAULT NULL) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_stop_queue' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.stop_queue(text, interval) IS
'Begin no more runs of a queue; those that run may go on for the timeout, by default without an end, and are cancelled then. What is due meanwhile waits. Needs an admin role';

CREATE FUNCTION scheduler.restart_queue(queue_name text, timeout interval DEFAULT NULL) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_restart_queue' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.restart_queue(text, interval) IS
'Stop a queue, as stop_queue() does, and start it when what runs has ended. Needs an admin role';

CREATE FUNCTION scheduler.stop_all(timeout interval DEFAULT NULL) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_stop_all' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.stop_all(interval) IS
'Stop all queues, as stop_queue() does. Needs an admin role';

CREATE FUNCTION scheduler.start_all() RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_start_all' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.start_all() IS 'Start all queues. Needs an admin role';

-- How much waits and runs in a queue is for admins.
CREATE VIEW scheduler._queue_health AS
SELECT queue_name, state, reason, since, waits_for, running > 0 AS busy,
	CASE WHEN scheduler._admin() THEN backlog END AS backlog,
	CASE WHEN scheduler._admin() THEN running END AS running
FROM scheduler.queue_health_state;
COMMENT ON VIEW scheduler._queue_health IS
'What queue_health_state shows of queues to everybody; use the view queues';
GRANT SELECT ON scheduler._queue_health TO PUBLIC;

----------------------------------------------------------------------
-- Dependencies
----------------------------------------------------------------------

-- What has to be healthy before a job or a queue may run (dependency_api.c).
CREATE TABLE scheduler.dependency (
	job_id bigint,
	queue_name text,
	on_job_id bigint,
	on_queue_name text,
	CONSTRAINT dependency_key UNIQUE NULLS NOT DISTINCT
		(job_id, queue_name, on_job_id, on_queue_name),
	CONSTRAINT dependency_dependent_check CHECK (pg_catalog.num_nonnulls(job_id, queue_name) = 1),
	CONSTRAINT dependency_target_check
		CHECK (pg_catalog.num_nonnulls(on_job_id, on_queue_name) = 1),
	CONSTRAINT dependency_job_id_fkey FOREIGN KEY (job_id)
		REFERENCES scheduler.job ON DELETE CASCADE,
	CONSTRAINT dependency_queue_name_fkey FOREIGN KEY (queue_name)
		REFERENCES scheduler.queue ON DELETE CASCADE,
	CONSTRAINT dependency_on_job_id_fkey FOREIGN KEY (on_job_id) REFERENCES scheduler.job,
	CONSTRAINT dependency_on_queue_name_fkey FOREIGN KEY (on_queue_name)
		REFERENCES scheduler.queue
) USING heap;
ALTER TABLE scheduler.dependency REPLICA IDENTITY FULL;
CREATE INDEX dependency_queue_name_idx ON scheduler.dependency (queue_name)
	WHERE queue_name IS NOT NULL;
CREATE INDEX dependency_on_job_id_idx ON scheduler.dependency (on_job_id)
	WHERE on_job_id IS NOT NULL;
CREATE INDEX dependency_on_queue_name_idx ON scheduler.dependency (on_queue_name)
	WHERE on_queue_name IS NOT NULL;
COMMENT ON TABLE scheduler.dependency IS
'What jobs and queues depend on; use the view dependencies';
ALTER TABLE scheduler.dependency ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.dependency FOR SELECT
	USING (job_id IS NULL OR
		EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = dependency.job_id));
GRANT SELECT ON scheduler.dependency TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('scheduler.dependency', '');

CREATE TRIGGER dependency_changed AFTER INSERT OR UPDATE OR DELETE ON scheduler.dependency
	FOR EACH STATEMENT EXECUTE FUNCTION scheduler._changed('dependencies');

----------------------------------------------------------------------
-- Hooks and health checks
----------------------------------------------------------------------

CREATE FUNCTION scheduler._hook_deleted() RETURNS trigger
AS 'MODULE_PATHNAME', 'pg_scheduler_hook_deleted' LANGUAGE C;
COMMENT ON FUNCTION scheduler._hook_deleted() IS 'Drops the job of a hook that is gone';
REVOKE EXECUTE ON FUNCTION scheduler._hook_deleted() FROM PUBLIC;

-- SQL that serves a job, each a job of its own; hook.c.
CREATE TABLE scheduler.job_hook (
	job_id bigint NOT NULL,
	event text NOT NULL,
	hook_job_id bigint NOT NULL,
	query text NOT NULL,
	live boolean,
	healthy boolean,
	checked_at timestamptz,
	CONSTRAINT job_hook_pkey PRIMARY KEY (job_id, event),
	CONSTRAINT job_hook_hook_job_id_key UNIQUE (hook_job_id),
	CONSTRAINT job_hook_job_id_fkey FOREIGN KEY (job_id)
		REFERENCES scheduler.job ON DELETE CASCADE,
	CONSTRAINT job_hook_hook_job_id_fkey FOREIGN KEY (hook_job_id)
		REFERENCES scheduler.job ON DELETE CASCADE,
	CONSTRAINT job_hook_event_check CHECK (event IN ('start', 'stop', 'cleanup', 'health_check'))
) USING heap WITH (fillfactor = 70);
COMMENT ON TABLE scheduler.job_hook IS
'SQL that serves jobs; use the views job_hooks and health_checks';
ALTER TABLE scheduler.job_hook ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.job_hook FOR SELECT
	USING (EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = job_hook.job_id));
GRANT SELECT ON scheduler.job_hook TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('scheduler.job_hook', '');

CREATE TRIGGER job_hook_changed AFTER INSERT OR DELETE OR UPDATE OF hook_job_id
	ON scheduler.job_hook FOR EACH STATEMENT EXECUTE FUNCTION scheduler._changed('hooks');
CREATE TRIGGER job_hook_deleted AFTER DELETE ON scheduler.job_hook
	FOR EACH ROW EXECUTE FUNCTION scheduler._hook_deleted();

CREATE FUNCTION scheduler._owner_changed() RETURNS trigger
AS 'MODULE_PATHNAME', 'pg_scheduler_owner_changed' LANGUAGE C;
COMMENT ON FUNCTION scheduler._owner_changed() IS 'Gives the hooks of a job to its new owner';
REVOKE EXECUTE ON FUNCTION scheduler._owner_changed() FROM PUBLIC;

CREATE TRIGGER job_owner_changed AFTER UPDATE OF owner ON scheduler.job
	FOR EACH ROW WHEN (OLD.owner::oid <> NEW.owner::oid)
	EXECUTE FUNCTION scheduler._owner_changed();

CREATE FUNCTION scheduler._hook_owner(job bigint) RETURNS regrole
AS 'MODULE_PATHNAME', 'pg_scheduler_hook_owner' LANGUAGE C STABLE;
COMMENT ON FUNCTION scheduler._hook_owner(bigint) IS 'The role that the hooks of a job run as';

CREATE FUNCTION scheduler._hook_name(job bigint, event text) RETURNS text
AS 'MODULE_PATHNAME', 'pg_scheduler_hook_name' LANGUAGE C STABLE;
COMMENT ON FUNCTION scheduler._hook_name(bigint, text) IS 'The name of the job of a hook';

CREATE FUNCTION scheduler._add_hook(job bigint, event text, hook_job_id bigint, query text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_add_hook' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler._add_hook(bigint, text, bigint, text) IS
'Take note of a hook whose job is there already';

CREATE FUNCTION scheduler._drop_hook(job bigint, event text) RETURNS boolean
AS 'MODULE_PATHNAME', 'pg_scheduler_drop_hook' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler._drop_hook(bigint, text) IS
'Drop a hook or a health check, with its job';

CREATE FUNCTION scheduler._report_health(job bigint, healthy boolean) RETURNS boolean
AS 'MODULE_PATHNAME', 'pg_scheduler_report_health' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler._report_health(bigint, boolean) IS
'What the job of a health check has found';

CREATE FUNCTION scheduler.set_hook(job bigint, event text, command text,
	timeout interval DEFAULT NULL, max_retries int DEFAULT 0) RETURNS bigint
LANGUAGE SQL VOLATILE
BEGIN ATOMIC
	SELECT scheduler._add_hook(job, event,
		scheduler.schedule_job(job_name => scheduler._hook_name(job, event),
			schedule => '@yearly', command => command, priority => 2147483647,
			timeout => timeout, max_retries => max_retries,
			run_as => scheduler._hook_owner(job), enabled => false,
			replace => EXISTS (SELECT FROM scheduler.job_hook h
				WHERE h.job_id = job AND h.event = set_hook.event)),
		command);
END;
COMMENT ON FUNCTION scheduler.set_hook IS
'Have a command executed at an event of a job, as its owner: start (it has become live), stop (it is live no longer), cleanup (an attempt did not succeed; $1 says which). The runs of the job wait for it. Returns the job_id of the hook';
CALL scheduler._also_by_name('scheduler.set_hook');

CREATE FUNCTION scheduler.drop_hook(job bigint, event text) RETURNS boolean
LANGUAGE SQL VOLATILE
BEGIN ATOMIC
	SELECT scheduler._drop_hook(job, event) WHERE scheduler._hook_name(job, event) IS NOT NULL;
END;
COMMENT ON FUNCTION scheduler.drop_hook IS
'Take a hook away, with what waits of it. False: there was none';
CALL scheduler._also_by_name('scheduler.drop_hook');

CREATE VIEW scheduler.job_hooks WITH (security_invoker = true) AS
SELECT h.job_id, j.job_name, j.owner, h.event, c.command, c.timeout, c.max_retries,
	h.hook_job_id, s.last_run_at, s.last_status,
	COALESCE(s.consecutive_failures, 0) AS consecutive_failures
FROM scheduler.job_hook h
JOIN scheduler.job j ON j.job_id = h.job_id
JOIN scheduler.job c ON c.job_id = h.hook_job_id
LEFT JOIN scheduler.job_state s ON s.job_id = h.hook_job_id
WHERE h.event <> 'health_check';
COMMENT ON VIEW scheduler.job_hooks IS
'What is executed at the start, at the stop and after a failure of jobs, and what became of it last; see set_hook()';
COMMENT ON COLUMN scheduler.job_hooks.job_id IS 'Job that is served';
COMMENT ON COLUMN scheduler.job_hooks.job_name IS 'Name of that job';
COMMENT ON COLUMN scheduler.job_hooks.owner IS 'Owner of that job';
COMMENT ON COLUMN scheduler.job_hooks.event IS 'start, stop or cleanup';
COMMENT ON COLUMN scheduler.job_hooks.command IS 'SQL that is executed';
COMMENT ON COLUMN scheduler.job_hooks.timeout IS 'Longest duration of a call; null: no limit';
COMMENT ON COLUMN scheduler.job_hooks.max_retries IS 'Calls after one that fails';
COMMENT ON COLUMN scheduler.job_hooks.hook_job_id IS 'Id of the job that executes the hook';
COMMENT ON COLUMN scheduler.job_hooks.last_run_at IS 'When the last attempt that has ended began';
COMMENT ON COLUMN scheduler.job_hooks.last_status IS 'Status of the last attempt that has ended';
COMMENT ON COLUMN scheduler.job_hooks.consecutive_failures IS
'Attempts in a row that failed, timed out or were lost';
GRANT SELECT ON scheduler.job_hooks TO PUBLIC;

CREATE FUNCTION scheduler.set_health_check(job bigint, query text,
	schedule text DEFAULT '1 minute', timeout interval DEFAULT '10 seconds') RETURNS bigint
LANGUAGE SQL VOLATILE
BEGIN ATOMIC
	SELECT scheduler._add_hook(job, 'health_check',
		scheduler.schedule_job(job_name => 'health check of job ' || job,
			schedule => schedule,
			dead_letters => false,
			command => 'SELECT scheduler._report_health('
				|| E'pg_catalog.current_setting(''pg_scheduler.job_id'')::bigint, (\n'
				|| pg_catalog.rtrim(scheduler._required(query, 'query'), E'; \n\r\t') || E'\n))',
			timeout => timeout, run_as => scheduler._hook_owner(job),
			replace => EXISTS (SELECT FROM scheduler.job_hook h
				WHERE h.job_id = job AND h.event = 'health_check')),
		query);
END;
COMMENT ON FUNCTION scheduler.set_health_check IS
'Have a query asked on a schedule, as the owner of a job, whether the job is healthy: true, false, or NULL for no answer; an error is no, with its message as the reason. Returns the job_id of the check';
CALL scheduler._also_by_name('scheduler.set_health_check');

CREATE FUNCTION scheduler.drop_health_check(job bigint) RETURNS boolean
LANGUAGE SQL VOLATILE
BEGIN ATOMIC
	SELECT scheduler._drop_hook(job, 'health_check');
END;
COMMENT ON FUNCTION scheduler.drop_health_check IS
'Take the health check of a job away. False: there was none';
CALL scheduler._also_by_name('scheduler.drop_health_check');

CREATE VIEW scheduler.health_checks WITH (security_invoker = true) AS
SELECT h.job_id, j.job_name, j.owner, h.query, c.schedule, c.timeout,
	h.healthy, h.checked_at, h.hook_job_id, s.last_run_at, s.last_status,
	COALESCE(s.consecutive_failures, 0) AS consecutive_failures
FROM scheduler.job_hook h
JOIN scheduler.job j ON j.job_id = h.job_id
JOIN scheduler.job c ON c.job_id = h.hook_job_id
LEFT JOIN scheduler.job_state s ON s.job_id = h.hook_job_id
WHERE h.event = 'health_check';
COMMENT ON VIEW scheduler.health_checks IS
'Queries that say whether jobs are healthy, and their last answer; see set_health_check()';
COMMENT ON COLUMN scheduler.health_checks.job_id IS 'Job that is judged';
COMMENT ON COLUMN scheduler.health_checks.job_name IS 'Name of that job';
COMMENT ON COLUMN scheduler.health_checks.owner IS 'Owner of that job';
COMMENT ON COLUMN scheduler.health_checks.query IS 'Query or expression that is asked';
COMMENT ON COLUMN scheduler.health_checks.schedule IS 'When it is asked';
COMMENT ON COLUMN scheduler.health_checks.timeout IS 'Longest duration of an answer';
COMMENT ON COLUMN scheduler.health_checks.healthy IS 'Last answer; null: none';
COMMENT ON COLUMN scheduler.health_checks.checked_at IS 'When that answer was given';
COMMENT ON COLUMN scheduler.health_checks.hook_job_id IS 'Id of the job that asks';
COMMENT ON COLUMN scheduler.health_checks.last_run_at IS
'When the last attempt that has ended began';
COMMENT ON COLUMN scheduler.health_checks.last_status IS
'Status of the last attempt that has ended';
COMMENT ON COLUMN scheduler.health_checks.consecutive_failures IS
'Attempts in a row that failed, timed out or were lost';
GRANT SELECT ON scheduler.health_checks TO PUBLIC;

----------------------------------------------------------------------
-- Recovery
----------------------------------------------------------------------

-- Circuit breakers; recovery.c has the states.
CREATE TABLE scheduler.job_recovery (
	job_id bigint NOT NULL,
	error_threshold int NOT NULL,
	restart_delay interval NOT NULL,
	max_restarts int NOT NULL,
	state text NOT NULL,
	restarts int NOT NULL,
	retry_at timestamptz,
	enabled boolean NOT NULL DEFAULT true,
	probe_run_id bigint,
	CONSTRAINT job_recovery_pkey PRIMARY KEY (job_id),
	CONSTRAINT job_recovery_job_id_fkey FOREIGN KEY (job_id)
		REFERENCES scheduler.job ON DELETE CASCADE
) USING heap;
COMMENT ON TABLE scheduler.job_recovery IS
'How jobs that keep failing are held back; use the view job_recoveries';
ALTER TABLE scheduler.job_recovery ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.job_recovery FOR SELECT
	USING (EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = job_recovery.job_id));
GRANT SELECT ON scheduler.job_recovery TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('scheduler.job_recovery', '');

CREATE TRIGGER job_recovery_changed AFTER INSERT OR UPDATE OR DELETE ON scheduler.job_recovery
	FOR EACH STATEMENT EXECUTE FUNCTION scheduler._changed('rules');

CREATE SEQUENCE scheduler.recovery_event_id_seq;
COMMENT ON SEQUENCE scheduler.recovery_event_id_seq IS 'Source of the ids of recovery events';

CREATE TABLE scheduler.recovery_event (
	event_id bigint NOT NULL DEFAULT pg_catalog.nextval('scheduler.recovery_event_id_seq'),
	at timestamptz NOT NULL,
	subject text NOT NULL,
	job_id bigint,
	owner oid,
	queue text,
	run_id bigint,
	action text NOT NULL,
	reason text NOT NULL,
	outcome text NOT NULL,
	finished_at timestamptz,
	CONSTRAINT recovery_event_pkey PRIMARY KEY (event_id),
	CONSTRAINT recovery_event_outcome_check CHECK (outcome IN ('pending', 'succeeded', 'failed'))
) USING heap;
CREATE INDEX recovery_event_at_idx ON scheduler.recovery_event (at);
CREATE INDEX recovery_event_pending_idx ON scheduler.recovery_event (event_id)
	WHERE outcome = 'pending';
COMMENT ON TABLE scheduler.recovery_event IS
'What was done to recover jobs; use the view recovery_events';
ALTER TABLE scheduler.recovery_event ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.recovery_event FOR SELECT
	USING (CASE WHEN owner IS NULL THEN scheduler._admin() ELSE scheduler._visible(owner) END);
GRANT SELECT ON scheduler.recovery_event TO PUBLIC;

CREATE FUNCTION scheduler.set_recovery(job bigint, error_threshold int DEFAULT 5,
	restart_delay interval DEFAULT '1 minute', max_restarts int DEFAULT 5,
	enabled boolean DEFAULT true) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_set_recovery' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.set_recovery IS
'Hold a job back after error_threshold consecutive failures, and try one run after restart_delay, twice as long after each one that fails, up to a day; a success resumes the job, and after max_restarts of them it stays held back';
CALL scheduler._also_by_name('scheduler.set_recovery');

CREATE FUNCTION scheduler.drop_recovery(job bigint) RETURNS boolean
AS 'MODULE_PATHNAME', 'pg_scheduler_drop_recovery' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.drop_recovery IS
'Take away what set_recovery() has set; a job that is held back stays paused. False: there was nothing';
CALL scheduler._also_by_name('scheduler.drop_recovery');

CREATE FUNCTION scheduler.recover(job bigint) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_recover' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.recover IS
'Start a job anew: recovery lets go of it, its failures are forgiven, and what holds its runs is looked at again. A pause of yours stays. Returns the event_id';
CALL scheduler._also_by_name('scheduler.recover');

CREATE FUNCTION scheduler.recover_queue(queue_name text) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_recover_queue' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.recover_queue(text) IS
'Do what recover() does for all jobs of a queue that fail or are held back. Returns the event_id. Needs an admin role';

CREATE VIEW scheduler.job_recoveries WITH (security_invoker = true) AS
SELECT j.job_id, j.job_name, j.owner, r.error_threshold, r.restart_delay, r.max_restarts,
	CASE r.state WHEN 'closing' THEN 'closed' ELSE r.state END AS state,
	r.restarts, r.retry_at, r.enabled
FROM scheduler.job_recovery r
JOIN scheduler.job j ON j.job_id = r.job_id;
COMMENT ON VIEW scheduler.job_recoveries IS
'Circuit breakers of jobs: closed, open, probing or given_up; see set_recovery()';
COMMENT ON COLUMN scheduler.job_recoveries.job_id IS 'Id of the job';
COMMENT ON COLUMN scheduler.job_recoveries.job_name IS 'Name of the job, unique for its owner';
COMMENT ON COLUMN scheduler.job_recoveries.owner IS 'Role that the job belongs to and runs as';
COMMENT ON COLUMN scheduler.job_recoveries.error_threshold IS
'Consecutive failures after which the job is held back';
COMMENT ON COLUMN scheduler.job_recoveries.restart_delay IS 'Time until the first try';
COMMENT ON COLUMN scheduler.job_recoveries.max_restarts IS
'Tries that may fail before recovery gives up';
COMMENT ON COLUMN scheduler.job_recoveries.state IS
'closed: runs as planned; open: held back; probing: a run is tried; given_up';
COMMENT ON COLUMN scheduler.job_recoveries.restarts IS 'Tries since the job was held back';
COMMENT ON COLUMN scheduler.job_recoveries.retry_at IS
'Time of the next try; null: none is planned';
COMMENT ON COLUMN scheduler.job_recoveries.enabled IS 'False: the job is not held back';
GRANT SELECT ON scheduler.job_recoveries TO PUBLIC;

CREATE VIEW scheduler.recovery_events WITH (security_invoker = true) AS
SELECT event_id, at, subject, job_id, action, reason, outcome, finished_at, run_id
FROM scheduler.recovery_event;
COMMENT ON VIEW scheduler.recovery_events IS
'What was done to repair something, why, and what came of it: outcome is pending, succeeded or failed; kept for pg_scheduler.recovery_retention';
COMMENT ON COLUMN scheduler.recovery_events.event_id IS 'Id of the event';
COMMENT ON COLUMN scheduler.recovery_events.at IS 'When it arose';
COMMENT ON COLUMN scheduler.recovery_events.subject IS 'What it is about, such as job 17';
COMMENT ON COLUMN scheduler.recovery_events.job_id IS 'Job that it is about; null: none';
COMMENT ON COLUMN scheduler.recovery_events.action IS 'What was done';
COMMENT ON COLUMN scheduler.recovery_events.reason IS 'Why';
COMMENT ON COLUMN scheduler.recovery_events.outcome IS 'pending, succeeded or failed';
COMMENT ON COLUMN scheduler.recovery_events.finished_at IS
'When the outcome was known; null: it is pending';
COMMENT ON COLUMN scheduler.recovery_events.run_id IS 'Run of a try; null: none';
GRANT SELECT ON scheduler.recovery_events TO PUBLIC;

----------------------------------------------------------------------
-- Health
----------------------------------------------------------------------

-- What monitor.c has found: a job without a row is healthy.
CREATE TABLE scheduler.job_health_state (
	job_id bigint NOT NULL,
	state text NOT NULL,
	reason text NOT NULL,
	since timestamptz NOT NULL,
	own_state text NOT NULL,
	waits_for text,
	CONSTRAINT job_health_state_pkey PRIMARY KEY (job_id)
) USING heap WITH (fillfactor = 70);
CREATE INDEX job_health_state_unhealthy_idx ON scheduler.job_health_state (job_id)
	WHERE state = 'unhealthy';
COMMENT ON TABLE scheduler.job_health_state IS
'Jobs that are not healthy, and why; use the view job_health';
ALTER TABLE scheduler.job_health_state ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.job_health_state FOR SELECT
	USING (EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = job_health_state.job_id));
GRANT SELECT ON scheduler.job_health_state TO PUBLIC;

-- It reads as its owner, and asks whose a job is once: row security on each of
-- its tables would ask again for each of them.
CREATE VIEW scheduler.job_health WITH (security_barrier = true) AS
SELECT j.job_id,
	j.job_name,
	j.owner,
	j.queue,
	o.state,
	CASE o.state
		WHEN 'stopped' THEN CASE WHEN j.paused_at IS NOT NULL THEN
			COALESCE('the job is paused: ' || j.paused_reason, 'the job is paused') ||
			COALESCE(', until ' || j.paused_until, '')
			WHEN NOT j.enabled THEN 'the job is disabled'
			ELSE 'the schedule of the job is over' END
		WHEN 'stopping' THEN 'the job is paused, and a run goes on'
		WHEN 'starting' THEN CASE WHEN c.state = 'probing' THEN 'a run is tried again after failures'
			ELSE 'the scheduler has not planned the job yet' END
		WHEN 'unhealthy' THEN CASE WHEN j.paused_at IS NOT NULL THEN j.paused_reason
			WHEN o.over AND h.state IS DISTINCT FROM 'unhealthy'
				THEN 'the last run of the job failed, and there will be no other'
			ELSE h.reason END
		WHEN 'unknown' THEN 'monitoring is off'
		ELSE COALESCE(h.reason, 'runs as planned') END AS reason,
	CASE WHEN o.state IN ('stopped', 'stopping') THEN COALESCE(j.paused_at, s.last_finished_at, j.created_at)
		ELSE COALESCE(h.since, j.created_at) END AS since,
	COALESCE(s.consecutive_failures, 0) AS consecutive_failures,
	s.succeeded::double precision /
		NULLIF(s.succeeded + s.failed + s.timed_out + s.lost, 0) AS success_rate,
	s.last_run_at,
	s.last_status,
	g.since AS running_since
FROM scheduler.job j
LEFT JOIN scheduler.job_state s ON s.job_id = j.job_id
LEFT JOIN (SELECT p.job_id, pg_catalog.min(r.started_at) AS since
	FROM scheduler._running() r JOIN scheduler.pending_run p ON p.run_id = r.run_id
	GROUP BY p.job_id) g ON g.job_id = j.job_id
LEFT JOIN scheduler.job_health_state h ON h.job_id = j.job_id
LEFT JOIN scheduler.job_recovery c ON c.job_id = j.job_id
CROSS JOIN scheduler._monitoring() AS m (monitoring)
CROSS JOIN LATERAL (SELECT CASE
	WHEN c.state = 'probing' AND j.paused_at IS NOT NULL THEN 'starting'
	WHEN c.state IN ('open', 'given_up') AND j.paused_at IS NOT NULL THEN 'unhealthy'
	WHEN NOT j.enabled OR j.paused_at IS NOT NULL THEN
		CASE WHEN g.job_id IS NOT NULL THEN 'stopping' ELSE 'stopped' END
	WHEN s.schedule_version IS DISTINCT FROM j.schedule_version THEN 'starting'
	WHEN scheduler._is_over(j, s) AND NOT EXISTS (SELECT FROM scheduler.pending_run p
		WHERE p.job_id = j.job_id)
		THEN CASE WHEN s.consecutive_failures > 0 THEN 'unhealthy' ELSE 'stopped' END
	WHEN NOT m.monitoring THEN 'unknown'
	ELSE COALESCE(h.state, 'healthy') END AS state,
	scheduler._is_over(j, s) AS over) o
WHERE scheduler._visible(j.owner) AND j.serves IS NULL;
COMMENT ON VIEW scheduler.job_health IS
'The state of each job (healthy, degraded, unhealthy, stopped, starting, stopping; unknown without monitoring), why, and since when';
COMMENT ON COLUMN scheduler.job_health.job_id IS 'Id of the job';
COMMENT ON COLUMN scheduler.job_health.job_name IS 'Name of the job, unique for its owner';
COMMENT ON COLUMN scheduler.job_health.owner IS 'Role that the job belongs to and runs as';
COMMENT ON COLUMN scheduler.job_health.queue IS 'Queue of the job';
COMMENT ON COLUMN scheduler.job_health.state IS
'healthy, degraded, unhealthy, stopped, starting or stopping';
COMMENT ON COLUMN scheduler.job_health.reason IS 'Why the job is in this state';
COMMENT ON COLUMN scheduler.job_health.since IS 'When it came into this state';
COMMENT ON COLUMN scheduler.job_health.consecutive_failures IS
'Attempts in a row that failed, timed out or were lost';
COMMENT ON COLUMN scheduler.job_health.success_rate IS
'Share of the attempts since the job was made that succeeded, 0 to 1; null: none has ended';
COMMENT ON COLUMN scheduler.job_health.last_run_at IS 'When the last attempt that has ended began';
COMMENT ON COLUMN scheduler.job_health.last_status IS 'Status of the last attempt that has ended';
COMMENT ON COLUMN scheduler.job_health.running_since IS
'When the run began that is being executed, the first if there are several; null: none is';
GRANT SELECT ON scheduler.job_health TO PUBLIC;

----------------------------------------------------------------------
-- Views of jobs, runs and queues
--
-- They show what the subjects above know of a job, a run, a queue: each reads
-- from several of them, so it can only stand here.
----------------------------------------------------------------------

CREATE VIEW scheduler.jobs WITH (security_invoker = true) AS
SELECT j.job_id,
	j.job_name,
	j.owner,
	j.kind,
	j.schedule,
	j.timezone,
	j.command,
	j.request ->> 'url' AS url,
	j.queue,
	j.priority,
	j.enabled,
	CASE WHEN NOT j.enabled OR j.paused_at IS NOT NULL THEN 'paused'
		WHEN scheduler._is_over(j, s)
			AND NOT EXISTS (SELECT FROM scheduler.pending_run p WHERE p.job_id = j.job_id)
			THEN 'finished'
		ELSE 'active' END AS state,
	CASE WHEN NOT j.enabled OR j.paused_at IS NOT NULL THEN NULL
		WHEN s.schedule_version = j.schedule_version AND j.calendar IS NULL THEN s.next_run_at
		ELSE scheduler._next_run_at(j.job_id) END AS next_run_at,
	s.last_run_at,
	s.last_status,
	COALESCE(s.consecutive_failures, 0) AS consecutive_failures,
	COALESCE(s.runs, 0) AS runs,
	COALESCE(s.succeeded, 0) AS succeeded,
	COALESCE(s.failed + s.timed_out + s.lost, 0) AS failed,
	COALESCE(s.skipped, 0) AS skipped,
	COALESCE(s.missed, 0) AS missed,
	j.paused_at,
	j.paused_reason,
	j.args,
	j.settings,
	j.starts_at,
	j.ends_at,
	j.max_runs,
	j.jitter,
	j.overlap,
	j.max_instances,
	j.misfire,
	j.misfire_grace,
	j.timeout,
	j.max_retries,
	j.backoff,
	j.retry_delay,
	j.max_retry_delay,
	j.retry_jitter,
	j.retry_on,
	j.on_lost,
	j.calendar,
	j.calendar_action,
	j.description,
	j.created_at,
	CASE WHEN j.follows THEN
		(SELECT pg_catalog.string_agg(scheduler._quote_job_name(l.job_name), ', ' ORDER BY a.position)
		 FROM scheduler.run_after a JOIN scheduler.job l ON l.job_id = a.leader_id
		 WHERE a.job_id = j.job_id) END AS after,
	CASE WHEN j.follows THEN
		(SELECT pg_catalog.max(a.after_on) FROM scheduler.run_after a
		 WHERE a.job_id = j.job_id) END AS after_on,
	j.serves,
	(SELECT pg_catalog.array_agg(CASE WHEN d.on_job_id IS NULL THEN 'queue:' || d.on_queue_name
			WHEN t.owner = j.owner THEN 'job:' || t.job_name
			ELSE 'job_id:' || d.on_job_id END ORDER BY d.on_job_id, d.on_queue_name)
		FROM scheduler.dependency d LEFT JOIN scheduler.job t ON t.job_id = d.on_job_id
		WHERE d.job_id = j.job_id) AS depends_on,
	j.dead_letters,
	j.kill_after,
	j.soft_timeout,
	j.success_within,
	s.last_success_at,
	j.paused_until,
	j.skip_through
FROM scheduler.job j
LEFT JOIN scheduler.job_state s ON s.job_id = j.job_id;
COMMENT ON VIEW scheduler.jobs IS
'Jobs of the roles that the current user is a member of, with their state';
COMMENT ON COLUMN scheduler.jobs.job_id IS 'Id of the job';
COMMENT ON COLUMN scheduler.jobs.job_name IS 'Name of the job, unique for its owner';
COMMENT ON COLUMN scheduler.jobs.owner IS 'Role that the job belongs to and runs as';
COMMENT ON COLUMN scheduler.jobs.kind IS 'sql or http';
COMMENT ON COLUMN scheduler.jobs.schedule IS 'When it runs; see describe_schedule()';
COMMENT ON COLUMN scheduler.jobs.timezone IS
'Time zone of a schedule that names none; null: pg_scheduler.timezone';
COMMENT ON COLUMN scheduler.jobs.command IS 'SQL that is run; null: an HTTP job';
COMMENT ON COLUMN scheduler.jobs.url IS 'URL of an HTTP job, as it was given';
COMMENT ON COLUMN scheduler.jobs.queue IS 'Queue that its runs are in';
COMMENT ON COLUMN scheduler.jobs.priority IS
'Of the runs that are ready the one with the higher number goes first';
COMMENT ON COLUMN scheduler.jobs.enabled IS 'False: waits for resume_job()';
COMMENT ON COLUMN scheduler.jobs.state IS
'active, paused (or disabled), or finished: no time is left';
COMMENT ON COLUMN scheduler.jobs.next_run_at IS
'Next time of the schedule; null when paused or finished';
COMMENT ON COLUMN scheduler.jobs.last_run_at IS 'When the last attempt that has ended began';
COMMENT ON COLUMN scheduler.jobs.last_status IS 'Status of the last attempt that has ended';
COMMENT ON COLUMN scheduler.jobs.consecutive_failures IS
'Attempts in a row that failed, timed out or were lost';
COMMENT ON COLUMN scheduler.jobs.runs IS
'Occurrences that have been due, by the schedule or after other jobs';
COMMENT ON COLUMN scheduler.jobs.succeeded IS 'Attempts that succeeded';
COMMENT ON COLUMN scheduler.jobs.failed IS 'Attempts that failed, timed out or were lost';
COMMENT ON COLUMN scheduler.jobs.skipped IS
'Occurrences that were left out, because of overlap or a calendar';
COMMENT ON COLUMN scheduler.jobs.missed IS
'Occurrences that could not run in time, by the misfire policy';
COMMENT ON COLUMN scheduler.jobs.paused_at IS 'When the job was paused; null: it is not';
COMMENT ON COLUMN scheduler.jobs.paused_reason IS 'Why the job was paused';
COMMENT ON COLUMN scheduler.jobs.args IS 'Argument $1 of the command';
COMMENT ON COLUMN scheduler.jobs.settings IS 'Settings that are in force in its runs';
COMMENT ON COLUMN scheduler.jobs.starts_at IS 'No occurrence before this time; null: no limit';
COMMENT ON COLUMN scheduler.jobs.ends_at IS 'No occurrence after this time; null: no limit';
COMMENT ON COLUMN scheduler.jobs.max_runs IS
'Occurrences after which the job is finished; null: no limit';
COMMENT ON COLUMN scheduler.jobs.jitter IS 'Longest random delay of an occurrence; null: none';
COMMENT ON COLUMN scheduler.jobs.overlap IS
'What happens while the last run goes on: skip, queue, allow or cancel';
COMMENT ON COLUMN scheduler.jobs.max_instances IS 'Runs at a time, with overlap allow';
COMMENT ON COLUMN scheduler.jobs.misfire IS
'What becomes of occurrences that could not run in time: run_once, run_all or skip';
COMMENT ON COLUMN scheduler.jobs.misfire_grace IS
'Occurrences that are late by more are missed; null: no limit';
COMMENT ON COLUMN scheduler.jobs.timeout IS
'Longest duration of an attempt; null: no limit, or pg_scheduler.http_timeout';
COMMENT ON COLUMN scheduler.jobs.max_retries IS 'Attempts after the first';
COMMENT ON COLUMN scheduler.jobs.backoff IS
'How the delay of retries grows: exponential, linear or fixed';
COMMENT ON COLUMN scheduler.jobs.retry_delay IS 'Delay of the first retry';
COMMENT ON COLUMN scheduler.jobs.max_retry_delay IS 'Longest delay of a retry';
COMMENT ON COLUMN scheduler.jobs.retry_jitter IS
'True: a delay is a random time up to that of the policy';
COMMENT ON COLUMN scheduler.jobs.retry_on IS
'Errors that are retried: SQLSTATEs, classes, condition names or all; null: those that a retry may repair';
COMMENT ON COLUMN scheduler.jobs.on_lost IS
'What becomes of an attempt whose outcome nobody knows: fail or retry';
COMMENT ON COLUMN scheduler.jobs.calendar IS 'Calendar that is minded; null: none';
COMMENT ON COLUMN scheduler.jobs.calendar_action IS
'What becomes of occurrences in closed time: skip or defer';
COMMENT ON COLUMN scheduler.jobs.description IS 'What its maker has said about it';
COMMENT ON COLUMN scheduler.jobs.created_at IS 'When it was made';
COMMENT ON COLUMN scheduler.jobs.after IS
'The jobs whose ends make this one run, as schedule_job() takes them';
COMMENT ON COLUMN scheduler.jobs.after_on IS
'Which ends of these jobs count: success, failure or any';
COMMENT ON COLUMN scheduler.jobs.serves IS
'Null, or what this job is for somebody else: alert check, alert handler, health check, start hook, stop hook, cleanup hook; views of health and figures leave such jobs out';
COMMENT ON COLUMN scheduler.jobs.depends_on IS
'Jobs and queues that must be healthy, as schedule_job() takes them; null: none';
COMMENT ON COLUMN scheduler.jobs.kill_after IS
'A cancelled run that goes on for this long has its worker terminated; null: pg_scheduler.kill_after';
COMMENT ON COLUMN scheduler.jobs.soft_timeout IS
'After this a run is cancelled, and may end in good order; null: none';
COMMENT ON COLUMN scheduler.jobs.success_within IS
'A run has to succeed at least as often; null: nothing is said';
COMMENT ON COLUMN scheduler.jobs.paused_until IS
'The job is resumed then; null: resume_job() has to be called, or it is not paused';
COMMENT ON COLUMN scheduler.jobs.skip_through IS
'Occurrences up to then are skipped: skip_next(), or resume_job() without catching up; null: none';
COMMENT ON COLUMN scheduler.jobs.last_success_at IS
'When the last attempt ended that succeeded; null: none has';
COMMENT ON COLUMN scheduler.jobs.dead_letters IS
'True: a run that is over without success becomes a dead letter';
GRANT SELECT ON scheduler.jobs TO PUBLIC;

CREATE VIEW scheduler.runs WITH (security_invoker = true) AS
SELECT p.run_id,
	p.job_id,
	j.job_name,
	p.owner::regrole AS owner,
	CASE WHEN r.run_id IS NULL THEN 'queued' ELSE 'running' END AS status,
	p.attempt,
	p.scheduled_at,
	CASE WHEN r.run_id IS NULL AND p.attempt > 1 THEN p.due_at END AS next_attempt_at,
	r.started_at,
	NULL::timestamptz AS finished_at,
	r.worker_pid,
	NULL::bigint AS rows_affected,
	NULL::text AS error_message,
	NULL::text AS error_detail,
	NULL::text AS error_hint,
	NULL::text AS error_context,
	NULL::text AS sqlstate,
	NULL::int AS http_status,
	p.triggered_by,
	1::bigint AS occurrences,
	p.redriven_from,
	NULL::bigint AS cpu_time,
	NULL::bigint AS buffers_hit,
	NULL::bigint AS buffers_read,
	NULL::bigint AS temp_bytes,
	NULL::bigint AS wal_bytes,
	CASE WHEN p.triggered_by = 'after' THEN
		ARRAY(SELECT t.trigger_run_id FROM scheduler.run_trigger t
			WHERE t.run_id = p.run_id ORDER BY 1) END AS trigger_run_ids,
	CASE WHEN r.run_id IS NULL THEN CASE WHEN hq.waits_for IS NOT NULL
			THEN pg_catalog.format('queue "%s" %s', j.queue, hq.waits_for)
		WHEN p.triggered_by <> 'manual' AND hj.waits_for IS NOT NULL
			THEN pg_catalog.format('job "%s" %s', j.job_name, hj.waits_for) END END AS held_by,
	p.args
FROM scheduler.pending_run p
JOIN scheduler.job j ON j.job_id = p.job_id
LEFT JOIN scheduler._running() r ON r.run_id = p.run_id
LEFT JOIN scheduler.job_health_state hj ON hj.job_id = p.job_id
LEFT JOIN scheduler._queue_health hq ON hq.queue_name = j.queue
UNION ALL
SELECT h.run_id,
	h.job_id,
	h.job_name,
	h.owner::regrole,
	h.status,
	h.attempt,
	h.scheduled_at,
	h.next_attempt_at,
	h.started_at,
	h.finished_at,
	h.worker_pid,
	h.rows_affected,
	h.error_message,
	h.error_detail,
	h.error_hint,
	h.error_context,
	h.sqlstate,
	h.http_status,
	h.triggered_by,
	h.occurrences,
	h.redriven_from,
	h.cpu_time,
	h.buffers_hit,
	h.buffers_read,
	h.temp_bytes,
	h.wal_bytes,
	CASE WHEN h.triggered_by = 'after' THEN
		ARRAY(SELECT t.trigger_run_id FROM scheduler.run_trigger t
			WHERE t.run_id = h.run_id ORDER BY 1) END,
	NULL,
	h.args
FROM scheduler.run_history h;
COMMENT ON VIEW scheduler.runs IS
'Attempts of runs, waiting, running and finished; those of one run share its run_id';
COMMENT ON COLUMN scheduler.runs.run_id IS 'Id of the run, the same for all its attempts';
COMMENT ON COLUMN scheduler.runs.job_id IS 'Id of the job';
COMMENT ON COLUMN scheduler.runs.job_name IS 'Name of the job; of a finished attempt, as it was';
COMMENT ON COLUMN scheduler.runs.owner IS 'Owner of the job; of a finished attempt, as it was';
COMMENT ON COLUMN scheduler.runs.status IS
'queued, running, succeeded, failed, timed_out, cancelled, lost, skipped or missed';
COMMENT ON COLUMN scheduler.runs.attempt IS 'Number of the attempt, from 1';
COMMENT ON COLUMN scheduler.runs.scheduled_at IS
'The occurrence: time of the schedule, or of the request to run';
COMMENT ON COLUMN scheduler.runs.next_attempt_at IS
'Time of the retry: of this attempt while it waits, of the one after it when it has failed';
COMMENT ON COLUMN scheduler.runs.started_at IS
'When the attempt began; null: it has not, or never did';
COMMENT ON COLUMN scheduler.runs.finished_at IS 'When the attempt ended; null: it has not';
COMMENT ON COLUMN scheduler.runs.worker_pid IS 'Process that executes the attempt, or did';
COMMENT ON COLUMN scheduler.runs.rows_affected IS 'Rows of the last statement';
COMMENT ON COLUMN scheduler.runs.error_message IS 'Message of the error; null: none';
COMMENT ON COLUMN scheduler.runs.error_detail IS 'Detail of the error';
COMMENT ON COLUMN scheduler.runs.error_hint IS 'Hint of the error';
COMMENT ON COLUMN scheduler.runs.error_context IS 'Where the error arose';
COMMENT ON COLUMN scheduler.runs.sqlstate IS 'SQLSTATE of the error';
COMMENT ON COLUMN scheduler.runs.http_status IS 'Status of the HTTP answer; null: none';
COMMENT ON COLUMN scheduler.runs.triggered_by IS
'schedule, manual, redrive, after, recovery or hook';
COMMENT ON COLUMN scheduler.runs.occurrences IS
'Occurrences that a row for skipped or missed ones stands for';
COMMENT ON COLUMN scheduler.runs.redriven_from IS
'The run that this one repeats, by redrive_dead_letter() or retry_run()';
COMMENT ON COLUMN scheduler.runs.cpu_time IS 'CPU time of the attempt in microseconds';
COMMENT ON COLUMN scheduler.runs.buffers_hit IS 'Shared blocks found in cache';
COMMENT ON COLUMN scheduler.runs.buffers_read IS 'Shared blocks read';
COMMENT ON COLUMN scheduler.runs.temp_bytes IS 'Bytes written to temporary files and tables';
COMMENT ON COLUMN scheduler.runs.wal_bytes IS 'Bytes of write-ahead log';
COMMENT ON COLUMN scheduler.runs.trigger_run_ids IS
'The runs of other jobs that have brought about this one';
COMMENT ON COLUMN scheduler.runs.held_by IS
'Why a run that is queued does not begin, where that is a dependency or its queue';
COMMENT ON COLUMN scheduler.runs.args IS
'Argument $1 that this run was given; null: that of its job';
GRANT SELECT ON scheduler.runs TO PUBLIC;

CREATE FUNCTION scheduler.run_chain(run_id bigint,
	OUT depth int, OUT run_id bigint, OUT job_id bigint, OUT job_name text, OUT status text,
	OUT scheduled_at timestamptz, OUT started_at timestamptz, OUT finished_at timestamptz,
	OUT trigger_run_ids bigint[]) RETURNS SETOF record
LANGUAGE SQL STABLE
BEGIN ATOMIC
	WITH RECURSIVE up (id) AS (
		SELECT $1
		UNION
		SELECT t.trigger_run_id FROM up JOIN scheduler.run_trigger t ON t.run_id = up.id
	), down (id, level) AS (
		SELECT up.id, 0 FROM up
		WHERE NOT EXISTS (SELECT FROM scheduler.run_trigger t WHERE t.run_id = up.id)
		UNION
		SELECT t.run_id, down.level + 1
		FROM down JOIN scheduler.run_trigger t ON t.trigger_run_id = down.id
	)
	SELECT d.level, r.run_id, r.job_id, r.job_name, r.status, r.scheduled_at, r.started_at,
		r.finished_at, r.trigger_run_ids
	FROM (SELECT down.id, pg_catalog.max(down.level) AS level FROM down GROUP BY down.id) d
	CROSS JOIN LATERAL (SELECT * FROM scheduler.runs a WHERE a.run_id = d.id
		ORDER BY a.attempt DESC, a.finished_at DESC LIMIT 1) r
	ORDER BY d.level, r.run_id;
END;
COMMENT ON FUNCTION scheduler.run_chain(bigint) IS
'The runs that have led to a run, and all that have come of those, in order; a run has the depth of the longest way to it, and the status of its last attempt';

CREATE VIEW scheduler.queues WITH (security_invoker = true) AS
SELECT q.queue_name,
	CASE WHEN q.enabled THEN CASE WHEN NOT m.monitoring THEN 'unknown'
			WHEN h.state IN ('stopped', 'stopping') THEN 'starting'
			ELSE COALESCE(h.state, 'healthy') END
		WHEN h.busy THEN 'stopping' ELSE 'stopped' END AS state,
	CASE WHEN q.enabled THEN CASE WHEN NOT m.monitoring THEN 'monitoring is off'
			WHEN h.state IN ('stopped', 'stopping') THEN 'the queue was started'
			ELSE COALESCE(h.reason, 'runs as planned') END
		ELSE CASE WHEN q.restarting THEN 'the queue is being restarted' ELSE 'the queue is stopped' END ||
			CASE WHEN h.busy THEN ', and runs go on' ELSE '' END END AS reason,
	COALESCE(h.since, q.created_at) AS since,
	q.enabled,
	q.priority,
	q.max_concurrency,
	q.rate_limit,
	q.rate_period,
	COALESCE(j.jobs, 0) AS jobs,
	CASE WHEN scheduler._admin() THEN COALESCE(h.backlog, 0) END AS backlog,
	CASE WHEN scheduler._admin() THEN COALESCE(h.running, 0) END AS running,
	q.description,
	(SELECT pg_catalog.array_agg(CASE WHEN d.on_job_id IS NULL THEN 'queue:' || d.on_queue_name
			WHEN t.owner = CURRENT_USER::regrole THEN 'job:' || t.job_name
			ELSE 'job_id:' || d.on_job_id END ORDER BY d.on_job_id, d.on_queue_name)
		FROM scheduler.dependency d LEFT JOIN scheduler.job t ON t.job_id = d.on_job_id
		WHERE d.queue_name = q.queue_name) AS depends_on,
	q.start_timeout,
	CASE WHEN NOT q.enabled THEN q.stopped_by END AS stopped_by
FROM scheduler.queue q
CROSS JOIN scheduler._monitoring() AS m (monitoring)
LEFT JOIN scheduler._queue_health h ON h.queue_name = q.queue_name
LEFT JOIN (SELECT queue, pg_catalog.count(*) AS jobs FROM scheduler.job
		WHERE serves IS NULL GROUP BY queue) j
	ON j.queue = q.queue_name;
COMMENT ON VIEW scheduler.queues IS
'The queues with their limits, their state and why; jobs counts those the reader sees, backlog and running are for admins';
COMMENT ON COLUMN scheduler.queues.queue_name IS 'Name of the queue';
COMMENT ON COLUMN scheduler.queues.state IS
'healthy, degraded, unhealthy, stopped, starting or stopping';
COMMENT ON COLUMN scheduler.queues.reason IS 'Why the queue is in this state';
COMMENT ON COLUMN scheduler.queues.since IS 'When it came into this state';
COMMENT ON COLUMN scheduler.queues.enabled IS 'False: nothing begins, until start_queue()';
COMMENT ON COLUMN scheduler.queues.priority IS 'Runs of the queue with the higher number go first';
COMMENT ON COLUMN scheduler.queues.max_concurrency IS 'Runs at once; null: no limit';
COMMENT ON COLUMN scheduler.queues.rate_limit IS
'Runs that may begin in a rate_period; null: no limit';
COMMENT ON COLUMN scheduler.queues.rate_period IS 'Period of rate_limit';
COMMENT ON COLUMN scheduler.queues.jobs IS 'Jobs in the queue that the reader sees';
COMMENT ON COLUMN scheduler.queues.backlog IS 'Runs that are due and not executed; for admins';
COMMENT ON COLUMN scheduler.queues.running IS 'Runs that are executed; for admins';
COMMENT ON COLUMN scheduler.queues.description IS 'What its maker has said about it';
COMMENT ON COLUMN scheduler.queues.depends_on IS
'Jobs and queues that must be healthy when the queue starts; null: none';
COMMENT ON COLUMN scheduler.queues.start_timeout IS 'Longest time that the queue waits for them';
COMMENT ON COLUMN scheduler.queues.stopped_by IS 'Role that has stopped it; null: it is not stopped, or never was enabled';
GRANT SELECT ON scheduler.queues TO PUBLIC;

CREATE VIEW scheduler.dependencies WITH (security_invoker = true) AS
SELECT CASE WHEN d.job_id IS NULL THEN 'queue' ELSE 'job' END AS kind,
	COALESCE(d.queue_name, j.job_name) AS name,
	d.job_id,
	CASE WHEN d.on_job_id IS NULL THEN 'queue' ELSE 'job' END AS on_kind,
	COALESCE(d.on_queue_name, t.job_name) AS on_name,
	d.on_job_id,
	COALESCE(q.state, t.state) AS on_state,
	COALESCE(q.reason, t.reason) AS on_reason
FROM scheduler.dependency d
LEFT JOIN scheduler.job j ON j.job_id = d.job_id
LEFT JOIN scheduler.job_health t ON t.job_id = d.on_job_id
LEFT JOIN scheduler.queues q ON q.queue_name = d.on_queue_name;
COMMENT ON VIEW scheduler.dependencies IS
'What each job and queue depends on, and how that is; the name and state of a job that the reader may not see are NULL';
COMMENT ON COLUMN scheduler.dependencies.kind IS 'Who depends: job or queue';
COMMENT ON COLUMN scheduler.dependencies.name IS 'Name of that job or queue';
COMMENT ON COLUMN scheduler.dependencies.job_id IS 'Id of that job; null: a queue';
COMMENT ON COLUMN scheduler.dependencies.on_kind IS 'What on: job or queue';
COMMENT ON COLUMN scheduler.dependencies.on_name IS 'Name of that job or queue';
COMMENT ON COLUMN scheduler.dependencies.on_job_id IS 'Id of that job; null: a queue';
COMMENT ON COLUMN scheduler.dependencies.on_state IS 'State of what it depends on';
COMMENT ON COLUMN scheduler.dependencies.on_reason IS 'Why that is in this state';
GRANT SELECT ON scheduler.dependencies TO PUBLIC;

CREATE VIEW scheduler.health WITH (security_invoker = true) AS
SELECT 'scheduler' AS scope, 'pg_scheduler' AS name, NULL::bigint AS job_id,
	s.state, s.reason, s.since
FROM scheduler._scheduler_health() s
UNION ALL
SELECT 'queue', q.queue_name, NULL, q.state, q.reason, q.since
FROM scheduler.queues q
UNION ALL
SELECT 'job', j.job_name, j.job_id, j.state, j.reason, j.since
FROM scheduler.job_health j;
COMMENT ON VIEW scheduler.health IS
'The state of the scheduler, of each queue and of each job, why, and since when';
COMMENT ON COLUMN scheduler.health.scope IS 'scheduler, queue or job';
COMMENT ON COLUMN scheduler.health.name IS 'Name of the queue or job, or pg_scheduler';
COMMENT ON COLUMN scheduler.health.job_id IS 'Id of the job; null: a queue or the scheduler';
COMMENT ON COLUMN scheduler.health.state IS
'healthy, degraded, unhealthy, stopped, starting or stopping';
COMMENT ON COLUMN scheduler.health.reason IS 'Why';
COMMENT ON COLUMN scheduler.health.since IS 'When it came into this state';
GRANT SELECT ON scheduler.health TO PUBLIC;

----------------------------------------------------------------------
-- HTTP
----------------------------------------------------------------------

-- Nobody but the HTTP worker reads the values.  Where there is a secret key file
-- they are encrypted, and bound to owner and name (table/secret.c).
CREATE TABLE scheduler.secret (
	owner regrole NOT NULL,
	name text COLLATE "C" NOT NULL,
	value text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	changed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	key_id text,				-- of its key; null: not encrypted
	CONSTRAINT secret_pkey PRIMARY KEY (owner, name)
) USING heap;
COMMENT ON TABLE scheduler.secret IS 'Secrets for HTTP jobs; read by the HTTP worker only';
SELECT pg_catalog.pg_extension_config_dump('scheduler.secret', 'WHERE key_id IS NOT NULL');

-- Who sees rows of the owner sees the names of the secrets, and no values.
ALTER TABLE scheduler.secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.secret FOR SELECT USING (scheduler._visible(owner));
GRANT SELECT (owner, name, created_at, changed_at, key_id) ON scheduler.secret TO PUBLIC;

CREATE FUNCTION scheduler.set_secret(name text, value text) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_set_secret' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.set_secret(text, text) IS
'Set a secret of the current user, for headers and signatures of HTTP jobs';

CREATE FUNCTION scheduler.drop_secret(name text) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_drop_secret' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.drop_secret(text) IS 'Remove a secret of the current user';

CREATE FUNCTION scheduler.rotate_secret_key() RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_rotate_secret_key' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.rotate_secret_key() IS
'Encrypt all secrets of this database with the first key of the secret key file; if they are, put a new key there before; returns how many were encrypted anew';

CREATE VIEW scheduler.secrets WITH (security_invoker = true) AS
SELECT s.name, s.owner, s.created_at, s.changed_at, s.key_id
FROM scheduler.secret s;
COMMENT ON VIEW scheduler.secrets IS 'Names of secrets, never their values';
COMMENT ON COLUMN scheduler.secrets.name IS 'Name of the secret, unique for its owner';
COMMENT ON COLUMN scheduler.secrets.owner IS 'Role whose HTTP jobs may use it';
COMMENT ON COLUMN scheduler.secrets.created_at IS 'When it was set first';
COMMENT ON COLUMN scheduler.secrets.changed_at IS 'When it was set last';
COMMENT ON COLUMN scheduler.secrets.key_id IS
'Which key of the secret key file it is encrypted with; null: it is not encrypted';
GRANT SELECT ON scheduler.secrets TO PUBLIC;

CREATE FUNCTION scheduler._set_secrets() RETURNS trigger
AS 'MODULE_PATHNAME', 'pg_scheduler_set_secrets' LANGUAGE C;
COMMENT ON FUNCTION scheduler._set_secrets() IS
'Set the secrets that are written to the view secret_values';
REVOKE EXECUTE ON FUNCTION scheduler._set_secrets() FROM PUBLIC;

-- COPY into it sets secrets: the server does not log what it copies.
CREATE VIEW scheduler.secret_values AS
SELECT NULL::text AS name, NULL::text AS value
WHERE false;
COMMENT ON VIEW scheduler.secret_values IS 'A way to set secrets with COPY; always empty';
COMMENT ON COLUMN scheduler.secret_values.name IS 'Name of the secret to set';
COMMENT ON COLUMN scheduler.secret_values.value IS 'Its value';
GRANT INSERT ON scheduler.secret_values TO PUBLIC;

CREATE TRIGGER set_secrets INSTEAD OF INSERT ON scheduler.secret_values
	FOR EACH ROW EXECUTE FUNCTION scheduler._set_secrets();

CREATE FUNCTION scheduler.schedule_http_job(
	job_name text,
	schedule text,
	url text,
	method text DEFAULT 'POST',
	headers jsonb DEFAULT NULL,
	body text DEFAULT NULL,
	queue text DEFAULT 'default',
	priority int DEFAULT 0,
	timezone text DEFAULT NULL,
	starts_at timestamptz DEFAULT NULL,
	ends_at timestamptz DEFAULT NULL,
	max_runs bigint DEFAULT NULL,
	jitter interval DEFAULT NULL,
	overlap text DEFAULT 'skip',
	max_instances int DEFAULT 1,
	misfire text DEFAULT 'run_once',
	misfire_grace interval DEFAULT NULL,
	timeout interval DEFAULT NULL,
	max_retries int DEFAULT 0,
	backoff text DEFAULT 'exponential',
	retry_delay interval DEFAULT '1 second',
	max_retry_delay interval DEFAULT '1 hour',
	enabled boolean DEFAULT true,
	description text DEFAULT NULL,
	success_codes text DEFAULT '200-299',
	signing_secret text DEFAULT NULL,
	follow_redirects boolean DEFAULT false,
	replace boolean DEFAULT true,
	args jsonb DEFAULT NULL,
	content_type text DEFAULT NULL,
	max_redirects int DEFAULT 5,
	connect_timeout interval DEFAULT NULL,
	retry_jitter boolean DEFAULT true,
	retry_on text[] DEFAULT NULL,
	on_lost text DEFAULT NULL,
	calendar text DEFAULT NULL,
	calendar_action text DEFAULT 'skip',
	after text DEFAULT NULL,
	after_on text DEFAULT 'success',
	depends_on text[] DEFAULT NULL,
	dead_letters boolean DEFAULT true,
	success_within interval DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_schedule_http_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.schedule_http_job(text, text, text, text, jsonb, text, text, int, text, timestamptz, timestamptz, bigint, interval, text, int, text, interval, interval, int, text, interval, interval, boolean, text, text, text, boolean, boolean, jsonb, text, int, interval, boolean, text[], text, text, text, text, text, text[], boolean, interval) IS
'Schedule an HTTP request, or replace the definition of the caller''s job of that name; returns its job_id';

CREATE FUNCTION scheduler.alter_http_job(job bigint,
	url text DEFAULT NULL,
	method text DEFAULT NULL,
	headers jsonb DEFAULT NULL,
	body text DEFAULT NULL,
	content_type text DEFAULT NULL,
	success_codes text DEFAULT NULL,
	signing_secret text DEFAULT NULL,
	follow_redirects boolean DEFAULT NULL,
	max_redirects int DEFAULT NULL,
	connect_timeout interval DEFAULT NULL,
	reset text[] DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_alter_http_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.alter_http_job IS
'Change the request of an HTTP job; NULL leaves a part as it is, "reset" names those that go back to their defaults';
CALL scheduler._also_by_name('scheduler.alter_http_job');

CREATE FUNCTION scheduler.http_request(
	url text,
	method text DEFAULT 'POST',
	headers jsonb DEFAULT NULL,
	body text DEFAULT NULL,
	content_type text DEFAULT NULL,
	success_codes text DEFAULT '200-299',
	signing_secret text DEFAULT NULL,
	follow_redirects boolean DEFAULT false,
	max_redirects int DEFAULT 5,
	connect_timeout interval DEFAULT NULL,
	args jsonb DEFAULT NULL,
	priority int DEFAULT 0,
	timeout interval DEFAULT NULL,
	max_retries int DEFAULT 5,
	backoff text DEFAULT 'exponential',
	retry_delay interval DEFAULT '1 second',
	max_retry_delay interval DEFAULT '1 hour'
) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_http_request' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.http_request(text, text, jsonb, text, text, text, text, boolean, int, interval, jsonb, int, interval, int, text, interval, interval) IS
'Send a request once, when the current transaction has committed; returns the run_id';

CREATE VIEW scheduler.http_jobs WITH (security_invoker = true) AS
SELECT j.job_id,
	j.job_name,
	j.owner,
	j.request ->> 'method' AS method,
	j.request ->> 'url' AS url,
	j.request -> 'headers' AS headers,
	j.request ->> 'body' AS body,
	j.request ->> 'content_type' AS content_type,
	j.args,
	j.request ->> 'success_codes' AS success_codes,
	j.request ->> 'signing_secret' AS signing_secret,
	COALESCE((j.request ->> 'follow_redirects')::boolean, false) AS follow_redirects,
	COALESCE((j.request ->> 'max_redirects')::int, 0) AS max_redirects,
	j.timeout,
	pg_catalog.make_interval(secs => (j.request ->> 'connect_timeout')::float8 / 1000) AS connect_timeout,
	COALESCE((j.request ->> 'one_off')::boolean, false) AS one_off
FROM scheduler.job j
WHERE j.kind = 'http';
COMMENT ON VIEW scheduler.http_jobs IS 'What HTTP jobs send, with secrets by their names';
COMMENT ON COLUMN scheduler.http_jobs.job_id IS 'Id of the job';
COMMENT ON COLUMN scheduler.http_jobs.job_name IS 'Name of the job, unique for its owner';
COMMENT ON COLUMN scheduler.http_jobs.owner IS 'Role that the job belongs to and runs as';
COMMENT ON COLUMN scheduler.http_jobs.method IS 'Method of the request';
COMMENT ON COLUMN scheduler.http_jobs.url IS 'Template of the URL';
COMMENT ON COLUMN scheduler.http_jobs.headers IS 'Templates of the headers, secrets by their names';
COMMENT ON COLUMN scheduler.http_jobs.body IS 'Template of the body; null: none';
COMMENT ON COLUMN scheduler.http_jobs.content_type IS
'Content-Type that was asked for; null: by the body';
COMMENT ON COLUMN scheduler.http_jobs.args IS 'What {{args....}} stands for';
COMMENT ON COLUMN scheduler.http_jobs.success_codes IS
'Statuses that are a success, such as 200-299';
COMMENT ON COLUMN scheduler.http_jobs.signing_secret IS
'Name of the secret that signs; null: not signed';
COMMENT ON COLUMN scheduler.http_jobs.follow_redirects IS 'Are redirects followed?';
COMMENT ON COLUMN scheduler.http_jobs.max_redirects IS 'Redirects that are followed at most';
COMMENT ON COLUMN scheduler.http_jobs.timeout IS
'Longest duration of an attempt; null: pg_scheduler.http_timeout';
COMMENT ON COLUMN scheduler.http_jobs.connect_timeout IS
'Longest time to connect; null: pg_scheduler.http_connect_timeout';
COMMENT ON COLUMN scheduler.http_jobs.one_off IS 'True: made by http_request()';
GRANT SELECT ON scheduler.http_jobs TO PUBLIC;

-- What HTTP servers have answered, one row for each attempt.
CREATE TABLE scheduler.http_response (
	run_id bigint NOT NULL,
	job_id bigint NOT NULL,
	job_name text NOT NULL,
	owner oid NOT NULL,
	attempt int NOT NULL,
	finished_at timestamptz NOT NULL,
	idempotency_key text NOT NULL,
	http_status int,
	http_version int,
	headers jsonb,
	content_type text,
	body bytea,
	truncated boolean NOT NULL,
	total_size bigint,
	failure text,
	error text,
	final_url text,
	redirects int NOT NULL,
	remote_address text,
	remote_port int,
	reused_connection boolean NOT NULL,
	name_lookup bigint,
	connect bigint,
	tls bigint,
	first_byte bigint,
	total bigint
) PARTITION BY RANGE (finished_at);
ALTER TABLE scheduler.http_response REPLICA IDENTITY FULL;
CREATE INDEX http_response_run_id_idx ON scheduler.http_response (run_id);
COMMENT ON TABLE scheduler.http_response IS
'Answers of HTTP servers, by the day; use the view http_responses';
ALTER TABLE scheduler.http_response ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.http_response FOR SELECT USING (scheduler._visible(owner));
GRANT SELECT ON scheduler.http_response TO PUBLIC;

CREATE FUNCTION scheduler._http_body_text(body bytea, content_type text, truncated boolean)
RETURNS text
AS 'MODULE_PATHNAME', 'pg_scheduler_http_body_text' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION scheduler._http_body_text(bytea, text, boolean) IS
'The body of an answer as text; NULL if it is none';

CREATE VIEW scheduler.http_responses WITH (security_invoker = true) AS
SELECT r.run_id,
	r.job_id,
	r.job_name,
	r.owner::regrole AS owner,
	r.attempt,
	r.finished_at,
	r.http_status,
	r.http_version,
	r.headers,
	r.content_type,
	scheduler._http_body_text(r.body, r.content_type, r.truncated) AS body_text,
	r.body,
	r.truncated,
	r.total_size,
	r.failure,
	r.error,
	r.final_url,
	r.redirects,
	r.remote_address,
	r.remote_port,
	r.reused_connection,
	r.name_lookup,
	r.connect,
	r.tls,
	r.first_byte,
	r.total,
	r.idempotency_key
FROM scheduler.http_response r;
COMMENT ON VIEW scheduler.http_responses IS
'What HTTP servers have answered, one row for each attempt; times are microseconds';
COMMENT ON COLUMN scheduler.http_responses.run_id IS 'Run that sent the request';
COMMENT ON COLUMN scheduler.http_responses.job_id IS 'Id of the job';
COMMENT ON COLUMN scheduler.http_responses.job_name IS 'Name of the job, as it was';
COMMENT ON COLUMN scheduler.http_responses.owner IS 'Owner of the job, as it was';
COMMENT ON COLUMN scheduler.http_responses.attempt IS 'Number of the attempt, from 1';
COMMENT ON COLUMN scheduler.http_responses.finished_at IS 'When the attempt ended';
COMMENT ON COLUMN scheduler.http_responses.http_status IS
'Status of the answer; null: there is none';
COMMENT ON COLUMN scheduler.http_responses.http_version IS '10, 11 or 20; null: no answer';
COMMENT ON COLUMN scheduler.http_responses.headers IS
'Headers of the answer, as [["name", "value"], ...], in the order received';
COMMENT ON COLUMN scheduler.http_responses.content_type IS 'Content-Type of the answer';
COMMENT ON COLUMN scheduler.http_responses.body_text IS 'The body, where it is valid text';
COMMENT ON COLUMN scheduler.http_responses.body IS 'The body, or what was kept of it';
COMMENT ON COLUMN scheduler.http_responses.truncated IS 'Was the body cut?';
COMMENT ON COLUMN scheduler.http_responses.total_size IS 'Bytes of the whole body; null: not known';
COMMENT ON COLUMN scheduler.http_responses.failure IS
'Why there is no answer, or not all of it, in a word; null: there is';
COMMENT ON COLUMN scheduler.http_responses.error IS 'The same in a sentence of libcurl';
COMMENT ON COLUMN scheduler.http_responses.final_url IS 'URL that the answer came from';
COMMENT ON COLUMN scheduler.http_responses.redirects IS 'Redirects that were followed';
COMMENT ON COLUMN scheduler.http_responses.remote_address IS 'Address of the server';
COMMENT ON COLUMN scheduler.http_responses.remote_port IS 'Port of the server';
COMMENT ON COLUMN scheduler.http_responses.reused_connection IS 'Was the connection there already?';
COMMENT ON COLUMN scheduler.http_responses.name_lookup IS
'Microseconds of the last hop until the name was resolved; null: not reached or not needed';
COMMENT ON COLUMN scheduler.http_responses.connect IS
'Microseconds of the last hop until it was connected; null: not reached or not needed';
COMMENT ON COLUMN scheduler.http_responses.tls IS
'Microseconds of the last hop until TLS was set up; null: not reached or not needed';
COMMENT ON COLUMN scheduler.http_responses.first_byte IS
'Microseconds of the last hop until the first byte came; null: not reached';
COMMENT ON COLUMN scheduler.http_responses.total IS 'Microseconds of all hops';
COMMENT ON COLUMN scheduler.http_responses.idempotency_key IS
'Key that was sent, the same in all attempts of a run';
GRANT SELECT ON scheduler.http_responses TO PUBLIC;

----------------------------------------------------------------------
-- Alerts
----------------------------------------------------------------------

CREATE SEQUENCE scheduler.alert_id_seq;
COMMENT ON SEQUENCE scheduler.alert_id_seq IS 'Source of alert_id';

CREATE TABLE scheduler.alert (
	alert_id bigint NOT NULL DEFAULT pg_catalog.nextval('scheduler.alert_id_seq'),
	kind text NOT NULL,
	severity text NOT NULL,
	subject text NOT NULL,
	job_id bigint,
	owner oid,
	message text NOT NULL,
	first_seen timestamptz NOT NULL,
	last_seen timestamptz NOT NULL,
	count bigint NOT NULL,
	resolved_at timestamptz,
	resolved_by oid,
	end_told boolean NOT NULL DEFAULT false,
	CONSTRAINT alert_pkey PRIMARY KEY (alert_id),
	CONSTRAINT alert_severity_check CHECK (severity IN ('info', 'warning', 'error', 'critical'))
) USING heap;
CREATE UNIQUE INDEX alert_open_key ON scheduler.alert (kind, subject)
	WHERE resolved_at IS NULL;
CREATE INDEX alert_resolved_at_idx ON scheduler.alert (resolved_at)
	WHERE resolved_at IS NOT NULL AND NOT end_told;
CREATE INDEX alert_kind_subject_idx ON scheduler.alert (kind, subject, alert_id);
COMMENT ON TABLE scheduler.alert IS 'What needs attention, open or resolved; use the view alerts';

-- An alert that has no owner is one of the scheduler: for admins.
ALTER TABLE scheduler.alert ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.alert FOR SELECT
	USING (CASE WHEN owner IS NULL THEN scheduler._admin() ELSE scheduler._visible(owner) END);
GRANT SELECT ON scheduler.alert TO PUBLIC;

CREATE FUNCTION scheduler._severity_rank(severity text) RETURNS int
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
RETURN CASE severity WHEN 'info' THEN 0 WHEN 'warning' THEN 1 WHEN 'error' THEN 2 ELSE 3 END;
COMMENT ON FUNCTION scheduler._severity_rank(text) IS 'Severities in their order';

CREATE FUNCTION scheduler.resolve_alert(id bigint) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_resolve_alert' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.resolve_alert(bigint) IS
'Resolve an open alert; when its cause goes on, it makes a new one';

CREATE FUNCTION scheduler.resolve_alerts(kind text) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_resolve_alerts' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.resolve_alerts(text) IS
'Resolve the open alerts of a kind that the caller sees; returns how many';

CREATE FUNCTION scheduler.clear_alerts() RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_clear_alerts' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.clear_alerts() IS
'Resolve all open alerts that the caller sees; returns how many';

CREATE VIEW scheduler.alerts WITH (security_invoker = true) AS
SELECT alert_id, kind, severity, subject, message, first_seen, last_seen, count,
	resolved_at, job_id, resolved_by::regrole AS resolved_by
FROM scheduler.alert;
COMMENT ON VIEW scheduler.alerts IS 'What needs attention; open ones have no resolved_at';
COMMENT ON COLUMN scheduler.alerts.alert_id IS 'Id, for resolve_alert()';
COMMENT ON COLUMN scheduler.alerts.kind IS 'What is wrong; see alert_rules';
COMMENT ON COLUMN scheduler.alerts.severity IS 'info, warning, error or critical';
COMMENT ON COLUMN scheduler.alerts.subject IS
'What it is about, such as job 17; a kind has at most one open alert for each';
COMMENT ON COLUMN scheduler.alerts.message IS 'What is wrong, in a sentence';
COMMENT ON COLUMN scheduler.alerts.first_seen IS 'When it was raised first';
COMMENT ON COLUMN scheduler.alerts.last_seen IS 'When its cause was seen last';
COMMENT ON COLUMN scheduler.alerts.count IS 'How many times its cause was seen';
COMMENT ON COLUMN scheduler.alerts.resolved_at IS 'When it was resolved; null: it is open';
COMMENT ON COLUMN scheduler.alerts.job_id IS 'Job that it is about; null: none';
COMMENT ON COLUMN scheduler.alerts.resolved_by IS
'Role that resolved it; null: its cause has gone by itself';
GRANT SELECT ON scheduler.alerts TO PUBLIC;

----------------------------------------------------------------------
-- Limits of roles
----------------------------------------------------------------------

-- NULL: that of the setting; 0: none.
CREATE TABLE scheduler.role_limit (
	role regrole NOT NULL,
	max_workers int,
	max_waiting_runs int,
	max_jobs int,
	max_bytes bigint,
	CONSTRAINT role_limit_pkey PRIMARY KEY (role),
	CONSTRAINT role_limit_check CHECK (LEAST(max_workers, max_waiting_runs, max_jobs, max_bytes) >= 0)
) USING heap;
COMMENT ON TABLE scheduler.role_limit IS 'Limits of roles; use the view role_limits';
SELECT pg_catalog.pg_extension_config_dump('scheduler.role_limit', '');
CREATE TRIGGER role_limit_changed AFTER INSERT OR UPDATE OR DELETE ON scheduler.role_limit
	FOR EACH STATEMENT EXECUTE FUNCTION scheduler._changed('queues');

CREATE FUNCTION scheduler.set_role_limits(role regrole, max_workers int DEFAULT NULL,
	max_waiting_runs int DEFAULT NULL, max_jobs int DEFAULT NULL, max_bytes bigint DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_set_role_limits' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.set_role_limits(regrole, int, int, int, bigint) IS
'Set the limits of a role: 0 is no limit, NULL the one of the setting. Needs an admin role';

CREATE FUNCTION scheduler.reset_role_limits(role regrole) RETURNS boolean
AS 'MODULE_PATHNAME', 'pg_scheduler_reset_role_limits' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.reset_role_limits(regrole) IS
'Give a role the limits of the settings; false: it had no other. Needs an admin role';

CREATE VIEW scheduler.role_limits WITH (security_barrier = true) AS
SELECT r.role,
	CASE WHEN l.max_workers IS NOT NULL THEN NULLIF(l.max_workers, 0)
		WHEN pg_catalog.current_setting('pg_scheduler.max_workers_per_role', true)::int = -1
		THEN GREATEST(pg_catalog.current_setting('pg_scheduler.max_workers', true)::int - 1, 1)
		ELSE NULLIF(pg_catalog.current_setting('pg_scheduler.max_workers_per_role', true)::int, 0) END
		AS max_workers,
	NULLIF(COALESCE(l.max_waiting_runs,
			pg_catalog.current_setting('pg_scheduler.max_waiting_runs_per_role', true)::int), 0) AS max_waiting_runs,
	NULLIF(COALESCE(l.max_jobs,
			pg_catalog.current_setting('pg_scheduler.max_jobs_per_role', true)::int), 0) AS max_jobs,
	NULLIF(COALESCE(l.max_bytes, pg_catalog.pg_size_bytes(
				pg_catalog.current_setting('pg_scheduler.max_bytes_per_role', true))), 0) AS max_bytes,
	(SELECT pg_catalog.count(*) FROM scheduler._workers() w
		WHERE w.role = r.role::oid AND w.database = (SELECT d.oid FROM pg_catalog.pg_database d
			WHERE d.datname = pg_catalog.current_database())) AS workers,
	(SELECT pg_catalog.count(*) FROM scheduler.pending_run p WHERE p.owner = r.role::oid) AS waiting_runs,
	COALESCE(j.jobs, 0) AS jobs,
	COALESCE(j.bytes, 0) AS bytes
FROM (SELECT owner AS role FROM scheduler.job UNION SELECT role FROM scheduler.role_limit) r
LEFT JOIN scheduler.role_limit l ON l.role = r.role
LEFT JOIN (SELECT owner, pg_catalog.count(*) FILTER (WHERE serves IS NULL) AS jobs,
		pg_catalog.sum(COALESCE(pg_catalog.pg_column_size(command), 0)
			+ COALESCE(pg_catalog.pg_column_size(args), 0)
			+ COALESCE(pg_catalog.pg_column_size(settings), 0)
			+ COALESCE(pg_catalog.pg_column_size(request), 0))::bigint AS bytes
	FROM scheduler.job GROUP BY owner) j ON j.owner = r.role
WHERE scheduler._visible(r.role::oid);
COMMENT ON VIEW scheduler.role_limits IS
'What each role may use, and uses; see set_role_limits(). A limit that is null is none';
COMMENT ON COLUMN scheduler.role_limits.role IS 'The role, which has jobs or limits of its own';
COMMENT ON COLUMN scheduler.role_limits.max_workers IS 'Workers in this database';
COMMENT ON COLUMN scheduler.role_limits.max_waiting_runs IS 'Runs that are not over';
COMMENT ON COLUMN scheduler.role_limits.max_jobs IS 'Jobs';
COMMENT ON COLUMN scheduler.role_limits.max_bytes IS
'Bytes of commands, arguments, settings and requests of its jobs, as stored';
COMMENT ON COLUMN scheduler.role_limits.workers IS 'Workers it has';
COMMENT ON COLUMN scheduler.role_limits.waiting_runs IS 'Runs of it that are not over';
COMMENT ON COLUMN scheduler.role_limits.jobs IS 'Jobs it has, hooks and checks not counted';
COMMENT ON COLUMN scheduler.role_limits.bytes IS 'Bytes of their definitions, as stored';
GRANT SELECT ON scheduler.role_limits TO PUBLIC;

----------------------------------------------------------------------
-- Alert rules
----------------------------------------------------------------------

-- When the scheduler raises an alert by itself: what alter_alert_rule() has
-- set, NULL being the preset of the kind.  The presets are no rows, so that a
-- dump can be restored into a database that has them already.
CREATE TABLE scheduler.alert_rule (
	kind text NOT NULL,
	enabled boolean,
	threshold double precision,
	severity text,
	"interval" interval,
	CONSTRAINT alert_rule_pkey PRIMARY KEY (kind),
	CONSTRAINT alert_rule_severity_check CHECK (severity IN ('info', 'warning', 'error', 'critical')),
	CONSTRAINT alert_rule_threshold_check CHECK (threshold >= 0),
	CONSTRAINT alert_rule_interval_check CHECK ("interval" > '0'::interval)
) USING heap;
COMMENT ON TABLE scheduler.alert_rule IS
'What was changed of the rules of alerts; use the view alert_rules';
SELECT pg_catalog.pg_extension_config_dump('scheduler.alert_rule', '');

CREATE TRIGGER alert_rule_changed AFTER INSERT OR UPDATE OR DELETE ON scheduler.alert_rule
	FOR EACH STATEMENT EXECUTE FUNCTION scheduler._changed('rules');

CREATE FUNCTION scheduler._alert_rule_presets(OUT kind text, OUT enabled boolean,
	OUT threshold double precision, OUT severity text, OUT "interval" interval,
	OUT description text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_scheduler_alert_rule_presets' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 20;
COMMENT ON FUNCTION scheduler._alert_rule_presets() IS
'The rules of alerts as the library has them';
CREATE VIEW scheduler.alert_rule_preset AS
SELECT kind, enabled, threshold, severity, "interval", description
FROM scheduler._alert_rule_presets();
COMMENT ON VIEW scheduler.alert_rule_preset IS
'The rules of alerts before they are changed; use the view alert_rules';
COMMENT ON COLUMN scheduler.alert_rule_preset.kind IS 'Kind of alert';
COMMENT ON COLUMN scheduler.alert_rule_preset.enabled IS 'False: this alert is not raised';
COMMENT ON COLUMN scheduler.alert_rule_preset.threshold IS
'Limit above which it is raised; null: the kind has none';
COMMENT ON COLUMN scheduler.alert_rule_preset.severity IS 'info, warning, error or critical';
COMMENT ON COLUMN scheduler.alert_rule_preset."interval" IS
'Time over which is counted; null: the kind has none';
COMMENT ON COLUMN scheduler.alert_rule_preset.description IS 'When it is raised';

CREATE FUNCTION scheduler.alter_alert_rule(kind text, enabled boolean DEFAULT NULL,
	threshold double precision DEFAULT NULL, severity text DEFAULT NULL,
	period interval DEFAULT NULL, "interval" interval DEFAULT NULL) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_alter_alert_rule' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.alter_alert_rule(text, boolean, double precision, text, interval, interval) IS
'Change when the scheduler raises a kind of alert; NULL leaves an option as it is, "interval" is another name of "period". Needs an admin role';

CREATE FUNCTION scheduler.reset_alert_rule(kind text) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_reset_alert_rule' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.reset_alert_rule(text) IS
'Undo what alter_alert_rule() has changed of a kind of alert. Needs an admin role';

-- The same for everybody, so it is read as its owner.
CREATE VIEW scheduler.alert_rules AS
SELECT p.kind,
	COALESCE(r.enabled, p.enabled) AS enabled,
	COALESCE(r.threshold, p.threshold) AS threshold,
	COALESCE(r.severity, p.severity) AS severity,
	COALESCE(r."interval", p."interval") AS "interval",
	p.description,
	r.kind IS NOT NULL AS altered
FROM scheduler.alert_rule_preset p
LEFT JOIN scheduler.alert_rule r ON r.kind = p.kind;
COMMENT ON VIEW scheduler.alert_rules IS
'When the scheduler raises an alert by itself; see alter_alert_rule()';
COMMENT ON COLUMN scheduler.alert_rules.kind IS 'Kind of alert';
COMMENT ON COLUMN scheduler.alert_rules.enabled IS 'False: this alert is not raised';
COMMENT ON COLUMN scheduler.alert_rules.threshold IS
'Limit above which it is raised; null: the kind has none';
COMMENT ON COLUMN scheduler.alert_rules.severity IS 'info, warning, error or critical';
COMMENT ON COLUMN scheduler.alert_rules."interval" IS
'Time over which is counted; null: the kind has none';
COMMENT ON COLUMN scheduler.alert_rules.description IS 'When it is raised';
COMMENT ON COLUMN scheduler.alert_rules.altered IS 'True: alter_alert_rule() has changed it';
GRANT SELECT ON scheduler.alert_rules TO PUBLIC;

----------------------------------------------------------------------
-- Alert checks
----------------------------------------------------------------------

-- Rules that roles have made for themselves: jobs that say what they found.
CREATE SEQUENCE scheduler.alert_check_id_seq;
COMMENT ON SEQUENCE scheduler.alert_check_id_seq IS 'Source of the ids of alert checks';
SELECT pg_catalog.pg_extension_config_dump('scheduler.alert_check_id_seq', '');

CREATE TABLE scheduler.alert_check (
	check_id bigint NOT NULL DEFAULT pg_catalog.nextval('scheduler.alert_check_id_seq'),
	check_name text NOT NULL,
	owner regrole NOT NULL,
	job_id bigint NOT NULL,
	predicate text NOT NULL,
	severity text NOT NULL,
	message text,
	CONSTRAINT alert_check_pkey PRIMARY KEY (check_id),
	CONSTRAINT alert_check_owner_check_name_key UNIQUE (owner, check_name),
	CONSTRAINT alert_check_job_id_fkey FOREIGN KEY (job_id)
		REFERENCES scheduler.job ON DELETE CASCADE,
	CONSTRAINT alert_check_severity_check CHECK (severity IN ('info', 'warning', 'error', 'critical'))
) USING heap;
COMMENT ON TABLE scheduler.alert_check IS
'Expressions that raise alerts; use the view alert_checks';
ALTER TABLE scheduler.alert_check ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.alert_check FOR SELECT USING (scheduler._visible(owner));
GRANT SELECT ON scheduler.alert_check TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('scheduler.alert_check', '');

CREATE FUNCTION scheduler._add_alert_check(check_name text, job_id bigint, predicate text,
	severity text, message text) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_add_alert_check' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler._add_alert_check(text, bigint, text, text, text) IS
'Take note of a check whose job is there already';

CREATE FUNCTION scheduler._report_alert_check(job_id bigint, holds boolean) RETURNS boolean
AS 'MODULE_PATHNAME', 'pg_scheduler_report_alert_check' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler._report_alert_check(bigint, boolean) IS
'What the job of a check has found: raises its alert, or resolves it';

CREATE FUNCTION scheduler.create_alert_check(check_name text, predicate text,
	schedule text DEFAULT '1 minute', severity text DEFAULT 'warning',
	message text DEFAULT NULL) RETURNS bigint
LANGUAGE SQL VOLATILE
BEGIN ATOMIC
	SELECT scheduler._add_alert_check(check_name,
		scheduler.schedule_job('alert check ' || check_name, schedule,
			pg_catalog.format('SELECT scheduler._report_alert_check('
				'pg_catalog.current_setting(''pg_scheduler.job_id'')::bigint, (%s))',
				scheduler._required(predicate, 'predicate')), dead_letters => false),
		predicate, severity, message);
END;
COMMENT ON FUNCTION scheduler.create_alert_check(text, text, text, text, text) IS
'Raise an alert of the kind "check" while an expression of type boolean is true: it is evaluated on the schedule by a job of the caller, with the rights of the caller. Returns the check_id';

CREATE FUNCTION scheduler.drop_alert_check(check_name text) RETURNS void
LANGUAGE SQL VOLATILE
BEGIN ATOMIC
	SELECT scheduler.unschedule_job('alert check ' || check_name);
END;
COMMENT ON FUNCTION scheduler.drop_alert_check(text) IS
'Drop a check of the caller, with its job; its alert is resolved';

CREATE VIEW scheduler.alert_checks WITH (security_invoker = true) AS
SELECT c.check_id, c.check_name, c.owner, c.predicate, c.severity, c.message,
	c.job_id, j.schedule, s.last_run_at, s.last_status
FROM scheduler.alert_check c
JOIN scheduler.job j ON j.job_id = c.job_id
LEFT JOIN scheduler.job_state s ON s.job_id = c.job_id;
COMMENT ON VIEW scheduler.alert_checks IS
'Expressions that raise alerts while they are true; see create_alert_check()';
COMMENT ON COLUMN scheduler.alert_checks.check_id IS 'Id of the check';
COMMENT ON COLUMN scheduler.alert_checks.check_name IS 'Name of the check, unique for its owner';
COMMENT ON COLUMN scheduler.alert_checks.owner IS 'Role whose rights the expression has';
COMMENT ON COLUMN scheduler.alert_checks.predicate IS
'Expression that raises the alert while it is true';
COMMENT ON COLUMN scheduler.alert_checks.severity IS 'info, warning, error or critical';
COMMENT ON COLUMN scheduler.alert_checks.message IS 'Message of the alert; null: a general one';
COMMENT ON COLUMN scheduler.alert_checks.job_id IS 'Job that evaluates the expression';
COMMENT ON COLUMN scheduler.alert_checks.schedule IS 'When it is evaluated';
COMMENT ON COLUMN scheduler.alert_checks.last_run_at IS
'When the last attempt that has ended began';
COMMENT ON COLUMN scheduler.alert_checks.last_status IS 'Status of the last attempt that has ended';
GRANT SELECT ON scheduler.alert_checks TO PUBLIC;

----------------------------------------------------------------------
-- Alert handlers
----------------------------------------------------------------------

CREATE SEQUENCE scheduler.alert_handler_id_seq;
COMMENT ON SEQUENCE scheduler.alert_handler_id_seq IS 'Source of the ids of alert handlers';
SELECT pg_catalog.pg_extension_config_dump('scheduler.alert_handler_id_seq', '');

CREATE TABLE scheduler.alert_handler (
	handler_id bigint NOT NULL DEFAULT pg_catalog.nextval('scheduler.alert_handler_id_seq'),
	handler_name text NOT NULL,
	owner regrole NOT NULL,
	job_id bigint,
	channel text,
	kinds text[],
	min_severity text NOT NULL,
	enabled boolean NOT NULL DEFAULT true,
	resolved boolean NOT NULL,
	created_at timestamptz NOT NULL,
	CONSTRAINT alert_handler_pkey PRIMARY KEY (handler_id),
	CONSTRAINT alert_handler_owner_handler_name_key UNIQUE (owner, handler_name),
	CONSTRAINT alert_handler_job_id_fkey FOREIGN KEY (job_id)
		REFERENCES scheduler.job ON DELETE CASCADE,
	CONSTRAINT alert_handler_target_check CHECK (pg_catalog.num_nonnulls(job_id, channel) = 1),
	CONSTRAINT alert_handler_channel_check CHECK (pg_catalog.octet_length(channel) BETWEEN 1 AND 63),
	CONSTRAINT alert_handler_severity_check CHECK (min_severity IN ('info', 'warning', 'error', 'critical'))
) USING heap;
COMMENT ON TABLE scheduler.alert_handler IS 'Who is told of alerts; use the view alert_handlers';
ALTER TABLE scheduler.alert_handler ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.alert_handler FOR SELECT USING (scheduler._visible(owner));
GRANT SELECT ON scheduler.alert_handler TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('scheduler.alert_handler', '');

CREATE FUNCTION scheduler._add_alert_handler(handler_name text, job_id bigint, channel text,
	kinds text[], min_severity text, resolved boolean) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_add_alert_handler' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler._add_alert_handler(text, bigint, text, text[], text, boolean) IS
'Take note of a handler whose job, if it has one, is there already';

CREATE FUNCTION scheduler._handler_command(function regproc) RETURNS text
AS 'MODULE_PATHNAME', 'pg_scheduler_handler_command' LANGUAGE C STABLE;
COMMENT ON FUNCTION scheduler._handler_command(regproc) IS
'The command that calls a function of one jsonb; an error unless the caller may call it so';

CREATE FUNCTION scheduler.create_alert_handler(handler_name text, function regproc,
	kinds text[] DEFAULT NULL, min_severity text DEFAULT 'warning',
	resolved boolean DEFAULT false) RETURNS bigint
LANGUAGE SQL VOLATILE
BEGIN ATOMIC
	SELECT scheduler._add_alert_handler(handler_name,
		scheduler.schedule_job('alert handler ' || handler_name, '@yearly',
			scheduler._handler_command(function), enabled => false,
			overlap => 'allow', max_instances => 1, timeout => '1 minute'),
		NULL, kinds, min_severity, resolved);
END;
COMMENT ON FUNCTION scheduler.create_alert_handler(text, regproc, text[], text, boolean) IS
'Call a function of one argument of type jsonb, an array of alerts, when alerts are opened that the caller may see, and with "resolved" also when they are over; it is called by a job of the caller, with the rights of the caller. Returns the handler_id';

CREATE FUNCTION scheduler.create_alert_webhook(handler_name text, url text,
	signing_secret text DEFAULT NULL, headers jsonb DEFAULT NULL,
	kinds text[] DEFAULT NULL, min_severity text DEFAULT 'warning',
	resolved boolean DEFAULT true, success_codes text DEFAULT '200-299',
	max_retries int DEFAULT 5, retry_delay interval DEFAULT '5 seconds',
	timeout interval DEFAULT '30 seconds', body text DEFAULT NULL) RETURNS bigint
LANGUAGE SQL VOLATILE
BEGIN ATOMIC
	SELECT scheduler._add_alert_handler(handler_name,
		scheduler.schedule_http_job('alert handler ' || handler_name, '@yearly', url,
			headers => headers, signing_secret => signing_secret, success_codes => success_codes,
			body => COALESCE(body,
				'{"type": "alerts", "timestamp": "{{scheduled_at}}", "data": {"alerts": {{args}}}}'),
			content_type => 'application/json', args => '[]',
			max_retries => max_retries, retry_delay => retry_delay, timeout => timeout,
			enabled => false, overlap => 'allow', max_instances => 4),
		NULL, kinds, min_severity, resolved);
END;
COMMENT ON FUNCTION scheduler.create_alert_webhook(text, text, text, jsonb, text[], text, boolean, text, int, interval, interval, text) IS
'POST {"type": "alerts", "timestamp", "data": {"alerts": [...]}}, or the template "body" with the array as args, to a URL when alerts are opened that the caller may see, and unless "resolved" is false when they are over; signed with the secret of that name, and sent by an HTTP job of the caller. Returns the handler_id';

CREATE FUNCTION scheduler.create_alert_listener(handler_name text, channel text,
	kinds text[] DEFAULT NULL, min_severity text DEFAULT 'warning',
	resolved boolean DEFAULT false) RETURNS bigint
LANGUAGE SQL VOLATILE
BEGIN ATOMIC
	SELECT scheduler._add_alert_handler(handler_name, NULL, channel, kinds, min_severity, resolved);
END;
COMMENT ON FUNCTION scheduler.create_alert_listener(text, text, text[], text, boolean) IS
'NOTIFY a channel when alerts are opened that the caller may see, and with "resolved" also when they are over; the payload is {"event", "alert_id", "kind", "severity"}, for whoever listens hears it. Returns the handler_id';

CREATE FUNCTION scheduler.drop_alert_handler(handler_name text) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_drop_alert_handler' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.drop_alert_handler(text) IS
'Drop a handler of the caller, with its job';

CREATE VIEW scheduler.alert_handlers WITH (security_invoker = true) AS
SELECT h.handler_id, h.handler_name, h.owner,
	CASE WHEN h.channel IS NULL THEN j.kind ELSE 'notify' END AS kind,
	h.kinds, h.min_severity, h.enabled, h.channel, h.job_id, h.resolved, j.request ->> 'url' AS url,
	s.last_run_at, s.last_status, COALESCE(s.consecutive_failures, 0) AS consecutive_failures
FROM scheduler.alert_handler h
LEFT JOIN scheduler.job j ON j.job_id = h.job_id
LEFT JOIN scheduler.job_state s ON s.job_id = h.job_id;
COMMENT ON VIEW scheduler.alert_handlers IS
'Who is told of alerts, and whether that succeeds; see create_alert_handler()';
COMMENT ON COLUMN scheduler.alert_handlers.handler_id IS 'Id of the handler';
COMMENT ON COLUMN scheduler.alert_handlers.handler_name IS
'Name of the handler, unique for its owner';
COMMENT ON COLUMN scheduler.alert_handlers.owner IS 'Role that is told of what it may see';
COMMENT ON COLUMN scheduler.alert_handlers.kind IS
'sql: a function is called; http: a webhook; notify: a channel';
COMMENT ON COLUMN scheduler.alert_handlers.kinds IS 'Kinds of alerts that it is told of; null: all';
COMMENT ON COLUMN scheduler.alert_handlers.min_severity IS 'Least severity that it is told of';
COMMENT ON COLUMN scheduler.alert_handlers.enabled IS 'False: it is told of nothing';
COMMENT ON COLUMN scheduler.alert_handlers.channel IS 'Channel of NOTIFY; null: another kind';
COMMENT ON COLUMN scheduler.alert_handlers.job_id IS 'Job that tells; null: NOTIFY does';
COMMENT ON COLUMN scheduler.alert_handlers.resolved IS 'Is it told of the end, too?';
COMMENT ON COLUMN scheduler.alert_handlers.url IS 'URL of a webhook';
COMMENT ON COLUMN scheduler.alert_handlers.last_run_at IS
'When the last attempt that has ended began';
COMMENT ON COLUMN scheduler.alert_handlers.last_status IS
'Status of the last attempt that has ended';
COMMENT ON COLUMN scheduler.alert_handlers.consecutive_failures IS
'Attempts in a row that failed, timed out or were lost';
GRANT SELECT ON scheduler.alert_handlers TO PUBLIC;

----------------------------------------------------------------------
-- Metrics
----------------------------------------------------------------------

CREATE FUNCTION scheduler._add_buckets(a bigint[], b bigint[]) RETURNS bigint[]
AS 'MODULE_PATHNAME', 'pg_scheduler_add_buckets' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION scheduler._add_buckets(bigint[], bigint[]) IS 'Add two histograms';

CREATE AGGREGATE scheduler._sum_buckets(bigint[]) (
	SFUNC = scheduler._add_buckets, STYPE = bigint[], PARALLEL = SAFE,
	COMBINEFUNC = scheduler._add_buckets);
COMMENT ON AGGREGATE scheduler._sum_buckets(bigint[]) IS 'Add histograms';

CREATE FUNCTION scheduler._quantile(buckets bigint[], share double precision) RETURNS interval
AS 'MODULE_PATHNAME', 'pg_scheduler_quantile' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION scheduler._quantile(bigint[], double precision) IS
'The duration that a share of what a histogram has counted does not exceed, to within a fifth';

-- Figures of the runs of a job that had begun; durations in microseconds.
CREATE TABLE scheduler.job_metric (
	job_id bigint NOT NULL,
	timed bigint NOT NULL,
	duration bigint NOT NULL,
	max_duration bigint NOT NULL,
	lateness bigint NOT NULL,
	max_lateness bigint NOT NULL,
	buckets bigint[] NOT NULL,
	CONSTRAINT job_metric_pkey PRIMARY KEY (job_id)
) USING heap WITH (fillfactor = 70);
ALTER TABLE scheduler.job_metric ALTER buckets SET STORAGE PLAIN;
COMMENT ON TABLE scheduler.job_metric IS
'Durations and lateness of each job, as histograms; use the view job_stats';
ALTER TABLE scheduler.job_metric ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.job_metric FOR SELECT
	USING (EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = job_metric.job_id));
GRANT SELECT ON scheduler.job_metric TO PUBLIC;

CREATE VIEW scheduler.job_stats WITH (security_invoker = true) AS
SELECT j.job_id,
	j.job_name,
	j.owner,
	j.queue,
	COALESCE(s.runs, 0) AS runs,
	COALESCE(s.succeeded, 0) AS succeeded,
	COALESCE(s.failed, 0) AS failed,
	COALESCE(s.timed_out, 0) AS timed_out,
	COALESCE(s.cancelled, 0) AS cancelled,
	COALESCE(s.lost, 0) AS lost,
	COALESCE(s.skipped, 0) AS skipped,
	COALESCE(s.missed, 0) AS missed,
	COALESCE(s.retries, 0) AS retries,
	s.succeeded::double precision /
		NULLIF(s.succeeded + s.failed + s.timed_out + s.lost, 0) AS success_rate,
	scheduler._usecs(s.total_duration) AS total_duration,
	scheduler._usecs(m.duration, m.timed) AS mean_duration,
	scheduler._quantile(m.buckets, 0.5) AS p50_duration,
	scheduler._quantile(m.buckets, 0.95) AS p95_duration,
	scheduler._quantile(m.buckets, 0.99) AS p99_duration,
	scheduler._usecs(m.max_duration) AS max_duration,
	scheduler._usecs(m.lateness, m.timed) AS mean_lateness,
	scheduler._usecs(m.max_lateness) AS max_lateness
FROM scheduler.job j
LEFT JOIN scheduler.job_state s ON s.job_id = j.job_id
LEFT JOIN scheduler.job_metric m ON m.job_id = j.job_id
WHERE j.serves IS NULL;
COMMENT ON VIEW scheduler.job_stats IS
'What became of the runs of each job since it was made, how long they took and how late they started; durations and lateness are written every pg_scheduler.metrics_interval, and quantiles are good to within a fifth';
COMMENT ON COLUMN scheduler.job_stats.job_id IS 'Id of the job';
COMMENT ON COLUMN scheduler.job_stats.job_name IS 'Name of the job, unique for its owner';
COMMENT ON COLUMN scheduler.job_stats.owner IS 'Role that the job belongs to and runs as';
COMMENT ON COLUMN scheduler.job_stats.queue IS 'Queue of the job';
COMMENT ON COLUMN scheduler.job_stats.runs IS 'Occurrences that have been due';
COMMENT ON COLUMN scheduler.job_stats.succeeded IS 'Attempts that succeeded';
COMMENT ON COLUMN scheduler.job_stats.failed IS 'Attempts that failed';
COMMENT ON COLUMN scheduler.job_stats.timed_out IS 'Attempts that ran into their timeout';
COMMENT ON COLUMN scheduler.job_stats.cancelled IS 'Attempts that were cancelled';
COMMENT ON COLUMN scheduler.job_stats.lost IS 'Attempts whose outcome nobody knows';
COMMENT ON COLUMN scheduler.job_stats.skipped IS
'Occurrences that were left out, because of overlap or a calendar';
COMMENT ON COLUMN scheduler.job_stats.missed IS 'Occurrences that could not run in time';
COMMENT ON COLUMN scheduler.job_stats.retries IS 'Attempts that were followed by another one';
COMMENT ON COLUMN scheduler.job_stats.success_rate IS
'Share of the attempts that succeeded, 0 to 1; those that were cancelled do not count';
COMMENT ON COLUMN scheduler.job_stats.total_duration IS 'Sum of the durations of all attempts';
COMMENT ON COLUMN scheduler.job_stats.mean_duration IS 'Mean duration of the attempts that began';
COMMENT ON COLUMN scheduler.job_stats.p50_duration IS
'Half of the attempts took no longer, to within a fifth';
COMMENT ON COLUMN scheduler.job_stats.p95_duration IS
'95 in 100 attempts took no longer, to within a fifth';
COMMENT ON COLUMN scheduler.job_stats.p99_duration IS
'99 in 100 attempts took no longer, to within a fifth';
COMMENT ON COLUMN scheduler.job_stats.max_duration IS 'Longest of these durations';
COMMENT ON COLUMN scheduler.job_stats.mean_lateness IS 'Mean time between due time and start';
COMMENT ON COLUMN scheduler.job_stats.max_lateness IS 'Longest of these times';
GRANT SELECT ON scheduler.job_stats TO PUBLIC;

-- What ended in a minute, in all jobs of an owner in a queue.
CREATE TABLE scheduler.metric_minute (
	minute timestamptz NOT NULL,
	owner oid NOT NULL,
	queue text NOT NULL,
	succeeded bigint NOT NULL,
	failed bigint NOT NULL,
	timed_out bigint NOT NULL,
	cancelled bigint NOT NULL,
	lost bigint NOT NULL,
	skipped bigint NOT NULL,
	missed bigint NOT NULL,
	retries bigint NOT NULL,
	late bigint NOT NULL,
	timed bigint NOT NULL,
	duration bigint NOT NULL,
	max_duration bigint NOT NULL,
	lateness bigint NOT NULL,
	max_lateness bigint NOT NULL,
	http_2xx bigint NOT NULL,
	http_3xx bigint NOT NULL,
	http_4xx bigint NOT NULL,
	http_5xx bigint NOT NULL,
	http_errors bigint NOT NULL,
	http_reused bigint NOT NULL,
	http_bytes bigint NOT NULL,
	buckets bigint[] NOT NULL
) USING heap;
ALTER TABLE scheduler.metric_minute REPLICA IDENTITY FULL;
CREATE INDEX metric_minute_minute_idx ON scheduler.metric_minute (minute);
COMMENT ON TABLE scheduler.metric_minute IS 'What ended in each minute; use the view metrics';
ALTER TABLE scheduler.metric_minute ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.metric_minute FOR SELECT USING (scheduler._visible(owner));
GRANT SELECT ON scheduler.metric_minute TO PUBLIC;

CREATE VIEW scheduler.metrics WITH (security_invoker = true) AS
SELECT m.minute,
	m.owner::regrole AS owner,
	m.queue,
	m.succeeded,
	m.failed,
	m.timed_out,
	m.cancelled,
	m.lost,
	m.skipped,
	m.missed,
	m.retries,
	m.late,
	m.succeeded::double precision /
		NULLIF(m.succeeded + m.failed + m.timed_out + m.lost, 0) AS success_rate,
	scheduler._usecs(m.duration, m.timed) AS mean_duration,
	scheduler._quantile(m.buckets, 0.5) AS p50_duration,
	scheduler._quantile(m.buckets, 0.95) AS p95_duration,
	scheduler._quantile(m.buckets, 0.99) AS p99_duration,
	scheduler._usecs(m.max_duration) AS max_duration,
	scheduler._usecs(m.lateness, m.timed) AS mean_lateness,
	scheduler._usecs(m.max_lateness) AS max_lateness,
	m.http_2xx,
	m.http_3xx,
	m.http_4xx,
	m.http_5xx,
	m.http_errors,
	m.http_reused,
	m.http_bytes
FROM scheduler.metric_minute m;
COMMENT ON VIEW scheduler.metrics IS
'What ended in each minute, by owner and queue; kept for pg_scheduler.metrics_retention';
COMMENT ON COLUMN scheduler.metrics.minute IS 'Begin of the minute';
COMMENT ON COLUMN scheduler.metrics.owner IS 'Owner of the jobs';
COMMENT ON COLUMN scheduler.metrics.queue IS 'Queue of the jobs';
COMMENT ON COLUMN scheduler.metrics.succeeded IS 'Attempts that succeeded';
COMMENT ON COLUMN scheduler.metrics.failed IS 'Attempts that failed';
COMMENT ON COLUMN scheduler.metrics.timed_out IS 'Attempts that ran into their timeout';
COMMENT ON COLUMN scheduler.metrics.cancelled IS 'Attempts that were cancelled';
COMMENT ON COLUMN scheduler.metrics.lost IS 'Attempts whose outcome nobody knows';
COMMENT ON COLUMN scheduler.metrics.skipped IS 'Occurrences that were skipped';
COMMENT ON COLUMN scheduler.metrics.missed IS 'Occurrences that were missed';
COMMENT ON COLUMN scheduler.metrics.late IS
'Attempts that began later than the threshold of the rule late_start';
COMMENT ON COLUMN scheduler.metrics.retries IS 'Attempts that were followed by another one';
COMMENT ON COLUMN scheduler.metrics.success_rate IS
'Share of the attempts that succeeded, 0 to 1; those that were cancelled do not count';
COMMENT ON COLUMN scheduler.metrics.mean_duration IS 'Mean duration of the attempts that began';
COMMENT ON COLUMN scheduler.metrics.p50_duration IS
'Half of the attempts took no longer, to within a fifth';
COMMENT ON COLUMN scheduler.metrics.p95_duration IS
'95 in 100 attempts took no longer, to within a fifth';
COMMENT ON COLUMN scheduler.metrics.p99_duration IS
'99 in 100 attempts took no longer, to within a fifth';
COMMENT ON COLUMN scheduler.metrics.max_duration IS 'Longest of these durations';
COMMENT ON COLUMN scheduler.metrics.mean_lateness IS 'Mean time between due time and start';
COMMENT ON COLUMN scheduler.metrics.max_lateness IS 'Longest of these times';
COMMENT ON COLUMN scheduler.metrics.http_2xx IS 'HTTP answers of status 200 to 299';
COMMENT ON COLUMN scheduler.metrics.http_3xx IS 'HTTP answers of status 300 to 399';
COMMENT ON COLUMN scheduler.metrics.http_4xx IS 'HTTP answers of status 400 to 499';
COMMENT ON COLUMN scheduler.metrics.http_5xx IS 'HTTP answers of status 500 to 599';
COMMENT ON COLUMN scheduler.metrics.http_errors IS 'Requests that got no answer';
COMMENT ON COLUMN scheduler.metrics.http_reused IS
'Requests over a connection that was there already';
COMMENT ON COLUMN scheduler.metrics.http_bytes IS 'Bytes of the bodies of answers';
GRANT SELECT ON scheduler.metrics TO PUBLIC;

-- The same, since the extension was installed: what prometheus_metrics()
-- counts does not go back when a job is dropped.
CREATE TABLE scheduler.metric_total (
	owner oid NOT NULL,
	queue text NOT NULL,
	succeeded bigint NOT NULL,
	failed bigint NOT NULL,
	timed_out bigint NOT NULL,
	cancelled bigint NOT NULL,
	lost bigint NOT NULL,
	skipped bigint NOT NULL,
	missed bigint NOT NULL,
	retries bigint NOT NULL,
	late bigint NOT NULL,
	timed bigint NOT NULL,
	duration bigint NOT NULL,
	max_duration bigint NOT NULL,
	lateness bigint NOT NULL,
	max_lateness bigint NOT NULL,
	http_2xx bigint NOT NULL,
	http_3xx bigint NOT NULL,
	http_4xx bigint NOT NULL,
	http_5xx bigint NOT NULL,
	http_errors bigint NOT NULL,
	http_reused bigint NOT NULL,
	http_bytes bigint NOT NULL,
	buckets bigint[] NOT NULL,
	CONSTRAINT metric_total_pkey PRIMARY KEY (owner, queue)
) USING heap WITH (fillfactor = 70);
COMMENT ON TABLE scheduler.metric_total IS
'What has ended since the extension was installed, by owner and queue';
ALTER TABLE scheduler.metric_total ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.metric_total FOR SELECT USING (scheduler._visible(owner));
GRANT SELECT ON scheduler.metric_total TO PUBLIC;

-- What ended of each job in a minute; monitor_clean.c keeps it small.
CREATE TABLE scheduler.job_minute (
	minute timestamptz NOT NULL,
	job_id bigint NOT NULL,
	owner oid NOT NULL,
	succeeded int NOT NULL,
	failed int NOT NULL,
	timed_out int NOT NULL,
	cancelled int NOT NULL,
	lost int NOT NULL,
	retries int NOT NULL,
	timed int NOT NULL,
	duration bigint NOT NULL,
	max_duration bigint NOT NULL,
	lateness bigint NOT NULL,
	max_lateness bigint NOT NULL
) USING heap;
ALTER TABLE scheduler.job_minute REPLICA IDENTITY FULL;
CREATE INDEX job_minute_job_id_minute_idx ON scheduler.job_minute (job_id, minute);
CREATE INDEX job_minute_minute_job_id_idx ON scheduler.job_minute (minute, job_id);
COMMENT ON TABLE scheduler.job_minute IS
'What ended of each job in each minute; use the view job_metrics';
ALTER TABLE scheduler.job_minute ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.job_minute FOR SELECT USING (scheduler._visible(owner));
GRANT SELECT ON scheduler.job_minute TO PUBLIC;

CREATE VIEW scheduler.job_metrics WITH (security_invoker = true) AS
SELECT m.minute,
	m.job_id,
	j.job_name,
	m.owner::regrole AS owner,
	m.succeeded,
	m.failed,
	m.timed_out,
	m.cancelled,
	m.lost,
	m.retries,
	scheduler._usecs(m.duration, m.timed) AS mean_duration,
	scheduler._usecs(m.max_duration) AS max_duration,
	scheduler._usecs(m.lateness, m.timed) AS mean_lateness,
	scheduler._usecs(m.max_lateness) AS max_lateness
FROM scheduler.job_minute m
JOIN scheduler.job j ON j.job_id = m.job_id;
COMMENT ON VIEW scheduler.job_metrics IS
'What ended of each job in each minute; kept for pg_scheduler.metrics_retention, and no more than about pg_scheduler.job_metrics_rows rows';
COMMENT ON COLUMN scheduler.job_metrics.minute IS 'Begin of the minute';
COMMENT ON COLUMN scheduler.job_metrics.job_id IS 'Id of the job';
COMMENT ON COLUMN scheduler.job_metrics.job_name IS 'Name of the job, unique for its owner';
COMMENT ON COLUMN scheduler.job_metrics.owner IS 'Owner of the job';
COMMENT ON COLUMN scheduler.job_metrics.succeeded IS 'Attempts that succeeded';
COMMENT ON COLUMN scheduler.job_metrics.failed IS 'Attempts that failed';
COMMENT ON COLUMN scheduler.job_metrics.timed_out IS 'Attempts that ran into their timeout';
COMMENT ON COLUMN scheduler.job_metrics.cancelled IS 'Attempts that were cancelled';
COMMENT ON COLUMN scheduler.job_metrics.lost IS 'Attempts whose outcome nobody knows';
COMMENT ON COLUMN scheduler.job_metrics.retries IS 'Attempts that were followed by another one';
COMMENT ON COLUMN scheduler.job_metrics.mean_duration IS 'Mean duration of the attempts that began';
COMMENT ON COLUMN scheduler.job_metrics.max_duration IS 'Longest of these durations';
COMMENT ON COLUMN scheduler.job_metrics.mean_lateness IS 'Mean time between due time and start';
COMMENT ON COLUMN scheduler.job_metrics.max_lateness IS 'Longest of these times';
GRANT SELECT ON scheduler.job_metrics TO PUBLIC;

CREATE TABLE scheduler.scheduler_minute (
	minute timestamptz NOT NULL,
	backlog bigint NOT NULL,
	running bigint NOT NULL,
	waiting bigint NOT NULL,
	workers bigint NOT NULL,
	workers_busy bigint NOT NULL,
	max_workers bigint NOT NULL,
	worker_restarts bigint NOT NULL,
	worker_memory bigint NOT NULL,
	http_in_flight bigint NOT NULL,
	connections bigint NOT NULL,
	max_connections bigint NOT NULL,
	reserved_connections bigint NOT NULL
) USING heap;
ALTER TABLE scheduler.scheduler_minute REPLICA IDENTITY FULL;
CREATE INDEX scheduler_minute_minute_idx ON scheduler.scheduler_minute (minute);
COMMENT ON TABLE scheduler.scheduler_minute IS
'Figures of the scheduler by the minute; use the view scheduler_metrics';
ALTER TABLE scheduler.scheduler_minute ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.scheduler_minute FOR SELECT USING (scheduler._admin());
GRANT SELECT ON scheduler.scheduler_minute TO PUBLIC;

CREATE VIEW scheduler.scheduler_metrics WITH (security_invoker = true) AS
SELECT minute, backlog, running, waiting, workers, workers_busy,
	max_workers - workers AS workers_free, max_workers, worker_restarts, worker_memory,
	http_in_flight, connections, max_connections, reserved_connections
FROM scheduler.scheduler_minute;
COMMENT ON VIEW scheduler.scheduler_metrics IS
'The scheduler of this database at the end of each minute in which it had something to do, for admins; worker_restarts counts those of the minute, worker_memory is in bytes';
COMMENT ON COLUMN scheduler.scheduler_metrics.minute IS 'Begin of the minute';
COMMENT ON COLUMN scheduler.scheduler_metrics.backlog IS 'Runs that were due and not executed';
COMMENT ON COLUMN scheduler.scheduler_metrics.running IS 'Runs that were executed';
COMMENT ON COLUMN scheduler.scheduler_metrics.waiting IS
'Runs that were not due, retries among them';
COMMENT ON COLUMN scheduler.scheduler_metrics.workers IS 'Worker processes of the cluster';
COMMENT ON COLUMN scheduler.scheduler_metrics.workers_busy IS 'Those that executed a run';
COMMENT ON COLUMN scheduler.scheduler_metrics.workers_free IS 'Those that could have been started';
COMMENT ON COLUMN scheduler.scheduler_metrics.max_workers IS 'pg_scheduler.max_workers';
COMMENT ON COLUMN scheduler.scheduler_metrics.worker_restarts IS 'Workers that died in the minute';
COMMENT ON COLUMN scheduler.scheduler_metrics.worker_memory IS 'Memory of the workers in bytes';
COMMENT ON COLUMN scheduler.scheduler_metrics.http_in_flight IS 'HTTP requests under way';
COMMENT ON COLUMN scheduler.scheduler_metrics.connections IS 'Connections of clients to the server';
COMMENT ON COLUMN scheduler.scheduler_metrics.max_connections IS
'How many there may be, reserved ones included';
COMMENT ON COLUMN scheduler.scheduler_metrics.reserved_connections IS
'How many of these are for superusers and roles with pg_use_reserved_connections only';
GRANT SELECT ON scheduler.scheduler_metrics TO PUBLIC;

-- One row: what is counted over restarts.
CREATE TABLE scheduler.scheduler_metric (
	worker_restarts bigint NOT NULL,
	only_row boolean NOT NULL DEFAULT true,
	CONSTRAINT scheduler_metric_pkey PRIMARY KEY (only_row),
	CONSTRAINT scheduler_metric_only_row_check CHECK (only_row)
) USING heap;
INSERT INTO scheduler.scheduler_metric (worker_restarts) VALUES (0);
COMMENT ON TABLE scheduler.scheduler_metric IS 'What is counted over restarts; one row';
ALTER TABLE scheduler.scheduler_metric ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.scheduler_metric FOR SELECT USING (scheduler._admin());
GRANT SELECT ON scheduler.scheduler_metric TO PUBLIC;

----------------------------------------------------------------------
-- One look
----------------------------------------------------------------------

CREATE FUNCTION scheduler._jobs_by_state() RETURNS jsonb
LANGUAGE SQL STABLE
SET jit = off
RETURN (SELECT pg_catalog.jsonb_build_object('total', pg_catalog.count(*),
		'healthy', pg_catalog.count(*) FILTER (WHERE state = 'healthy'),
		'degraded', pg_catalog.count(*) FILTER (WHERE state = 'degraded'),
		'unhealthy', pg_catalog.count(*) FILTER (WHERE state = 'unhealthy'),
		'stopped', pg_catalog.count(*) FILTER (WHERE state = 'stopped'),
		'starting', pg_catalog.count(*) FILTER (WHERE state = 'starting'),
		'stopping', pg_catalog.count(*) FILTER (WHERE state = 'stopping'),
		'unknown', pg_catalog.count(*) FILTER (WHERE state = 'unknown'))
	FROM scheduler.job_health);
COMMENT ON FUNCTION scheduler._jobs_by_state() IS 'The jobs that the caller sees, counted by state';

CREATE FUNCTION scheduler._can_read_jobs() RETURNS boolean
AS 'MODULE_PATHNAME', 'pg_scheduler_can_read_jobs' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler._can_read_jobs() IS
'Can the view job_health be read without waiting for somebody''s lock?';

CREATE FUNCTION scheduler.status() RETURNS jsonb
LANGUAGE SQL STABLE
RETURN (SELECT pg_catalog.jsonb_build_object(
	'state', s.state, 'reason', s.reason, 'since', s.since, 'pid', s.pid,
	'monitoring', s.monitoring, 'copy', s.copy,
	'standby', pg_catalog.pg_is_in_recovery(), 'clock', pg_catalog.clock_timestamp(),
	'jobs', CASE WHEN scheduler._can_read_jobs() THEN scheduler._jobs_by_state() END,
	'next_run_at', s.next_run_at,
	'pending_runs', s.pending, 'ready_runs', s.ready,
	'workers', pg_catalog.jsonb_build_object('running', s.workers, 'busy', s.workers_busy,
		'free', s.max_workers - s.workers, 'max', s.max_workers, 'memory', s.worker_memory),
	'http', pg_catalog.jsonb_build_object('in_flight', s.http_in_flight),
	'connections', pg_catalog.jsonb_build_object('used', s.connections, 'max', s.max_connections,
		'reserved', s.reserved_connections))
	FROM scheduler._scheduler_health() s);
COMMENT ON FUNCTION scheduler.status() IS
'The scheduler of this database: {state, reason, since, pid, monitoring, copy, standby, clock, jobs: {total, and a count for each state}, next_run_at, pending_runs, ready_runs, workers: {running, busy, free, max, memory}, http: {in_flight}, connections: {used, max, reserved}}; jobs are those that the caller sees, and null while somebody keeps readers of their tables out; workers and connections are those of the cluster, memory is in bytes; next_run_at and counts of what is everybody''s are for admins, and null for others';

CREATE FUNCTION scheduler.health_summary() RETURNS jsonb
LANGUAGE SQL STABLE
SET jit = off
RETURN (SELECT pg_catalog.jsonb_build_object(
	'state', CASE
		WHEN s.state <> 'healthy' THEN s.state
		WHEN (j.counts ->> 'unhealthy')::bigint > 0 OR a.serious > 0 THEN 'unhealthy'
		WHEN (j.counts ->> 'degraded')::bigint > 0 OR a.open > 0 THEN 'degraded'
		WHEN NOT m.monitoring THEN 'unknown'
		ELSE 'healthy' END,
	'scheduler', pg_catalog.jsonb_build_object('state', s.state, 'reason', s.reason, 'since', s.since),
	'jobs', j.counts,
	'alerts', pg_catalog.jsonb_build_object('open', a.open, 'info', a.info,
		'warning', a.warning, 'error', a.error, 'critical', a.critical))
	FROM scheduler._scheduler_health() s, scheduler._monitoring() AS m (monitoring),
	(SELECT scheduler._jobs_by_state() AS counts) j,
	(SELECT pg_catalog.count(*) AS open,
		pg_catalog.count(*) FILTER (WHERE severity = 'info') AS info,
		pg_catalog.count(*) FILTER (WHERE severity = 'warning') AS warning,
		pg_catalog.count(*) FILTER (WHERE severity = 'error') AS error,
		pg_catalog.count(*) FILTER (WHERE severity = 'critical') AS critical,
		pg_catalog.count(*) FILTER (WHERE severity IN ('error', 'critical')) AS serious
	FROM scheduler.alerts WHERE resolved_at IS NULL) a);
COMMENT ON FUNCTION scheduler.health_summary() IS
'The worst there is, and counts: {state, scheduler: {state, reason, since}, jobs: {total, healthy, degraded, unhealthy, stopped, starting, stopping, unknown}, alerts: {open, info, warning, error, critical}}';

CREATE FUNCTION scheduler.check_now(timeout interval DEFAULT '10 seconds') RETURNS jsonb
LANGUAGE SQL VOLATILE
BEGIN ATOMIC
	SELECT scheduler._judge(timeout);
	SELECT scheduler.health_summary();
END;
COMMENT ON FUNCTION scheduler.check_now(interval) IS
'Have the scheduler judge all jobs, queues and rules, wait until it has, and return health_summary(); for admins; a warning if that takes longer than the timeout';

CREATE FUNCTION scheduler.dashboard() RETURNS jsonb
LANGUAGE SQL STABLE
SET jit = off
RETURN pg_catalog.jsonb_build_object(
	'at', pg_catalog.clock_timestamp(),
	'status', scheduler.status(),
	'health', scheduler.health_summary(),
	'queues', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
			'queue_name', q.queue_name, 'state', q.state, 'reason', q.reason,
			'jobs', q.jobs, 'backlog', q.backlog, 'running', q.running)
			ORDER BY q.queue_name), '[]')
		FROM scheduler.queues q),
	'alerts', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
			'alert_id', a.alert_id, 'kind', a.kind, 'severity', a.severity,
			'subject', a.subject, 'message', a.message, 'first_seen', a.first_seen,
			'last_seen', a.last_seen, 'count', a.count)), '[]')
		FROM (SELECT * FROM scheduler.alerts WHERE resolved_at IS NULL
			ORDER BY scheduler._severity_rank(severity) DESC, last_seen DESC LIMIT 20) a),
	'unhealthy_jobs', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
			'job_id', h.job_id, 'job_name', h.job_name, 'state', h.state, 'reason', h.reason,
			'since', h.since)), '[]')
		FROM (SELECT * FROM scheduler.job_health WHERE state = 'unhealthy'
			AND job_id = ANY (ARRAY(SELECT job_id FROM scheduler.job_health_state WHERE state = 'unhealthy'
				UNION ALL SELECT job_id FROM scheduler.job_recovery WHERE state IN ('open', 'given_up')))
			ORDER BY since LIMIT 20) h),
	'last_minutes', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
			'minute', m.minute, 'succeeded', m.succeeded, 'failed', m.failed,
			'p95_seconds', m.p95) ORDER BY m.minute), '[]')
		FROM (SELECT minute, pg_catalog.sum(succeeded) AS succeeded,
				pg_catalog.sum(failed + timed_out + lost) AS failed,
				pg_catalog.round(extract(epoch FROM
					scheduler._quantile(scheduler._sum_buckets(buckets), 0.95)), 6) AS p95
			FROM scheduler.metric_minute
			WHERE minute > pg_catalog.now() - '10 minutes'::interval
			GROUP BY minute) m));
COMMENT ON FUNCTION scheduler.dashboard() IS
'All that one page would show, of what the caller sees: {at, status, health, queues: [], alerts: [at most 20], unhealthy_jobs: [at most 20], last_minutes: [at most 10]}';

CREATE FUNCTION scheduler._prometheus_label(value text) RETURNS text
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
RETURN '"' || pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(value,
	'\', '\\'), '"', '\"'), E'\n', '\n') || '"';
COMMENT ON FUNCTION scheduler._prometheus_label(text) IS 'The value of a label, quoted';

-- A backslash is one of the label, and one of what is put in.
CREATE FUNCTION scheduler._prometheus_database(samples text) RETURNS text
LANGUAGE SQL STABLE PARALLEL SAFE
RETURN (SELECT pg_catalog.regexp_replace(pg_catalog.regexp_replace(samples,
		'^(pg_scheduler_\w+)\{', '\1{' || label || ',', 'gn'),
		'^(pg_scheduler_\w+) ', '\1{' || label || '} ', 'gn')
	FROM (SELECT 'database=' || pg_catalog.replace(scheduler._prometheus_label(
		pg_catalog.current_database()::text), '\', '\\') AS label) d);
COMMENT ON FUNCTION scheduler._prometheus_database(text) IS
'Samples in exposition format with the label database in each of them';

CREATE FUNCTION scheduler._prometheus_family(name text, type text, help text, samples text) RETURNS text
LANGUAGE SQL STABLE PARALLEL SAFE
RETURN CASE WHEN samples IS NULL THEN '' ELSE pg_catalog.format(
	E'# HELP pg_scheduler_%s %s\n# TYPE pg_scheduler_%s %s\n%s\n', name, help, name, type,
	scheduler._prometheus_database(samples)) END;
COMMENT ON FUNCTION scheduler._prometheus_family(text, text, text, text) IS
'A metric in exposition format, each sample with the label database; nothing, when it has no samples';

CREATE FUNCTION scheduler._prometheus_histogram(labels text, buckets bigint[]) RETURNS text
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
RETURN (SELECT pg_catalog.string_agg(pg_catalog.format(
		'pg_scheduler_run_duration_seconds_bucket{%s,le="%s"} %s', labels,
		CASE WHEN i < 64 THEN (64e-6::double precision * 2 ^ ((i - 1) / 2.0))::text ELSE '+Inf' END,
		(SELECT pg_catalog.sum(b) FROM pg_catalog.unnest(buckets[:i]) AS b)), E'\n' ORDER BY i)
	FROM (SELECT pg_catalog.generate_series(1, 61, 4) AS i UNION ALL SELECT 64) AS limits);
COMMENT ON FUNCTION scheduler._prometheus_histogram(text, bigint[]) IS
'The samples of a histogram, one bucket for each power of four';

CREATE FUNCTION scheduler.prometheus_metrics() RETURNS text
LANGUAGE SQL STABLE
SET jit = off
BEGIN ATOMIC
	WITH scheduler AS MATERIALIZED (
		SELECT * FROM scheduler._scheduler_health()),
	total AS MATERIALIZED (
		SELECT 'queue=' || scheduler._prometheus_label(queue) AS labels,
			pg_catalog.sum(succeeded) AS succeeded, pg_catalog.sum(failed) AS failed,
			pg_catalog.sum(timed_out) AS timed_out, pg_catalog.sum(cancelled) AS cancelled,
			pg_catalog.sum(lost) AS lost, pg_catalog.sum(retries) AS retries,
			pg_catalog.sum(skipped) AS skipped, pg_catalog.sum(missed) AS missed,
			pg_catalog.sum(late) AS late,
			pg_catalog.sum(timed) AS timed, pg_catalog.sum(duration) / 1e6 AS duration,
			pg_catalog.sum(lateness) / 1e6 AS lateness,
			pg_catalog.sum(http_2xx) AS http_2xx, pg_catalog.sum(http_3xx) AS http_3xx,
			pg_catalog.sum(http_4xx) AS http_4xx, pg_catalog.sum(http_5xx) AS http_5xx,
			pg_catalog.sum(http_errors) AS http_errors,
			pg_catalog.sum(http_reused) AS http_reused,
			pg_catalog.sum(http_bytes) AS http_bytes,
			scheduler._sum_buckets(buckets) AS buckets
		FROM scheduler.metric_total GROUP BY queue),
	family (ord, text) AS (
		SELECT 1, scheduler._prometheus_family('up', 'gauge',
			'Whether the scheduler of this database is healthy.',
			(SELECT 'pg_scheduler_up ' || (state = 'healthy')::int FROM scheduler))
		UNION ALL
		SELECT 2, scheduler._prometheus_family('start_time_seconds', 'gauge',
			'When the scheduler became ready, or was stopped, since the epoch.',
			(SELECT 'pg_scheduler_start_time_seconds ' || pg_catalog.round(extract(epoch FROM since), 3)
				FROM scheduler WHERE since IS NOT NULL))
		UNION ALL
		SELECT 3, scheduler._prometheus_family('jobs', 'gauge',
			'Jobs by their state of health.',
			(SELECT pg_catalog.string_agg(pg_catalog.format('pg_scheduler_jobs{state="%s"} %s', s.state,
					COALESCE(h.count, 0)), E'\n')
				FROM (VALUES ('healthy'), ('degraded'), ('unhealthy'), ('stopped'), ('starting'),
					('stopping'), ('unknown')) AS s (state)
				LEFT JOIN (SELECT state, pg_catalog.count(*) AS count FROM scheduler.job_health
					GROUP BY state) h ON h.state = s.state))
		UNION ALL
		SELECT 4, scheduler._prometheus_family('runs_total', 'counter',
			'Attempts that ended, by queue and status.',
			(SELECT pg_catalog.string_agg(pg_catalog.format('pg_scheduler_runs_total{%s,status="%s"} %s',
					labels, v.status, v.count), E'\n' ORDER BY labels)
				FROM total CROSS JOIN LATERAL (VALUES ('succeeded', succeeded), ('failed', failed),
					('timed_out', timed_out), ('cancelled', cancelled), ('lost', lost))
					AS v (status, count)))
		UNION ALL
		SELECT 5, scheduler._prometheus_family('retries_total', 'counter',
			'Attempts that were followed by another one, by queue.',
			(SELECT pg_catalog.string_agg(pg_catalog.format('pg_scheduler_retries_total{%s} %s',
					labels, retries), E'\n' ORDER BY labels) FROM total))
		UNION ALL
		SELECT 6, scheduler._prometheus_family('run_duration_seconds', 'histogram',
			'How long attempts took, by queue.',
			(SELECT pg_catalog.string_agg(pg_catalog.format(
					E'%s\npg_scheduler_run_duration_seconds_sum{%s} %s\npg_scheduler_run_duration_seconds_count{%s} %s',
					scheduler._prometheus_histogram(labels, buckets), labels, duration,
					labels, timed), E'\n' ORDER BY labels) FROM total))
		UNION ALL
		SELECT 7, scheduler._prometheus_family('run_lateness_seconds', 'summary',
			'How long after their due time attempts began, by queue.',
			(SELECT pg_catalog.string_agg(pg_catalog.format(
					E'pg_scheduler_run_lateness_seconds_sum{%s} %s\npg_scheduler_run_lateness_seconds_count{%s} %s',
					labels, lateness, labels, timed), E'\n' ORDER BY labels) FROM total))
		UNION ALL
		SELECT 8, scheduler._prometheus_family('pending_runs', 'gauge',
			'Runs of this database that are not over.',
			(SELECT 'pg_scheduler_pending_runs ' || pending FROM scheduler WHERE scheduler._admin()))
		UNION ALL
		SELECT 9, scheduler._prometheus_family('ready_runs', 'gauge',
			'Runs of this database that are due and not being executed.',
			(SELECT 'pg_scheduler_ready_runs ' || ready FROM scheduler WHERE scheduler._admin()))
		UNION ALL
		SELECT 10, scheduler._prometheus_family('queue_backlog', 'gauge',
			'Runs that are due and not being executed, by queue.',
			(SELECT pg_catalog.string_agg(pg_catalog.format('pg_scheduler_queue_backlog{queue=%s} %s',
					scheduler._prometheus_label(queue_name), backlog), E'\n' ORDER BY queue_name)
				FROM scheduler._queue_health WHERE scheduler._admin()))
		UNION ALL
		SELECT 11, scheduler._prometheus_family('workers', 'gauge',
			'Workers of the cluster: those that are busy, idle, and could be started.',
			(SELECT pg_catalog.format(E'pg_scheduler_workers{state="busy"} %s\npg_scheduler_workers{state="idle"} %s\npg_scheduler_workers{state="free"} %s',
					workers_busy, workers - workers_busy, max_workers - workers) FROM scheduler))
		UNION ALL
		SELECT 12, scheduler._prometheus_family('worker_restarts_total', 'counter',
			'Workers that died.',
			(SELECT 'pg_scheduler_worker_restarts_total ' || worker_restarts
				FROM scheduler.scheduler_metric))
		UNION ALL
		SELECT 13, scheduler._prometheus_family('worker_memory_bytes', 'gauge',
			'Memory of the workers that the reader sees.',
			(SELECT 'pg_scheduler_worker_memory_bytes ' || COALESCE(pg_catalog.sum(memory), 0)
				FROM scheduler.workers))
		UNION ALL
		SELECT 14, scheduler._prometheus_family('alerts', 'gauge',
			'Open alerts by severity.',
			(SELECT pg_catalog.string_agg(pg_catalog.format('pg_scheduler_alerts{severity="%s"} %s', s.severity,
					(SELECT pg_catalog.count(*) FROM scheduler.alerts a
						WHERE a.severity = s.severity AND a.resolved_at IS NULL)), E'\n')
				FROM (VALUES ('info'), ('warning'), ('error'), ('critical')) AS s (severity)))
		UNION ALL
		SELECT 15, scheduler._prometheus_family('dead_letters', 'gauge',
			'Dead letters that were not redriven.',
			(SELECT 'pg_scheduler_dead_letters ' || pg_catalog.count(*)
				FROM scheduler.dead_letters WHERE redriven_at IS NULL))
		UNION ALL
		SELECT 16, scheduler._prometheus_family('http_responses_total', 'counter',
			'Answers to HTTP requests, by queue and class of status.',
			(SELECT pg_catalog.string_agg(pg_catalog.format('pg_scheduler_http_responses_total{%s,class="%s"} %s',
					labels, v.class, v.count), E'\n' ORDER BY labels)
				FROM total CROSS JOIN LATERAL (VALUES ('2xx', http_2xx), ('3xx', http_3xx),
					('4xx', http_4xx), ('5xx', http_5xx)) AS v (class, count)
				WHERE http_2xx + http_3xx + http_4xx + http_5xx + http_errors > 0))
		UNION ALL
		SELECT 17, scheduler._prometheus_family('http_errors_total', 'counter',
			'HTTP requests that got no answer, by queue.',
			(SELECT pg_catalog.string_agg(pg_catalog.format('pg_scheduler_http_errors_total{%s} %s',
					labels, http_errors), E'\n' ORDER BY labels) FROM total
				WHERE http_2xx + http_3xx + http_4xx + http_5xx + http_errors > 0))
		UNION ALL
		SELECT 18, scheduler._prometheus_family('http_reused_connections_total', 'counter',
			'HTTP requests over a connection that was there already, by queue.',
			(SELECT pg_catalog.string_agg(pg_catalog.format('pg_scheduler_http_reused_connections_total{%s} %s',
					labels, http_reused), E'\n' ORDER BY labels) FROM total
				WHERE http_2xx + http_3xx + http_4xx + http_5xx + http_errors > 0))
		UNION ALL
		SELECT 19, scheduler._prometheus_family('http_response_bytes_total', 'counter',
			'Bytes of the bodies of answers, by queue.',
			(SELECT pg_catalog.string_agg(pg_catalog.format('pg_scheduler_http_response_bytes_total{%s} %s',
					labels, http_bytes), E'\n' ORDER BY labels) FROM total
				WHERE http_2xx + http_3xx + http_4xx + http_5xx + http_errors > 0))
		UNION ALL
		SELECT 20, scheduler._prometheus_family('http_in_flight', 'gauge',
			'HTTP requests under way.',
			(SELECT 'pg_scheduler_http_in_flight ' || http_in_flight FROM scheduler WHERE scheduler._admin()))
		UNION ALL
		SELECT 21, scheduler._prometheus_family('standby', 'gauge',
			'Whether the server is a standby, where no job runs.',
			'pg_scheduler_standby ' || pg_catalog.pg_is_in_recovery()::int)
		UNION ALL
		SELECT 22, scheduler._prometheus_family('monitoring', 'gauge',
			'Whether health is judged.',
			(SELECT 'pg_scheduler_monitoring ' || monitoring::int FROM scheduler))
		UNION ALL
		SELECT 23, scheduler._prometheus_family('skipped_total', 'counter',
			'Occurrences that were skipped, by queue.',
			(SELECT pg_catalog.string_agg(pg_catalog.format('pg_scheduler_skipped_total{%s} %s',
					labels, skipped), E'\n' ORDER BY labels) FROM total))
		UNION ALL
		SELECT 24, scheduler._prometheus_family('missed_total', 'counter',
			'Occurrences that were missed, by queue.',
			(SELECT pg_catalog.string_agg(pg_catalog.format('pg_scheduler_missed_total{%s} %s',
					labels, missed), E'\n' ORDER BY labels) FROM total))
		UNION ALL
		SELECT 25, scheduler._prometheus_family('late_total', 'counter',
			'Attempts that began later than the threshold of the rule late_start, by queue.',
			(SELECT pg_catalog.string_agg(pg_catalog.format('pg_scheduler_late_total{%s} %s',
					labels, late), E'\n' ORDER BY labels) FROM total))
		UNION ALL
		SELECT 26, scheduler._prometheus_family('connections', 'gauge',
			'Connections of clients to the server: those that are used, reserved, and may be there.',
			(SELECT pg_catalog.format(E'pg_scheduler_connections{state="used"} %s\npg_scheduler_connections{state="reserved"} %s\npg_scheduler_connections{state="max"} %s',
					connections, reserved_connections, max_connections)
				FROM scheduler WHERE scheduler._admin()))
		UNION ALL
		SELECT 27, scheduler._prometheus_family('worst_job_failures', 'gauge',
			'Attempts in a row that failed, of the at most ten jobs with the most.',
			(SELECT pg_catalog.string_agg(pg_catalog.format('pg_scheduler_worst_job_failures{job_id="%s",job_name=%s,queue=%s} %s',
					w.job_id, scheduler._prometheus_label(w.job_name), scheduler._prometheus_label(w.queue),
					w.consecutive_failures), E'\n' ORDER BY w.consecutive_failures DESC, w.job_id)
				FROM (SELECT j.job_id, j.job_name, j.queue, s.consecutive_failures
					FROM scheduler.job_health_state h
					JOIN scheduler.job j ON j.job_id = h.job_id AND j.serves IS NULL
					JOIN scheduler.job_state s ON s.job_id = h.job_id
					WHERE s.consecutive_failures > 0
					ORDER BY s.consecutive_failures DESC, j.job_id LIMIT 10) w))
	)
	SELECT pg_catalog.string_agg(text, '' ORDER BY ord) FROM family;
END;
COMMENT ON FUNCTION scheduler.prometheus_metrics() IS
'What the caller sees of the metrics, in the exposition format of Prometheus';

----------------------------------------------------------------------
-- Moving in
--
-- Jobs of other schedulers become jobs of this one.  Where a job came from stands
-- in its description: by that it is found when the call is made again.  Each job
-- is moved in a subtransaction, so that one which is refused is listed and keeps
-- nobody else from moving.
----------------------------------------------------------------------

CREATE FUNCTION scheduler._plain_command(command text) RETURNS text
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
RETURN COALESCE((pg_catalog.regexp_match(command,
	'^\s*(?:BEGIN|START\s+TRANSACTION)(?:\s+(?:WORK|TRANSACTION))?\s*;(.*;)\s*(?:COMMIT|END)(?:\s+(?:WORK|TRANSACTION))?\s*;?\s*$', 'i'))[1], command);
COMMENT ON FUNCTION scheduler._plain_command(text) IS
'A command without the BEGIN and COMMIT around it: a run is one transaction anyway';

CREATE FUNCTION scheduler._import_job(origin text, job_name text, schedule text, command text, run_as text,
	enabled boolean, timezone text, dry_run boolean, OUT ok boolean, OUT job_id bigint, OUT problem text, OUT hint text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	role regrole := to_regrole(quote_ident(run_as));
	taken scheduler.jobs;
	detail text;
BEGIN
	ok := false;
	IF role IS NULL THEN
		problem := format('role "%s" does not exist', run_as);
		hint := 'Give the job to a role that exists, there or by an argument here.';
		RETURN;
	END IF;
	SELECT * INTO taken FROM scheduler.jobs j
		WHERE j.owner = role AND (j.description = origin OR j.job_name = _import_job.job_name)
		ORDER BY j.description = origin DESC NULLS LAST LIMIT 1;
	IF taken.description = origin THEN
		ok := true;
		job_id := taken.job_id;
		RETURN;
	ELSIF taken.job_id IS NOT NULL THEN
		problem := format('role "%s" has a job "%s" already', run_as, job_name);
		hint := 'Rename or drop one of the two.';
		RETURN;
	END IF;
	BEGIN
		job_id := scheduler.schedule_job(job_name, schedule, scheduler._plain_command(command),
			timezone => timezone, overlap => 'queue', misfire => 'skip', run_as => role,
			enabled => enabled, description => origin, replace => false);
		ok := true;
		IF dry_run THEN
			RAISE EXCEPTION USING ERRCODE = 'PSDRY', MESSAGE = 'this was a dry run';
		END IF;
	EXCEPTION
		WHEN SQLSTATE 'PSDRY' THEN
			job_id := NULL;
		WHEN OTHERS THEN
			ok := false;
			job_id := NULL;
			GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
			problem := concat_ws(': ', problem, NULLIF(detail, ''));
			hint := NULLIF(hint, '');
			IF scheduler._plain_command(command) ~* '\m(commit|rollback)\M' THEN
				hint := 'A command is one transaction. Make it the body of a procedure, which may commit, and call that.';
			END IF;
	END;
END
$$;
COMMENT ON FUNCTION scheduler._import_job(text, text, text, text, text, boolean, text, boolean) IS
'Moves one job in, or says why that is not possible';

CREATE FUNCTION scheduler.import_pg_cron(dry_run boolean DEFAULT false, disable_there boolean DEFAULT true)
RETURNS TABLE (jobid bigint, name text, ok boolean, job_id bigint, problem text, hint text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	theirs record;
	zone text := COALESCE(NULLIF(current_setting('cron.timezone', true), ''), 'GMT');
	switch_off text := CASE
		WHEN has_table_privilege(to_regclass('cron.job'), 'UPDATE') THEN 'UPDATE cron.job SET active = false WHERE jobid = $1'
		WHEN has_function_privilege(to_regprocedure('cron.alter_job(bigint, text, text, text, text, boolean)'), 'EXECUTE')
			THEN 'SELECT cron.alter_job($1, active := false)' END;
BEGIN
	IF to_regclass('cron.job') IS NULL THEN
		RAISE EXCEPTION 'database "%" has no extension pg_cron', current_database()
			USING ERRCODE = 'undefined_object',
				HINT = 'pg_cron keeps the jobs of all databases in the one that cron.database_name names: create the extension pg_scheduler there.';
	END IF;
	FOR theirs IN EXECUTE 'SELECT j.*, to_jsonb(j) ->> ''jobname'' AS given FROM cron.job j ORDER BY j.jobid'
	LOOP
		jobid := theirs.jobid;
		name := COALESCE(theirs.given, 'cron job ' || theirs.jobid);
		ok := false;
		job_id := NULL;
		IF theirs.database <> current_database() THEN
			problem := format('it is a job of database "%s"', theirs.database);
			hint := 'docs/migrating.md has a command that schedules it there.';
		ELSIF theirs.nodename NOT IN ('', 'localhost', '127.0.0.1', '::1') AND theirs.nodename NOT LIKE '/%'
			AND theirs.nodename IS DISTINCT FROM current_setting('cron.host', true)
		THEN
			problem := format('it runs on server "%s"', theirs.nodename);
			hint := 'Schedule it there.';
		ELSIF disable_there AND theirs.active AND switch_off IS NULL THEN
			problem := 'you may not switch it off there';
			hint := 'Have it moved by who may update cron.job, or move it with disable_there => false.';
		ELSE
			SELECT i.ok, i.job_id, i.problem, i.hint INTO ok, job_id, problem, hint
				FROM scheduler._import_job('pg_cron job ' || theirs.jobid, name, replace(theirs.schedule, '$', 'L'),
					theirs.command, theirs.username, theirs.active, zone, dry_run) i;
			IF ok AND disable_there AND NOT dry_run AND theirs.active THEN
				EXECUTE switch_off USING theirs.jobid;
			END IF;
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION scheduler.import_pg_cron(boolean, boolean) IS
'Move the jobs of pg_cron for this database here, and switch them off there; lists each with its new job_id, or with the problem and what to do';

CREATE FUNCTION scheduler._cron_field(chosen boolean[], first int) RETURNS text
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
RETURN (SELECT CASE WHEN pg_catalog.count(*) FILTER (WHERE u.c) IN (0, pg_catalog.count(*)) THEN '*'
		ELSE pg_catalog.string_agg(CASE WHEN u.i = 32 THEN 'L' ELSE (u.i - 1 + first)::text END, ',' ORDER BY u.i)
			FILTER (WHERE u.c) END
	FROM pg_catalog.unnest(chosen) WITH ORDINALITY AS u(c, i));
COMMENT ON FUNCTION scheduler._cron_field(boolean[], int) IS 'A field of pgAgent as one of cron; none chosen means all';

CREATE FUNCTION scheduler._import_pgagent_job(theirs bigint, run_as regrole, timezone text, enabled boolean,
	job_name text, origin text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	times record;
	exception_row record;
	step record;
	calendar text;
	leader text;
	leader_on text;
	step_name text;
	job_id bigint;
	first_id bigint;
BEGIN
	EXECUTE $q$
		SELECT string_agg(concat_ws(' ', scheduler._cron_field(jscminutes, 0), scheduler._cron_field(jschours, 0),
				scheduler._cron_field(jscmonthdays, 1), scheduler._cron_field(jscmonths, 1),
				CASE WHEN scheduler._cron_field(jscmonthdays, 1) <> '*' AND scheduler._cron_field(jscweekdays, 0) <> '*'
					THEN '&' ELSE '' END || scheduler._cron_field(jscweekdays, 0)), '; ' ORDER BY jscid) AS schedule,
			array_agg(jscid) AS ids, max(jscstart) AS starts_at, max(jscend) AS ends_at,
			count(DISTINCT greatest(jscstart, now())) > 1 OR count(DISTINCT coalesce(jscend, 'infinity')) > 1
				OR count(*) > 1 AND EXISTS (SELECT FROM pgagent.pga_exception JOIN pgagent.pga_schedule s ON jexscid = jscid
					WHERE s.jscjobid = $1) AS differ
		FROM pgagent.pga_schedule WHERE jscjobid = $1 AND jscenabled$q$ INTO times USING theirs;
	IF times.schedule IS NULL THEN
		RAISE EXCEPTION 'it has no schedule that is enabled'
			USING HINT = 'Schedule it by hand, or enable a schedule there.';
	ELSIF times.differ THEN
		RAISE EXCEPTION 'its schedules differ in their start, their end or their exceptions'
			USING HINT = 'Make a job of each schedule there, or schedule it by hand.';
	END IF;
	FOR exception_row IN EXECUTE 'SELECT jexdate, jextime FROM pgagent.pga_exception WHERE jexscid = ANY ($1)'
		USING times.ids
	LOOP
		IF calendar IS NULL THEN
			calendar := format('pgagent_job_%s', theirs);
			PERFORM scheduler.create_calendar(calendar, timezone => timezone, replace => true,
				description => 'exceptions of ' || origin);
		END IF;
		IF exception_row.jextime IS NULL THEN
			PERFORM scheduler.add_calendar_dates(calendar, ARRAY[exception_row.jexdate]);
		ELSE
			PERFORM scheduler.add_calendar_window(calendar, from_time => exception_row.jextime,
				to_time => exception_row.jextime + interval '1 minute',
				first_date => exception_row.jexdate, last_date => exception_row.jexdate);
		END IF;
	END LOOP;
	FOR step IN EXECUTE 'SELECT * FROM pgagent.pga_jobstep WHERE jstjobid = $1 AND jstenabled ORDER BY jstname, jstid'
		USING theirs
	LOOP
		IF step.jstkind <> 's' THEN
			RAISE EXCEPTION 'step "%" is a program', step.jstname
				USING HINT = 'No program is run. Leave it to cron, or call a service by an HTTP job.';
		ELSIF step.jstdbname <> current_database() THEN
			RAISE EXCEPTION 'step "%" runs in another database', step.jstname
				USING HINT = 'Schedule it there; chains do not cross databases.';
		END IF;
		IF leader IS NULL THEN
			step_name := job_name;
			job_id := scheduler.schedule_job(job_name, times.schedule, scheduler._plain_command(step.jstcode),
				timezone => timezone, starts_at => CASE WHEN times.starts_at > now() THEN times.starts_at END,
				ends_at => times.ends_at, calendar => calendar, run_as => run_as, enabled => enabled,
				misfire => 'run_once', description => origin, replace => false);
			first_id := job_id;
		ELSE
			step_name := format('%s: %s', job_name, step.jstname);
			job_id := scheduler.schedule_job(step_name, NULL, scheduler._plain_command(step.jstcode),
				after => '"' || replace(leader, '"', '""') || '"', after_on => leader_on, run_as => run_as,
				enabled => enabled, description => format('%s, step %s', origin, step.jstid), replace => false);
		END IF;
		leader := step_name;
		leader_on := CASE WHEN step.jstonerror = 'f' THEN 'success' ELSE 'any' END;
	END LOOP;
	IF first_id IS NULL THEN
		RAISE EXCEPTION 'it has no step that is enabled';
	END IF;
	RETURN first_id;
END
$$;
COMMENT ON FUNCTION scheduler._import_pgagent_job(bigint, regrole, text, boolean, text, text) IS
'Moves one job of pgAgent in; an error says what is in the way';

CREATE FUNCTION scheduler.import_pgagent(dry_run boolean DEFAULT false, disable_there boolean DEFAULT true,
	run_as regrole DEFAULT NULL, timezone text DEFAULT NULL)
RETURNS TABLE (jobid bigint, name text, ok boolean, job_id bigint, problem text, hint text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	theirs record;
	owner regrole := COALESCE(run_as, to_regrole(quote_ident(current_user)));
	zone text := COALESCE(timezone, (SELECT reset_val FROM pg_settings s WHERE s.name = 'TimeZone'));
	origin text;
BEGIN
	IF to_regclass('pgagent.pga_job') IS NULL THEN
		RAISE EXCEPTION 'database "%" has no tables of pgAgent', current_database()
			USING ERRCODE = 'undefined_object',
				HINT = 'Create the extension pg_scheduler in the database that pgAgent connects to.';
	END IF;
	FOR theirs IN EXECUTE 'SELECT * FROM pgagent.pga_job ORDER BY jobid'
	LOOP
		jobid := theirs.jobid;
		name := theirs.jobname;
		origin := 'pgAgent job ' || theirs.jobid;
		problem := NULL;
		hint := NULL;
		SELECT j.job_id INTO job_id FROM scheduler.jobs j WHERE j.owner = owner AND j.description = origin;
		ok := job_id IS NOT NULL;
		IF NOT ok THEN
			BEGIN
				job_id := scheduler._import_pgagent_job(theirs.jobid, owner, zone, theirs.jobenabled, name, origin);
				ok := true;
				IF dry_run THEN
					RAISE EXCEPTION USING ERRCODE = 'PSDRY', MESSAGE = 'this was a dry run';
				END IF;
				IF disable_there THEN
					EXECUTE 'UPDATE pgagent.pga_job SET jobenabled = false WHERE jobid = $1' USING theirs.jobid;
				END IF;
			EXCEPTION
				WHEN SQLSTATE 'PSDRY' THEN
					job_id := NULL;
				WHEN OTHERS THEN
					job_id := NULL;
					ok := false;
					GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
					hint := NULLIF(hint, '');
			END;
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION scheduler.import_pgagent(boolean, boolean, regrole, text) IS
'Move the jobs of pgAgent that run SQL in this database here: steps become a chain, exceptions a calendar; lists each with its new job_id, or with the problem and what to do';

-- The words of a shell command, unquoted; null where the shell would do more than
-- to split it.
CREATE FUNCTION scheduler._shell_words(line text) RETURNS text[]
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN pg_catalog.regexp_replace(line, '''[^'']*''|"(?:[^"\\$`]|\\.)*"|\\.', '', 'g') !~ '[''"|&;<>$`(){}*?#\\]'
	THEN (SELECT pg_catalog.array_agg((SELECT pg_catalog.string_agg(
			CASE pg_catalog.left(p.piece[1], 1)
				WHEN '''' THEN pg_catalog.btrim(p.piece[1], '''')
				WHEN '"' THEN pg_catalog.regexp_replace(pg_catalog.substr(p.piece[1], 2, pg_catalog.length(p.piece[1]) - 2),
					'\\(["\\$`])', '\1', 'g')
				WHEN '\' THEN pg_catalog.substr(p.piece[1], 2)
				ELSE p.piece[1] END, '' ORDER BY p.ordinality)
			FROM pg_catalog.regexp_matches(w.word[1], '''[^'']*''|"(?:[^"\\]|\\.)*"|\\.|[^''"\\]+', 'g')
				WITH ORDINALITY AS p(piece)) ORDER BY w.ordinality)
		FROM pg_catalog.regexp_matches(line, '(?:[^\s''"\\]|''[^'']*''|"(?:[^"\\]|\\.)*"|\\.)+', 'g')
			WITH ORDINALITY AS w(word)) END;
COMMENT ON FUNCTION scheduler._shell_words(text) IS
'The words of a shell command; null if the shell would do more with it than split it';

CREATE FUNCTION scheduler._read_psql(words text[], OUT command text, OUT database text, OUT username text, OUT problem text)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	word text;
	option text;
	value text;
	i int := 1;
	ncommands int := 0;
	one_transaction boolean := false;
BEGIN
	WHILE words[i] ~ '^\w+=' LOOP
		value := substr(words[i], strpos(words[i], '=') + 1);
		CASE split_part(words[i], '=', 1)
			WHEN 'PGDATABASE' THEN database := value;
			WHEN 'PGUSER' THEN username := value;
			ELSE NULL;
		END CASE;
		i := i + 1;
	END LOOP;
	IF words[i] IS NULL OR words[i] !~ '^(/\S*/)?psql$' THEN
		problem := 'it is no psql command';
		RETURN;
	END IF;
	LOOP
		i := i + 1;
		word := words[i];
		EXIT WHEN word IS NULL;
		IF word ~ '^-[XqAtwe1]+([cdUhpvP].*)?$' THEN	-- flags in one word
			one_transaction := one_transaction OR word ~ '^-[XqAtwe]*1';
			word := regexp_replace(word, '^-[XqAtwe1]+', '-');
			CONTINUE WHEN word = '-';
		END IF;
		IF word ~ '^--(no-psqlrc|quiet|no-align|tuples-only|no-password|single-transaction)$' THEN
			one_transaction := one_transaction OR word = '--single-transaction';
			CONTINUE;
		ELSIF word ~ '^--\w+(=|$)' THEN
			option := CASE substring(word, '^--(\w+)') WHEN 'command' THEN 'c' WHEN 'dbname' THEN 'd' WHEN 'username' THEN 'U'
				WHEN 'host' THEN 'h' WHEN 'port' THEN 'p' WHEN 'set' THEN 'v' ELSE '?' END;
			value := substring(word, '=(.*)$');
		ELSIF word ~ '^-' THEN
			option := substr(word, 2, 1);
			value := NULLIF(substr(word, 3), '');
		ELSIF database IS NULL THEN
			database := word;
			CONTINUE;
		ELSE
			username := word;
			CONTINUE;
		END IF;
		IF value IS NULL THEN
			i := i + 1;
			value := words[i];
		END IF;
		CASE option
			WHEN 'c' THEN
				command := concat_ws('; ', command, value);
				ncommands := ncommands + 1;
			WHEN 'd' THEN database := value;
			WHEN 'U' THEN username := value;
			WHEN 'h', 'p', 'v', 'P' THEN NULL;
			WHEN 'f' THEN problem := format('it reads the file "%s"', value);
			ELSE problem := format('option "%s" is not understood', word);
		END CASE;
	END LOOP;
	IF problem IS NULL AND command IS NULL THEN
		problem := 'it has no command (-c)';
	ELSIF problem IS NULL AND ncommands > 1 AND NOT one_transaction THEN
		problem := 'it has several commands, each of which is a transaction';
	ELSIF problem IS NULL AND command ~ '^\s*\\' THEN
		problem := 'its command is one of psql, not SQL';
	ELSIF problem IS NULL AND database ~ '[=:/]' THEN
		problem := 'it names the database by a connection string';
	END IF;
END
$$;
COMMENT ON FUNCTION scheduler._read_psql(text[]) IS 'What a call of psql does';

CREATE FUNCTION scheduler.import_crontab(crontab text, run_as regrole DEFAULT NULL, database text DEFAULT NULL,
	timezone text DEFAULT NULL, dry_run boolean DEFAULT false)
RETURNS TABLE (line int, name text, ok boolean, job_id bigint, problem text, hint text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	entry record;
	parts text[];
	words text[];
	call record;
	default_database text := COALESCE(database, current_database());
	default_user text;
	zone text := timezone;
BEGIN
	PERFORM scheduler._required(crontab, 'crontab');
	FOR entry IN SELECT l.text, l.number FROM regexp_split_to_table(crontab, '\r?\n') WITH ORDINALITY AS l(text, number)
	LOOP
		parts := regexp_match(entry.text, '^\s*([A-Za-z_]\w*)\s*=\s*["'']?(.*?)["'']?\s*$');
		IF parts IS NOT NULL THEN
			CASE parts[1]
				WHEN 'PGDATABASE' THEN default_database := parts[2];
				WHEN 'PGUSER' THEN default_user := parts[2];
				WHEN 'CRON_TZ', 'TZ' THEN zone := COALESCE(timezone, parts[2]);
				ELSE NULL;
			END CASE;
			CONTINUE;
		END IF;
		CONTINUE WHEN entry.text ~ '^\s*(#|$)';
		line := entry.number;
		ok := false;
		job_id := NULL;
		name := NULL;
		problem := NULL;
		hint := NULL;
		parts := regexp_match(entry.text, '^\s*(@\w+|[^\s@]\S*\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*?)(?:\s+\d?>>?\s*&?[^\s''"]+)*\s*$');
		words := scheduler._shell_words(replace(parts[2], '\%', '%'));
		IF parts IS NULL THEN
			problem := 'it is no line of a crontab';
			hint := 'Lines have five fields and a command.';
		ELSIF words IS NULL OR parts[2] ~ '(^|[^\\])%' THEN
			problem := 'it needs a shell';
			hint := 'Schedule what it does to the database by hand, and leave the rest to cron.';
		ELSE
			call := scheduler._read_psql(words);
			problem := call.problem;
			hint := CASE WHEN problem IS NOT NULL THEN 'Put the SQL into a procedure and schedule a call of it, or leave the line to cron.' END;
			IF problem IS NULL AND COALESCE(call.database, default_database) <> current_database() THEN
				problem := format('it is a job of database "%s"', COALESCE(call.database, default_database));
				hint := 'Import the crontab in that database, too.';
			END IF;
		END IF;
		IF problem IS NULL THEN
			name := left(btrim(regexp_replace(call.command, '\s+', ' ', 'g')), 60);
			SELECT i.ok, i.job_id, i.problem, i.hint INTO ok, job_id, problem, hint
				FROM scheduler._import_job('crontab: ' || btrim(entry.text), name, parts[1], call.command,
					COALESCE((SELECT r.rolname::text FROM pg_roles r WHERE r.oid = run_as), call.username, default_user, current_user),
					true, zone, dry_run) i;
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION scheduler.import_crontab(text, regrole, text, text, boolean) IS
'Schedule the lines of a crontab that call psql with a command for this database; lists each line with its job_id, or with the problem and what to do';

----------------------------------------------------------------------
-- Last steps
----------------------------------------------------------------------

-- Plans, which anybody may see, would tell how frequent a name or an error is.
DO $$
DECLARE
	hidden regclass;
	columns text;
BEGIN
	FOR hidden, columns IN SELECT a.attrelid, string_agg(format('ALTER %I SET STATISTICS 0', a.attname), ', ')
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
		WHERE c.relnamespace = 'scheduler'::regnamespace AND c.relrowsecurity AND NOT a.attisdropped
			AND a.atttypid IN ('text'::regtype, 'text[]'::regtype, 'jsonb'::regtype, 'bytea'::regtype)
			AND a.attname NOT IN ('status', 'state', 'kind', 'severity', 'triggered_by')
		GROUP BY a.attrelid
	LOOP
		EXECUTE format('ALTER TABLE %s %s', hidden, columns);
	END LOOP;
END
$$;

-- Tables have a key, or all columns as their replica identity: in a publication
-- FOR ALL TABLES they could not be changed without.  What a subscription brings
-- is not for us: it would make these the jobs, and the state, of another server.
CREATE FUNCTION scheduler._pass_over_subscription() RETURNS trigger
AS 'MODULE_PATHNAME', 'pg_scheduler_pass_over_subscription' LANGUAGE C;
COMMENT ON FUNCTION scheduler._pass_over_subscription() IS
'Passes over what a logical replication worker writes';
REVOKE EXECUTE ON FUNCTION scheduler._pass_over_subscription() FROM PUBLIC;

DO $$
DECLARE
	name regclass;
BEGIN
	FOR name IN SELECT c.oid FROM pg_catalog.pg_class c
		WHERE c.relnamespace = 'scheduler'::regnamespace AND c.relkind IN ('r', 'p')
		ORDER BY c.relname
	LOOP
		EXECUTE format('CREATE TRIGGER a_subscribed BEFORE INSERT OR UPDATE OR DELETE ON %s
			FOR EACH ROW EXECUTE FUNCTION scheduler._pass_over_subscription()', name);
		-- only where session_replication_role is replica: nobody else pays for it
		EXECUTE format('ALTER TABLE %s ENABLE REPLICA TRIGGER a_subscribed', name);
	END LOOP;
END
$$;

-- The scheduler makes partitions, but runs can be cancelled before there is one.
SELECT scheduler._create_partition(parent, pg_catalog.timezone('UTC', pg_catalog.now())::date + i)
FROM pg_catalog.unnest('{run_history,http_response}'::text[]) AS parent, pg_catalog.generate_series(0, 1) AS i;

DO $$
DECLARE
	grantee regrole;
BEGIN
	PERFORM scheduler._forget_default_privileges(oid) FROM pg_class
	WHERE relnamespace = 'scheduler'::regnamespace AND relkind IN ('r', 'p', 'v', 'S');
	FOR grantee IN SELECT DISTINCT a.grantee FROM pg_namespace n, aclexplode(n.nspacl) a
		WHERE n.nspname = 'scheduler' AND a.grantee NOT IN (0, n.nspowner)
	LOOP
		EXECUTE format('REVOKE ALL ON SCHEMA scheduler FROM %s', grantee);
	END LOOP;
END
$$;

-- Members of pg_write_all_data have the privilege to write, and BYPASSRLS takes
-- row security out of the way (table_guard.c).  Partitions inherit triggers on
-- rows.
DO $$
DECLARE
	guarded regclass;
	of_partitions boolean;
BEGIN
	FOR guarded, of_partitions IN SELECT oid, relkind = 'p' FROM pg_catalog.pg_class
		WHERE relnamespace = 'scheduler'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
	LOOP
		EXECUTE format('CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE %s ON %s FOR EACH %s EXECUTE FUNCTION scheduler._guard_table()',
			CASE WHEN NOT of_partitions THEN 'OR TRUNCATE' END, guarded,
			CASE WHEN of_partitions THEN 'ROW' ELSE 'STATEMENT' END);
		EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER guard', guarded);
	END LOOP;
END
$$;

CREATE FUNCTION scheduler._check_preload() RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_check_preload' LANGUAGE C;
SELECT scheduler._check_preload();
DROP FUNCTION scheduler._check_preload();

DROP PROCEDURE scheduler._also_by_name(regproc);

/* pg_scheduler--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pg_scheduler" to load this file. \quit

CREATE SCHEMA scheduler;
COMMENT ON SCHEMA scheduler IS 'pg_scheduler: jobs that run inside the database';

----------------------------------------------------------------------
-- Tables
--
-- All are private: they are written by the library only, and read through
-- the views further down.  Row security shows each role its own rows.
--
-- store.c reads and writes some of them tuple by tuple: it knows the order
-- of their columns (store.h), and it wants plain heaps and plain indexes.
----------------------------------------------------------------------

CREATE SEQUENCE scheduler.job_id_seq;
CREATE SEQUENCE scheduler.run_id_seq;
CREATE SEQUENCE scheduler.dead_letter_id_seq;
CREATE SEQUENCE scheduler.alert_id_seq;

CREATE TABLE scheduler.job (
	job_id bigint NOT NULL DEFAULT pg_catalog.nextval('scheduler.job_id_seq'),
	job_name text NOT NULL,
	owner regrole NOT NULL,
	kind text NOT NULL,
	schedule text NOT NULL,
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
	created_at timestamptz NOT NULL,
	CONSTRAINT job_pkey PRIMARY KEY (job_id),
	CONSTRAINT job_owner_job_name_key UNIQUE (owner, job_name)
) USING heap;

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
	last_status text,
	total_duration bigint NOT NULL,
	CONSTRAINT job_state_pkey PRIMARY KEY (job_id)
) USING heap WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

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
	wal_bytes bigint
) PARTITION BY RANGE (finished_at);

CREATE INDEX run_history_run_id_idx ON scheduler.run_history (run_id);
CREATE INDEX run_history_job_id_run_id_idx ON scheduler.run_history (job_id, run_id);
CREATE INDEX run_history_finished_at_idx ON scheduler.run_history USING brin (finished_at);

-- Takes what no partition of a day takes.
CREATE TABLE scheduler.run_history_default
	PARTITION OF scheduler.run_history DEFAULT USING heap;

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
	CONSTRAINT dead_letter_pkey PRIMARY KEY (dead_letter_id)
) USING heap;

CREATE INDEX dead_letter_job_id_idx ON scheduler.dead_letter (job_id);

CREATE TABLE scheduler.queue (
	queue_name text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	CONSTRAINT queue_pkey PRIMARY KEY (queue_name)
) USING heap;

INSERT INTO scheduler.queue (queue_name) VALUES ('default');

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
	CONSTRAINT alert_pkey PRIMARY KEY (alert_id),
	CONSTRAINT alert_severity_check CHECK (severity IN ('info', 'warning', 'error', 'critical'))
) USING heap;

CREATE UNIQUE INDEX alert_open_key ON scheduler.alert (kind, subject)
	WHERE resolved_at IS NULL;

-- What HTTP servers have answered, one row for each attempt.
CREATE TABLE scheduler.http_response (
	run_id bigint NOT NULL,
	job_id bigint NOT NULL,
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

CREATE INDEX http_response_run_id_idx ON scheduler.http_response (run_id);

CREATE TABLE scheduler.http_response_default
	PARTITION OF scheduler.http_response DEFAULT USING heap;

-- Nobody but the HTTP worker reads the values.
CREATE TABLE scheduler.secret (
	owner oid NOT NULL,
	name text COLLATE "C" NOT NULL,
	value text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	changed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	CONSTRAINT secret_pkey PRIMARY KEY (owner, name)
) USING heap;

-- One row: what start() and stop() have asked for, kept over restarts.
CREATE TABLE scheduler.scheduler_state (
	stopped boolean NOT NULL,
	stop_deadline timestamptz,
	counted_at timestamptz,
	booted_at timestamptz
) USING heap;

INSERT INTO scheduler.scheduler_state VALUES (false, NULL, NULL, NULL);

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

CREATE FUNCTION scheduler._visible(owner oid) RETURNS boolean
AS 'MODULE_PATHNAME', 'pg_scheduler_visible' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION scheduler._visible(oid) IS
'Does the current user see what belongs to this role?';

CREATE FUNCTION scheduler._next_run_at(job_id bigint) RETURNS timestamptz
AS 'MODULE_PATHNAME', 'pg_scheduler_next_run_at' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION scheduler._next_run_at(bigint) IS
'The first time of a job whose schedule the scheduler has not seen yet';

CREATE FUNCTION scheduler._running(
	OUT run_id bigint, OUT worker_pid int, OUT started_at timestamptz) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_scheduler_running' LANGUAGE C VOLATILE ROWS 4;
COMMENT ON FUNCTION scheduler._running() IS
'The runs that workers are executing in this database right now';

CREATE FUNCTION scheduler._workers(
	OUT pid int, OUT database oid, OUT role oid, OUT state text, OUT job_name text,
	OUT run_id bigint, OUT since timestamptz, OUT runs bigint, OUT memory bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_scheduler_workers' LANGUAGE C VOLATILE ROWS 4;
COMMENT ON FUNCTION scheduler._workers() IS
'The worker processes of the cluster';

CREATE FUNCTION scheduler._job_changed() RETURNS trigger
AS 'MODULE_PATHNAME', 'pg_scheduler_job_changed' LANGUAGE C;
COMMENT ON FUNCTION scheduler._job_changed() IS
'Tells the scheduler of changed jobs at commit';

CREATE TRIGGER job_changed AFTER INSERT OR UPDATE OR DELETE ON scheduler.job
	FOR EACH ROW EXECUTE FUNCTION scheduler._job_changed();
CREATE TRIGGER job_truncated AFTER TRUNCATE ON scheduler.job
	FOR EACH STATEMENT EXECUTE FUNCTION scheduler._job_changed();

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
	calendar_action text DEFAULT 'skip'
) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_schedule_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.schedule_job(text, text, text, jsonb, text, int, text, timestamptz, timestamptz, bigint, interval, text, int, text, interval, interval, int, text, interval, interval, regrole, jsonb, boolean, text, boolean, boolean, text[], text, text, text) IS
'Schedule a SQL job, or replace the definition of the caller''s job of that name; returns its job_id';

CREATE FUNCTION scheduler.alter_job(job text,
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
	job_name text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_alter_job_by_name' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.alter_job(text, text, text, jsonb, text, int, text, timestamptz, timestamptz, bigint, interval, text, int, text, interval, interval, int, text, interval, interval, regrole, jsonb, boolean, text, boolean, text[], text, text, text, text) IS
'Change options of a job; NULL leaves one as it is; the job by its name';

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
	job_name text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_alter_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.alter_job(bigint, text, text, jsonb, text, int, text, timestamptz, timestamptz, bigint, interval, text, int, text, interval, interval, int, text, interval, interval, regrole, jsonb, boolean, text, boolean, text[], text, text, text, text) IS
'Change options of a job; NULL leaves one as it is; the job by its id';

CREATE FUNCTION scheduler.unschedule_job(job text, cancel boolean DEFAULT false) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_unschedule_job_by_name' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.unschedule_job(text, boolean) IS
'Drop a job; what waits is cancelled, what runs finishes unless "cancel" is true; the job by its name';

CREATE FUNCTION scheduler.unschedule_job(job bigint, cancel boolean DEFAULT false) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_unschedule_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.unschedule_job(bigint, boolean) IS
'Drop a job; what waits is cancelled, what runs finishes unless "cancel" is true; the job by its id';

CREATE FUNCTION scheduler.pause_job(job text, reason text DEFAULT NULL, cancel boolean DEFAULT false) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_pause_job_by_name' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.pause_job(text, text, boolean) IS
'Pause a job; what runs finishes unless "cancel" is true; the job by its name';

CREATE FUNCTION scheduler.pause_job(job bigint, reason text DEFAULT NULL, cancel boolean DEFAULT false) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_pause_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.pause_job(bigint, text, boolean) IS
'Pause a job; what runs finishes unless "cancel" is true; the job by its id';

CREATE FUNCTION scheduler.resume_job(job text) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_resume_job_by_name' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.resume_job(text) IS
'Resume a job that was paused or disabled; its misfire policy decides about what it has missed; the job by its name';

CREATE FUNCTION scheduler.resume_job(job bigint) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_resume_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.resume_job(bigint) IS
'Resume a job that was paused or disabled; its misfire policy decides about what it has missed; the job by its id';

CREATE FUNCTION scheduler.run_job(job text, args jsonb DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_run_job_by_name' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.run_job(text, jsonb) IS
'Run a job once, now, also when it is paused; returns the run_id; the job by its name';

CREATE FUNCTION scheduler.run_job(job bigint, args jsonb DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_run_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.run_job(bigint, jsonb) IS
'Run a job once, now, also when it is paused; returns the run_id; the job by its id';

CREATE FUNCTION scheduler.cancel_run(run_id bigint) RETURNS boolean
AS 'MODULE_PATHNAME', 'pg_scheduler_cancel_run' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.cancel_run(bigint) IS
'Cancel a run that waits or is being executed; false: it is over';

CREATE FUNCTION scheduler.wait_for_run(run_id bigint, timeout interval DEFAULT NULL) RETURNS text
AS 'MODULE_PATHNAME', 'pg_scheduler_wait_for_run' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.wait_for_run(bigint, interval) IS
'Wait until a run is over and return its status; NULL after the timeout';

CREATE FUNCTION scheduler.redrive_dead_letter(id bigint) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_redrive_dead_letter' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.redrive_dead_letter(bigint) IS
'Run the occurrence of a dead letter again; returns the run_id';

CREATE FUNCTION scheduler.redrive_dead_letters(job text) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_redrive_dead_letters_by_name' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.redrive_dead_letters(text) IS
'Run all dead letters of a job again; returns how many; the job by its name';

CREATE FUNCTION scheduler.redrive_dead_letters(job bigint) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_redrive_dead_letters' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.redrive_dead_letters(bigint) IS
'Run all dead letters of a job again; returns how many; the job by its id';

CREATE FUNCTION scheduler.discard_dead_letter(id bigint) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_discard_dead_letter' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.discard_dead_letter(bigint) IS
'Delete a dead letter';

CREATE FUNCTION scheduler.start() RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_start' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.start() IS
'Start the scheduler of this database again after stop()';

CREATE FUNCTION scheduler.stop(timeout interval DEFAULT NULL) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_stop' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.stop(interval) IS
'Stop the scheduler of this database, also over restarts of the server; runs may go on for the timeout, then they are stopped, and done again after start()';

CREATE FUNCTION scheduler.restart() RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_restart' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.restart() IS
'Restart the scheduler process of this database';

CREATE FUNCTION scheduler.reload() RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_reload' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.reload() IS
'Have the scheduler of this database read all jobs again';

----------------------------------------------------------------------
-- HTTP
----------------------------------------------------------------------

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
	calendar_action text DEFAULT 'skip'
) RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_scheduler_schedule_http_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.schedule_http_job(text, text, text, text, jsonb, text, text, int, text, timestamptz, timestamptz, bigint, interval, text, int, text, interval, interval, int, text, interval, interval, boolean, text, text, text, boolean, boolean, jsonb, text, int, interval, boolean, text[], text, text, text) IS
'Schedule an HTTP request, or replace the definition of the caller''s job of that name; returns its job_id';

CREATE FUNCTION scheduler.alter_http_job(job text,
	url text DEFAULT NULL,
	method text DEFAULT NULL,
	headers jsonb DEFAULT NULL,
	body text DEFAULT NULL,
	content_type text DEFAULT NULL,
	success_codes text DEFAULT NULL,
	signing_secret text DEFAULT NULL,
	follow_redirects boolean DEFAULT NULL,
	max_redirects int DEFAULT NULL,
	connect_timeout interval DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_alter_http_job_by_name' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.alter_http_job(text, text, text, jsonb, text, text, text, text, boolean, int, interval) IS
'Change the request of an HTTP job; NULL leaves a part as it is; the job by its name';

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
	connect_timeout interval DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_alter_http_job' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.alter_http_job(bigint, text, text, jsonb, text, text, text, text, boolean, int, interval) IS
'Change the request of an HTTP job; NULL leaves a part as it is; the job by its id';

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

CREATE FUNCTION scheduler.set_secret(name text, value text) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_set_secret' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.set_secret(text, text) IS
'Set a secret of the current user, for headers and signatures of HTTP jobs';

CREATE FUNCTION scheduler.drop_secret(name text) RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_drop_secret' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION scheduler.drop_secret(text) IS
'Remove a secret of the current user';

CREATE FUNCTION scheduler._http_body_text(body bytea, content_type text, truncated boolean)
RETURNS text
AS 'MODULE_PATHNAME', 'pg_scheduler_http_body_text' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION scheduler._http_body_text(bytea, text, boolean) IS
'The body of an answer as text; NULL if it is none';

----------------------------------------------------------------------
-- Views
----------------------------------------------------------------------

-- Each role sees the rows of the roles that it is a member of.
DO $$
DECLARE
	table_name text;
BEGIN
	FOREACH table_name IN ARRAY '{job,pending_run,run_history,dead_letter,alert,http_response}'::text[]
	LOOP
		EXECUTE format('ALTER TABLE scheduler.%I ENABLE ROW LEVEL SECURITY', table_name);
		EXECUTE format('CREATE POLICY visible ON scheduler.%I FOR SELECT USING (scheduler._visible(owner))', table_name);
		EXECUTE format('GRANT SELECT ON scheduler.%I TO PUBLIC', table_name);
	END LOOP;
END
$$;

-- Of secrets they see the names.
ALTER TABLE scheduler.secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.secret FOR SELECT USING (scheduler._visible(owner));
GRANT SELECT (owner, name, created_at, changed_at) ON scheduler.secret TO PUBLIC;

ALTER TABLE scheduler.job_state ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON scheduler.job_state FOR SELECT
	USING (EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = job_state.job_id));
GRANT SELECT ON scheduler.job_state, scheduler.queue TO PUBLIC;
GRANT USAGE ON SCHEMA scheduler TO PUBLIC;

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
		WHEN s.finished AND s.schedule_version = j.schedule_version
			AND NOT EXISTS (SELECT FROM scheduler.pending_run p WHERE p.job_id = j.job_id)
			THEN 'finished'
		ELSE 'active' END AS state,
	CASE WHEN NOT j.enabled OR j.paused_at IS NOT NULL THEN NULL
		WHEN s.schedule_version = j.schedule_version THEN s.next_run_at
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
	j.created_at
FROM scheduler.job j
LEFT JOIN scheduler.job_state s ON s.job_id = j.job_id;

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
	NULL::bigint AS wal_bytes
FROM scheduler.pending_run p
JOIN scheduler.job j ON j.job_id = p.job_id
LEFT JOIN scheduler._running() r ON r.run_id = p.run_id
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
	h.wal_bytes
FROM scheduler.run_history h;

CREATE VIEW scheduler.dead_letters WITH (security_invoker = true) AS
SELECT dead_letter_id, run_id, job_id, job_name, owner::regrole AS owner, scheduled_at,
	attempts, error_message, sqlstate, died_at, redriven_at, args, definition,
	error_detail, error_hint, error_context
FROM scheduler.dead_letter;

CREATE VIEW scheduler.alerts WITH (security_invoker = true) AS
SELECT alert_id, kind, severity, subject, message, first_seen, last_seen, count,
	resolved_at, job_id
FROM scheduler.alert;

CREATE VIEW scheduler.workers WITH (security_invoker = true) AS
SELECT w.pid, d.datname AS database, w.role::regrole AS role, w.state, w.job_name, w.run_id,
	w.since, w.runs, w.memory
FROM scheduler._workers() w
LEFT JOIN pg_catalog.pg_database d ON d.oid = w.database;

CREATE VIEW scheduler.http_responses WITH (security_invoker = true) AS
SELECT r.run_id,
	r.job_id,
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

CREATE VIEW scheduler.secrets WITH (security_invoker = true) AS
SELECT s.name, s.owner::regrole AS owner, s.created_at, s.changed_at
FROM scheduler.secret s;

GRANT SELECT ON scheduler.jobs, scheduler.runs, scheduler.dead_letters, scheduler.alerts,
	scheduler.workers, scheduler.http_responses, scheduler.secrets TO PUBLIC;

-- Definitions go into dumps; what follows from running them does not.
SELECT pg_catalog.pg_extension_config_dump('scheduler.job', '');
SELECT pg_catalog.pg_extension_config_dump('scheduler.job_state', '');
SELECT pg_catalog.pg_extension_config_dump('scheduler.queue', $$WHERE queue_name <> 'default'$$);
SELECT pg_catalog.pg_extension_config_dump('scheduler.job_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('scheduler.run_id_seq', '');

CREATE FUNCTION scheduler._check_preload() RETURNS void
AS 'MODULE_PATHNAME', 'pg_scheduler_check_preload' LANGUAGE C;
SELECT scheduler._check_preload();
DROP FUNCTION scheduler._check_preload();

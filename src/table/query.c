/*-------------------------------------------------------------------------
 *
 * query.c
 *	  The SQL that the scheduler and its workers execute; one function a
 *	  statement.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "table/extension.h"
#include "table/query.h"
#include "table/query_exec.h"
#include "table/row.h"

/*
 * Jobs and their states
 */

typedef struct NextRunScan
{
	NextRunCallback callback;
	void	   *arg;
} NextRunScan;

static void
next_run_row(int row, void *arg)
{
	NextRunScan *context = arg;

	context->callback(query_int64(row, 1), query_oid(row, 2),
					  query_time(row, 3, DT_NOEND), context->arg);
}

#define NEXT_RUNS \
	"SELECT s.job_id, CASE j.kind WHEN 'http' THEN 0 ELSE j.owner END::oid, s.next_run_at" \
	" FROM scheduler.job_state s JOIN scheduler.job j ON j.job_id = s.job_id" \
	" WHERE s.next_run_at IS NOT NULL AND j.enabled AND j.paused_at IS NULL" \
	" AND s.schedule_version = j.schedule_version"

void
query_scan_next_runs(NextRunCallback callback, void *arg)
{
	NextRunScan context = {callback, arg};

	query_scan(NEXT_RUNS
			   " UNION ALL SELECT job_id, 0::oid, paused_until FROM scheduler.job"
			   " WHERE paused_until IS NOT NULL AND paused_at IS NOT NULL",
			   NULL, next_run_row, &context);
}

/* Is it the calendar with the hash $1, which is that of a trigger: see change.c? */
#define IN_CALENDAR(name) \
	" " name " IN (SELECT c.calendar_name FROM scheduler.calendar c" \
	" WHERE hashtextextended(c.calendar_name COLLATE \"C\", 0) = $1)"

void
query_scan_deferred_runs(int64 calendar_hash, NextRunCallback callback, void *arg)
{
	NextRunScan context = {callback, arg};
	Params		params = {0};

	query_add_int64(&params, calendar_hash);
	query_scan(NEXT_RUNS " AND j.calendar_action = 'defer'"
			   " AND" IN_CALENDAR("j.calendar"),
			   &params, next_run_row, &context);
}

typedef struct JobIdScan
{
	JobIdCallback callback;
	void	   *arg;
} JobIdScan;

static void
job_id_row(int row, void *arg)
{
	JobIdScan  *context = arg;

	context->callback(query_int64(row, 1), context->arg);
}

void
query_scan_unplanned_jobs(JobIdCallback callback, void *arg)
{
	JobIdScan	context = {callback, arg};

	query_scan("SELECT j.job_id"
			   " FROM scheduler.job j"
			   " LEFT JOIN scheduler.job_state s ON s.job_id = j.job_id"
			   " WHERE s.schedule_version IS DISTINCT FROM j.schedule_version",
			   NULL, job_id_row, &context);
}

void
query_scan_unzoned_jobs(JobIdCallback callback, void *arg)
{
	JobIdScan	context = {callback, arg};

	query_scan("SELECT j.job_id"
			   " FROM scheduler.job j"
			   " JOIN scheduler.job_state s ON s.job_id = j.job_id"
			   " WHERE j.timezone IS NULL AND s.next_run_at IS NOT NULL"
			   " ORDER BY j.job_id",
			   NULL, job_id_row, &context);
}

void
query_scan_workday_jobs(int64 calendar_hash, JobIdCallback callback, void *arg)
{
	JobIdScan	context = {callback, arg};
	Params		params = {0};

	query_add_int64(&params, calendar_hash);
	query_scan("SELECT job_id FROM scheduler.job"
			   " WHERE" IN_CALENDAR("calendar")
			   " AND scheduler.schedule_is(schedule, 'workdays') ORDER BY job_id",
			   &params, job_id_row, &context);
}

int
query_find_reboot_jobs(int64 **job_ids)
{
	return query_ids("SELECT job_id FROM scheduler.job"
					 " WHERE scheduler.schedule_is(schedule, 'at_boot') AND enabled AND paused_at IS NULL",
					 NULL, job_ids);
}

void
query_delete_state(int64 job_id)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	query_run("DELETE FROM scheduler.job_state WHERE job_id = $1", &params);
}

/* The columns of a CountedRun, of history h */
#define COUNTED_COLUMNS \
	"h.job_id, h.run_id, h.attempt::bigint, h.status, h.started_at, h.finished_at," \
	" h.occurrences, (h.next_attempt_at IS NOT NULL)::int::bigint"

static void
fill_counted(int row, CountedRun *counted)
{
	bool		isnull;

	counted->job_id = query_int64(row, 1);
	counted->run_id = query_int64(row, 2);
	counted->attempt = query_int64(row, 3);
	counted->status = run_status_from_name(TextDatumGetCString(query_column(row, 4, &isnull)));
	counted->started_at = query_time(row, 5, DT_NOBEGIN);
	counted->finished_at = query_time(row, 6, DT_NOBEGIN);
	counted->occurrences = query_int64(row, 7);
	counted->final = query_int64(row, 8) == 0;
}

bool
query_find_attempt(int64 run_id, int attempt, CountedRun *counted)
{
	static SPIPlanPtr plan = NULL;
	QueryFrame	frame;
	Params		params = {0};
	bool		result;

	query_add_int64(&params, run_id);
	query_add_int64(&params, attempt);
	query_enter(&frame);
	result = query_execute_kept(&plan, "SELECT " COUNTED_COLUMNS
								" FROM scheduler.run_history h"
								" WHERE h.run_id = $1 AND h.attempt = $2 LIMIT 1",
								&params) > 0;
	if (result)
		fill_counted(0, counted);
	query_leave(&frame);
	return result;
}

bool
query_occurrence_exists(int64 job_id, TimestampTz scheduled_at)
{
	QueryFrame	frame;
	Params		params = {0};
	bool		result;

	query_add_int64(&params, job_id);
	query_add_time(&params, scheduled_at);
	query_enter(&frame);
	result = query_read("SELECT FROM scheduler.pending_run"
						" WHERE job_id = $1 AND scheduled_at = $2"
						" UNION ALL SELECT FROM scheduler.run_history"
						" WHERE job_id = $1 AND scheduled_at = $2"
						" LIMIT 1", &params) > 0;
	query_leave(&frame);
	return result;
}

bool
query_occurrence_ran(int64 job_id, TimestampTz scheduled_at)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	query_add_time(&params, scheduled_at);
	return query_exists("SELECT FROM scheduler.run_history WHERE job_id = $1"
						" AND scheduled_at = $2 AND started_at IS NOT NULL", &params);
}

typedef struct CountedScan
{
	CountedRunCallback callback;
	void	   *arg;
} CountedScan;

static void
counted_row(int row, void *arg)
{
	CountedScan *context = arg;
	CountedRun	counted;

	fill_counted(row, &counted);
	context->callback(&counted, context->arg);
}

void
query_scan_uncounted_runs(int64 after, int64 upto, TimestampTz since,
						  TimestampTz before, CountedRunCallback callback, void *arg)
{
	CountedScan context = {callback, arg};
	Params		params = {0};

	query_add_int64(&params, after);
	query_add_int64(&params, upto);
	query_add_time(&params, since);
	query_add_time(&params, before);
	query_scan("SELECT " COUNTED_COLUMNS
			   " FROM scheduler.run_history h"
			   " JOIN scheduler.job j ON j.job_id = h.job_id"
			   " LEFT JOIN scheduler.job_state s ON s.job_id = h.job_id"
			   " WHERE h.run_id > $1 AND h.run_id <= $2"
			   " AND h.status NOT IN ('skipped', 'missed')"
			   " AND (h.finished_at > COALESCE(s.last_finished_at, '-infinity')"
			   " OR h.run_id = ANY (s.open_runs) AND EXISTS (SELECT"
			   " FROM unnest(s.open_runs, s.open_attempts) AS o (run_id, attempt)"
			   " WHERE o.run_id = h.run_id AND o.attempt <= h.attempt))"
			   " AND h.finished_at >= COALESCE($3, '-infinity')"
			   " AND h.finished_at < COALESCE($4, 'infinity')"
			   " ORDER BY h.finished_at",
		 &params, counted_row, &context);
}

/* What recovery has paused it leaves to whoever pauses it now. */
void
query_pause_job(int64 job_id, TimestampTz paused_at, const char *reason)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	query_add_time(&params, paused_at);
	query_add_text(&params, reason);
	query_run("WITH taken AS (UPDATE scheduler.job_recovery SET state = 'closing',"
			  " retry_at = NULL WHERE job_id = $1 AND state NOT IN ('closed', 'closing')"
			  " RETURNING job_id)"
			  " UPDATE scheduler.job SET paused_at = $2, paused_reason = $3"
			  " WHERE job_id = $1 AND (paused_at IS NULL OR EXISTS (SELECT FROM taken))",
		&params);
}

void
query_set_paused_until(int64 job_id, TimestampTz until)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	query_add_time(&params, until);
	query_run("UPDATE scheduler.job SET paused_until = $2"
			  " WHERE job_id = $1 AND paused_at IS NOT NULL AND paused_until IS DISTINCT FROM $2",
			  &params);
}

bool
query_end_pause(int64 job_id, TimestampTz now)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	query_add_time(&params, now);
	return query_run("UPDATE scheduler.job SET paused_at = NULL, paused_reason = NULL,"
					 " paused_until = NULL WHERE job_id = (SELECT job_id FROM scheduler.job"
					 " WHERE job_id = $1 AND paused_at IS NOT NULL AND paused_until <= $2"
					 " FOR NO KEY UPDATE SKIP LOCKED)", &params) > 0;
}

int64
query_pause_jobs_of(Oid owner, TimestampTz paused_at, const char *reason)
{
	Params		params = {0};

	query_add_oid(&params, owner);
	query_add_time(&params, paused_at);
	query_add_text(&params, reason);
	return query_run("UPDATE scheduler.job SET paused_at = $2, paused_reason = $3"
					 " WHERE job_id IN (SELECT job_id FROM scheduler.job"
					 " WHERE owner::oid = $1 AND paused_at IS NULL"
					 " FOR NO KEY UPDATE SKIP LOCKED)",
			   &params);
}

int64
query_count_jobs_of(Oid owner)
{
	Params		params = {0};

	query_add_oid(&params, owner);
	return query_number("SELECT count(*) FROM scheduler.job WHERE owner::oid = $1", &params);
}

int64
query_reassign_jobs(Oid from, Oid to)
{
	Params		params = {0};

	query_add_oid(&params, from);
	query_add_oid(&params, to);
	query_run("UPDATE scheduler.calendar SET owner = $2::regrole WHERE owner::oid = $1",
			  &params);
	return query_run("UPDATE scheduler.job SET owner = $2::regrole WHERE owner::oid = $1",
			   &params);
}

int64
query_drop_jobs_of(Oid owner)
{
	Params		params = {0};

	query_add_oid(&params, owner);
	return query_run("DELETE FROM scheduler.job WHERE owner::oid = $1", &params);
}

/*
 * scheduler_state and scheduler_mark
 */

void
query_read_control(ControlState *control)
{
	QueryFrame	frame;
	bool		isnull;

	control->stopped = false;
	control->stop_deadline = DT_NOBEGIN;
	control->monitoring = true;
	query_enter(&frame);
	if (query_read("SELECT stopped, stop_deadline, monitoring"
				   " FROM scheduler.scheduler_state", NULL) == 1)
	{
		control->stopped = DatumGetBool(query_column(0, 1, &isnull));
		control->stop_deadline = query_time(0, 2, DT_NOBEGIN);
		control->monitoring = DatumGetBool(query_column(0, 3, &isnull));
	}
	query_leave(&frame);
}

void
query_write_stopped(bool stopped, TimestampTz deadline)
{
	Params		params = {0};

	query_add(&params, BOOLOID, BoolGetDatum(stopped), false);
	query_add_time(&params, deadline);
	query_run("INSERT INTO scheduler.scheduler_state (stopped, stop_deadline) VALUES ($1, $2)"
			  " ON CONFLICT (only_row) DO UPDATE SET stopped = $1, stop_deadline = $2",
			  &params);
}

void
query_write_monitoring(bool monitoring)
{
	Params		params = {0};

	query_add(&params, BOOLOID, BoolGetDatum(monitoring), false);
	query_run("INSERT INTO scheduler.scheduler_state (stopped, monitoring) VALUES (false, $1)"
			  " ON CONFLICT (only_row) DO UPDATE SET monitoring = $1", &params);
}

void
query_read_marks(SchedulerMarks *marks)
{
	QueryFrame	frame;
	const char *timezone;

	query_enter(&frame);
	if (query_execute("SELECT counted_run_id, booted_at, timezone, seen_at"
					  " FROM scheduler.scheduler_mark", NULL) != 1)
	{
		/* somebody has deleted the row: begin with a new one */
		query_execute("INSERT INTO scheduler.scheduler_mark DEFAULT VALUES"
					  " RETURNING counted_run_id, booted_at, timezone, seen_at", NULL);
	}
	marks->counted_run_id = query_int64(0, 1);
	marks->booted_at = query_time(0, 2, DT_NOBEGIN);
	marks->seen_at = query_time(0, 4, DT_NOBEGIN);
	timezone = query_text(0, 3);
	strlcpy(marks->timezone, timezone ? timezone : "", sizeof(marks->timezone));
	query_leave(&frame);
}

void
query_mark_booted_at(TimestampTz booted_at)
{
	Params		params = {0};

	query_add_time(&params, booted_at);
	query_run("UPDATE scheduler.scheduler_mark SET booted_at = $1", &params);
}

void
query_mark_timezone(const char *timezone)
{
	Params		params = {0};

	query_add_text(&params, timezone);
	query_run("UPDATE scheduler.scheduler_mark SET timezone = $1", &params);
}

void
query_mark_counted(int64 run_id, TimestampTz now)
{
	Params		params = {0};

	query_add_int64(&params, run_id);
	query_add_time(&params, now);
	query_run("UPDATE scheduler.scheduler_mark SET counted_run_id = $1, seen_at = $2", &params);
}

void
query_set_clocks_right(TimestampTz now, TimestampTz past, int64 ahead)
{
	Params		params = {0};

	Params		anchors = {0};

	query_add_time(&anchors, now);
	query_add_time(&anchors, past);
	query_run("UPDATE scheduler.job SET anchor = $1 WHERE job_id IN"
			  " (SELECT job_id FROM scheduler.job WHERE anchor > $2"
			  " FOR NO KEY UPDATE SKIP LOCKED)", &anchors);
	query_add_time(&params, now);
	query_add_int64(&params, ahead);
	query_run("UPDATE scheduler.pending_run SET due_at = CASE WHEN $2 > 0"
			  " THEN GREATEST($1, due_at - $2 * '1 microsecond'::interval) ELSE $1 END"
			  " WHERE run_id IN (SELECT p.run_id FROM scheduler.pending_run p"
			  " JOIN scheduler.job j ON j.job_id = p.job_id WHERE p.due_at >"
			  " CASE WHEN $2 > 0 THEN $1 + $2 * '1 microsecond'::interval"
			  " ELSE $1 + '1 day'::interval + j.max_retry_delay END"
			  " AND p.attempt > 1 FOR NO KEY UPDATE OF p SKIP LOCKED)", &params);
}

void
query_scan_ahead_jobs(TimestampTz past, TimestampTz next, JobIdCallback callback, void *arg)
{
	JobIdScan	context = {callback, arg};
	Params		params = {0};

	query_add_time(&params, past);
	query_add_time(&params, next);
	query_scan("SELECT s.job_id FROM scheduler.job_state s"
			   " JOIN scheduler.job j ON j.job_id = s.job_id"
			   " WHERE GREATEST(s.last_run_at, s.last_finished_at, s.last_success_at,"
			   " j.anchor) > $1 OR s.next_run_at > $2"
			   " ORDER BY s.job_id", &params, job_id_row, &context);
}

/*
 * Partitions and retention
 */

static char *
format_day(const char *format, TimestampTz day)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (timestamp2tm(day, NULL, &tm, &fsec, NULL, NULL) != 0)
		elog(ERROR, "timestamp out of range");
	return psprintf(format, tm.tm_year, tm.tm_mon, tm.tm_mday);
}

static char *
partition_name(const char *table, TimestampTz day)
{
	return psprintf("%s_%s", table, format_day("%04d%02d%02d", day));
}

bool
query_partition_exists(const char *table, TimestampTz day)
{
	return OidIsValid(row_relation(partition_name(table, day)));
}

/*
 * A reader of history must not hold up the scheduler: what cannot have its
 * lock at once is tried again later.
 */
static void
begin_ddl(QueryFrame *frame)
{
	query_enter(frame);
	query_limit_lock_wait();
}

static void
execute_ddl(const char *sql)
{
	extension_own_command = true;
	PG_TRY();
	{
		query_execute(sql, NULL);
	}
	PG_FINALLY();
	{
		extension_own_command = false;
	}
	PG_END_TRY();
}

/*
 * The identifiers and the bounds are ours and digits.  As a member of the
 * extension a partition is left out of dumps, and goes when it goes.
 */
void
query_create_partition(const char *table, TimestampTz day)
{
	QueryFrame	frame;
	char	   *name = partition_name(table, day);

	begin_ddl(&frame);
	execute_ddl(psprintf("SELECT scheduler._create_partition('%s', '%s')",
						 table, format_day("%04d-%02d-%02d", day)));
	execute_ddl(psprintf("ALTER EXTENSION pg_scheduler ADD TABLE scheduler.%s", name));
	query_leave(&frame);
}

int
query_find_old_partitions(TimestampTz before, char ***names)
{
	QueryFrame	frame;
	MemoryContext caller = CurrentMemoryContext;
	Params		params = {0};
	int			n;

	query_add_text(&params, format_day("%04d%02d%02d", before));
	query_enter(&frame);
	n = query_execute("SELECT c.relname::text FROM pg_class c"
					  " JOIN pg_inherits i ON i.inhrelid = c.oid"
					  " WHERE i.inhparent IN ('scheduler.run_history'::regclass,"
					  " 'scheduler.http_response'::regclass)"
					  " AND c.relname ~ '_[0-9]{8}$' AND right(c.relname::text, 8) < $1"
					  " ORDER BY c.relname",
				&params);
	*names = MemoryContextAlloc(caller, Max(n, 1) * sizeof(char *));
	for (int row = 0; row < n; row++)
	{
		bool		isnull;
		Datum		name = query_column(row, 1, &isnull);

		(*names)[row] = MemoryContextStrdup(caller, TextDatumGetCString(name));
	}
	query_leave(&frame);
	return n;
}

void
query_drop_partition(const char *name)
{
	QueryFrame	frame;

	begin_ddl(&frame);
	execute_ddl(psprintf("ALTER EXTENSION pg_scheduler DROP TABLE scheduler.%s", name));
	execute_ddl(psprintf("DROP TABLE scheduler.%s", name));
	query_leave(&frame);
}

/*
 * Dead letters and alerts
 */

void
query_insert_dead_letter(const RunRecord *record, Jsonb *args)
{
	static SPIPlanPtr plan = NULL;
	Params		params = {0};
	QueryFrame	frame;

	query_add_int64(&params, record->run->run_id);
	query_add_int64(&params, record->run->job_id);
	query_add_time(&params, record->run->scheduled_at);
	query_add_int64(&params, record->run->attempt);
	query_add_jsonb(&params, args);
	query_add_text(&params, record->error_message);
	query_add_text(&params, record->error_detail);
	query_add_text(&params, record->error_hint);
	query_add_text(&params, record->error_context);
	query_add_text(&params, record->sqlstate);
	query_add_time(&params, record->finished_at);
	query_enter(&frame);
	query_execute_kept(&plan, "INSERT INTO scheduler.dead_letter (run_id, job_id, job_name, owner,"
					   " scheduled_at, attempts, definition, args, error_message, error_detail,"
					   " error_hint, error_context, sqlstate, died_at, attempt_log)"
					   " SELECT $1, j.job_id, j.job_name, j.owner::oid, $3, $4::int,"
					   " pg_catalog.to_jsonb(j), $5, $6, $7, $8, $9, $10, $11,"
					   " (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object("
					   "'attempt', h.attempt, 'status', h.status, 'started_at', h.started_at,"
					   " 'finished_at', h.finished_at, 'sqlstate', h.sqlstate,"
					   " 'http_status', h.http_status,"
					   " 'error_message', pg_catalog.\"left\"(h.error_message, 10000))"
					   " ORDER BY h.attempt) FROM scheduler.run_history h WHERE h.run_id = $1)"
					   " FROM scheduler.job j WHERE j.job_id = $2",
		&params);
	query_leave(&frame);
}

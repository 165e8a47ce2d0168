/*-------------------------------------------------------------------------
 *
 * query_monitor.c
 *	  The SQL behind health and metrics; one function a statement.
 *	  That of alerts is in query_alert.c.
 *
 * What is written often is written in batches: each column is an array.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "table/job.h"
#include "table/query_exec.h"
#include "table/query_monitor.h"

typedef struct RowScan
{
	void		(*callback) (void);
	void	   *arg;
} RowScan;

/*
 * Health
 */

void
query_write_job_health(const JobHealthRow *rows, int n, TimestampTz now)
{
	Params		params = {0};
	Datum	   *ids = palloc(n * sizeof(Datum));
	Datum	   *states = palloc(n * sizeof(Datum));
	Datum	   *reasons = palloc(n * sizeof(Datum));
	Datum	   *own_states = palloc(n * sizeof(Datum));
	Datum	   *waits = palloc0(n * sizeof(Datum));
	bool	   *no_wait = palloc(n * sizeof(bool));

	for (int i = 0; i < n; i++)
	{
		own_states[i] = CStringGetTextDatum(health_state_name(rows[i].own));
		no_wait[i] = rows[i].waits_for == NULL;
		if (!no_wait[i])
			waits[i] = CStringGetTextDatum(rows[i].waits_for);
		ids[i] = Int64GetDatum(rows[i].job_id);
		states[i] = CStringGetTextDatum(health_state_name(rows[i].health.state));
		reasons[i] = CStringGetTextDatum(rows[i].health.reason);
	}
	query_add_int64_array(&params, ids, NULL, n);
	query_add_text_array(&params, states, NULL, n);
	query_add_text_array(&params, reasons, NULL, n);
	query_add_time(&params, now);
	query_add_text_array(&params, own_states, NULL, n);
	query_add_text_array(&params, waits, no_wait, n);
	query_run("INSERT INTO scheduler.job_health_state AS h"
			  " (job_id, state, reason, since, own_state, waits_for)"
			  " SELECT n.job_id, n.state, n.reason, $4, n.own_state, n.waits_for FROM ROWS FROM"
			  " (unnest($1::bigint[]), unnest($2::text[]), unnest($3::text[]),"
			  " unnest($5::text[]), unnest($6::text[]))"
			  " AS n (job_id, state, reason, own_state, waits_for)"
			  " ON CONFLICT (job_id) DO UPDATE SET state = EXCLUDED.state,"
			  " reason = EXCLUDED.reason, own_state = EXCLUDED.own_state,"
			  " waits_for = EXCLUDED.waits_for,"
			  " since = CASE WHEN h.state = EXCLUDED.state THEN h.since"
			  " ELSE EXCLUDED.since END",
			  &params);
}

static void
unhealthy_row(int row, void *arg)
{
	RowScan	   *scan = arg;

	((JobHealthCallback) scan->callback) (query_int64(row, 1), query_oid(row, 2),
										  query_text(row, 3), query_text(row, 4), scan->arg);
}

void
query_scan_unhealthy_jobs(JobHealthCallback callback, void *arg)
{
	RowScan		scan = {(void (*) (void)) callback, arg};

	query_scan("SELECT h.job_id, j.owner::oid, j.queue, h.state"
			   " FROM scheduler.job_health_state h"
			   " JOIN scheduler.job j ON j.job_id = h.job_id"
			   " WHERE h.state <> 'healthy'",
			   NULL, unhealthy_row, &scan);
}

void
query_write_queue_health(const QueueHealthRow *rows, int n, TimestampTz now)
{
	Params		params = {0};
	Datum	   *values[6];
	bool	   *no_wait = palloc(n * sizeof(bool));

	for (int i = 0; i < lengthof(values); i++)
		values[i] = palloc0(n * sizeof(Datum));
	for (int i = 0; i < n; i++)
	{
		no_wait[i] = rows[i].waits_for == NULL;
		if (!no_wait[i])
			values[5][i] = CStringGetTextDatum(rows[i].waits_for);
		values[0][i] = CStringGetTextDatum(rows[i].queue);
		values[1][i] = CStringGetTextDatum(health_state_name(rows[i].health.state));
		values[2][i] = CStringGetTextDatum(rows[i].health.reason);
		values[3][i] = Int64GetDatum(rows[i].backlog);
		values[4][i] = Int64GetDatum(rows[i].running);
	}
	query_add_text_array(&params, values[0], NULL, n);
	query_add_text_array(&params, values[1], NULL, n);
	query_add_text_array(&params, values[2], NULL, n);
	query_add_int64_array(&params, values[3], NULL, n);
	query_add_int64_array(&params, values[4], NULL, n);
	query_add_time(&params, now);
	query_add_text_array(&params, values[5], no_wait, n);
	query_run("INSERT INTO scheduler.queue_health_state AS h"
			  " (queue_name, state, reason, since, backlog, running, waits_for)"
			  " SELECT n.queue_name, n.state, n.reason, $6, n.backlog, n.running, n.waits_for"
			  " FROM ROWS FROM (unnest($1::text[]), unnest($2::text[]), unnest($3::text[]),"
			  " unnest($4::bigint[]), unnest($5::bigint[]), unnest($7::text[]))"
			  " AS n (queue_name, state, reason, backlog, running, waits_for)"
			  " ON CONFLICT (queue_name) DO UPDATE SET state = EXCLUDED.state,"
			  " reason = EXCLUDED.reason, backlog = EXCLUDED.backlog,"
			  " running = EXCLUDED.running, waits_for = EXCLUDED.waits_for,"
			  " since = CASE WHEN h.state = EXCLUDED.state THEN h.since"
			  " ELSE EXCLUDED.since END"
			  " WHERE (h.state, h.reason, h.backlog, h.running, h.waits_for) IS DISTINCT FROM"
			  " (EXCLUDED.state, EXCLUDED.reason, EXCLUDED.backlog, EXCLUDED.running,"
			  " EXCLUDED.waits_for)",
			  &params);
}

static void
queue_jobs_row(int row, void *arg)
{
	RowScan	   *scan = arg;

	((QueueJobsCallback) scan->callback) (query_text(row, 1), query_int64(row, 2),
										  query_int64(row, 3), scan->arg);
}

#define LIVE_JOB " AND j.enabled AND j.paused_at IS NULL AND j.serves IS NULL"

/* "count": to count the jobs of a queue takes a look at all: only where it matters. */
void
query_scan_queue_jobs(bool count, QueueJobsCallback callback, void *arg)
{
	RowScan		scan = {(void (*) (void)) callback, arg};

	if (!count)
		query_scan("SELECT queue_name, 0::bigint, 0::bigint FROM scheduler.queue",
				   NULL, queue_jobs_row, &scan);
	else
		query_scan("SELECT q.queue_name, CASE WHEN u.unhealthy > 0 THEN"
				   " (SELECT count(*) FROM scheduler.job j"
				   " WHERE j.queue = q.queue_name" LIVE_JOB ")"
				   " ELSE 0 END, COALESCE(u.unhealthy, 0)"
				   " FROM scheduler.queue q"
				   " LEFT JOIN (SELECT j.queue, count(*) AS unhealthy"
				   " FROM scheduler.job_health_state h"
				   " JOIN scheduler.job j ON j.job_id = h.job_id"
				   " WHERE h.state = 'unhealthy'" LIVE_JOB " GROUP BY j.queue) u"
				   " ON u.queue = q.queue_name",
				   NULL, queue_jobs_row, &scan);
}

bool
query_has_unhealthy_jobs(void)
{
	return query_exists("SELECT FROM scheduler.job_health_state"
						" WHERE state = 'unhealthy' LIMIT 1", NULL);
}

void
query_count_queue_jobs(int64 after, int64 upto, QueueJobsCallback callback, void *arg)
{
	RowScan		scan = {(void (*) (void)) callback, arg};
	Params		params = {0};

	query_add_int64(&params, after);
	query_add_int64(&params, upto);
	query_scan("SELECT j.queue, count(*), count(h.job_id) FROM scheduler.job j"
			   " LEFT JOIN (SELECT job_id FROM scheduler.job_health_state"
			   " WHERE job_id > $1 AND job_id <= $2 AND state = 'unhealthy') h"
			   " ON h.job_id = j.job_id"
			   " WHERE j.job_id > $1 AND j.job_id <= $2" LIVE_JOB " GROUP BY j.queue",
			   &params, queue_jobs_row, &scan);
}

/*
 * Metrics
 */

/* A histogram as text of an array, so that rows of them can be an array. */
static Datum
buckets_text(const Tally *tally)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoChar(&text, '{');
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		appendStringInfo(&text, i ? ",%u" : "%u", tally->buckets[i]);
	appendStringInfoChar(&text, '}');
	return PointerGetDatum(cstring_to_text_with_len(text.data, text.len));
}

/* The counts of a tally, as their columns are named in the tables */
#define TALLY_COLUMNS \
	"succeeded, failed, timed_out, cancelled, lost, skipped, missed, retries, late, timed," \
	" duration, max_duration, lateness, max_lateness, http_2xx, http_3xx, http_4xx, http_5xx, http_errors," \
	" http_reused, http_bytes"
#define TALLY_COUNTS	21

static void
fill_tally(Datum *values[TALLY_COUNTS], int i, const Tally *tally)
{
	const int64 counts[TALLY_COUNTS] = {
		tally->succeeded, tally->failed, tally->timed_out, tally->cancelled, tally->lost,
		tally->skipped, tally->missed, tally->retries, tally->late, tally->timed,
		tally->duration, tally->max_duration,
		tally->lateness, tally->max_lateness,
		tally->http_answers[0], tally->http_answers[1], tally->http_answers[2],
		tally->http_answers[3], tally->http_errors, tally->http_reused, tally->http_bytes
	};

	for (int j = 0; j < TALLY_COUNTS; j++)
		values[j][i] = Int64GetDatum(counts[j]);
}

/* $3 to $23: TALLY_COUNTS arrays of counts, $24: the histograms */
static void
add_tallies(Params *params, Datum *values[TALLY_COUNTS], Datum *buckets, int n)
{
	for (int j = 0; j < TALLY_COUNTS; j++)
		query_add_int64_array(params, values[j], NULL, n);
	query_add_text_array(params, buckets, NULL, n);
}

#define TALLY_PARAMS \
	" unnest($3::bigint[]), unnest($4::bigint[]), unnest($5::bigint[])," \
	" unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::bigint[])," \
	" unnest($9::bigint[]), unnest($10::bigint[]), unnest($11::bigint[])," \
	" unnest($12::bigint[]), unnest($13::bigint[]), unnest($14::bigint[])," \
	" unnest($15::bigint[]), unnest($16::bigint[]), unnest($17::bigint[])," \
	" unnest($18::bigint[]), unnest($19::bigint[]), unnest($20::bigint[])," \
	" unnest($21::bigint[]), unnest($22::bigint[]), unnest($23::bigint[])," \
	" unnest($24::text[]))"

#define MINUTE_PARAMS \
	" FROM ROWS FROM (unnest($1::oid[]), unnest($2::text[])," TALLY_PARAMS \
	" AS n (owner, queue, " TALLY_COLUMNS ", buckets)"

void
query_insert_minutes(const MinuteRow *rows, int n, TimestampTz minute)
{
	Params		params = {0};
	Datum	   *owners = palloc(n * sizeof(Datum));
	Datum	   *queues = palloc(n * sizeof(Datum));
	Datum	   *buckets = palloc(n * sizeof(Datum));
	Datum	   *values[TALLY_COUNTS];

	for (int j = 0; j < TALLY_COUNTS; j++)
		values[j] = palloc(n * sizeof(Datum));
	for (int i = 0; i < n; i++)
	{
		owners[i] = ObjectIdGetDatum(rows[i].owner);
		queues[i] = CStringGetTextDatum(rows[i].queue);
		buckets[i] = buckets_text(&rows[i].tally);
		fill_tally(values, i, &rows[i].tally);
	}
	query_add_oid_array(&params, owners, NULL, n);
	query_add_text_array(&params, queues, NULL, n);
	add_tallies(&params, values, buckets, n);
	query_add_time(&params, minute);
	query_run("INSERT INTO scheduler.metric_minute (minute, owner, queue, "
			  TALLY_COLUMNS ", buckets)"
			  " SELECT $25, n.owner, n.queue, " TALLY_COLUMNS ", n.buckets::bigint[]"
			  MINUTE_PARAMS, &params);
	query_run("INSERT INTO scheduler.metric_total AS m (owner, queue, "
			  TALLY_COLUMNS ", buckets)"
			  " SELECT n.owner, n.queue, " TALLY_COLUMNS ", n.buckets::bigint[]"
			  MINUTE_PARAMS " WHERE $25 IS NOT NULL"
			  " ON CONFLICT (owner, queue) DO UPDATE SET"
			  " succeeded = m.succeeded + EXCLUDED.succeeded,"
			  " failed = m.failed + EXCLUDED.failed,"
			  " timed_out = m.timed_out + EXCLUDED.timed_out,"
			  " cancelled = m.cancelled + EXCLUDED.cancelled,"
			  " lost = m.lost + EXCLUDED.lost,"
			  " skipped = m.skipped + EXCLUDED.skipped,"
			  " missed = m.missed + EXCLUDED.missed,"
			  " retries = m.retries + EXCLUDED.retries,"
			  " late = m.late + EXCLUDED.late,"
			  " timed = m.timed + EXCLUDED.timed,"
			  " duration = m.duration + EXCLUDED.duration,"
			  " max_duration = GREATEST(m.max_duration, EXCLUDED.max_duration),"
			  " lateness = m.lateness + EXCLUDED.lateness,"
			  " max_lateness = GREATEST(m.max_lateness, EXCLUDED.max_lateness),"
			  " http_2xx = m.http_2xx + EXCLUDED.http_2xx,"
			  " http_3xx = m.http_3xx + EXCLUDED.http_3xx,"
			  " http_4xx = m.http_4xx + EXCLUDED.http_4xx,"
			  " http_5xx = m.http_5xx + EXCLUDED.http_5xx,"
			  " http_errors = m.http_errors + EXCLUDED.http_errors,"
			  " http_reused = m.http_reused + EXCLUDED.http_reused,"
			  " http_bytes = m.http_bytes + EXCLUDED.http_bytes,"
			  " buckets = scheduler._add_buckets(m.buckets, EXCLUDED.buckets)",
			  &params);
}

/* A job that has gone since is left out. */
#define JOB_PARAMS \
	" FROM ROWS FROM (unnest($1::bigint[]), unnest($2::oid[])," TALLY_PARAMS \
	" AS n (job_id, owner, " TALLY_COLUMNS ", buckets)" \
	" JOIN scheduler.job j ON j.job_id = n.job_id"

/* What is kept of each job by the minute */
#define JOB_MINUTE_COLUMNS \
	"succeeded, failed, timed_out, cancelled, lost, retries, timed, duration, max_duration," \
	" lateness, max_lateness"

void
query_add_job_metrics(const JobTally *jobs, int n, TimestampTz minute)
{
	Params		params = {0};
	Datum	   *ids = palloc(n * sizeof(Datum));
	Datum	   *owners = palloc(n * sizeof(Datum));
	Datum	   *buckets = palloc(n * sizeof(Datum));
	Datum	   *values[TALLY_COUNTS];

	for (int j = 0; j < TALLY_COUNTS; j++)
		values[j] = palloc(n * sizeof(Datum));
	for (int i = 0; i < n; i++)
	{
		ids[i] = Int64GetDatum(jobs[i].job_id);
		owners[i] = ObjectIdGetDatum(jobs[i].owner);
		buckets[i] = buckets_text(&jobs[i].tally);
		fill_tally(values, i, &jobs[i].tally);
	}
	query_add_int64_array(&params, ids, NULL, n);
	query_add_oid_array(&params, owners, NULL, n);
	add_tallies(&params, values, buckets, n);
	query_run("INSERT INTO scheduler.job_metric AS m (job_id, timed, duration, max_duration,"
			  " lateness, max_lateness, buckets)"
			  " SELECT n.job_id, n.timed, n.duration, n.max_duration,"
			  " n.lateness, n.max_lateness, n.buckets::bigint[]" JOB_PARAMS
			  " ON CONFLICT (job_id) DO UPDATE SET timed = m.timed + EXCLUDED.timed,"
			  " duration = m.duration + EXCLUDED.duration,"
			  " max_duration = GREATEST(m.max_duration, EXCLUDED.max_duration),"
			  " lateness = m.lateness + EXCLUDED.lateness,"
			  " max_lateness = GREATEST(m.max_lateness, EXCLUDED.max_lateness),"
			  " buckets = scheduler._add_buckets(m.buckets, EXCLUDED.buckets)",
			  &params);
	if (minute == DT_NOBEGIN)
		return;
	query_add_time(&params, minute);
	query_run("INSERT INTO scheduler.job_minute (minute, job_id, owner, " JOB_MINUTE_COLUMNS ")"
			  " SELECT $25, n.job_id, n.owner, " JOB_MINUTE_COLUMNS JOB_PARAMS
			  " WHERE $25 IS NOT NULL", &params);
}

int64
query_job_p95(int64 job_id)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	return query_number("SELECT COALESCE(extract(epoch FROM scheduler._quantile(buckets, 0.95))"
						" * 1000000, 0)::bigint FROM scheduler.job_metric WHERE job_id = $1",
					  &params);
}

int
query_success_within(SuccessWithin **rows)
{
	MemoryContext caller = CurrentMemoryContext;
	QueryFrame	frame;
	int			n;

	query_enter(&frame);
	n = query_read("SELECT j.job_id, GREATEST(s.last_success_at, j.created_at), j.success_within"
				   " FROM scheduler.job j LEFT JOIN scheduler.job_state s ON s.job_id = j.job_id"
				   " WHERE j.success_within IS NOT NULL AND j.enabled AND j.paused_at IS NULL"
				   " AND s.finished IS NOT TRUE", NULL);
	*rows = MemoryContextAllocHuge(caller, Max(n, 1) * sizeof(SuccessWithin));
	for (int row = 0; row < n; row++)
	{
		bool		isnull;

		(*rows)[row].job_id = query_int64(row, 1);
		(*rows)[row].since = query_time(row, 2, DT_NOBEGIN);
		(*rows)[row].within = job_interval_usecs(DatumGetIntervalP(query_column(row, 3, &isnull)));
	}
	query_leave(&frame);
	return n;
}

void
query_insert_scheduler_minute(const SchedulerMinute *row, TimestampTz minute)
{
	Params		params = {0};
	Params		restarts = {0};

	query_add_time(&params, minute);
	query_add_int64(&params, row->backlog);
	query_add_int64(&params, row->running);
	query_add_int64(&params, row->waiting);
	query_add_int64(&params, row->workers);
	query_add_int64(&params, row->workers_busy);
	query_add_int64(&params, row->max_workers);
	query_add_int64(&params, row->restarts);
	query_add_int64(&params, row->memory);
	query_add_int64(&params, row->http_in_flight);
	query_add_int64(&params, row->connections.used);
	query_add_int64(&params, row->connections.max);
	query_add_int64(&params, row->connections.reserved);
	query_run("INSERT INTO scheduler.scheduler_minute (minute, backlog, running, waiting,"
			  " workers, workers_busy, max_workers, worker_restarts, worker_memory,"
			  " http_in_flight, connections, max_connections, reserved_connections)"
			  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)", &params);
	query_add_int64(&restarts, row->restarts);
	query_run("UPDATE scheduler.scheduler_metric"
			  " SET worker_restarts = worker_restarts + $1", &restarts);
}

void
query_delete_old_minutes(TimestampTz before)
{
	Params		params = {0};

	query_add_time(&params, before);
	query_run("DELETE FROM scheduler.metric_minute WHERE minute < $1", &params);
	query_run("DELETE FROM scheduler.scheduler_minute WHERE minute < $1", &params);
}

char *
query_last_error(int64 job_id)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	return query_string("SELECT pg_catalog.left(error_message, 300) FROM scheduler.run_history"
						" WHERE job_id = $1 AND status IN ('failed', 'timed_out', 'lost')"
						" ORDER BY run_id DESC, attempt DESC LIMIT 1", &params);
}

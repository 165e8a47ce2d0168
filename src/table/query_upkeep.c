/*-------------------------------------------------------------------------
 *
 * query_upkeep.c
 *	  The SQL of upkeep: what is wrong with jobs, and what nobody needs any more.
 *
 * A range of keys is $1 (exclusive) to $2, and is put on each table of a join:
 * the planner does not infer it of the others.  OFFSET 0 keeps a subquery from
 * being made a join, so that it is looked up for the rows that are left.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "table/query_exec.h"
#include "table/query_upkeep.h"

#define IN_RANGE(key)	" " key " > $1 AND " key " <= $2"

static void
add_range(Params *params, const WalkRange *range)
{
	query_add_int64(params, range->after);
	query_add_int64(params, range->upto);
}

static void
run_on_range(const char *sql, const WalkRange *range)
{
	Params		params = {0};

	add_range(&params, range);
	query_run(sql, &params);
}

/*
 * Jobs
 */

typedef struct FaultScan
{
	JobFaultCallback callback;
	void	   *arg;
} FaultScan;

static void
fault_row(int row, void *arg)
{
	FaultScan  *scan = arg;

	scan->callback(query_int64(row, 1), (JobFault) query_int64(row, 2),
				   query_int64(row, 3), scan->arg);
}

/* A job may be without a next time that waits for a start of the server, or for others. */
void
query_scan_job_faults(const WalkRange *jobs, JobFaultCallback callback, void *arg)
{
	FaultScan	scan = {callback, arg};
	Params		params = {0};

	add_range(&params, jobs);
	query_add_int64(&params, JOB_DROPPED);
	query_add_int64(&params, JOB_UNPLANNED);
	query_add_int64(&params, JOB_WITHOUT_NEXT);
	query_scan("SELECT COALESCE(j.job_id, s.job_id), CASE WHEN j.job_id IS NULL THEN $3"
			   " WHEN s.schedule_version IS DISTINCT FROM j.schedule_version THEN $4"
			   " ELSE $5 END, j.schedule_version::bigint"
			   " FROM (SELECT * FROM scheduler.job WHERE" IN_RANGE("job_id") ") j"
			   " FULL JOIN (SELECT * FROM scheduler.job_state WHERE" IN_RANGE("job_id") ") s"
			   " ON s.job_id = j.job_id"
			   " WHERE j.job_id IS NULL"
			   " OR s.schedule_version IS DISTINCT FROM j.schedule_version"
			   " OR (s.next_run_at IS NULL AND NOT s.finished"
			   " AND j.enabled AND j.paused_at IS NULL"
			   " AND COALESCE(NOT scheduler.schedule_is(j.schedule, 'at_boot'), NOT j.follows)"
			   " AND NOT EXISTS (SELECT FROM scheduler.pending_run p"
			   " WHERE p.job_id = j.job_id OFFSET 0))",
			   &params, fault_row, &scan);
}

void
query_delete_gone_states(const WalkRange *jobs)
{
	run_on_range("DELETE FROM scheduler.job_state s WHERE" IN_RANGE("s.job_id")
				 " AND NOT EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = s.job_id"
				 " OFFSET 0)", jobs);
}

void
query_delete_gone_health(const WalkRange *jobs)
{
	run_on_range("DELETE FROM scheduler.job_health_state h WHERE" IN_RANGE("h.job_id")
				 " AND NOT EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = h.job_id"
				 " OFFSET 0)", jobs);
}

void
query_delete_gone_metrics(const WalkRange *jobs)
{
	run_on_range("DELETE FROM scheduler.job_metric m WHERE" IN_RANGE("m.job_id")
				 " AND NOT EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = m.job_id"
				 " OFFSET 0)", jobs);
}

void
query_delete_gone_queues(void)
{
	query_run("DELETE FROM scheduler.queue_health_state h WHERE NOT EXISTS"
			  " (SELECT FROM scheduler.queue q WHERE q.queue_name = h.queue_name)", NULL);
}

/*
 * What is old
 */

static void
delete_before(const char *sql, const WalkRange *range, TimestampTz before)
{
	Params		params = {0};

	add_range(&params, range);
	query_add_time(&params, before);
	query_run(sql, &params);
}

/* A letter that somebody has in hand is left to the next time. */
void
query_delete_old_dead_letters(const WalkRange *letters, TimestampTz before)
{
	delete_before("DELETE FROM scheduler.dead_letter WHERE ctid = ANY (ARRAY"
				  "(SELECT ctid FROM scheduler.dead_letter"
				  " WHERE" IN_RANGE("dead_letter_id") " AND died_at < $3"
				  " FOR UPDATE SKIP LOCKED))", letters, before);
}

/*
 * What was dropped before is not looked at again: its dead entries stay in the
 * index for as long as an old transaction sees them.
 */
void
query_trim_dead_letters(const int64 *job_ids, int n, int keep)
{
	Params		params = {0};
	Datum	   *ids = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		ids[i] = Int64GetDatum(job_ids[i]);
	query_add_int64_array(&params, ids, NULL, n);
	query_add_int64(&params, keep);
	query_run("WITH surplus AS MATERIALIZED (SELECT u.job_id, k.first, COALESCE(o.upto, 0) AS upto"
			  " FROM (SELECT DISTINCT job_id FROM unnest($1::bigint[]) AS u (job_id)) u"
			  " LEFT JOIN scheduler.dead_letter_dropped o ON o.job_id = u.job_id"
			  " CROSS JOIN LATERAL (SELECT d.dead_letter_id AS first FROM scheduler.dead_letter d"
			  " WHERE d.job_id = u.job_id AND d.dead_letter_id >= COALESCE(o.upto, 0)"
			  " ORDER BY d.dead_letter_id DESC OFFSET $2 - 1 LIMIT 1) k),"
			  " gone AS (DELETE FROM scheduler.dead_letter WHERE ctid = ANY (ARRAY"
			  " (SELECT d.ctid FROM surplus f JOIN scheduler.dead_letter d ON d.job_id = f.job_id"
			  " AND d.dead_letter_id < f.first AND d.dead_letter_id >= f.upto"
			  " FOR UPDATE OF d SKIP LOCKED)) RETURNING job_id)"
			  " INSERT INTO scheduler.dead_letter_dropped AS o (job_id, letters, upto)"
			  " SELECT f.job_id, g.n, f.first FROM surplus f"
			  " JOIN (SELECT job_id, count(*) AS n FROM gone GROUP BY job_id) g ON g.job_id = f.job_id"
			  " ON CONFLICT (job_id) DO UPDATE SET letters = o.letters + EXCLUDED.letters,"
			  " upto = EXCLUDED.upto", &params);
}

void
query_delete_gone_letters(void)
{
	query_run("DELETE FROM scheduler.dead_letter_dropped o"
			  " WHERE NOT EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = o.job_id)"
			  " AND NOT EXISTS (SELECT FROM scheduler.dead_letter d WHERE d.job_id = o.job_id)",
			  NULL);
}

void
query_delete_old_events(const WalkRange *events, TimestampTz before)
{
	delete_before("DELETE FROM scheduler.recovery_event WHERE" IN_RANGE("event_id")
				  " AND at < $3 AND outcome <> 'pending'", events, before);
}

void
query_delete_old_alerts(const WalkRange *alerts, TimestampTz before)
{
	delete_before("DELETE FROM scheduler.alert WHERE" IN_RANGE("alert_id")
				  " AND resolved_at < $3", alerts, before);
}

void
query_delete_old_triggers(const WalkRange *runs, int64 oldest_run)
{
	Params		params = {0};

	add_range(&params, runs);
	query_add_int64(&params, oldest_run);
	query_run("DELETE FROM scheduler.run_trigger t WHERE" IN_RANGE("t.run_id")
			  " AND t.run_id < $3 AND NOT EXISTS (SELECT FROM scheduler.pending_run p"
			  " WHERE p.run_id = t.run_id OFFSET 0)", &params);
}

/* One number; NULL: "none" */
static int64
find_number(const char *sql, int64 none)
{
	QueryFrame	frame;
	int64		result = none;
	Datum		value;
	bool		isnull;

	query_enter(&frame);
	if (query_read(sql, NULL) > 0)
	{
		value = query_column(0, 1, &isnull);
		if (!isnull)
			result = DatumGetInt64(value);
	}
	query_leave(&frame);
	return result;
}

int64
query_oldest_run(void)
{
	return find_number("SELECT min(run_id) FROM scheduler.run_history", PG_INT64_MAX);
}

int64
query_newest_run(void)
{
	return find_number("SELECT last_value FROM scheduler.run_id_seq", 0);
}

/*
 * scheduler.job_minute
 */

bool
query_pass_job_minutes(TimestampTz *minute, int64 *job_id, int64 n)
{
	QueryFrame	frame;
	Params		params = {0};
	bool		result;

	query_add_time(&params, *minute);
	query_add_int64(&params, *job_id);
	query_add_int64(&params, n);
	query_enter(&frame);
	result = query_read("SELECT minute, job_id FROM scheduler.job_minute"
						" WHERE (minute, job_id) < (COALESCE($1, 'infinity'), $2)"
						" ORDER BY minute DESC, job_id DESC OFFSET $3 - 1 LIMIT 1",
						&params) > 0;
	if (result)
	{
		*minute = query_time(0, 1, DT_NOBEGIN);
		*job_id = query_int64(0, 2);
	}
	query_leave(&frame);
	return result;
}

int64
query_delete_job_minutes(TimestampTz *from, TimestampTz before, int64 max)
{
	QueryFrame	frame;
	Params		params = {0};
	int64		result;

	query_add_time(&params, *from);
	query_add_time(&params, before);
	query_add_int64(&params, max);
	query_enter(&frame);
	query_execute("WITH gone AS (DELETE FROM scheduler.job_minute WHERE ctid = ANY (ARRAY"
				  "(SELECT ctid FROM scheduler.job_minute"
				  " WHERE minute >= COALESCE($1, '-infinity') AND minute < $2"
				  " ORDER BY minute LIMIT $3)) RETURNING minute)"
				  " SELECT count(*), max(minute) FROM gone", &params);
	result = query_int64(0, 1);
	*from = query_time(0, 2, *from);
	query_leave(&frame);
	return result;
}

/*-------------------------------------------------------------------------
 *
 * query_hook.c
 *	  The SQL behind hooks and health checks; one function a statement.
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

#include "table/query_exec.h"
#include "table/query_hook.h"

typedef struct HookScan
{
	HookCallback callback;
	void	   *arg;
} HookScan;

static void
hook_row(int row, void *arg)
{
	HookScan   *scan = arg;

	scan->callback(query_int64(row, 1),
				   (HookEvent) hook_kind_from_name(query_text(row, 2)),
				   query_int64(row, 3), query_text(row, 4), scan->arg);
}

void
query_scan_hooks(HookCallback callback, void *arg)
{
	HookScan	scan = {callback, arg};

	query_scan("SELECT h.job_id, h.event, h.hook_job_id, s.last_status"
			   " FROM scheduler.job_hook h"
			   " LEFT JOIN scheduler.job_state s ON s.job_id = h.hook_job_id",
			   NULL, hook_row, &scan);
}

/* A job that recovery holds back is live: it has not been stopped. */
int
query_find_hook_changes(const int64 *job_ids, int n, HookChange **changes)
{
	MemoryContext caller = CurrentMemoryContext;
	QueryFrame	frame;
	Params		params = {0};
	int			nrows;

	query_add(&params, BOOLOID, BoolGetDatum(n == 0), false);
	query_add_int64s(&params, job_ids, n);
	query_enter(&frame);
	nrows = query_read("SELECT h.job_id, h.event, h.hook_job_id, l.live"
					   " FROM scheduler.job_hook h"
					   " JOIN scheduler.job j ON j.job_id = h.job_id"
					   " LEFT JOIN scheduler.scheduler_state s ON true"
					   " LEFT JOIN scheduler.queue q ON q.queue_name = j.queue"
					   " LEFT JOIN scheduler.job_recovery r ON r.job_id = j.job_id"
					   " CROSS JOIN LATERAL (SELECT j.enabled AND s.stopped IS NOT TRUE"
					   " AND COALESCE(q.enabled, true) AND (j.paused_at IS NULL"
					   " OR COALESCE(r.state NOT IN ('closed', 'closing'), false)) AS live) l"
					   " WHERE h.event IN ('start', 'stop')"
					   " AND h.live IS DISTINCT FROM l.live"
					   " AND ($1 OR h.job_id = ANY ($2))"
					   " ORDER BY h.job_id, h.event", &params);
	*changes = MemoryContextAlloc(caller, Max(nrows, 1) * sizeof(HookChange));
	for (int row = 0; row < nrows; row++)
	{
		HookChange *change = &(*changes)[row];
		bool		isnull;

		change->job_id = query_int64(row, 1);
		change->event = (HookEvent) hook_kind_from_name(query_text(row, 2));
		change->hook_job_id = query_int64(row, 3);
		change->live = DatumGetBool(query_column(row, 4, &isnull));
	}
	query_leave(&frame);
	return nrows;
}

bool
query_tell_hook(const HookChange *change, bool *was_live)
{
	QueryFrame	frame;
	Params		params = {0};
	bool		isnull;
	bool		result;

	query_add_int64(&params, change->job_id);
	query_add_text(&params, hook_kind_name(change->event));
	query_add(&params, BOOLOID, BoolGetDatum(change->live), false);
	query_enter(&frame);
	result = query_execute("UPDATE scheduler.job_hook h SET live = $3"
						   " FROM (SELECT job_id, event, live FROM scheduler.job_hook"
						   " WHERE job_id = $1 AND event = $2"
						   " FOR NO KEY UPDATE SKIP LOCKED) old"
						   " WHERE h.job_id = old.job_id AND h.event = old.event"
						   " RETURNING COALESCE(old.live, false)", &params) > 0;
	*was_live = result && DatumGetBool(query_column(0, 1, &isnull));
	query_leave(&frame);
	return result;
}

void
query_forget_starts(void)
{
	query_run("UPDATE scheduler.job_hook h SET live = NULL FROM"
			  " (SELECT job_id, event FROM scheduler.job_hook"
			  " WHERE event = 'start' AND live FOR NO KEY UPDATE SKIP LOCKED) old"
			  " WHERE h.job_id = old.job_id AND h.event = old.event", NULL);
}

typedef struct CheckScan
{
	CheckCallback callback;
	void	   *arg;
} CheckScan;

static void
check_row(int row, void *arg)
{
	CheckScan  *scan = arg;
	bool		isnull;
	bool		healthy = DatumGetBool(query_column(row, 2, &isnull));

	scan->callback(query_int64(row, 1), isnull ? NULL : &healthy, query_text(row, 3),
				   scan->arg);
}

/* History is read for checks that have failed only. */
void
query_scan_checks(const int64 *job_ids, const bool *failed, int n,
				  CheckCallback callback, void *arg)
{
	CheckScan	scan = {callback, arg};
	Params		params = {0};
	Datum	   *flags = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		flags[i] = BoolGetDatum(failed[i]);
	query_add_int64s(&params, job_ids, n);
	query_add(&params, BOOLARRAYOID,
			  PointerGetDatum(construct_array(flags, n, BOOLOID, 1, true, TYPALIGN_CHAR)),
			  false);
	query_scan("SELECT h.job_id, h.healthy, CASE WHEN n.failed THEN COALESCE("
			   "(SELECT pg_catalog.\"left\"(r.error_message, 1000) FROM scheduler.run_history r"
			   " WHERE r.job_id = h.hook_job_id AND r.status IN ('failed', 'timed_out', 'lost')"
			   " ORDER BY r.run_id DESC, r.attempt DESC LIMIT 1),"
			   " 'unknown') END"
			   " FROM ROWS FROM (unnest($1::bigint[]), unnest($2::boolean[])) AS n (job_id, failed)"
			   " JOIN scheduler.job_hook h ON h.job_id = n.job_id AND h.event = 'health_check'",
			   &params, check_row, &scan);
}

/*
 * For the API
 */

/* A hook with another command is another hook: it is told of a start anew. */
void
query_upsert_hook(int64 job_id, const char *event, int64 hook_job_id, const char *query)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	query_add_text(&params, event);
	query_add_int64(&params, hook_job_id);
	query_add_text(&params, query);
	query_run("INSERT INTO scheduler.job_hook AS h (job_id, event, hook_job_id, query)"
			  " VALUES ($1, $2, $3, $4) ON CONFLICT (job_id, event) DO UPDATE SET"
			  " hook_job_id = EXCLUDED.hook_job_id, query = EXCLUDED.query,"
			  " live = CASE WHEN h.event = 'start' AND h.query IS DISTINCT FROM EXCLUDED.query"
			  " THEN NULL ELSE h.live END,"
			  " healthy = CASE WHEN h.query = EXCLUDED.query THEN h.healthy END", &params);
}

bool
query_find_hook(int64 job_id, const char *event, int64 *hook_job_id)
{
	int64	   *ids;
	Params		params = {0};
	int			n;

	query_add_int64(&params, job_id);
	query_add_text(&params, event);
	n = query_ids("SELECT hook_job_id FROM scheduler.job_hook"
				  " WHERE job_id = $1 AND event = $2", &params, &ids);
	*hook_job_id = n > 0 ? ids[0] : 0;
	return n > 0;
}

#define HEALTH_CHECK_OF_JOB \
	"SELECT hook_job_id FROM scheduler.job_hook" \
	" WHERE hook_job_id = $1 AND event = 'health_check'"

/* What somebody else has in hand is left to the next check. */
bool
query_write_check(int64 hook_job_id, const bool *healthy, TimestampTz now)
{
	Params		params = {0};

	query_add_int64(&params, hook_job_id);
	query_add(&params, BOOLOID, healthy ? BoolGetDatum(*healthy) : (Datum) 0,
			  healthy == NULL);
	query_add_time(&params, now);
	if (!query_exists(HEALTH_CHECK_OF_JOB, &params))
		return false;
	query_run("UPDATE scheduler.job_hook SET healthy = $2, checked_at = $3"
			  " WHERE hook_job_id IN (" HEALTH_CHECK_OF_JOB
			  " FOR NO KEY UPDATE SKIP LOCKED)", &params);
	return true;
}

void
query_set_serves(int64 job_id, const char *serves)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	query_add_text(&params, serves);
	query_run("UPDATE scheduler.job SET serves = $2"
			  " WHERE job_id = $1 AND serves IS DISTINCT FROM $2", &params);
}

bool
query_job_serves(int64 job_id)
{
	int64	   *ids;
	Params		params = {0};

	query_add_int64(&params, job_id);
	return query_ids("SELECT job_id FROM scheduler.job"
					 " WHERE job_id = $1 AND serves IS NOT NULL", &params, &ids) > 0;
}

void
query_move_hooks(int64 job_id, Oid owner)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	query_add_oid(&params, owner);
	query_run("UPDATE scheduler.job SET owner = $2::regrole WHERE owner::oid <> $2"
			  " AND job_id IN (SELECT hook_job_id FROM scheduler.job_hook WHERE job_id = $1)",
			  &params);
}

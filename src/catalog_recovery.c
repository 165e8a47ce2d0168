/*-------------------------------------------------------------------------
 *
 * catalog_recovery.c
 *	  The SQL behind circuit breakers; one function a statement.
 *
 * Each step of a circuit and its event are one statement.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "catalog_exec.h"
#include "catalog_recovery.h"

/* After "moved", which returns job_id, action and reason */
#define INSERT_EVENTS \
	" INSERT INTO scheduler.recovery_event (job_id, owner, at, action, reason)" \
	" SELECT m.job_id, j.owner::oid, $1, m.action, m.reason" \
	" FROM moved m JOIN scheduler.job j ON j.job_id = m.job_id"

/* Does a query return anything? */
static bool
exists(const char *sql)
{
	CatalogState state;
	bool		result;

	catalog_enter(&state);
	result = catalog_query(sql, NULL) > 0;
	catalog_leave(&state);
	return result;
}

bool
catalog_has_recovery(void)
{
	return exists("SELECT FROM scheduler.job_recovery LIMIT 1");
}

int64
catalog_open_circuits(TimestampTz now)
{
	Params		params = {0};

	catalog_add_time(&params, now);
	return catalog_run("WITH moved AS (UPDATE scheduler.job_recovery r"
					   " SET state = 'open', retry_at = $1 + r.restart_delay, restarts = 0"
					   " FROM scheduler.job_state s, scheduler.job j"
					   " WHERE r.state = 'closed' AND s.job_id = r.job_id AND j.job_id = r.job_id"
					   " AND s.consecutive_failures - CASE WHEN s.consecutive_failures >= r.forgiven"
					   " THEN r.forgiven ELSE 0 END >= r.error_threshold"
					   " AND j.enabled AND j.paused_at IS NULL"
					   " RETURNING r.job_id, 'open' AS action,"
					   " s.consecutive_failures || ' consecutive failures' AS reason),"
					   " paused AS (UPDATE scheduler.job j SET paused_at = $1,"
					   " paused_reason = 'held back after ' || m.reason"
					   " FROM moved m WHERE j.job_id = m.job_id)"
					   INSERT_EVENTS, &params);
}

int
catalog_find_probes(TimestampTz now, int64 **job_ids)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogState state;
	Params		params = {0};
	int			n;

	catalog_add_time(&params, now);
	catalog_enter(&state);
	n = catalog_execute("WITH moved AS (UPDATE scheduler.job_recovery"
						" SET state = 'probing', retry_at = NULL, restarts = restarts + 1"
						" WHERE state = 'open' AND retry_at <= $1"
						" RETURNING job_id, 'probe' AS action,"
						" 'restart ' || restarts || ' of ' || max_restarts AS reason),"
						" events AS (" INSERT_EVENTS ")"
						" SELECT job_id FROM moved", &params);
	*job_ids = MemoryContextAlloc(caller, Max(n, 1) * sizeof(int64));
	for (int row = 0; row < n; row++)
		(*job_ids)[row] = catalog_int64(row, 1);
	catalog_leave(&state);
	return n;
}

/* The delay doubles with each restart, up to a day. */
int64
catalog_fail_probes(TimestampTz now)
{
	Params		params = {0};

	catalog_add_time(&params, now);
	return catalog_run("WITH moved AS (UPDATE scheduler.job_recovery r SET"
					   " state = CASE WHEN restarts < max_restarts THEN 'open' ELSE 'given_up' END,"
					   " retry_at = CASE WHEN restarts < max_restarts THEN"
					   " $1 + LEAST(restart_delay * (2::double precision ^ restarts), GREATEST(restart_delay, '1 day')) END"
					   " FROM scheduler.job_state s"
					   " WHERE r.state = 'probing' AND s.job_id = r.job_id"
					   " AND s.consecutive_failures > 0"
					   " AND NOT EXISTS (SELECT FROM scheduler.pending_run p"
					   " WHERE p.job_id = r.job_id)"
					   " RETURNING r.job_id, r.state AS action, 'the probe failed' AS reason)"
					   INSERT_EVENTS, &params);
}

int64
catalog_close_circuits(TimestampTz now)
{
	Params		params = {0};

	catalog_add_time(&params, now);
	return catalog_run("WITH moved AS (UPDATE scheduler.job_recovery r"
					   " SET state = 'closed', retry_at = NULL, restarts = 0,"
					   " forgiven = s.consecutive_failures"
					   " FROM scheduler.job_state s, scheduler.job j"
					   " WHERE r.state <> 'closed' AND s.job_id = r.job_id AND j.job_id = r.job_id"
					   " AND (s.consecutive_failures = 0 OR j.paused_at IS NULL)"
					   " RETURNING r.job_id, 'close' AS action,"
					   " CASE WHEN s.consecutive_failures = 0 THEN 'a run succeeded'"
					   " ELSE 'the job was resumed' END AS reason),"
					   " resumed AS (UPDATE scheduler.job j SET paused_at = NULL,"
					   " paused_reason = NULL FROM moved m WHERE j.job_id = m.job_id)"
					   INSERT_EVENTS, &params);
}

TimestampTz
catalog_next_probe(void)
{
	CatalogState state;
	TimestampTz result;

	catalog_enter(&state);
	catalog_execute("SELECT min(retry_at) FROM scheduler.job_recovery WHERE state = 'open'",
					NULL);
	result = catalog_time(0, 1, DT_NOEND);
	catalog_leave(&state);
	return result;
}

void
catalog_upsert_recovery(int64 job_id, int error_threshold, const Interval *restart_delay,
						int max_restarts)
{
	Params		params = {0};

	catalog_add_int64(&params, job_id);
	catalog_add_int64(&params, error_threshold);
	catalog_add(&params, INTERVALOID, IntervalPGetDatum(restart_delay), false);
	catalog_add_int64(&params, max_restarts);
	catalog_run("INSERT INTO scheduler.job_recovery"
				" (job_id, error_threshold, restart_delay, max_restarts, state, restarts)"
				" VALUES ($1, $2::int, $3, $4::int, 'closed', 0)"
				" ON CONFLICT (job_id) DO UPDATE SET"
				" error_threshold = EXCLUDED.error_threshold,"
				" restart_delay = EXCLUDED.restart_delay,"
				" max_restarts = EXCLUDED.max_restarts", &params);
}

bool
catalog_delete_recovery(int64 job_id)
{
	Params		params = {0};

	catalog_add_int64(&params, job_id);
	return catalog_run("DELETE FROM scheduler.job_recovery WHERE job_id = $1", &params) > 0;
}

bool
catalog_hasten_probe(int64 job_id, TimestampTz now)
{
	Params		params = {0};

	catalog_add_time(&params, now);
	catalog_add_int64(&params, job_id);
	return catalog_run("WITH moved AS (UPDATE scheduler.job_recovery"
					   " SET state = 'open', retry_at = $1, restarts = 0"
					   " WHERE job_id = $2 AND state IN ('open', 'given_up')"
					   " RETURNING job_id, 'recover' AS action,"
					   " 'scheduler.recover() was called' AS reason)"
					   INSERT_EVENTS, &params) > 0;
}

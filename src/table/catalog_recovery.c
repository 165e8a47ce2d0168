/*-------------------------------------------------------------------------
 *
 * catalog_recovery.c
 *	  The SQL behind recovery; one function a statement.
 *
 * Each step of a circuit and its event are one statement.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "table/catalog.h"
#include "table/catalog_exec.h"
#include "table/catalog_recovery.h"

/* After "moved", which returns job_id, action and reason */
#define INSERT_EVENTS \
	" INSERT INTO scheduler.recovery_event" \
	" (at, subject, job_id, owner, action, reason, outcome, finished_at)" \
	" SELECT $1, 'job ' || m.job_id, m.job_id, j.owner::oid, m.action, m.reason," \
	" 'succeeded', $1 FROM moved m JOIN scheduler.job j ON j.job_id = m.job_id"

/* Circuits that are to be opened */
#define TO_OPEN \
	" FROM scheduler.job_recovery r" \
	" JOIN scheduler.job_state s ON s.job_id = r.job_id" \
	" JOIN scheduler.job j ON j.job_id = r.job_id" \
	" WHERE r.state = 'closed' AND r.enabled AND j.enabled AND j.paused_at IS NULL" \
	" AND s.consecutive_failures >= r.error_threshold"

/* Of one job, or of all: the parameter is 0 */
#define OF_JOB(param) " AND (" param " = 0 OR r.job_id = " param ")"

/* The delay doubles with each restart, up to a day; a longer one stays. */
#define NEXT_DELAY \
	"CASE WHEN r.restart_delay >= '1 day' THEN r.restart_delay" \
	" ELSE make_interval(secs => LEAST(extract(epoch FROM r.restart_delay)::float8" \
	" * 2.0::float8 ^ LEAST(r.restarts, 64), 86400)) END"

bool
catalog_has_recovery(void)
{
	return catalog_exists("SELECT FROM scheduler.job_recovery UNION ALL"
						  " SELECT FROM scheduler.recovery_event WHERE outcome = 'pending'"
						  " LIMIT 1", NULL);
}

/*
 * Circuits
 */

int
catalog_find_circuits(int64 **job_ids)
{
	return catalog_ids("SELECT job_id FROM scheduler.job_recovery", NULL, job_ids);
}

int64
catalog_open_circuits(int64 job_id, TimestampTz now)
{
	Params		params = {0};

	catalog_add_time(&params, now);
	catalog_add_int64(&params, job_id);
	return catalog_run("WITH due AS (SELECT r.job_id, s.consecutive_failures" TO_OPEN OF_JOB("$2")
					   " FOR NO KEY UPDATE OF r, j SKIP LOCKED),"
					   " moved AS (UPDATE scheduler.job_recovery r SET restarts = 0,"
					   " state = CASE WHEN r.max_restarts > 0 THEN 'open' ELSE 'given_up' END,"
					   " retry_at = CASE WHEN r.max_restarts > 0 THEN $1 + r.restart_delay END"
					   " FROM due WHERE r.job_id = due.job_id"
					   " RETURNING r.job_id, r.state AS action,"
					   " due.consecutive_failures || ' consecutive failures' AS reason),"
					   " paused AS (UPDATE scheduler.job j SET paused_at = $1,"
					   " paused_reason = 'held back after ' || m.reason"
					   " FROM moved m WHERE j.job_id = m.job_id)"
					   INSERT_EVENTS, &params);
}

int
catalog_find_probes(int64 job_id, TimestampTz now, int64 **job_ids)
{
	Params		params = {0};

	catalog_add_time(&params, now);
	catalog_add_int64(&params, job_id);
	return catalog_changed_ids("SELECT r.job_id FROM scheduler.job_recovery r"
						   " WHERE r.state = 'open' AND r.enabled AND r.retry_at <= $1"
						   OF_JOB("$2") " FOR NO KEY UPDATE SKIP LOCKED", &params, job_ids);
}

void
catalog_begin_probe(int64 job_id, int64 run_id, TimestampTz now)
{
	Params		params = {0};

	catalog_add_time(&params, now);
	catalog_add_int64(&params, job_id);
	catalog_add_int64(&params, run_id);
	catalog_run("WITH moved AS (UPDATE scheduler.job_recovery"
				" SET state = 'probing', retry_at = NULL, restarts = restarts + 1,"
				" probe_run_id = $3 WHERE job_id = $2"
				" RETURNING job_id, 'restart ' || restarts || ' of ' || max_restarts AS reason)"
				" INSERT INTO scheduler.recovery_event"
				" (at, subject, job_id, owner, action, reason, outcome, run_id)"
				" SELECT $1, 'job ' || m.job_id, m.job_id, j.owner::oid, 'probe', m.reason,"
				" 'pending', $3 FROM moved m JOIN scheduler.job j ON j.job_id = m.job_id",
				&params);
}

/*
 * The record of the run decides, and not the count of failures: that may not
 * have been told of the run yet.
 */
int
catalog_end_probes(int64 job_id, TimestampTz now, int64 **job_ids)
{
	Params		params = {0};

	catalog_add_time(&params, now);
	catalog_add_int64(&params, job_id);
	return catalog_changed_ids("WITH ended AS (SELECT r.job_id, COALESCE("
					   "(SELECT h.status FROM scheduler.run_history h"
					   " WHERE h.run_id = r.probe_run_id ORDER BY h.attempt DESC LIMIT 1)"
					   " = 'succeeded', false) AS good"
					   " FROM scheduler.job_recovery r"
					   " JOIN scheduler.job j ON j.job_id = r.job_id"
					   " WHERE r.state = 'probing' AND NOT EXISTS"
					   " (SELECT FROM scheduler.pending_run p WHERE p.run_id = r.probe_run_id)"
					   OF_JOB("$2")
					   " FOR NO KEY UPDATE OF r, j SKIP LOCKED),"
					   " moved AS (UPDATE scheduler.job_recovery r SET"
					   " state = CASE WHEN e.good THEN 'closed' WHEN restarts < max_restarts"
					   " THEN 'open' ELSE 'given_up' END,"
					   " retry_at = CASE WHEN NOT e.good AND restarts < max_restarts"
					   " THEN $1 + " NEXT_DELAY " END,"
					   " restarts = CASE WHEN e.good THEN 0 ELSE restarts END,"
					   " probe_run_id = NULL"
					   " FROM ended e WHERE r.job_id = e.job_id RETURNING r.job_id, e.good,"
					   " CASE WHEN e.good THEN 'close' ELSE r.state END AS action,"
					   " CASE WHEN e.good THEN 'the probe succeeded'"
					   " ELSE 'the probe failed' END AS reason),"
					   " resumed AS (UPDATE scheduler.job j SET paused_at = NULL,"
					   " paused_reason = NULL FROM moved m WHERE m.good AND j.job_id = m.job_id),"
					   " events AS (" INSERT_EVENTS ")"
					   " SELECT job_id FROM moved WHERE good", &params, job_ids);
}

int
catalog_close_circuits(int64 job_id, TimestampTz now, int64 **job_ids)
{
	Params		params = {0};

	catalog_add_time(&params, now);
	catalog_add_int64(&params, job_id);
	return catalog_changed_ids("WITH ended AS (SELECT r.job_id,"
					   " CASE WHEN r.state = 'closing' THEN 'the job was paused'"
					   " WHEN j.paused_at IS NULL THEN 'the job was resumed'"
					   " WHEN NOT j.enabled THEN 'the job was disabled'"
					   " ELSE 'a run succeeded' END AS reason"
					   " FROM scheduler.job_recovery r"
					   " JOIN scheduler.job_state s ON s.job_id = r.job_id"
					   " JOIN scheduler.job j ON j.job_id = r.job_id"
					   " WHERE (r.state = 'closing' OR (r.state <> 'closed' AND"
					   " (j.paused_at IS NULL OR NOT j.enabled"
					   " OR (r.state <> 'probing' AND s.consecutive_failures = 0))))"
					   OF_JOB("$2")
					   " FOR NO KEY UPDATE OF r, j SKIP LOCKED),"
					   " moved AS (UPDATE scheduler.job_recovery r SET state = 'closed',"
					   " retry_at = NULL, restarts = 0, probe_run_id = NULL"
					   " FROM ended e WHERE r.job_id = e.job_id"
					   " RETURNING r.job_id, 'close' AS action, e.reason),"
					   " resumed AS (UPDATE scheduler.job j SET paused_at = NULL,"
					   " paused_reason = NULL FROM moved m WHERE j.job_id = m.job_id"
					   " AND j.paused_at IS NOT NULL AND m.reason <> 'the job was paused'),"
					   " events AS (" INSERT_EVENTS ")"
					   " SELECT job_id FROM moved", &params, job_ids);
}

int
catalog_find_given_up(TimestampTz now, int64 **job_ids)
{
	Params		params = {0};

	catalog_add_time(&params, now);
	return catalog_ids("SELECT job_id FROM scheduler.recovery_event"
					   " WHERE at = $1 AND action = 'given_up'", &params, job_ids);
}

TimestampTz
catalog_next_probe(TimestampTz now)
{
	CatalogState state;
	Params		params = {0};
	TimestampTz result;

	catalog_add_time(&params, now);
	catalog_enter(&state);
	catalog_query("SELECT LEAST((SELECT min(retry_at) FROM scheduler.job_recovery"
				  " WHERE state = 'open' AND enabled),"
				  " (SELECT $1 WHERE EXISTS (SELECT" TO_OPEN ")))", &params);
	result = catalog_time(0, 1, DT_NOEND);
	catalog_leave(&state);
	return result;
}

void
catalog_upsert_recovery(int64 job_id, int error_threshold, const Interval *restart_delay,
						int max_restarts, bool enabled)
{
	Params		params = {0};

	catalog_add_int64(&params, job_id);
	catalog_add_int64(&params, error_threshold);
	catalog_add(&params, INTERVALOID, IntervalPGetDatum(restart_delay), false);
	catalog_add_int64(&params, max_restarts);
	catalog_add(&params, BOOLOID, BoolGetDatum(enabled), false);
	catalog_run("INSERT INTO scheduler.job_recovery"
				" (job_id, error_threshold, restart_delay, max_restarts, enabled, state, restarts)"
				" VALUES ($1, $2::int, $3, $4::int, $5, 'closed', 0)"
				" ON CONFLICT (job_id) DO UPDATE SET"
				" error_threshold = EXCLUDED.error_threshold,"
				" restart_delay = EXCLUDED.restart_delay,"
				" max_restarts = EXCLUDED.max_restarts,"
				" enabled = EXCLUDED.enabled", &params);
}

bool
catalog_delete_recovery(int64 job_id)
{
	Params		params = {0};

	catalog_add_int64(&params, job_id);
	return catalog_run("DELETE FROM scheduler.job_recovery WHERE job_id = $1", &params) > 0;
}

/*
 * recover()
 */

int64
catalog_request_recovery(const char *subject, int64 job_id, Oid owner, const char *queue,
						 TimestampTz now)
{
	CatalogState state;
	Params		params = {0};
	int64		result;

	catalog_add_time(&params, now);
	catalog_add_text(&params, subject);
	catalog_add(&params, INT8OID, Int64GetDatum(job_id), job_id == 0);
	catalog_add_oid(&params, owner);
	catalog_add_text(&params, queue);
	catalog_enter(&state);
	catalog_execute("INSERT INTO scheduler.recovery_event"
					" (at, subject, job_id, owner, queue, action, reason, outcome)"
					" VALUES ($1, $2, $3, $4, $5, 'recover', CASE WHEN $5::text IS NULL"
					" THEN 'scheduler.recover() was called'"
					" ELSE 'scheduler.recover_queue() was called' END, 'pending')"
					" RETURNING event_id", &params);
	result = catalog_int64(0, 1);
	catalog_leave(&state);
	return result;
}

int
catalog_find_requests(RecoveryRequest **requests)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogState state;
	int			n;

	catalog_enter(&state);
	n = catalog_query("SELECT event_id, job_id, queue FROM scheduler.recovery_event"
					  " WHERE outcome = 'pending' AND action = 'recover'"
					  " ORDER BY event_id LIMIT 1000", NULL);
	*requests = MemoryContextAllocZero(caller, Max(n, 1) * sizeof(RecoveryRequest));
	for (int row = 0; row < n; row++)
	{
		RecoveryRequest *request = &(*requests)[row];
		bool		isnull;
		Datum		queue = catalog_column(row, 3, &isnull);

		request->event_id = catalog_int64(row, 1);
		request->job_id = catalog_int64(row, 2);
		if (!isnull)
			request->queue = MemoryContextStrdup(caller, TextDatumGetCString(queue));
	}
	catalog_leave(&state);
	return n;
}

int
catalog_find_failing_jobs_of(const char *queue, int64 **job_ids)
{
	Params		params = {0};

	catalog_add_text(&params, queue);
	return catalog_ids("SELECT j.job_id FROM scheduler.job j"
					   " LEFT JOIN scheduler.job_state s ON s.job_id = j.job_id"
					   " LEFT JOIN scheduler.job_recovery r ON r.job_id = j.job_id"
					   " WHERE j.queue = $1 AND (s.consecutive_failures > 0"
					   " OR r.state <> 'closed') ORDER BY j.job_id", &params, job_ids);
}

/* Lock the rows that pausing and resuming a job change, if they are free. */
static bool
lock_job(int64 job_id)
{
	CatalogState state;
	Params		params = {0};
	bool		isnull;
	bool		result;

	catalog_add_int64(&params, job_id);
	catalog_enter(&state);
	catalog_execute("SELECT (SELECT count(*) FROM scheduler.job WHERE job_id = $1)"
					" + (SELECT count(*) FROM scheduler.job_recovery WHERE job_id = $1)"
					" = (SELECT count(*) FROM (SELECT FROM scheduler.job WHERE job_id = $1"
					" FOR NO KEY UPDATE SKIP LOCKED) j)"
					" + (SELECT count(*) FROM (SELECT FROM scheduler.job_recovery"
					" WHERE job_id = $1 FOR NO KEY UPDATE SKIP LOCKED) r)", &params);
	result = DatumGetBool(catalog_column(0, 1, &isnull));
	catalog_leave(&state);
	return result;
}

bool
catalog_force_close(int64 job_id, TimestampTz now)
{
	Params		params = {0};

	if (!lock_job(job_id))
		return false;
	catalog_add_time(&params, now);
	catalog_add_int64(&params, job_id);
	catalog_run("WITH moved AS (UPDATE scheduler.job_recovery SET state = 'closed',"
				" retry_at = NULL, restarts = 0, probe_run_id = NULL"
				" WHERE job_id = $2 AND state NOT IN ('closed', 'closing')"
				" RETURNING job_id, 'close' AS action, 'scheduler.recover()' AS reason),"
				" resumed AS (UPDATE scheduler.job j SET paused_at = NULL,"
				" paused_reason = NULL FROM moved m WHERE j.job_id = m.job_id)"
				INSERT_EVENTS, &params);
	return true;
}

void
catalog_end_request(int64 event_id, const char *reason, TimestampTz now)
{
	Params		params = {0};

	catalog_add_int64(&params, event_id);
	catalog_add_text(&params, reason);
	catalog_add_time(&params, now);
	catalog_run("UPDATE scheduler.recovery_event SET outcome = 'succeeded',"
				" reason = reason || ': ' || $2, finished_at = $3"
				" WHERE event_id = $1", &params);
}

/*
 * Events
 */

void
catalog_insert_event(const RecoveryEvent *event)
{
	Params		params = {0};

	catalog_add_time(&params, event->at);
	catalog_add_text(&params, event->subject);
	catalog_add(&params, INT8OID, Int64GetDatum(event->job_id), event->job_id == 0);
	catalog_add_oid(&params, event->owner);
	catalog_add_text(&params, event->action);
	catalog_add_text(&params, event->reason);
	catalog_add_text(&params, event->succeeded ? "succeeded" : "failed");
	catalog_run("INSERT INTO scheduler.recovery_event"
				" (at, subject, job_id, owner, action, reason, outcome, finished_at)"
				" VALUES ($1, $2, $3, $4, $5, $6, $7, $1)", &params);
}

int64
catalog_end_events(TimestampTz now)
{
	Params		params = {0};

	catalog_add_time(&params, now);
	return catalog_run("UPDATE scheduler.recovery_event e SET finished_at = $1,"
					   " outcome = CASE WHEN (SELECT h.status FROM scheduler.run_history h"
					   " WHERE h.run_id = e.run_id ORDER BY h.attempt DESC LIMIT 1)"
					   " = 'succeeded' THEN 'succeeded' ELSE 'failed' END"
					   " WHERE e.outcome = 'pending' AND e.run_id IS NOT NULL AND NOT EXISTS"
					   " (SELECT FROM scheduler.pending_run p WHERE p.run_id = e.run_id)",
					   &params);
}

bool
catalog_try_pause_job(int64 job_id, TimestampTz paused_at, const char *reason)
{
	if (!lock_job(job_id))
		return false;
	catalog_pause_job(job_id, paused_at, reason);
	return true;
}

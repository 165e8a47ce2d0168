/*-------------------------------------------------------------------------
 *
 * query_recovery.c
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

#include "table/query.h"
#include "table/query_exec.h"
#include "table/query_recovery.h"

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
query_has_recovery(void)
{
	return query_exists("SELECT FROM scheduler.job_recovery UNION ALL"
						" SELECT FROM scheduler.recovery_event WHERE outcome = 'pending'"
						" LIMIT 1", NULL);
}

/*
 * Circuits
 */

int
query_find_circuits(int64 **job_ids)
{
	return query_ids("SELECT job_id FROM scheduler.job_recovery", NULL, job_ids);
}

int64
query_open_circuits(int64 job_id, TimestampTz now)
{
	Params		params = {0};

	query_add_time(&params, now);
	query_add_int64(&params, job_id);
	return query_run("WITH due AS (SELECT r.job_id, s.consecutive_failures" TO_OPEN OF_JOB("$2")
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
query_find_probes(int64 job_id, TimestampTz now, int64 **job_ids)
{
	Params		params = {0};

	query_add_time(&params, now);
	query_add_int64(&params, job_id);
	return query_changed_ids("SELECT r.job_id FROM scheduler.job_recovery r"
							 " WHERE r.state = 'open' AND r.enabled AND r.retry_at <= $1"
							 OF_JOB("$2") " FOR NO KEY UPDATE SKIP LOCKED", &params, job_ids);
}

void
query_begin_probe(int64 job_id, int64 run_id, TimestampTz now)
{
	Params		params = {0};

	query_add_time(&params, now);
	query_add_int64(&params, job_id);
	query_add_int64(&params, run_id);
	query_run("WITH moved AS (UPDATE scheduler.job_recovery"
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
query_end_probes(int64 job_id, TimestampTz now, int64 **job_ids)
{
	Params		params = {0};

	query_add_time(&params, now);
	query_add_int64(&params, job_id);
	return query_changed_ids("WITH ended AS (SELECT r.job_id, COALESCE("
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
query_close_circuits(int64 job_id, TimestampTz now, int64 **job_ids)
{
	Params		params = {0};

	query_add_time(&params, now);
	query_add_int64(&params, job_id);
	return query_changed_ids("WITH ended AS (SELECT r.job_id,"
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
query_find_given_up(TimestampTz now, int64 **job_ids)
{
	Params		params = {0};

	query_add_time(&params, now);
	return query_ids("SELECT job_id FROM scheduler.recovery_event"
					 " WHERE at = $1 AND action = 'given_up'", &params, job_ids);
}

TimestampTz
query_next_probe(TimestampTz now)
{
	QueryFrame	frame;
	Params		params = {0};
	TimestampTz result;

	query_add_time(&params, now);
	query_enter(&frame);
	query_read("SELECT LEAST((SELECT min(retry_at) FROM scheduler.job_recovery"
			   " WHERE state = 'open' AND enabled),"
			   " (SELECT $1 WHERE EXISTS (SELECT" TO_OPEN ")))", &params);
	result = query_time(0, 1, DT_NOEND);
	query_leave(&frame);
	return result;
}

void
query_upsert_recovery(int64 job_id, int error_threshold, const Interval *restart_delay,
					  int max_restarts, bool enabled)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	query_add_int64(&params, error_threshold);
	query_add(&params, INTERVALOID, IntervalPGetDatum(restart_delay), false);
	query_add_int64(&params, max_restarts);
	query_add(&params, BOOLOID, BoolGetDatum(enabled), false);
	query_run("INSERT INTO scheduler.job_recovery"
			  " (job_id, error_threshold, restart_delay, max_restarts, enabled, state, restarts)"
			  " VALUES ($1, $2::int, $3, $4::int, $5, 'closed', 0)"
			  " ON CONFLICT (job_id) DO UPDATE SET"
			  " error_threshold = EXCLUDED.error_threshold,"
			  " restart_delay = EXCLUDED.restart_delay,"
			  " max_restarts = EXCLUDED.max_restarts,"
			  " enabled = EXCLUDED.enabled", &params);
}

bool
query_delete_recovery(int64 job_id)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	return query_run("DELETE FROM scheduler.job_recovery WHERE job_id = $1", &params) > 0;
}

/*
 * recover()
 */

int64
query_request_recovery(const char *subject, int64 job_id, Oid owner, const char *queue,
					   TimestampTz now)
{
	Params		params = {0};

	query_add_time(&params, now);
	query_add_text(&params, subject);
	query_add(&params, INT8OID, Int64GetDatum(job_id), job_id == 0);
	query_add_oid(&params, owner);
	query_add_text(&params, queue);
	return query_number("INSERT INTO scheduler.recovery_event"
						" (at, subject, job_id, owner, queue, action, reason, outcome)"
						" VALUES ($1, $2, $3, $4, $5, 'recover', CASE WHEN $5::text IS NULL"
						" THEN 'scheduler.recover() was called'"
						" ELSE 'scheduler.recover_queue() was called' END, 'pending')"
						" RETURNING event_id", &params);
}

int
query_find_requests(RecoveryRequest **requests)
{
	MemoryContext caller = CurrentMemoryContext;
	QueryFrame	frame;
	int			n;

	query_enter(&frame);
	n = query_read("SELECT event_id, job_id, queue FROM scheduler.recovery_event"
				   " WHERE outcome = 'pending' AND action = 'recover'"
				   " ORDER BY event_id LIMIT 1000", NULL);
	*requests = MemoryContextAllocZero(caller, Max(n, 1) * sizeof(RecoveryRequest));
	for (int row = 0; row < n; row++)
	{
		RecoveryRequest *request = &(*requests)[row];
		bool		isnull;
		Datum		queue = query_column(row, 3, &isnull);

		request->event_id = query_int64(row, 1);
		request->job_id = query_int64(row, 2);
		if (!isnull)
			request->queue = MemoryContextStrdup(caller, TextDatumGetCString(queue));
	}
	query_leave(&frame);
	return n;
}

int
query_find_failing_jobs_of(const char *queue, int64 **job_ids)
{
	Params		params = {0};

	query_add_text(&params, queue);
	return query_ids("SELECT j.job_id FROM scheduler.job j"
					 " LEFT JOIN scheduler.job_state s ON s.job_id = j.job_id"
					 " LEFT JOIN scheduler.job_recovery r ON r.job_id = j.job_id"
					 " WHERE j.queue = $1 AND (s.consecutive_failures > 0"
					 " OR r.state <> 'closed') ORDER BY j.job_id", &params, job_ids);
}

/* Lock the rows that pausing and resuming a job change, if they are free. */
static bool
lock_job(int64 job_id)
{
	QueryFrame	frame;
	Params		params = {0};
	bool		isnull;
	bool		result;

	query_add_int64(&params, job_id);
	query_enter(&frame);
	query_execute("SELECT (SELECT count(*) FROM scheduler.job WHERE job_id = $1)"
				  " + (SELECT count(*) FROM scheduler.job_recovery WHERE job_id = $1)"
				  " = (SELECT count(*) FROM (SELECT FROM scheduler.job WHERE job_id = $1"
				  " FOR NO KEY UPDATE SKIP LOCKED) j)"
				  " + (SELECT count(*) FROM (SELECT FROM scheduler.job_recovery"
				  " WHERE job_id = $1 FOR NO KEY UPDATE SKIP LOCKED) r)", &params);
	result = DatumGetBool(query_column(0, 1, &isnull));
	query_leave(&frame);
	return result;
}

bool
query_force_close(int64 job_id, TimestampTz now)
{
	Params		params = {0};

	if (!lock_job(job_id))
		return false;
	query_add_time(&params, now);
	query_add_int64(&params, job_id);
	query_run("WITH moved AS (UPDATE scheduler.job_recovery SET state = 'closed',"
			  " retry_at = NULL, restarts = 0, probe_run_id = NULL"
			  " WHERE job_id = $2 AND state NOT IN ('closed', 'closing')"
			  " RETURNING job_id, 'close' AS action, 'scheduler.recover()' AS reason),"
			  " resumed AS (UPDATE scheduler.job j SET paused_at = NULL,"
			  " paused_reason = NULL FROM moved m WHERE j.job_id = m.job_id)"
			  INSERT_EVENTS, &params);
	return true;
}

void
query_end_request(int64 event_id, const char *reason, TimestampTz now)
{
	Params		params = {0};

	query_add_int64(&params, event_id);
	query_add_text(&params, reason);
	query_add_time(&params, now);
	query_run("UPDATE scheduler.recovery_event SET outcome = 'succeeded',"
			  " reason = reason || ': ' || $2, finished_at = $3"
			  " WHERE event_id = $1", &params);
}

/*
 * Events
 */

void
query_insert_event(const RecoveryEvent *event)
{
	Params		params = {0};

	query_add_time(&params, event->at);
	query_add_text(&params, event->subject);
	query_add(&params, INT8OID, Int64GetDatum(event->job_id), event->job_id == 0);
	query_add_oid(&params, event->owner);
	query_add_text(&params, event->action);
	query_add_text(&params, event->reason);
	query_add_text(&params, event->succeeded ? "succeeded" : "failed");
	query_run("INSERT INTO scheduler.recovery_event"
			  " (at, subject, job_id, owner, action, reason, outcome, finished_at)"
			  " VALUES ($1, $2, $3, $4, $5, $6, $7, $1)", &params);
}

int64
query_end_events(TimestampTz now)
{
	Params		params = {0};

	query_add_time(&params, now);
	return query_run("UPDATE scheduler.recovery_event e SET finished_at = $1,"
					 " outcome = CASE WHEN (SELECT h.status FROM scheduler.run_history h"
					 " WHERE h.run_id = e.run_id ORDER BY h.attempt DESC LIMIT 1)"
					 " = 'succeeded' THEN 'succeeded' ELSE 'failed' END"
					 " WHERE e.outcome = 'pending' AND e.run_id IS NOT NULL AND NOT EXISTS"
					 " (SELECT FROM scheduler.pending_run p WHERE p.run_id = e.run_id)",
					 &params);
}

bool
query_try_pause_job(int64 job_id, TimestampTz paused_at, const char *reason)
{
	if (!lock_job(job_id))
		return false;
	query_pause_job(job_id, paused_at, reason);
	return true;
}

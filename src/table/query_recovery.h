/*-------------------------------------------------------------------------
 *
 * query_recovery.h
 *	  The SQL behind recovery; one function a statement.
 *
 * What query.h says of its functions holds for these.
 *
 * Those that the scheduler calls never wait for a row that a user has locked:
 * they pass it over, and the scheduler comes back to it.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_QUERY_RECOVERY_H
#define PG_SCHEDULER_QUERY_RECOVERY_H

#include "datatype/timestamp.h"

#include "table/events.h"

/* Is there a policy, or an event that is not over? */
extern bool query_has_recovery(void);

/*
 * Circuits: of one job, or with 0 of all
 */

extern int	query_find_circuits(int64 **job_ids);

/* closed -> open, or given_up when there is no restart to be had. */
extern int64 query_open_circuits(int64 job_id, TimestampTz now);

/* The circuits that are to be probed now; they are locked. */
extern int	query_find_probes(int64 job_id, TimestampTz now, int64 **job_ids);

/* open -> probing */
extern void query_begin_probe(int64 job_id, int64 run_id, TimestampTz now);

/*
 * probing -> closed, open or given_up: what came of the run.  The jobs whose
 * circuits were closed.
 */
extern int	query_end_probes(int64 job_id, TimestampTz now, int64 **job_ids);

/*
 * any -> closed: a run succeeded, or somebody has paused, resumed or disabled
 * the job.
 */
extern int	query_close_circuits(int64 job_id, TimestampTz now, int64 **job_ids);

/* The jobs that were given up at this time */
extern int	query_find_given_up(TimestampTz now, int64 **job_ids);

/*
 * When there is something to do next, or DT_NOEND; "now" when something was
 * passed over.
 */
extern TimestampTz query_next_probe(TimestampTz now);

extern void query_upsert_recovery(int64 job_id, int error_threshold,
								  const Interval *restart_delay, int max_restarts,
								  bool enabled);
extern bool query_delete_recovery(int64 job_id);

/*
 * recover()
 */

/* The event that asks for it; its id. */
extern int64 query_request_recovery(const char *subject, int64 job_id, Oid owner,
									const char *queue, TimestampTz now);

/* A request that nobody has seen to.  Strings are palloc'd. */
typedef struct RecoveryRequest
{
	int64		event_id;
	int64		job_id;			/* 0: those of a queue */
	char	   *queue;
} RecoveryRequest;

extern int	query_find_requests(RecoveryRequest **requests);
extern int	query_find_failing_jobs_of(const char *queue, int64 **job_ids);

/* Close the circuit of one job.  False: the row of the job is locked. */
extern bool query_force_close(int64 job_id, TimestampTz now);
extern void query_end_request(int64 event_id, const char *reason, TimestampTz now);

/*
 * Events
 */

extern void query_insert_event(const RecoveryEvent *event);

/* What came of probes whose run is over. */
extern int64 query_end_events(TimestampTz now);

/*
 * Pause a job, unless somebody has locked it.  False: it is not paused.
 */
extern bool query_try_pause_job(int64 job_id, TimestampTz paused_at, const char *reason);

#endif							/* PG_SCHEDULER_QUERY_RECOVERY_H */

/*-------------------------------------------------------------------------
 *
 * query_upkeep.h
 *	  The SQL of upkeep: what is wrong with jobs, and what nobody needs any more.
 *
 * What query.h says of its functions holds for these.  Each looks at the
 * rows of one range of keys, and costs what these cost.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_QUERY_UPKEEP_H
#define PG_SCHEDULER_QUERY_UPKEEP_H

#include "table/events.h"

/* What can be wrong with a job and its state */
typedef enum JobFault
{
	JOB_DROPPED,				/* there is a state, and no job */
	JOB_UNPLANNED,				/* the state does not belong to its schedule */
	JOB_WITHOUT_NEXT			/* active and not finished, but no next time, and no run */
} JobFault;

/* Jobs with a fault, and the versions of their schedules (JOB_DROPPED: 0) */
typedef void (*JobFaultCallback) (int64 job_id, JobFault fault, int64 schedule_version,
								  void *arg);
extern void query_scan_job_faults(const WalkRange *jobs, JobFaultCallback callback,
								  void *arg);

/* Remove what jobs that have gone have left behind. */
extern void query_delete_gone_states(const WalkRange *jobs);
extern void query_delete_gone_health(const WalkRange *jobs);
extern void query_delete_gone_metrics(const WalkRange *jobs);
extern void query_delete_gone_queues(void);

/* Remove what has been there since before a time. */
/* Of each of these jobs keep the newest dead letters, and count the others. */
extern void query_trim_dead_letters(const int64 *job_ids, int n, int keep);

/* Forget how many were dropped of jobs of which nothing is left. */
extern void query_delete_gone_letters(void);
extern void query_delete_old_dead_letters(const WalkRange *letters, TimestampTz before);
extern void query_delete_old_events(const WalkRange *events, TimestampTz before);
extern void query_delete_old_alerts(const WalkRange *alerts, TimestampTz before);

/* Forget what has brought about runs before this one, unless they are pending. */
extern void query_delete_old_triggers(const WalkRange *runs, int64 oldest_run);

/* The first run in history (PG_INT64_MAX: none), and the last that got an id. */
extern int64 query_oldest_run(void);
extern int64 query_newest_run(void);

/*
 * Pass over n rows of job_minute, backwards from a minute and job, exclusive,
 * to the last of them.  False: there are fewer.
 */
extern bool query_pass_job_minutes(TimestampTz *minute, int64 *job_id, int64 n);

/*
 * Delete the oldest from a minute on, up to a number; how many, and the minute
 * of the last.
 */
extern int64 query_delete_job_minutes(TimestampTz *from, TimestampTz before, int64 max);

#endif							/* PG_SCHEDULER_QUERY_UPKEEP_H */

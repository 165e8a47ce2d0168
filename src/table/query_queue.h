/*-------------------------------------------------------------------------
 *
 * query_queue.h
 *	  The SQL about queues; one function a statement.
 *
 * What query.h says of its functions holds for these.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_QUERY_QUEUE_H
#define PG_SCHEDULER_QUERY_QUEUE_H

#include "table/events.h"

typedef void (*QueueCallback) (const char *name, const QueueLimits *limits, void *arg);
extern void query_scan_queues(QueueCallback callback, void *arg);

/* An option that is NULL is left as it is; of a limit, 0 is none. */
typedef struct QueueOptions
{
	const char *name;
	int		   *max_concurrency;
	int		   *rate_limit;
	Interval   *rate_period;
	int		   *priority;
	bool	   *enabled;
	Interval   *start_timeout;
	char	   *description;
} QueueOptions;

extern void query_insert_queue(const QueueOptions *options);

/* False: there is no such queue. */
extern bool query_update_queue(const QueueOptions *options);
extern bool query_delete_queue(const char *name);
extern bool query_queue_has_jobs(const char *name);

/*
 * Enable or disable a queue; NULL: all.  One that is "restarting" is to be
 * enabled when it has come to rest.  False: there is none.
 */
extern bool query_enable_queue(const char *name, bool enabled, TimestampTz stop_deadline,
							   bool restarting);

/* A queue that was to be restarted has come to rest.  False: somebody has it in hand. */
extern bool query_finish_restart(const char *name);

#endif							/* PG_SCHEDULER_QUERY_QUEUE_H */

/*-------------------------------------------------------------------------
 *
 * queue_limit.h
 *	  What the limits of a queue let go.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_QUEUE_LIMIT_H
#define PG_SCHEDULER_QUEUE_LIMIT_H

#include "state/run_queue.h"

/* How many more runs of a queue may begin now? */
extern int64 queue_limit_room(JobQueue *queue, TimestampTz now);

/* When the rate limit lets the next run go, or DT_NOEND. */
extern TimestampTz queue_limit_next_token(const JobQueue *queue);

#endif							/* PG_SCHEDULER_QUEUE_LIMIT_H */

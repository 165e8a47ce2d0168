/*-------------------------------------------------------------------------
 *
 * dispatch.h
 *	  From ready runs to workers.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_DISPATCH_H
#define PG_SCHEDULER_DISPATCH_H

#include "shared/shmem.h"
#include "state/run_queue.h"

/*
 * Move ready runs into lanes, and get workers for lanes that lack them.
 * Outside of a transaction.  The time at which to come back, or DT_NOEND.
 */
extern TimestampTz dispatch_runs(void);

/*
 * Fill a lane of this database from a queue; how many runs were put in.  The
 * runs are taken from the queue before the lock is, which all workers need.
 */
extern int	dispatch_fill_lane(Lane *lane, RoleQueue *queue);

/* A worker has ended before it had begun: try no other for a while. */
extern void dispatch_delay_launch(void);

/* The server had no room for a process, "a worker" for instance: log, and alert. */
extern void dispatch_warn_no_process(const char *what);

/* Take all runs of this database back that no worker has begun. */
extern void dispatch_withdraw(void);

/* Take one run out of its lane.  False: it is not in one. */
extern bool dispatch_withdraw_run(const Run *run);

#endif							/* PG_SCHEDULER_DISPATCH_H */

/*-------------------------------------------------------------------------
 *
 * worker_pool.h
 *	  Which worker for which role: launch, retire, bury.
 *
 * Called by the scheduler of a database, about its own workers, except where
 * a worker of another database has to make room.  None of these functions may
 * be called with scheduler_shared->lock held.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_WORKER_POOL_H
#define PG_SCHEDULER_WORKER_POOL_H

#include "shared/shmem.h"
#include "state/due_heap.h"

/* After the start of a process that came to nothing, wait this long: 5 s. */
#define LAUNCH_RETRY_DELAY	(5 * USECS_PER_SEC)

typedef enum LaunchResult
{
	LAUNCH_STARTED,
	LAUNCH_POOL_FULL,			/* all slots are taken, or it is another's turn */
	LAUNCH_FAILED				/* the server has no room for the process */
} LaunchResult;

/* Once in the life of a scheduler. */
extern void worker_pool_init(void);

/*
 * Start a worker for a role of this database.  If that is not possible, when to
 * try again is in *again, at the latest: when a worker has left, the scheduler
 * is woken.
 */
extern LaunchResult worker_pool_launch(Oid role, TimestampTz *again);

/* The server had no room for a process, "a worker" for instance: log, and alert. */
extern void worker_pool_warn_no_process(const char *what);

/*
 * Jobs of these roles will be due in a moment.  Those that have no worker are
 * copied to *missing, and their number is returned; a worker of each of the
 * others is known to be needed until that time and "grace", if that is not 0.
 */
extern int	worker_pool_expect(const DueRole *roles, int n, int64 grace, DueRole *missing);

/*
 * Start a worker for a role that has no runs yet.  False: that cannot be done
 * now, for no role, which has no consequence.
 */
extern bool worker_pool_prestart(Oid role);

/*
 * Cancel the runs that somebody has set a time for, and terminate workers whose
 * run should have stopped kill_after ago.  The time of the next one, or DT_NOEND.
 */
extern TimestampTz worker_pool_kill_overdue(TimestampTz now);

/* Ask all workers of this database to leave; "terminate" those that run. */
extern void worker_pool_dismiss(bool terminate);

/*
 * Has the process of a worker that we have started ended?  Does it still, after
 * it has said good-bye?  The postmaster lets us know when it has gone.
 */
extern bool worker_pool_has_ended(const WorkerSlot *slot);
extern bool worker_pool_still_exits(const WorkerSlot *slot);

/* Workers of this database that are executing a run; in all. */
extern void worker_pool_count(int *running, int *total);

#endif							/* PG_SCHEDULER_WORKER_POOL_H */

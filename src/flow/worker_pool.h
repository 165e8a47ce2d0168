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
extern void worker_pool_init(Database *db);

/*
 * Start a worker for a role of this database.  If that is not possible, when to
 * try again is in *again, at the latest: when a worker has left, the scheduler
 * is woken.
 */
extern LaunchResult worker_pool_launch(Oid role, TimestampTz *again);

/* The server had no room for a process, "a worker" for instance: log, and alert. */
extern void worker_pool_warn_no_process(const char *what);

/*
 * So many roles of this database are without a worker, for want of a free
 * slot, or of a process of the server; "more": a role that has some could use
 * one more; "ahead": so many have none, and will need one in a moment.  Idle
 * workers are asked to leave for them, busy ones for roles that have runs and
 * no worker only.  What is said here holds until it is said again: that nothing
 * is wanted, too, without which other databases would wait for this one.  The
 * time to say it again, when one that was spared may be no more, or DT_NOEND.
 */
extern TimestampTz worker_pool_make_room(int starved, bool more, int ahead);

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
 * The server has no room for a process of a database that is no worker: an idle
 * HTTP worker is to make way for it, or else one of the workers, unless it is
 * the last.  The process is kept for this database, as long as it goes on
 * asking every few seconds, unless it is kept for another; a database without a
 * scheduler comes first.
 */
extern void worker_pool_want_process(Database *db);

/*
 * A process can be used for an HTTP worker of this database at that time: for
 * others have waited for it.  DT_NOBEGIN: at once.
 */
extern TimestampTz worker_pool_process_time(const Database *db);

/* A process of the database that is no worker has been started. */
extern void worker_pool_got_process(Oid database);

/*
 * Collect workers of this database that have died, and free their slots, and
 * those of other databases whose schedulers have gone or are held up.
 * Up to max are copied to *dead; the ready runs of a lane that loses its last
 * worker are handed to take_back, which must not fail.  *look_again is the
 * time when a slot that has to wait can be collected, or DT_NOEND.
 */
typedef void (*TakeBackCallback) (const Run *run);
extern int	worker_pool_bury(WorkerSlot *dead, int max, TakeBackCallback take_back,
							 TimestampTz *look_again);

/*
 * Terminate workers whose run should have stopped kill_after ago.  The time
 * of the next one, or DT_NOEND.
 */
extern TimestampTz worker_pool_kill_overdue(TimestampTz now);

/* Ask all workers of this database to leave; "terminate" those that run. */
extern void worker_pool_dismiss(bool terminate);

/* Workers of this database that are executing a run; in all. */
extern void worker_pool_count(int *running, int *total);

#endif							/* PG_SCHEDULER_WORKER_POOL_H */

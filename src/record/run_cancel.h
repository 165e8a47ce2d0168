/*-------------------------------------------------------------------------
 *
 * run_cancel.h
 *	  Cancel a run, whether it waits or is executed.
 *
 * All in a transaction; whoever may do so is for the caller to know.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RUN_CANCEL_H
#define PG_SCHEDULER_RUN_CANCEL_H

/* False: it is over. */
extern bool run_cancel(int64 run_id);

/*
 * Cancel what has not begun.  False: somebody is executing it, or it is over.
 */
extern bool run_cancel_pending(int64 run_id, const char *reason);

/* The pending runs of a job; those that are executed only if "running_too". */
extern void run_cancel_all_of(int64 job_id, bool running_too, const char *reason);

#endif							/* PG_SCHEDULER_RUN_CANCEL_H */

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

#include "shared/shmem.h"

/*
 * What the record of a cancelled run says of that as its detail, or NULL.  In
 * a transaction.  "queue" may be NULL: not known.
 */
extern char *run_cancel_detail(CancelReason why, const char *queue);

/* False: it is over. */
extern bool run_cancel(int64 run_id, CancelReason why);

/*
 * Cancel what has not begun.  False: somebody is executing it, or it is over.
 */
extern bool run_cancel_pending(int64 run_id, const char *reason, CancelReason why);

/*
 * The pending runs of a job, and those that are executed at a time, which may
 * have come; DT_NOEND: not.  How many there are.
 */
extern int64 run_cancel_all_of(int64 job_id, TimestampTz running_at, const char *reason,
							   CancelReason why);

#endif							/* PG_SCHEDULER_RUN_CANCEL_H */

/*-------------------------------------------------------------------------
 *
 * run_grace.h
 *	  Until when runs that have not begun are wanted, by their jobs' misfire
 *	  policy.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RUN_GRACE_H
#define PG_SCHEDULER_RUN_GRACE_H

#include "state/run_queue.h"

/* With run_queue_reset(): no run is watched. */
extern void run_grace_reset(void);

/* A run has come, or has changed: watch it, if its job does not want it for ever. */
extern void run_grace_watch(RunEntry *entry);

/* A run goes. */
extern void run_grace_forget(RunEntry *entry);

/* When the next run is too late, or DT_NOEND. */
extern TimestampTz run_grace_next(void);

/* A run that is too late, and not watched any more; NULL: there is none. */
extern RunEntry *run_grace_take(TimestampTz now);

#endif							/* PG_SCHEDULER_RUN_GRACE_H */

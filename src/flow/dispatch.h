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

/* A worker has ended before it had begun: try no other for a while. */
extern void dispatch_delay_launch(void);

#endif							/* PG_SCHEDULER_DISPATCH_H */

/*-------------------------------------------------------------------------
 *
 * http_dispatch.h
 *	  From ready HTTP runs to the HTTP worker.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HTTP_DISPATCH_H
#define PG_SCHEDULER_HTTP_DISPATCH_H

#include "shared/shmem.h"
#include "state/run_queue.h"

/*
 * Move ready runs into the HTTP lane; start the HTTP worker if there is none.
 * Outside of a transaction.  The time at which to come back, or DT_NOEND.
 */
extern TimestampTz http_dispatch_runs(RoleRuns *queue);

/* A worker's process has ended: where there was no room for one, there may be. */
extern void http_dispatch_retry_launch(void);

#endif							/* PG_SCHEDULER_HTTP_DISPATCH_H */

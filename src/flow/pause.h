/*-------------------------------------------------------------------------
 *
 * pause.h
 *	  Jobs that the scheduler pauses.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_PAUSE_H
#define PG_SCHEDULER_PAUSE_H

#include "datatype/timestamp.h"

/*
 * Pause a job on behalf of the scheduler: now, or as soon as nobody has its
 * row locked.  In a transaction.
 */
extern void pause_job(int64 job_id, const char *reason);

/* Try those again whose rows were locked.  In a transaction. */
extern void pause_step(TimestampTz now);

/* When to do so, or DT_NOEND. */
extern TimestampTz pause_next_time(void);

#endif							/* PG_SCHEDULER_PAUSE_H */

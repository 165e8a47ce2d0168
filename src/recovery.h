/*-------------------------------------------------------------------------
 *
 * recovery.h
 *	  Circuit breakers: hold a failing job back, and try it again.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RECOVERY_H
#define PG_SCHEDULER_RECOVERY_H

#include "datatype/timestamp.h"

/* Policies have been made or dropped.  In a transaction. */
extern void recovery_load(void);

/* Is there any job with a policy? */
extern bool recovery_active(void);

/*
 * Move circuits on.  In a transaction in which the states of jobs have been
 * written.
 */
extern void recovery_step(TimestampTz now);

/* When a delay is over, or DT_NOEND. */
extern TimestampTz recovery_next_time(void);

#endif							/* PG_SCHEDULER_RECOVERY_H */

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

/* Policies have been made or dropped, or recover() was called.  In a transaction. */
extern void recovery_load(void);

/* Is there anything to do? */
extern bool recovery_has_work(void);

/*
 * See to those who have called recover(), and move circuits on.  In a
 * transaction; it writes the states of jobs.
 */
extern void recovery_step(TimestampTz now);

/* When there is something to do, or DT_NOEND. */
extern TimestampTz recovery_next_time(void);

#endif							/* PG_SCHEDULER_RECOVERY_H */

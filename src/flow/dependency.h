/*-------------------------------------------------------------------------
 *
 * dependency.h
 *	  Hold back what depends on something that is not healthy.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_DEPENDENCY_H
#define PG_SCHEDULER_DEPENDENCY_H

#include "datatype/timestamp.h"

/*
 * Hold and release runs by what has changed, before runs are dispatched.
 * Outside of a transaction.  True: jobs and queues are to be judged again, for
 * their health says what they wait for.
 */
extern bool dependency_step(TimestampTz now);

#endif							/* PG_SCHEDULER_DEPENDENCY_H */

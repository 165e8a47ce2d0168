/*-------------------------------------------------------------------------
 *
 * long_run.h
 *	  Runs that go on for longer than their job is used to.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_LONG_RUN_H
#define PG_SCHEDULER_LONG_RUN_H

#include "datatype/timestamp.h"

/*
 * Compare what workers have in hand with the rule long_running: jobs of which
 * that is news are judged.  In a transaction.
 */
extern void long_run_watch(TimestampTz now);

/* When to do so next; DT_NOEND: nothing runs. */
extern TimestampTz long_run_next_time(void);

/* Look at the next call of long_run_watch(), however lately it was done. */
extern void long_run_look_again(void);

#endif							/* PG_SCHEDULER_LONG_RUN_H */

/*-------------------------------------------------------------------------
 *
 * clock_watch.h
 *	  The clock of the server was set.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_CLOCK_WATCH_H
#define PG_SCHEDULER_CLOCK_WATCH_H

#include "datatype/timestamp.h"

/*
 * Once a cycle, outside of a transaction.  True: the clock was ahead, and all has
 * to be read again.
 */
extern bool clock_watch(TimestampTz now);

/* When all is read: set right what is in the tables, before it is read ... */
extern void clock_watch_load(void);

/* ... and next times, before those are. */
extern void clock_watch_plan(void);

#endif							/* PG_SCHEDULER_CLOCK_WATCH_H */

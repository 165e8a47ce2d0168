/*-------------------------------------------------------------------------
 *
 * clock.h
 *	  The only clock.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_CLOCK_H
#define PG_SCHEDULER_CLOCK_H

#include "datatype/timestamp.h"

/*
 * For what is called for its effect as well as for the time that it returns:
 * Min() would call it twice.
 */
static inline TimestampTz
earlier_of(TimestampTz a, TimestampTz b)
{
	return Min(a, b);
}

/* Has less time than this gone by?  No, where the clock was set back since. */
static inline bool
clock_lasts(TimestampTz since, int64 duration, TimestampTz now)
{
	return since <= now && now < since + duration;
}

/* The time now, to the microsecond. */
extern TimestampTz clock_now(void);

/* The time so many minutes ago, which is what settings of retention say. */
extern TimestampTz clock_minutes_ago(int minutes);

/*
 * The clock has jumped ahead from a time.  That may be wrong: for a day retention
 * counts from there, so that nothing is lost by a clock that is set right again.
 */
extern void clock_doubt(TimestampTz before);

/* Microseconds since some moment in the past: for what is to last, whatever is set. */
extern int64 clock_monotonic(void);

/* Processor time that this process has had, in microseconds. */
extern int64 clock_cpu_time(void);

/* Once per process that uses clock_set_alarm(). */
extern void clock_init(void);

/*
 * Set the process latch at "when", to the microsecond; the alarm set before
 * is forgotten.  DT_NOEND sets none.  An instant in the past sets the latch
 * at once.
 */
extern void clock_set_alarm(TimestampTz when);

#endif							/* PG_SCHEDULER_CLOCK_H */

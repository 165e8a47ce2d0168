/*-------------------------------------------------------------------------
 *
 * period.h
 *	  Periods: the lengths of time that intervals repeat.
 *
 * A period is an Interval whose parts are not negative.  Its months and days
 * are counted on the calendar of a zone, its time on the clock.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_PERIOD_H
#define PG_SCHEDULER_PERIOD_H

#include "rules/schedule_text.h"
#include "rules/zone.h"

/*
 * All computing is done between these two: the years 2 to 9999.  Their
 * difference, twice, fits into a TimestampTz.
 */
#define SCHEDULE_MIN_TIME	(INT64CONST(-729754) * USECS_PER_DAY)
#define SCHEDULE_END_TIME	(INT64CONST(2921940) * USECS_PER_DAY)

/* From 1970-01-01, where zones count from, to 2000-01-01. */
#define UNIX_TO_TIMESTAMP_SECONDS	INT64CONST(946684800)

/* Is the word the name of a unit of time? */
extern bool period_is_unit(ScheduleWord word);

/*
 * Read a period up to the end of the text: numbers with units, or, by
 * period_parse_iso(), the ISO 8601 form that starts with P.  "implied_one"
 * allows a unit without a number at the start ("every day").
 *
 * Return false with the error set.
 */
extern bool period_parse(ScheduleText *in, bool implied_one,
						 Interval *period);
extern bool period_parse_iso(ScheduleText *in, Interval *period);

/*
 * The first of anchor + n * period, n = 1, 2, ..., that is strictly later
 * than "after".  Both times lie between the two bounds above.  Returns false
 * when it would be later than them.
 */
extern bool period_next(const Interval *period, const Zone *zone,
						TimestampTz anchor, TimestampTz after,
						TimestampTz *next);

/* Append the period in its canonical spelling, which reads as English. */
extern void period_format(StringInfo buf, const Interval *period);

/* Does the zone make a difference? */
static inline bool
period_uses_zone(const Interval *period)
{
	return period->month != 0 || period->day != 0;
}

#endif							/* PG_SCHEDULER_PERIOD_H */

/*-------------------------------------------------------------------------
 *
 * cron.h
 *	  Cron fields: what they hold, and the next time that matches.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_CRON_H
#define PG_SCHEDULER_CRON_H

#include "rules/calendar_rules.h"
#include "rules/schedule_text.h"
#include "rules/zone.h"

#define CRON_MIN_YEAR		1970
#define CRON_MAX_YEAR		2200
#define CRON_YEAR_WORDS		((CRON_MAX_YEAR - CRON_MIN_YEAR) / 64 + 1)

#define CRON_ALL_SECONDS	((UINT64CONST(1) << 60) - 1)
#define CRON_ALL_MINUTES	CRON_ALL_SECONDS
#define CRON_ALL_HOURS		((UINT64CONST(1) << 24) - 1)
#define CRON_ALL_MDAYS		(UINT64CONST(0xFFFFFFFE))
#define CRON_ALL_MONTHS		(UINT64CONST(0x1FFE))
#define CRON_ALL_WDAYS		(UINT64CONST(0x7F))

/*
 * Bit n of a set stands for the value n; of the years, for CRON_MIN_YEAR + n.
 * Equal schedules have equal bits in all of it: see cron_parse().
 */
typedef struct CronFields
{
	uint64		seconds;
	uint64		minutes;
	uint64		hours;
	uint64		months;

	uint64		mdays;
	uint64		nearest;		/* bit n: nW, the weekday nearest to day n */
	uint64		before_last;	/* bit n: L-n, n days before the last day */
	uint64		nth_workdays;	/* bit n: W#n, the n-th working day */
	uint64		last_workdays;	/* bit n: LW-n, n working days before LW */

	uint64		wdays;
	uint64		nth_wdays[5];	/* [n - 1], bit w: w#n */
	uint64		last_wdays[5];	/* [n], bit w: wL-n, n of them before the last */

	bool		either;			/* a day that either day field names matches;
								 * else both must */
	bool		any_year;
	uint64		years[CRON_YEAR_WORDS];
} CronFields;

/*
 * Read five to seven cron fields up to the end of the text.  *cron must be
 * zeroed.  Returns false with the error set.
 */
extern bool cron_parse(ScheduleText *in, uint64 hash, CronFields *cron);

/*
 * The first local time at or after "local" that the fields match.  Working
 * days are Monday to Friday, but for what "holidays" closes; NULL: nothing.
 */
extern bool cron_match(const CronFields *cron, const Calendar *holidays,
					   int64 local, int64 *match);

/*
 * The first occurrence strictly later than "after", in UTC seconds.
 */
extern bool cron_next(const CronFields *cron, const Zone *zone,
					  const Calendar *holidays, int64 after, int64 *next);

/* Append the fields in their canonical spelling. */
extern void cron_format(StringInfo buf, const CronFields *cron);

/*
 * The step n for which the set of values is what a field of the given bounds
 * means by a star, for n = 1, or a star with the step n; or 0.
 */
extern int	cron_star_step(uint64 set, int min, int max);

/* Append the time of day of fields that have one: 09:00, or 09:00:30. */
extern void cron_format_time(StringInfo buf, const CronFields *cron);

/* Append the fields as an English phrase. */
extern void cron_describe(StringInfo buf, const CronFields *cron);

/* Append a set of weekdays: "Monday and Friday". */
extern void cron_describe_wdays(StringInfo buf, uint64 wdays);

/* Do the day fields let every day pass? */
static inline bool
cron_has_mdays(const CronFields *cron)
{
	return cron->mdays != CRON_ALL_MDAYS;
}

static inline bool
cron_has_wdays(const CronFields *cron)
{
	return cron->wdays != CRON_ALL_WDAYS;
}

static inline bool
cron_has_workdays(const CronFields *cron)
{
	return (cron->nth_workdays | cron->last_workdays) != 0;
}

static inline bool
cron_has_year(const CronFields *cron, int year)
{
	int			n = year - CRON_MIN_YEAR;

	return (cron->years[n / 64] >> (n % 64)) & 1;
}

#endif							/* PG_SCHEDULER_CRON_H */

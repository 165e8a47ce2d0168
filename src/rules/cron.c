/*-------------------------------------------------------------------------
 *
 * cron.c
 *	  Cron fields: the next time that matches.
 *
 * The search jumps: a month's matching days are computed as one set of bits,
 * and the next set bit of each field is found without visiting the values
 * between.
 *
 * Daylight saving.  Fields match local times.  When the hours cover the
 * whole day, an instant is an occurrence when its local time matches.  Any
 * other schedule names wall-clock times, and each of them is one instant as
 * zone_to_utc() has it: shifted when the clock skips it, the first when the
 * clock shows it twice.  The occurrences are the set of these instants, so
 * that two times that end up at the same instant are one occurrence.
 *
 * cron_next() walks over the stretches of constant offset.  In each, the
 * instants that occur are
 *
 *	- those whose local time matches, but for the local times that the
 *	  stretch before has shown already, and
 *	- behind a gap, for the gap's length, those whose time by the clock of
 *	  the stretch before matches: these are the times shifted.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "rules/calendar.h"
#include "rules/cron.h"

/* Searches end here. */
#define LAST_YEAR	9999

/* Months in which no working day is found before a calendar has none at all */
#define MAX_MONTHS_CLOSED	120

/* The smallest value in "set" that is at least "from", or -1. */
static inline int
next_bit(uint64 set, int from)
{
	if (from >= 64)
		return -1;
	set &= ~UINT64CONST(0) << from;
	return set == 0 ? -1 : pg_rightmost_one_pos64(set);
}

/* The first matching second of the day at or after "from", or -1. */
static int
next_second_of_day(const CronFields *cron, int from)
{
	int			hour = from / 3600;
	int			minute = from / 60 % 60;
	int			second = from % 60;

	if (cron->hours & (UINT64CONST(1) << hour))
	{
		if (cron->minutes & (UINT64CONST(1) << minute))
		{
			second = next_bit(cron->seconds, second);
			if (second >= 0)
				return hour * 3600 + minute * 60 + second;
		}
		minute = next_bit(cron->minutes, minute + 1);
		if (minute >= 0)
			return hour * 3600 + minute * 60 + next_bit(cron->seconds, 0);
	}
	hour = next_bit(cron->hours, hour + 1);
	if (hour < 0)
		return -1;
	return hour * 3600 + next_bit(cron->minutes, 0) * 60 +
		next_bit(cron->seconds, 0);
}

/*
 * Turn a set of weekdays into the set of the days 1 to 35 that fall on them,
 * in a month that begins with the weekday "first".
 */
static inline uint64
wdays_to_mdays(uint64 wdays, int first)
{
	uint64		week = ((wdays >> first) | (wdays << (7 - first))) &
	CRON_ALL_WDAYS;

	return (week | week << 7 | week << 14 | week << 21 | week << 28) << 1;
}

/*
 * The day from Monday to Friday nearest to "day", in a month of "length"
 * days that begins with the weekday "first".
 */
static int
nearest_workday(int day, int length, int first)
{
	int			wday = (first + day - 1) % 7;

	if (wday == 6)
		return day > 1 ? day - 1 : day + 2;
	if (wday == 0)
		return day < length ? day + 1 : day - 2;
	return day;
}

/*
 * The days of a month, of "length" days from the weekday "first" on, that are
 * working days and named by their number, from the first or the last on.
 */
static uint64
matching_workdays(const CronFields *cron, const Calendar *holidays,
				  int year, int month, int length, int first)
{
	int32		before = calendar_day(year, month, 1) - 1;
	uint64		workdays = wdays_to_mdays(UINT64CONST(0x3E), first) &
	(((UINT64CONST(1) << length) - 1) << 1);
	uint64		result = 0;
	int			count;

	if (holidays != NULL)
	{
		for (int day = next_bit(workdays, 1); day > 0; day = next_bit(workdays, day + 1))
			if (!calendar_has_day(holidays, before + day))
				workdays &= ~(UINT64CONST(1) << day);
	}
	count = pg_popcount64(workdays);
	for (int n = 1; workdays != 0; n++)
	{
		uint64		day = workdays & -workdays;

		if ((cron->nth_workdays >> n & 1) || (cron->last_workdays >> (count - n) & 1))
			result |= day;
		workdays &= ~day;
	}
	return result;
}

/* The set of the days of a month that match. */
static uint64
matching_mdays(const CronFields *cron, const Calendar *holidays, int year, int month)
{
	int			length = calendar_days_in_month(year, month);
	uint64		all = ((UINT64CONST(1) << length) - 1) << 1;
	uint64		mdays = cron->mdays & all;
	uint64		wdays = all;
	int			first;

	if (!cron_has_mdays(cron) && !cron_has_wdays(cron))
		return all;

	first = calendar_weekday(calendar_day(year, month, 1));

	if (cron->before_last)
	{
		for (int n = next_bit(cron->before_last, 0); n >= 0 && n < length;
			 n = next_bit(cron->before_last, n + 1))
			mdays |= UINT64CONST(1) << (length - n);
	}
	if (cron->nearest)
	{
		for (int n = next_bit(cron->nearest, 0); n >= 0 && n <= length;
			 n = next_bit(cron->nearest, n + 1))
			mdays |= UINT64CONST(1) << nearest_workday(n, length, first);
	}
	if (cron_has_workdays(cron))
		mdays |= matching_workdays(cron, holidays, year, month, length, first);

	if (cron_has_wdays(cron))
	{
		/* the days of the n-th week, counted from the first of the month */
		const uint64 week = CRON_ALL_WDAYS << 1;

		wdays = wdays_to_mdays(cron->wdays, first);
		for (int n = 0; n < 5; n++)
		{
			if (cron->nth_wdays[n])
				wdays |= wdays_to_mdays(cron->nth_wdays[n], first) &
					(week << (7 * n));
		}
		for (int n = 0; n < 5; n++)
		{
			/* the fifth from the end may be in no week of the month */
			if (cron->last_wdays[n])
				wdays |= wdays_to_mdays(cron->last_wdays[n], first) &
					(n < 4 ? week << (length - 7 * (n + 1)) :
					 week >> (7 * (n + 1) - length));
		}
		wdays &= all;
	}
	return cron->either ? mdays | wdays : mdays & wdays;
}

/* The first matching year at or after "year", or -1. */
static int
next_year(const CronFields *cron, int year)
{
	int			bit = Max(year - CRON_MIN_YEAR, 0);

	if (cron->any_year)
		return year;
	for (int word = bit / 64; word < CRON_YEAR_WORDS; word++)
	{
		int			found = next_bit(cron->years[word],
									 word == bit / 64 ? bit % 64 : 0);

		if (found >= 0)
			return CRON_MIN_YEAR + word * 64 + found;
	}
	return -1;
}

bool
cron_match(const CronFields *cron, const Calendar *holidays, int64 local, int64 *match)
{
	int32		day = (int32) calendar_floor_div(local, CALENDAR_DAY_SECONDS);
	int			second = (int) (local - day * CALENDAR_DAY_SECONDS);
	int			year;
	int			month;
	int			mday;
	int			last_year;
	int			first_year;
	int			closed = 0;

	calendar_date(day, &year, &month, &mday);
	first_year = year;
	last_year = cron->any_year ?
		Min(year + CALENDAR_CYCLE_YEARS, LAST_YEAR) : CRON_MAX_YEAR;

	for (year = next_year(cron, year); year >= 0 && year <= last_year;
		 year = next_year(cron, year + 1))
	{
		if (year != first_year)
		{
			month = 1;
			mday = 1;
			second = 0;
			first_year = -1;
		}
		for (int m = next_bit(cron->months, month); m >= 0;
			 m = next_bit(cron->months, m + 1))
		{
			uint64		mdays = matching_mdays(cron, holidays, year, m);

			if (holidays != NULL && cron_has_workdays(cron) && ++closed > MAX_MONTHS_CLOSED)
				return false;

			if (m != month)
			{
				mday = 1;
				second = 0;
			}
			for (int d = next_bit(mdays, mday); d >= 0;
				 d = next_bit(mdays, d + 1))
			{
				int			found;

				found = next_second_of_day(cron, d == mday ? second : 0);
				if (found < 0)
					continue;	/* the day's last time is over */
				*match = calendar_day(year, m, d) * CALENDAR_DAY_SECONDS +
					found;
				return true;
			}
		}
	}
	return false;
}

/*
 * The first occurrence at or after "from" in the stretch around it.
 *
 * *match is the first matching local time at or after the local time of
 * "from", if *matched: when it is not in this stretch, it tells how far the
 * caller can jump.
 */
static bool
next_in_span(const CronFields *cron, const Calendar *holidays, const ZoneSpan *span,
			 int64 from, int64 *next, int64 *match, bool *matched)
{
	bool		wall_clock = cron->hours != CRON_ALL_HOURS;
	int64		local = from + span->offset;
	int64		shifted;
	bool		found = false;

	/* skip the repeated hour; nothing changes when no clock was set back */
	if (wall_clock)
		local = Max(local, span->start + span->offset_before);

	*matched = cron_match(cron, holidays, local, match);
	if (*matched && *match - span->offset < span->end)
	{
		*next = *match - span->offset;
		found = true;
	}

	/* the gap's times, by the clock as it ran before */
	if (wall_clock && span->offset_before < span->offset)
	{
		int64		gap_end = span->start + span->offset;

		local = from + span->offset_before;
		if (local < gap_end && cron_match(cron, holidays, local, &shifted) &&
			shifted < gap_end &&
			(!found || shifted - span->offset_before < *next))
		{
			*next = shifted - span->offset_before;
			found = true;
		}
	}
	return found;
}

bool
cron_next(const CronFields *cron, const Zone *zone, const Calendar *holidays,
		  int64 after, int64 *next)
{
	int64		from = after + 1;
	const int64 last = calendar_day(LAST_YEAR, 12, 31) * CALENDAR_DAY_SECONDS;

	while (from < last)
	{
		ZoneSpan	span;
		int64		match;
		bool		matched;

		zone_span(zone, from, &span);
		if (next_in_span(cron, holidays, &span, from, next, &match, &matched))
			return true;
		if (span.end == PG_INT64_MAX)
			return false;

		/*
		 * Go on behind the change of the clock; or, when that is so far away
		 * that no local time before the match can come again, near the match.
		 */
		if (span.end - from <= ZONE_REACH)
			from = span.end;
		else if (matched)
			from = Max(span.end, match - ZONE_REACH);
		else
			return false;
	}
	return false;
}

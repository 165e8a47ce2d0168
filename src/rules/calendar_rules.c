/*-------------------------------------------------------------------------
 *
 * calendar_rules.c
 *	  Named calendars: when jobs may run, and when they may not.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#include "rules/calendar.h"
#include "rules/calendar_rules.h"

/* Seconds from 1970 to 2000, where timestamps count from */
#define EPOCH_DIFF \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* How far ahead an open instant is looked for: ten years. */
#define REACH_DAYS		3653

/*
 * How many windows are looked at meanwhile, each time that it is.  The
 * scheduler has other jobs to see to: some tens of milliseconds must do.  They
 * go far beyond ten years in any calendar that is not made to take long.
 */
#define REACH_WINDOWS	10000000

static const char *const weekday_names[] =
{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

/* A local time as its day and the second in it */
typedef struct LocalTime
{
	int32		day;
	int32		second;
} LocalTime;

static int64
utc_second(TimestampTz at)
{
	return calendar_floor_div(at, USECS_PER_SEC) + EPOCH_DIFF;
}

static LocalTime
local_time(const Zone *zone, int64 utc)
{
	int64		local = zone_to_local(zone, utc);
	int32		day = (int32) calendar_floor_div(local, CALENDAR_DAY_SECONDS);
	LocalTime	result = {day, (int32) (local - day * CALENDAR_DAY_SECONDS)};

	return result;
}

/* Does a window begin on this day? */
static bool
begins_on(const CalendarWindow *window, int32 day)
{
	return day >= window->first_day && day <= window->last_day &&
		(window->weekdays & (1 << calendar_weekday(day))) != 0;
}

static bool
contains(const CalendarWindow *window, LocalTime time)
{
	if (window->from < window->to)
		return time.second >= window->from && time.second < window->to &&
			begins_on(window, time.day);
	return (time.second >= window->from && begins_on(window, time.day)) ||
		(time.second < window->to && begins_on(window, time.day - 1));
}

static bool
is_open(const Calendar *calendar, LocalTime time)
{
	for (int i = 0; i < calendar->nwindows; i++)
		if (contains(&calendar->windows[i], time))
			return calendar->include;
	return !calendar->include;
}

bool
calendar_is_open(const Calendar *calendar, TimestampTz at)
{
	return is_open(calendar, local_time(calendar->zone, utc_second(at)));
}

bool
calendar_has_day(const Calendar *calendar, int32 day)
{
	for (int i = 0; i < calendar->nwindows; i++)
	{
		const CalendarWindow *window = &calendar->windows[i];
		bool		whole = window->from == 0 && window->to == SECS_PER_DAY;
		bool		overnight = window->to <= window->from && window->to > 0;

		if (begins_on(window, day) ? calendar->include || whole :
			calendar->include && overnight && begins_on(window, day - 1))
			return calendar->include;
	}
	return !calendar->include;
}

/* A window that covers whole days, every day of its range */
static bool
is_solid(const CalendarWindow *window)
{
	return window->from == 0 && window->to == SECS_PER_DAY &&
		window->weekdays == CALENDAR_ALL_WEEKDAYS;
}

/*
 * Whole days for which a closed time is known to last: to the end of a range
 * that excludes it, or to the first range that includes anything.
 */
static int32
closed_until(const Calendar *calendar, LocalTime time)
{
	int32		result = calendar->include ? PG_INT32_MAX : time.day + 1;

	for (int i = 0; i < calendar->nwindows; i++)
	{
		const CalendarWindow *window = &calendar->windows[i];

		if (!calendar->include)
		{
			if (is_solid(window) && contains(window, time))
				result = Max(result, window->last_day == PG_INT32_MAX ?
							 PG_INT32_MAX : window->last_day + 1);
		}
		else if (window->first_day > time.day)
			result = Min(result, window->first_day);
		else if (window->last_day >= time.day - 1)
			return time.day + 1;
	}
	return result;
}

/* The next second, up to midnight, at which a window begins or ends. */
static int32
next_boundary(const Calendar *calendar, LocalTime time)
{
	int32		result = SECS_PER_DAY;

	for (int i = 0; i < calendar->nwindows; i++)
	{
		const CalendarWindow *window = &calendar->windows[i];

		if (window->from > time.second)
			result = Min(result, window->from);
		if (window->to > time.second)
			result = Min(result, window->to);
	}
	return result;
}

/*
 * Walk from boundary to boundary.  None of them is stepped over when the
 * offset of the zone changes, for a step ends there as well.
 */
TimestampTz
calendar_next_open(const Calendar *calendar, TimestampTz at)
{
	int64		utc;
	LocalTime	time;
	int32		last_day;
	int64		looked_at = 0;

	if (TIMESTAMP_NOT_FINITE(at) || calendar_is_open(calendar, at))
		return at;
	utc = utc_second(at);
	time = local_time(calendar->zone, utc);
	last_day = time.day + REACH_DAYS;
	while (time.day <= last_day && looked_at < REACH_WINDOWS)
	{
		int32		until;
		ZoneSpan	span;
		int64		step;

		looked_at += calendar->nwindows;
		if (is_open(calendar, time))
			return (utc - EPOCH_DIFF) * USECS_PER_SEC;
		until = closed_until(calendar, time);
		if (until > last_day)
			break;
		if (until > time.day + 1)
			step = (until - time.day) * CALENDAR_DAY_SECONDS - time.second;
		else
			step = next_boundary(calendar, time) - time.second;
		zone_span(calendar->zone, utc, &span);
		utc = Min(utc + step, span.end);
		time = local_time(calendar->zone, utc);
	}
	return DT_NOEND;
}

/*
 * Weekdays
 */

/* A weekday's name, in full or its first three letters, or its number. */
static bool
parse_weekday(const char **text, int *weekday)
{
	static const char *const endings[] =
	{"day", "day", "sday", "nesday", "rsday", "day", "urday"};
	const char *c = *text;

	if (isdigit((unsigned char) *c))
	{
		*weekday = *c - '0';
		*text = c + 1;
		return *weekday <= 7 && !isdigit((unsigned char) c[1]);
	}
	for (int i = 0; i < lengthof(weekday_names); i++)
	{
		int			length = strlen(endings[i]);

		if (pg_strncasecmp(c, weekday_names[i], 3) != 0)
			continue;
		*weekday = i;
		c += 3;
		if (pg_strncasecmp(c, endings[i], length) == 0)
			c += length;
		*text = c;
		return !isalnum((unsigned char) *c);
	}
	return false;
}

static void
skip_blanks(const char **text)
{
	while (**text == ' ' || **text == '\t')
		(*text)++;
}

bool
calendar_parse_weekdays(const char *text, int *mask)
{
	int			first;
	int			last;

	*mask = 0;
	skip_blanks(&text);
	if (*text == '*' && text[1] == '\0')
	{
		*mask = CALENDAR_ALL_WEEKDAYS;
		return true;
	}
	for (;;)
	{
		skip_blanks(&text);
		if (!parse_weekday(&text, &first))
			return false;
		last = first;
		skip_blanks(&text);
		if (*text == '-')
		{
			text++;
			skip_blanks(&text);
			if (!parse_weekday(&text, &last))
				return false;
			skip_blanks(&text);
		}
		/* 7 is a Sunday, too; ranges wrap around */
		if (last < first)
			last += 7;
		for (int day = first; day <= last; day++)
			*mask |= 1 << day % 7;
		if (*text == '\0')
			return true;
		if (*text++ != ',')
			return false;
	}
}

char *
calendar_format_weekdays(int mask)
{
	StringInfoData text;
	int			start = 1;

	initStringInfo(&text);
	if (mask == CALENDAR_ALL_WEEKDAYS)
		return text.data;
	/* begin behind a day that is not in the set, at best with Monday */
	while (mask & (1 << ((start + 6) % 7)) && mask & (1 << start % 7))
		start++;
	for (int i = 0; i < 7; i++)
	{
		int			length = 0;

		while (i + length < 7 && mask & (1 << (start + i + length) % 7))
			length++;
		if (length == 0)
			continue;
		appendStringInfo(&text, "%s%s", text.len > 0 ? "," : "",
						 weekday_names[(start + i) % 7]);
		if (length > 1)
			appendStringInfo(&text, "%s%s", length > 2 ? "-" : ",",
							 weekday_names[(start + i + length - 1) % 7]);
		i += length;
	}
	return text.data;
}

/*-------------------------------------------------------------------------
 *
 * period.c
 *	  Periods: the lengths of time that intervals repeat.
 *
 * The n-th occurrence is computed from the anchor alone: n times the months,
 * the day cut to the month's last, n times the days, the time of day as it
 * is in the zone, then n times the elapsed part.  So a month's end never
 * drifts, and no error adds up.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"

#include "rules/calendar.h"
#include "rules/period.h"

/* No part of a period is longer. */
#define MAX_YEARS		8000
#define MAX_MONTHS		(MAX_YEARS * MONTHS_PER_YEAR)
#define MAX_DAYS		(MAX_YEARS * 366)
#define MAX_TIME		(MAX_DAYS * USECS_PER_DAY)

/* The shortest period, in microseconds. */
#define MIN_TIME		INT64CONST(1000)

/* Numbers are read with this many digits behind the point. */
#define FRACTION_DIGITS	6
#define FRACTION_ONE	1000000

/* No number has more digits before the point. */
#define MAX_DIGITS		15

typedef struct PeriodUnit
{
	const char *names[6];
	int			months;			/* only one of the three is not zero */
	int			days;
	int64		time;
} PeriodUnit;

static const PeriodUnit period_units[] = {
	{{"us", "usec", "usecs", "microsecond", "microseconds"}, 0, 0, 1},
	{{"ms", "msec", "msecs", "millisecond", "milliseconds"}, 0, 0, 1000},
	{{"s", "sec", "secs", "second", "seconds"}, 0, 0, USECS_PER_SEC},
	{{"m", "min", "mins", "minute", "minutes"}, 0, 0, USECS_PER_MINUTE},
	{{"h", "hr", "hrs", "hour", "hours"}, 0, 0, USECS_PER_HOUR},
	{{"d", "day", "days"}, 0, 1, 0},
	{{"w", "week", "weeks"}, 0, 7, 0},
	{{"mon", "mons", "month", "months"}, 1, 0, 0},
	{{"y", "yr", "yrs", "year", "years"}, MONTHS_PER_YEAR, 0, 0}
};

/* A number, whole + fraction / FRACTION_ONE. */
typedef struct PeriodNumber
{
	const char *start;
	int64		whole;
	int64		fraction;
} PeriodNumber;

static const char *const period_hint =
"Use an interval such as \"30 seconds\", \"1 hour 30 minutes\", \"every 1 day\" or \"PT15M\".";

static const PeriodUnit *
find_unit(ScheduleWord word)
{
	for (int i = 0; i < lengthof(period_units); i++)
	{
		for (int j = 0; j < lengthof(period_units[i].names); j++)
		{
			const char *name = period_units[i].names[j];

			if (name != NULL && schedule_word_is(word, name))
				return &period_units[i];
		}
	}
	return NULL;
}

bool
period_is_unit(ScheduleWord word)
{
	return find_unit(word) != NULL;
}

static bool
too_long(ScheduleText *in, const char *at)
{
	return schedule_fail(in, at, period_hint,
						 "The interval is longer than %d years.", MAX_YEARS);
}

/* Read a number, which may have a fraction. */
static bool
read_number(ScheduleText *in, PeriodNumber *number)
{
	const char *start = in->p;
	int			scale = FRACTION_ONE;

	number->start = start;
	number->whole = 0;
	number->fraction = 0;

	if (*start == '-')
		return schedule_fail(in, start, period_hint,
							 "An interval cannot be negative.");
	if (!schedule_is_digit(*start))
		return schedule_fail(in, start, period_hint,
							 *start == '\0' ?
							 "The interval ends where a number is expected." :
							 "The interval has no number here.");
	while (*in->p == '0')
		in->p++;
	for (start = in->p; schedule_is_digit(*in->p); in->p++)
	{
		if (in->p - start >= MAX_DIGITS)
			return too_long(in, number->start);
		number->whole = number->whole * 10 + (*in->p - '0');
	}
	if (*in->p != '.')
		return true;

	in->p++;
	if (!schedule_is_digit(*in->p))
		return schedule_fail(in, in->p, period_hint,
							 "The number has no digit after the point.");
	for (start = in->p; schedule_is_digit(*in->p); in->p++)
	{
		if (in->p - start >= FRACTION_DIGITS)
			return schedule_fail(in, in->p, period_hint,
								 "The number has more than %d digits after the point.",
								 FRACTION_DIGITS);
		scale /= 10;
		number->fraction += (*in->p - '0') * scale;
	}
	return true;
}

/* Add a number of units to the period. */
static bool
add_units(ScheduleText *in, const PeriodNumber *number,
		  const PeriodUnit *unit, Interval *period)
{
	int64		part;

	if (unit->months > 0)
	{
		if (number->whole > MAX_MONTHS / unit->months)
			return too_long(in, number->start);
		part = number->fraction * unit->months;
		if (part % FRACTION_ONE != 0)
			return schedule_fail(in, number->start,
								 "Use days for a part of a month.",
								 "A fraction of a month has no fixed length.");
		period->month += number->whole * unit->months + part / FRACTION_ONE;
	}
	else if (unit->days > 0)
	{
		if (number->whole > MAX_DAYS / unit->days)
			return too_long(in, number->start);
		part = number->fraction * unit->days;
		period->day += number->whole * unit->days + part / FRACTION_ONE;
		period->time += part % FRACTION_ONE * (USECS_PER_DAY / FRACTION_ONE);
	}
	else
	{
		if (number->whole > MAX_TIME / unit->time)
			return too_long(in, number->start);
		part = number->fraction * unit->time;
		if (part % FRACTION_ONE != 0)
			return schedule_fail(in, number->start, period_hint,
								 "The interval has a fraction of a microsecond.");
		period->time += number->whole * unit->time + part / FRACTION_ONE;
	}

	if (period->month > MAX_MONTHS || period->day > MAX_DAYS ||
		period->time > MAX_TIME)
		return too_long(in, number->start);
	return true;
}

/* Read the rest of "hours:minutes[:seconds]", a number having been read. */
static bool
read_clock(ScheduleText *in, const PeriodNumber *hours, Interval *period)
{
	const ScheduleWord names[] = {{"h", 1}, {"m", 1}, {"s", 1}};
	PeriodNumber number = *hours;

	for (int i = 0; i < lengthof(names); i++)
	{
		if (i > 0)
		{
			if (*in->p != ':')
				break;
			in->p++;
			if (!read_number(in, &number))
				return false;
			if (number.whole > 59)
				return schedule_fail(in, number.start, period_hint,
									 i == 1 ? "The minutes are not between 0 and 59." :
									 "The seconds are not between 0 and 59.");
		}
		if (number.fraction != 0 && i < 2)
			return schedule_fail(in, number.start, period_hint,
								 "Only the seconds can have a fraction here.");
		if (!add_units(in, &number, find_unit(names[i]), period))
			return false;
	}
	return true;
}

static bool
check_length(ScheduleText *in, const char *start, const Interval *period)
{
	if (period->month != 0 || period->day != 0 || period->time >= MIN_TIME)
		return true;
	if (period->time == 0)
		return schedule_fail(in, start, period_hint,
							 "The interval has no length.");
	return schedule_fail(in, start, period_hint,
						 "The interval is shorter than 1 millisecond.");
}

/* Skip what may stand between two parts: blanks, a comma, "and". */
static void
skip_separator(ScheduleText *in)
{
	const char *start;

	schedule_skip_blanks(in);
	if (*in->p == ',')
		in->p++;
	schedule_skip_blanks(in);
	start = in->p;
	if (!schedule_word_is(schedule_read_letters(in), "and") ||
		!schedule_is_blank(*in->p))
		in->p = start;
	schedule_skip_blanks(in);
}

bool
period_parse(ScheduleText *in, bool implied_one, Interval *period)
{
	const char *start;
	PeriodNumber number = {NULL, 1, 0};

	memset(period, 0, sizeof(Interval));
	schedule_skip_blanks(in);
	start = in->p;

	do
	{
		ScheduleWord word;
		const PeriodUnit *unit;
		bool		implied = implied_one && in->p == start &&
		schedule_is_letter(*in->p);

		if (implied)
			number.start = in->p;
		else if (!read_number(in, &number))
			return false;

		if (*in->p == ':' && !implied)
		{
			if (!read_clock(in, &number, period))
				return false;
		}
		else
		{
			schedule_skip_blanks(in);
			word = schedule_read_letters(in);
			if (word.length == 0)
				return schedule_fail(in, in->p, period_hint,
									 *in->p == '\0' ?
									 "The interval ends where a unit is expected." :
									 "The interval has no unit here.");
			unit = find_unit(word);
			if (unit == NULL)
				return schedule_fail(in, word.start, period_hint,
									 "\"%.*s\" is not a unit of time.",
									 SCHEDULE_WORD_ARGS(word));
			if (!add_units(in, &number, unit, period))
				return false;
		}
		schedule_skip_blanks(in);
		if (*in->p == '\0')
			break;
		skip_separator(in);
	} while (true);

	return check_length(in, start, period);
}

bool
period_parse_iso(ScheduleText *in, Interval *period)
{
	static const char date_letters[] = "ymwd";
	static const char time_letters[] = "hms";
	static const char *const date_units[] = {"y", "mon", "w", "d"};
	static const char *const time_units[] = {"h", "m", "s"};
	const char *start = in->p;
	const char *letters = date_letters;
	const char *const *names = date_units;
	int			next = 0;		/* the first letter that may still come */
	bool		expected = true;

	memset(period, 0, sizeof(Interval));
	in->p++;					/* the P */
	for (;;)
	{
		PeriodNumber number;
		ScheduleWord name;
		const char *letter;

		if ((*in->p == 't' || *in->p == 'T') && letters == date_letters)
		{
			in->p++;
			letters = time_letters;
			names = time_units;
			next = 0;
			expected = true;
		}
		if (!expected && (*in->p == '\0' || schedule_is_blank(*in->p)))
			break;
		expected = false;

		if (!read_number(in, &number))
			return false;
		letter = *in->p == '\0' ? NULL :
			strchr(letters + next, pg_tolower((unsigned char) *in->p));
		if (letter == NULL)
			return schedule_fail(in, in->p, period_hint,
								 "The interval has no unit here that ISO 8601 allows.");
		name.start = names[letter - letters];
		name.length = (int) strlen(name.start);
		if (!add_units(in, &number, find_unit(name), period))
			return false;
		next = (int) (letter - letters) + 1;
		in->p++;
	}

	schedule_skip_blanks(in);
	if (*in->p != '\0')
		return schedule_fail(in, in->p, period_hint,
							 "There is text after the interval.");
	return check_length(in, start, period);
}

/*
 * anchor + n * period, or SCHEDULE_END_TIME when it is not before that.
 */
static TimestampTz
period_multiple(const Interval *period, const Zone *zone,
				TimestampTz anchor, int64 n)
{
	int64		seconds = calendar_floor_div(anchor, USECS_PER_SEC);
	int64		fraction = anchor - seconds * USECS_PER_SEC;
	int64		local = zone_to_local(zone, seconds + UNIX_TO_TIMESTAMP_SECONDS);
	int32		day = (int32) calendar_floor_div(local, CALENDAR_DAY_SECONDS);
	int64		time_of_day = local - day * CALENDAR_DAY_SECONDS;
	int64		elapsed;
	int64		result;
	int			year;
	int			month;
	int			mday;

	if (pg_mul_s64_overflow(n, period->time, &elapsed) ||
		elapsed >= SCHEDULE_END_TIME - SCHEDULE_MIN_TIME ||
		(period->month > 0 && n > MAX_MONTHS * 2 / period->month) ||
		(period->day > 0 && n > MAX_DAYS * 2 / period->day))
		return SCHEDULE_END_TIME;

	if (period->month > 0)
	{
		int64		months;

		calendar_date(day, &year, &month, &mday);
		months = year * MONTHS_PER_YEAR + month - 1 + n * period->month;
		year = (int) (months / MONTHS_PER_YEAR);
		month = (int) (months % MONTHS_PER_YEAR) + 1;
		if (year > 9999)
			return SCHEDULE_END_TIME;
		mday = Min(mday, calendar_days_in_month(year, month));
		day = calendar_day(year, month, mday);
	}

	local = (day + n * period->day) * CALENDAR_DAY_SECONDS + time_of_day;
	result = (zone_to_utc(zone, local) - UNIX_TO_TIMESTAMP_SECONDS) *
		USECS_PER_SEC + fraction + elapsed;
	return Min(result, SCHEDULE_END_TIME);
}

bool
period_next(const Interval *period, const Zone *zone,
			TimestampTz anchor, TimestampTz after, TimestampTz *next)
{
	const int64 slack = ZONE_REACH * USECS_PER_SEC;
	int64		past = after - anchor;
	int64		shortest;
	int64		longest;
	int64		low;
	int64		high;

	if (!period_uses_zone(period))
	{
		int64		n = calendar_floor_div(past, period->time) + 1;

		*next = anchor + Max(n, 1) * period->time;
		return *next < SCHEDULE_END_TIME;
	}

	/*
	 * Multiples never go back as n grows, so search for the smallest n.  The
	 * lengths of the shortest and the longest month bound it closely.
	 */
	shortest = (period->month * INT64CONST(28) + period->day) * USECS_PER_DAY +
		period->time;
	longest = (period->month * INT64CONST(31) + period->day) * USECS_PER_DAY +
		period->time;
	low = Max((past - slack) / longest, 1);
	high = Max((past + slack) / shortest + 1, 1);
	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (period_multiple(period, zone, anchor, middle) > after)
			high = middle;
		else
			low = middle + 1;
	}
	*next = period_multiple(period, zone, anchor, low);
	return *next < SCHEDULE_END_TIME;
}

static void
format_part(StringInfo buf, int64 number, const char *unit)
{
	if (number == 0)
		return;
	if (buf->len > 0 && buf->data[buf->len - 1] != ' ')
		appendStringInfoChar(buf, ' ');
	appendStringInfo(buf, INT64_FORMAT " %s%s", number, unit,
					 number == 1 ? "" : "s");
}

void
period_format(StringInfo buf, const Interval *period)
{
	int64		seconds = period->time % USECS_PER_MINUTE;
	int			fraction = (int) (seconds % USECS_PER_SEC);

	format_part(buf, period->month / MONTHS_PER_YEAR, "year");
	format_part(buf, period->month % MONTHS_PER_YEAR, "month");
	format_part(buf, period->day, "day");
	format_part(buf, period->time / USECS_PER_HOUR, "hour");
	format_part(buf, period->time % USECS_PER_HOUR / USECS_PER_MINUTE, "minute");
	if (fraction == 0)
		format_part(buf, seconds / USECS_PER_SEC, "second");
	else
	{
		int			digits = FRACTION_DIGITS;

		for (; fraction % 10 == 0; digits--)
			fraction /= 10;
		if (buf->len > 0 && buf->data[buf->len - 1] != ' ')
			appendStringInfoChar(buf, ' ');
		appendStringInfo(buf, "%d.%0*d seconds",
						 (int) (seconds / USECS_PER_SEC), digits, fraction);
	}
}

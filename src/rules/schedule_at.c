/*-------------------------------------------------------------------------
 *
 * schedule_at.c
 *	  Schedules: one instant, given in the text.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/calendar.h"
#include "rules/schedule_impl.h"

/* The years that AT accepts. */
#define MIN_AT_TIME \
	(-UNIX_TO_TIMESTAMP_SECONDS * USECS_PER_SEC)	/* 1970-01-01 */
#define END_AT_TIME		(INT64CONST(73415) * USECS_PER_DAY) /* 2201-01-01 */

const char *const schedule_at_hint =
"Write a time as \"@at 2026-12-24 18:00 Europe/Berlin\".";

/*
 * Read a number of AT, which must have "digits" digits and be in the range.
 */
static bool
read_at_number(ScheduleText *in, const char *what, int digits,
			   int min, int max, int *number)
{
	const char *start = in->p;
	int			count = schedule_read_number(in, number);

	if (count != digits)
		return schedule_fail(in, start, schedule_at_hint,
							 "The %s has %d digits, not %d.",
							 what, count, digits);
	if (*number < min || *number > max)
		return schedule_fail(in, start, schedule_at_hint,
							 "The %s %0*d is not between %d and %d.",
							 what, digits, *number, min, max);
	return true;
}

static bool
read_at_separator(ScheduleText *in, char separator)
{
	if (*in->p != separator)
		return schedule_fail(in, in->p, schedule_at_hint,
							 "The time of \"@at\" has no \"%c\" here.",
							 separator);
	in->p++;
	return true;
}

/* Read hours:minutes[:seconds[.fraction]] as microseconds. */
static bool
read_at_clock(ScheduleText *in, int64 *time)
{
	int			hour;
	int			minute;
	int			second = 0;
	int			fraction = 0;

	if (!read_at_number(in, "hour", 2, 0, 23, &hour) ||
		!read_at_separator(in, ':') ||
		!read_at_number(in, "minute", 2, 0, 59, &minute))
		return false;
	if (*in->p == ':')
	{
		in->p++;
		if (!read_at_number(in, "second", 2, 0, 59, &second))
			return false;
		if (*in->p == '.')
		{
			const char *start = ++in->p;
			int			digits = schedule_read_number(in, &fraction);

			if (digits < 1 || digits > 6)
				return schedule_fail(in, start, schedule_at_hint,
									 "The seconds have %d digits after the point, not 1 to 6.",
									 digits);
			for (; digits < 6; digits++)
				fraction *= 10;
		}
	}
	*time = ((hour * 60 + minute) * 60 + second) * USECS_PER_SEC + fraction;
	return true;
}

bool
schedule_read_at(ScheduleText *in, uint64 hash, Schedule *schedule)
{
	const char *start;
	int64		time = 0;
	int64		local;
	int			year;
	int			month;
	int			day;

	schedule_skip_blanks(in);
	start = in->p;
	if (*start == '\0')
		return schedule_fail(in, start, schedule_at_hint,
							 "\"@at\" is not followed by a date.");
	if (!read_at_number(in, "year", 4, CRON_MIN_YEAR, CRON_MAX_YEAR, &year) ||
		!read_at_separator(in, '-') ||
		!read_at_number(in, "month", 2, 1, 12, &month) ||
		!read_at_separator(in, '-') ||
		!read_at_number(in, "day", 2, 1,
						calendar_days_in_month(year, month), &day))
		return false;

	if ((*in->p == 'T' || *in->p == 't') && schedule_is_digit(in->p[1]))
		in->p++;
	schedule_skip_blanks(in);
	if (schedule_is_digit(*in->p) && !read_at_clock(in, &time))
		return false;
	schedule_skip_blanks(in);
	if (*in->p != '\0' && !schedule_read_zone(in, &schedule->zone))
		return false;

	local = calendar_day(year, month, day) * CALENDAR_DAY_SECONDS +
		time / USECS_PER_SEC;
	schedule->at = (zone_to_utc(schedule->zone, local) -
					UNIX_TO_TIMESTAMP_SECONDS) * USECS_PER_SEC +
		time % USECS_PER_SEC;
	if (schedule->at < MIN_AT_TIME || schedule->at >= END_AT_TIME)
		return schedule_fail(in, start, schedule_at_hint,
							 "The time is not in the years %d to %d.",
							 CRON_MIN_YEAR, CRON_MAX_YEAR);
	return schedule_read_end(in);
}

void
schedule_format_time(StringInfo buf, const Zone *zone, TimestampTz time)
{
	int64		seconds = calendar_floor_div(time, USECS_PER_SEC);
	int			fraction = (int) (time - seconds * USECS_PER_SEC);
	int64		local = zone_to_local(zone, seconds + UNIX_TO_TIMESTAMP_SECONDS);
	int32		day = (int32) calendar_floor_div(local, CALENDAR_DAY_SECONDS);
	int			second = (int) (local - day * CALENDAR_DAY_SECONDS);
	int			year;
	int			month;
	int			mday;

	calendar_date(day, &year, &month, &mday);
	appendStringInfo(buf, "%04d-%02d-%02d %02d:%02d:%02d", year, month, mday,
					 second / 3600, second / 60 % 60, second % 60);
	if (fraction != 0)
	{
		int			digits = 6;

		for (; fraction % 10 == 0; digits--)
			fraction /= 10;
		appendStringInfo(buf, ".%0*d", digits, fraction);
	}
}

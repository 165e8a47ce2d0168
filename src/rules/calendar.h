/*-------------------------------------------------------------------------
 *
 * calendar.h
 *	  Arithmetic of the proleptic Gregorian calendar.
 *
 * Days are counted from 1970-01-01, weekdays from Sunday = 0.  All functions
 * hold for the years 0 to 12000, which covers every time the schedule code
 * computes with.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_CALENDAR_H
#define PG_SCHEDULER_CALENDAR_H

#define CALENDAR_DAY_SECONDS	((int64) 86400)

/* Days from 0001-01-01 to 1970-01-01. */
#define CALENDAR_EPOCH_DAYS		719162

/* The calendar repeats, weekdays included, after this many years. */
#define CALENDAR_CYCLE_YEARS	400
#define CALENDAR_CYCLE_DAYS		146097

static inline bool
calendar_is_leap_year(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static inline int
calendar_days_in_month(int year, int month)
{
	static const int8 days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && calendar_is_leap_year(year));
}

/* The day number of a date. */
static inline int32
calendar_day(int year, int month, int day)
{
	static const int16 before_month[] =
	{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	int			past = year - 1 + CALENDAR_CYCLE_YEARS;

	return past * 365 + past / 4 - past / 100 + past / 400 -
		CALENDAR_CYCLE_DAYS - CALENDAR_EPOCH_DAYS +
		before_month[month - 1] +
		(month > 2 && calendar_is_leap_year(year)) + day - 1;
}

/* The date of a day number. */
static inline void
calendar_date(int32 day, int *year, int *month, int *mday)
{
	int			y = (int) (((int64) day + CALENDAR_EPOCH_DAYS) * CALENDAR_CYCLE_YEARS /
						   CALENDAR_CYCLE_DAYS) + 1;
	int			m;
	int			left;

	/* The quotient is off by one year at most, near a year's end. */
	while (calendar_day(y, 1, 1) > day)
		y--;
	while (calendar_day(y + 1, 1, 1) <= day)
		y++;

	left = day - calendar_day(y, 1, 1);
	m = left / 32 + 1;
	while (m < 12 && calendar_day(y, m + 1, 1) <= day)
		m++;

	*year = y;
	*month = m;
	*mday = day - calendar_day(y, m, 1) + 1;
}

static inline int
calendar_weekday(int32 day)
{
	/* 1970-01-01 was a Thursday; the cycle's days keep the sum positive */
	return (int) (((int64) day + 4 + 7 * CALENDAR_CYCLE_DAYS) % 7);
}

/* The number of whole "divisor"s in "value", rounded down. */
static inline int64
calendar_floor_div(int64 value, int64 divisor)
{
	int64		quotient = value / divisor;

	return quotient - (value % divisor < 0);
}

#endif							/* PG_SCHEDULER_CALENDAR_H */

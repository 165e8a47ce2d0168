/*-------------------------------------------------------------------------
 *
 * cron_format.c
 *	  Cron fields: their canonical spelling.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "rules/cron.h"

static inline uint64
bit(int n)
{
	return UINT64CONST(1) << n;
}

/* The values first, first + step, ... up to last. */
static uint64
progression(int first, int last, int step)
{
	uint64		set = 0;

	for (int value = first; value <= last; value += step)
		set |= bit(value);
	return set;
}

int
cron_star_step(uint64 set, int min, int max)
{
	for (int step = 1; step <= max - min + 1; step++)
	{
		if (set == progression(min, max, step))
			return step;
	}
	return 0;
}

/* Append a comma unless the field begins here. */
static void
separate(StringInfo buf, int start)
{
	if (buf->len > start)
		appendStringInfoChar(buf, ',');
}

/* Append the values of the set as a list of numbers and ranges. */
static void
format_list(StringInfo buf, int start, uint64 set)
{
	while (set != 0)
	{
		int			first = pg_rightmost_one_pos64(set);
		int			last = first;

		while (last < 63 && (set & bit(last + 1)))
			last++;
		separate(buf, start);
		if (last >= first + 2)
		{
			appendStringInfo(buf, "%d-%d", first, last);
			set &= ~progression(first, last, 1);
		}
		else
		{
			appendStringInfo(buf, "%d", first);
			set &= ~bit(first);
		}
	}
}

/*
 * The smallest step with which a star stands for nothing but values of the
 * set; 0: the set does not have the smallest value.
 */
static int
leading_step(uint64 set, int min, int max)
{
	for (int step = 2; step <= max - min + 1; step++)
	{
		if ((progression(min, max, step) & ~set) == 0)
			return step;
	}
	return 0;
}

/*
 * Append a set of values: as a star, as a range with a step, or as a list.
 *
 * With "star", the spelling must begin with a star, which the set allows;
 * without "may_star", only the full set may.
 */
static void
format_set(StringInfo buf, uint64 set, int min, int max, bool may_star,
		   bool star)
{
	int			start = buf->len;
	int			step = cron_star_step(set, min, max);
	int			first;
	int			last;

	if (step == 1)
	{
		appendStringInfoChar(buf, '*');
		return;
	}
	if (step > 0 && (star || (may_star && set != bit(min))))
	{
		appendStringInfo(buf, "*/%d", step);
		return;
	}
	if (star)
	{
		step = leading_step(set, min, max);
		appendStringInfo(buf, "*/%d", step);
		format_list(buf, start, set & ~progression(min, max, step));
		return;
	}

	if (pg_popcount64(set) >= 3)
	{
		first = pg_rightmost_one_pos64(set);
		last = pg_leftmost_one_pos64(set);
		step = pg_rightmost_one_pos64(set & ~bit(first)) - first;
		if (step > 1 && set == progression(first, last, step))
		{
			appendStringInfo(buf, "%d-%d/%d", first, last, step);
			return;
		}
	}
	format_list(buf, start, set);
}

static void
format_mdays(StringInfo buf, const CronFields *cron, bool star)
{
	int			start = buf->len;

	if (cron->mdays != 0)
		format_set(buf, cron->mdays, 1, 31, false, star);
	for (int n = 1; n <= 31; n++)
	{
		if (cron->nearest & bit(n))
		{
			separate(buf, start);
			appendStringInfo(buf, "%dW", n);
		}
	}
	for (int n = 30; n >= 0; n--)
	{
		if (cron->before_last & bit(n))
		{
			separate(buf, start);
			appendStringInfoChar(buf, 'L');
			if (n > 0)
				appendStringInfo(buf, "-%d", n);
		}
	}
	for (int n = 1; n < 64; n++)
	{
		if (cron->nth_workdays & bit(n))
		{
			separate(buf, start);
			appendStringInfo(buf, "W#%d", n);
		}
	}
	for (int n = 63; n >= 0; n--)
	{
		if (cron->last_workdays & bit(n))
		{
			separate(buf, start);
			appendStringInfoString(buf, "LW");
			if (n > 0)
				appendStringInfo(buf, "-%d", n);
		}
	}
}

static void
format_wdays(StringInfo buf, const CronFields *cron, bool star)
{
	int			start = buf->len;

	if (cron->wdays != 0)
		format_set(buf, cron->wdays, 0, 6, false, star);
	for (int nth = 1; nth <= 5; nth++)
	{
		for (int wday = 0; wday <= 6; wday++)
		{
			if (cron->nth_wdays[nth - 1] & bit(wday))
			{
				separate(buf, start);
				appendStringInfo(buf, "%d#%d", wday, nth);
			}
		}
	}
	for (int n = 4; n >= 0; n--)
	{
		for (int wday = 0; wday <= 6; wday++)
		{
			if (cron->last_wdays[n] & bit(wday))
			{
				separate(buf, start);
				appendStringInfo(buf, "%dL", wday);
				if (n > 0)
					appendStringInfo(buf, "-%d", n);
			}
		}
	}
}

static int
next_year(const CronFields *cron, int year)
{
	while (year <= CRON_MAX_YEAR && !cron_has_year(cron, year))
		year++;
	return year;
}

static void
format_years(StringInfo buf, const CronFields *cron)
{
	int			start = buf->len;
	int			year = next_year(cron, CRON_MIN_YEAR);

	/* Take the longest progression each time; two years are none. */
	while (year <= CRON_MAX_YEAR)
	{
		int			following = next_year(cron, year + 1);
		int			step = following - year;
		int			last = following;

		separate(buf, start);
		appendStringInfo(buf, "%d", year);
		while (last + step <= CRON_MAX_YEAR &&
			   next_year(cron, last + 1) == last + step)
			last += step;
		if (following > CRON_MAX_YEAR || last == following)
		{
			year = following;
			continue;
		}
		appendStringInfo(buf, "-%d", last);
		if (step > 1)
			appendStringInfo(buf, "/%d", step);
		year = next_year(cron, last + 1);
	}
}

/*
 * The day fields of a schedule in which both must match: which of the two is
 * written with a star, so that it needs no "&"?
 */
static void
choose_star(const CronFields *cron, bool *star_mdays, bool *star_wdays, bool *both)
{
	*star_mdays = *star_wdays = *both = false;
	if (cron->either || !cron_has_mdays(cron) || !cron_has_wdays(cron))
		return;

	if (cron_star_step(cron->mdays, 1, 31) > 0)
		*star_mdays = true;
	else if (cron_star_step(cron->wdays, 0, 6) > 0)
		*star_wdays = true;
	else if (leading_step(cron->mdays, 1, 31) > 0)
		*star_mdays = true;
	else if (leading_step(cron->wdays, 0, 6) > 0)
		*star_wdays = true;
	else
		*both = true;
}

void
cron_format_time(StringInfo buf, const CronFields *cron)
{
	appendStringInfo(buf, "%02d:%02d", pg_rightmost_one_pos64(cron->hours),
					 pg_rightmost_one_pos64(cron->minutes));
	if (cron->seconds != 1)
		appendStringInfo(buf, ":%02d", pg_rightmost_one_pos64(cron->seconds));
}

void
cron_format(StringInfo buf, const CronFields *cron)
{
	bool		star_mdays;
	bool		star_wdays;
	bool		both;

	choose_star(cron, &star_mdays, &star_wdays, &both);

	if (cron->seconds != 1 || !cron->any_year)
	{
		format_set(buf, cron->seconds, 0, 59, true, false);
		appendStringInfoChar(buf, ' ');
	}
	format_set(buf, cron->minutes, 0, 59, true, false);
	appendStringInfoChar(buf, ' ');
	format_set(buf, cron->hours, 0, 23, true, false);
	appendStringInfoChar(buf, ' ');
	format_mdays(buf, cron, star_mdays);
	appendStringInfoChar(buf, ' ');
	format_set(buf, cron->months, 1, 12, true, false);
	appendStringInfoString(buf, both ? " &" : " ");
	format_wdays(buf, cron, star_wdays);
	if (!cron->any_year)
	{
		appendStringInfoChar(buf, ' ');
		format_years(buf, cron);
	}
}

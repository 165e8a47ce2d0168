/*-------------------------------------------------------------------------
 *
 * cron_describe.c
 *	  Cron fields, said in English.
 *
 * A phrase is "<times of day> <days> <months> <years>", where what is not
 * restricted is left out.  It has the buffer for itself.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "rules/cron.h"

/* Up to so many times of day are listed one by one. */
#define MAX_LISTED_TIMES	6

static const char *const month_names[] = {
	"January", "February", "March", "April", "May", "June", "July", "August",
	"September", "October", "November", "December"
};

static const char *const wday_names[] = {
	"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
	"Saturday"
};

static const char *const ordinals[] = {
	"first", "second", "third", "fourth", "fifth"
};

static const char *const ordinals_from_end[] = {
	"last", "last but one", "last but two", "last but three", "last but four"
};

static const char of_the_month[] = " of the month";

/* A list that is being said: "a", "a and b", "a, b and c". */
typedef struct ListWriter
{
	StringInfo	buf;
	int			left;			/* elements that are still to come */
	bool		started;
	const char *conjunction;
} ListWriter;

static void
begin_element(ListWriter *list)
{
	if (list->started)
	{
		if (list->left > 1)
			appendStringInfoString(list->buf, ", ");
		else
			appendStringInfo(list->buf, " %s ", list->conjunction);
	}
	list->started = true;
	list->left--;
}

static inline bool
has(uint64 set, int n)
{
	return (set >> n) & 1;
}

static int
last_of_run(uint64 set, int first)
{
	while (first < 63 && has(set, first + 1))
		first++;
	return first;
}

static int
count_runs(uint64 set)
{
	/* a run begins where a bit is set and the one below is not */
	return pg_popcount64(set & ~(set << 1));
}

static void
append_number_or_name(StringInfo buf, int value, const char *const *names, int min)
{
	if (names != NULL)
		appendStringInfoString(buf, names[value - min]);
	else
		appendStringInfo(buf, "%d", value);
}

/* Say the values of a set; runs of three and more with "through". */
static void
append_set(StringInfo buf, uint64 set, const char *const *names, int min)
{
	ListWriter	list = {buf, 0, false, "and"};

	/* count the elements, a run of two counting as two */
	list.left = count_runs(set);
	for (int n = 0; n < 64; n++)
	{
		if (has(set, n))
		{
			int			last = last_of_run(set, n);

			if (last == n + 1)
				list.left++;
			n = last;
		}
	}

	for (int n = 0; n < 64; n++)
	{
		int			last;

		if (!has(set, n))
			continue;
		last = last_of_run(set, n);
		begin_element(&list);
		append_number_or_name(buf, n, names, min);
		if (last > n + 1)
		{
			appendStringInfoString(buf, " through ");
			append_number_or_name(buf, last, names, min);
			n = last;
		}
	}
}

/* Say a set of values with the noun of their unit before. */
static void
append_units(StringInfo buf, const char *noun, uint64 set)
{
	appendStringInfo(buf, "%s%s ", noun, pg_popcount64(set) == 1 ? "" : "s");
	append_set(buf, set, NULL, 0);
}

/* The step that divides its unit evenly, or 0: every n seconds, ... */
static int
even_step(uint64 set, int size)
{
	int			step = cron_star_step(set, 0, size - 1);

	return step > 0 && step < size && size % step == 0 ? step : 0;
}

static void
append_every(StringInfo buf, int step, const char *noun)
{
	if (step == 1)
		appendStringInfo(buf, "every %s", noun);
	else
		appendStringInfo(buf, "every %d %ss", step, noun);
}

static void
append_clock_times(StringInfo buf, const CronFields *cron, int count)
{
	ListWriter	list = {buf, count, false, "and"};

	appendStringInfoString(buf, "at ");
	for (int hour = 0; hour < 24; hour++)
	{
		for (int minute = 0; minute < 60; minute++)
		{
			for (int second = 0; second < 60; second++)
			{
				if (!has(cron->hours, hour) || !has(cron->minutes, minute) ||
					!has(cron->seconds, second))
					continue;
				begin_element(&list);
				appendStringInfo(buf, "%02d:%02d", hour, minute);
				if (cron->seconds != 1)
					appendStringInfo(buf, ":%02d", second);
			}
		}
	}
}

/* Say the hours that hold a time given before: "of hours 9 through 17". */
static void
append_hours(StringInfo buf, uint64 hours)
{
	appendStringInfoString(buf, " of ");
	if (hours == CRON_ALL_HOURS)
		appendStringInfoString(buf, "every hour");
	else
		append_units(buf, "hour", hours);
}

static void
append_minutes(StringInfo buf, const CronFields *cron)
{
	int			step = even_step(cron->minutes, 60);

	if (step > 0)
	{
		append_every(buf, step, "minute");
		if (cron->hours != CRON_ALL_HOURS)
			append_hours(buf, cron->hours);
	}
	else if (cron->minutes == 1 && even_step(cron->hours, 24) > 0)
		append_every(buf, even_step(cron->hours, 24), "hour");
	else if (pg_popcount64(cron->minutes) == 1 && count_runs(cron->hours) == 1 &&
			 cron->hours != CRON_ALL_HOURS)
	{
		int			minute = pg_rightmost_one_pos64(cron->minutes);

		appendStringInfo(buf, "every hour from %02d:%02d through %02d:%02d",
						 pg_rightmost_one_pos64(cron->hours), minute,
						 pg_leftmost_one_pos64(cron->hours), minute);
	}
	else
	{
		appendStringInfoString(buf, "at ");
		append_units(buf, "minute", cron->minutes);
		append_hours(buf, cron->hours);
	}
}

static void
append_times(StringInfo buf, const CronFields *cron)
{
	int			times = pg_popcount64(cron->hours) *
	pg_popcount64(cron->minutes) * pg_popcount64(cron->seconds);
	int			step = even_step(cron->seconds, 60);

	if (times <= MAX_LISTED_TIMES)
		append_clock_times(buf, cron, times);
	else if (cron->seconds == 1)
		append_minutes(buf, cron);
	else
	{
		if (step > 0)
			append_every(buf, step, "second");
		else
		{
			appendStringInfoString(buf, "at ");
			append_units(buf, "second", cron->seconds);
		}
		if (cron->minutes != CRON_ALL_MINUTES)
		{
			appendStringInfoString(buf, " of ");
			append_units(buf, "minute", cron->minutes);
			append_hours(buf, cron->hours);
		}
		else if (cron->hours != CRON_ALL_HOURS)
		{
			if (step == 0)
				appendStringInfoString(buf, " of every minute");
			append_hours(buf, cron->hours);
		}
		else if (step == 0)
			appendStringInfoString(buf, " of every minute");
	}
}

/* "on working day 3 and 1 working day before the last one" */
static void
append_workdays(ListWriter *list, const CronFields *cron)
{
	for (int n = 1; n < 64; n++)
	{
		if (has(cron->nth_workdays, n))
		{
			begin_element(list);
			appendStringInfo(list->buf, "on working day %d", n);
		}
	}
	for (int n = 63; n >= 0; n--)
	{
		if (!has(cron->last_workdays, n))
			continue;
		begin_element(list);
		if (n == 0)
			appendStringInfoString(list->buf, "on the last weekday");
		else
			appendStringInfo(list->buf, "%d working day%s before the last one",
							 n, n == 1 ? "" : "s");
	}
}

/* "on day 1, on the last day or on the weekday nearest to day 15 of the month" */
static void
append_mdays(StringInfo buf, const CronFields *cron)
{
	ListWriter	list = {buf, 0, false, "and"};

	list.left = (cron->mdays != 0) + pg_popcount64(cron->nearest) +
		pg_popcount64(cron->before_last) + pg_popcount64(cron->nth_workdays) +
		pg_popcount64(cron->last_workdays);

	if (cron->mdays != 0)
	{
		begin_element(&list);
		appendStringInfoString(buf, "on ");
		append_units(buf, "day", cron->mdays);
	}
	for (int n = 1; n <= 31; n++)
	{
		if (has(cron->nearest, n))
		{
			begin_element(&list);
			appendStringInfo(buf, "on the weekday nearest to day %d", n);
		}
	}
	for (int n = 30; n >= 0; n--)
	{
		if (!has(cron->before_last, n))
			continue;
		begin_element(&list);
		if (n == 0)
			appendStringInfoString(buf, "on the last day");
		else
			appendStringInfo(buf, "%d day%s before the last day",
							 n, n == 1 ? "" : "s");
	}
	append_workdays(&list, cron);
	appendStringInfoString(buf, of_the_month);
}

void
cron_describe_wdays(StringInfo buf, uint64 wdays)
{
	append_set(buf, wdays, wday_names, 0);
}

static void
append_wdays(StringInfo buf, const CronFields *cron)
{
	ListWriter	list = {buf, 0, false, "and"};
	bool		monthly = false;

	list.left = (cron->wdays != 0);
	for (int nth = 0; nth < 5; nth++)
		list.left += pg_popcount64(cron->nth_wdays[nth]) +
			pg_popcount64(cron->last_wdays[nth]);

	if (cron->wdays != 0)
	{
		begin_element(&list);
		appendStringInfoString(buf, "on ");
		append_set(buf, cron->wdays, wday_names, 0);
	}
	for (int nth = 0; nth < 10; nth++)
	{
		uint64		set = nth < 5 ? cron->nth_wdays[nth] : cron->last_wdays[9 - nth];

		for (int wday = 0; wday <= 6; wday++)
		{
			if (!has(set, wday))
				continue;
			begin_element(&list);
			appendStringInfo(buf, "on the %s %s",
							 nth < 5 ? ordinals[nth] : ordinals_from_end[9 - nth],
							 wday_names[wday]);
			monthly = true;
		}
	}
	if (monthly)
		appendStringInfoString(buf, of_the_month);
}

static void
append_days(StringInfo buf, const CronFields *cron)
{
	bool		mdays = cron_has_mdays(cron);
	bool		wdays = cron_has_wdays(cron);

	if (mdays)
	{
		appendStringInfoChar(buf, ' ');
		append_mdays(buf, cron);
	}
	if (mdays && wdays)
		appendStringInfoString(buf, cron->either ? ", or" : ", but only");
	if (wdays)
	{
		appendStringInfoChar(buf, ' ');
		append_wdays(buf, cron);
	}
	if (mdays && wdays &&
		(cron->months != CRON_ALL_MONTHS || !cron->any_year))
		appendStringInfoChar(buf, ',');
}

static void
append_years(StringInfo buf, const CronFields *cron)
{
	ListWriter	list = {buf, 0, false, "and"};

	for (int pass = 0; pass < 2; pass++)
	{
		for (int year = CRON_MIN_YEAR; year <= CRON_MAX_YEAR; year++)
		{
			int			last = year;

			if (!cron_has_year(cron, year))
				continue;
			while (last < CRON_MAX_YEAR && cron_has_year(cron, last + 1))
				last++;
			if (pass == 0)
				list.left++;
			else
			{
				begin_element(&list);
				appendStringInfo(buf, "%d", year);
				if (last > year)
					appendStringInfo(buf, " through %d", last);
			}
			year = last;
		}
	}
}

void
cron_describe(StringInfo buf, const CronFields *cron)
{
	bool		all_days = !cron_has_mdays(cron) && !cron_has_wdays(cron);
	bool		listed;
	int			month_length = strlen(of_the_month);

	append_times(buf, cron);
	listed = strncmp(buf->data, "at ", 3) == 0 && cron->hours != CRON_ALL_HOURS;
	append_days(buf, cron);
	if (all_days && listed)
		appendStringInfoString(buf, " every day");
	if (cron->months != CRON_ALL_MONTHS)
	{
		/* "of the month in January" is "of January" */
		if (buf->len > month_length &&
			strcmp(buf->data + buf->len - month_length, of_the_month) == 0)
		{
			buf->len -= month_length;
			appendStringInfoString(buf, " of ");
		}
		else
			appendStringInfoString(buf, " in ");
		append_set(buf, cron->months, month_names, 1);
	}
	if (!cron->any_year)
	{
		appendStringInfoString(buf, " in ");
		append_years(buf, cron);
	}
}

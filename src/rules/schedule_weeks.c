/*-------------------------------------------------------------------------
 *
 * schedule_weeks.c
 *	  Schedules: some weekdays of every n-th week.
 *
 * Weeks begin with Monday, and are counted from that of the anchor.  Days and
 * the time of day are cron fields, so that changes of the clock mean the same.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/calendar.h"
#include "rules/calendar_rules.h"
#include "rules/schedule_impl.h"

#define MAX_WEEKS		1000

/* Weeks that are looked at: some may have no such day, where a clock skips it. */
#define MAX_TRIES		100

static const char *const weeks_hint =
"Write \"every 2 weeks on mon,wed at 09:00\".";

/* Read the number and the words up to the days.  False: there are none. */
static bool
read_head(ScheduleText *in, int *weeks)
{
	ScheduleWord word;

	*weeks = 1;
	schedule_skip_blanks(in);
	(void) (schedule_is_digit(*in->p) && schedule_read_number(in, weeks));
	schedule_skip_blanks(in);
	word = schedule_read_letters(in);
	if (!schedule_word_is(word, "week") && !schedule_word_is(word, "weeks") &&
		!schedule_word_is(word, "w"))
		return false;
	schedule_skip_blanks(in);
	return schedule_word_is(schedule_read_letters(in), "on") &&
		(schedule_is_blank(*in->p) || *in->p == '\0');
}

bool
schedule_begins_weeks(const ScheduleText *in)
{
	ScheduleText ahead = *in;
	int			weeks;

	return read_head(&ahead, &weeks);
}

/* Read the days: the text up to "at", or its end. */
static bool
read_days(ScheduleText *in, Schedule *schedule)
{
	const char *start = in->p;
	const char *end;
	ScheduleWord word;
	char	   *days;
	int			mask;
	bool		ok;

	for (;;)
	{
		schedule_skip_blanks(in);
		end = in->p;
		word = schedule_peek_token(in);
		if (word.length == 0 || schedule_word_is(word, "at"))
			break;
		in->p += word.length;
	}
	days = pnstrdup(start, end - start);
	while (end > start && schedule_is_blank(days[end - start - 1]))
		days[--end - start] = '\0';
	ok = calendar_parse_weekdays(days, &mask);
	pfree(days);
	if (!ok)
		return schedule_fail(in, start, weeks_hint, "These are no weekdays.");
	schedule->cron.wdays = mask;
	in->p += word.length;
	return true;
}

/* Read one part of the time of day, two digits. */
static bool
read_part(ScheduleText *in, const char *what, int max, uint64 *set)
{
	const char *start = in->p;
	int			number;

	if (schedule_read_number(in, &number) != 2 || number > max)
		return schedule_fail(in, start, weeks_hint,
							 "The %s, two digits from 00 to %d, is not here.", what, max);
	*set = UINT64CONST(1) << number;
	return true;
}

static bool
read_time(ScheduleText *in, CronFields *cron)
{
	schedule_skip_blanks(in);
	if (!read_part(in, "hour", 23, &cron->hours))
		return false;
	if (*in->p != ':')
		return schedule_fail(in, in->p, weeks_hint, "The time has no \":\" here.");
	in->p++;
	if (!read_part(in, "minute", 59, &cron->minutes))
		return false;
	if (*in->p != ':')
		return true;
	in->p++;
	return read_part(in, "second", 59, &cron->seconds);
}

bool
schedule_read_weeks(ScheduleText *in, uint64 hash, Schedule *schedule)
{
	CronFields *cron = &schedule->cron;
	const char *start = in->p;
	const char *days;

	(void) read_head(in, &schedule->weeks);
	if (schedule->weeks < 1 || schedule->weeks > MAX_WEEKS)
		return schedule_fail(in, start, weeks_hint,
							 "The number of weeks is not between 1 and %d.", MAX_WEEKS);
	cron->seconds = cron->minutes = cron->hours = 1;
	cron->months = CRON_ALL_MONTHS;
	cron->mdays = CRON_ALL_MDAYS;
	cron->any_year = true;
	schedule_skip_blanks(in);
	days = in->p;
	if (!read_days(in, schedule))
		return false;
	if (in->p > days && *in->p != '\0' && !read_time(in, cron))
		return false;
	return schedule_read_end(in);
}

/* The number of a local time's week; 1970-01-01 was a Thursday. */
static int64
week_of(const Zone *zone, int64 utc)
{
	return calendar_floor_div(calendar_floor_div(zone_to_local(zone, utc),
												 CALENDAR_DAY_SECONDS) + 3, 7);
}

static int64
utc_seconds(TimestampTz time)
{
	return calendar_floor_div(time, USECS_PER_SEC) + UNIX_TO_TIMESTAMP_SECONDS;
}

bool
schedule_next_of_weeks(const Schedule *schedule, const ScheduleBase *base,
					   TimestampTz after, TimestampTz *next)
{
	const Zone *zone = schedule->zone;
	int64		from = utc_seconds(after);
	int64		first;

	if (base->anchor < SCHEDULE_MIN_TIME || base->anchor >= SCHEDULE_END_TIME)
		return false;
	first = week_of(zone, utc_seconds(base->anchor));
	for (int i = 0; i < MAX_TRIES; i++)
	{
		int64		found;
		int64		week;
		int64		past;

		if (!cron_next(&schedule->cron, zone, NULL, from, &found))
			return false;
		week = week_of(zone, found);
		past = week - first - calendar_floor_div(week - first, schedule->weeks) * schedule->weeks;
		if (past == 0)
		{
			*next = (found - UNIX_TO_TIMESTAMP_SECONDS) * USECS_PER_SEC;
			return *next < SCHEDULE_END_TIME;
		}
		/* on with the next week that counts, from its Monday on */
		week += schedule->weeks - past;
		from = Max(found, zone_to_utc(zone, (week * 7 - 3) * CALENDAR_DAY_SECONDS) - 1);
	}
	return false;
}

void
schedule_write_weeks(StringInfo buf, const Schedule *schedule)
{
	char	   *days = schedule->cron.wdays == CALENDAR_ALL_WEEKDAYS ?
		pstrdup("*") : calendar_format_weekdays((int) schedule->cron.wdays);

	appendStringInfo(buf, "every %d week%s on %s at ", schedule->weeks,
					 schedule->weeks == 1 ? "" : "s", days);
	cron_format_time(buf, &schedule->cron);
	pfree(days);
}

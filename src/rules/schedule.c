/*-------------------------------------------------------------------------
 *
 * schedule.c
 *	  The schedule language: its forms, next times and normal form.
 *
 * A text is looked at from its first word on to tell which form it has; then
 * one reader takes all of it.  Nothing is recursive, and what is allocated
 * for a text is one schedule, or one error message.
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

/* What the name of a zone consists of. */
#define ZONE_CHARACTERS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/+-:"

typedef struct ScheduleMacro
{
	const char *name;
	const char *fields;
} ScheduleMacro;

static const ScheduleMacro macros[] = {
	{"yearly", "0 0 1 1 *"},
	{"annually", "0 0 1 1 *"},
	{"monthly", "0 0 1 * *"},
	{"weekly", "0 0 * * 0"},
	{"daily", "0 0 * * *"},
	{"midnight", "0 0 * * *"},
	{"hourly", "0 * * * *"},
	{"every_minute", "* * * * *"},
	{"every_second", "* * * * * *"}
};

static const char *const forms_hint =
"Use five cron fields such as \"*/5 * * * *\", an interval such as \"30 seconds\", a macro such as \"@daily\", \"@at\" with a time, or \"now\".";

static const char *const zone_hint =
"Use a name from the view pg_timezone_names, such as Europe/Berlin, or an offset such as +02:00.";

static const char *const at_hint =
"Write a time as \"@at 2026-12-24 18:00 Europe/Berlin\".";

/*
 * Refuse what no form has: too much text, control characters, and anything
 * that is not ASCII.  After this a byte is a character.
 */
static bool
check_characters(ScheduleText *in)
{
	const char *p;

	for (p = in->text; *p != '\0'; p++)
	{
		unsigned char c = (unsigned char) *p;

		if (p - in->text >= SCHEDULE_MAX_LENGTH)
			return schedule_fail(in, p, forms_hint,
								 "A schedule has at most %d characters.",
								 SCHEDULE_MAX_LENGTH);
		if (c < ' ' && c != '\t')
			return schedule_fail(in, p, "Put the schedule on one line, without control characters.",
								 "The text has a control character, number %d.",
								 c);
		if (c >= 0x7F)
			return schedule_fail(in, p, "Schedules are written in ASCII.",
								 "The text has a character that no schedule has.");
	}
	return true;
}

/* Find the zone that a word of the text names. */
static bool
read_zone(ScheduleText *in, Zone **zone)
{
	ScheduleWord word = schedule_peek_token(in);
	char		name[ZONE_NAME_SIZE];

	*zone = NULL;
	if (word.length < ZONE_NAME_SIZE)
	{
		memcpy(name, word.start, word.length);
		name[word.length] = '\0';
		*zone = zone_find(name);
	}
	if (*zone == NULL)
		return schedule_fail(in, word.start, zone_hint,
							 "Time zone \"%.*s\" does not exist.",
							 SCHEDULE_WORD_ARGS(word));
	in->p += word.length;
	return true;
}

/*
 * Find the zone of the schedule: that of a CRON_TZ= or TZ= prefix, which is
 * read, or else the given one.
 */
static bool
find_zone(ScheduleText *in, const char *given, Zone **zone)
{
	const char *start = in->p;
	ScheduleWord word = schedule_read_letters(in);
	bool		is_prefix = false;
	size_t		length;

	if (schedule_word_is(word, "tz") && *in->p == '=')
		is_prefix = true;
	else if (schedule_word_is(word, "cron") && pg_strncasecmp(in->p, "_tz=", 4) == 0)
	{
		in->p += 3;
		is_prefix = true;
	}
	if (is_prefix)
	{
		in->p++;
		if (!read_zone(in, zone))
			return false;
		schedule_skip_blanks(in);
		return true;
	}

	in->p = start;
	*zone = zone_find(given);
	if (*zone != NULL)
		return true;

	/* it is not part of the text, so it may have any characters */
	length = strspn(given, ZONE_CHARACTERS);
	if (given[length] == '\0' && length > 0 && length < ZONE_NAME_SIZE)
		(void) schedule_fail(in, in->text, zone_hint,
							 "Time zone \"%.64s\" does not exist.", given);
	else
		(void) schedule_fail(in, in->text, zone_hint,
							 "The schedule's time zone does not exist.");
	in->error->position = 0;
	return false;
}

static bool
read_end(ScheduleText *in)
{
	ScheduleWord rest;

	schedule_skip_blanks(in);
	if (*in->p == '\0')
		return true;
	rest = schedule_peek_token(in);
	return schedule_fail(in, in->p, "Nothing may follow this form of schedule.",
						 "There is text after the end of the schedule: \"%.*s\".",
						 SCHEDULE_WORD_ARGS(rest));
}

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
		return schedule_fail(in, start, at_hint,
							 "The %s has %d digits, not %d.",
							 what, count, digits);
	if (*number < min || *number > max)
		return schedule_fail(in, start, at_hint,
							 "The %s %0*d is not between %d and %d.",
							 what, digits, *number, min, max);
	return true;
}

static bool
read_at_separator(ScheduleText *in, char separator)
{
	if (*in->p != separator)
		return schedule_fail(in, in->p, at_hint,
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
				return schedule_fail(in, start, at_hint,
									 "The seconds have %d digits after the point, not 1 to 6.",
									 digits);
			for (; digits < 6; digits++)
				fraction *= 10;
		}
	}
	*time = ((hour * 60 + minute) * 60 + second) * USECS_PER_SEC + fraction;
	return true;
}

/* Read the time that follows @at. */
static bool
read_at(ScheduleText *in, Schedule *schedule)
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
		return schedule_fail(in, start, at_hint,
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
	if (*in->p != '\0' && !read_zone(in, &schedule->zone))
		return false;

	local = calendar_day(year, month, day) * CALENDAR_DAY_SECONDS +
		time / USECS_PER_SEC;
	schedule->at = (zone_to_utc(schedule->zone, local) -
					UNIX_TO_TIMESTAMP_SECONDS) * USECS_PER_SEC +
		time % USECS_PER_SEC;
	if (schedule->at < MIN_AT_TIME || schedule->at >= END_AT_TIME)
		return schedule_fail(in, start, at_hint,
							 "The time is not in the years %d to %d.",
							 CRON_MIN_YEAR, CRON_MAX_YEAR);
	schedule->kind = SCHEDULE_AT;
	return read_end(in);
}

/* Does an ISO 8601 interval begin here? */
static bool
is_iso_period(const char *p)
{
	return (*p == 'p' || *p == 'P') &&
		(schedule_is_digit(p[1]) || p[1] == 't' || p[1] == 'T');
}

/* Read an interval in any of its spellings. */
static bool
read_period(ScheduleText *in, bool implied_one, Interval *period)
{
	schedule_skip_blanks(in);
	return is_iso_period(in->p) ? period_parse_iso(in, period) :
		period_parse(in, implied_one, period);
}

/* Read a form that begins with @. */
static bool
read_macro(ScheduleText *in, uint64 hash, Schedule *schedule)
{
	const char *start = in->p++;
	ScheduleWord word = {in->p, 0};

	while (schedule_is_letter(*in->p) || *in->p == '_')
		in->p++;
	word.length = (int) (in->p - word.start);

	if (schedule_word_is(word, "at"))
		return read_at(in, schedule);
	if (schedule_word_is(word, "every"))
	{
		schedule->kind = SCHEDULE_INTERVAL;
		return read_period(in, true, &schedule->period);
	}
	if (schedule_word_is(word, "after"))
	{
		schedule->kind = SCHEDULE_AFTER;
		return read_period(in, false, &schedule->period);
	}
	if (schedule_word_is(word, "reboot"))
	{
		schedule->kind = SCHEDULE_REBOOT;
		return read_end(in);
	}
	for (int i = 0; i < lengthof(macros); i++)
	{
		if (schedule_word_is(word, macros[i].name))
		{
			ScheduleText fields = {macros[i].fields, macros[i].fields, in->error};

			schedule->kind = SCHEDULE_CRON;
			return read_end(in) && cron_parse(&fields, hash, &schedule->cron);
		}
	}
	return schedule_fail(in, start,
						 "Use @yearly, @monthly, @weekly, @daily, @hourly, @every_minute, @every_second, @reboot, @every, @after or @at.",
						 "\"@%.*s\" is not a form of schedule.",
						 SCHEDULE_WORD_ARGS(word));
}

/* The n-th word of the text from here on, the first being 0. */
static ScheduleWord
peek_word(const ScheduleText *in, int n)
{
	ScheduleText ahead = *in;
	ScheduleWord word;

	do
	{
		schedule_skip_blanks(&ahead);
		word = schedule_peek_token(&ahead);
		ahead.p += word.length;
	} while (n-- > 0);
	return word;
}

/*
 * Is a text that starts with a digit an interval rather than cron fields?
 *
 * It is when a unit of time follows the number.  The one unit that is also
 * the whole of a cron field is H: "30 h" and "1 h 30 m 10 s" are intervals,
 * "30 H * * *" has fields.
 */
static bool
looks_like_period(const ScheduleText *in)
{
	ScheduleText ahead = *in;
	bool		is_field = peek_word(in, 4).length > 0;
	ScheduleWord word;
	int			number;

	(void) schedule_read_number(&ahead, &number);
	if (*ahead.p == ':' || *ahead.p == '.' || schedule_is_letter(*ahead.p))
		return true;
	if (!schedule_is_blank(*ahead.p))
		return false;
	schedule_skip_blanks(&ahead);
	word = schedule_read_letters(&ahead);
	if (word.length == 0)
		return false;
	if (!period_is_unit(word))
		return !is_field;
	if (is_field && schedule_word_is(word, "h"))
	{
		word = peek_word(in, 3);
		return period_is_unit(word) && !schedule_word_is(word, "h");
	}
	return true;
}

/* Read a schedule, the zone of which is known. */
static bool
read_form(ScheduleText *in, uint64 hash, Schedule *schedule)
{
	const char *start = in->p;
	ScheduleWord token = schedule_peek_token(in);
	ScheduleWord word;
	bool		is_period;

	if (token.length == 0)
		return schedule_fail(in, start, forms_hint, "The schedule is empty.");
	if (*start == '@')
		return read_macro(in, hash, schedule);
	if (is_iso_period(start))
	{
		schedule->kind = SCHEDULE_INTERVAL;
		return read_period(in, false, &schedule->period);
	}

	word = schedule_read_letters(in);
	if (schedule_word_is(word, "now"))
	{
		schedule->kind = SCHEDULE_NOW;
		return read_end(in);
	}
	if (schedule_word_is(word, "every"))
	{
		schedule->kind = SCHEDULE_INTERVAL;
		return read_period(in, true, &schedule->period);
	}
	in->p = start;

	/* period_parse() is the one that says what is wrong with "-5 minutes" */
	in->p += (*start == '-');
	is_period = schedule_is_digit(*in->p) && looks_like_period(in);
	in->p = start;
	if (is_period)
	{
		schedule->kind = SCHEDULE_INTERVAL;
		return read_period(in, false, &schedule->period);
	}
	if (token.length == 10 && start[4] == '-' && start[7] == '-')
		return schedule_fail(in, start, at_hint,
							 "A date alone is not a schedule.");
	if (strchr("*?Hh0123456789", *start) == NULL &&
		peek_word(in, 4).length == 0)
		return schedule_fail(in, start, forms_hint,
							 "\"%.*s\" is not a form of schedule.",
							 SCHEDULE_WORD_ARGS(token));
	schedule->kind = SCHEDULE_CRON;
	return cron_parse(in, hash, &schedule->cron);
}

/*
 * Make sure that the normal form can be read again.
 *
 * Only a list of hundreds of years, or a zone with a very long name, can make
 * it longer than a text may be.
 */
static bool
check_normal_form(ScheduleText *in, const Schedule *schedule)
{
	char		zone[ZONE_NAME_SIZE];
	char	   *normal;
	bool		fits;

	if (schedule->kind != SCHEDULE_CRON ||
		(schedule->cron.any_year &&
		 strlen(zone_name(schedule->zone, zone)) <= 64))
		return true;
	normal = schedule_normal_form(schedule);
	fits = strlen(normal) <= SCHEDULE_MAX_LENGTH;
	pfree(normal);
	if (fits)
		return true;
	return schedule_fail(in, in->text, "Use shorter lists of values.",
						 "The schedule's normal form has more than %d characters.",
						 SCHEDULE_MAX_LENGTH);
}

Schedule *
schedule_parse(const char *text, const char *zone, uint64 hash,
			   ScheduleError *error)
{
	ScheduleText in = {text, text, error};
	Schedule	schedule;
	Schedule   *result;

	memset(error, 0, sizeof(ScheduleError));
	memset(&schedule, 0, sizeof(schedule));

	if (!check_characters(&in))
		return NULL;
	schedule_skip_blanks(&in);
	if (!find_zone(&in, zone, &schedule.zone) ||
		!read_form(&in, hash, &schedule) ||
		!check_normal_form(&in, &schedule))
		return NULL;

	result = palloc(sizeof(Schedule));
	memcpy(result, &schedule, sizeof(Schedule));
	return result;
}

ScheduleKind
schedule_kind(const Schedule *schedule)
{
	return schedule->kind;
}

bool
schedule_next(const Schedule *schedule, TimestampTz anchor, TimestampTz after,
			  TimestampTz *next)
{
	int64		seconds;

	if (after >= SCHEDULE_END_TIME)
		return false;
	after = Max(after, SCHEDULE_MIN_TIME);

	switch (schedule->kind)
	{
		case SCHEDULE_CRON:
			seconds = calendar_floor_div(after, USECS_PER_SEC) +
				UNIX_TO_TIMESTAMP_SECONDS;
			if (!cron_next(&schedule->cron, schedule->zone, seconds, &seconds))
				return false;
			*next = (seconds - UNIX_TO_TIMESTAMP_SECONDS) * USECS_PER_SEC;
			return true;

		case SCHEDULE_INTERVAL:
			if (anchor < SCHEDULE_MIN_TIME || anchor >= SCHEDULE_END_TIME)
				return false;
			return period_next(&schedule->period, schedule->zone,
							   anchor, after, next);

		case SCHEDULE_AFTER:
			return period_next(&schedule->period, schedule->zone,
							   after, after, next);

		case SCHEDULE_AT:
			*next = schedule->at;
			return *next > after;

		case SCHEDULE_NOW:
			*next = anchor;
			return *next > after && !TIMESTAMP_NOT_FINITE(anchor);

		case SCHEDULE_REBOOT:
			break;
	}
	return false;
}

bool
schedule_uses_zone(const Schedule *schedule)
{
	switch (schedule->kind)
	{
		case SCHEDULE_CRON:
		case SCHEDULE_AT:
			return true;
		case SCHEDULE_INTERVAL:
		case SCHEDULE_AFTER:
			return period_uses_zone(&schedule->period);
		case SCHEDULE_NOW:
		case SCHEDULE_REBOOT:
			break;
	}
	return false;
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

char *
schedule_normal_form(const Schedule *schedule)
{
	StringInfoData buf;
	char		zone[ZONE_NAME_SIZE];

	initStringInfo(&buf);
	if (schedule->kind != SCHEDULE_AT && schedule_uses_zone(schedule))
		appendStringInfo(&buf, "CRON_TZ=%s ",
						 zone_name(schedule->zone, zone));
	switch (schedule->kind)
	{
		case SCHEDULE_CRON:
			cron_format(&buf, &schedule->cron);
			break;
		case SCHEDULE_INTERVAL:
			appendStringInfoString(&buf, "every ");
			period_format(&buf, &schedule->period);
			break;
		case SCHEDULE_AFTER:
			appendStringInfoString(&buf, "@after ");
			period_format(&buf, &schedule->period);
			break;
		case SCHEDULE_AT:
			/* the instant is all that counts, whatever zone named it */
			appendStringInfoString(&buf, "@at ");
			schedule_format_time(&buf, zone_find("UTC"), schedule->at);
			appendStringInfoString(&buf, " UTC");
			break;
		case SCHEDULE_NOW:
			appendStringInfoString(&buf, "now");
			break;
		case SCHEDULE_REBOOT:
			appendStringInfoString(&buf, "@reboot");
			break;
	}
	return buf.data;
}

/*-------------------------------------------------------------------------
 *
 * schedule_form.c
 *	  The forms of schedules: one row of a table each.
 *
 * A row says how a form begins, and how it is read, where its next time is,
 * how it is written and described, and what is true of it.  Nobody else asks
 * which form a schedule has: they ask for its flags.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/calendar.h"
#include "rules/schedule_impl.h"

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

/*
 * Reading, behind the keyword
 */

static bool
read_every(ScheduleText *in, uint64 hash, Schedule *schedule)
{
	return read_period(in, true, &schedule->period);
}

static bool
read_interval(ScheduleText *in, uint64 hash, Schedule *schedule)
{
	return read_period(in, false, &schedule->period);
}

static bool
read_nothing(ScheduleText *in, uint64 hash, Schedule *schedule)
{
	return schedule_read_end(in);
}

/* Read one of the names that stand for cron fields. */
static bool
read_macro(ScheduleText *in, uint64 hash, Schedule *schedule)
{
	const char *start = in->p++;
	ScheduleWord word = {in->p, 0};

	while (schedule_is_letter(*in->p) || *in->p == '_')
		in->p++;
	word.length = (int) (in->p - word.start);
	for (int i = 0; i < lengthof(macros); i++)
	{
		if (schedule_word_is(word, macros[i].name))
		{
			ScheduleText fields = {macros[i].fields, macros[i].fields, in->error};

			return schedule_read_end(in) && cron_parse(&fields, hash, &schedule->cron);
		}
	}
	return schedule_fail(in, start,
						 "Use @yearly, @monthly, @weekly, @daily, @hourly, @every_minute, @every_second, @reboot, @every, @after or @at.",
						 "\"@%.*s\" is not a form of schedule.",
						 SCHEDULE_WORD_ARGS(word));
}

static bool
read_cron(ScheduleText *in, uint64 hash, Schedule *schedule)
{
	const char *start = in->p;
	ScheduleWord token = schedule_peek_token(in);

	if (*start == '@')
		return read_macro(in, hash, schedule);
	if (token.length == 10 && start[4] == '-' && start[7] == '-')
		return schedule_fail(in, start, schedule_at_hint,
							 "A date alone is not a schedule.");
	if (strchr("*?Hh0123456789", *start) == NULL &&
		peek_word(in, 4).length == 0)
		return schedule_fail(in, start, schedule_forms_hint,
							 "\"%.*s\" is not a form of schedule.",
							 SCHEDULE_WORD_ARGS(token));
	return cron_parse(in, hash, &schedule->cron);
}

/* Does an interval without a keyword begin here? */
static bool
begins_interval(const ScheduleText *in)
{
	ScheduleText ahead = *in;

	if (is_iso_period(ahead.p))
		return true;
	/* period_parse() is the one that says what is wrong with "-5 minutes" */
	ahead.p += (*ahead.p == '-');
	return schedule_is_digit(*ahead.p) && looks_like_period(&ahead);
}

/*
 * Next times
 */

static bool
next_cron(const Schedule *schedule, const ScheduleBase *base, TimestampTz after,
		  TimestampTz *next)
{
	int64		seconds = calendar_floor_div(after, USECS_PER_SEC) +
		UNIX_TO_TIMESTAMP_SECONDS;

	if (!cron_next(&schedule->cron, schedule->zone, base->holidays, seconds, &seconds))
		return false;
	*next = (seconds - UNIX_TO_TIMESTAMP_SECONDS) * USECS_PER_SEC;
	return true;
}

static inline bool
can_count_from(TimestampTz anchor)
{
	return anchor >= SCHEDULE_MIN_TIME && anchor < SCHEDULE_END_TIME;
}

static bool
next_interval(const Schedule *schedule, const ScheduleBase *base, TimestampTz after,
			  TimestampTz *next)
{
	return can_count_from(base->anchor) &&
		period_next(&schedule->period, schedule->zone, base->anchor, after, next);
}

static bool
next_after(const Schedule *schedule, const ScheduleBase *base, TimestampTz after,
		   TimestampTz *next)
{
	return period_next(&schedule->period, schedule->zone, after, after, next);
}

static bool
next_at(const Schedule *schedule, const ScheduleBase *base, TimestampTz after,
		TimestampTz *next)
{
	*next = schedule->at;
	return *next > after;
}

static bool
next_now(const Schedule *schedule, const ScheduleBase *base, TimestampTz after,
		 TimestampTz *next)
{
	*next = base->anchor;
	return *next > after && !TIMESTAMP_NOT_FINITE(base->anchor);
}

static bool
next_in(const Schedule *schedule, const ScheduleBase *base, TimestampTz after,
		TimestampTz *next)
{
	return can_count_from(base->anchor) &&
		period_next(&schedule->period, schedule->zone, base->anchor, base->anchor, next) &&
		*next > after;
}

static bool
next_never(const Schedule *schedule, const ScheduleBase *base, TimestampTz after,
		   TimestampTz *next)
{
	return false;
}

/*
 * Writing the canonical spelling
 */

static void
write_cron(StringInfo buf, const Schedule *schedule)
{
	cron_format(buf, &schedule->cron);
}

static void
write_interval(StringInfo buf, const Schedule *schedule)
{
	appendStringInfoString(buf, "every ");
	period_format(buf, &schedule->period);
}

static void
write_after(StringInfo buf, const Schedule *schedule)
{
	appendStringInfoString(buf, "@after ");
	period_format(buf, &schedule->period);
}

/* The instant is all that counts, whatever zone named it. */
static void
write_at(StringInfo buf, const Schedule *schedule)
{
	appendStringInfoString(buf, "@at ");
	schedule_format_time(buf, zone_find("UTC"), schedule->at);
	appendStringInfoString(buf, " UTC");
}

static void
write_now(StringInfo buf, const Schedule *schedule)
{
	appendStringInfoString(buf, "now");
}

static void
write_in(StringInfo buf, const Schedule *schedule)
{
	appendStringInfoString(buf, "in ");
	period_format(buf, &schedule->period);
}

static void
write_reboot(StringInfo buf, const Schedule *schedule)
{
	appendStringInfoString(buf, "@reboot");
}

/*
 * The table.  Where a text could begin two forms, the first one has it.
 */
const ScheduleForm schedule_forms[] = {
	{SCHEDULE_LIST, {NULL}, NULL,
		SCHEDULE_RECURS,
		NULL, schedule_next_of_list, schedule_write_list, schedule_describe_list
	},
	{SCHEDULE_AT, {"@at"}, NULL,
		SCHEDULE_ONCE | SCHEDULE_FIXED | SCHEDULE_LOCAL,
		schedule_read_at, next_at, write_at, schedule_describe_at
	},
	{SCHEDULE_NOW, {"now"}, NULL,
		SCHEDULE_ONCE | SCHEDULE_FROM_NOW,
		read_nothing, next_now, write_now, schedule_describe_now
	},
	{SCHEDULE_IN, {"in"}, NULL,
		SCHEDULE_ONCE | SCHEDULE_FROM_NOW,
		read_interval, next_in, write_in, schedule_describe_in
	},
	{SCHEDULE_REBOOT, {"@reboot"}, NULL,
		SCHEDULE_AT_BOOT,
		read_nothing, next_never, write_reboot, schedule_describe_reboot
	},
	{SCHEDULE_AFTER, {"@after"}, NULL,
		SCHEDULE_FROM_END,
		read_interval, next_after, write_after, schedule_describe_after
	},
	{SCHEDULE_WEEKS, {"every", "@every"}, schedule_begins_weeks,
		SCHEDULE_RECURS | SCHEDULE_ANCHORED | SCHEDULE_LOCAL,
		schedule_read_weeks, schedule_next_of_weeks, schedule_write_weeks,
		schedule_describe_weeks
	},
	{SCHEDULE_INTERVAL, {"every", "@every"}, NULL,
		SCHEDULE_RECURS | SCHEDULE_ANCHORED | SCHEDULE_STARTS,
		read_every, next_interval, write_interval, schedule_describe_interval
	},
	{SCHEDULE_INTERVAL, {NULL}, begins_interval,
		SCHEDULE_RECURS | SCHEDULE_ANCHORED | SCHEDULE_STARTS,
		read_interval, next_interval, write_interval, schedule_describe_interval
	},
	{SCHEDULE_CRON, {NULL}, NULL,
		SCHEDULE_RECURS | SCHEDULE_LOCAL,
		read_cron, next_cron, write_cron, schedule_describe_cron
	}
};

/* Read the keyword of a form: letters and underscores, a "@" before them. */
static ScheduleWord
read_keyword(ScheduleText *in)
{
	ScheduleWord word = {in->p, 0};

	if (*in->p == '@')
		in->p++;
	while (schedule_is_letter(*in->p) || *in->p == '_')
		in->p++;
	word.length = (int) (in->p - word.start);
	return word;
}

static bool
has_keyword(const ScheduleForm *form, ScheduleWord word)
{
	for (int i = 0; i < lengthof(form->keywords) && form->keywords[i] != NULL; i++)
		if (schedule_word_is(word, form->keywords[i]))
			return true;
	return false;
}

bool
schedule_read_form(ScheduleText *in, uint64 hash, Schedule *schedule)
{
	ScheduleText behind = *in;
	ScheduleWord word = read_keyword(&behind);

	if (*in->p == '\0')
		return schedule_fail(in, in->p, schedule_forms_hint, "The schedule is empty.");
	for (int i = 0; i < lengthof(schedule_forms); i++)
	{
		const ScheduleForm *form = &schedule_forms[i];
		bool		keyword = form->keywords[0] != NULL;

		if (form->read == NULL || (keyword && !has_keyword(form, word)) ||
			(form->begins != NULL && !form->begins(keyword ? &behind : in)))
			continue;
		schedule->form = form;
		if (keyword)
			in->p = behind.p;
		return form->read(in, hash, schedule);
	}
	pg_unreachable();
}

/*-------------------------------------------------------------------------
 *
 * schedule.c
 *	  What is kept of a schedule: its next times, its normal form, what is true
 *	  of it.
 *
 * Each form does that in its own way, which its row of schedule_form.c says.
 * A schedule points to the row: this file needs none of the forms, and they
 * may use it.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/schedule_impl.h"

const char *const schedule_forms_hint =
"Use five cron fields such as \"*/5 * * * *\", an interval such as \"30 seconds\", a macro such as \"@daily\", \"@at\" with a time, or \"now\".";

const char *const schedule_zone_hint =
"Use a name from the view pg_timezone_names, such as Europe/Berlin, or an offset such as +02:00.";

/* Find the zone that a word of the text names. */
bool
schedule_read_zone(ScheduleText *in, Zone **zone)
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
		return schedule_fail(in, word.start, schedule_zone_hint,
							 "Time zone \"%.*s\" does not exist.",
							 SCHEDULE_WORD_ARGS(word));
	in->p += word.length;
	return true;
}

bool
schedule_read_end(ScheduleText *in)
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

bool
schedule_is(const Schedule *schedule, int flags)
{
	if (flags & SCHEDULE_WORKDAYS)
	{
		if (cron_has_workdays(&schedule->cron))
			return true;
		for (int i = 0; i < schedule->nparts; i++)
			if (cron_has_workdays(&schedule->parts[i].cron))
				return true;
	}
	return (schedule->form->flags & flags) != 0;
}

/* Bit n of a schedule's flags is called: */
static const char *const flag_names[] = {
	"recurs", "once", "fixed", "from_now", "from_end", "at_boot", "anchored", "workdays"
};

StaticAssertDecl(1 << (lengthof(flag_names) - 1) == SCHEDULE_WORKDAYS,
				 "flags up to this one have names");

ScheduleFlag
schedule_flag_from_name(const char *name)
{
	for (int i = 0; i < lengthof(flag_names); i++)
		if (strcmp(flag_names[i], name) == 0)
			return 1 << i;
	return 0;
}

char *
schedule_flag_list(void)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < lengthof(flag_names); i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", flag_names[i]);
	return list.data;
}

int
schedule_count(const Schedule *schedule)
{
	return Max(schedule->nparts, 1);
}

const Schedule *
schedule_part(const Schedule *schedule, int n)
{
	return schedule->nparts > 0 ? &schedule->parts[n] : schedule;
}

bool
schedule_next(const Schedule *schedule, const ScheduleBase *base, TimestampTz after,
			  TimestampTz *next)
{
	if (after >= SCHEDULE_END_TIME)
		return false;
	return schedule->form->next(schedule, base, Max(after, SCHEDULE_MIN_TIME), next);
}

bool
schedule_uses_zone(const Schedule *schedule)
{
	return schedule_is(schedule, SCHEDULE_LOCAL) || period_uses_zone(&schedule->period);
}

int64
schedule_fixed_period(const Schedule *schedule)
{
	if (schedule->form->kind != SCHEDULE_INTERVAL ||
		schedule->period.month != 0 || schedule->period.day != 0)
		return 0;
	return schedule->period.time;
}

char *
schedule_normal_form(const Schedule *schedule)
{
	StringInfoData buf;
	char		zone[ZONE_NAME_SIZE];

	initStringInfo(&buf);
	if (schedule_uses_zone(schedule) && !schedule_is(schedule, SCHEDULE_FIXED))
		appendStringInfo(&buf, "CRON_TZ=%s ",
						 zone_name(schedule->zone, zone));
	schedule->form->write(&buf, schedule);
	return buf.data;
}

/*-------------------------------------------------------------------------
 *
 * schedule_describe.c
 *	  A schedule, said in an English sentence.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/schedule_impl.h"

/* Append "Every 2 hours", but "Every day" for one of a unit. */
static void
append_every(StringInfo buf, const Interval *period)
{
	StringInfoData length;
	const char *text;

	initStringInfo(&length);
	period_format(&length, period);
	text = length.data;
	if (strncmp(text, "1 ", 2) == 0 && strchr(text + 2, ' ') == NULL)
		text += 2;
	appendStringInfo(buf, "Every %s", text);
	pfree(length.data);
}

void
schedule_describe_cron(StringInfo buf, const Schedule *schedule)
{
	cron_describe(buf, &schedule->cron);
	buf->data[0] = pg_toupper((unsigned char) buf->data[0]);
}

void
schedule_describe_weeks(StringInfo buf, const Schedule *schedule)
{
	if (schedule->weeks == 1)
		appendStringInfoString(buf, "Every week on ");
	else
		appendStringInfo(buf, "Every %d weeks on ", schedule->weeks);
	cron_describe_wdays(buf, schedule->cron.wdays);
	appendStringInfoString(buf, " at ");
	cron_format_time(buf, &schedule->cron);
}

void
schedule_describe_interval(StringInfo buf, const Schedule *schedule)
{
	append_every(buf, &schedule->period);
}

void
schedule_describe_after(StringInfo buf, const Schedule *schedule)
{
	period_format(buf, &schedule->period);
	appendStringInfoString(buf, " after the end of the last run");
}

void
schedule_describe_at(StringInfo buf, const Schedule *schedule)
{
	appendStringInfoString(buf, "Once, at ");
	schedule_format_time(buf, schedule->zone, schedule->at);
}

void
schedule_describe_now(StringInfo buf, const Schedule *schedule)
{
	appendStringInfoString(buf, "Once, immediately");
}

void
schedule_describe_in(StringInfo buf, const Schedule *schedule)
{
	appendStringInfoString(buf, "Once, in ");
	period_format(buf, &schedule->period);
}

void
schedule_describe_reboot(StringInfo buf, const Schedule *schedule)
{
	appendStringInfoString(buf, "Once after each start or promotion of the server");
}

void
schedule_describe_list(StringInfo buf, const Schedule *schedule)
{
	for (int i = 0; i < schedule->nparts; i++)
	{
		char	   *part = schedule_describe(&schedule->parts[i]);

		appendStringInfo(buf, "%s%s", i > 0 ? "; " : "", part);
		pfree(part);
	}
}

char *
schedule_describe(const Schedule *schedule)
{
	StringInfoData buf;
	char		zone[ZONE_NAME_SIZE];

	initStringInfo(&buf);
	schedule->form->describe(&buf, schedule);
	if (schedule_uses_zone(schedule))
		appendStringInfo(&buf, ", %s", zone_name(schedule->zone, zone));
	return buf.data;
}

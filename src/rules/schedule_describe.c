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

char *
schedule_describe(const Schedule *schedule)
{
	StringInfoData buf;
	char		zone[ZONE_NAME_SIZE];

	initStringInfo(&buf);
	switch (schedule->kind)
	{
		case SCHEDULE_CRON:
			cron_describe(&buf, &schedule->cron);
			buf.data[0] = pg_toupper((unsigned char) buf.data[0]);
			break;
		case SCHEDULE_INTERVAL:
			append_every(&buf, &schedule->period);
			break;
		case SCHEDULE_AFTER:
			period_format(&buf, &schedule->period);
			appendStringInfoString(&buf, " after the end of the last run");
			break;
		case SCHEDULE_AT:
			appendStringInfoString(&buf, "Once, at ");
			schedule_format_time(&buf, schedule->zone, schedule->at);
			break;
		case SCHEDULE_NOW:
			appendStringInfoString(&buf, "Once, immediately");
			break;
		case SCHEDULE_REBOOT:
			appendStringInfoString(&buf, "Once after each start or promotion of the server");
			break;
	}
	if (schedule_uses_zone(schedule))
		appendStringInfo(&buf, ", %s", zone_name(schedule->zone, zone));
	return buf.data;
}

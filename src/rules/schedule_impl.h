/*-------------------------------------------------------------------------
 *
 * schedule_impl.h
 *	  What a schedule consists of, for the files that implement schedule.h.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SCHEDULE_IMPL_H
#define PG_SCHEDULER_SCHEDULE_IMPL_H

#include "rules/cron.h"
#include "rules/period.h"
#include "rules/schedule.h"

struct Schedule
{
	ScheduleKind kind;
	Zone	   *zone;			/* never NULL */
	CronFields	cron;			/* of CRON */
	Interval	period;			/* of INTERVAL and AFTER */
	TimestampTz at;				/* of AT */
};

/* Does the zone make a difference to the schedule? */
extern bool schedule_uses_zone(const Schedule *schedule);

/* Append a time, in local time of the zone, as AT writes it. */
extern void schedule_format_time(StringInfo buf, const Zone *zone,
								 TimestampTz time);

#endif							/* PG_SCHEDULER_SCHEDULE_IMPL_H */

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

typedef enum ScheduleKind
{
	SCHEDULE_LIST,				/* several schedules */
	SCHEDULE_CRON,				/* wall-clock fields */
	SCHEDULE_WEEKS,				/* some weekdays of every n-th week */
	SCHEDULE_INTERVAL,			/* anchor + n * interval */
	SCHEDULE_AFTER,				/* interval counted from the end of a run */
	SCHEDULE_AT,				/* one instant given in the text */
	SCHEDULE_NOW,				/* one instant: the anchor */
	SCHEDULE_IN,				/* one instant: anchor + interval */
	SCHEDULE_REBOOT				/* once per server start or promotion */
} ScheduleKind;

/* A form of schedule: a row of the table in schedule_form.c */
typedef struct ScheduleForm
{
	ScheduleKind kind;
	const char *keywords[2];	/* any of these begins it; NULL: none does */
	bool		(*begins) (const ScheduleText *in); /* what else it takes */
	int			flags;			/* ScheduleFlag */
	bool		(*read) (ScheduleText *in, uint64 hash, Schedule *schedule);
	bool		(*next) (const Schedule *schedule, const ScheduleBase *base,
						 TimestampTz after, TimestampTz *next);
	void		(*write) (StringInfo buf, const Schedule *schedule);
	void		(*describe) (StringInfo buf, const Schedule *schedule);
} ScheduleForm;

struct Schedule
{
	const ScheduleForm *form;
	Zone	   *zone;			/* NULL only of LIST */
	CronFields	cron;			/* of CRON and WEEKS */
	Interval	period;			/* of INTERVAL, AFTER and IN */
	int			weeks;			/* of WEEKS */
	TimestampTz at;				/* of AT */
	int			nparts;			/* of LIST */
	struct Schedule *parts;		/* in the same chunk of memory */
};

/* The first row is that of LIST. */
extern const ScheduleForm schedule_forms[];

/* Hints of more than one file */
extern const char *const schedule_forms_hint;
extern const char *const schedule_at_hint;
extern const char *const schedule_zone_hint;

/* Read one schedule, the zone of which is known, up to the end of the text. */
extern bool schedule_read_form(ScheduleText *in, uint64 hash, Schedule *schedule);

/* Read the name of a zone. */
extern bool schedule_read_zone(ScheduleText *in, Zone **zone);

/* Is this the end of the text?  Else it is an error. */
extern bool schedule_read_end(ScheduleText *in);

/* Does the zone make a difference to the schedule? */
extern bool schedule_uses_zone(const Schedule *schedule);

/* Append a time, in local time of the zone, as AT writes it. */
extern void schedule_format_time(StringInfo buf, const Zone *zone,
								 TimestampTz time);

/* Parts of forms that have a file of their own */
extern bool schedule_read_at(ScheduleText *in, uint64 hash, Schedule *schedule);
extern bool schedule_next_of_list(const Schedule *schedule, const ScheduleBase *base,
								  TimestampTz after, TimestampTz *next);
extern void schedule_write_list(StringInfo buf, const Schedule *schedule);
extern bool schedule_begins_weeks(const ScheduleText *in);
extern bool schedule_read_weeks(ScheduleText *in, uint64 hash, Schedule *schedule);
extern bool schedule_next_of_weeks(const Schedule *schedule, const ScheduleBase *base,
								   TimestampTz after, TimestampTz *next);
extern void schedule_write_weeks(StringInfo buf, const Schedule *schedule);

extern void schedule_describe_list(StringInfo buf, const Schedule *schedule);
extern void schedule_describe_cron(StringInfo buf, const Schedule *schedule);
extern void schedule_describe_weeks(StringInfo buf, const Schedule *schedule);
extern void schedule_describe_interval(StringInfo buf, const Schedule *schedule);
extern void schedule_describe_after(StringInfo buf, const Schedule *schedule);
extern void schedule_describe_at(StringInfo buf, const Schedule *schedule);
extern void schedule_describe_now(StringInfo buf, const Schedule *schedule);
extern void schedule_describe_in(StringInfo buf, const Schedule *schedule);
extern void schedule_describe_reboot(StringInfo buf, const Schedule *schedule);

#endif							/* PG_SCHEDULER_SCHEDULE_IMPL_H */

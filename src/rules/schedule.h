/*-------------------------------------------------------------------------
 *
 * schedule.h
 *	  The schedule language: text -> schedule -> next time.
 *
 * Everything behind this header is pure.  It reads neither the clock nor a
 * catalogue nor a setting, and it never raises an error for bad input: a bad
 * text is answered with a ScheduleError.  The only thing taken from the
 * server is its time-zone database (zone.c).
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SCHEDULE_H
#define PG_SCHEDULER_SCHEDULE_H

#include "datatype/timestamp.h"

/* A text longer than this is refused before it is looked at. */
#define SCHEDULE_MAX_LENGTH		1024

/* One text has at most so many schedules. */
#define SCHEDULE_MAX_PARTS		20

/* What is true of a schedule.  Names that SQL knows: schedule_flag_from_name(). */
typedef enum ScheduleFlag
{
	SCHEDULE_RECURS = 1 << 0,	/* its times go on, and do not depend on runs */
	SCHEDULE_ONCE = 1 << 1,		/* it has one time */
	SCHEDULE_FIXED = 1 << 2,	/* the text names the instant */
	SCHEDULE_FROM_NOW = 1 << 3, /* it counts from when it is set, or starts_at */
	SCHEDULE_FROM_END = 1 << 4, /* it counts from the end of the last run */
	SCHEDULE_AT_BOOT = 1 << 5,	/* the start of the server, not a time */
	SCHEDULE_ANCHORED = 1 << 6, /* it counts from starts_at, even one long ago */
	SCHEDULE_WORKDAYS = 1 << 7, /* it asks which days are holidays */
	SCHEDULE_STARTS = 1 << 8,	/* its first time is starts_at */
	SCHEDULE_LOCAL = 1 << 9		/* it names times of day or dates of a zone */
} ScheduleFlag;

typedef struct Schedule Schedule;

/* Why a text was refused.  All strings are palloc'd or constant. */
typedef struct ScheduleError
{
	int			position;		/* 1-based character in the text, 0: unknown */
	const char *detail;			/* a sentence */
	const char *hint;			/* a sentence, or NULL */
} ScheduleError;

/*
 * Parse a schedule.
 *
 * "zone" is the name of the time zone that holds where the text names none.
 * "hash" seeds H fields: the same hash gives the same minute for ever.
 *
 * Returns NULL and fills *error when the text, or the zone, is not valid or
 * can never fire.  The result lives in the current memory context as one
 * chunk, and is freed with pfree().
 */
extern Schedule *schedule_parse(const char *text, const char *zone,
								uint64 hash, ScheduleError *error);

/* Is any of the flags true of the schedule? */
extern bool schedule_is(const Schedule *schedule, int flags);

/* The flag of a name such as "at_boot"; 0: there is no such flag. */
extern ScheduleFlag schedule_flag_from_name(const char *name);

/* The names of all flags that have one, separated by commas; palloc'd. */
extern char *schedule_flag_list(void);

/*
 * The schedules that a list is made of; of any other, itself.  Their times are
 * all times of the list.
 */
extern int	schedule_count(const Schedule *schedule);
extern const Schedule *schedule_part(const Schedule *schedule, int n);

/*
 * What next times depend on besides the schedule.
 *
 * "anchor" is what intervals count from and what NOW fires at: the job's
 * starts_at, else the time at which its schedule was set.  An interval's
 * first occurrence is anchor + 1 * interval; an anchor is not an occurrence
 * itself.
 */
typedef struct ScheduleBase
{
	TimestampTz anchor;
	const struct Calendar *holidays;	/* no working days; NULL: none */
} ScheduleBase;

/*
 * The first occurrence strictly later than "after".  One that is counted from
 * the end of a run answers after + interval; one at boot never has a next time.
 *
 * Returns false when there is none.
 */
extern bool schedule_next(const Schedule *schedule, const ScheduleBase *base,
						  TimestampTz after, TimestampTz *next);

/* The distance of any two occurrences in a row in microseconds; 0: they differ. */
extern int64 schedule_fixed_period(const Schedule *schedule);

/* The canonical spelling of a schedule; equal schedules have equal ones. */
extern char *schedule_normal_form(const Schedule *schedule);

/* A sentence in English, such as "At 02:30 on Monday, Europe/Berlin". */
extern char *schedule_describe(const Schedule *schedule);

#endif							/* PG_SCHEDULER_SCHEDULE_H */

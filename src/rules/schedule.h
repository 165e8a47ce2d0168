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

typedef enum ScheduleKind
{
	SCHEDULE_CRON,				/* wall-clock fields */
	SCHEDULE_INTERVAL,			/* anchor + n * interval */
	SCHEDULE_AFTER,				/* interval counted from the end of a run */
	SCHEDULE_AT,				/* one instant given in the text */
	SCHEDULE_NOW,				/* one instant: the anchor */
	SCHEDULE_REBOOT				/* once per server start or promotion */
} ScheduleKind;

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

extern ScheduleKind schedule_kind(const Schedule *schedule);

/*
 * The first occurrence strictly later than "after".
 *
 * "anchor" is what intervals count from and what NOW fires at: the job's
 * starts_at, else the time at which its schedule was set.  An interval's
 * first occurrence is anchor + 1 * interval; an anchor is not an occurrence
 * itself.  AFTER answers after + interval; REBOOT never has a next time.
 *
 * Returns false when there is none.
 */
extern bool schedule_next(const Schedule *schedule, TimestampTz anchor,
						  TimestampTz after, TimestampTz *next);

/* The canonical spelling of a schedule; equal schedules have equal ones. */
extern char *schedule_normal_form(const Schedule *schedule);

/* A sentence in English, such as "At 02:30 on Monday, Europe/Berlin". */
extern char *schedule_describe(const Schedule *schedule);

#endif							/* PG_SCHEDULER_SCHEDULE_H */

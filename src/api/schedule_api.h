/*-------------------------------------------------------------------------
 *
 * schedule_api.h
 *	  What the SQL-callable functions share about schedules.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SCHEDULE_API_H
#define PG_SCHEDULER_SCHEDULE_API_H

#include "rules/schedule.h"

/* Raise the ERROR for a text that schedule_parse() refused. */
extern _Noreturn void schedule_report_error(const char *text,
											const ScheduleError *error);

/*
 * Raise the ERROR for a valid schedule that is over: schedule_next() finds
 * nothing after the present time, and it is not SCHEDULE_AT_BOOT.
 */
extern _Noreturn void schedule_report_over(const char *text);

#endif							/* PG_SCHEDULER_SCHEDULE_API_H */

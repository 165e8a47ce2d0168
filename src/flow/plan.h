/*-------------------------------------------------------------------------
 *
 * plan.h
 *	  The next times of jobs whose schedules are new, or mean other times now.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_PLAN_H
#define PG_SCHEDULER_PLAN_H

#include "state/job_cache.h"

/*
 * Give a job whose schedule is new, or has changed, its first time.  In a
 * transaction; the state is written later.
 */
extern void plan_job(JobEntry *entry);

/*
 * The same for all jobs that have changed since a scheduler saw them.  Outside
 * of a transaction.
 */
extern void plan_new_jobs(void);

/*
 * pg_scheduler.timezone has changed: set the next times to which it applies
 * anew.  Those that have come already stay.  Outside of a transaction, before
 * next times are loaded.
 */
extern void plan_in_new_zone(void);

/*
 * A calendar, by the hash of its name, has changed: set the next times that
 * count working days anew.  Outside of a transaction.
 */
extern void plan_by_calendar(int64 calendar_hash);

#endif							/* PG_SCHEDULER_PLAN_H */

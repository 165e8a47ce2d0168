/*-------------------------------------------------------------------------
 *
 * plan.h
 *	  The next times of jobs whose schedules are new, or read in a new time zone.
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

#endif							/* PG_SCHEDULER_PLAN_H */

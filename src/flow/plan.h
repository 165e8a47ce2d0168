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
 * The clock was ahead, by so many us (0: that is not known).  What is in the future
 * of the states of jobs, and cannot be, is set to now; next times are set anew.
 * Outside of a transaction, before next times are loaded.
 */
extern void plan_after_clock(int64 ahead);

/* The same for a job whose next time nobody understands.  In a transaction. */
extern void plan_set_right(JobEntry *entry);

/*
 * A calendar, by the hash of its name, has changed: set the next times that
 * count working days anew.  Outside of a transaction.
 */
extern void plan_by_calendar(int64 calendar_hash);

#endif							/* PG_SCHEDULER_PLAN_H */

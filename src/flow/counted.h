/*-------------------------------------------------------------------------
 *
 * counted.h
 *	  Runs that are counted as history has them, since the scheduler was not there
 *	  when they ended, or others have ended them.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_COUNTED_H
#define PG_SCHEDULER_COUNTED_H

#include "state/job_cache.h"
#include "table/query.h"

/*
 * Count an attempt of which history tells.  False: its job has gone, or the
 * scheduler has the run still, and counts it when its outcome comes.  In a
 * transaction.
 */
extern bool counted_add(const CountedRun *counted);

/* Remember that a run has been counted as history has it, if it was cancelled. */
extern void counted_note(const CountedRun *counted);

/*
 * A run is not pending, and the scheduler does not know it.  It has counted it
 * before, or the run was cancelled before the scheduler could see it, which is
 * counted here.  In a transaction.
 */
extern void counted_late(int64 run_id);

/*
 * A run that run_job() or the like has added may be found before the scheduler
 * was told of it, or after it had died with the number unwritten.
 */
extern void counted_correct_runs(JobEntry *job);

#endif							/* PG_SCHEDULER_COUNTED_H */

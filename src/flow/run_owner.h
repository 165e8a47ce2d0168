/*-------------------------------------------------------------------------
 *
 * run_owner.h
 *	  Runs of jobs that change hands, or whose owner has gone.
 *
 * All functions are the scheduler's, and called in a transaction.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RUN_OWNER_H
#define PG_SCHEDULER_RUN_OWNER_H

#include "state/run_queue.h"

/*
 * A run goes with its job, to the role that owns it now.  False: it is that
 * of the job's owner already, or is over.
 */
extern bool run_owner_follow(RunEntry *entry);

/*
 * The definition of a job has been read again; these runs are not begun.  False:
 * there are more, for the next time.
 */
extern bool run_owner_follow_all(const JobEntry *job);

/* A role was dropped: its jobs have nobody to run as. */
extern void run_owner_turn_off(Oid role);

#endif							/* PG_SCHEDULER_RUN_OWNER_H */

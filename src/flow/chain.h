/*-------------------------------------------------------------------------
 *
 * chain.h
 *	  Jobs that run after others: from the ends of leaders to runs of their
 *	  followers.  For the scheduler.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_CHAIN_H
#define PG_SCHEDULER_CHAIN_H

/* Forget everything; before chain_load(). */
extern void chain_reset(void);

/* Learn of all ends that wait.  In a transaction. */
extern void chain_load(void);

/*
 * The same for the ends of a range of runs.  Those that are known are looked
 * at again, in case that failed.
 */
extern void chain_look(int64 after, int64 upto);

/* A run has ended that may have left word for followers. */
extern void chain_note_run(int64 run_id);

/* A job has changed, or one of its leaders has: look at its ends again. */
extern void chain_note_job(int64 job_id);

/*
 * Run followers whose leaders have ended, so many at a time.  Outside of a
 * transaction.  True: there is more.
 */
extern bool chain_cycle(void);

#endif							/* PG_SCHEDULER_CHAIN_H */

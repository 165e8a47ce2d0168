/*-------------------------------------------------------------------------
 *
 * enqueue.h
 *	  From due jobs to pending runs.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_ENQUEUE_H
#define PG_SCHEDULER_ENQUEUE_H

#include "state/job_cache.h"
#include "table/store.h"

/*
 * Enqueue what is due, a batch at a time.  Outside of a transaction.  True:
 * there is more.
 */
extern bool enqueue_due(void);

/* Enqueue a job at its next time, if it has one. */
extern void enqueue_when_due(const JobEntry *entry);

/* When enqueue_due() has something to do next, or DT_NOEND. */
extern TimestampTz enqueue_next_time(void);

/* The server has come up: enqueue the @reboot jobs.  In a transaction. */
extern void enqueue_reboot_jobs(void);

/*
 * Enqueue an occurrence that the ends of other runs have brought about, whose
 * scheduled_at and args are set.  In a transaction.  False: it is not run; if
 * that has been put on record, run_id is set, as it is when it is run.  When
 * the transaction has committed, the run enters the run queue, and with
 * *cancel the run of the job that is under way is to be cancelled.
 */
extern bool enqueue_triggered(JobEntry *entry, PendingRun *pending, bool *cancel);

/* From now on, and for a while, have runs on disk before they can start. */
extern void enqueue_durably(void);

#endif							/* PG_SCHEDULER_ENQUEUE_H */

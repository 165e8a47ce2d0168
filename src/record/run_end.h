/*-------------------------------------------------------------------------
 *
 * run_end.h
 *	  Put the end of an attempt on record, and decide what follows.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RUN_END_H
#define PG_SCHEDULER_RUN_END_H

#include "shared/shmem.h"
#include "table/store.h"

/* Fill in a record with what is known of every attempt. */
extern void run_end_init_record(RunRecord *record, const Run *run,
								const char *job_name, RunStatus status,
								TimestampTz started_at, TimestampTz finished_at);

/*
 * Record an attempt that did not succeed, in the current transaction.
 *
 * Its row of pending_run becomes the next attempt, where the job's retry
 * policy says so, and is deleted otherwise; a run that is out of attempts
 * becomes a dead letter, unless the job wants none.  "job" needs its retry_on; "not_before" (DT_NOBEGIN:
 * nothing) is a time that a server has asked us to wait for: it takes the
 * place of the backoff.  "args" may be NULL unless run_end_needs_args() says
 * that they are handed on.  Of *outcome the kind, next, status, finished_at,
 * dead_letter and chained are set.
 */
extern bool run_end_needs_args(const Job *job);
extern void run_end_failure(const Job *job, RunRecord *record, Jsonb *args,
							TimestampTz not_before, Outcome *outcome);

/*
 * The same when that could not be recorded, for "problem": the row of history
 * alone, with short texts.  There is no dead letter, no run of a clean-up hook,
 * and no word for followers, for one of these may be what cannot be written.
 */
extern void run_end_failure_small(const Job *job, RunRecord *record, const char *problem,
								  TimestampTz not_before, Outcome *outcome);

/* What is in a server log of a text that can be long. */
extern char *run_end_log_text(const char *text);

/*
 * The last attempt of a run has ended in good order, but without success: what
 * it has done is kept.  In its transaction, which has deleted the pending run.
 */
extern void run_end_in_order(const Job *job, RunRecord *record, Jsonb *args,
							 Outcome *outcome);

#endif							/* PG_SCHEDULER_RUN_END_H */

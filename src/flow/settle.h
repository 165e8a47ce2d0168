/*-------------------------------------------------------------------------
 *
 * settle.h
 *	  What has become of runs: outcomes, deaths, and the state after a start.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SETTLE_H
#define PG_SCHEDULER_SETTLE_H

#include "lib/stringinfo.h"

#include "shared/shmem.h"
#include "state/job_cache.h"
#include "table/store.h"

/*
 * Learn of all runs that are pending, when the scheduler starts: those that
 * were begun and not finished are lost, those that a worker still has are
 * left to it, all others are to be done.
 */
extern void settle_start(Database *db);

/*
 * Count what history has and job_state has not: when the scheduler starts,
 * before any state is written, which is done here; and of runs with ids in a
 * range that finished in a time, in a transaction; how many.
 */
extern void settle_uncounted(void);
extern int64 settle_uncounted_of(int64 after, int64 upto, TimestampTz since,
								 TimestampTz before);

/* An attempt has ended: count it, and see to what follows. */
extern void settle_apply(const Outcome *outcome);

/*
 * A run has been taken away.  Whoever has done that has put its end on record,
 * unless its job was dropped; that counts like any other.  If its row is there
 * nevertheless, it is to be done again.  In a transaction.
 */
extern void settle_apply_gone(const Run *run);

/*
 * A run is pending, nobody has it in hand, and its job has been dropped: while
 * somebody had it in hand, and it has failed, or just before it was inserted.
 * It is cancelled, unless somebody else has just done so.  In a transaction.
 */
extern bool settle_orphan(const PendingRun *pending);

/*
 * End an attempt on behalf of a worker that cannot.  In a transaction.  The
 * outcome is to be applied after the commit.
 */
extern void settle_fail_attempt(const Run *run, RunStatus status, int sqlerrcode,
								const char *message, const char *detail,
								const char *hint, TimestampTz started_at, Outcome *outcome);

/*
 * What workers have reported: take it out of the ring, and take note of it; of
 * how many runs.  A worker tells of a change before the outcome that it comes
 * with: whoever takes the outcomes first finds all their changes.
 */
extern void settle_take_outcomes(Database *db);
extern int	settle_outcomes(Database *db);

/* Take note of workers that have died.  When to look again, or DT_NOEND. */
extern TimestampTz settle_deaths(void);

/* Take note of the end of the HTTP worker: what it had in hand is done again. */
extern void settle_http_worker(Database *db);

/* Fail everything of a role that is ready. */
extern void settle_fail_role(Oid role, int sqlerrcode, const char *message,
							 const char *hint);

/*
 * Cancel a run, unless it is over: whoever had it in hand when it was
 * cancelled could not do so.  Outside of a transaction; an error is logged.
 */
extern void settle_cancel_run(int64 run_id);

/* Look at one row of pending_run again: it has come, or gone. */
extern void settle_changed_run(int64 run_id);

/*
 * Compare pending_run with what is known of it, in a transaction: call for
 * runs in a range that are pending and not known, and for runs that are known
 * and not pending.  The second goes over some at a time: run_list_visit().
 */
extern void settle_find_unknown(int64 after, int64 upto, RunIdCallback callback);
extern bool settle_find_gone(bool anew, int count, RunIdCallback callback);

/*
 * See to all runs that have been taken away and that we have not been told of,
 * in a transaction: before memory is given up, and while a state does not yet
 * say that it has counted what ended by now.
 */
extern void settle_gone(void);

/*
 * Repair one such run, in a transaction.  False: there is nothing wrong with it;
 * else *what gets a sentence that says what was.
 */
extern bool settle_repair(int64 run_id, StringInfo what);

/*
 * Runs that have waited for longer than their jobs want are missed, wherever they
 * wait; those that are under way go on.  When to look again, or DT_NOEND.  Outside
 * a transaction, before runs are handed to workers.
 */
extern TimestampTz settle_late(TimestampTz now);

#endif							/* PG_SCHEDULER_SETTLE_H */

/*-------------------------------------------------------------------------
 *
 * settle_start.c
 *	  Runs that are pending when the scheduler starts, or that it has lost track of.
 *
 * At its start and after an error the scheduler reads pending_run, and decides
 * about each row (settle_pending):
 *
 *	in hand of a worker					left to it: DISPATCHED
 *	its job was dropped					cancelled
 *	begun, and no worker has it			lost; on_lost decides about a retry
 *	any other							to be done: it waits, or is ready
 *
 * "Begun" is pending_run.started_at, which a run sets when it commits a part of
 * its work.  If the job was dropped and a worker has the run, nothing is done:
 * the worker finds out.
 *
 * The order of the steps in settle_start() matters.  First the lanes are
 * emptied, so that no worker takes up a run from then on.  Then it is noted what
 * workers have in hand, and only then the rows are read: a run that ends in
 * between has no row, or that of its next attempt, which nobody has in hand.
 *
 * If the server has crashed, each run that was in flight (flight_recorder.c) gets
 * a crash counted, durably, before it may run again.  Runs with crashes run one
 * at a time; at pg_scheduler.crash_limit the job is paused.
 *
 * Rows say what is to be done.  What was done is counted next: settle_uncounted()
 * reads the history that no state has counted, from scheduler_mark.counted_run_id
 * on.
 *
 * The second half of the file compares memory with the tables while the scheduler
 * runs; repair.c calls it.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "base/guc.h"
#include "base/process.h"
#include "flow/counted.h"
#include "flow/enqueue.h"
#include "flow/in_hand.h"
#include "flow/lane_fill.h"
#include "flow/pause.h"
#include "flow/run_owner.h"
#include "flow/settle.h"
#include "record/run_end.h"
#include "shared/flight_recorder.h"
#include "state/alert.h"
#include "state/job_metrics.h"
#include "state/recovery_event.h"
#include "state/run_list.h"
#include "state/run_queue.h"
#include "table/query.h"
#include "table/store.h"

static void
collect_pending(const PendingRun *pending, void *arg)
{
	List	  **rows = arg;		/* PendingRun */
	MemoryContext oldcontext = MemoryContextSwitchTo(cycle_context);
	PendingRun *copy = palloc(sizeof(PendingRun));

	*copy = *pending;
	copy->stored_args = NULL;	/* is where the scan is */
	*rows = lappend(*rows, copy);
	MemoryContextSwitchTo(oldcontext);
}

/* Runs are listed by their ids, and inserted in that order in no time. */
static int
compare_rows(const ListCell *a, const ListCell *b)
{
	int64		run_a = ((const PendingRun *) lfirst(a))->run.run_id;
	int64		run_b = ((const PendingRun *) lfirst(b))->run.run_id;

	return run_a < run_b ? -1 : run_a > run_b;
}

static bool
is_among(int64 id, const int64 *ids, int n)
{
	for (int i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/*
 * A job whose run was part of too many crashes is paused: it must not keep
 * the server from coming up.
 */
static void
count_crash(PendingRun *pending, JobEntry *job)
{
	pending->run.crashes++;
	(void) store_count_crash(&pending->run);
	/* it may crash again before an asynchronous commit is on disk */
	ForceSyncCommit();
	if (pending->run.crashes < pg_scheduler_crash_limit)
		return;
	job->job.active = false;	/* before the change is noticed */
	pause_job(job->job_id, psprintf("its runs were part of %d server crashes",
									 pending->run.crashes));
	recovery_event_of_job("pause", job->job_id, job->job.owner, true,
						  psprintf("its runs were part of %d server crashes",
								   pending->run.crashes));
	alert_raise(ALERT_CRASH_LIMIT, job->job.job_name, job->job_id,
				job->job.owner,
				psprintf("job \"%s\" is paused: its runs were part of %d server crashes",
						 job->job.job_name, pending->run.crashes));
}

/* Settle one pending run.  In a transaction; the outcome is applied later. */
static void
settle_pending(PendingRun *pending, bool crashed)
{
	JobEntry   *job = job_cache_get(pending->run.job_id);
	RunEntry   *entry;
	Outcome		outcome;

	Assert(IsTransactionState());
	if (job == NULL)
	{
		/* a worker that executes it has the row in hand: do not wait for that */
		if (!in_hand(&pending->run))
			(void) settle_orphan(pending);
		return;
	}
	if (crashed)
		count_crash(pending, job);
	if (pending->started_at != DT_NOBEGIN && !in_hand(&pending->run))
	{
		settle_fail_attempt(&pending->run, RUN_LOST, ERRCODE_CRASH_SHUTDOWN,
					 "the server stopped after the run had committed a part of its work",
					 NULL, NULL, pending->started_at, &outcome);
		if (outcome.kind != OUTCOME_RETRY)
			return;				/* counted with what history has */
		pending->run = outcome.next;
	}
	entry = run_queue_add(&pending->run, job);
	counted_correct_runs(job);
	if (entry != NULL && in_hand(&pending->run))
		run_queue_adopt(entry);
	else if (entry != NULL && entry->run.owner != job->job.owner)
		(void) run_owner_follow(entry);
}

void
settle_start(Database *db)
{
	List	   *rows = NIL;
	int64	   *crashed;
	int			ncrashed;
	ListCell   *lc;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	lane_fill_withdraw();
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	db->http_left = false;		/* what it had in hand is simply pending */
	LWLockRelease(scheduler_shared->lock);
	in_hand_look(db);
	cycle_start_transaction();
	store_scan_pending(collect_pending, &rows);
	cycle_commit_transaction();
	list_sort(rows, compare_rows);
	ncrashed = flight_recorder_take(&crashed);
	if (ncrashed > 0)
	{
		enqueue_durably();
		recovery_event_note("crash", SUBJECT_SCHEDULER, 0, InvalidOid, true,
							psprintf("the server crashed with %d %s in hand", ncrashed,
									 ncrashed == 1 ? "run" : "runs"));
	}

	foreach(lc, rows)
	{
		PendingRun *pending = lfirst(lc);

		if (foreach_current_index(lc) % 1000 == 0)
			cycle_start_transaction();
		settle_pending(pending, is_among(pending->run.run_id, crashed, ncrashed));
		if (foreach_current_index(lc) % 1000 == 999 ||
			foreach_current_index(lc) == list_length(rows) - 1)
			cycle_commit_transaction();
	}
}

static void
count_run(const CountedRun *counted, void *arg)
{
	if (counted_add(counted))
		(*(int64 *) arg)++;
}

int64
settle_uncounted_of(int64 after, int64 upto, TimestampTz since, TimestampTz before)
{
	int64		count = 0;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	query_scan_uncounted_runs(after, upto, since, before, count_run, &count);
	return count;
}

void
settle_uncounted(void)
{
	SchedulerMarks marks;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	cycle_start_transaction();
	query_read_marks(&marks);
	(void) settle_uncounted_of(marks.counted_run_id - 1, PG_INT64_MAX,
							   DT_NOBEGIN, DT_NOEND);
	/* what is read next of the tables is to be true */
	(void) job_cache_write();
	cycle_commit_transaction();
	job_cache_written(true);
}

/*
 * Comparing what is known with what is there
 */

static RunIdCallback found = NULL;

static void
check_row(int64 run_id)
{
	if (run_queue_find(run_id) == NULL)
		found(run_id);
}

void
settle_find_unknown(int64 after, int64 upto, RunIdCallback callback)
{
	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	found = callback;
	store_scan_pending_ids(after, upto, check_row);
}

/* Runs that have been dispatched are told of by their workers. */
static bool
is_gone(const RunEntry *entry)
{
	PendingRun	pending;

	return entry->state != RUN_STATE_DISPATCHED &&
		!store_read_pending(entry->run_id, &pending);
}

static void
collect_gone(RunEntry *entry, void *arg)
{
	List	  **gone = arg;

	if (is_gone(entry))
		*gone = lappend(*gone, entry);
}

void
settle_gone(void)
{
	List	   *gone = NIL;
	ListCell   *lc;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	run_queue_foreach(collect_gone, &gone);
	foreach(lc, gone)
		settle_apply_gone(&((RunEntry *) lfirst(lc))->run);
}

static void
check_entry(RunEntry *entry, void *arg)
{
	if (is_gone(entry))
		found(entry->run_id);
}

bool
settle_find_gone(bool anew, int count, RunIdCallback callback)
{
	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	found = callback;
	return run_list_visit(anew, count, check_entry, NULL);
}

static const char *
state_name(RunState state)
{
	switch (state)
	{
		case RUN_STATE_WAITING:
			return "waiting";
		case RUN_STATE_READY:
			return "ready";
		case RUN_STATE_HELD:
			return "held";
		case RUN_STATE_DISPATCHED:
			return "dispatched";
	}
	return "unknown";
}

static void
describe(StringInfo what, const Run *run, const char *difference)
{
	appendStringInfo(what, "Run " INT64_FORMAT " (attempt %d) of job " INT64_FORMAT " %s.",
					 run->run_id, run->attempt, run->job_id, difference);
}

bool
settle_repair(int64 run_id, StringInfo what)
{
	RunEntry   *entry = run_queue_find(run_id);
	PendingRun	pending;
	bool		dropped;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	if (entry != NULL)
	{
		if (!is_gone(entry))
			return false;
		describe(what, &entry->run, psprintf("was %s and is not pending any more",
											 state_name(entry->state)));
		settle_apply_gone(&entry->run);
		return true;
	}
	if (!store_read_pending(run_id, &pending))
		return false;
	dropped = job_cache_get(pending.run.job_id) == NULL;
	if (in_hand_now(&pending.run) && dropped)
		return false;			/* the worker finds out */
	describe(what, &pending.run, dropped ? "was pending, and its job has been dropped" :
			 "was pending and not known");
	settle_pending(&pending, false);
	return true;
}

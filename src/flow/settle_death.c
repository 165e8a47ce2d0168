/*-------------------------------------------------------------------------
 *
 * settle_death.c
 *	  Runs whose worker has died with them in hand.
 *
 * worker_pool_bury() hands over the slots of workers that are DEAD.  If a slot has
 * a run, the tables say how far it came.  The first line that holds counts:
 *
 *	its end is committed				what the worker meant to report
 *	we stopped it to do it again, and	HELD: the same attempt is done again
 *	it is not marked as begun
 *	we terminated the worker to			cancelled
 *	cancel the run
 *	we terminated it for a timeout		timed out
 *	it is marked as begun				lost
 *	any other							failed, with the worker's last error
 *
 * So a transactional run that dies has left nothing behind, and fails or is done
 * again; one that had committed a part of its work is never done again silently.
 * If somebody wanted the run cancelled and it goes on, its next attempt is
 * cancelled, too.
 *
 * If a worker dies before it was connected, no run of its role can be executed:
 * all that are ready fail with its error.  If it left no error, the next worker is
 * tried a little later.  If it was told to go, by a shutdown, nothing follows.
 *
 * The HTTP worker has no slot.  All requests that are DISPATCHED when it has ended
 * were in its hand: sent again, or lost if they were marked as begun (on_lost
 * "fail").
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "base/process.h"
#include "flow/dispatch.h"
#include "flow/http_dispatch.h"
#include "flow/lane_fill.h"
#include "flow/pool_bury.h"
#include "flow/prestart.h"
#include "flow/settle.h"
#include "record/run_cancel.h"
#include "state/job_metrics.h"
#include "state/recovery_event.h"
#include "state/run_queue.h"
#include "table/query.h"
#include "table/store.h"

/*
 * The worker has died after the end of the attempt was committed, and before
 * it could say so.  True when that is so; *outcome is then what it meant to
 * report.
 */
static bool
ended_before_death(const Run *run, Outcome *outcome)
{
	PendingRun	pending;
	CountedRun	counted;
	bool		is_pending = store_read_pending(run->run_id, &pending);

	if (is_pending && pending.run.attempt == run->attempt)
		return false;
	memset(outcome, 0, sizeof(*outcome));
	outcome->run = *run;
	outcome->kind = OUTCOME_GONE;
	outcome->chained = !is_pending;
	if (query_find_attempt(run->run_id, run->attempt, &counted))
	{
		outcome->kind = is_pending ? OUTCOME_RETRY : OUTCOME_FINAL;
		outcome->status = counted.status;
		outcome->started_at = counted.started_at;
		outcome->finished_at = counted.finished_at;
		if (is_pending)
			outcome->next = pending.run;
	}
	return true;
}

/* What to record of a run whose worker has died in the middle of it. */
static RunStatus
death_status(const WorkerSlot *slot, bool was_marked)
{
	if (slot->terminate && slot->cancel)
		return RUN_CANCELLED;
	if (slot->terminate)
		return RUN_TIMED_OUT;
	return was_marked ? RUN_LOST : RUN_FAILED;
}

static const char *
death_message(const WorkerSlot *slot, RunStatus status)
{
	switch (status)
	{
		case RUN_CANCELLED:
			return "the run was cancelled; it did not stop, and its worker was terminated";
		case RUN_TIMED_OUT:
			return "the run exceeded its timeout; it did not stop, and its worker was terminated";
		case RUN_LOST:
			return "the worker was terminated after the run had committed a part of its work";
		default:
			return slot->error[0] ? slot->error : "the worker was terminated";
	}
}

/* A worker died with a run in hand. */
static void
settle_dead_run(const WorkerSlot *slot)
{
	RunEntry   *entry = run_queue_find(slot->run.run_id);
	Outcome		outcome;
	PendingRun	pending;

	/* its job may have been dropped when the scheduler started */
	if (entry == NULL)
		settle_changed_run(slot->run.run_id);
	if (entry == NULL || entry->run.attempt != slot->run.attempt)
		return;					/* its outcome was reported */
	cycle_start_transaction();
	if (!ended_before_death(&slot->run, &outcome))
	{
		bool		was_marked = store_read_pending(slot->run.run_id, &pending) &&
			pending.started_at != DT_NOBEGIN;

		memset(&outcome, 0, sizeof(outcome));
		outcome.run = slot->run;
		outcome.kind = OUTCOME_HELD;
		if (was_marked || !slot->requeue)
		{
			RunStatus	status = death_status(slot, was_marked);

			settle_fail_attempt(&entry->run, status, slot->sqlerrcode,
								death_message(slot, status),
								status == RUN_CANCELLED ?
								run_cancel_detail(slot->why, entry->queue->name) : NULL,
								NULL, slot->started_at, &outcome);
		}
	}
	cycle_commit_transaction();
	settle_apply(&outcome);
	if (slot->cancel && outcome.kind != OUTCOME_FINAL)
		settle_cancel_run(slot->run.run_id);
}

/* A worker that never got to work: nothing of its role can be run. */
static void
settle_failed_start(const WorkerSlot *slot)
{
	if (ERRCODE_TO_CATEGORY(slot->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		return;
	prestart_delay();
	if (slot->error[0] == '\0')
	{
		dispatch_delay_launch();
		return;
	}
	settle_fail_role(slot->role, slot->sqlerrcode,
					 psprintf("could not start a worker: %s", slot->error),
					 "The worker connects to this database as the owner of the job; see the server log.");
}

/* A worker died that was not asked to. */
static void
note_death(const WorkerSlot *slot)
{
	const char *reason = slot->error[0] ? slot->error : "it ended without a word";

	if (slot->terminate)
		reason = "it was terminated, for its run did not stop";
	else if (!slot->connected)
		reason = psprintf("it could not be started: %s", reason);
	job_metrics_worker_died(clock_now());
	if (slot->has_run)
		recovery_event_of_job("worker_died", slot->run.job_id, slot->role, true,
							  psprintf("%s; another one takes its place", reason));
	else
		recovery_event_note("worker_died", SUBJECT_SCHEDULER, 0, InvalidOid, false, reason);
}

/* A worker left for its memory, and will be replaced. */
static void
note_recycled(const WorkerSlot *slot)
{
	job_metrics_recycled(slot->run.job_id, clock_now());
	recovery_event_of_job("recycle", slot->run.job_id, slot->role, true,
						  psprintf("its worker had " INT64_FORMAT " kB in use after it",
								   slot->memory / 1024));
}

TimestampTz
settle_deaths(void)
{
	WorkerSlot *dead = palloc(scheduler_shared->nworkers * sizeof(WorkerSlot));
	TimestampTz next_burial_at;
	int			n = pool_bury(dead, lane_fill_take_back, &next_burial_at);

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	if (n > 0)
		http_dispatch_retry_launch();
	for (int i = 0; i < n; i++)
	{
		if (dead[i].has_run || !dead[i].connected)
			note_death(&dead[i]);
		else if (dead[i].recycled)
			note_recycled(&dead[i]);
		if (dead[i].has_run)
			settle_dead_run(&dead[i]);
		else if (!dead[i].connected)
			settle_failed_start(&dead[i]);
	}
	pfree(dead);
	return next_burial_at;
}

static void
collect_dispatched_requests(RunEntry *entry, void *arg)
{
	List	  **list = arg;

	if (entry->state == RUN_STATE_DISPATCHED && entry->role_runs->role == HTTP_QUEUE)
		*list = lappend(*list, entry);
}

/* A run that the HTTP worker had in hand when it ended is done again. */
static void
settle_dropped_request(RunEntry *entry)
{
	PendingRun	pending;
	Outcome		outcome;

	cycle_start_transaction();
	if (!ended_before_death(&entry->run, &outcome))
	{
		memset(&outcome, 0, sizeof(outcome));
		outcome.run = entry->run;
		outcome.kind = OUTCOME_HELD;
		if (store_read_pending(entry->run_id, &pending) &&
			pending.started_at != DT_NOBEGIN)
			settle_fail_attempt(&entry->run, RUN_LOST, ERRCODE_OPERATOR_INTERVENTION,
								"the HTTP worker ended before the answer came",
								NULL, NULL, pending.started_at, &outcome);
	}
	cycle_commit_transaction();
	settle_apply(&outcome);
}

void
settle_http_worker(Database *db)
{
	List	   *dropped = NIL;
	ListCell   *lc;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	if (!db->http_left)
		return;
	while (settle_outcomes(db))
		;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	db->http_left = false;
	LWLockRelease(scheduler_shared->lock);
	lane_fill_withdraw();
	run_queue_foreach(collect_dispatched_requests, &dropped);
	if (dropped != NIL)
		recovery_event_note("http_worker_died", SUBJECT_SCHEDULER, 0, InvalidOid, true,
							psprintf("it had %d requests in hand; another one sends them again",
									 list_length(dropped)));
	foreach(lc, dropped)
		settle_dropped_request(lfirst(lc));
}

/*-------------------------------------------------------------------------
 *
 * settle.c
 *	  What has become of runs.
 *
 * Who executes a run commits its end, and then reports an outcome (shmem.h).
 * For one that has died the scheduler makes the outcome (settle_death.c).
 * settle_apply() brings memory up to what the tables say already:
 *
 *	outcome		in the tables						in memory
 *	FINAL		row deleted, end in history			counted; forgotten
 *	RETRY		row is the next attempt; this		counted; waits for the
 *				one is in history					next attempt
 *	GONE		row deleted by somebody else		forgotten
 *	HELD		row unchanged, not begun			put back
 *	LOCKED		row unchanged, not begun: it		due again in 1 s
 *				was locked (HTTP only)
 *	UNRECORDED	row unchanged: no record could		due again in 1 s, then 2 s,
 *				be written							to 60 s; alert
 *
 * A worker reports a run as gone if its row or its job is missing, or if the
 * job has changed its owner.  The scheduler checks (settle_apply_gone).  Row
 * present, job present: the run goes to the owner of now, or is put back.  Row
 * present, job dropped: it is recorded as cancelled.  Row missing, end in
 * history: counted as FINAL.  Nothing there: forgotten.
 *
 * An outcome counts only if the run is known, with the same attempt.  What
 * ended while no scheduler was there to hear of it has been counted from history
 * (settle_start.c), and must not count twice.
 *
 * "Counted" means: in the state of the job, in its metrics, and for its hooks.
 * All of this is memory.  The state is written later, see flush() in
 * scheduler.c; if it is lost before, history has it still.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "base/process.h"
#include "flow/chain.h"
#include "flow/counted.h"
#include "flow/enqueue.h"
#include "flow/hook.h"
#include "flow/in_hand.h"
#include "flow/lane_fill.h"
#include "flow/letters.h"
#include "flow/run_owner.h"
#include "flow/settle.h"
#include "record/run_cancel.h"
#include "record/run_end.h"
#include "shared/own_change.h"
#include "state/alert.h"
#include "state/job_metrics.h"
#include "state/run_queue.h"
#include "table/job.h"
#include "table/query.h"

#define OUTCOME_BATCH	OUTCOME_RING_SIZE

static Outcome outcomes[OUTCOME_BATCH];	/* out of the ring, and not yet noted */
static int	ntaken = 0;

/* An HTTP run whose row somebody has locked, to cancel it, is tried again after: 1 s. */
#define LOCKED_DELAY	USECS_PER_SEC

/* Backoff of a run whose record cannot be written: 1 s, doubling, to 60 s. */
static int64
unrecorded_delay(int times)
{
	return Min(INT64CONST(1) << Min(times, 6), 60) * USECS_PER_SEC;
}

/*
 * A run is over: an @after job gets its next time, and whoever was held back
 * by this run may go.
 */
static void
finish_run(RunEntry *entry, const Outcome *outcome)
{
	JobEntry   *job = entry->job;

	run_queue_remove(entry);
	if (job->schedule != NULL && schedule_is(job->schedule, SCHEDULE_FROM_END) &&
		!job->state.finished && !job->dropped && job->nruns == 0)
	{
		job->state.next_run_at = job_next_occurrence(&job->job, job->schedule,
													 outcome->finished_at);
		if (job->state.next_run_at == DT_NOEND)
			job->state.finished = true;
		job_cache_touch(job);
		enqueue_when_due(job);
	}
	run_queue_release(job);
}

static void
try_later(RunEntry *entry, int64 delay)
{
	Run			later = entry->run;

	later.due_at = clock_now() + delay;
	run_queue_put_back(entry, &later);
}

static void
back_off(RunEntry *entry, bool was_started)
{
	const Run  *run = &entry->run;

	alert_raise(ALERT_RECORDING_FAILED, job_subject(run->job_id),
				run->job_id, run->owner,
				"the record of a run could not be written; see the server log");
	if (was_started)
		entry->run.was_started = true;
	try_later(entry, unrecorded_delay(entry->unrecorded++));
}

/* The run is pending still, for its next attempt or the same. */
static bool
is_to_go_on(const Outcome *outcome)
{
	return outcome->kind != OUTCOME_FINAL && outcome->kind != OUTCOME_GONE;
}

void
settle_apply(const Outcome *outcome)
{
	RunEntry   *entry = run_queue_find(outcome->run.run_id);
	JobEntry   *job;
	bool		read_job_again;

	Assert(process_is(PROCESS_SCHEDULER));
	if (outcome->chained)
		chain_note_run(outcome->run.run_id);
	/* a run of a job that had been dropped when the scheduler started */
	if (entry == NULL && is_to_go_on(outcome))
		own_change_put(CHANGE_RUN, outcome->run.run_id);
	/* what is over when the scheduler starts has been counted then */
	if (entry == NULL || entry->run.attempt != outcome->run.attempt)
		return;
	job = entry->job;
	if (outcome->kind == OUTCOME_FINAL || outcome->kind == OUTCOME_RETRY)
	{
		job_state_count(&job->state, outcome->status, outcome->started_at,
						outcome->finished_at, 1, outcome->kind == OUTCOME_FINAL);
		job_cache_touch(job);
		if (entry->unrecorded > 0)
			alert_resolve(ALERT_RECORDING_FAILED, job_subject(job->job_id));
		entry->unrecorded = 0;
		job_metrics_outcome(job, outcome);
		hook_outcome(job, outcome);
		if (outcome->dead_letter)
			letters_note(job->job_id);
	}
	/* what was deleted may be the row of what comes next, or the job */
	read_job_again = (entry->taken_away || job->dropped) && is_to_go_on(outcome);
	entry->taken_away = false;
	switch (outcome->kind)
	{
		case OUTCOME_FINAL:
		case OUTCOME_GONE:
			finish_run(entry, outcome);
			break;
		case OUTCOME_RETRY:
			run_queue_put_back(entry, &outcome->next);
			run_queue_release(job);
			break;
		case OUTCOME_HELD:
			run_queue_put_back(entry, NULL);
			break;
		case OUTCOME_LOCKED:
			try_later(entry, LOCKED_DELAY);
			run_queue_release(job);
			break;
		case OUTCOME_UNRECORDED:
			back_off(entry, outcome->was_started);
			run_queue_release(job);
			break;
	}
	if (read_job_again)
		own_change_put(CHANGE_RUN, outcome->run.run_id);
}

bool
settle_orphan(const PendingRun *pending)
{
	const Run  *run = &pending->run;
	const JobEntry *job = job_cache_peek(run->job_id);
	Outcome		outcome = {.kind = OUTCOME_FINAL, .run = *run, .status = RUN_CANCELLED};
	RunRecord	record;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	if (pending->locked)
		return true;			/* somebody is about to cancel it: for the repair to see */
	if (store_delete_pending(run) != ROW_DONE)
		return false;
	outcome.finished_at = clock_now();
	/* its name is known as long as the job is in memory */
	run_end_init_record(&record, run, job != NULL ? job->job.job_name :
						job_subject(run->job_id),
						RUN_CANCELLED, DT_NOBEGIN, outcome.finished_at);
	record.error_message = "the job was dropped";
	record.redriven_from = pending->redriven_from;
	record.args = pending->stored_args;
	store_insert_history(&record);
	settle_apply(&outcome);
	return true;
}

/* A run is pending, and nobody has it in hand. */
static void
take_up(const PendingRun *pending)
{
	JobEntry   *job = job_cache_get(pending->run.job_id);

	if (job == NULL)
		(void) settle_orphan(pending);
	else if (run_queue_add(&pending->run, job) != NULL)
	{
		job->state.runs++;
		job_cache_touch(job);
	}
}

/*
 * A run was gone for who had it in hand, and it is pending: its job has been
 * dropped, or was another role's, though it may be that role's no more.  False:
 * now it has gone.
 */
static bool
return_or_orphan(const PendingRun *pending)
{
	RunEntry   *entry = run_queue_find(pending->run.run_id);
	Job			job;

	bool		mine = entry != NULL && entry->state == RUN_STATE_DISPATCHED &&
		entry->run.attempt == pending->run.attempt;

	if (mine && pending->locked)
		try_later(entry, LOCKED_DELAY);
	else if (!store_read_job(pending->run.job_id, NULL, &job))
		return settle_orphan(pending);
	else if (mine && !run_owner_follow(entry))
		run_queue_put_back(entry, NULL);
	return true;
}

void
settle_apply_gone(const Run *run)
{
	Outcome		outcome = {.kind = OUTCOME_GONE, .run = *run};
	PendingRun	pending;
	CountedRun	counted;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	if (store_read_pending(run->run_id, &pending) &&
		pending.run.attempt == run->attempt && return_or_orphan(&pending))
		return;
	outcome.finished_at = clock_now();
	if (query_find_attempt(run->run_id, run->attempt, &counted))
	{
		outcome.kind = OUTCOME_FINAL;
		outcome.status = counted.status;
		outcome.started_at = counted.started_at;
		outcome.finished_at = counted.finished_at;
		counted_note(&counted);
	}
	settle_apply(&outcome);
}

/* The HTTP worker has met runs of a role that was dropped. */
static void
turn_off_owner(Oid role)
{
	cycle_start_transaction();
	run_owner_turn_off(role);
	cycle_commit_transaction();
}

void
settle_take_outcomes(Database *db)
{
	Assert(process_is(PROCESS_SCHEDULER));
	if (ntaken == 0)
		ntaken = shmem_take_outcomes(db, outcomes, OUTCOME_BATCH);
}

int
settle_outcomes(Database *db)
{
	Oid			gone = InvalidOid;
	int			n;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	settle_take_outcomes(db);
	n = ntaken;
	ntaken = 0;					/* after an error they are read from the tables */
	for (int i = 0; i < n; i++)
	{
		if (outcomes[i].owner_gone && outcomes[i].run.owner != gone)
		{
			gone = outcomes[i].run.owner;
			turn_off_owner(gone);
		}
		if (outcomes[i].kind == OUTCOME_GONE)
		{
			cycle_start_transaction();
			settle_apply_gone(&outcomes[i].run);
			cycle_commit_transaction();
		}
		else
			settle_apply(&outcomes[i]);
	}
	return n;
}

/* What is left of a job that was dropped: it tries nothing again. */
static void
describe_dropped(const Run *run, Job *job)
{
	const JobEntry *entry = job_cache_peek(run->job_id);

	memset(job, 0, sizeof(*job));
	job->job_id = run->job_id;
	job->on_lost = ON_LOST_FAIL;
	if (entry != NULL)
		strlcpy(job->job_name, entry->job.job_name, sizeof(job->job_name));
}

void
settle_fail_attempt(const Run *run, RunStatus status, int sqlerrcode, const char *message,
					const char *detail, const char *hint, TimestampTz started_at,
					Outcome *outcome)
{
	Job			job;
	PendingRun	pending;
	RunRecord	record;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	memset(outcome, 0, sizeof(*outcome));
	outcome->run = *run;
	outcome->started_at = started_at;
	outcome->kind = OUTCOME_GONE;
	if (!store_read_pending(run->run_id, &pending))
		return;
	if (!store_read_job(run->job_id, NULL, &job))
		describe_dropped(run, &job);
	run_end_init_record(&record, run, job.job_name, status, started_at, clock_now());
	record.sqlstate = sqlerrcode ? pstrdup(unpack_sql_state(sqlerrcode)) : NULL;
	record.error_message = message;
	record.error_detail = detail;
	record.error_hint = hint;
	record.redriven_from = pending.redriven_from;
	record.args = pending.stored_args;
	run_end_failure(&job, &record,
					run_end_needs_args(&job) ? store_read_args(run->job_id, &pending) : NULL,
					DT_NOBEGIN, outcome);
}

/* Runs of a role that cannot run jobs: more in one go would hold up others. */
#define MAX_FAILED		50

void
settle_fail_role(Oid role, int sqlerrcode, const char *message, const char *hint)
{
	RoleRuns  *queue = run_queue_of_role(role);

	for (int n = 0; n < MAX_FAILED && queue->nready > 0; n++)
	{
		RunEntry   *entry = run_queue_take(queue);
		Outcome		outcome;
		Run			run;

		if (entry == NULL)
			break;
		run = entry->run;
		cycle_start_transaction();
		if (run_owner_follow(entry))
		{
			cycle_commit_transaction();
			continue;
		}
		settle_fail_attempt(&run, RUN_FAILED, sqlerrcode, message, NULL, hint, clock_now(),
							&outcome);
		cycle_commit_transaction();
		settle_apply(&outcome);
	}
}

/*
 * Changes of pending_run that others have made, or want
 */

static void
cancel_run(void *arg)
{
	int64	   *run_id = arg;
	PendingRun	pending;

	if (store_read_pending(*run_id, &pending))
		(void) run_cancel(*run_id, (CancelReason) {0});
}

void
settle_cancel_run(int64 run_id)
{
	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	(void) cycle_try_transaction(cancel_run, &run_id, NULL);
}

void
settle_changed_run(int64 run_id)
{
	RunEntry   *entry = run_queue_find(run_id);
	PendingRun	pending;

	cycle_start_transaction();
	if (!store_read_pending(run_id, &pending))
	{
		/* a worker that has it finds out by itself, unless it is done with it */
		chain_note_run(run_id);
		if (entry != NULL &&
			(entry->state != RUN_STATE_DISPATCHED || lane_fill_withdraw_run(&entry->run)))
			settle_apply_gone(&entry->run);
		else if (entry != NULL)
			entry->taken_away = true;
		else
			counted_late(run_id);
	}
	else if (entry == NULL ? !in_hand_now(&pending.run) :
			 entry->job->dropped && entry->state != RUN_STATE_DISPATCHED)
		take_up(&pending);
	cycle_commit_transaction();
}

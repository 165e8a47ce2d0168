/*-------------------------------------------------------------------------
 *
 * settle_late.c
 *	  Runs that have waited for longer than their jobs want are missed.
 *
 * enqueue.c asks for the misfire policy when an occurrence is enqueued.  Its run
 * may wait for long after that: for a worker, in a queue, for what it depends on,
 * or since its job is paused.  One that is in a lane is taken out of it; one that
 * is not found there has begun.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "base/process.h"
#include "flow/lane_fill.h"
#include "flow/settle.h"
#include "record/run_end.h"
#include "state/queue_limit.h"
#include "state/run_grace.h"
#include "state/run_queue.h"

/* More in one cycle would hold up others. */
#define MAX_MISSED		50

/* Of a run that is READY nobody has asked yet what is in its way. */
static const char *
reason_of_queue(const RunEntry *entry)
{
	JobQueue   *queue = entry->queue;

	if (!queue->limits.enabled)
		return psprintf("queue \"%s\" was stopped", queue->name);
	if (queue->blocked)
		return psprintf("what queue \"%s\" depends on was not healthy", queue->name);
	if (queue_limit_room(queue, clock_now()) <= 0)
		return psprintf("queue \"%s\" had no room", queue->name);
	return NULL;
}

static const char *
describe_wait(const RunEntry *entry)
{
	const char *reason = NULL;

	if (entry->job->depends)
		return "what the job depends on was not healthy for longer than misfire_grace";
	if (!entry->job->job.active)
		reason = "its job was paused";
	else
		reason = reason_of_queue(entry);
	if (reason == NULL)
		reason = entry->state == RUN_STATE_HELD ? "an earlier run of the job had not finished" :
			"no worker was free";
	return psprintf("the run could not begin in time: %s", reason);
}

static void
record_missed(const RunEntry *entry, const PendingRun *pending, Outcome *outcome)
{
	RunRecord	record;

	run_end_init_record(&record, &pending->run, entry->job->job.job_name, RUN_MISSED,
						DT_NOBEGIN, outcome->finished_at);
	record.error_message = describe_wait(entry);
	record.redriven_from = pending->redriven_from;
	record.args = pending->stored_args;
	store_insert_history(&record);
	outcome->kind = OUTCOME_FINAL;
	outcome->status = RUN_MISSED;
	outcome->started_at = DT_NOBEGIN;
}

static void
miss(RunEntry *entry)
{
	PendingRun	pending;
	Outcome		outcome = {.kind = OUTCOME_GONE, .run = entry->run};

	cycle_start_transaction();
	outcome.finished_at = clock_now();
	if (store_read_pending(entry->run_id, &pending))
	{
		RowResult	result = store_delete_pending(&pending.run);

		if (result == ROW_DONE)
			record_missed(entry, &pending, &outcome);
		else if (result == ROW_LOCKED)
			outcome.kind = OUTCOME_LOCKED;
	}
	cycle_commit_transaction();
	settle_apply(&outcome);
}

TimestampTz
settle_late(TimestampTz now)
{
	RunEntry   *entry;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	for (int i = 0; i < MAX_MISSED && (entry = run_grace_take(now)) != NULL; i++)
	{
		if (entry->state == RUN_STATE_DISPATCHED)
		{
			if (!lane_fill_withdraw_run(&entry->run))
				continue;
			run_queue_untake(entry);
		}
		miss(entry);
	}
	return run_grace_next();
}

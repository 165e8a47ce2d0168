/*-------------------------------------------------------------------------
 *
 * run_cancel.c
 *	  Cancel a run, whether it waits or is executed.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "record/chain_end.h"
#include "record/run_cancel.h"
#include "record/run_end.h"
#include "shared/change.h"
#include "shared/worker_slot.h"
#include "table/query.h"

/* Changes of more runs of a job than this are told as one. */
#define MANY_RUNS		50

/* Put on record that a run was cancelled before it began. */
static void
record_cancelled(const PendingRun *pending, const char *job_name, bool leads, const char *reason)
{
	RunRecord	record;

	run_end_init_record(&record, &pending->run, job_name, RUN_CANCELLED,
						DT_NOBEGIN, clock_now());
	record.error_message = reason;
	record.redriven_from = pending->redriven_from;
	record.args = pending->stored_args;
	store_insert_history(&record);
	if (leads)
		(void) chain_end_record(&record, store_read_args(pending->run.job_id, pending));
}

/* Of the job only the name and "leads" matter; it may have been dropped. */
static bool
cancel_one(int64 run_id, const Job *job, const char *reason)
{
	PendingRun	pending;

	if (worker_slot_has_run(run_id) || !query_lock_pending(run_id))
		return false;
	if (!store_read_pending(run_id, &pending) || store_delete_pending(&pending.run) != ROW_DONE)
		return false;
	record_cancelled(&pending, job->job_name, job->leads, reason);
	return true;
}

static void
find_job(int64 job_id, Job *job)
{
	if (store_read_job(job_id, NULL, job))
		return;
	memset(job, 0, sizeof(*job));
	strlcpy(job->job_name, query_job_name(job_id), sizeof(job->job_name));
}

bool
run_cancel_pending(int64 run_id, const char *reason)
{
	PendingRun	pending;
	Job			job;

	Assert(IsTransactionState());
	if (!store_read_pending(run_id, &pending))
		return false;
	find_job(pending.run.job_id, &job);
	if (!cancel_one(run_id, &job, reason))
		return false;
	change_note(CHANGE_RUN, run_id);
	query_delete_spent_request(pending.run.job_id);
	return true;
}

/* The scheduler is told of the job instead of its runs, if there are many. */
void
run_cancel_all_of(int64 job_id, bool running_too, const char *reason)
{
	int64	   *run_ids;
	int			n = query_find_pending_of(job_id, &run_ids);
	int			cancelled = 0;
	Job			job;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "cancelled run",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext;

	Assert(IsTransactionState());
	if (n > 0)
		find_job(job_id, &job);
	oldcontext = MemoryContextSwitchTo(context);
	for (int i = 0; i < n; i++)
	{
		if (cancel_one(run_ids[i], &job, reason))
		{
			cancelled++;
			if (n <= MANY_RUNS)
				change_note(CHANGE_RUN, run_ids[i]);
		}
		else if (running_too)
			(void) worker_slot_cancel_run(run_ids[i]);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
	if (n > MANY_RUNS)
		change_note(CHANGE_RUNS, job_id);
	if (cancelled > 0)
		query_delete_spent_request(job_id);
}

bool
run_cancel(int64 run_id)
{
	Assert(IsTransactionState());
	return worker_slot_cancel_run(run_id) ||
		run_cancel_pending(run_id, "the run was cancelled before it began") ||
		worker_slot_cancel_run(run_id);	/* it has begun meanwhile */
}

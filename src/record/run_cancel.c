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
#include "miscadmin.h"
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

/* A sentence for each cause: the role, and with it the queue, are put in. */
static const char *const causes[] = {
	[CANCEL_RUN] = "Role \"%s\" cancelled it with cancel_run().",
	[CANCEL_JOB_DROPPED] = "Role \"%s\" dropped the job.",
	[CANCEL_JOB_PAUSED] = "Role \"%s\" paused the job.",
	[CANCEL_JOB_STOPPED] = "Role \"%s\" stopped the job with stop_job().",
	[CANCEL_JOB_RESTARTED] = "Role \"%s\" restarted the job with restart_job().",
};

char *
run_cancel_detail(CancelReason why, const char *queue)
{
	char	   *role = OidIsValid(why.role) ? GetUserNameFromId(why.role, true) : NULL;

	Assert(IsTransactionState());
	if (why.cause == CANCEL_OVERLAP)
		return pstrdup("The next occurrence takes its place: overlap is \"cancel\".");
	if (why.cause == CANCEL_QUEUE_STOPPED)
		return psprintf("Its queue%s was stopped%s.",
						queue ? psprintf(" \"%s\"", queue) : "",
						role ? psprintf(" by role \"%s\"", role) : "");
	if (why.cause == CANCEL_UNKNOWN || role == NULL)
		return NULL;
	return psprintf(causes[why.cause], role);
}

/* Put on record that a run was cancelled before it began. */
static void
record_cancelled(const PendingRun *pending, const Job *job, const char *reason,
				 CancelReason why)
{
	RunRecord	record;

	run_end_init_record(&record, &pending->run, job->job_name, RUN_CANCELLED,
						DT_NOBEGIN, clock_now());
	record.error_message = reason;
	record.error_detail = run_cancel_detail(why, NULL);
	record.redriven_from = pending->redriven_from;
	record.args = pending->stored_args;
	store_insert_history(&record);
	if (job->leads)
		(void) chain_end_record(&record, store_read_args(pending->run.job_id, pending));
}

/* Of the job only the name and "leads" matter; it may have been dropped. */
static bool
cancel_one(int64 run_id, const Job *job, const char *reason, CancelReason why)
{
	PendingRun	pending;

	if (worker_slot_has_run(run_id) || !query_lock_pending(run_id))
		return false;
	if (!store_read_pending(run_id, &pending) || store_delete_pending(&pending.run) != ROW_DONE)
		return false;
	record_cancelled(&pending, job, reason, why);
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
run_cancel_pending(int64 run_id, const char *reason, CancelReason why)
{
	PendingRun	pending;
	Job			job;

	Assert(IsTransactionState());
	if (!store_read_pending(run_id, &pending))
		return false;
	find_job(pending.run.job_id, &job);
	if (!cancel_one(run_id, &job, reason, why))
		return false;
	change_note(CHANGE_RUN, run_id);
	query_delete_spent_request(pending.run.job_id);
	return true;
}

/* The scheduler is told of the job instead of its runs, if there are many. */
int64
run_cancel_all_of(int64 job_id, TimestampTz running_at, const char *reason, CancelReason why)
{
	int64	   *run_ids;
	int			n = query_find_pending_of(job_id, &run_ids);
	int64		cancelled = 0;
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
		if (cancel_one(run_ids[i], &job, reason, why))
		{
			cancelled++;
			if (n <= MANY_RUNS)
				change_note(CHANGE_RUN, run_ids[i]);
		}
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
	if (n > MANY_RUNS)
		change_note(CHANGE_RUNS, job_id);
	if (cancelled > 0)
		query_delete_spent_request(job_id);
	if (running_at != DT_NOEND)
		cancelled += worker_slot_cancel_job(job_id, running_at, why);
	return cancelled;
}

bool
run_cancel(int64 run_id, CancelReason why)
{
	Assert(IsTransactionState());
	return worker_slot_cancel_run(run_id, why) ||
		run_cancel_pending(run_id, "the run was cancelled before it began", why) ||
		worker_slot_cancel_run(run_id, why);	/* it has begun meanwhile */
}

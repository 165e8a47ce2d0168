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

#include "base/clock.h"
#include "record/chain_end.h"
#include "record/run_cancel.h"
#include "record/run_end.h"
#include "shared/change.h"
#include "shared/worker_slot.h"
#include "table/catalog.h"

/* Put on record that a run was cancelled before it began. */
static void
record_cancelled(const PendingRun *pending, const char *job_name, const char *reason)
{
	RunRecord	record;
	Job			job;

	run_end_init_record(&record, &pending->run, job_name, RUN_CANCELLED,
						DT_NOBEGIN, clock_now());
	record.error_message = reason;
	record.redriven_from = pending->redriven_from;
	store_insert_history(&record);
	if (store_read_job(pending->run.job_id, NULL, &job) && job.leads)
		(void) chain_end_record(&record, store_read_args(job.job_id, pending));
	change_note(CHANGE_RUN, pending->run.run_id);
}

bool
run_cancel_pending(int64 run_id, const char *reason)
{
	PendingRun	pending;
	char	   *job_name;

	Assert(IsTransactionState());
	if (worker_slot_has_run(run_id) || !catalog_lock_pending(run_id))
		return false;
	if (!store_read_pending(run_id, &pending))
		return false;
	job_name = catalog_job_name(pending.run.job_id);
	if (store_delete_pending(&pending.run) != ROW_DONE)
		return false;
	record_cancelled(&pending, job_name, reason);
	catalog_delete_spent_request(pending.run.job_id);
	return true;
}

void
run_cancel_all_of(int64 job_id, bool running_too, const char *reason)
{
	int64	   *run_ids;
	int			n = catalog_find_pending_of(job_id, &run_ids);

	Assert(IsTransactionState());
	for (int i = 0; i < n; i++)
	{
		if (!run_cancel_pending(run_ids[i], reason) && running_too)
			(void) worker_slot_cancel_run(run_ids[i]);
	}
}

bool
run_cancel(int64 run_id)
{
	Assert(IsTransactionState());
	return worker_slot_cancel_run(run_id) ||
		run_cancel_pending(run_id, "the run was cancelled before it began") ||
		worker_slot_cancel_run(run_id);	/* it has begun meanwhile */
}

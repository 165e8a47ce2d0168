/*-------------------------------------------------------------------------
 *
 * scheduler_change.c
 *	  What the scheduler does when something was changed.
 *
 * Changes of others come through a ring in shared memory; what the scheduler
 * changes itself is in a list of its own.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"

#include "base/cycle.h"
#include "flow/chain.h"
#include "flow/enqueue.h"
#include "flow/hook.h"
#include "flow/lane_fill.h"
#include "flow/plan.h"
#include "flow/run_owner.h"
#include "flow/settle.h"
#include "health/fit_watch.h"
#include "health/monitor.h"
#include "health/success_watch.h"
#include "process/scheduler_change.h"
#include "process/scheduler_load.h"
#include "process/stop_mode.h"
#include "shared/own_change.h"
#include "state/dependency_graph.h"
#include "state/due_heap.h"
#include "state/run_grace.h"
#include "state/run_queue.h"
#include "table/store.h"

/*
 * Own changes of one cycle.  There is one for each run of a job that was
 * dropped, and each is looked up: some 100 us.
 */
#define OWN_CHANGES		50

/* The job of a run has been dropped: what has become of the run is looked at. */
static void
look_at_orphan(RunEntry *entry, void *arg)
{
	if (entry->job == arg && entry->state != RUN_STATE_DISPATCHED)
		own_change_put(CHANGE_RUN, entry->run_id);
}

static void
look_at_run(RunEntry *entry, void *arg)
{
	if (entry->job == arg)
		own_change_put(CHANGE_RUN, entry->run_id);
}

/* So many runs of a job were taken away that they were not named. */
static void
look_at_runs(int64 job_id)
{
	JobEntry   *entry = job_cache_peek(job_id);

	if (entry != NULL && entry->nruns > 0)
		run_queue_foreach(look_at_run, entry);
}

static void
watch_grace(RunEntry *entry, void *arg)
{
	if (entry->job == arg)
		run_grace_watch(entry);
}

static void
change_job(int64 job_id)
{
	JobEntry   *entry = job_cache_peek(job_id);
	int64		grace = entry != NULL ? job_grace(&entry->job) : 0;

	dependency_graph_job_changed(job_id);
	if (entry != NULL)
		(void) job_cache_reload(entry);
	else
		entry = job_cache_get(job_id);

	success_watch_job_changed(entry);
	if (entry == NULL || entry->dropped)
	{
		JobState	state;

		job_state_init(&state, job_id);
		store_delete_job_state(&state);
		if (entry != NULL && entry->nruns > entry->ndispatched)
			run_queue_foreach(look_at_orphan, entry);
		return;
	}
	if (entry->state.schedule_version != entry->job.schedule_version)
		plan_job(entry);
	else
		enqueue_when_due(entry);
	if (entry->nruns > 0 && job_grace(&entry->job) != grace)
		run_queue_foreach(watch_grace, entry);
	if (!run_owner_follow_all(entry))
		own_change_put(CHANGE_JOB, job_id);
	run_queue_release(entry);
}

void
scheduler_settle_all(Database *db)
{
	Assert(!IsTransactionState());
	lane_fill_withdraw();
	while (settle_outcomes(db) > 0)
		;
	cycle_start_transaction();
	settle_gone();
	cycle_commit_transaction();
}

/* Changes were dropped, or are too many: look at everything. */
static void
reload_all(Database *db)
{
	scheduler_settle_all(db);
	cycle_start_transaction();
	(void) job_cache_write();
	cycle_commit_transaction();
	job_cache_written(true);
	if (!fit_watch(db))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("library and tables of pg_scheduler do not fit together")));
	scheduler_load(db);
}

/* Outside a transaction.  Jobs have been looked at before: see apply(). */
static void
apply_change(Database *db, const Change *change)
{
	Assert(!IsTransactionState());
	switch (change->kind)
	{
		case CHANGE_JOB:
			hook_changed(change->id);
			break;
		case CHANGE_RUN:
			settle_changed_run(change->id);
			break;
		case CHANGE_RUNS:
			look_at_runs(change->id);
			break;
		case CHANGE_CONTROL:
			stop_mode_read(db);
			break;
		case CHANGE_QUEUES:
			scheduler_load_queues();
			hook_changed(0);
			break;
		case CHANGE_DEPENDENCIES:
			dependency_graph_reload();
			break;
		case CHANGE_RULES:
			monitor_reload_rules();
			break;
		case CHANGE_HOOKS:
			hook_load();
			break;
		case CHANGE_CALENDAR:
			scheduler_load_calendar(change->id);
			break;
		case CHANGE_ALERTS:
			monitor_alerts_changed();
			break;
		case CHANGE_CANCEL:
		case CHANGE_ALL:
			break;				/* have been seen to */
	}
}

static bool
has_change(const Change *changes, int n, ChangeKind kind)
{
	for (int i = 0; i < n; i++)
		if (changes[i].kind == kind)
			return true;
	return false;
}

/* Outside a transaction. */
static void
apply(Database *db, const Change *changes, int n)
{
	Assert(!IsTransactionState());
	if (n == 0)
		return;
	cycle_start_transaction();
	if (has_change(changes, n, CHANGE_CALENDAR))
		job_cache_reload_calendars();
	for (int i = 0; i < n; i++)
		if (changes[i].kind == CHANGE_JOB)
		{
			change_job(changes[i].id);
			chain_note_job(changes[i].id);
		}
	(void) job_cache_write();
	cycle_commit_transaction();
	job_cache_written(true);
	if (due_heap_overgrown())
		scheduler_load_next_runs();
	for (int i = 0; i < n; i++)
		apply_change(db, &changes[i]);
	monitor_request();
	job_cache_trim();
}

void
scheduler_apply_changes(Database *db)
{
	const Change *changes;
	bool		overflow;
	int			n = scheduler_take_changes(db, &changes, &overflow);

	Assert(!IsTransactionState());
	if (overflow)
		reload_all(db);
	else
		apply(db, changes, n);
}

void
scheduler_apply_own_changes(Database *db)
{
	const Change *changes;
	int			n = own_change_take(OWN_CHANGES, &changes);

	Assert(!IsTransactionState());
	if (has_change(changes, n, CHANGE_ALL))
		reload_all(db);
	else
		apply(db, changes, n);
}

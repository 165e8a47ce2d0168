/*-------------------------------------------------------------------------
 *
 * scheduler_load.c
 *	  The scheduler reads everything from the tables, after a start or an error.
 *
 * What mirrors tables is thrown away and read again: runs, queues and their
 * limits (run_queue_reset), jobs and their states, dirty ones too
 * (job_cache_reset), ends of leaders (chain_reset), next times
 * (scheduler_load_next_runs), hooks (hook_load), dependencies, which are read
 * in the next cycle (dependency_graph_reload), rules, open alerts and unhealthy
 * jobs (monitor_load), stop() or start() (stop_mode_read).  Walks begin anew
 * (maintain_reset).  What states lacked is counted again from history
 * (settle_uncounted).
 *
 * Other memory survives an error, for no table has it:
 *
 *	alerts and events that are not written (alert.c, recovery_event.c)
 *	what was counted and not written, and windows of rates (job_metrics.c)
 *	which alerts of the server this process has raised (server_watch.c)
 *	pauses that are owed (pause.c), jobs that were set aside (enqueue.c)
 *	handles of workers, and times before which none is started
 *	(worker_pool.c, dispatch.c, prestart.c, http_dispatch.c)
 *
 * Shared memory survives, too.  Workers go on: they keep what they have in
 * hand, and settle_start() finds it there.  Outcomes and changes stay in their
 * rings.  An outcome that was taken out when the error came is lost; the end
 * that it told of is committed, and is found as any end is: in history.
 *
 * If this fails, it is an error like any other, and done again after a second.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "base/guc.h"
#include "flow/chain.h"
#include "flow/clock_watch.h"
#include "flow/enqueue.h"
#include "flow/hook.h"
#include "flow/maintain.h"
#include "flow/plan.h"
#include "flow/role_limit.h"
#include "flow/settle.h"
#include "health/monitor.h"
#include "process/scheduler_load.h"
#include "process/stop_mode.h"
#include "state/dependency_graph.h"
#include "state/due_heap.h"
#include "state/recovery_event.h"
#include "state/run_queue.h"
#include "table/query.h"
#include "table/query_hook.h"
#include "table/query_queue.h"

static void
put_next_run(int64 job_id, Oid role, TimestampTz next_run_at, void *arg)
{
	due_heap_put(job_id, role, next_run_at);
}

void
scheduler_load_next_runs(void)
{
	Assert(!IsTransactionState());
	due_heap_reset();
	cycle_start_transaction();
	query_scan_next_runs(put_next_run, NULL);
	cycle_commit_transaction();
	due_heap_loaded();
}

void
scheduler_load_calendar(int64 calendar)
{
	Assert(!IsTransactionState());
	cycle_start_transaction();
	query_scan_deferred_runs(calendar, put_next_run, NULL);
	cycle_commit_transaction();
	plan_by_calendar(calendar);
}

/* Once per start of the server, and at promotion: the @reboot jobs. */
static void
note_boot(void)
{
	SchedulerMarks marks;

	cycle_start_transaction();
	query_read_marks(&marks);
	if (marks.booted_at != PgStartTime)
	{
		enqueue_reboot_jobs();
		(void) job_cache_write();
		query_mark_booted_at(PgStartTime);
		query_forget_starts();
	}
	cycle_commit_transaction();
	job_cache_written(true);
}

/* The default time zone may have changed since next times were planned. */
static void
note_timezone(void)
{
	SchedulerMarks marks;

	cycle_start_transaction();
	query_read_marks(&marks);
	cycle_commit_transaction();
	if (strcmp(marks.timezone, pg_scheduler_timezone) == 0)
		return;
	if (marks.timezone[0] != '\0')
		plan_in_new_zone();
	cycle_start_transaction();
	query_mark_timezone(pg_scheduler_timezone);
	cycle_commit_transaction();
}

static void
publish_ready(Database *db)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	db->state = DATABASE_PRESENT;
	db->ready = true;
	db->ready_since = clock_now();
	if (scheduler_shared->full)
	{
		/* the launcher warns when there is no entry left for the others */
		scheduler_shared->rescan = true;
		process_wake(&scheduler_shared->launcher);
	}
	LWLockRelease(scheduler_shared->lock);
}

static void
load_queue(const char *name, const QueueLimits *limits, void *arg)
{
	run_queue_set_limits(name, limits);
}

void
scheduler_load_queues(void)
{
	Assert(!IsTransactionState());
	cycle_start_transaction();
	query_scan_queues(load_queue, NULL);
	role_limit_load();
	cycle_commit_transaction();
	dependency_graph_queues_changed();
}

/* The launcher has started this process in place of another. */
static void
note_restart(Database *db)
{
	static bool noted = false;

	if (noted)
		return;
	noted = true;
	if (db->nstarts++ > 0)
		recovery_event_note("restart", SUBJECT_SCHEDULER, 0, InvalidOid, true,
							db->left ? "the scheduler was asked to leave" :
							"the scheduler had died");
}

int
scheduler_take_changes(Database *db, const Change **changes, bool *overflow)
{
	static Change taken[CHANGE_RING_SIZE];
	int			n = shmem_take_changes(db, taken, CHANGE_RING_SIZE, overflow);

	for (int i = 0; i < n; i++)
		if (taken[i].kind == CHANGE_CANCEL)
			settle_cancel_run(taken[i].id);
	*changes = taken;
	return n;
}

void
scheduler_load(Database *db)
{
	const Change *changes;
	bool		overflow;

	Assert(!IsTransactionState());
	/* what was told of before is in what is read next: it is not counted again */
	(void) scheduler_take_changes(db, &changes, &overflow);
	run_queue_reset();
	job_cache_reset();
	maintain_reset();
	chain_reset();

	(void) maintain_partition(clock_now());
	scheduler_load_queues();
	hook_load();
	clock_watch_load();
	settle_start(db);
	cycle_start_transaction();
	chain_load();
	cycle_commit_transaction();
	settle_uncounted();
	monitor_load();
	stop_mode_read(db);
	note_timezone();
	clock_watch_plan();
	scheduler_load_next_runs();
	plan_new_jobs();
	note_boot();
	dependency_graph_reload();
	publish_ready(db);
	note_restart(db);
}

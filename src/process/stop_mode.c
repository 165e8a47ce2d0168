/*-------------------------------------------------------------------------
 *
 * stop_mode.c
 *	  Is the scheduler to run jobs, on its way to a stop, or stopped?
 *
 * stop(), start() and a smart shutdown of the server decide that.  On the way
 * to a stop no run is begun, but those of hooks after stop(); those that are
 * under way may end, until the deadline.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "storage/condition_variable.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "base/guc.h"
#include "flow/dispatch.h"
#include "flow/hold.h"
#include "flow/hook.h"
#include "flow/lane_fill.h"
#include "flow/pool_room.h"
#include "flow/worker_pool.h"
#include "health/server_watch.h"
#include "process/stop_mode.h"
#include "state/dependency_graph.h"
#include "state/hook_family.h"
#include "state/run_queue.h"
#include "table/query.h"

typedef enum RunMode
{
	MODE_RUNNING,
	MODE_STOPPING,				/* stopped; runs are still being executed */
	MODE_STOPPED
} RunMode;

static RunMode mode = MODE_RUNNING;
static bool stop_hooks = false; /* stopped by stop(): hooks run before that */
static TimestampTz stop_deadline;

bool
stop_mode_is_running(void)
{
	return mode == MODE_RUNNING;
}

bool
stop_mode_is_stopped(void)
{
	return mode == MODE_STOPPED;
}

static void
publish_control(Database *db, bool stopped)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (stopped && !db->stop_requested)
		db->stopped_at = clock_now();
	db->stop_requested = stopped;
	LWLockRelease(scheduler_shared->lock);
}

/* How long runs may go on that nobody has set a limit for. */
static TimestampTz
grace_from_now(void)
{
	return clock_now() + (int64) pg_scheduler_shutdown_grace * 1000;
}

/* What was judged before says nothing any more, or again. */
static void
note_monitoring(Database *db, bool monitoring)
{
	if (db->monitoring == monitoring)
		return;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	db->monitoring = monitoring;
	LWLockRelease(scheduler_shared->lock);
	dependency_graph_reload();
	ereport(LOG,
			(errmsg("monitoring was turned %s in this database", monitoring ? "on" : "off")));
}

void
stop_mode_read(Database *db)
{
	ControlState control;
	bool		held = hold_look(db);

	Assert(!IsTransactionState());
	cycle_start_transaction();
	query_read_control(&control);
	cycle_commit_transaction();
	note_monitoring(db, pg_scheduler_monitoring && control.monitoring);
	stop_deadline = control.stopped ? control.stop_deadline : grace_from_now();
	if (!control.stopped && !held)
	{
		if (mode != MODE_RUNNING)
			dependency_graph_start();
		mode = MODE_RUNNING;
		LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
		db->stopped = false;
		LWLockRelease(scheduler_shared->lock);
	}
	else if (mode == MODE_RUNNING)
	{
		mode = MODE_STOPPING;
		lane_fill_withdraw();
	}
	stop_hooks = control.stopped && !held;
	run_queue_hooks_only(control.stopped);
	hook_changed(0);
	publish_control(db, control.stopped || held);
	server_watch_stopped(held ? db->hold_reason :
						 control.stopped ? "the scheduler was stopped by scheduler.stop()" : NULL);
}

void
stop_mode_begin(void)
{
	if (mode != MODE_RUNNING)
		return;
	mode = MODE_STOPPING;
	stop_deadline = grace_from_now();
	lane_fill_withdraw();
}

TimestampTz
stop_mode_step(Database *db, TimestampTz now)
{
	int			running;
	int			total;

	if (mode == MODE_STOPPED)
		return DT_NOEND;
	if (stop_hooks && stop_deadline > now && hook_family_pending())
	{
		TimestampTz next = run_queue_wake(now);

		next = earlier_of(next, dispatch_runs());
		return Min(next, stop_deadline);
	}
	(void) pool_room_make(0, false, 0);
	worker_pool_dismiss(stop_deadline <= now);
	worker_pool_count(&running, &total);
	if (total == 0)
	{
		mode = MODE_STOPPED;
		LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
		db->stopped = true;
		LWLockRelease(scheduler_shared->lock);
		ConditionVariableBroadcast(&db->run_finished);
		return DT_NOEND;
	}
	return stop_deadline <= now ? DT_NOEND : stop_deadline;
}

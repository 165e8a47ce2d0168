/*-------------------------------------------------------------------------
 *
 * dispatch.c
 *	  From ready runs to workers.
 *
 * Within a role, runs go in order of priority, its queues in turns, and each
 * queue in order of due time.  Between roles, whoever has waited longest
 * without a worker gets the next one, so that no tenant waits for more than
 * the run that a worker has in hand.
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
#include "base/process.h"
#include "flow/dispatch.h"
#include "flow/http_dispatch.h"
#include "flow/lane_fill.h"
#include "flow/pool_room.h"
#include "flow/prestart.h"
#include "flow/role_limit.h"
#include "flow/run_owner.h"
#include "flow/settle.h"
#include "flow/worker_pool.h"
#include "shared/lane.h"
#include "shared/worker_slot.h"
#include "state/alert.h"
#include "state/run_queue.h"
#include "table/query.h"
#include "table/rights.h"

static TimestampTz launch_not_before = DT_NOBEGIN;
static bool no_process = false; /* the server had no room for one */
static bool more_wanted = false;	/* a role could use one more worker */

/* The workers of a lane, as dispatch sees them */
typedef struct LaneView
{
	int			lane;			/* -1: none */
	int			nready;
	int			nidle;			/* free to take a run, or about to be */
	int			nworkers;		/* that are not on their way out */
	int64		run_time;
	TimestampTz last_start;		/* of a run under way; DT_NOBEGIN: none */
} LaneView;

static LaneView
view_lane(Oid role)
{
	LaneView	view = {.lane = -1, .last_start = DT_NOBEGIN};

	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	view.lane = lane_find(MyDatabaseId, role);
	if (view.lane >= 0)
	{
		view.nready = scheduler_shared->lanes[view.lane].nready;
		view.run_time = scheduler_shared->lanes[view.lane].run_time;
	}
	foreach_worker_slot(slot)
	{
		if (slot->lane != view.lane || !worker_slot_stays(slot))
			continue;
		view.nworkers++;
		if (slot->state != WORKER_RUNNING)
			view.nidle++;
		else
			view.last_start = Max(view.last_start, slot->started_at);
	}
	LWLockRelease(scheduler_shared->lock);
	return view;
}

/*
 * Wake an idle worker for each run in a lane.  Not only for those that were
 * put there last: a worker that was woken for an earlier one may be slow to
 * come, and is idle until it does.
 */
static void
wake_idle_workers(int lane)
{
	int			n;

	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	n = scheduler_shared->lanes[lane].nready;
	foreach_worker_slot(slot)
	{
		if (n > 0 && slot->state == WORKER_IDLE && slot->lane == lane && !slot->leave)
		{
			process_wake(&slot->process);
			n--;
		}
	}
	LWLockRelease(scheduler_shared->lock);
}

/*
 * Fill a lane from the queue of its role.  A lane is refilled when it is half
 * empty, unless it has idle workers or there is a run that goes before others,
 * so that the lock is not taken for every single run under load.
 */
static void
fill_lane(RoleRuns *queue, const LaneView *view)
{
	(void) lane_fill(&scheduler_shared->lanes[view->lane], queue);
	wake_idle_workers(view->lane);
}

/*
 * The role cannot run jobs: everything of it that is ready fails, with the
 * reason.
 */
static bool
check_role(Oid role)
{
	RightsProblem problem;
	bool		result;

	cycle_start_transaction();
	MemoryContextSwitchTo(cycle_context);
	result = rights_can_run(role, &problem);
	if (!result && problem.sqlerrcode == ERRCODE_UNDEFINED_OBJECT)
		run_owner_turn_off(role);
	cycle_commit_transaction();
	if (!result)
		settle_fail_role(role, problem.sqlerrcode, problem.message, problem.hint);
	return result;
}

void
dispatch_delay_launch(void)
{
	launch_not_before = clock_now() + LAUNCH_RETRY_DELAY;
}

/*
 * Try to get one worker for a role.  The time to try again at the latest, or
 * DT_NOEND: it comes, or the role cannot have one.
 */
static TimestampTz
launch(Oid role, bool more)
{
	TimestampTz again = DT_NOEND;

	if (launch_not_before > clock_now())
		return launch_not_before;
	if (!check_role(role))		/* not all of its runs fail at once */
		return run_queue_of_role(role)->nready > 0 ? clock_now() : DT_NOEND;
	switch (worker_pool_launch(role, &again))
	{
		case LAUNCH_STARTED:
			if (no_process)
				alert_resolve(ALERT_WORKER_SLOTS_EXHAUSTED, "pg_scheduler");
			no_process = false;
			return DT_NOEND;
		case LAUNCH_FAILED:
			worker_pool_warn_no_process("a worker");
			no_process = true;
			more_wanted |= more;
			return again;
		case LAUNCH_POOL_FULL:
			more_wanted |= more;
			return again;
	}
	return DT_NOEND;
}

/*
 * Would one more worker end the runs of a role sooner, by more than it takes to
 * start it?  Not while those at work take one run after the other, and will
 * soon have done them all.  When to look again is in *again.
 */
static bool
pays(const LaneView *view, int ready, TimestampTz *again)
{
	TimestampTz now = clock_now();

	if (view->last_start == DT_NOBEGIN ||
		ready * view->run_time > view->nworkers * (view->nworkers + 1) *
		(int64) WORKER_START_TIME)
		return true;
	*again = view->last_start + WORKER_START_TIME;
	/* later than now: the clock was set back */
	return *again <= now || view->last_start > now;
}

/* See that a role has the workers that it can use, within a limit. */
static TimestampTz
staff(RoleRuns *queue, int limit)
{
	LaneView	view = view_lane(queue->role);
	int			ready = queue->nready + view.nready;
	TimestampTz result = DT_NOEND;

	if (ready <= view.nidle)
		return DT_NOEND;
	if (view.nworkers == 0 && queue->starved_since == DT_NOEND)
		queue->starved_since = clock_now();
	while (ready > view.nidle && view.nworkers < limit && pays(&view, ready, &result))
	{
		result = launch(queue->role, view.nworkers > 0);
		if (view_lane(queue->role).nworkers == view.nworkers)
			break;				/* nothing was launched */
		view = view_lane(queue->role);
		queue->starved_since = DT_NOEND;
		ready = queue->nready + view.nready;
	}
	return result;
}

/* The role that has been without a worker for longest goes first. */
static RoleRuns *
longest_starved(void)
{
	RoleRuns  *result = NULL;

	for (RoleRuns *queue = run_queue_next_role(NULL); queue != NULL;
		 queue = run_queue_next_role(queue))
	{
		if (queue->starved_since != DT_NOEND &&
			(result == NULL || queue->starved_since < result->starved_since))
			result = queue;
	}
	return result;
}

static int
count_starved(void)
{
	int			result = 0;

	for (RoleRuns *queue = run_queue_next_role(NULL); queue != NULL;
		 queue = run_queue_next_role(queue))
	{
		if (queue->starved_since != DT_NOEND)
			result++;
	}
	return result;
}

/* Serve starved roles in their order until there is no worker to be had. */
static TimestampTz
staff_starved(void)
{
	RoleRuns  *queue;

	while ((queue = longest_starved()) != NULL)
	{
		TimestampTz again = staff(queue, 1);

		if (queue->nready > 0 && queue->starved_since != DT_NOEND)
			return again;		/* it is still the first */
	}
	return DT_NOEND;
}

/* The roles of this database that have a lane, empty or not, palloc'd. */
static int
find_lanes(bool empty, Oid **roles)
{
	int			n = 0;

	*roles = palloc(scheduler_shared->nworkers * sizeof(Oid));
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	for (int i = 0; i < scheduler_shared->nworkers; i++)
	{
		const Lane *lane = &scheduler_shared->lanes[i];

		if (lane->in_use && lane->database == MyDatabaseId && (lane->nready == 0) == empty)
			(*roles)[n++] = lane->role;
	}
	LWLockRelease(scheduler_shared->lock);
	return n;
}

/*
 * Workers that have done all that was in their lane while we looked at others
 * have nothing to do only if there is no more: nobody else is to get their
 * place.
 */
static void
refill_lanes(void)
{
	Oid		   *roles;
	int			n = find_lanes(true, &roles);

	for (int i = 0; i < n; i++)
	{
		RoleRuns  *queue = run_queue_of_role(roles[i]);
		LaneView	view;

		if (queue->nready == 0)
			continue;
		view = view_lane(queue->role);
		if (view.nworkers > 0)
			fill_lane(queue, &view);
	}
	pfree(roles);
}

/*
 * A lane can hold the last ready runs of a role that could not get all the
 * workers it can use: they must not wait for each other when there is room.
 */
static TimestampTz
staff_lanes(void)
{
	Oid		   *roles;
	int			n = find_lanes(false, &roles);
	TimestampTz result = DT_NOEND;

	for (int i = 0; i < n; i++)
	{
		RoleRuns  *queue = run_queue_of_role(roles[i]);

		if (queue->nready == 0)
			result = earlier_of(result, staff(queue, role_limit_workers(queue->role)));
	}
	pfree(roles);
	return result;
}

/* Roles that have a worker get more, when no role is without. */
static TimestampTz
staff_further(void)
{
	TimestampTz result = staff_lanes();
	RoleRuns  *next;

	for (RoleRuns *queue = run_queue_next_role(NULL); queue != NULL; queue = next)
	{
		next = run_queue_next_role(queue);
		if (queue->role != HTTP_QUEUE)
			result = earlier_of(result, staff(queue, role_limit_workers(queue->role)));
	}
	return result;
}

TimestampTz
dispatch_runs(void)
{
	TimestampTz result = staff_starved();
	RoleRuns  *queue = run_queue_next_role(NULL);
	int			nstarved;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	while (queue != NULL)
	{
		RoleRuns  *next = run_queue_next_role(queue);
		LaneView	view;

		if (queue->role == HTTP_QUEUE)
		{
			result = earlier_of(result, http_dispatch_runs(queue));
			queue = next;
			continue;
		}
		view = view_lane(queue->role);
		if (view.nworkers == 0 && queue->starved_since == DT_NOEND)
		{
			result = earlier_of(result, staff(queue, 1));
			view = view_lane(queue->role);
		}
		if (view.nworkers > 0 &&
			(view.nidle > 0 || view.nready <= LANE_LOW_WATER || queue->overtakes))
			fill_lane(queue, &view);
		queue = next;
	}
	result = earlier_of(result, staff_starved());
	more_wanted = false;
	nstarved = count_starved();
	if (nstarved == 0)
		prestart_launch();
	else
		refill_lanes();
	if (nstarved == 0 && prestart_missing() == 0)
		result = earlier_of(result, staff_further());
	return earlier_of(result, pool_room_make(nstarved, more_wanted,
											 prestart_missing()));
}

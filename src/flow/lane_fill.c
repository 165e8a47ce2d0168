/*-------------------------------------------------------------------------
 *
 * lane_fill.c
 *	  Runs into a lane, and back.
 *
 * A run that is in a lane is dispatched for the run queue, whether a worker
 * has begun it or not.  So whoever wants it back takes it out of the lane
 * first: a run that is not found there is in the hands of a worker.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/process.h"
#include "flow/lane_fill.h"
#include "shared/lane.h"

void
lane_fill_take_back(const Run *run)
{
	RunEntry   *entry = run_queue_find(run->run_id);

	if (entry != NULL)
		run_queue_untake(entry);
}

/* Runs that are looked at for a lane that is shared */
#define SHARED_LOOK		16

/* Take runs out of a queue, as many as a lane may have room for. */
static int
take_ready(RoleRuns *queue, RunEntry **entries, int max)
{
	int			n = 0;

	while (n < max && queue->nready > 0)
	{
		RunEntry   *entry = run_queue_take(queue);

		if (entry == NULL)
			break;
		entry->run.job_tid = entry->job->job.tid;
		entries[n++] = entry;
	}
	return n;
}

/*
 * Is it the lane of a queue still?  Its last worker may have left since we
 * looked, and another database may have it now.  Lock held.
 */
static bool
is_lane_of(const Lane *lane, const RoleRuns *queue)
{
	Assert(shmem_locked());
	return queue->role == HTTP_QUEUE ||
		(lane->in_use && lane->database == MyDatabaseId && lane->role == queue->role);
}

/*
 * Put runs in order into the lane of a queue; how many have found a place.
 * Those that lost theirs are in *displaced.
 */
static int
put_ready(Lane *lane, const RoleRuns *queue, RunEntry **entries, int n,
		  Run *displaced, int *ndisplaced)
{
	int			nput;

	*ndisplaced = 0;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	for (nput = 0; nput < n && is_lane_of(lane, queue); nput++)
	{
		bool		is_displaced;

		if (!lane_put(lane, &entries[nput]->run, &displaced[*ndisplaced], &is_displaced))
			break;
		if (is_displaced)
			(*ndisplaced)++;
	}
	LWLockRelease(scheduler_shared->lock);
	return nput;
}

/*
 * The same for a lane in which runs stay because their owners have their share
 * of what there is: those of others must get in.  A few of those whose turn it
 * is are looked at, one of each stream at least.
 */
static int
fill_shared(Lane *lane, RoleRuns *queue)
{
	RunEntry   *entries[SHARED_LOOK];
	Run			displaced[SHARED_LOOK];
	int			n = take_ready(queue, entries, SHARED_LOOK);
	int			ndisplaced = 0;
	int			nback = 0;
	int			nput = 0;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < n; i++)
	{
		bool		is_displaced;

		if (!lane_put_shared(lane, &entries[i]->run, &displaced[ndisplaced], &is_displaced))
			entries[nback++] = entries[i];
		else
			nput++;
		if (is_displaced)
			ndisplaced++;
	}
	LWLockRelease(scheduler_shared->lock);
	for (int i = 0; i < ndisplaced; i++)
		lane_fill_take_back(&displaced[i]);
	for (int i = 0; i < nback; i++)
		run_queue_untake(entries[i]);
	queue->overtakes = false;
	return nput;
}

int
lane_fill(Lane *lane, RoleRuns *queue)
{
	RunEntry   *entries[LANE_DEPTH];
	Run			displaced[LANE_DEPTH];
	int			total = 0;
	int			n;
	int			nput;
	bool		blocked;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!shmem_locked());
	/* who comes late goes before what the workers have not begun, if in turn */
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	blocked = lane->blocked && lane->nready > 0;
	fair_queue_set_floor(&queue->ready, blocked ? lane->last_turn :
						 lane->nready > 0 ? lane_first(lane)->turn : queue->ready.last);
	LWLockRelease(scheduler_shared->lock);
	if (blocked)
		return fill_shared(lane, queue);
	do
	{
		int			ndisplaced;

		/* a glance without the lock: one that takes a run out makes more room */
		n = take_ready(queue, entries, Max(LANE_DEPTH - lane->nready, 1));
		nput = put_ready(lane, queue, entries, n, displaced, &ndisplaced);
		for (int i = 0; i < ndisplaced; i++)
			lane_fill_take_back(&displaced[i]);
		for (int i = nput; i < n; i++)
			run_queue_untake(entries[i]);
		total += nput;
	} while (n > 0 && nput == n);
	queue->overtakes = false;
	lane->more = queue->nready > 0;
	return total;
}

/* Lock held. */
static void
empty_lane(Lane *lane)
{
	Run			run;

	Assert(shmem_locked_exclusively());
	while (lane_take(lane, &run))
		lane_fill_take_back(&run);
}

void
lane_fill_withdraw(void)
{
	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!shmem_locked());
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < scheduler_shared->nworkers; i++)
	{
		Lane	   *lane = &scheduler_shared->lanes[i];

		if (lane->in_use && lane->database == MyDatabaseId)
			empty_lane(lane);
	}
	empty_lane(&shmem_find_database(MyDatabaseId)->http_lane);
	LWLockRelease(scheduler_shared->lock);
}

bool
lane_fill_withdraw_run(const Run *run)
{
	bool		result = false;
	int			i;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!shmem_locked());
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	i = lane_find(MyDatabaseId, run->owner);
	if (i >= 0)
		result = lane_remove(&scheduler_shared->lanes[i], run->run_id);
	if (!result)
		result = lane_remove(&shmem_find_database(MyDatabaseId)->http_lane, run->run_id);
	LWLockRelease(scheduler_shared->lock);
	return result;
}

int64
lane_fill_waiting_count(void)
{
	int			in_lanes;

	Assert(process_is(PROCESS_SCHEDULER));
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	in_lanes = lane_count_waiting(shmem_find_database(MyDatabaseId));
	LWLockRelease(scheduler_shared->lock);
	return run_queue_ready_count() + in_lanes;
}

static int
copy_ids(const Lane *lane, int64 *run_ids)
{
	for (int i = 0; i < lane->nready; i++)
		run_ids[i] = lane->ready[(lane->first + i) % LANE_DEPTH].run_id;
	return lane->nready;
}

static void
forget_count(JobQueue *queue, void *arg)
{
	queue->nin_lanes = 0;
}

void
lane_fill_count_queues(void)
{
	int64	   *run_ids = palloc((scheduler_shared->nworkers + 1) * LANE_DEPTH * sizeof(int64));
	int			n;

	Assert(process_is(PROCESS_SCHEDULER));
	run_queue_foreach_queue(forget_count, NULL);
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	n = copy_ids(&shmem_find_database(MyDatabaseId)->http_lane, run_ids);
	for (int i = 0; i < scheduler_shared->nworkers; i++)
	{
		const Lane *lane = &scheduler_shared->lanes[i];

		if (lane->in_use && lane->database == MyDatabaseId)
			n += copy_ids(lane, run_ids + n);
	}
	LWLockRelease(scheduler_shared->lock);
	for (int i = 0; i < n; i++)
	{
		RunEntry   *entry = run_queue_find(run_ids[i]);

		if (entry != NULL && entry->state == RUN_STATE_DISPATCHED)
			entry->queue->nin_lanes++;
	}
	pfree(run_ids);
}

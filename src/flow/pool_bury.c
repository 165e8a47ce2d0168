/*-------------------------------------------------------------------------
 *
 * pool_bury.c
 *	  The slots of workers that have died.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/process.h"
#include "flow/pool_bury.h"
#include "flow/pool_turn.h"
#include "flow/worker_pool.h"
#include "shared/lane.h"
#include "shared/worker_slot.h"

/*
 * Whoever terminates a worker may be stopping the server, in which case the
 * scheduler is told at the same time and leaves the run alone.  Give that
 * signal time to arrive.
 */
#define BURIAL_DELAY		(200 * 1000)

/* A worker that has not attached after this time never will: 60 s. */
#define ATTACH_TIMEOUT		(60 * USECS_PER_SEC)

/*
 * A lane keeps no runs without a worker: give them back to the scheduler.
 * Lock held.
 */
static void
drain_lane(Lane *lane, TakeBackCallback take_back)
{
	Run			run;

	Assert(shmem_locked_exclusively());
	while (lane_take(lane, &run))
		take_back(&run);
}

/* A worker that was launched, and has ended unattached. */
static bool
never_attached(const WorkerSlot *slot, TimestampTz now)
{
	if (slot->state != WORKER_STARTING || slot->process.pid != 0)
		return false;
	return worker_pool_has_ended(slot) || slot->launched_at + ATTACH_TIMEOUT < now;
}

/*
 * A dead worker of another database.  What it has left behind is for its own
 * scheduler to see to, for as long as that may be expected to come, which also
 * is told when the process has gone.
 */
static bool
can_bury_stranger(const WorkerSlot *slot, TimestampTz now, TimestampTz *next_burial_at)
{
	bool		nothing_left = !slot->has_run &&
		scheduler_shared->lanes[slot->lane].nready == 0;
	int64		grace = nothing_left ? EXIT_TIME : NEGLECT_TIME;

	if (!clock_lasts(slot->died_at, grace, now))
		return true;
	*next_burial_at = Min(*next_burial_at, slot->died_at + grace);
	return false;
}

/* May a slot be freed now?  Lock held. */
static bool
can_bury(const WorkerSlot *slot, TimestampTz now, TimestampTz *next_burial_at)
{
	Assert(shmem_locked());
	if (never_attached(slot, now))
		return true;
	if (slot->state != WORKER_DEAD || worker_pool_still_exits(slot))
		return false;
	if (slot->database != MyDatabaseId)
		return can_bury_stranger(slot, now, next_burial_at);
	if (slot->has_run && !slot->terminate && !slot->requeue &&
		slot->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN &&
		clock_lasts(slot->died_at, BURIAL_DELAY, now))
	{
		*next_burial_at = Min(*next_burial_at, slot->died_at + BURIAL_DELAY);
		return false;
	}
	return true;
}

/*
 * Take away what a worker of another database has left behind.  All of it is
 * pending: the scheduler of that database, if there is one, reads it again.
 * Lock held.
 */
static void
clear_stranger(const WorkerSlot *slot)
{
	Lane	   *lane = &scheduler_shared->lanes[slot->lane];
	Database   *db = shmem_find_database(slot->database);

	Assert(shmem_locked_exclusively());
	if (!slot->has_run && lane->nready == 0)
		return;
	if (lane->nworkers == 1)
		lane_reset(lane);
	if (db == NULL)
		return;
	shmem_put_change_of(db, CHANGE_ALL, 0);
}

int
pool_bury(WorkerSlot *dead, TakeBackCallback take_back, TimestampTz *next_burial_at)
{
	TimestampTz now;
	int			n = 0;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!shmem_locked());
	*next_burial_at = DT_NOEND;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	now = clock_now();			/* under the lock: nobody has died later */
	foreach_worker_slot(slot)
	{
		if (!can_bury(slot, now, next_burial_at))
			continue;
		if (slot->database == MyDatabaseId)
		{
			Lane	   *lane = &scheduler_shared->lanes[slot->lane];

			dead[n++] = *slot;
			if (lane->nworkers == 1)
				drain_lane(lane, take_back);
		}
		else
			clear_stranger(slot);
		if (slot->has_run || !slot->connected)
			scheduler_shared->workers_died++;
		worker_slot_free(slot);
	}
	LWLockRelease(scheduler_shared->lock);
	return n;
}

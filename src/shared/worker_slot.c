/*-------------------------------------------------------------------------
 *
 * worker_slot.c
 *	  The slots of workers: who has one, who leaves, who is cancelled.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "shared/http_flight.h"
#include "shared/lane.h"
#include "shared/worker_slot.h"

/* With few runs left, longer: rather than come back for them. 300 ms. */
#define LAST_SLICE			(300 * 1000)

WorkerSlot *worker_slot_mine = NULL;

void
worker_slot_wake_ticket_holders(void)
{
	Assert(shmem_locked_exclusively());
	for (int i = 0; i < scheduler_shared->ndatabases; i++)
		if (scheduler_shared->databases[i].ticket != 0)
			process_wake(&scheduler_shared->databases[i].scheduler);
}

void
worker_slot_free(WorkerSlot *slot)
{
	Lane	   *lane = &scheduler_shared->lanes[slot->lane];

	Assert(shmem_locked_exclusively());
	lane->nworkers--;
	if (lane->nworkers == 0)
		lane_release(lane);
	slot->state = WORKER_FREE;
	slot->has_run = false;
	slot->leave = false;
	slot->generation = 0;
	slot->freed_at = clock_now();
	worker_slot_wake_ticket_holders();
}

void
worker_slot_ask_to_leave(WorkerSlot *slot)
{
	Assert(shmem_locked_exclusively());
	slot->leave = true;
	process_wake(&slot->process);
}

void
worker_slot_send_away(WorkerSlot *slot, bool force)
{
	Assert(shmem_locked_exclusively());
	worker_slot_ask_to_leave(slot);
	if (force && slot->state == WORKER_RUNNING && !slot->requeue)
	{
		slot->requeue = true;
		kill(slot->process.pid, SIGTERM);
	}
}

/* Never long from now, unless the clock was set back. */
TimestampTz
worker_slot_expected_until(const WorkerSlot *slot, TimestampTz now)
{
	Assert(shmem_locked());
	return slot->expected_until < now + TIME_SLICE ? slot->expected_until : DT_NOBEGIN;
}

/*
 * Whoever will have work in a moment goes only for runs that are ready, and, if
 * it was started for that, not before its first: which may never come, as long
 * as its queue is stopped for instance, so no longer than for a time slice.
 */
TimestampTz
worker_slot_spared_until(const WorkerSlot *slot, NewcomerKind newcomer, TimestampTz now)
{
	TimestampTz expected = worker_slot_expected_until(slot, now);

	Assert(shmem_locked());
	if (newcomer != FOR_READY)
		return expected;
	if (slot->runs_done > 0)
		return DT_NOBEGIN;
	return Min(expected, slot->launched_at + TIME_SLICE);
}

/* A worker that was started ahead, and has yet to get its first run */
static bool
is_fresh(const WorkerSlot *slot, TimestampTz now)
{
	return worker_slot_spared_until(slot, FOR_READY, now) > now;
}

/* Workers of a lane that are not about to leave.  Lock held. */
static int
count_staying(int lane)
{
	int			result = 0;

	Assert(shmem_locked());
	foreach_worker_slot(slot)
	{
		if (slot->lane == lane && worker_slot_stays(slot))
			result++;
	}
	return result;
}

void
worker_slot_relieve(WorkerSlot *slot)
{
	const Lane *lane = &scheduler_shared->lanes[slot->lane];
	TimestampTz now = clock_now();
	int64		slice = lane->more ? TIME_SLICE : LAST_SLICE;

	Assert(shmem_locked_exclusively());
	if (slot->leave ||
		(count_staying(slot->lane) == 1 &&
		 (lane->nready > 0 || lane->more || is_fresh(slot, now)) &&
		 clock_lasts(slot->launched_at, slice, now)))
		return;
	worker_slot_ask_to_leave(slot);
	for (int i = 0; i < scheduler_shared->ndatabases; i++)
	{
		Database   *db = &scheduler_shared->databases[i];

		if (db->rooms_wanted > 0)
		{
			shmem_want_rooms(db, db->rooms_wanted - 1);
			return;
		}
	}
}

/*
 * The scheduler is woken, for it terminates what does not obey.  Of several
 * reasons the first one counts.  Lock held.
 */
static void
cancel_slot(WorkerSlot *slot, CancelReason why)
{
	Database   *db = shmem_find_database(slot->database);

	Assert(shmem_locked_exclusively());
	if (!slot->cancel)
		slot->why = why;
	slot->cancel = true;
	slot->cancel_at = DT_NOEND;
	slot->deadline = Min(slot->deadline, clock_now());
	kill(slot->process.pid, SIGINT);
	if (db != NULL)
		process_wake(&db->scheduler);
}

static bool
has_run_of(const WorkerSlot *slot, Oid database)
{
	return slot->state == WORKER_RUNNING && slot->has_run && slot->database == database;
}

bool
worker_slot_cancel_run(int64 run_id, CancelReason why)
{
	bool		result = false;

	if (!shmem_available())
		return false;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	foreach_worker_slot(slot)
	{
		if (has_run_of(slot, MyDatabaseId) && slot->run.run_id == run_id)
		{
			cancel_slot(slot, why);
			result = true;
		}
	}
	result |= http_flight_cancel(run_id, why);
	LWLockRelease(scheduler_shared->lock);
	return result;
}

int
worker_slot_cancel_job(int64 job_id, TimestampTz at, CancelReason why)
{
	TimestampTz now = clock_now();
	Database   *db;
	int			n;

	if (!shmem_available())
		return 0;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	n = http_flight_cancel_job(job_id, at, why);
	foreach_worker_slot(slot)
	{
		if (!has_run_of(slot, MyDatabaseId) || slot->run.job_id != job_id)
			continue;
		n++;
		if (at <= now)
			cancel_slot(slot, why);
		else if (!slot->cancel)
		{
			slot->cancel_at = at;
			slot->why = why;
		}
	}
	db = shmem_find_database(MyDatabaseId);
	if (n > 0 && db != NULL)
		process_wake(&db->scheduler);
	LWLockRelease(scheduler_shared->lock);
	return n;
}

TimestampTz
worker_slot_cancel_due(Database *db, TimestampTz now)
{
	TimestampTz next = http_flight_cancel_due(db, now);

	Assert(shmem_locked_exclusively());
	foreach_worker_slot(slot)
	{
		if (!has_run_of(slot, db->oid))
			continue;
		if (slot->cancel_at <= now)
			cancel_slot(slot, slot->why);
		else
			next = Min(next, slot->cancel_at);
	}
	return next;
}

bool
worker_slot_has_run(int64 run_id)
{
	bool		result = false;

	if (!shmem_available())
		return false;
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	foreach_worker_slot(slot)
	{
		if (slot->has_run && slot->run.run_id == run_id &&
			slot->database == MyDatabaseId)
			result = true;
	}
	result |= http_flight_find(run_id) >= 0;
	LWLockRelease(scheduler_shared->lock);
	return result;
}

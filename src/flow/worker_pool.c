/*-------------------------------------------------------------------------
 *
 * worker_pool.c
 *	  The workers of a database: launched, ended, counted.
 *
 * Whether a slot can be had is the matter of pool_turn.c, who makes way for
 * others that of pool_room.c, and what becomes of the slots of the dead that
 * of pool_bury.c.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/process.h"
#include "flow/pool_room.h"
#include "flow/pool_turn.h"
#include "flow/worker_pool.h"
#include "shared/lane.h"
#include "shared/worker_slot.h"
#include "state/alert.h"

StaticAssertDecl(sizeof(WorkerStart) <= BGW_EXTRALEN, "a worker learns of it by bgw_extra");

static BackgroundWorkerHandle **handles = NULL; /* by slot; NULL: not ours */

void
worker_pool_init(void)
{
	handles = MemoryContextAllocZero(TopMemoryContext,
									 scheduler_shared->nworkers *
									 sizeof(BackgroundWorkerHandle *));
}

/* A free slot becomes that of a worker to be launched.  Lock held. */
static uint64
occupy_slot(WorkerSlot *slot, Oid role)
{
	int64		crashed_run_id = slot->crashed_run_id;
	Oid			crashed_database = slot->crashed_database;

	Assert(shmem_locked_exclusively());
	memset(slot, 0, sizeof(*slot));
	slot->crashed_run_id = crashed_run_id;
	slot->crashed_database = crashed_database;
	slot->state = WORKER_STARTING;
	slot->generation = ++scheduler_shared->last_generation;
	slot->database = MyDatabaseId;
	slot->role = role;
	slot->lane = lane_obtain(MyDatabaseId, role);
	slot->launched_at = clock_now();
	slot->deadline = slot->cancel_at = DT_NOEND;
	slot->kill_after = -1;
	scheduler_shared->lanes[slot->lane].nworkers++;
	scheduler_shared->workers_started++;
	return slot->generation;
}

/*
 * The worker of a slot could not be launched.  Nobody but this process puts
 * runs into its lane.  Lock held.
 */
static void
vacate_slot(int slot, uint64 generation)
{
	Assert(shmem_locked_exclusively());
	if (scheduler_shared->workers[slot].generation == generation)
		worker_slot_free(&scheduler_shared->workers[slot]);
}

/*
 * Reserve a free slot, or return -1, and wait for one.  When to try again is in
 * *again, though whoever frees a slot wakes us: a dead worker may be left to us
 * to bury.
 */
static int
reserve_slot(Oid role, uint64 *generation, uint64 *ticket, TimestampTz *again)
{
	int			result;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	result = pool_turn_free_slot(again);
	if (result >= 0)
	{
		*generation = occupy_slot(&scheduler_shared->workers[result], role);
		*ticket = pool_turn_served();
	}
	else
	{
		pool_turn_wait(0);
		if (*again == DT_NOEND)
			*again = clock_now() + NEGLECT_TIME;
	}
	LWLockRelease(scheduler_shared->lock);
	return result;
}

static bool
register_worker(int slot, uint64 generation, Oid role)
{
	BackgroundWorker worker;
	WorkerStart start = {.slot = slot, .generation = generation,
	.database = MyDatabaseId, .role = role};

	process_describe(&worker, "worker", "pg_scheduler_worker_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "pg_scheduler worker %d", slot + 1);
	memcpy(worker.bgw_extra, &start, sizeof(start));

	if (handles[slot] != NULL)
		pfree(handles[slot]);
	handles[slot] = NULL;
	return process_launch(&worker, &handles[slot]);
}

void
worker_pool_warn_no_process(const char *what)
{
	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!shmem_locked());
	process_warn_no_room(what, "Increase max_worker_processes, or lower pg_scheduler.max_workers.");
	alert_raise(ALERT_WORKER_SLOTS_EXHAUSTED, "pg_scheduler", 0, InvalidOid,
				"no background worker slot is free: increase max_worker_processes");
}

LaunchResult
worker_pool_launch(Oid role, TimestampTz *again)
{
	static int64 retry_delay = EXIT_TIME;
	uint64		generation = 0;
	uint64		ticket = 0;
	int			slot = reserve_slot(role, &generation, &ticket, again);
	int			taken;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!shmem_locked());
	if (slot < 0)
		return LAUNCH_POOL_FULL;
	if (register_worker(slot, generation, role))
	{
		retry_delay = EXIT_TIME;
		return LAUNCH_STARTED;
	}

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	pool_turn_wait(ticket);
	vacate_slot(slot, generation);
	taken = pool_turn_count_taken();
	pool_turn_note_shortage(taken);
	*again = scheduler_shared->shortage_at + (taken > 0 ? SHORTAGE_TIME : retry_delay);
	if (taken == 0)
		retry_delay = Min(2 * retry_delay, SHORTAGE_TIME);
	LWLockRelease(scheduler_shared->lock);
	return LAUNCH_FAILED;
}

bool
worker_pool_prestart(Oid role)
{
	TimestampTz again;
	uint64		generation = 0;
	int			slot;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!shmem_locked());
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	slot = pool_turn_free_slot(&again);
	if (slot >= 0)
		generation = occupy_slot(&scheduler_shared->workers[slot], role);
	LWLockRelease(scheduler_shared->lock);
	if (slot < 0)
		return false;
	if (register_worker(slot, generation, role))
		return true;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	vacate_slot(slot, generation);
	LWLockRelease(scheduler_shared->lock);
	return false;
}

int
worker_pool_expect(const DueRole *roles, int n, int64 grace, DueRole *missing)
{
	int			nmissing = 0;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!shmem_locked());
	memcpy(missing, roles, n * sizeof(DueRole));
	LWLockAcquire(scheduler_shared->lock, grace > 0 ? LW_EXCLUSIVE : LW_SHARED);
	foreach_worker_slot(slot)
	{
		int			j = 0;

		if (!worker_slot_stays(slot) || slot->database != MyDatabaseId)
			continue;
		while (j < n && missing[j].role != slot->role)
			j++;
		if (j == n)
			continue;
		missing[j].role = InvalidOid;	/* one worker of a role is enough */
		if (grace > 0)
			slot->expected_until = Max(slot->expected_until, missing[j].due_at + grace);
	}
	LWLockRelease(scheduler_shared->lock);
	for (int i = 0; i < n; i++)
		if (OidIsValid(missing[i].role))
			missing[nmissing++] = missing[i];
	return nmissing;
}

TimestampTz
worker_pool_kill_overdue(TimestampTz now)
{
	TimestampTz next;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!shmem_locked());
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	next = worker_slot_cancel_due(shmem_my_db, now);
	foreach_worker_slot(slot)
	{
		int64		grace = slot->kill_after >= 0 ? slot->kill_after :
			(int64) pg_scheduler_kill_after * 1000;

		if (slot->state != WORKER_RUNNING || slot->database != MyDatabaseId ||
			slot->deadline == DT_NOEND || slot->terminate)
			continue;
		if (slot->deadline + grace <= now)
		{
			slot->terminate = true;
			kill(slot->process.pid, SIGTERM);
		}
		else
			next = Min(next, slot->deadline + grace);
	}
	LWLockRelease(scheduler_shared->lock);
	return next;
}

void
worker_pool_dismiss(bool terminate)
{
	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!shmem_locked());
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	foreach_worker_slot(slot)
	{
		if (slot->database == MyDatabaseId && worker_slot_is_alive(slot))
			worker_slot_send_away(slot, terminate);
	}
	shmem_my_db->http_leave = true;
	shmem_my_db->http_drop |= terminate;
	process_wake(&shmem_my_db->http);
	LWLockRelease(scheduler_shared->lock);
}

/* Of a worker that is not ours, it is not yet known. */
static BgwHandleStatus
process_status(const WorkerSlot *slot)
{
	BackgroundWorkerHandle *handle = handles[worker_slot_number(slot)];
	pid_t		pid;

	if (handle == NULL || slot->database != MyDatabaseId)
		return BGWH_NOT_YET_STARTED;
	return GetBackgroundWorkerPid(handle, &pid);
}

bool
worker_pool_has_ended(const WorkerSlot *slot)
{
	return process_status(slot) == BGWH_STOPPED;
}

bool
worker_pool_still_exits(const WorkerSlot *slot)
{
	return process_status(slot) == BGWH_STARTED;
}

void
worker_pool_count(int *running, int *total)
{
	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!shmem_locked());
	*running = *total = 0;
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	foreach_worker_slot(slot)
	{
		if (slot->state == WORKER_FREE || slot->database != MyDatabaseId)
			continue;
		(*total)++;
		if (slot->has_run)
			(*running)++;
	}
	*running += shmem_my_db->http_nflights;
	if (shmem_my_db->http.pid != 0)
		(*total)++;
	LWLockRelease(scheduler_shared->lock);
}

/*-------------------------------------------------------------------------
 *
 * pool_room.c
 *	  Workers that make way for others.
 *
 * See pool_room.h.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "flow/pool_room.h"
#include "flow/pool_turn.h"
#include "shared/worker_slot.h"

/*
 * Who has idled longest, of those that nothing is expected for if there are
 * any.  For runs that are not ready, nobody's worker goes but ours, of which we
 * know that.  Lock held.
 */
static WorkerSlot *
find_idle_victim(NewcomerKind newcomer)
{
	TimestampTz now = clock_now();
	WorkerSlot *victim = NULL;
	bool		victim_expected = false;

	Assert(shmem_locked());
	foreach_worker_slot(slot)
	{
		bool		expected = worker_slot_expected_until(slot, now) > now;

		if (slot->state != WORKER_IDLE || slot->leave ||
			scheduler_shared->lanes[slot->lane].nready > 0 ||
			worker_slot_spared_until(slot, newcomer, now) > now ||
			(slot->database != MyDatabaseId && newcomer == FOR_AHEAD))
			continue;
		if (victim == NULL || expected < victim_expected ||
			(expected == victim_expected && slot->idle_since < victim->idle_since))
		{
			victim = slot;
			victim_expected = expected;
		}
	}
	return victim;
}

/* When the next worker will be spared no more, or DT_NOEND.  Lock held. */
static TimestampTz
next_victim_time(NewcomerKind newcomer)
{
	TimestampTz now = clock_now();
	TimestampTz result = DT_NOEND;

	Assert(shmem_locked());
	foreach_worker_slot(slot)
	{
		TimestampTz until = worker_slot_spared_until(slot, newcomer, now);

		if ((slot->state == WORKER_STARTING || slot->state == WORKER_IDLE) &&
			!slot->leave && until > now)
			result = Min(result, until);
	}
	return result;
}

/* Ask idle workers to leave, so that "wanted" slots can be had.  Lock held. */
static void
send_idle_away(int wanted, NewcomerKind newcomer, int *coming)
{
	WorkerSlot *victim;

	Assert(shmem_locked_exclusively());
	while (*coming < wanted && (victim = find_idle_victim(newcomer)) != NULL)
	{
		worker_slot_ask_to_leave(victim);
		(*coming)++;
	}
}

TimestampTz
pool_room_make(int starved, bool more, int ahead)
{
	int			wanted = starved + (more ? 1 : 0);
	int			coming;
	TimestampTz for_ready = DT_NOEND;
	TimestampTz for_more = DT_NOEND;

	Assert(!shmem_locked());
	if (wanted + ahead == 0 && shmem_my_db->rooms_wanted == 0 && !pool_turn_has_ticket())
		return DT_NOEND;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (wanted == 0)
		pool_turn_withdraw();
	coming = pool_turn_count_coming();
	send_idle_away(starved, FOR_READY, &coming);
	if (coming < starved)
		for_ready = next_victim_time(FOR_READY);
	send_idle_away(wanted, FOR_MORE, &coming);
	if (coming < wanted && more)
		for_more = next_victim_time(FOR_MORE);
	send_idle_away(wanted + ahead, FOR_AHEAD, &coming);
	shmem_want_rooms(shmem_my_db, Max(starved - coming, 0));
	LWLockRelease(scheduler_shared->lock);
	return Min(for_ready, for_more);
}

/*
 * Processes that are no workers
 */

/* Is the next process kept for another database than this one?  Lock held. */
static bool
kept_for_another(const Database *db)
{
	Assert(shmem_locked());
	return OidIsValid(scheduler_shared->process_for) &&
		scheduler_shared->process_for != db->oid &&
		clock_lasts(scheduler_shared->process_wanted_at, SHORTAGE_TIME, clock_now());
}

TimestampTz
pool_room_process_time(const Database *db)
{
	TimestampTz result = DT_NOBEGIN;

	Assert(!shmem_locked());
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	if (kept_for_another(db))
		result = scheduler_shared->process_wanted_at + SHORTAGE_TIME;
	LWLockRelease(scheduler_shared->lock);
	return result;
}

void
pool_room_got_process(Oid database)
{
	Assert(!shmem_locked());
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (scheduler_shared->process_for == database)
		scheduler_shared->process_for = InvalidOid;
	LWLockRelease(scheduler_shared->lock);
}

/*
 * An HTTP worker that has done what it was started for, and has nothing to do
 * now.  Lock held.
 */
static Database *
find_idle_http_worker(void)
{
	Assert(shmem_locked());
	for (int i = 0; i < scheduler_shared->ndatabases; i++)
	{
		Database   *db = &scheduler_shared->databases[i];

		if (db->http.pid != 0 && !db->http_leave && db->http_runs > 0 &&
			db->http_nflights == 0 && db->http_lane.nready == 0)
			return db;
	}
	return NULL;
}

void
pool_room_want_process(Database *db)
{
	Database   *idle;
	WorkerSlot *victim;

	Assert(!shmem_locked());
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (!kept_for_another(db) || db->scheduler.pid == 0)
	{
		scheduler_shared->process_for = db->oid;
		scheduler_shared->process_wanted_at = clock_now();
	}
	idle = find_idle_http_worker();
	pool_turn_note_shortage(Max(pool_turn_count_taken() - (idle != NULL ? 0 : 1), 1));
	if (idle != NULL)
	{
		idle->http_leave = true;
		process_wake(&idle->http);
	}
	else if (pool_turn_count_coming() < 0)
	{
		victim = find_idle_victim(FOR_READY);
		if (victim != NULL)
			worker_slot_ask_to_leave(victim);
		else
			shmem_want_rooms(db, Max(db->rooms_wanted, 1));
	}
	LWLockRelease(scheduler_shared->lock);
}

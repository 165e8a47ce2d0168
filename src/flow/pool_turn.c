/*-------------------------------------------------------------------------
 *
 * pool_turn.c
 *	  How many slots can be used, and whose turn it is.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/clock.h"
#include "flow/pool_turn.h"
#include "shared/worker_slot.h"

/* A free slot is kept this long for the database whose turn it is: 100 ms. */
#define TURN_TIME			(100 * 1000)

/* How many databases have waited for a worker for longer? */
static int
count_ahead(void)
{
	int			result = 0;

	for (int i = 0; i < scheduler_shared->ndatabases; i++)
	{
		Database   *db = &scheduler_shared->databases[i];

		if (db != shmem_my_db && db->ticket != 0 && db->scheduler.latch != NULL &&
			(shmem_my_db->ticket == 0 || db->ticket < shmem_my_db->ticket))
			result++;
	}
	return result;
}

int
pool_turn_count_taken(void)
{
	int			result = 0;

	Assert(shmem_locked());
	foreach_worker_slot(slot)
	{
		if (slot->state != WORKER_FREE)
			result++;
	}
	return result;
}

/*
 * How many slots can be used, as far as is known.  With no workers left, the
 * failure may be due to one that was still exiting: retry after 100 ms.
 */
static int
usable_slots(void)
{
	TimestampTz now = clock_now();
	TimestampTz since = scheduler_shared->shortage_at;

	if (!clock_lasts(since, SHORTAGE_TIME, now))
		return scheduler_shared->nworkers;
	if (scheduler_shared->shortage_slots == 0 && !clock_lasts(since, EXIT_TIME, now))
		return 1;
	return scheduler_shared->shortage_slots;
}

void
pool_turn_note_shortage(int slots)
{
	Assert(shmem_locked_exclusively());
	scheduler_shared->shortage_at = clock_now();
	scheduler_shared->shortage_slots = slots;
}

int
pool_turn_free_slot(TimestampTz *again)
{
	TimestampTz now = clock_now();
	TimestampTz freed_at = DT_NOBEGIN;
	int			free = usable_slots() - pool_turn_count_taken();
	int			result = -1;

	Assert(shmem_locked());
	*again = DT_NOEND;
	if (free <= 0)
		return -1;
	foreach_worker_slot(slot)
	{
		if (slot->state != WORKER_FREE)
			continue;
		if (slot->freed_at <= now)
			freed_at = Max(freed_at, slot->freed_at);
		if (result < 0)
			result = worker_slot_number(slot);
	}
	if (free > count_ahead() || freed_at + TURN_TIME <= now)
		return result;
	*again = freed_at + TURN_TIME;
	return -1;
}

void
pool_turn_wait(uint64 ticket)
{
	Assert(shmem_locked_exclusively());
	if (ticket != 0)
		shmem_my_db->ticket = ticket;
	else if (shmem_my_db->ticket == 0)
		shmem_my_db->ticket = ++scheduler_shared->last_ticket;
}

uint64
pool_turn_served(void)
{
	uint64		ticket = shmem_my_db->ticket;

	Assert(shmem_locked_exclusively());
	shmem_my_db->ticket = 0;
	return ticket;
}

void
pool_turn_withdraw(void)
{
	Assert(shmem_locked_exclusively());
	if (pool_turn_served() != 0)
		worker_slot_wake_ticket_holders();
}

bool
pool_turn_has_ticket(void)
{
	return shmem_my_db->ticket != 0;
}

int
pool_turn_count_coming(void)
{
	int			result = usable_slots() - pool_turn_count_taken();

	Assert(shmem_locked());
	foreach_worker_slot(slot)
	{
		/* not who is to leave, but has a run to finish: that may take for ever */
		if (slot->state == WORKER_DEAD ||
			(slot->state != WORKER_FREE && slot->leave && !slot->has_run))
			result++;
	}
	return result;
}

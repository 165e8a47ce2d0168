/*-------------------------------------------------------------------------
 *
 * in_hand.c
 *	  Which attempts workers have in hand.
 *
 * SQL workers say so in their slots.  The HTTP worker may have thousands of
 * requests under way: its flights are copied and sorted once, by
 * in_hand_look(), for as many questions as there are.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "flow/in_hand.h"
#include "shared/http_flight.h"
#include "shared/worker_slot.h"

/* What a worker has in hand is an attempt: the next one is no longer its own. */
typedef struct Attempt
{
	int64		run_id;
	int			attempt;
} Attempt;

/* The HTTP runs in flight when we began to look, in order */
static Attempt *flights = NULL;
static int	nflights = 0;

static int
compare_attempts(const void *a, const void *b)
{
	const Attempt *x = a;
	const Attempt *y = b;

	if (x->run_id != y->run_id)
		return x->run_id < y->run_id ? -1 : 1;
	return x->attempt < y->attempt ? -1 : x->attempt > y->attempt;
}

void
in_hand_look(Database *db)
{
	int			flight = -1;

	if (flights == NULL)
		flights = MemoryContextAlloc(TopMemoryContext, HTTP_FLIGHTS * sizeof(Attempt));
	nflights = 0;
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	while (nflights < db->http_nflights &&
		   (flight = http_flight_next(db->oid, flight)) >= 0)
	{
		flights[nflights].run_id = http_flight_at(flight)->run_id;
		flights[nflights++].attempt = http_flight_at(flight)->attempt;
	}
	LWLockRelease(scheduler_shared->lock);
	qsort(flights, nflights, sizeof(Attempt), compare_attempts);
}

bool
in_hand(const Run *run)
{
	Attempt		key = {run->run_id, run->attempt};
	bool		result = bsearch(&key, flights, nflights, sizeof(Attempt),
								 compare_attempts) != NULL;

	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	foreach_worker_slot(slot)
	{
		if ((slot->state == WORKER_RUNNING || slot->state == WORKER_DEAD) &&
			slot->has_run && slot->run.run_id == run->run_id &&
			slot->run.attempt == run->attempt &&
			slot->database == MyDatabaseId)
			result = true;
	}
	LWLockRelease(scheduler_shared->lock);
	return result;
}

bool
in_hand_now(const Run *run)
{
	Database   *db;

	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	db = shmem_find_database(MyDatabaseId);
	LWLockRelease(scheduler_shared->lock);
	in_hand_look(db);
	return in_hand(run);
}

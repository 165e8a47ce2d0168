/*-------------------------------------------------------------------------
 *
 * lane.c
 *	  The ready runs of one (database, role), in order.
 *
 * A lane is a ring, so that the common cases, a run that comes last and the
 * run that goes first, move nothing.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "shared/lane.h"

static Run *
lane_at(Lane *lane, int position)
{
	return &lane->ready[(lane->first + position) % LANE_DEPTH];
}

int
lane_find(Oid database, Oid role)
{
	Assert(shmem_locked());
	for (int i = 0; i < scheduler_shared->nworkers; i++)
	{
		Lane	   *lane = &scheduler_shared->lanes[i];

		if (lane->in_use && lane->database == database && lane->role == role)
			return i;
	}
	return -1;
}

int
lane_obtain(Oid database, Oid role)
{
	int			i = lane_find(database, role);

	Assert(shmem_locked_exclusively());
	if (i >= 0)
		return i;
	for (i = 0; i < scheduler_shared->nworkers; i++)
	{
		Lane	   *lane = &scheduler_shared->lanes[i];

		if (lane->in_use)
			continue;
		lane->in_use = true;
		lane->database = database;
		lane->role = role;
		lane->nworkers = 0;
		lane->first = 0;
		lane->nready = 0;
		lane->more = false;
		lane->blocked = false;
		lane->last_turn = 0;
		/* long, unless proven otherwise: they must not wait for each other */
		lane->run_time = WORKER_START_TIME;
		return i;
	}
	elog(ERROR, "no free lane");
}

void
lane_reset(Lane *lane)
{
	lane->first = 0;
	lane->nready = 0;
}

void
lane_release(Lane *lane)
{
	Assert(shmem_locked_exclusively());
	Assert(lane->nworkers == 0 && lane->nready == 0);
	lane->in_use = false;
}

/* For Assert(): runs are in the order in which they go. */
static inline bool
is_in_order(Lane *lane)
{
	for (int position = 1; position < lane->nready; position++)
		if (run_goes_before(lane_at(lane, position), lane_at(lane, position - 1)))
			return false;
	return true;
}

bool
lane_put(Lane *lane, const Run *run, Run *displaced, bool *is_displaced)
{
	int			position;

	Assert(shmem_locked_exclusively());
	*is_displaced = false;
	if (lane->nready == LANE_DEPTH)
	{
		Run		   *last = lane_at(lane, LANE_DEPTH - 1);

		if (!run_goes_before(run, last))
			return false;
		*displaced = *last;
		*is_displaced = true;
		lane->nready--;
	}

	for (position = lane->nready; position > 0; position--)
	{
		Run		   *before = lane_at(lane, position - 1);

		if (!run_goes_before(run, before))
			break;
		*lane_at(lane, position) = *before;
	}
	*lane_at(lane, position) = *run;
	lane->nready++;
	Assert(is_in_order(lane));
	return true;
}

static void
close_gap(Lane *lane, int position)
{
	for (; position < lane->nready - 1; position++)
		*lane_at(lane, position) = *lane_at(lane, position + 1);
	lane->nready--;
}

static int
count_of(Lane *lane, Oid owner)
{
	int			n = 0;

	for (int i = 0; i < lane->nready; i++)
		n += lane_at(lane, i)->owner == owner;
	return n;
}

/* The last run of the owner who has most of the lane. */
static int
last_of_most(Lane *lane, int *most)
{
	int			result = 0;

	*most = 0;
	for (int i = lane->nready - 1; i >= 0 && *most <= i; i--)
	{
		int			n = count_of(lane, lane_at(lane, i)->owner);

		if (n > *most)
		{
			*most = n;
			result = i;
		}
	}
	return result;
}

bool
lane_put_shared(Lane *lane, const Run *run, Run *displaced, bool *is_displaced)
{
	bool		unused;
	int			most;
	int			position;

	Assert(shmem_locked_exclusively());
	*is_displaced = false;
	if (lane->nready == LANE_DEPTH)
	{
		position = last_of_most(lane, &most);
		if (count_of(lane, run->owner) + 1 >= most)
			return false;
		*displaced = *lane_at(lane, position);
		*is_displaced = true;
		close_gap(lane, position);
	}
	return lane_put(lane, run, displaced, &unused);
}

const Run *
lane_first(const Lane *lane)
{
	Assert(lane->nready > 0);
	return &lane->ready[lane->first];
}

bool
lane_take(Lane *lane, Run *run)
{
	Assert(shmem_locked_exclusively());
	if (lane->nready == 0)
		return false;
	*run = *lane_at(lane, 0);
	lane->first = (lane->first + 1) % LANE_DEPTH;
	lane->nready--;
	return true;
}

bool
lane_take_if(Lane *lane, bool (*admits) (const Run *run, void *arg), void *arg, Run *run)
{
	Assert(shmem_locked_exclusively());
	for (int position = 0; position < lane->nready; position++)
	{
		if (!admits(lane_at(lane, position), arg))
			continue;
		lane->last_turn = Max(lane->last_turn, lane_at(lane, position)->turn);
		if (position == 0)
			return lane_take(lane, run);
		*run = *lane_at(lane, position);
		close_gap(lane, position);
		return true;
	}
	return false;
}

bool
lane_remove(Lane *lane, int64 run_id)
{
	Assert(shmem_locked_exclusively());
	for (int position = 0; position < lane->nready; position++)
	{
		if (lane_at(lane, position)->run_id != run_id)
			continue;
		close_gap(lane, position);
		return true;
	}
	return false;
}

int
lane_count_waiting(const Database *db)
{
	int			result = db->http_lane.nready;

	Assert(shmem_locked());
	for (int i = 0; i < scheduler_shared->nworkers; i++)
	{
		const Lane *lane = &scheduler_shared->lanes[i];

		if (lane->in_use && lane->database == db->oid)
			result += lane->nready;
	}
	return result;
}

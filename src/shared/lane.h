/*-------------------------------------------------------------------------
 *
 * lane.h
 *	  The ready runs of one (database, role), in order.
 *
 * The caller of each function holds scheduler_shared->lock, exclusively where
 * nothing else is said.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_LANE_H
#define PG_SCHEDULER_LANE_H

#include "shared/shmem.h"

/* Index of the lane of a role, or -1. */
extern int	lane_find(Oid database, Oid role);

/* The same, made if there is none.  There are as many lanes as workers. */
extern int	lane_obtain(Oid database, Oid role);

/* Empty a lane that is outside of the array of lanes. */
extern void lane_reset(Lane *lane);

/* Free a lane that has no workers.  Its runs must have been taken back. */
extern void lane_release(Lane *lane);

/*
 * Put a run in its place.  A full lane lets go of its last run for one that
 * comes before it: *is_displaced is set, and the caller takes *displaced back.
 * False: there is no room, and the run comes after all others.
 */
extern bool lane_put(Lane *lane, const Run *run, Run *displaced, bool *is_displaced);

/* The run that goes first; the lane must not be empty. */
extern const Run *lane_first(const Lane *lane);

/* Take the first run out.  False: the lane is empty. */
extern bool lane_take(Lane *lane, Run *run);

/*
 * The same where runs stay in the lane because their owners have their share: a
 * full one is shared evenly, and what is displaced is of who has most of it.
 */
extern bool lane_put_shared(Lane *lane, const Run *run, Run *displaced, bool *is_displaced);

/* The first one that "admits" wants. */
extern bool lane_take_if(Lane *lane, bool (*admits) (const Run *run, void *arg), void *arg,
						 Run *run);

/* Runs of a database that wait in its lanes.  The lock may be held in any mode. */
extern int	lane_count_waiting(const Database *db);

/* Take a given run out.  False: it is not in the lane. */
extern bool lane_remove(Lane *lane, int64 run_id);

#endif							/* PG_SCHEDULER_LANE_H */

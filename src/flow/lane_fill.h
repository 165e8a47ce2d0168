/*-------------------------------------------------------------------------
 *
 * lane_fill.h
 *	  Runs into a lane, and back.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_LANE_FILL_H
#define PG_SCHEDULER_LANE_FILL_H

#include "shared/shmem.h"
#include "state/run_queue.h"

/*
 * Fill a lane of this database from a queue; how many runs were put in.  The
 * runs are taken from the queue before the lock is, which all workers need.
 */
extern int	lane_fill(Lane *lane, RoleRuns *queue);

/* A run has been taken out of a lane, and nobody has begun it. */
extern void lane_fill_take_back(const Run *run);

/* Take all runs of this database back that no worker has begun. */
extern void lane_fill_withdraw(void);

/* Take one run out of its lane.  False: it is not in one. */
extern bool lane_fill_withdraw_run(const Run *run);

/* Runs that are due and not executed: ready, held, or in a lane. */
extern int64 lane_fill_waiting_count(void);

/* Count those in lanes by their queues (JobQueue.nin_lanes). */
extern void lane_fill_count_queues(void);

#endif							/* PG_SCHEDULER_LANE_FILL_H */

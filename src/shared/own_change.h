/*-------------------------------------------------------------------------
 *
 * own_change.h
 *	  What the scheduler has to tell itself.
 *
 * What others change comes through a ring in shared memory (shmem.h), which
 * has an end: a change that finds no room makes the scheduler read everything.
 * What the scheduler changes itself, or wants to look at again, is kept in its
 * own memory, and cannot overflow.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_OWN_CHANGE_H
#define PG_SCHEDULER_OWN_CHANGE_H

#include "shared/shmem.h"

/* Once in the life of a scheduler. */
extern void own_change_init(void);

/*
 * Add a change, inside a transaction or outside.  It is applied when that is
 * over, also if it aborts: then there is nothing to be found, and no harm.
 */
extern void own_change_put(ChangeKind kind, int64 id);

extern bool own_change_any(void);

/*
 * Take the changes that have come first, "max" at most; how many they are.
 * They stay valid until some are taken the next time.  Outside a transaction.
 */
extern int	own_change_take(int max, const Change **changes);

#endif							/* PG_SCHEDULER_OWN_CHANGE_H */

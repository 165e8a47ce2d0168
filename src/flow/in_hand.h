/*-------------------------------------------------------------------------
 *
 * in_hand.h
 *	  Which attempts workers have in hand.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_IN_HAND_H
#define PG_SCHEDULER_IN_HAND_H

#include "rules/run.h"
#include "shared/shmem.h"

/* Take note of the requests that are under way, for in_hand(). */
extern void in_hand_look(Database *db);

/* Has a worker this attempt of a run in hand?  Requests as of the last look. */
extern bool in_hand(const Run *run);

/* The same, after a look. */
extern bool in_hand_now(const Run *run);

#endif							/* PG_SCHEDULER_IN_HAND_H */

/*-------------------------------------------------------------------------
 *
 * scheduler_change.h
 *	  What the scheduler does when something was changed.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SCHEDULER_CHANGE_H
#define PG_SCHEDULER_SCHEDULER_CHANGE_H

#include "shared/shmem.h"

/* What others have changed.  Outside a transaction. */
extern void scheduler_apply_changes(Database *db);

/* What we have changed ourselves.  Outside a transaction. */
extern void scheduler_apply_own_changes(Database *db);

/*
 * Memory is given up: what only it knows must not be lost.  Runs are taken back
 * first, so that we are told of no more of them than workers have in hand.
 */
extern void scheduler_settle_all(Database *db);

#endif							/* PG_SCHEDULER_SCHEDULER_CHANGE_H */

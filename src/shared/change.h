/*-------------------------------------------------------------------------
 *
 * change.h
 *	  Tell the scheduler what a transaction has changed, when it commits.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_CHANGE_H
#define PG_SCHEDULER_CHANGE_H

#include "shared/shmem.h"

/* from _PG_init, when preloaded */
extern void change_init(void);

/*
 * Remember a change of the current transaction: the scheduler is told at its
 * commit, and never when it aborts.  What it changes itself it hears of in any
 * case (own_change.h).  For "id" see ChangeKind; 0 where it says
 * nothing.
 */
extern void change_note(ChangeKind kind, int64 id);

#endif							/* PG_SCHEDULER_CHANGE_H */

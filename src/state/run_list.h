/*-------------------------------------------------------------------------
 *
 * run_list.h
 *	  Runs in the order of their ids.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RUN_LIST_H
#define PG_SCHEDULER_RUN_LIST_H

#include "state/run_queue.h"

/* For run_queue.c: all that it has are in the list. */
extern void run_list_init(void);
extern void run_list_add(RunEntry *entry);
extern void run_list_remove(RunEntry *entry);

/* All runs before this one are over, and their outcomes have been seen. */
extern int64 run_list_oldest(void);

/*
 * Call for some runs, and at the next call for those that follow, until all
 * have been visited, which is false.  "anew": begin with the first.  The
 * callback may not remove runs.
 */
extern bool run_list_visit(bool anew, int count,
						   void (*callback) (RunEntry *entry, void *arg), void *arg);

#endif							/* PG_SCHEDULER_RUN_LIST_H */

/*-------------------------------------------------------------------------
 *
 * cycle.h
 *	  The memory and the transactions of a scheduler's cycle.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_CYCLE_H
#define PG_SCHEDULER_CYCLE_H

/* Emptied after each cycle.  What is to live longer has a context of its own. */
extern MemoryContext cycle_context;

extern void cycle_init(void);

/*
 * A transaction of the scheduler.  It leaves the caller in cycle_context,
 * whichever context was current before.
 */
extern void cycle_start_transaction(void);
extern void cycle_commit_transaction(void);

#endif							/* PG_SCHEDULER_CYCLE_H */

/*-------------------------------------------------------------------------
 *
 * cycle.h
 *	  The memory and the transactions of a cycle, and its errors.
 *
 * A scheduler has cycles, and an HTTP worker.
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
 * A transaction of the process.  It leaves the caller in cycle_context,
 * whichever context was current before.
 */
extern void cycle_start_transaction(void);
extern void cycle_commit_transaction(void);

typedef void (*CycleTask) (void *arg);

/*
 * Work whose error must not end the cycle.  The error is logged, and its
 * transaction rolled back; what the task has changed in memory is the caller's
 * to undo.  False: it has failed.  "what" goes to the error's context,
 * "monitoring" for instance, unless it is NULL.
 *
 * The task of cycle_try() begins and ends its transactions, that of
 * cycle_try_transaction() is called in one.
 */
extern bool cycle_try(CycleTask task, void *arg, const char *what);
extern bool cycle_try_transaction(CycleTask task, void *arg, const char *what);

/*
 * A part of a transaction, in a subtransaction: its error is logged, and the
 * rest goes on.  Also in a client, which gets a warning.  The context of the
 * caller is current in the task.
 */
extern bool cycle_try_part(CycleTask task, void *arg, const char *what);

#endif							/* PG_SCHEDULER_CYCLE_H */

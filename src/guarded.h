/*-------------------------------------------------------------------------
 *
 * guarded.h
 *	  Work of a scheduler whose error must not end the scheduler.
 *
 * An error is logged, and the transaction is rolled back.  What the task has
 * changed in memory is the caller's to undo.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_GUARDED_H
#define PG_SCHEDULER_GUARDED_H

typedef void (*GuardedTask) (void *arg);

/*
 * Call a task that begins and ends its transactions.  False: it has failed.
 * "what" goes to the error's context, "monitoring" for instance; NULL: no
 * context.  The memory context is the caller's again afterwards.
 */
extern bool guarded_call(GuardedTask task, void *arg, const char *what);

/* The same of a task that is called in a transaction. */
extern bool guarded_transaction(GuardedTask task, void *arg, const char *what);

#endif							/* PG_SCHEDULER_GUARDED_H */

/*-------------------------------------------------------------------------
 *
 * guarded.c
 *	  Work of a scheduler whose error must not end the scheduler.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "guarded.h"

bool
guarded_call(GuardedTask task, void *arg, const char *what)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool result = true;

	PG_TRY();
	{
		task(arg);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (what != NULL)
			errcontext("pg_scheduler %s", what);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		result = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return result;
}

typedef struct Transaction
{
	GuardedTask task;
	void	   *arg;
} Transaction;

static void
run_transaction(void *arg)
{
	Transaction *transaction = arg;

	StartTransactionCommand();
	transaction->task(transaction->arg);
	CommitTransactionCommand();
}

bool
guarded_transaction(GuardedTask task, void *arg, const char *what)
{
	Transaction transaction = {task, arg};

	return guarded_call(run_transaction, &transaction, what);
}

/*-------------------------------------------------------------------------
 *
 * cycle.c
 *	  The memory and the transactions of a cycle, and its errors.
 *
 * Before PostgreSQL 18 a transaction leaves its caller in TopMemoryContext:
 * whatever a cycle allocates after its first transaction would stay for as
 * long as the process does, which is months.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/cycle.h"

MemoryContext cycle_context = NULL;

void
cycle_init(void)
{
	cycle_context = AllocSetContextCreate(TopMemoryContext, "pg_scheduler cycle",
										  ALLOCSET_DEFAULT_SIZES);
}

/*
 * A transaction begins when its statement does, and we have none: without a
 * word of ours, they would all begin when the process did.
 */
void
cycle_start_transaction(void)
{
	Assert(CritSectionCount == 0);
	Assert(!IsTransactionState());
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
}

void
cycle_commit_transaction(void)
{
	Assert(IsTransactionState());
	CommitTransactionCommand();
	MemoryContextSwitchTo(cycle_context);
}

bool
cycle_try(CycleTask task, void *arg, const char *what)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool result = true;

	Assert(!IsTransactionState());
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
	CycleTask	task;
	void	   *arg;
} Transaction;

static void
run_transaction(void *arg)
{
	Transaction *transaction = arg;

	cycle_start_transaction();
	transaction->task(transaction->arg);
	cycle_commit_transaction();
}

bool
cycle_try_transaction(CycleTask task, void *arg, const char *what)
{
	Transaction transaction = {task, arg};

	return cycle_try(run_transaction, &transaction, what);
}

/* A request to cancel is meant for the whole. */
static void
report_part(ErrorData *error, const char *what)
{
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	error->elevel = WARNING;
	error->context = psprintf("%s%spg_scheduler %s", error->context ? error->context : "",
							  error->context ? "\n" : "", what);
	ThrowErrorData(error);
}

bool
cycle_try_part(CycleTask task, void *arg, const char *what)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		task(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error != NULL)
		report_part(error, what);
	return error == NULL;
}

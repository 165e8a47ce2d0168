/*-------------------------------------------------------------------------
 *
 * cycle.c
 *	  The memory and the transactions of a scheduler's cycle.
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
#include "utils/memutils.h"

#include "cycle.h"

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
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
}

void
cycle_commit_transaction(void)
{
	CommitTransactionCommand();
	MemoryContextSwitchTo(cycle_context);
}

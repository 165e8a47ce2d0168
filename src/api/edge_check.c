/*-------------------------------------------------------------------------
 *
 * edge_check.c
 *	  What jobs and queues wait for must not form a cycle: the last look.
 *
 * A definition that would close a cycle is refused at once, by what its
 * transaction sees.  Two transactions that do not see each other could close
 * one together.  So each looks once more when it commits, and those who do so
 * take turns: the lock is held for a commit, not for as long as somebody leaves
 * a transaction open, and who has it waits for nobody else.  The last one to
 * commit sees what all others have committed, and fails.
 *
 * Such a transaction cannot be prepared, as none can that has changed a job.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "nodes/pg_list.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "api/edge_check.h"
#include "table/row.h"

/* Who has the lock is about to commit; a commit can wait for a standby. */
#define LOCK_TIMEOUT	"10s"

typedef struct NewEdge
{
	EdgeCheck	check;
	DependencyVertex end;
} NewEdge;

/* In TopTransactionContext; of a subtransaction that failed, they do no harm */
static List *new_edges = NIL;

static void
describe_lock(void *arg)
{
	errcontext("looking whether jobs wait for themselves");
}

/* Take turns with all who commit edges. */
static void
lock_edges(void)
{
	ErrorContextCallback context = {.previous = error_context_stack,.callback = describe_lock};
	int			guc_level = NewGUCNestLevel();

	error_context_stack = &context;
	(void) set_config_option("lock_timeout", LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	LockDatabaseObject(row_relation("run_after"), 0, 0, ExclusiveLock);
	AtEOXact_GUC(false, guc_level);
	error_context_stack = context.previous;
}

static void
check_edges(void)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(TopTransactionContext);
	ListCell   *lc;

	CommandCounterIncrement();
	lock_edges();
	foreach(lc, new_edges)
	{
		const NewEdge *edge = lfirst(lc);

		edge->check(&edge->end);
	}
	MemoryContextSwitchTo(oldcontext);
}

static void
forget_edges_at_transaction_end(XactEvent event, void *arg)
{
	if (new_edges == NIL)
		return;
	/* the extension may have been dropped in the same transaction */
	if (event == XACT_EVENT_PRE_COMMIT && OidIsValid(row_relation("run_after")))
		check_edges();
	if (event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PRE_PREPARE)
		new_edges = NIL;
}

void
edge_check_at_commit(EdgeCheck check, const DependencyVertex *end)
{
	static bool registered = false;
	MemoryContext oldcontext = MemoryContextSwitchTo(TopTransactionContext);
	NewEdge    *edge = palloc(sizeof(NewEdge));

	if (!registered)
		RegisterXactCallback(forget_edges_at_transaction_end, NULL);
	registered = true;
	edge->check = check;
	edge->end = *end;
	new_edges = lappend(new_edges, edge);
	MemoryContextSwitchTo(oldcontext);
}

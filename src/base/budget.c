/*-------------------------------------------------------------------------
 *
 * budget.c
 *	  How much of its time a scheduler has for what can wait.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/budget.h"

int64
budget_rest(Budget budget, int64 took)
{
	static const struct
	{
		int64		times;
		int64		free;		/* this much of a piece costs no rest */
		int64		max_rest;
	}			budgets[] =
	{
		[BUDGET_SLICE] = {9, 0, 100 * 1000},
		[BUDGET_JUDGE] = {15, 0, PG_INT64_MAX},
		[BUDGET_QUEUES] = {100, 0, PG_INT64_MAX},
		[BUDGET_WALK] = {2000, 10 * 1000, PG_INT64_MAX}
	};

	StaticAssertStmt(lengthof(budgets) == BUDGET_WALK + 1, "each budget has a row");
	return Min(budgets[budget].times * Max(took - budgets[budget].free, 0),
			   budgets[budget].max_rest);
}

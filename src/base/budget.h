/*-------------------------------------------------------------------------
 *
 * budget.h
 *	  How much of its time a scheduler has for what can wait.
 *
 * Judging, counting and looking hold up what is due while they are at it.  So
 * they are done in pieces, and after each piece other things get a number of
 * times as long as it took.
 *
 *	budget			what						rest after a piece
 *	BUDGET_SLICE	a slice of a walk			9 times, 100 ms at most
 *	BUDGET_JUDGE	some hundred jobs judged,	15 times
 *					metrics of some written
 *	BUDGET_QUEUES	all queues judged			100 times
 *	BUDGET_WALK		a whole walk, by CPU time	2000 times what exceeds 10 ms
 *
 * So alerts of thousands of jobs that begin to fail at once are raised in some
 * seconds, and runs go on meanwhile.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_BUDGET_H
#define PG_SCHEDULER_BUDGET_H

typedef enum Budget
{
	BUDGET_SLICE,
	BUDGET_JUDGE,
	BUDGET_QUEUES,
	BUDGET_WALK
} Budget;

/* After a piece that took so many microseconds, the next may begin in so many. */
extern int64 budget_rest(Budget budget, int64 took);

#endif							/* PG_SCHEDULER_BUDGET_H */

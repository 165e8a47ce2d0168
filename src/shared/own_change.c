/*-------------------------------------------------------------------------
 *
 * own_change.c
 *	  What the scheduler has to tell itself.
 *
 * There are two lists, in turns: while the changes of one are applied, what
 * comes of them goes into the other.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "base/process.h"
#include "shared/own_change.h"

/* What a list has room for at first, and is cut back to when it was long */
#define LIST_SIZE	64

typedef struct ChangeList
{
	Change	   *changes;		/* in TopMemoryContext */
	int			count;
	int			size;
} ChangeList;

static ChangeList lists[2];
static ChangeList *filling = NULL;
static ChangeList *taking = NULL;	/* the other one */
static int	taken = 0;			/* of these */

static void
resize(ChangeList *list, int size)
{
	if (list->changes == NULL)
		list->changes = MemoryContextAlloc(TopMemoryContext, size * sizeof(Change));
	else
		list->changes = repalloc_huge(list->changes, size * sizeof(Change));
	list->size = size;
}

void
own_change_init(void)
{
	resize(&lists[0], LIST_SIZE);
	resize(&lists[1], LIST_SIZE);
	filling = &lists[0];
}

void
own_change_put(ChangeKind kind, int64 id)
{
	Assert(process_is(PROCESS_SCHEDULER));
	if (filling->count == filling->size)
		resize(filling, 2 * filling->size);
	filling->changes[filling->count].kind = kind;
	filling->changes[filling->count++].id = id;
}

bool
own_change_any(void)
{
	Assert(process_is(PROCESS_SCHEDULER));
	return filling->count > 0 || (taking != NULL && taken < taking->count);
}

/* The list that was filled before is taken; the next one is begun. */
static void
begin_next(void)
{
	taking = filling;
	taken = 0;
	filling = &lists[taking == &lists[0] ? 1 : 0];
	filling->count = 0;
	if (filling->size > LIST_SIZE)
		resize(filling, LIST_SIZE);
}

int
own_change_take(int max, const Change **changes)
{
	int			n;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	if (taking == NULL || taken == taking->count)
		begin_next();
	n = Min(max, taking->count - taken);
	*changes = taking->changes + taken;
	taken += n;
	return n;
}

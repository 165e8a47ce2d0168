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
	return filling->count > 0;
}

int
own_change_take(const Change **changes)
{
	ChangeList *full = filling;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	filling = &lists[full == &lists[0] ? 1 : 0];
	filling->count = 0;
	if (filling->size > LIST_SIZE)
		resize(filling, LIST_SIZE);
	*changes = full->changes;
	return full->count;
}

/*-------------------------------------------------------------------------
 *
 * suspects.c
 *	  What looked wrong, and is to be looked at again.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "state/suspects.h"

void
suspects_add(Suspects *suspects, int64 id, int64 version)
{
	if (suspects->count == MAX_SUSPECTS)
		return;
	if (suspects->count == suspects->capacity)
	{
		suspects->capacity = Max(64, 2 * suspects->capacity);
		suspects->items = suspects->items == NULL ?
			MemoryContextAlloc(TopMemoryContext, suspects->capacity * sizeof(Suspect)) :
			repalloc(suspects->items, suspects->capacity * sizeof(Suspect));
	}
	suspects->items[suspects->count].id = id;
	suspects->items[suspects->count++].version = version;
}

void
suspects_clear(Suspects *suspects)
{
	if (suspects->items != NULL)
		pfree(suspects->items);
	memset(suspects, 0, sizeof(*suspects));
}

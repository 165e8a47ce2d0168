/*-------------------------------------------------------------------------
 *
 * due_heap.c
 *	  The next time of every job, the earliest on top.
 *
 * All that a scheduler keeps in memory of a job that is not due: 16 bytes.
 * A plain binary heap in an array; binaryheap.h of the server has a fixed
 * size and needs an allocation for each element.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "due_heap.h"

typedef struct DueEntry
{
	TimestampTz due_at;
	int64		job_id;
} DueEntry;

static MemoryContext heap_context = NULL;
static DueEntry *entries = NULL;
static int64 nentries = 0;
static int64 capacity = 0;

void
due_heap_init(void)
{
	heap_context = AllocSetContextCreate(TopMemoryContext, "pg_scheduler due heap",
										 ALLOCSET_DEFAULT_SIZES);
	capacity = 1024;
	nentries = 0;
	entries = MemoryContextAlloc(heap_context, capacity * sizeof(DueEntry));
}

void
due_heap_reset(void)
{
	MemoryContextDelete(heap_context);
	due_heap_init();
}

void
due_heap_put(int64 job_id, TimestampTz due_at)
{
	int64		hole = nentries;

	if (due_at == DT_NOEND)
		return;
	if (nentries == capacity)
	{
		entries = repalloc_huge(entries, 2 * capacity * sizeof(DueEntry));
		capacity *= 2;
	}
	nentries++;
	while (hole > 0 && entries[(hole - 1) / 2].due_at > due_at)
	{
		entries[hole] = entries[(hole - 1) / 2];
		hole = (hole - 1) / 2;
	}
	entries[hole].due_at = due_at;
	entries[hole].job_id = job_id;
}

TimestampTz
due_heap_next(void)
{
	return nentries > 0 ? entries[0].due_at : DT_NOEND;
}

static void
remove_top(void)
{
	DueEntry	last = entries[--nentries];
	int64		hole = 0;

	for (;;)
	{
		int64		child = 2 * hole + 1;

		if (child >= nentries)
			break;
		if (child + 1 < nentries && entries[child + 1].due_at < entries[child].due_at)
			child++;
		if (entries[child].due_at >= last.due_at)
			break;
		entries[hole] = entries[child];
		hole = child;
	}
	entries[hole] = last;
}

bool
due_heap_take(TimestampTz now, int64 *job_id, TimestampTz *due_at)
{
	if (nentries == 0 || entries[0].due_at > now)
		return false;
	*job_id = entries[0].job_id;
	*due_at = entries[0].due_at;
	remove_top();
	return true;
}

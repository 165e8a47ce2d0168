/*-------------------------------------------------------------------------
 *
 * due_heap.c
 *	  The next time of every job, the earliest on top.
 *
 * All that a scheduler keeps in memory of a job that is not due: 24 bytes.
 * A plain binary heap in an array; binaryheap.h of the server has a fixed
 * size and needs an allocation for each element.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "due_heap.h"

/* So many entries more than there are jobs, 2 MB, are nothing to worry about. */
#define SPARE_ENTRIES	100000

typedef struct DueEntry
{
	TimestampTz due_at;
	int64		job_id;
	uint32		turn;			/* of the role, at this instant */
} DueEntry;

static MemoryContext heap_context = NULL;
static DueEntry *entries = NULL;
static int64 nentries = 0;
static int64 capacity = 0;
static int64 nloaded = 0;

/*
 * Jobs that are due at one instant go role by role, and those of a role in the
 * order in which they were made.
 */
static inline bool
precedes(const DueEntry *a, const DueEntry *b)
{
	if (a->due_at != b->due_at)
		return a->due_at < b->due_at;
	if (a->turn != b->turn)
		return a->turn < b->turn;
	return a->job_id < b->job_id;
}

/* Chance gives the turns, anew at each instant: no role is always the last. */
static inline uint32
turn_of(Oid owner, TimestampTz due_at)
{
	return murmurhash32(owner ^ murmurhash32((uint32) due_at ^ (uint32) (due_at >> 32)));
}

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
due_heap_put(int64 job_id, Oid owner, TimestampTz due_at)
{
	DueEntry	entry = {.due_at = due_at,.job_id = job_id,.turn = turn_of(owner, due_at)};
	int64		hole = nentries;

	if (due_at == DT_NOEND)
		return;
	if (nentries == capacity)
	{
		entries = repalloc_huge(entries, 2 * capacity * sizeof(DueEntry));
		capacity *= 2;
	}
	nentries++;
	while (hole > 0 && precedes(&entry, &entries[(hole - 1) / 2]))
	{
		entries[hole] = entries[(hole - 1) / 2];
		hole = (hole - 1) / 2;
	}
	entries[hole] = entry;
}

void
due_heap_loaded(void)
{
	nloaded = nentries;
}

bool
due_heap_overgrown(void)
{
	return nentries > 2 * nloaded + SPARE_ENTRIES;
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
		if (child + 1 < nentries && precedes(&entries[child + 1], &entries[child]))
			child++;
		if (!precedes(&entries[child], &last))
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

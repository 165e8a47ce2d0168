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

#include "state/due_heap.h"

/* To find the roles that are next, so many entries are looked at. */
#define MAX_VISITS		5000

/* So many entries more than there are jobs, 2 MB, are nothing to worry about. */
#define SPARE_ENTRIES	100000

typedef struct DueEntry
{
	TimestampTz due_at;
	int64		job_id;
	uint32		turn;			/* of the role, at this instant */
	Oid			role;
} DueEntry;

StaticAssertDecl(sizeof(DueEntry) == 24, "of a million jobs, each costs an entry");

static MemoryContext heap_context = NULL;
static DueEntry *entries = NULL;
static int64 nentries = 0;
static int64 capacity = 0;
static int64 nloaded = 0;
static Oid	taken_role = InvalidOid;	/* of the entry that was taken last */
static TimestampTz changed_at = DT_NOBEGIN; /* the earliest of these, see due_heap_changed() */

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
turn_of(Oid role, TimestampTz due_at)
{
	return murmurhash32(role ^ murmurhash32((uint32) due_at ^ (uint32) (due_at >> 32)));
}

void
due_heap_init(void)
{
	heap_context = AllocSetContextCreate(TopMemoryContext, "pg_scheduler due heap",
										 ALLOCSET_DEFAULT_SIZES);
	capacity = 1024;
	nentries = 0;
	changed_at = DT_NOBEGIN;
	entries = MemoryContextAlloc(heap_context, capacity * sizeof(DueEntry));
}

void
due_heap_reset(void)
{
	MemoryContextDelete(heap_context);
	due_heap_init();
}

void
due_heap_put(int64 job_id, Oid role, TimestampTz due_at)
{
	DueEntry	entry = {.due_at = due_at,.job_id = job_id,
	.turn = turn_of(role, due_at),.role = role};
	int64		hole = nentries;

	if (due_at == DT_NOEND)
		return;
	if (nentries == capacity)
	{
		entries = repalloc_huge(entries, 2 * capacity * sizeof(DueEntry));
		capacity *= 2;
	}
	changed_at = Min(changed_at, due_at);
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

/* A search for the roles that are next */
typedef struct RoleSearch
{
	TimestampTz until;
	DueRole    *roles;			/* in order */
	int			n;
	int			max;
	int			visits;			/* how many entries may still be looked at */
} RoleSearch;

/* Does an entry come before the first one of a role?  Of a role, one is enough. */
static bool
comes_before(const DueEntry *entry, const DueRole *role)
{
	if (entry->due_at != role->due_at)
		return entry->due_at < role->due_at;
	return entry->turn < turn_of(role->role, role->due_at);
}

/* Put the role of an entry in its place, which it may have taken already. */
static void
note_role(RoleSearch *search, const DueEntry *entry)
{
	DueRole    *roles = search->roles;
	int			place = 0;
	int			last;

	while (place < search->n && !comes_before(entry, &roles[place]))
		if (roles[place++].role == entry->role)
			return;
	last = place;
	while (last < search->n && roles[last].role != entry->role)
		last++;
	if (last == search->n && search->n < search->max)
		search->n++;
	else if (last == search->n)
		last--;					/* who was the last is so no more */
	memmove(&roles[place + 1], &roles[place], (last - place) * sizeof(DueRole));
	roles[place].role = entry->role;
	roles[place].due_at = entry->due_at;
}

/* What is below an entry of the heap comes after it. */
static void
find_roles(RoleSearch *search, int64 i)
{
	if (i >= nentries || entries[i].due_at > search->until || search->visits-- <= 0)
		return;
	if (search->n == search->max &&
		!comes_before(&entries[i], &search->roles[search->n - 1]))
		return;
	if (OidIsValid(entries[i].role))
		note_role(search, &entries[i]);
	find_roles(search, 2 * i + 1);
	find_roles(search, 2 * i + 2);
}

int
due_heap_roles(TimestampTz until, DueRole *roles, int max)
{
	RoleSearch	search = {.until = until,.roles = roles,.max = max,
	.visits = MAX_VISITS};

	changed_at = DT_NOEND;
	if (max > 0)
		find_roles(&search, 0);
	return search.n;
}

bool
due_heap_changed(TimestampTz until)
{
	return changed_at <= until;
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
	taken_role = entries[0].role;
	changed_at = Min(changed_at, *due_at);
	remove_top();
	return true;
}

bool
due_heap_role_ends(void)
{
	return nentries == 0 || entries[0].role != taken_role;
}

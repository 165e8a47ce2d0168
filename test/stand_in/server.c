/*-------------------------------------------------------------------------
 *
 * server.c
 *	  What the units under test need of the server, for programs without one.
 *
 * Each stand-in is the simplest thing that keeps the contract: a heap is a
 * sorted list, for instance.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "lib/pairingheap.h"
#include "nodes/pg_list.h"
#include "storage/lwlock.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/process.h"
#include "server.h"

jmp_buf    *server_error = NULL;

/*
 * Assertions.  Whoever is tested is the scheduler, holds the lock, and is in no
 * transaction.
 */
ProcessKind process_kind = PROCESS_SCHEDULER;

/* Versions of the server differ in what comes after the condition. */
extern void assertion_failed(const char *condition) __asm__("ExceptionalCondition");

void
assertion_failed(const char *condition)
{
	printf("Bail out! assertion: %s\n", condition);
	fflush(stdout);
	abort();
}

bool
LWLockHeldByMe(LWLock *lock)
{
	return true;
}

bool
LWLockHeldByMeInMode(LWLock *lock, LWLockMode mode)
{
	return true;
}

bool
IsTransactionState(void)
{
	return false;
}

/*
 * Errors
 */
bool
errstart(int elevel, const char *domain)
{
	return elevel >= ERROR;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return elevel >= ERROR;
}

int
errmsg_internal(const char *fmt,...)
{
	return 0;
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	if (server_error == NULL)
	{
		fprintf(stderr, "# unexpected error in %s\n", funcname);
		abort();
	}
	longjmp(*server_error, 1);
}

/*
 * Hash tables
 */
#define BUCKETS		1024

struct HTAB
{
	MemoryContext context;
	Size		keysize;
	Size		entrysize;
	bool		strings;
	long		count;
	HASHELEMENT *buckets[BUCKETS];
};

static void *
entry_of(HASHELEMENT *element)
{
	return (char *) element + MAXALIGN(sizeof(HASHELEMENT));
}

HTAB *
hash_create(const char *tabname, long nelem, const HASHCTL *info, int flags)
{
	MemoryContext context = (flags & HASH_CONTEXT) ? info->hcxt : TopMemoryContext;
	HTAB	   *table = MemoryContextAlloc(context, sizeof(HTAB));

	memset(table, 0, sizeof(HTAB));
	table->context = context;
	table->keysize = info->keysize;
	table->entrysize = info->entrysize;
	table->strings = (flags & HASH_STRINGS) != 0;
	return table;
}

/* The place that points to an element with this key, or the end of its bucket. */
static HASHELEMENT **
find_place(HTAB *table, const void *key)
{
	Size		length = table->strings ? strlen(key) : table->keysize;
	uint32		hash = 2166136261U;
	HASHELEMENT **place;

	for (Size i = 0; i < length; i++)
		hash = (hash ^ ((const unsigned char *) key)[i]) * 16777619U;
	for (place = &table->buckets[hash % BUCKETS]; *place != NULL; place = &(*place)->link)
	{
		const void *entry = entry_of(*place);

		if (table->strings ? strcmp(entry, key) == 0 : memcmp(entry, key, length) == 0)
			break;
	}
	return place;
}

void *
hash_search(HTAB *table, const void *key, HASHACTION action, bool *found)
{
	HASHELEMENT **place = find_place(table, key);
	HASHELEMENT *element = *place;

	if (found != NULL)
		*found = element != NULL;
	if (element == NULL && (action == HASH_ENTER || action == HASH_ENTER_NULL))
	{
		element = MemoryContextAlloc(table->context,
									 MAXALIGN(sizeof(HASHELEMENT)) + table->entrysize);
		element->link = NULL;
		*place = element;
		table->count++;
		if (table->strings)
			strlcpy(entry_of(element), key, table->keysize);
		else
			memcpy(entry_of(element), key, table->keysize);
	}
	else if (element != NULL && action == HASH_REMOVE)
	{
		/* callers get the address, and must not look at what is there */
		*place = element->link;
		table->count--;
		pfree(element);
	}
	return element == NULL ? NULL : entry_of(element);
}

void
hash_destroy(HTAB *table)
{
	for (int i = 0; i < BUCKETS; i++)
		for (HASHELEMENT *element = table->buckets[i], *next; element != NULL; element = next)
		{
			next = element->link;
			pfree(element);
		}
	pfree(table);
}

long
hash_get_num_entries(HTAB *table)
{
	return table->count;
}

void
hash_seq_init(HASH_SEQ_STATUS *status, HTAB *table)
{
	status->hashp = table;
	status->curBucket = 0;
	status->curEntry = table->buckets[0];
}

/* The entry that was returned last may be removed, as with the server's. */
void *
hash_seq_search(HASH_SEQ_STATUS *status)
{
	HASHELEMENT *element;

	while (status->curEntry == NULL)
	{
		if (++status->curBucket == BUCKETS)
			return NULL;
		status->curEntry = status->hashp->buckets[status->curBucket];
	}
	element = status->curEntry;
	status->curEntry = element->link;
	return entry_of(element);
}

/*
 * Pairing heaps: a list in which the greatest comes first.
 */
pairingheap *
pairingheap_allocate(pairingheap_comparator compare, void *arg)
{
	pairingheap *heap = palloc(sizeof(pairingheap));

	heap->ph_compare = compare;
	heap->ph_arg = arg;
	heap->ph_root = NULL;
	return heap;
}

void
pairingheap_add(pairingheap *heap, pairingheap_node *node)
{
	pairingheap_node **place = &heap->ph_root;

	while (*place != NULL && heap->ph_compare(*place, node, heap->ph_arg) >= 0)
		place = &(*place)->next_sibling;
	node->next_sibling = *place;
	*place = node;
}

pairingheap_node *
pairingheap_first(pairingheap *heap)
{
	if (heap->ph_root == NULL)
		abort();
	return heap->ph_root;
}

void
pairingheap_remove(pairingheap *heap, pairingheap_node *node)
{
	pairingheap_node **place = &heap->ph_root;

	while (*place != node)
	{
		if (*place == NULL)
			abort();			/* it was not there */
		place = &(*place)->next_sibling;
	}
	*place = node->next_sibling;
}

pairingheap_node *
pairingheap_remove_first(pairingheap *heap)
{
	pairingheap_node *first = pairingheap_first(heap);

	pairingheap_remove(heap, first);
	return first;
}

/*
 * Lists
 */
List *
lappend(List *list, void *datum)
{
	if (list == NIL)
	{
		list = palloc(sizeof(List));
		list->type = T_List;
		list->length = 0;
		list->elements = NULL;
	}
	list->elements = list->length == 0 ? palloc(sizeof(ListCell)) :
		repalloc(list->elements, (list->length + 1) * sizeof(ListCell));
	list->elements[list->length++].ptr_value = datum;
	return list;
}

void
list_sort(List *list, list_sort_comparator cmp)
{
	for (int i = 1; list != NIL && i < list->length; i++)
		for (int j = i; j > 0 && cmp(&list->elements[j - 1], &list->elements[j]) > 0; j--)
		{
			ListCell	cell = list->elements[j];

			list->elements[j] = list->elements[j - 1];
			list->elements[j - 1] = cell;
		}
}

void
list_free(List *list)
{
	if (list == NIL)
		return;
	pfree(list->elements);
	pfree(list);
}

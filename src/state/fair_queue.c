/*-------------------------------------------------------------------------
 *
 * fair_queue.c
 *	  Ready runs, in order of priority, and in turns.
 *
 * A heap of streams, each of which is a heap of runs.  A stream is taken out
 * of the heap of streams whenever its first run changes, for that is what it
 * is compared by.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "state/fair_queue.h"
#include "state/run_queue.h"

static const RunEntry *
entry_of(const pairingheap_node *node)
{
	return pairingheap_const_container(RunEntry, node, node);
}

/* pairingheap keeps the greatest on top: "greater" is "goes first". */
static int
compare_runs(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	return run_precedes(&entry_of(a)->run, &entry_of(b)->run) ? 1 : -1;
}

static const RunEntry *
first_of(const FairStream *stream)
{
	return entry_of(pairingheap_first(stream->runs));
}

static int
compare_streams(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const FairStream *stream_a = pairingheap_const_container(FairStream, node, a);
	const FairStream *stream_b = pairingheap_const_container(FairStream, node, b);
	const Run  *run_a = &first_of(stream_a)->run;
	const Run  *run_b = &first_of(stream_b)->run;
	int			priority_a = stream_a->key.queue->limits.priority;
	int			priority_b = stream_b->key.queue->limits.priority;

	if (priority_a != priority_b)
		return priority_a > priority_b ? 1 : -1;
	if (run_a->priority == run_b->priority && stream_a->turn != stream_b->turn)
		return stream_a->turn < stream_b->turn ? 1 : -1;
	return run_precedes(run_a, run_b) ? 1 : -1;
}

void
fair_queue_init(FairQueue *queue)
{
	HASHCTL		ctl = {.keysize = sizeof(FairStreamKey), .entrysize = sizeof(FairStream)};

	queue->context = CurrentMemoryContext;
	ctl.hcxt = queue->context;
	queue->all = hash_create("pg_scheduler streams", 8, &ctl,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	queue->streams = pairingheap_allocate(compare_streams, NULL);
	queue->last_used = NULL;
	queue->floor = queue->last = 0;
}

bool
fair_queue_is_empty(const FairQueue *queue)
{
	return pairingheap_is_empty(queue->streams);
}

static FairStream *
find_stream(FairQueue *queue, const RunEntry *entry)
{
	FairStreamKey key = {.queue = entry->queue, .owner = entry->run.owner};
	FairStream *stream = queue->last_used;
	bool		found;

	if (stream != NULL && stream->key.queue == key.queue && stream->key.owner == key.owner)
		return stream;
	stream = hash_search(queue->all, &key, HASH_ENTER, &found);
	if (!found)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(queue->context);

		stream->turn = 0;
		stream->runs = pairingheap_allocate(compare_runs, NULL);
		MemoryContextSwitchTo(oldcontext);
	}
	queue->last_used = stream;
	return stream;
}

void
fair_queue_add(FairQueue *queue, RunEntry *entry)
{
	FairStream *stream = find_stream(queue, entry);
	bool		was_empty = pairingheap_is_empty(stream->runs);
	bool		first = was_empty || run_precedes(&entry->run, &first_of(stream)->run);

	entry->stream = stream;
	if (first && !was_empty)
		pairingheap_remove(queue->streams, &stream->node);
	pairingheap_add(stream->runs, &entry->node);
	if (first)
		pairingheap_add(queue->streams, &stream->node);
}

RunEntry *
fair_queue_first(const FairQueue *queue)
{
	FairStream *stream = pairingheap_container(FairStream, node,
											   pairingheap_first(queue->streams));

	return pairingheap_container(RunEntry, node, pairingheap_first(stream->runs));
}

void
fair_queue_remove(FairQueue *queue, RunEntry *entry)
{
	FairStream *stream = entry->stream;

	if (first_of(stream) != entry)
	{
		pairingheap_remove(stream->runs, &entry->node);
		return;
	}
	pairingheap_remove(queue->streams, &stream->node);
	(void) pairingheap_remove_first(stream->runs);
	if (!pairingheap_is_empty(stream->runs))
		pairingheap_add(queue->streams, &stream->node);
}

RunEntry *
fair_queue_take(FairQueue *queue)
{
	RunEntry   *entry = fair_queue_first(queue);
	FairStream *stream = entry->stream;

	(void) pairingheap_remove_first(queue->streams);
	entry->run.turn = Max(stream->turn, queue->floor);
	entry->run.queue_priority = stream->key.queue->limits.priority;
	stream->turn = entry->run.turn + 1;
	queue->last = Max(queue->last, entry->run.turn);
	(void) pairingheap_remove_first(stream->runs);
	if (!pairingheap_is_empty(stream->runs))
		pairingheap_add(queue->streams, &stream->node);
	return entry;
}

void
fair_queue_return_turn(FairQueue *queue, RunEntry *entry)
{
	FairStream *stream = find_stream(queue, entry);
	bool		listed = !pairingheap_is_empty(stream->runs);

	if (listed)
		pairingheap_remove(queue->streams, &stream->node);
	stream->turn = Min(stream->turn, entry->run.turn);
	if (listed)
		pairingheap_add(queue->streams, &stream->node);
}

void
fair_queue_set_floor(FairQueue *queue, uint64 turn)
{
	queue->floor = Max(queue->floor, turn);
}

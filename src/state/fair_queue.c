/*-------------------------------------------------------------------------
 *
 * fair_queue.c
 *	  Items of several streams, which take turns.
 *
 * A heap of streams, each of which is a heap of items.  A stream is taken out
 * of the heap of streams whenever its first item changes, for that is what it
 * is compared by.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "state/fair_queue.h"

StaticAssertDecl(sizeof(FairStreamKey) == sizeof(void *) + sizeof(uint64),
				 "a hash key has no padding");

static const FairItem *
item_of(const pairingheap_node *node)
{
	return pairingheap_const_container(FairItem, node, node);
}

/* pairingheap keeps the greatest on top: "greater" is "goes first". */
static int
compare_items(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const FairOrder *order = arg;

	return order->precedes(item_of(a), item_of(b)) ? 1 : -1;
}

static const FairItem *
first_of(const FairStream *stream)
{
	return item_of(pairingheap_first(stream->items));
}

static int
compare_streams(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const FairOrder *order = arg;
	const FairStream *stream_a = pairingheap_const_container(FairStream, node, a);
	const FairStream *stream_b = pairingheap_const_container(FairStream, node, b);
	int			rank = order->compare_rank(first_of(stream_a), first_of(stream_b));

	if (rank != 0)
		return rank;
	if (stream_a->turn != stream_b->turn)
		return stream_a->turn < stream_b->turn ? 1 : -1;
	return order->precedes(first_of(stream_a), first_of(stream_b)) ? 1 : -1;
}

void
fair_queue_init(FairQueue *queue, const FairOrder *order)
{
	HASHCTL		ctl = {.keysize = sizeof(FairStreamKey), .entrysize = sizeof(FairStream)};

	queue->order = order;
	queue->context = CurrentMemoryContext;
	ctl.hcxt = queue->context;
	queue->all = hash_create("pg_scheduler streams", 8, &ctl,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	queue->streams = pairingheap_allocate(compare_streams, unconstify(FairOrder *, order));
	queue->last_used = NULL;
	queue->floor = queue->last = 0;
}

bool
fair_queue_is_empty(const FairQueue *queue)
{
	return pairingheap_is_empty(queue->streams);
}

static FairStream *
find_stream(FairQueue *queue, FairStreamKey key)
{
	FairStream *stream = queue->last_used;
	bool		found;

	if (stream != NULL && stream->key.group == key.group && stream->key.member == key.member)
		return stream;
	stream = hash_search(queue->all, &key, HASH_ENTER, &found);
	if (!found)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(queue->context);

		stream->turn = 0;
		stream->items = pairingheap_allocate(compare_items,
											 unconstify(FairOrder *, queue->order));
		MemoryContextSwitchTo(oldcontext);
	}
	queue->last_used = stream;
	return stream;
}

void
fair_queue_add(FairQueue *queue, FairStreamKey key, FairItem *item)
{
	FairStream *stream = find_stream(queue, key);
	bool		was_empty = pairingheap_is_empty(stream->items);
	bool		first = was_empty || queue->order->precedes(item, first_of(stream));

	item->stream = stream;
	if (first && !was_empty)
		pairingheap_remove(queue->streams, &stream->node);
	pairingheap_add(stream->items, &item->node);
	if (first)
		pairingheap_add(queue->streams, &stream->node);
}

FairItem *
fair_queue_first(const FairQueue *queue)
{
	FairStream *stream = pairingheap_container(FairStream, node,
											   pairingheap_first(queue->streams));

	return pairingheap_container(FairItem, node, pairingheap_first(stream->items));
}

void
fair_queue_remove(FairQueue *queue, FairItem *item)
{
	FairStream *stream = item->stream;

	if (first_of(stream) != item)
	{
		pairingheap_remove(stream->items, &item->node);
		return;
	}
	pairingheap_remove(queue->streams, &stream->node);
	(void) pairingheap_remove_first(stream->items);
	if (!pairingheap_is_empty(stream->items))
		pairingheap_add(queue->streams, &stream->node);
}

FairItem *
fair_queue_take(FairQueue *queue, uint64 *turn)
{
	FairItem   *item = fair_queue_first(queue);
	FairStream *stream = item->stream;

	(void) pairingheap_remove_first(queue->streams);
	*turn = Max(stream->turn, queue->floor);
	stream->turn = *turn + 1;
	queue->last = Max(queue->last, *turn);
	(void) pairingheap_remove_first(stream->items);
	if (!pairingheap_is_empty(stream->items))
		pairingheap_add(queue->streams, &stream->node);
	return item;
}

void
fair_queue_return_turn(FairQueue *queue, FairStreamKey key, uint64 turn)
{
	FairStream *stream = find_stream(queue, key);
	bool		listed = !pairingheap_is_empty(stream->items);

	if (listed)
		pairingheap_remove(queue->streams, &stream->node);
	stream->turn = Min(stream->turn, turn);
	if (listed)
		pairingheap_add(queue->streams, &stream->node);
}

void
fair_queue_set_floor(FairQueue *queue, uint64 turn)
{
	queue->floor = Max(queue->floor, turn);
}

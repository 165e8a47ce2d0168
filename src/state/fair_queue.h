/*-------------------------------------------------------------------------
 *
 * fair_queue.h
 *	  Items of several streams, which take turns.
 *
 * Within a stream, items go in the order that the owner of the queue gives.
 * Between streams, the one whose first item has the higher rank goes first.
 * Streams of the same rank take turns: one with many items does not delay one
 * with few.
 *
 * A turn is a number.  The next item of a stream has the turn after that of
 * its last one; what was idle meanwhile has saved nothing up, for no turn is
 * before the "floor".  The item with the lowest turn goes first.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_FAIR_QUEUE_H
#define PG_SCHEDULER_FAIR_QUEUE_H

#include "lib/pairingheap.h"
#include "utils/hsearch.h"

/* What an item belongs to; no padding, for it is a hash key */
typedef struct FairStreamKey
{
	const void *group;
	uint64		member;
} FairStreamKey;

typedef struct FairStream
{
	FairStreamKey key;			/* hash key */
	uint64		turn;			/* of its next item */
	pairingheap *items;
	pairingheap_node node;		/* in FairQueue.streams, while there are items */
} FairStream;

/* Part of what is put in */
typedef struct FairItem
{
	pairingheap_node node;		/* in FairStream.items */
	FairStream *stream;
} FairItem;

/* The order of items.  No two are equal for "precedes". */
typedef struct FairOrder
{
	bool		(*precedes) (const FairItem *a, const FairItem *b);
	/* above 0: a has the higher rank, 0: they have the same */
	int			(*compare_rank) (const FairItem *a, const FairItem *b);
} FairOrder;

typedef struct FairQueue
{
	const FairOrder *order;
	MemoryContext context;
	HTAB	   *all;			/* every stream there ever was */
	pairingheap *streams;		/* those with items */
	FairStream *last_used;		/* saves a lookup; or NULL */
	uint64		floor;
	uint64		last;			/* the highest turn that was given */
} FairQueue;

/* An empty queue, in the current memory context. */
extern void fair_queue_init(FairQueue *queue, const FairOrder *order);

extern bool fair_queue_is_empty(const FairQueue *queue);

/*
 * Put an item into a stream.  What its rank depends on must not change while it
 * is in.
 */
extern void fair_queue_add(FairQueue *queue, FairStreamKey key, FairItem *item);

/* The item that goes first.  There must be one. */
extern FairItem *fair_queue_first(const FairQueue *queue);

/* Take out an item that goes nowhere. */
extern void fair_queue_remove(FairQueue *queue, FairItem *item);

/* Take out the first item; it has had its turn. */
extern FairItem *fair_queue_take(FairQueue *queue, uint64 *turn);

/* An item that was taken comes back, its turn unused; put it in after this. */
extern void fair_queue_return_turn(FairQueue *queue, FairStreamKey key, uint64 turn);

/* No turn is given that is before this one. */
extern void fair_queue_set_floor(FairQueue *queue, uint64 turn);

#endif							/* PG_SCHEDULER_FAIR_QUEUE_H */

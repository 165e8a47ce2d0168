/*-------------------------------------------------------------------------
 *
 * fair_queue.h
 *	  Ready runs, in order of priority, and in turns.
 *
 * Runs of one owner and one named queue form a stream, in which they go in
 * the order of run_precedes().  Streams whose first runs have the same
 * priority take turns: a stream with many runs does not delay one with few.
 *
 * A turn is a number.  The next run of a stream has the turn after that of
 * its last one; what was idle meanwhile has saved nothing up, for no turn is
 * before the "floor".  The run with the lowest turn goes first.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_FAIR_QUEUE_H
#define PG_SCHEDULER_FAIR_QUEUE_H

#include "lib/pairingheap.h"
#include "utils/hsearch.h"

struct JobQueue;
struct RunEntry;

typedef struct FairStreamKey
{
	struct JobQueue *queue;
	uint64		owner;			/* an Oid; no padding in a hash key */
} FairStreamKey;

typedef struct FairStream
{
	FairStreamKey key;			/* hash key */
	uint64		turn;			/* of its next run */
	pairingheap *runs;
	pairingheap_node node;		/* in FairQueue.streams, while there are runs */
} FairStream;

typedef struct FairQueue
{
	MemoryContext context;
	HTAB	   *all;			/* every stream there ever was */
	pairingheap *streams;		/* those with runs */
	FairStream *last_used;		/* saves a lookup; or NULL */
	uint64		floor;
	uint64		last;			/* the highest turn that was given */
} FairQueue;

/* An empty queue, in the current memory context. */
extern void fair_queue_init(FairQueue *queue);

extern bool fair_queue_is_empty(const FairQueue *queue);

/* Put a run in.  It uses entry->node and entry->stream. */
extern void fair_queue_add(FairQueue *queue, struct RunEntry *entry);

/* The run that goes first.  There must be one. */
extern struct RunEntry *fair_queue_first(const FairQueue *queue);

/* Take out a run that goes nowhere. */
extern void fair_queue_remove(FairQueue *queue, struct RunEntry *entry);

/* Take out the first run; it has had its turn, which is in run.turn. */
extern struct RunEntry *fair_queue_take(FairQueue *queue);

/* A run that was taken comes back, its turn unused; put it in after this. */
extern void fair_queue_return_turn(FairQueue *queue, struct RunEntry *entry);

/* No turn is given that is before this one. */
extern void fair_queue_set_floor(FairQueue *queue, uint64 turn);

#endif							/* PG_SCHEDULER_FAIR_QUEUE_H */

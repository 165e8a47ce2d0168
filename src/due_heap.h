/*-------------------------------------------------------------------------
 *
 * due_heap.h
 *	  The next time of every job, the earliest on top.
 *
 * Entries are not removed when a job changes: a new one is put in, and
 * whoever takes an entry out checks whether it still holds.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_DUE_HEAP_H
#define PG_SCHEDULER_DUE_HEAP_H

#include "datatype/timestamp.h"

/* Once in the life of a scheduler. */
extern void due_heap_init(void);

/* Forget all entries. */
extern void due_heap_reset(void);

/*
 * Put an entry in; with DT_NOEND, none.  What is due at one instant comes out
 * role by role, so that each takes its place among the workers once.
 */
extern void due_heap_put(int64 job_id, Oid owner, TimestampTz due_at);

/*
 * An entry stays until it is due, also when the job has got another time.  All
 * times have been put in, and nothing else: remember how many that are.
 */
extern void due_heap_loaded(void);

/* Are most entries of times that hold no more?  Then it is worth another load. */
extern bool due_heap_overgrown(void);

/* DT_NOEND when it is empty. */
extern TimestampTz due_heap_next(void);

/* Take an entry that is due at "now" or before.  False: there is none. */
extern bool due_heap_take(TimestampTz now, int64 *job_id, TimestampTz *due_at);

#endif							/* PG_SCHEDULER_DUE_HEAP_H */

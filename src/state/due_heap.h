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
 * role by role, so that each takes its place among the workers once.  "role" is
 * the owner of an SQL job; InvalidOid, if none of these workers is needed.
 */
extern void due_heap_put(int64 job_id, Oid role, TimestampTz due_at);

/*
 * An entry stays until it is due, also when the job has got another time.  All
 * times have been put in, and nothing else: remember how many that are.
 */
extern void due_heap_loaded(void);

/* Are most entries of times that hold no more?  Then it is worth another load. */
extern bool due_heap_overgrown(void);

/* DT_NOEND when it is empty. */
extern TimestampTz due_heap_next(void);

/*
 * The roles of what is due at "until" or before, in the order in which they
 * come out, and when the first entry of each does.  At most max; where very
 * many jobs are due, not all are looked at.
 */
typedef struct DueRole
{
	Oid			role;
	TimestampTz due_at;
} DueRole;

extern int	due_heap_roles(TimestampTz until, DueRole *roles, int max);

/*
 * Has anything that is due at "until" or before been put in or taken out since
 * the last due_heap_roles()?
 */
extern bool due_heap_changed(TimestampTz until);

/* Take an entry that is due at "now" or before.  False: there is none. */
extern bool due_heap_take(TimestampTz now, int64 *job_id, TimestampTz *due_at);

/* Is the next entry of another role than the one that was taken last? */
extern bool due_heap_role_ends(void);

#endif							/* PG_SCHEDULER_DUE_HEAP_H */

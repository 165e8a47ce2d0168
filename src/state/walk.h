/*-------------------------------------------------------------------------
 *
 * walk.h
 *	  Look at everything there is, a slice at a time.
 *
 * What has to look at all jobs, or at all of what there may be as much of,
 * holds up neither due runs nor anything else: it is a walk, which goes over
 * a table by ascending key.  In a cycle of the scheduler in which nothing
 * else is left to be done, one slice of one walk is looked at.  A slice is a
 * transaction, and has as many rows as take about a millisecond; between two
 * slices, other things get nine times as long.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_WALK_H
#define PG_SCHEDULER_WALK_H

#include "lib/ilist.h"

#include "table/events.h"

typedef struct Walk Walk;

/*
 * A part of a walk, most often over one table.  "slice" is called in a
 * transaction, again and again until it returns false.  It looks at what
 * follows walk->at, about walk->rows rows of it, and moves walk->at on;
 * walk_range() and walk_to() help.  After an error, which is logged, the
 * walk goes on with the next part.
 */
typedef struct WalkPart
{
	const char *what;			/* for the context of an error */
	bool		(*slice) (Walk *walk);
} WalkPart;

struct Walk
{
	/* to be set by the owner */
	const WalkPart *parts;
	int			nparts;
	void		(*end) (Walk *walk);	/* outside of a transaction */

	int64		at;				/* PG_INT64_MIN: the part has just begun */
	int			rows;
	bool		ok;				/* no part has failed */
	int64		cpu_time;		/* so far, of all slices, in microseconds */
	bool		under_way;
	int			part;
	dlist_node	node;			/* among the walks that are under way */
};

/* Begin a walk, unless it is under way. */
extern void walk_begin(Walk *walk);

/*
 * Look at one slice, if it is time.  Outside of a transaction.  True: what has
 * been found may have given others something to do.
 */
extern bool walk_step(TimestampTz now);

/* When the next slice is to be looked at; DT_NOEND: no walk is under way. */
extern TimestampTz walk_next_slice(void);

/*
 * When a walk that has just ended is to begin again: after an interval, or
 * later, so that it takes a two-thousandth of a processor at the most.
 */
extern TimestampTz walk_next_time(const Walk *walk, int64 interval);

/* Give up all that are under way; their ends are not called. */
extern void walk_reset(void);

/*
 * For slices
 */

/*
 * The next rows of a table of the schema scheduler, by its primary key, which
 * begins with a bigint.  Dead rows count: they are visited like any other.
 */
extern WalkRange walk_range(const Walk *walk, const char *table, const char *pkey);

/* The same of jobs and their states, whichever has fewer of them. */
extern WalkRange walk_range_of_jobs(const Walk *walk);

/* Move on to the end of a range.  False: there is nothing behind it. */
extern bool walk_to(Walk *walk, const WalkRange *range);

#endif							/* PG_SCHEDULER_WALK_H */

/*-------------------------------------------------------------------------
 *
 * catch_up.h
 *	  Which occurrences of a job are due.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_CATCH_UP_H
#define PG_SCHEDULER_CATCH_UP_H

#include "state/job_cache.h"

/* The due occurrences of one job */
typedef struct DueRange
{
	TimestampTz first;
	TimestampTz last;
	int64		count;
	TimestampTz first_closed;	/* those that the calendar skips */
	int64		nclosed;
	TimestampTz end;			/* the last that was looked at */
	bool		complete;		/* false: there are more than were looked at */
	bool		uncounted;		/* complete, and there are more than "count" */
} DueRange;

/* The first of them, "max" at the most: one that is due there is. */
extern DueRange catch_up_some(const JobEntry *entry, TimestampTz now, int64 max);

/*
 * All of them.  Each look at one takes one from *budget; when that is used up,
 * false: what was seen is kept with the entry, and the next call goes on.
 */
extern bool catch_up_all(JobEntry *entry, TimestampTz now, int64 *budget, DueRange *range);

#endif							/* PG_SCHEDULER_CATCH_UP_H */

/*-------------------------------------------------------------------------
 *
 * catch_up.c
 *	  Which occurrences of a job are due.
 *
 * Mostly that is one.  A job that could not run for a while has missed some,
 * and one of each second that was paused for four years 126 million: others
 * must not wait for that, nor may it take longer for being so many.
 *
 * Of an interval of a fixed length, first, last and count follow from a
 * division.  Everything else is walked along from one to the next, a slice in
 * each batch, and what a slice has seen is kept in memory.  A walk ends after
 * MAX_COUNTED occurrences: the last one is then found by bisection, and the
 * record says that there were more than were counted.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/process.h"
#include "flow/catch_up.h"

/* A walk counts so many: those of each minute in two months. */
#define MAX_COUNTED		100000

/* A walk that goes on in the next batch */
typedef struct CatchUp
{
	TimestampTz from;			/* the job's next time, and ... */
	int			schedule_version;	/* ... the schedule that this belongs to */
	DueRange	range;
} CatchUp;

static void
add_due(DueRange *range, const JobEntry *entry, TimestampTz at)
{
	if (job_skips(&entry->job, at))
	{
		if (range->nclosed++ == 0)
			range->first_closed = at;
	}
	else
	{
		if (range->count++ == 0)
			range->first = at;
		range->last = at;
	}
	range->end = at;
}

/* The next occurrence, if it is due; else DT_NOEND. */
static TimestampTz
next_due(const JobEntry *entry, TimestampTz after, TimestampTz now)
{
	TimestampTz next;

	/* what follows counts from the end of this run */
	if (schedule_is(entry->schedule, SCHEDULE_FROM_END))
		return DT_NOEND;
	next = job_next_occurrence(&entry->job, entry->schedule, after);
	return next != DT_NOEND && job_due_at(&entry->job, entry->schedule, next) <= now ?
		next : DT_NOEND;
}

DueRange
catch_up_some(const JobEntry *entry, TimestampTz now, int64 max)
{
	DueRange	range = {.complete = true};
	TimestampTz next = entry->state.next_run_at;

	do
	{
		if (range.count + range.nclosed == max)
		{
			range.complete = false;
			break;
		}
		add_due(&range, entry, next);
	} while ((next = next_due(entry, range.end, now)) != DT_NOEND);
	return range;
}

/* Those of an interval of a fixed length, by division.  False: it is none. */
static bool
divide(const JobEntry *entry, TimestampTz now, DueRange *range)
{
	int64		period = schedule_fixed_period(entry->schedule);
	TimestampTz first = entry->state.next_run_at;
	TimestampTz last = Min(now, entry->job.ends_at);

	if (period <= 0 || entry->job.open_times != NULL || first > last)
		return false;
	last -= (last - first) % period;
	while (last > first && job_due_at(&entry->job, entry->schedule, last) > now)
		last -= period;
	range->first = first;
	range->last = range->end = last;
	range->count = (last - first) / period + 1;
	range->complete = true;
	return true;
}

/* There are too many to count: go to the last one that is due. */
static void
jump_to_last(const JobEntry *entry, TimestampTz now, DueRange *range)
{
	TimestampTz low = range->end;	/* due, and what follows it may be, too */
	TimestampTz high = now;		/* nothing after it is due */

	while (high - low > 1)
	{
		TimestampTz middle = low + (high - low) / 2;
		TimestampTz next = next_due(entry, middle, now);

		if (next != DT_NOEND)
			low = next;
		else
			high = middle;
	}
	add_due(range, entry, low);
	range->uncounted = true;
}

/* Keep what a slice has seen, for as long as the cache keeps the definition. */
static void
keep(JobEntry *entry, const DueRange *range)
{
	if (entry->catch_up == NULL)
		entry->catch_up = MemoryContextAlloc(GetMemoryChunkContext(entry->schedule),
											 sizeof(CatchUp));
	entry->catch_up->from = entry->state.next_run_at;
	entry->catch_up->schedule_version = entry->state.schedule_version;
	entry->catch_up->range = *range;
}

/* Begin a walk, or go on with one of the same job and schedule. */
static TimestampTz
resume(JobEntry *entry, TimestampTz now, DueRange *range)
{
	CatchUp    *kept = entry->catch_up;

	if (kept != NULL && kept->from == entry->state.next_run_at &&
		kept->schedule_version == entry->state.schedule_version)
	{
		*range = kept->range;
		return next_due(entry, range->end, now);
	}
	memset(range, 0, sizeof(*range));
	range->complete = true;
	return entry->state.next_run_at;
}

bool
catch_up_all(JobEntry *entry, TimestampTz now, int64 *budget, DueRange *range)
{
	TimestampTz next = resume(entry, now, range);

	Assert(process_is(PROCESS_SCHEDULER));
	while (next != DT_NOEND)
	{
		add_due(range, entry, next);
		next = next_due(entry, range->end, now);
		if (next == DT_NOEND ||
			(range->end == entry->state.next_run_at && divide(entry, now, range)))
			break;
		if (range->count + range->nclosed >= MAX_COUNTED)
		{
			jump_to_last(entry, now, range);
			break;
		}
		if (--*budget <= 0)
		{
			keep(entry, range);
			return false;
		}
	}
	if (entry->catch_up != NULL)
	{
		pfree(entry->catch_up);
		entry->catch_up = NULL;
	}
	return true;
}

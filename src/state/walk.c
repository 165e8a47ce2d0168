/*-------------------------------------------------------------------------
 *
 * walk.c
 *	  Look at everything there is, a slice at a time.
 *
 * See walk.h.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "base/budget.h"
#include "base/clock.h"
#include "base/cycle.h"
#include "base/process.h"
#include "state/job_cache.h"
#include "state/walk.h"
#include "table/row.h"

/* A slice is to take from half of this to all of it: 1.5 ms. */
#define SLICE_TIME		1500
#define MIN_ROWS		50
#define MAX_ROWS		10000
#define FIRST_ROWS		500

typedef struct Slice
{
	Walk	   *walk;
	const WalkPart *part;
	bool		more;			/* it was not the last of its part */
} Slice;

static int64 next_slice = 0;	/* by clock_monotonic() */
static dlist_head walks = DLIST_STATIC_INIT(walks); /* the first goes first */

static void
begin_part(Walk *walk)
{
	walk->at = PG_INT64_MIN;
	walk->rows = FIRST_ROWS;
}

void
walk_begin(Walk *walk)
{
	if (walk->under_way)
		return;
	walk->under_way = true;
	walk->ok = true;
	walk->cpu_time = 0;
	walk->part = 0;
	begin_part(walk);
	dlist_push_tail(&walks, &walk->node);
}

/*
 * Ranges are looked up by index, and in its order, whatever the planner knows
 * of the table.
 */
static void
look_at_slice(void *arg)
{
	static const char *const others[] = {"enable_seqscan", "enable_bitmapscan", "enable_sort"};
	int			level = NewGUCNestLevel();
	Slice	   *slice = arg;

	for (int i = 0; i < lengthof(others); i++)
		(void) set_config_option(others[i], "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	slice->more = slice->part->slice(slice->walk);
	AtEOXact_GUC(false, level);
}

/* One slice.  False: it was the last of its part. */
static bool
guarded_look(Walk *walk)
{
	Slice		slice = {walk, &walk->parts[walk->part]};
	bool		ok = cycle_try_transaction(look_at_slice, &slice, slice.part->what);

	job_cache_written(ok);
	walk->ok &= ok;
	return ok && slice.more;
}

/* As many rows as there is time for */
static void
adapt(Walk *walk, int64 took)
{
	if (took > SLICE_TIME)
		walk->rows = Max(walk->rows / 2, MIN_ROWS);
	else if (took < SLICE_TIME / 2)
		walk->rows = Min(walk->rows * 2, MAX_ROWS);
}

static void
end_walk(Walk *walk)
{
	walk->under_way = false;
	dlist_delete(&walk->node);
	walk->end(walk);
}

bool
walk_step(TimestampTz now)
{
	Walk	   *walk;
	int64		began_at;
	int64		cpu_time;
	int64		took;
	bool		more;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	if (walk_next_slice() > now)
		return false;
	walk = dlist_head_element(Walk, node, &walks);
	began_at = clock_monotonic();
	cpu_time = clock_cpu_time();
	more = guarded_look(walk);
	walk->cpu_time += clock_cpu_time() - cpu_time;
	took = clock_monotonic() - began_at;
	next_slice = began_at + took + budget_rest(BUDGET_SLICE, took);
	if (more)
		adapt(walk, took);
	else if (++walk->part < walk->nparts)
		begin_part(walk);
	else
		end_walk(walk);
	return true;
}

TimestampTz
walk_next_slice(void)
{
	int64		pause;

	if (dlist_is_empty(&walks))
		return DT_NOEND;
	pause = next_slice - clock_monotonic();
	return pause > 0 ? clock_now() + pause : DT_NOBEGIN;
}

TimestampTz
walk_next_time(const Walk *walk, int64 interval)
{
	return clock_now() + Max(interval, budget_rest(BUDGET_WALK, walk->cpu_time));
}

void
walk_reset(void)
{
	while (!dlist_is_empty(&walks))
		dlist_container(Walk, node, dlist_pop_head_node(&walks))->under_way = false;
	next_slice = 0;
}

WalkRange
walk_range(const Walk *walk, const char *table, const char *pkey)
{
	WalkRange	range = {walk->at};

	range.upto = row_key_after(table, pkey, walk->at, walk->rows);
	return range;
}

WalkRange
walk_range_of_jobs(const Walk *walk)
{
	WalkRange	jobs = walk_range(walk, "job", "job_pkey");
	WalkRange	states = walk_range(walk, "job_state", "job_state_pkey");

	return jobs.upto < states.upto ? jobs : states;
}

bool
walk_to(Walk *walk, const WalkRange *range)
{
	walk->at = range->upto;
	return range->upto != PG_INT64_MAX;
}

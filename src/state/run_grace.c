/*-------------------------------------------------------------------------
 *
 * run_grace.c
 *	  Until when runs that have not begun are wanted.
 *
 * Runs of jobs that have a limit are in a heap, from when they come to when they
 * are over or their time has passed, wherever they wait.  What a worker has begun
 * by then is none of our concern: whoever takes it from here finds that out.
 * Retries and runs that were asked for are wanted whenever they can be had.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/process.h"
#include "state/run_grace.h"

static int	compare(const pairingheap_node *a, const pairingheap_node *b, void *arg);

static pairingheap watched = {.ph_compare = compare};

/* The earliest is first. */
static int
compare(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	TimestampTz end_a = pairingheap_const_container(RunEntry, grace_node, a)->grace_ends;
	TimestampTz end_b = pairingheap_const_container(RunEntry, grace_node, b)->grace_ends;

	return end_a < end_b ? 1 : end_a > end_b ? -1 : 0;
}

void
run_grace_reset(void)
{
	watched.ph_root = NULL;
}

static TimestampTz
end_of(const RunEntry *entry)
{
	const Run  *run = &entry->run;
	int64		grace = job_grace(&entry->job->job);
	TimestampTz due;

	if (grace == 0 || run->attempt > 1 || run->was_started || entry->unrecorded > 0 ||
		(run->trigger != TRIGGER_SCHEDULE && run->trigger != TRIGGER_CHAIN))
		return DT_NOEND;
	due = job_due_at(&entry->job->job, entry->job->schedule, run->scheduled_at);
	if (due > DT_NOEND - grace)
		return DT_NOEND;
	/* one that is tried again later is not looked at before */
	return Max(due + grace, run->due_at);
}

void
run_grace_watch(RunEntry *entry)
{
	Assert(process_is(PROCESS_SCHEDULER));
	run_grace_forget(entry);
	entry->grace_ends = end_of(entry);
	if (entry->grace_ends != DT_NOEND)
		pairingheap_add(&watched, &entry->grace_node);
}

void
run_grace_forget(RunEntry *entry)
{
	if (entry->grace_ends == DT_NOEND)
		return;
	pairingheap_remove(&watched, &entry->grace_node);
	entry->grace_ends = DT_NOEND;
}

static RunEntry *
first(void)
{
	return pairingheap_is_empty(&watched) ? NULL :
		pairingheap_container(RunEntry, grace_node, pairingheap_first(&watched));
}

TimestampTz
run_grace_next(void)
{
	return first() == NULL ? DT_NOEND : first()->grace_ends;
}

RunEntry *
run_grace_take(TimestampTz now)
{
	RunEntry   *entry = first();

	Assert(process_is(PROCESS_SCHEDULER));
	if (entry == NULL || entry->grace_ends >= now)
		return NULL;
	run_grace_forget(entry);
	return entry;
}

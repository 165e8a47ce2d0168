/*-------------------------------------------------------------------------
 *
 * counted.c
 *	  Runs that are counted as history has them, since the scheduler was not there
 *	  when they ended, or others have ended them.
 *
 * The scheduler counts outcomes as they come.  A run that a client cancels while
 * it waits has none: the client puts its end on record and tells of the run, and
 * the scheduler looks.  It may be told twice, when the run came and when it was
 * cancelled, and the second time it does not know the run any more.  So cancelled
 * runs that were counted lately are remembered: as many as there is room for
 * changes.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"

#include "base/process.h"
#include "flow/counted.h"
#include "shared/shmem.h"
#include "state/job_metrics.h"
#include "state/run_queue.h"

static int64 cancelled[CHANGE_RING_SIZE];	/* run_ids */
static int	next_cancelled = 0;

void
counted_correct_runs(JobEntry *job)
{
	JobState   *state = &job->state;
	int64		known = state->succeeded + state->failed + state->timed_out +
		state->cancelled + state->lost - state->retries + job->nruns;

	if (state->runs >= known)
		return;
	state->runs = known;
	job_cache_touch(job);
}

void
counted_note(const CountedRun *counted)
{
	Assert(process_is(PROCESS_SCHEDULER));
	if (counted->status != RUN_CANCELLED)
		return;
	cancelled[next_cancelled] = counted->run_id;
	next_cancelled = (next_cancelled + 1) % CHANGE_RING_SIZE;
}

static bool
was_noted(int64 run_id)
{
	for (int i = 0; i < CHANGE_RING_SIZE; i++)
		if (cancelled[i] == run_id)
			return true;
	return false;
}

bool
counted_add(const CountedRun *counted)
{
	RunEntry   *entry = run_queue_find(counted->run_id);
	JobEntry   *job = job_cache_get(counted->job_id);

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	if (job == NULL || (entry != NULL && entry->run.attempt <= counted->attempt))
		return false;
	job_state_count(&job->state, counted->status, counted->started_at,
					counted->finished_at, counted->occurrences, counted->final);
	counted_correct_runs(job);
	job_cache_touch(job);
	job_metrics_counted(job, counted->status, counted->final);
	counted_note(counted);
	return true;
}

void
counted_late(int64 run_id)
{
	CountedRun	counted;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	Assert(run_queue_find(run_id) == NULL);
	if (was_noted(run_id) || !query_find_attempt(run_id, 1, &counted))
		return;
	/* any other end comes from a worker, which had the run from the scheduler */
	if (counted.status == RUN_CANCELLED && counted.started_at == DT_NOBEGIN)
		(void) counted_add(&counted);
}

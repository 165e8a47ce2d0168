/*-------------------------------------------------------------------------
 *
 * run_queue_check.c
 *	  Do the invariants of the run queue hold?
 *
 * What run_queue.h says of its memory, from 3 to 6.  What it says of tables
 * (1, 2) takes a transaction, and is what repair looks at.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"

#include "state/run_queue.h"
#include "state/run_queue_check.h"

#ifdef USE_ASSERT_CHECKING

/* With so many runs it is every second call that looks. */
#define RUNS_PER_LOOK	200

/* The runs of a job, a queue or a role */
typedef struct Count
{
	const void *of;				/* hash key */
	int			nruns;
	int			nwaiting;
	int			nready;
	int			nheld;
	int			nheld_by_queue;
	int			ndispatched;
} Count;

static HTAB *counts;

static Count *
count_of(const void *of)
{
	bool		found;
	Count	   *count = hash_search(counts, &of, HASH_ENTER, &found);

	if (!found)
		memset((char *) count + sizeof(count->of), 0, sizeof(Count) - sizeof(count->of));
	return count;
}

static void
count_entry(const RunEntry *entry, Count *count)
{
	count->nruns++;
	count->nwaiting += entry->state == RUN_STATE_WAITING;
	count->nready += entry->state == RUN_STATE_READY;
	count->nheld += entry->state == RUN_STATE_HELD && !entry->held_by_queue;
	count->nheld_by_queue += entry->state == RUN_STATE_HELD && entry->held_by_queue;
	count->ndispatched += entry->state == RUN_STATE_DISPATCHED;
}

static void
count_checked(RunEntry *entry, void *arg)
{
	Assert(entry->run.run_id == entry->run_id);
	Assert(job_cache_peek(entry->job->job_id) == entry->job);
	count_entry(entry, count_of(entry->job));
	count_entry(entry, count_of(entry->queue));
	if (entry->state == RUN_STATE_READY)
		count_entry(entry, count_of(entry->role_runs));
}

/* Each of the list is a run of this job, in the state that the list is for. */
static int
list_length_of(const JobEntry *job, dlist_head *list, RunState state)
{
	dlist_iter	iter;
	int			result = 0;

	dlist_foreach(iter, list)
	{
		const RunEntry *entry = dlist_container(RunEntry, job_node, iter.cur);

		Assert(entry->job == job && entry->state == state);
		Assert(state != RUN_STATE_HELD || !entry->held_by_queue);
		result++;
	}
	return result;
}

static void
check_job(RunEntry *entry, void *arg)
{
	JobEntry   *job = entry->job;
	const Count *count = count_of(job);

	Assert(job->nruns == count->nruns);
	Assert(job->nwaiting == count->nwaiting);
	Assert(job->ndispatched == count->ndispatched);
	Assert(list_length_of(job, &job->held, RUN_STATE_HELD) == count->nheld);
	Assert(list_length_of(job, &job->dispatched, RUN_STATE_DISPATCHED) == count->ndispatched);
	Assert(entry->state != RUN_STATE_READY || entry->role_runs->listed);
}

static void
check_queue(JobQueue *queue, void *sum)
{
	const Count *count = count_of(queue);
	int			nready = count->nready + count->nheld + count->nheld_by_queue;

	Assert(queue->nready == nready);
	Assert(queue->ndispatched == count->ndispatched);
	Assert(fair_queue_is_empty(&queue->held) == (count->nheld_by_queue == 0));
	*(int64 *) sum += nready;
}

void
run_queue_check(void)
{
	static int64 calls_left = 0;
	HASHCTL		ctl = {.keysize = sizeof(void *), .entrysize = sizeof(Count)};
	int64		nready = 0;

	if (calls_left-- > 0)
		return;
	calls_left = run_queue_count() / RUNS_PER_LOOK;

	ctl.hcxt = CurrentMemoryContext;
	counts = hash_create("pg_scheduler run counts", 64, &ctl,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	run_queue_foreach(count_checked, NULL);
	run_queue_foreach(check_job, NULL);
	run_queue_foreach_queue(check_queue, &nready);
	Assert(nready == run_queue_ready_count());
	for (RoleRuns *role = run_queue_next_role(NULL); role; role = run_queue_next_role(role))
	{
		Assert(role->listed && role->nready > 0);
		Assert(role->nready == count_of(role)->nready);
		Assert(!fair_queue_is_empty(&role->ready));
	}
	hash_destroy(counts);
}

#endif

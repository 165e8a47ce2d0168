/*-------------------------------------------------------------------------
 *
 * chain.c
 *	  Jobs that run after others: from the ends of leaders to runs of their
 *	  followers.
 *
 * The ends are rows of scheduler.leader_end, written with the end itself
 * (chain_end.c).  The scheduler learns of them by the outcomes of runs, and
 * at a start or a repair by reading them all.  In one transaction it deletes
 * the rows and inserts the run that comes of them.  So an end has its effect
 * once, whoever dies: before that commit the rows are there still, after it
 * the run is.
 *
 * The ends of one follower are looked at in the order in which they came
 * about, one by one.  A leader that ends again before the others have ended
 * takes the place of its own earlier end.  When each leader has one, the
 * follower runs, and all start anew; the ends of a follower that is paused
 * wait.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "lib/ilist.h"
#include "nodes/pg_list.h"
#include "utils/acl.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/cycle.h"
#include "base/process.h"
#include "flow/chain.h"
#include "flow/enqueue.h"
#include "flow/worker_pool.h"
#include "record/chain_end.h"
#include "shared/worker_slot.h"
#include "state/alert.h"
#include "state/run_queue.h"
#include "table/job.h"

#define BATCH_SIZE		1000

/* A job with ends that wait, or that had some */
typedef struct Follower
{
	int64		job_id;			/* hash key */
	List	   *ends;			/* LeaderEnd, oldest first */
	TimestampTz last_at;		/* of the last run that came of them */
	int			failures;		/* attempts to make the next one */
	bool		listed;			/* has to be looked at ... */
	dlist_node	node;			/* ... in the list of those */
} Follower;

/* What a look at a follower leads to, once it is committed */
typedef struct Firing
{
	Follower   *follower;
	JobEntry   *job;			/* NULL: it has been dropped */
	JobState	before;			/* its state, to go back to */
	List	   *done;			/* ends that have had their effect, or none */
	bool		again;			/* there are more to look at */
	bool		gone;			/* the job has been dropped */
	bool		enqueued;
	PendingRun	pending;
	bool		cancel;			/* the run of the job that is under way */
} Firing;

static MemoryContext chain_context = NULL;
static HTAB *followers = NULL;
static dlist_head listed;
static int64 *noted = NULL;		/* runs that may have left word */
static int	nnoted = 0;
static int	maxnoted = 0;

void
chain_reset(void)
{
	HASHCTL		ctl = {.keysize = sizeof(int64), .entrysize = sizeof(Follower)};

	if (chain_context != NULL)
		MemoryContextDelete(chain_context);
	chain_context = AllocSetContextCreate(TopMemoryContext, "pg_scheduler chains",
										  ALLOCSET_DEFAULT_SIZES);
	ctl.hcxt = chain_context;
	followers = hash_create("pg_scheduler followers", 64, &ctl,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	dlist_init(&listed);
	noted = NULL;
	nnoted = maxnoted = 0;
}

static void
list_follower(Follower *follower)
{
	if (follower->listed)
		return;
	dlist_push_tail(&listed, &follower->node);
	follower->listed = true;
}

static void
unlist_follower(Follower *follower)
{
	if (follower->listed)
		dlist_delete(&follower->node);
	follower->listed = false;
}

static Follower *
get_follower(int64 job_id)
{
	bool		found;
	Follower   *follower = hash_search(followers, &job_id, HASH_ENTER, &found);

	if (!found)
		memset((char *) follower + sizeof(int64), 0, sizeof(Follower) - sizeof(int64));
	return follower;
}

static int
compare_end(const LeaderEnd *x, const LeaderEnd *y)
{
	if (x->ended_at != y->ended_at)
		return x->ended_at < y->ended_at ? -1 : 1;
	return x->run_id < y->run_id ? -1 : x->run_id > y->run_id;
}

static int
compare_cells(const ListCell *a, const ListCell *b)
{
	return compare_end(lfirst(a), lfirst(b));
}

/* Take note of a row of leader_end, unless it is known, and look at its follower. */
static void
add_end(const LeaderEnd *end, void *arg)
{
	Follower   *follower = get_follower(end->job_id);
	MemoryContext oldcontext;
	LeaderEnd  *copy;
	bool		in_order;
	ListCell   *lc;

	list_follower(follower);
	foreach(lc, follower->ends)
		if (((LeaderEnd *) lfirst(lc))->run_id == end->run_id)
			return;
	oldcontext = MemoryContextSwitchTo(chain_context);
	copy = palloc(sizeof(LeaderEnd));
	*copy = *end;
	in_order = follower->ends == NIL ||
		compare_end(llast(follower->ends), copy) < 0;
	follower->ends = lappend(follower->ends, copy);
	if (!in_order)
		list_sort(follower->ends, compare_cells);
	MemoryContextSwitchTo(oldcontext);
}

void
chain_look(int64 after, int64 upto)
{
	Assert(IsTransactionState());
	store_scan_leader_ends(after, upto, add_end, NULL);
}

void
chain_load(void)
{
	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	chain_look(PG_INT64_MIN, PG_INT64_MAX);
}

void
chain_note_run(int64 run_id)
{
	if (nnoted == maxnoted)
	{
		maxnoted = Max(64, 2 * maxnoted);
		noted = noted == NULL ?
			MemoryContextAlloc(chain_context, maxnoted * sizeof(int64)) :
			repalloc_huge(noted, maxnoted * sizeof(int64));
	}
	noted[nnoted++] = run_id;
}

void
chain_note_job(int64 job_id)
{
	Follower   *follower = hash_search(followers, &job_id, HASH_FIND, NULL);

	if (follower != NULL && follower->ends != NIL)
		list_follower(follower);
}

/*
 * From ends to a run
 */

/*
 * Does this end count?  The job may have changed since it was left, and its
 * owner may have lost the right to know of the leader.
 */
static int
find_leader(const JobEntry *job, const ChainEdge *leaders, int nleaders,
			const LeaderEnd *end)
{
	if (end->leader_owner != job->job.owner &&
		!has_privs_of_role(job->job.owner, end->leader_owner))
		return -1;
	for (int i = 0; i < nleaders; i++)
		if (leaders[i].leader_id == end->leader_id)
			return chain_end_matches(leaders[i].after_on, end->status) ? i : -1;
	return -1;
}

/*
 * Find the next run of a job.  True: "current" has an end of each leader.
 * What has been passed over is added to firing->done.
 */
static bool
find_ends(Firing *firing, const JobEntry *job, const ChainEdge *leaders, int nleaders,
		  LeaderEnd **current)
{
	int			ncurrent = 0;
	ListCell   *lc;

	foreach(lc, firing->follower->ends)
	{
		LeaderEnd  *end = lfirst(lc);
		int			i = find_leader(job, leaders, nleaders, end);

		if (i < 0)
		{
			firing->done = lappend(firing->done, end);
			continue;
		}
		if (current[i] != NULL)
			firing->done = lappend(firing->done, current[i]);
		else
			ncurrent++;
		current[i] = end;
		if (ncurrent == nleaders && job->job.active)
		{
			firing->again = lnext(firing->follower->ends, lc) != NULL;
			return true;
		}
	}
	return false;
}

/*
 * The arguments of a follower's run: its own, with those of its leaders over
 * them, in the order of the leaders.  Objects are merged, and of anything
 * else the last wins.
 */
static Jsonb *
merge_args(Jsonb *args, Jsonb *leader_args)
{
	if (leader_args == NULL)
		return args;
	if (args == NULL || !JB_ROOT_IS_OBJECT(args) || !JB_ROOT_IS_OBJECT(leader_args))
		return leader_args;
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(args),
											  JsonbPGetDatum(leader_args)));
}

/* NULL: no leader has arguments, and those of the job will do. */
static Jsonb *
collect_args(int64 job_id, LeaderEnd **ends, int n)
{
	Jsonb	   *result = NULL;
	bool		any = false;

	for (int i = 0; i < n; i++)
	{
		if (!ends[i]->has_args)
			continue;
		if (!any)
			result = store_read_args(job_id, NULL);
		any = true;
		result = merge_args(result, store_read_leader_end_args(ends[i]->run_id, job_id));
	}
	return result;
}

/* Enqueue a run that comes of these ends, as the options of the job have it. */
static void
fire(Firing *firing, JobEntry *job, LeaderEnd **ends, int n)
{
	Follower   *follower = firing->follower;
	Run		   *run = &firing->pending.run;
	TimestampTz last_end = DT_NOBEGIN;

	for (int i = 0; i < n; i++)
	{
		last_end = Max(last_end, ends[i]->ended_at);
		firing->done = lappend(firing->done, ends[i]);
	}
	/* no two runs of a job are for the same time */
	run->scheduled_at = Max(last_end, follower->last_at + 1) + follower->failures;
	firing->pending.args = collect_args(follower->job_id, ends, n);
	firing->enqueued = enqueue_triggered(job, &firing->pending, &firing->cancel);
	for (int i = 0; i < n && run->run_id != 0; i++)
		store_insert_run_trigger(run->run_id, ends[i]->run_id, job->job.owner);
}

/* Look at one follower.  In a transaction. */
static void
look_at(Firing *firing)
{
	Follower   *follower = firing->follower;
	JobEntry   *job = job_cache_get(follower->job_id);
	ListCell   *lc;

	Assert(IsTransactionState());
	firing->job = job;
	if (job != NULL)
		firing->before = job->state;
	if (job == NULL)
	{
		firing->done = list_copy(follower->ends);
		firing->gone = true;
	}
	else
	{
		ChainEdge  *leaders;
		int			n = store_read_leaders(follower->job_id, &leaders);
		LeaderEnd **ends = palloc0(Max(n, 1) * sizeof(LeaderEnd *));

		if (find_ends(firing, job, leaders, n, ends))
			fire(firing, job, ends, n);
	}
	foreach(lc, firing->done)
		store_delete_leader_end(((LeaderEnd *) lfirst(lc))->run_id, follower->job_id);
}

/* What follows from a look that has been committed. */
static void
publish_firing(Firing *firing)
{
	Follower   *follower = firing->follower;
	const Run  *run = &firing->pending.run;
	ListCell   *lc;

	foreach(lc, firing->done)
	{
		follower->ends = list_delete_ptr(follower->ends, lfirst(lc));
		pfree(lfirst(lc));
	}
	follower->failures = 0;
	if (run->run_id != 0)
		follower->last_at = run->scheduled_at;
	if (!firing->again)
		unlist_follower(follower);
	if (firing->cancel)
		(void) worker_slot_cancel_job(follower->job_id, DT_NOBEGIN,
									  (CancelReason) {CANCEL_OVERLAP});
	if (firing->enqueued)
		(void) run_queue_add(run, job_cache_peek(follower->job_id));
	if (firing->gone)
		hash_search(followers, &follower->job_id, HASH_REMOVE, NULL);
}

/* Undo in memory what the aborted transaction has done there. */
static void
undo_batch(Firing *firings, int n)
{
	job_cache_written(false);
	for (int i = n - 1; i >= 0; i--)
		if (firings[i].job != NULL)
			firings[i].job->state = firings[i].before;
}

typedef struct Batch
{
	Firing	   *firings;
	int			n;
} Batch;

static void
look_at_all(void *arg)
{
	Batch	   *batch = arg;

	/* what is found is there after the transaction, too */
	MemoryContextSwitchTo(cycle_context);
	for (int i = 0; i < batch->n; i++)
		look_at(&batch->firings[i]);
	(void) job_cache_write();
}

/*
 * One transaction that looks at followers.  False: it has failed, and nothing
 * has changed.
 */
static bool
try_batch(Firing *firings, int n)
{
	Batch		batch = {firings, n};

	if (!cycle_try_transaction(look_at_all, &batch, NULL))
	{
		undo_batch(firings, n);
		return false;
	}
	job_cache_written(true);
	for (int i = 0; i < n; i++)
		publish_firing(&firings[i]);
	return true;
}

/* A follower that is to blame is left to the repair. */
static void
give_up(Follower *follower)
{
	const char *subject = job_subject(follower->job_id);

	follower->failures++;
	unlist_follower(follower);
	alert_raise(ALERT_ENQUEUE_FAILED, subject, follower->job_id, InvalidOid,
				"the job's leaders have ended, and it could not be enqueued; see the server log");
}

/* Look at up to BATCH_SIZE of the listed followers; at how many. */
static int
look_at_batch(void)
{
	int			max = 16;
	Firing	   *firings = palloc(max * sizeof(Firing));
	int			n = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &listed)
	{
		if (n == BATCH_SIZE)
			break;
		if (n == max)
		{
			max *= 2;
			firings = repalloc(firings, max * sizeof(Firing));
		}
		memset(&firings[n], 0, sizeof(Firing));
		firings[n++].follower = dlist_container(Follower, node, iter.cur);
	}
	if (!try_batch(firings, n))
	{
		for (int i = 0; i < n; i++)
		{
			Firing		alone = {.follower = firings[i].follower};

			if (n == 1 || !try_batch(&alone, 1))
				give_up(alone.follower);
		}
	}
	pfree(firings);
	return n;
}

/* Read the ends that were left by the runs that have ended. */
static void
read_noted(void)
{
	cycle_start_transaction();
	for (int i = 0; i < nnoted; i++)
		store_scan_leader_ends(noted[i] - 1, noted[i], add_end, NULL);
	nnoted = 0;
	cycle_commit_transaction();
}

bool
chain_cycle(void)
{
	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	if (nnoted > 0)
		read_noted();
	for (int done = 0; done < BATCH_SIZE && !dlist_is_empty(&listed);)
		done += look_at_batch();
	return !dlist_is_empty(&listed);
}

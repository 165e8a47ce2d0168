/*-------------------------------------------------------------------------
 *
 * run_queue.c
 *	  All runs of a database that are not over, as its scheduler knows them.
 *
 * The truth is scheduler.pending_run; this is what a scheduler needs to know
 * of it to never have to read it again.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "state/hook_family.h"
#include "state/queue_limit.h"
#include "state/run_grace.h"
#include "state/run_list.h"
#include "state/run_queue.h"

static MemoryContext queue_context = NULL;
static HTAB *runs = NULL;
static HTAB *roles = NULL;
static HTAB *queues = NULL;
static pairingheap *waiting = NULL;
static int64 nready = 0;		/* READY or HELD, in all */
static bool look_again = false; /* in some queue */
static TimestampTz next_rate_release = DT_NOEND;
static dlist_head ready_roles;	/* RoleRuns with ready runs */
static int	nsuspects = 0;		/* dispatched runs with crashes > 0 */
static bool suspect_left = false;	/* the next suspect may go */
static bool hooks_only = false; /* on the way to a stop */

/* pairingheap keeps the greatest on top: "greater" is "goes first". */
static int
compare_waiting(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const RunEntry *run_a = pairingheap_const_container(RunEntry, fair.node, a);
	const RunEntry *run_b = pairingheap_const_container(RunEntry, fair.node, b);

	if (run_a->run.due_at == run_b->run.due_at)
		return 0;
	return run_a->run.due_at < run_b->run.due_at ? 1 : -1;
}

/*
 * Runs of one owner and one named queue form a stream.  What goes first: the
 * run of the queue with the higher priority, then that with the higher priority
 * of its own; streams of the same priorities take turns.
 */

static RunEntry *
fair_run(FairItem *item)
{
	return pairingheap_container(RunEntry, fair.node, &item->node);
}

static const RunEntry *
const_fair_run(const FairItem *item)
{
	return pairingheap_const_container(RunEntry, fair.node, &item->node);
}

static bool
fair_run_precedes(const FairItem *a, const FairItem *b)
{
	return run_precedes(&const_fair_run(a)->run, &const_fair_run(b)->run);
}

static int
compare_priorities(const FairItem *a, const FairItem *b)
{
	const RunEntry *run_a = const_fair_run(a);
	const RunEntry *run_b = const_fair_run(b);
	int			queue_a = run_a->queue->limits.priority;
	int			queue_b = run_b->queue->limits.priority;

	if (queue_a != queue_b)
		return queue_a > queue_b ? 1 : -1;
	if (run_a->run.priority != run_b->run.priority)
		return run_a->run.priority > run_b->run.priority ? 1 : -1;
	return 0;
}

static const FairOrder fair_order = {fair_run_precedes, compare_priorities};

static FairStreamKey
stream_of(const RunEntry *entry)
{
	return (FairStreamKey) {.group = entry->queue, .member = entry->run.owner};
}

/* The first run has its turn. */
static RunEntry *
take_turn(FairQueue *queue)
{
	uint64		turn;
	RunEntry   *entry = fair_run(fair_queue_take(queue, &turn));

	entry->run.turn = turn;
	entry->run.queue_priority = entry->queue->limits.priority;
	return entry;
}

void
run_queue_init(void)
{
	HASHCTL		ctl = {.keysize = sizeof(int64), .entrysize = sizeof(RunEntry)};
	MemoryContext oldcontext;

	queue_context = AllocSetContextCreate(TopMemoryContext, "pg_scheduler runs",
										  ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(queue_context);
	ctl.hcxt = queue_context;
	runs = hash_create("pg_scheduler runs", 256, &ctl,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(RoleRuns);
	roles = hash_create("pg_scheduler roles", 16, &ctl,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	ctl.keysize = JOB_NAME_LENGTH;
	ctl.entrysize = sizeof(JobQueue);
	queues = hash_create("pg_scheduler queues", 16, &ctl,
						 HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	nready = 0;
	waiting = pairingheap_allocate(compare_waiting, NULL);
	dlist_init(&ready_roles);
	run_list_init();
	run_grace_reset();
	nsuspects = 0;
	MemoryContextSwitchTo(oldcontext);
}

void
run_queue_reset(void)
{
	MemoryContextDelete(queue_context);
	run_queue_init();
}

RoleRuns *
run_queue_of_role(Oid role)
{
	bool		found;
	RoleRuns  *queue = hash_search(roles, &role, HASH_ENTER, &found);

	if (!found)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(queue_context);

		fair_queue_init(&queue->ready, &fair_order);
		queue->nready = 0;
		queue->overtakes = false;
		queue->starved_since = DT_NOEND;
		queue->listed = false;
		MemoryContextSwitchTo(oldcontext);
	}
	return queue;
}

JobQueue *
run_queue_find_queue(const char *name)
{
	return hash_search(queues, name, HASH_FIND, NULL);
}

/* A queue that has no limits, until they are set. */
static JobQueue *
get_queue(const char *name)
{
	bool		found;
	JobQueue   *queue = hash_search(queues, name, HASH_ENTER, &found);

	if (!found)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(queue_context);

		memset((char *) queue + JOB_NAME_LENGTH, 0, sizeof(JobQueue) - JOB_NAME_LENGTH);
		queue->limits.enabled = true;
		queue->limits.stop_deadline = DT_NOEND;
		fair_queue_init(&queue->held, &fair_order);
		MemoryContextSwitchTo(oldcontext);
	}
	return queue;
}

/* READY and HELD are one to those who count. */
static void
count_ready(RunEntry *entry, int n)
{
	entry->queue->nready += n;
	nready += n;
}

/* The queue that a run belongs to, as its job is defined now */
static RoleRuns *
queue_for(const RunEntry *entry)
{
	return run_queue_of_role(entry->job->job.kind == JOB_HTTP ?
							 HTTP_QUEUE : entry->run.owner);
}

static void
add_to_ready(RunEntry *entry)
{
	RoleRuns  *queue = queue_for(entry);

	entry->state = RUN_STATE_READY;
	count_ready(entry, 1);
	entry->role_runs = queue;
	fair_queue_add(&queue->ready, stream_of(entry), &entry->fair);
	if (fair_queue_first(&queue->ready) == &entry->fair)
		queue->overtakes = true;
	queue->nready++;
	if (!queue->listed)
	{
		dlist_push_tail(&ready_roles, &queue->node);
		queue->listed = true;
	}
}

/* A run is no longer in the queue of its role. */
static void
count_removed(RoleRuns *queue, RunEntry *entry)
{
	count_ready(entry, -1);
	if (--queue->nready == 0)
	{
		dlist_delete(&queue->node);
		queue->listed = false;
		queue->starved_since = DT_NOEND;
	}
}

static void
hold(RunEntry *entry)
{
	entry->state = RUN_STATE_HELD;
	entry->held_by_queue = false;
	count_ready(entry, 1);
	dlist_push_tail(&entry->job->held, &entry->job_node);
}

/* run_job() is to run it, whatever it depends on. */
static bool
held_by_dependency(const RunEntry *entry)
{
	return entry->job->depends && entry->run.trigger != TRIGGER_MANUAL;
}

/* Where a run that is not dispatched belongs. */
static void
place(RunEntry *entry)
{
	if (entry->run.due_at > clock_now())
	{
		entry->state = RUN_STATE_WAITING;
		entry->job->nwaiting++;
		pairingheap_add(waiting, &entry->fair.node);
	}
	else if (held_by_dependency(entry))
		hold(entry);
	else
		add_to_ready(entry);
}

/* Take a run from where it is; it is nowhere then. */
static void
displace(RunEntry *entry)
{
	hook_family_moved(entry->job->job_id);
	switch (entry->state)
	{
		case RUN_STATE_WAITING:
			pairingheap_remove(waiting, &entry->fair.node);
			entry->job->nwaiting--;
			break;
		case RUN_STATE_READY:
			fair_queue_remove(&entry->role_runs->ready, &entry->fair);
			count_removed(entry->role_runs, entry);
			break;
		case RUN_STATE_HELD:
			count_ready(entry, -1);
			if (entry->held_by_queue)
				fair_queue_remove(&entry->queue->held, &entry->fair);
			else
				dlist_delete(&entry->job_node);
			break;
		case RUN_STATE_DISPATCHED:
			dlist_delete(&entry->job_node);
			entry->job->ndispatched--;
			entry->queue->ndispatched--;
			entry->queue->look_again = look_again = true;
			if (entry->run.crashes > 0)
			{
				nsuspects--;
				suspect_left = true;
			}
			break;
	}
}

RunEntry *
run_queue_add(const Run *run, JobEntry *job)
{
	bool		found;
	RunEntry   *entry = hash_search(runs, &run->run_id, HASH_ENTER, &found);

	if (found)
		return NULL;
	entry->run = *run;
	entry->job = job;
	/* hooks run whatever has become of queues: they have one of their own */
	entry->queue = get_queue(hook_family_is_hook(job->job_id) ? "" : job->job.queue);
	entry->held_by_queue = false;
	entry->taken_away = false;
	entry->unrecorded = 0;
	entry->grace_ends = DT_NOEND;
	run_list_add(entry);
	run_grace_watch(entry);
	job->nruns++;
	place(entry);
	return entry;
}

RunEntry *
run_queue_find(int64 run_id)
{
	return hash_search(runs, &run_id, HASH_FIND, NULL);
}

void
run_queue_remove(RunEntry *entry)
{
	displace(entry);
	run_list_remove(entry);
	run_grace_forget(entry);
	entry->job->nruns--;
	hash_search(runs, &entry->run_id, HASH_REMOVE, NULL);
}

void
run_queue_put_back(RunEntry *entry, const Run *as)
{
	displace(entry);
	if (as != NULL)
		entry->run = *as;
	run_grace_watch(entry);
	place(entry);
}

static void
set_dispatched(RunEntry *entry)
{
	entry->state = RUN_STATE_DISPATCHED;
	entry->stopped = false;
	dlist_push_tail(&entry->job->dispatched, &entry->job_node);
	entry->job->ndispatched++;
	entry->queue->ndispatched++;
	if (entry->run.crashes > 0)
		nsuspects++;
}

void
run_queue_adopt(RunEntry *entry)
{
	displace(entry);
	entry->role_runs = queue_for(entry);
	set_dispatched(entry);
}

void
run_queue_release(JobEntry *job)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &job->held)
	{
		RunEntry   *entry = dlist_container(RunEntry, job_node, iter.cur);

		/* resumed after it was paused for its crashes: one more try */
		if (job->job.active && entry->run.crashes >= pg_scheduler_crash_limit)
			entry->run.crashes = 1;
		dlist_delete(&entry->job_node);
		count_ready(entry, -1);
		add_to_ready(entry);
	}
}

static void
release_held(RunEntry *entry, void *arg)
{
	if (entry->state == RUN_STATE_HELD && !entry->held_by_queue)
		run_queue_release(entry->job);
}

void
run_queue_hooks_only(bool only)
{
	if (hooks_only && !only)
		run_queue_foreach(release_held, NULL);
	hooks_only = only;
}

static void
release_suspect(RunEntry *entry, void *arg)
{
	if (entry->state == RUN_STATE_HELD && entry->run.crashes > 0)
		run_queue_release(entry->job);
}

/*
 * The limits of queues
 */

/* Make as many held runs ready as there is room for. */
static void
release_queue(JobQueue *queue, TimestampTz now)
{
	int64		room = queue_limit_room(queue, now);

	for (; room > 0 && !fair_queue_is_empty(&queue->held); room--)
	{
		RunEntry   *entry = take_turn(&queue->held);

		fair_queue_set_floor(&queue->held, entry->run.turn);
		count_ready(entry, -1);
		entry->held_by_queue = false;
		add_to_ready(entry);
	}
}

/* Of queues that may go on, the one with the highest priority goes first. */
static int
compare_queues(const ListCell *a, const ListCell *b)
{
	int			priority_a = ((const JobQueue *) lfirst(a))->limits.priority;
	int			priority_b = ((const JobQueue *) lfirst(b))->limits.priority;

	return priority_a > priority_b ? -1 : priority_a < priority_b;
}

/* Look at the queues in which something has changed.  When to look next. */
static TimestampTz
release_queues(TimestampTz now)
{
	HASH_SEQ_STATUS status;
	JobQueue   *queue;
	TimestampTz next = DT_NOEND;
	bool		all = look_again;
	List	   *holding = NIL;
	ListCell   *lc;

	look_again = false;
	if (!all && next_rate_release > now)
		return next_rate_release;
	hash_seq_init(&status, queues);
	while ((queue = hash_seq_search(&status)) != NULL)
	{
		if ((queue->look_again || queue->limits.rate_limit > 0) &&
			!fair_queue_is_empty(&queue->held))
			holding = lappend(holding, queue);
		queue->look_again = false;
	}
	list_sort(holding, compare_queues);
	foreach(lc, holding)
	{
		queue = lfirst(lc);
		release_queue(queue, now);
		next = Min(next, queue_limit_next_token(queue));
	}
	list_free(holding);
	next_rate_release = next;
	return next;
}

/* The heaps order by the priority of queues: take its runs out meanwhile. */
static void
reorder_runs(JobQueue *queue, int priority)
{
	HASH_SEQ_STATUS status;
	RunEntry   *entry;
	List	   *moved = NIL;
	ListCell   *lc;

	hash_seq_init(&status, runs);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->queue != queue || entry->state != RUN_STATE_READY)
			continue;
		displace(entry);
		moved = lappend(moved, entry);
	}
	queue->limits.priority = priority;
	foreach(lc, moved)
		add_to_ready(lfirst(lc));
}

void
run_queue_set_limits(const char *name, const QueueLimits *limits)
{
	JobQueue   *queue = get_queue(name);

	if (limits->rate_limit != queue->limits.rate_limit ||
		limits->rate_period != queue->limits.rate_period)
	{
		queue->tokens = limits->rate_limit;
		queue->refilled_at = clock_now();
	}
	if (limits->priority != queue->limits.priority)
		reorder_runs(queue, limits->priority);
	queue->limits = *limits;
	queue->stop_pending = !limits->enabled;
	queue->look_again = look_again = true;
}

bool
run_queue_set_blocked(const char *name, bool blocked)
{
	JobQueue   *queue = get_queue(name);

	if (queue->blocked == blocked)
		return false;
	queue->blocked = blocked;
	queue->look_again = look_again = true;
	return blocked;
}

TimestampTz
run_queue_wake(TimestampTz now)
{
	TimestampTz next_release;

	if (suspect_left)
	{
		suspect_left = false;
		run_queue_foreach(release_suspect, NULL);
	}
	next_release = release_queues(now);
	while (!pairingheap_is_empty(waiting))
	{
		RunEntry   *entry = pairingheap_container(RunEntry, fair.node,
												  pairingheap_first(waiting));

		if (entry->run.due_at > now)
			return Min(entry->run.due_at, next_release);
		displace(entry);
		if (held_by_dependency(entry))
			hold(entry);
		else
			add_to_ready(entry);
	}
	return next_release;
}

/*
 * May this run be executed now?  Runs that were part of a crash go one at a
 * time, so that the next crash tells which of them it was; one that was part
 * of too many does not go at all.
 */
static bool
may_run(const RunEntry *entry)
{
	const JobEntry *job = entry->job;

	if (!job->job.active && run_waits_for_resume(&entry->run))
		return false;
	if (hooks_only && !hook_family_is_hook(job->job_id))
		return false;
	if (!hook_family_admits(job))
		return false;
	if (entry->run.crashes > 0 &&
		(nsuspects > 0 || entry->run.crashes >= pg_scheduler_crash_limit))
		return false;
	if (held_by_dependency(entry))
		return false;
	return job->ndispatched < job_cache_concurrency(job);
}

/* Room for a run in its queue; without it the run is held there.  */
static bool
take_room(RunEntry *entry)
{
	JobQueue   *queue = entry->queue;

	if (queue_limit_room(queue, clock_now()) > 0)
	{
		if (queue->limits.rate_limit > 0)
			queue->tokens -= 1;
		return true;
	}
	entry->state = RUN_STATE_HELD;
	entry->held_by_queue = true;
	count_ready(entry, 1);
	fair_queue_add(&queue->held, stream_of(entry), &entry->fair);
	next_rate_release = Min(next_rate_release, queue_limit_next_token(queue));
	return false;
}

RunEntry *
run_queue_take(RoleRuns *queue)
{
	while (queue->nready > 0)
	{
		RunEntry   *entry = take_turn(&queue->ready);

		count_removed(queue, entry);
		if (!may_run(entry))
		{
			hold(entry);
			continue;
		}
		if (!take_room(entry))
			continue;
		set_dispatched(entry);
		return entry;
	}
	return NULL;
}

void
run_queue_untake(RunEntry *entry)
{
	const QueueLimits *limits = &entry->queue->limits;

	fair_queue_return_turn(&entry->role_runs->ready, stream_of(entry), entry->run.turn);
	if (limits->rate_limit > 0)
		entry->queue->tokens = Min(entry->queue->tokens + 1, limits->rate_limit);
	run_queue_put_back(entry, NULL);
}

RoleRuns *
run_queue_next_role(RoleRuns *queue)
{
	if (queue == NULL)
		return dlist_is_empty(&ready_roles) ? NULL :
			dlist_head_element(RoleRuns, node, &ready_roles);
	return dlist_has_next(&ready_roles, &queue->node) ?
		dlist_container(RoleRuns, node, dlist_next_node(&ready_roles, &queue->node)) :
		NULL;
}

int64
run_queue_ready_count(void)
{
	return nready;
}

int64
run_queue_count(void)
{
	return hash_get_num_entries(runs);
}

void
run_queue_foreach(void (*callback) (RunEntry *entry, void *arg), void *arg)
{
	HASH_SEQ_STATUS status;
	RunEntry   *entry;

	hash_seq_init(&status, runs);
	while ((entry = hash_seq_search(&status)) != NULL)
		callback(entry, arg);
}

void
run_queue_foreach_queue(void (*callback) (JobQueue *queue, void *arg), void *arg)
{
	HASH_SEQ_STATUS status;
	JobQueue   *queue;

	hash_seq_init(&status, queues);
	while ((queue = hash_seq_search(&status)) != NULL)
		callback(queue, arg);
}

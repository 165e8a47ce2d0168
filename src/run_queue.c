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

#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "guc.h"
#include "run_queue.h"

static MemoryContext queue_context = NULL;
static HTAB *runs = NULL;
static HTAB *roles = NULL;
static pairingheap *waiting = NULL;
static dlist_head ready_roles;	/* RoleQueue with ready runs */
static int	nsuspects = 0;		/* dispatched runs with crashes > 0 */
static bool suspect_left = false;	/* the next suspect may go */

/* pairingheap keeps the greatest on top: "greater" is "goes first". */
static int
compare_ready(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const RunEntry *run_a = pairingheap_const_container(RunEntry, node, a);
	const RunEntry *run_b = pairingheap_const_container(RunEntry, node, b);

	return run_precedes(&run_a->run, &run_b->run) ? 1 : -1;
}

static int
compare_waiting(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const RunEntry *run_a = pairingheap_const_container(RunEntry, node, a);
	const RunEntry *run_b = pairingheap_const_container(RunEntry, node, b);

	if (run_a->run.due_at == run_b->run.due_at)
		return 0;
	return run_a->run.due_at < run_b->run.due_at ? 1 : -1;
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
	ctl.entrysize = sizeof(RoleQueue);
	roles = hash_create("pg_scheduler roles", 16, &ctl,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	waiting = pairingheap_allocate(compare_waiting, NULL);
	dlist_init(&ready_roles);
	nsuspects = 0;
	MemoryContextSwitchTo(oldcontext);
}

void
run_queue_reset(void)
{
	MemoryContextDelete(queue_context);
	run_queue_init();
}

RoleQueue *
run_queue_of_role(Oid role)
{
	bool		found;
	RoleQueue  *queue = hash_search(roles, &role, HASH_ENTER, &found);

	if (!found)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(queue_context);

		queue->ready = pairingheap_allocate(compare_ready, NULL);
		queue->nready = 0;
		queue->starved_since = DT_NOEND;
		queue->listed = false;
		MemoryContextSwitchTo(oldcontext);
	}
	return queue;
}

static void
add_to_ready(RunEntry *entry)
{
	RoleQueue  *queue = run_queue_of_role(entry->run.owner);

	entry->state = RUN_STATE_READY;
	pairingheap_add(queue->ready, &entry->node);
	queue->nready++;
	if (!queue->listed)
	{
		dlist_push_tail(&ready_roles, &queue->node);
		queue->listed = true;
	}
}

static void
remove_from_ready(RoleQueue *queue, RunEntry *entry)
{
	pairingheap_remove(queue->ready, &entry->node);
	if (--queue->nready == 0)
	{
		dlist_delete(&queue->node);
		queue->listed = false;
		queue->starved_since = DT_NOEND;
	}
}

/* Where a run that is not dispatched belongs. */
static void
place(RunEntry *entry)
{
	if (entry->run.due_at > clock_now())
	{
		entry->state = RUN_STATE_WAITING;
		entry->job->nwaiting++;
		pairingheap_add(waiting, &entry->node);
	}
	else
		add_to_ready(entry);
}

/* Take a run from where it is; it is nowhere then. */
static void
displace(RunEntry *entry)
{
	switch (entry->state)
	{
		case RUN_STATE_WAITING:
			pairingheap_remove(waiting, &entry->node);
			entry->job->nwaiting--;
			break;
		case RUN_STATE_READY:
			remove_from_ready(run_queue_of_role(entry->run.owner), entry);
			break;
		case RUN_STATE_HELD:
			dlist_delete(&entry->held_node);
			break;
		case RUN_STATE_DISPATCHED:
			entry->job->ndispatched--;
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
	entry->unrecorded = 0;
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
	entry->job->nruns--;
	hash_search(runs, &entry->run_id, HASH_REMOVE, NULL);
}

void
run_queue_put_back(RunEntry *entry, const Run *as)
{
	displace(entry);
	if (as != NULL)
		entry->run = *as;
	place(entry);
}

static void
set_dispatched(RunEntry *entry)
{
	entry->state = RUN_STATE_DISPATCHED;
	entry->job->ndispatched++;
	if (entry->run.crashes > 0)
		nsuspects++;
}

void
run_queue_adopt(RunEntry *entry)
{
	displace(entry);
	set_dispatched(entry);
}

void
run_queue_release(JobEntry *job)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &job->held)
	{
		RunEntry   *entry = dlist_container(RunEntry, held_node, iter.cur);

		/* resumed after it was paused for its crashes: one more try */
		if (job->job.active && entry->run.crashes >= pg_scheduler_crash_limit)
			entry->run.crashes = 1;
		dlist_delete(&entry->held_node);
		add_to_ready(entry);
	}
}

static void
release_suspect(RunEntry *entry, void *arg)
{
	if (entry->state == RUN_STATE_HELD && entry->run.crashes > 0)
		run_queue_release(entry->job);
}

TimestampTz
run_queue_wake(TimestampTz now)
{
	if (suspect_left)
	{
		suspect_left = false;
		run_queue_foreach(release_suspect, NULL);
	}
	while (!pairingheap_is_empty(waiting))
	{
		RunEntry   *entry = pairingheap_container(RunEntry, node,
												  pairingheap_first(waiting));

		if (entry->run.due_at > now)
			return entry->run.due_at;
		displace(entry);
		add_to_ready(entry);
	}
	return DT_NOEND;
}

/*
 * May this run be executed now?  Runs that were part of a crash go one at a
 * time, so that the next crash tells which of them it was.
 */
static bool
may_run(const RunEntry *entry)
{
	const JobEntry *job = entry->job;

	if (!job->job.active && entry->run.trigger == TRIGGER_SCHEDULE)
		return false;
	if (entry->run.crashes > 0 && nsuspects > 0)
		return false;
	return job->ndispatched < job_cache_concurrency(job);
}

static void
hold(RunEntry *entry)
{
	entry->state = RUN_STATE_HELD;
	dlist_push_tail(&entry->job->held, &entry->held_node);
}

RunEntry *
run_queue_take(RoleQueue *queue)
{
	while (queue->nready > 0)
	{
		RunEntry   *entry = pairingheap_container(RunEntry, node,
												  pairingheap_first(queue->ready));

		remove_from_ready(queue, entry);
		if (!may_run(entry))
		{
			hold(entry);
			continue;
		}
		set_dispatched(entry);
		return entry;
	}
	return NULL;
}

RoleQueue *
run_queue_next_role(RoleQueue *queue)
{
	if (queue == NULL)
		return dlist_is_empty(&ready_roles) ? NULL :
			dlist_head_element(RoleQueue, node, &ready_roles);
	return dlist_has_next(&ready_roles, &queue->node) ?
		dlist_container(RoleQueue, node, dlist_next_node(&ready_roles, &queue->node)) :
		NULL;
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

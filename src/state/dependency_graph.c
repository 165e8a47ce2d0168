/*-------------------------------------------------------------------------
 *
 * dependency_graph.c
 *	  What depends on what, and who has to wait.
 *
 * See dependency_graph.h.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/cycle.h"
#include "base/guc.h"
#include "base/process.h"
#include "shared/shmem.h"
#include "state/dependency_graph.h"

/* Of a name in a reason, at most this number of bytes. */
#define NAME_IN_REASON	100

StaticAssertDecl(sizeof(DependencyVertex) == sizeof(int64) + NAMEDATALEN,
				 "a hash key has no padding");

static MemoryContext edge_context = NULL;	/* lists and strings of nodes */
static HTAB *nodes = NULL;		/* NULL: there are none */
static bool to_load = true;
static bool to_evaluate = false;
static TimestampTz next_timeout = DT_NOEND;

void
dependency_graph_init(void)
{
	edge_context = AllocSetContextCreate(TopMemoryContext, "pg_scheduler dependencies",
										 ALLOCSET_DEFAULT_SIZES);
}

static DependencyNode *
find_node(const DependencyVertex *end)
{
	return nodes == NULL ? NULL : hash_search(nodes, end, HASH_FIND, NULL);
}

static DependencyNode *
find_job(int64 job_id)
{
	DependencyVertex end = {.job_id = job_id};

	return find_node(&end);
}

static DependencyNode *
find_queue(const char *queue)
{
	DependencyVertex end = {0};

	strlcpy(end.queue, queue, NAMEDATALEN);
	return find_node(&end);
}

void
dependency_graph_reload(void)
{
	to_load = true;
}

void
dependency_graph_job_changed(int64 job_id)
{
	if (find_job(job_id) != NULL)
		to_load = true;
}

void
dependency_graph_queues_changed(void)
{
	if (nodes != NULL)
		to_load = true;
}

/*
 * Load
 */

static void
create_nodes(void)
{
	HASHCTL		ctl = {.keysize = sizeof(DependencyVertex), .entrysize = sizeof(DependencyNode)};

	ctl.hcxt = TopMemoryContext;
	nodes = hash_create("pg_scheduler dependencies", 16, &ctl,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* A queue begins to run: it waits from now on, if it has to. */
static void
start_queue(DependencyNode *node)
{
	node->wait = NOT_BLOCKED;
	node->starting = true;
}

static void
load_node(const DependencyNodeRow *row, void *arg)
{
	bool		found;
	DependencyNode *node;
	MemoryContext oldcontext = MemoryContextSwitchTo(edge_context);

	if (nodes == NULL)
		create_nodes();
	node = hash_search(nodes, &row->end, HASH_ENTER, &found);
	if (!found)
	{
		memset((char *) node + sizeof(DependencyVertex), 0,
			   sizeof(DependencyNode) - sizeof(DependencyVertex));
		node->own = row->own;
	}
	if (!dependency_is_job(node) && row->enabled && !node->enabled)
		start_queue(node);
	node->present = true;
	node->job_name = row->job_name ? pstrdup(row->job_name) : NULL;
	node->owner = row->owner;
	node->queue = row->queue ? pstrdup(row->queue) : NULL;
	node->enabled = row->enabled;
	node->start_timeout = row->start_timeout;
	node->administrative = row->administrative;
	MemoryContextSwitchTo(oldcontext);
}

static void
load_edge(const DependencyVertex *dependent, const DependencyVertex *target, void *arg)
{
	DependencyNode *from = find_node(dependent);
	DependencyNode *to = find_node(target);
	MemoryContext oldcontext = MemoryContextSwitchTo(edge_context);

	/* a row that was committed between the two scans comes with a change */
	if (from != NULL && to != NULL)
	{
		from->targets = lappend(from->targets, to);
		to->dependents = lappend(to->dependents, from);
	}
	MemoryContextSwitchTo(oldcontext);
}

/* Forget what has no dependency any more, and is none. */
static void
forget_gone_nodes(DependencyVisitor gone)
{
	HASH_SEQ_STATUS status;
	DependencyNode *node;
	List	   *list = NIL;
	ListCell   *lc;

	hash_seq_init(&status, nodes);
	while ((node = hash_seq_search(&status)) != NULL)
		if (!node->present)
			list = lappend(list, node);
	foreach(lc, list)
	{
		node = lfirst(lc);
		node->wait = NOT_BLOCKED;
		node->reason[0] = '\0';
		gone(node);
		hash_search(nodes, &node->end, HASH_REMOVE, NULL);
	}
	list_free(list);
	if (hash_get_num_entries(nodes) > 0)
		return;
	hash_destroy(nodes);
	nodes = NULL;
}

/* Names of nodes that are forgotten are needed until then. */
bool
dependency_graph_load(DependencyVisitor gone)
{
	HASH_SEQ_STATUS status;
	DependencyNode *node;
	MemoryContext before = edge_context;
	MemoryContext caller = CurrentMemoryContext;
	bool		result;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	if (!to_load)
		return false;
	if (nodes != NULL)
	{
		hash_seq_init(&status, nodes);
		while ((node = hash_seq_search(&status)) != NULL)
		{
			node->present = false;
			node->targets = node->dependents = NIL;
		}
	}
	dependency_graph_init();
	cycle_start_transaction();
	query_scan_dependency_nodes(load_node, NULL);
	if (nodes != NULL)
		query_scan_dependencies(load_edge, NULL);
	cycle_commit_transaction();
	MemoryContextSwitchTo(caller);
	result = nodes != NULL;
	if (result)
		forget_gone_nodes(gone);
	MemoryContextDelete(before);
	to_load = false;
	to_evaluate = nodes != NULL;
	if (nodes == NULL)
		next_timeout = DT_NOEND;
	return result;
}

/*
 * Evaluate
 */

/* Must what depends on something in this state wait? */
static bool
holds(HealthState state)
{
	return state != HEALTH_HEALTHY && state != HEALTH_DEGRADED;
}

/* A job that is not of the same owner has no name. */
static void
set_reason(DependencyNode *node, const DependencyNode *target)
{
	const char *name = dependency_is_job(target) ? target->job_name : target->end.queue;
	int			length = pg_mbcliplen(name, strlen(name), NAME_IN_REASON);
	const char *state = health_state_name(target->state);
	char		reason[HEALTH_REASON_LENGTH];

	if (!dependency_is_job(target))
		snprintf(reason, sizeof(reason), "depends on queue \"%.*s\", which is %s",
				 length, name, state);
	else if (target->owner == node->owner)
		snprintf(reason, sizeof(reason), "depends on job \"%.*s\", which is %s",
				 length, name, state);
	else
		snprintf(reason, sizeof(reason), "depends on job " INT64_FORMAT ", which is %s",
				 target->end.job_id, state);
	memcpy(node->reason, reason, sizeof(reason));
}

/* The first target that holds a node, or NULL. */
static const DependencyNode *
find_obstacle(const DependencyNode *node)
{
	ListCell   *lc;

	foreach(lc, node->targets)
	{
		const DependencyNode *target = lfirst(lc);

		if (holds(target->state))
			return target;
	}
	return NULL;
}

/* Move a queue on in the diagram at the head of this file. */
static void
advance_wait(DependencyNode *node, bool obstacle, TimestampTz now)
{
	if (!obstacle)
	{
		node->wait = NOT_BLOCKED;
		node->starting = false;
		return;
	}
	if (node->wait == NOT_BLOCKED)
	{
		node->wait = BLOCKED;
		node->blocked_since = now;
	}
	if (dependency_is_job(node) || node->wait == GONE_ON)
		return;
	if (now - node->blocked_since >= node->start_timeout)
		node->wait = GONE_ON;
	else
		next_timeout = Min(next_timeout, node->blocked_since + node->start_timeout);
}

/* What those who depend on a node take it for */
static HealthState
state_of(const DependencyNode *node)
{
	HealthState own = shmem_monitoring() ? node->own : HEALTH_HEALTHY;

	if (dependency_is_job(node) && node->administrative != HEALTH_HEALTHY)
		return node->administrative;
	if (!dependency_is_job(node) && !node->enabled)
		return HEALTH_STOPPED;
	if (node->wait == BLOCKED)
		return node->starting ? HEALTH_STARTING : HEALTH_UNHEALTHY;
	if (own == HEALTH_UNHEALTHY)
		return own;
	return node->wait == GONE_ON ? HEALTH_DEGRADED : own;
}

static void
evaluate_node(DependencyNode *node, TimestampTz now, DependencyVisitor evaluated)
{
	char		reason[HEALTH_REASON_LENGTH];
	const DependencyNode *obstacle = find_obstacle(node);
	WaitState	wait = node->wait;

	memcpy(reason, node->reason, sizeof(reason));
	/* what is stopped has nothing to wait for */
	if (!dependency_is_job(node) && !node->enabled)
		obstacle = NULL;
	if (obstacle != NULL)
		set_reason(node, obstacle);
	else
		node->reason[0] = '\0';
	advance_wait(node, obstacle != NULL, now);
	node->state = state_of(node);
	node->changed = wait != node->wait || strcmp(reason, node->reason) != 0;
	evaluated(node);
}

/* Nodes whose targets have all been evaluated, and then those who need them. */
void
dependency_graph_evaluate(TimestampTz now, DependencyVisitor evaluated)
{
	HASH_SEQ_STATUS status;
	DependencyNode *node;
	List	   *ready = NIL;
	ListCell   *lc;

	if (nodes == NULL || (!to_evaluate && next_timeout > now))
		return;
	to_evaluate = false;
	next_timeout = DT_NOEND;
	hash_seq_init(&status, nodes);
	while ((node = hash_seq_search(&status)) != NULL)
	{
		node->nunknown = list_length(node->targets);
		if (node->nunknown == 0)
			ready = lappend(ready, node);
	}
	for (int i = 0; i < list_length(ready); i++)
	{
		node = list_nth(ready, i);
		evaluate_node(node, now, evaluated);
		foreach(lc, node->dependents)
		{
			DependencyNode *dependent = lfirst(lc);

			if (--dependent->nunknown == 0)
				ready = lappend(ready, dependent);
		}
	}
	list_free(ready);
}

TimestampTz
dependency_graph_next_time(void)
{
	return to_load || to_evaluate ? DT_NOBEGIN : next_timeout;
}

void
dependency_graph_start(void)
{
	HASH_SEQ_STATUS status;
	DependencyNode *node;

	if (nodes == NULL)
		return;
	hash_seq_init(&status, nodes);
	while ((node = hash_seq_search(&status)) != NULL)
		if (!dependency_is_job(node))
			start_queue(node);
	to_evaluate = true;
}

/*
 * What others ask, and say
 */

bool
dependency_graph_holds_job(int64 job_id)
{
	const DependencyNode *node = find_job(job_id);

	return node != NULL && node->wait == BLOCKED;
}

static void
note(DependencyNode *node, HealthState own)
{
	if (node == NULL || node->own == own)
		return;
	node->own = own;
	to_evaluate = true;
}

void
dependency_graph_note_job(int64 job_id, HealthState own)
{
	note(find_job(job_id), own);
}

void
dependency_graph_note_queue(const char *queue, HealthState own)
{
	note(find_queue(queue), own == HEALTH_UNHEALTHY ? own : HEALTH_HEALTHY);
}

const char *
dependency_graph_of_job(int64 job_id)
{
	const DependencyNode *node = find_job(job_id);

	return node != NULL && node->reason[0] != '\0' ? node->reason : NULL;
}

void
dependency_graph_of_queue(const char *queue, QueueWait *wait)
{
	const DependencyNode *node = find_queue(queue);

	memset(wait, 0, sizeof(*wait));
	if (node == NULL || node->reason[0] == '\0')
		return;
	wait->waits_for = node->reason;
	wait->starting = node->wait == BLOCKED && node->starting;
	wait->held = node->wait == BLOCKED;
}

/*-------------------------------------------------------------------------
 *
 * dependency_api.c
 *	  What a job or a queue depends on, as a user says it: depends_on.
 *
 * An array of "job:NAME", "job_id:ID" and "queue:NAME"; a name alone is that
 * of a job where a job depends on it, else that of a queue.  Names of jobs
 * are looked up among those of the owner; who wants another's job gives its
 * id, and must be allowed to see it.
 *
 * Dependencies must not form a cycle.  Not only what is said counts: a job
 * cannot run while its queue waits, and a queue is unhealthy when its jobs
 * are.  So there are three kinds of nodes:
 *
 *		a job		needs what it depends on, and that its queue runs
 *		a queue		runs when what it depends on is healthy
 *		a healthy	one runs, and its jobs are healthy
 *		queue
 *
 * What depends on a queue needs a healthy one.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "api/argument.h"
#include "api/dependency_api.h"
#include "api/edge_check.h"
#include "rules/name_list.h"
#include "table/job.h"
#include "table/query.h"
#include "table/query_dependency.h"
#include "table/rights.h"

/* Of a list in an error, the rest is only counted. */
#define MAX_LISTED	10

/*
 * Input
 */

static void
bad_target(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for \"%s\"", "depends_on"),
			 errdetail("%s", detail),
			 errhint("Example: depends_on => '{job:load, \"job:load, part 2\", job_id:42, queue:mail}'.")));
}

ArrayType *
dependency_argument(FunctionCallInfo fcinfo)
{
	Datum		value;

	if (argument_names(argument_texts(fcinfo, "reset"), "depends_on"))
		value = PointerGetDatum(construct_empty_array(TEXTOID));
	else if (!argument_get(fcinfo, "depends_on", TEXTARRAYOID, &value))
		return NULL;
	return DatumGetArrayTypeP(value);
}

static void
queue_target(const char *name, DependencyVertex *target)
{
	if (!query_lock_target_queue(name))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("queue \"%s\" does not exist", job_clip_text(name, NAMEDATALEN)),
				 errhint("The view scheduler.queues lists those that there are.")));
	strlcpy(target->queue, name, NAMEDATALEN);
}

static void
job_target_by_name(const char *name, Oid owner, DependencyVertex *target)
{
	Oid			job_owner;

	if (!query_lock_target(owner, name, &target->job_id, &job_owner))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job \"%s\" does not exist", job_clip_text(name, JOB_NAME_LENGTH)),
				 errhint("A job is found by name among those that \"%s\" owns; use \"job_id:ID\" for others.",
						 GetUserNameFromId(owner, false))));
}

/* May the owner of a job know how another's job is? */
static void
check_owner_sees(Oid owner, Oid job_owner, int64 job_id)
{
	if (!has_privs_of_role(owner, job_owner) && !rights_role_is_admin(owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" may not see job " INT64_FORMAT,
						GetUserNameFromId(owner, false), job_id),
				 errhint("The owner of a job must be a member of the owner of a job that it depends on.")));
}

static void
job_target_by_id(const char *text, Oid owner, DependencyVertex *target)
{
	Oid			job_owner;

	if (!name_list_job_id(text, &target->job_id))
		bad_target(psprintf("\"%s\" is not a job_id.", job_clip_text(text, 64)));
	if (!query_lock_target(InvalidOid, NULL, &target->job_id, &job_owner) ||
		!rights_can_see(job_owner))
		job_not_found(target->job_id);
	if (OidIsValid(owner))
		check_owner_sees(owner, job_owner, target->job_id);
}

/*
 * Understand one element.  "owner" is that of the job that depends on it, and
 * InvalidOid for a queue.
 */
static void
parse_target(const char *text, Oid owner, DependencyVertex *target)
{
	Oid			namespace = OidIsValid(owner) ? owner : GetUserId();
	TargetKind	kind = name_list_target(&text);

	memset(target, 0, sizeof(*target));
	if (kind == TARGET_JOB_ID)
		job_target_by_id(text, owner, target);
	else if (kind == TARGET_JOB || (kind == TARGET_UNSAID && OidIsValid(owner)))
		job_target_by_name(text, namespace, target);
	else
		queue_target(text, target);
}

/*
 * Names, for errors
 */

/* A job that the caller may not see has no name. */
static char *
describe(const DependencyVertex *end)
{
	char	   *name;
	char	   *queue;
	Oid			owner;

	if (end->job_id == 0)
		return psprintf("queue \"%s\"", end->queue);
	if (query_job_label(end->job_id, &name, &owner, &queue) && rights_can_see(owner))
		return psprintf("job \"%s\"", name);
	return pstrdup(job_subject(end->job_id));
}

/*
 * Cycles
 */

typedef struct CycleNode
{
	DependencyVertex end;
	bool		healthy_queue;	/* for those who depend on a queue */
	struct CycleNode *reached_from;
	const char *how;			/* "depends on", ... */
} CycleNode;

typedef struct Search
{
	const CycleNode *start;
	List	   *nodes;			/* CycleNode, in the order in which they were reached */
} Search;

static bool
same_node(const CycleNode *a, const CycleNode *b)
{
	return a->end.job_id == b->end.job_id && a->healthy_queue == b->healthy_queue &&
		strcmp(a->end.queue, b->end.queue) == 0;
}

/* "..., which depends on job "b"": the way from the start to a node */
static void
spell_way(StringInfo text, const CycleNode *node)
{
	if (node->reached_from == NULL)
	{
		appendStringInfoString(text, describe(&node->end));
		text->data[0] = pg_toupper((unsigned char) text->data[0]);
		return;
	}
	spell_way(text, node->reached_from);
	if (node->how == NULL)
		return;
	appendStringInfo(text, "%s%s %s",
					 node->reached_from->reached_from == NULL ? " " : ", which ",
					 node->how, describe(&node->end));
}

static void
report_cycle(const CycleNode *last)
{
	StringInfoData text;

	initStringInfo(&text);
	spell_way(&text, last);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("dependencies must not form a cycle"),
			 errdetail("%s.", text.data)));
}

static void
reach(Search *search, CycleNode *from, const DependencyVertex *end, bool healthy_queue,
	  const char *how)
{
	CycleNode *node = palloc0(sizeof(CycleNode));
	ListCell   *lc;

	node->end = *end;
	node->healthy_queue = healthy_queue;
	node->reached_from = from;
	node->how = how;
	if (same_node(node, search->start))
		report_cycle(node);
	foreach(lc, search->nodes)
		if (same_node(node, lfirst(lc)))
			return;
	search->nodes = lappend(search->nodes, node);
}

static void
reach_all(Search *search, CycleNode *from, List *ends, const char *how)
{
	ListCell   *lc;

	foreach(lc, ends)
	{
		const DependencyVertex *end = lfirst(lc);

		reach(search, from, end, end->job_id == 0, how);
	}
}

static void
reach_queue_of(Search *search, CycleNode *from)
{
	DependencyVertex end = {0};
	char	   *name;
	char	   *queue;
	Oid			owner;

	if (!query_job_label(from->end.job_id, &name, &owner, &queue))
		return;
	strlcpy(end.queue, queue, NAMEDATALEN);
	reach(search, from, &end, false, "is in");
}

/*
 * Everything that a node needs must not need it.  Most jobs are needed by
 * nothing.
 */
static void
refuse_cycle(const DependencyVertex *start)
{
	CycleNode *first = palloc0(sizeof(CycleNode));
	Search		search = {.start = first};

	if (start->job_id != 0 && !query_job_is_needed(start->job_id))
		return;
	first->end = *start;
	search.nodes = list_make1(first);
	for (int i = 0; i < list_length(search.nodes); i++)
	{
		CycleNode *node = list_nth(search.nodes, i);

		CHECK_FOR_INTERRUPTS();
		if (node->healthy_queue)
		{
			reach(&search, node, &node->end, false, NULL);
			reach_all(&search, node, query_dependents_in_queue(node->end.queue), "has");
			continue;
		}
		reach_all(&search, node, query_dependency_targets(&node->end), "depends on");
		if (node->end.job_id != 0)
			reach_queue_of(&search, node);
	}
}

/*
 * Definition
 */

static void
set_dependencies(const DependencyVertex *dependent, Oid owner, ArrayType *depends_on)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	query_delete_dependencies(dependent);
	deconstruct_array(depends_on, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		DependencyVertex target;

		if (nulls[i])
			bad_target("An element must not be NULL.");
		parse_target(TextDatumGetCString(elements[i]), owner, &target);
		query_insert_dependency(dependent, &target);
	}
	if (n == 0)
		return;
	refuse_cycle(dependent);
	edge_check_at_commit(refuse_cycle, dependent);
}

void
dependency_set_of_job(int64 job_id, Oid owner, ArrayType *depends_on)
{
	DependencyVertex dependent = {.job_id = job_id};

	if (depends_on != NULL)
		set_dependencies(&dependent, owner, depends_on);
	else if (query_has_dependencies() && query_job_has_dependencies(job_id))
	{
		query_delete_dependencies(&dependent);
		refuse_cycle(&dependent);
		edge_check_at_commit(refuse_cycle, &dependent);
	}
}

void
dependency_set_of_queue(const char *queue, ArrayType *depends_on)
{
	DependencyVertex dependent = {0};

	strlcpy(dependent.queue, queue, NAMEDATALEN);
	if (depends_on != NULL)
		set_dependencies(&dependent, InvalidOid, depends_on);
}

void
dependency_check_job(int64 job_id, Oid owner)
{
	DependencyVertex dependent = {.job_id = job_id};
	ListCell   *lc;

	if (!query_has_dependencies() || !query_job_has_dependencies(job_id))
		return;
	foreach(lc, query_dependency_targets(&dependent))
	{
		const DependencyVertex *target = lfirst(lc);
		char	   *name;
		char	   *queue;
		Oid			job_owner;

		if (target->job_id != 0 && query_job_label(target->job_id, &name, &job_owner, &queue))
			check_owner_sees(owner, job_owner, target->job_id);
	}
	refuse_cycle(&dependent);
	edge_check_at_commit(refuse_cycle, &dependent);
}

/*
 * Drop
 */

static void
refuse_drop(const DependencyVertex *target)
{
	List	   *dependents;
	StringInfoData detail;
	int			i = 0;
	ListCell   *lc;

	query_lock_vertex(target);
	dependents = query_dependency_dependents(target);
	if (dependents == NIL)
		return;
	initStringInfo(&detail);
	foreach(lc, dependents)
	{
		if (i++ == MAX_LISTED)
			break;
		appendStringInfo(&detail, "%s%s depends on %s.", i > 1 ? "\n" : "",
						 describe(lfirst(lc)), describe(target));
	}
	if (list_length(dependents) > MAX_LISTED)
		appendStringInfo(&detail, "\nand %d others do.", list_length(dependents) - MAX_LISTED);
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot drop %s because other objects depend on it", describe(target)),
			 errdetail_internal("%s", detail.data),
			 errhint("Take it out of their depends_on with scheduler.alter_job() or scheduler.alter_queue(), or drop them first.")));
}

void
dependency_refuse_drop_of_job(int64 job_id)
{
	DependencyVertex target = {.job_id = job_id};

	if (query_has_dependencies())
		refuse_drop(&target);
}

void
dependency_refuse_drop_of_queue(const char *queue)
{
	DependencyVertex target = {0};

	strlcpy(target.queue, queue, NAMEDATALEN);
	if (query_has_dependencies())
		refuse_drop(&target);
}

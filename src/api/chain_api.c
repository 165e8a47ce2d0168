/*-------------------------------------------------------------------------
 *
 * chain_api.c
 *	  What a job runs after, as a user gives it.
 *
 * Jobs are locked in the order in which they run last: a follower before those
 * that it runs after.  So two that change chains at the same time wait for each
 * other only where they would close a cycle, which edge_check.c sees to if they
 * do not meet.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "api/argument.h"
#include "api/chain_api.h"
#include "api/edge_check.h"
#include "api/job_definition.h"
#include "rules/name_list.h"
#include "table/query.h"
#include "table/query_chain.h"
#include "table/rights.h"
#include "table/row.h"
#include "table/store_chain.h"

static void
bad_option(const char *option, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for \"%s\"", option),
			 errdetail("%s", detail),
			 hint ? errhint("%s", hint) : 0));
}

void
chain_api_get(ChainOptions *options, FunctionCallInfo fcinfo, bool alter)
{
	List	   *reset = argument_texts(fcinfo, "reset");

	options->after = argument_text(fcinfo, "after");
	options->after_on = argument_text(fcinfo, "after_on");
	options->after_on_reset = argument_names(reset, "after_on");
	if (!alter || argument_names(reset, "after"))
		options->after = options->after ? options->after : "";
	if (options->after_on == NULL && (!alter || options->after_on_reset))
		options->after_on = "success";
	if (options->after_on != NULL && store_after_on_from_name(options->after_on) < 0)
		bad_option("after_on", psprintf("There is no \"%s\".", job_clip_text(options->after_on, 64)),
				   "Use one of success, failure, any.");
}

void
chain_api_define(const ChainOptions *options, JobDefinition *def)
{
	if (options->after != NULL)
		def->follows = options->after[0] != '\0';
	else if (options->after_on != NULL && !def->follows && !options->after_on_reset)
		bad_option("after_on", "The job runs after no others.",
				   "Give them with \"after\".");
}

/*
 * Names
 */

/* The names of jobs in a list that users give. */
static List *
split_names(const char *text)
{
	List	   *names = NIL;

	while (text != NULL)
	{
		NameProblem problem;
		char	   *name = name_list_next(&text, &problem);

		if (name == NULL)
			bad_option("after", problem.detail, problem.hint);
		names = lappend(names, name);
	}
	return names;
}

/*
 * A leader by its name: a job of the follower's owner, or else one of a role
 * whose privileges the owner has.  What it may not see does not exist.
 */
static bool
find_leader(Oid owner, const char *name, int64 *job_id)
{
	int64		found[2];
	int			n;

	if (query_find_job(owner, name, job_id))
		return true;
	n = query_find_job_of_others(owner, name, found);
	if (n > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("job name \"%s\" is not unique", name),
				 errdetail("Several roles that \"%s\" is a member of have a job of that name.",
						   GetUserNameFromId(owner, false))));
	*job_id = found[0];
	return n == 1;
}

static int
find_leaders(Oid owner, const char *after, int64 **leaders)
{
	List	   *names;
	ListCell   *lc;
	int			n = 0;

	*leaders = palloc(sizeof(int64));
	if (query_find_job(owner, after, *leaders))
		return 1;
	names = split_names(after);
	*leaders = repalloc(*leaders, list_length(names) * sizeof(int64));
	foreach(lc, names)
	{
		char	   *name = lfirst(lc);

		if (!find_leader(owner, name, &(*leaders)[n]))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("job \"%s\" does not exist", job_clip_text(name, JOB_NAME_LENGTH)),
					 errhint("A job can run after jobs of its owner \"%s\", and of roles that the owner is a member of.",
							 GetUserNameFromId(owner, false))));
		for (int i = 0; i < n; i++)
			if ((*leaders)[i] == (*leaders)[n])
				bad_option("after", psprintf("Job \"%s\" is named twice.", name), NULL);
		n++;
	}
	return n;
}

/*
 * Cycles
 */

static int
compare_ids(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/*
 * A job runs after "leader", which runs after the job: spell it.  All that run
 * after the job are in "downstream".
 */
static void
report_cycle(int64 job_id, int64 leader, const int64 *downstream, int n)
{
	char	   *job_name = query_job_name(job_id);
	char	   *path = job_name;
	int64		at = leader;

	/* from the end to the beginning */
	while (at != job_id)
	{
		int64	   *above;
		int			nabove = query_find_leaders(at, &above);
		int			i = 0;

		path = psprintf("%s -> %s", query_job_name(at), path);
		while (i < nabove - 1 &&
			   bsearch(&above[i], downstream, n, sizeof(int64), compare_ids) == NULL)
			i++;
		if (nabove == 0)
			elog(ERROR, "job " INT64_FORMAT " has lost its leaders", at);
		at = above[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("job \"%s\" would run after itself", job_name),
			 errdetail("The cycle is %s -> %s.", job_name, path)));
}

static void
check_cycle(int64 job_id, const int64 *leaders, int nleaders)
{
	int64	   *downstream;
	int			n = query_find_downstream(job_id, &downstream);

	for (int i = 0; i < nleaders; i++)
		if (bsearch(&leaders[i], downstream, n, sizeof(int64), compare_ids) != NULL)
			report_cycle(job_id, leaders[i], downstream, n);
}

static void
check_at_commit(const DependencyVertex *follower)
{
	int64	   *leaders;
	int			n = query_find_leaders(follower->job_id, &leaders);

	check_cycle(follower->job_id, leaders, n);
}

/*
 * Storing
 */

static void
store_leaders(const ChainOptions *options, Oid owner, int64 job_id)
{
	DependencyVertex follower = {.job_id = job_id};
	const char *after_on = options->after_on;
	int64	   *leaders;
	int			n = find_leaders(owner, options->after, &leaders);

	check_cycle(job_id, leaders, n);
	if (query_lock_leaders(leaders, n) != n)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("a job named in \"after\" does not exist any more"),
				 errdetail("It has been dropped, or is dropped with its only run.")));
	if (after_on == NULL)
		after_on = query_after_on(job_id);
	query_set_leaders(job_id, leaders, n, after_on ? after_on : "success");
	edge_check_at_commit(check_at_commit, &follower);
}

/* The owner of a follower may have changed. */
static void
check_owner(Oid owner, int64 job_id)
{
	int64	   *leaders;
	int			n = query_find_leaders(job_id, &leaders);

	for (int i = 0; i < n; i++)
	{
		Oid			leader_owner;

		if (query_find_job_owner(leaders[i], &leader_owner) &&
			!has_privs_of_role(owner, leader_owner))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("a job of role \"%s\" cannot run after job \"%s\"",
							GetUserNameFromId(owner, false), query_job_name(leaders[i])),
					 errhint("A job can run after jobs of its owner, and of roles that the owner is a member of.")));
	}
}

void
chain_api_store(const ChainOptions *options, const JobDefinition *def, int64 job_id)
{
	Oid			owner = DatumGetObjectId(def->values[JOB_OWNER - 1]);

	if (options->after != NULL && options->after[0] != '\0')
		store_leaders(options, owner, job_id);
	else if (options->after != NULL)
	{
		if (def->had_leaders)
			query_clear_leaders(job_id);
	}
	else if (def->follows)
	{
		check_owner(owner, job_id);
		if (options->after_on != NULL)
			query_set_after_on(job_id, options->after_on);
	}
}

/*
 * Dropping
 */

/* Of the jobs of others the caller learns no more than that they are there. */
static char *
list_followers(const int64 *followers, int n)
{
	StringInfoData list;
	int			hidden = 0;

	initStringInfo(&list);
	for (int i = 0; i < n; i++)
	{
		Oid			owner;

		if (query_find_job_owner(followers[i], &owner) && rights_can_see(owner))
			appendStringInfo(&list, "%sJob \"%s\" runs after it.", list.len ? "\n" : "",
							 query_job_name(followers[i]));
		else
			hidden++;
	}
	if (hidden > 0)
		appendStringInfo(&list, hidden == 1 ? "%s%d job of another role runs after it." :
						 "%s%d jobs of other roles run after it.",
						 list.len ? "\n" : "", hidden);
	return list.data;
}

void
chain_api_release_followers(int64 job_id, bool cascade)
{
	int64	   *followers;
	int			n;
	char	   *list;

	if (cascade)
		query_lock_followers(job_id);
	if (!query_lock_leader(job_id))
		return;
	n = query_find_followers(job_id, &followers);
	if (n == 0)
		return;
	list = list_followers(followers, n);
	if (!cascade)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop job \"%s\" because other jobs run after it",
						query_job_name(job_id)),
				 errdetail("%s", list),
				 errhint("Use alter_job() to change their \"after\", or cascade => true to have them run after it no more.")));
	ereport(NOTICE,
			(errmsg_plural("%d job runs after job \"%s\" no more",
						   "%d jobs run after job \"%s\" no more", n,
						   n, query_job_name(job_id)),
			 errdetail("%s", list)));
	query_drop_edges(job_id);
}

void
chain_api_job_dropped(Relation rel, HeapTuple tuple)
{
	TupleDesc	desc = RelationGetDescr(rel);
	bool		isnull;

	/* the trigger serves other tables too */
	if (strcmp(RelationGetRelationName(rel), "job") != 0)
		return;
	if (DatumGetBool(heap_getattr(tuple, JOB_LEADS, desc, &isnull)) ||
		DatumGetBool(heap_getattr(tuple, JOB_FOLLOWS, desc, &isnull)))
		query_drop_edges(DatumGetInt64(heap_getattr(tuple, JOB_JOB_ID, desc, &isnull)));
}

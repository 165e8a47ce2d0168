/*-------------------------------------------------------------------------
 *
 * query_dependency.c
 *	  The SQL about dependencies; one function a statement.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "table/query_dependency.h"
#include "table/query_exec.h"
#include "table/row.h"
#include "table/store.h"

bool
query_has_dependencies(void)
{
	Relation	rel = table_open(row_relation("dependency"), AccessShareLock);
	bool		result = RelationGetNumberOfBlocks(rel) > 0;

	table_close(rel, AccessShareLock);
	return result;
}

bool
query_job_has_dependencies(int64 job_id)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	return query_exists("SELECT FROM scheduler.dependency WHERE job_id = $1 OR on_job_id = $1"
						" LIMIT 1", &params);
}

bool
query_job_is_needed(int64 job_id)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	return query_exists("SELECT FROM scheduler.dependency WHERE on_job_id = $1 OR on_queue_name ="
						" (SELECT j.queue FROM scheduler.job j WHERE j.job_id = $1) LIMIT 1", &params);
}

/* As two parameters, of which one is NULL */
static void
add_end(Params *params, const DependencyVertex *end)
{
	query_add(params, INT8OID, Int64GetDatum(end->job_id), end->job_id == 0);
	query_add_text(params, end->job_id == 0 ? end->queue : NULL);
}

void
query_delete_dependencies(const DependencyVertex *dependent)
{
	Params		params = {0};

	add_end(&params, dependent);
	query_run("DELETE FROM scheduler.dependency WHERE job_id = $1 OR queue_name = $2",
			  &params);
}

void
query_insert_dependency(const DependencyVertex *dependent, const DependencyVertex *target)
{
	Params		params = {0};

	add_end(&params, dependent);
	add_end(&params, target);
	query_run("INSERT INTO scheduler.dependency"
			  " (job_id, queue_name, on_job_id, on_queue_name)"
			  " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", &params);
}

bool
query_lock_target(Oid owner, const char *job_name, int64 *job_id, Oid *job_owner)
{
	QueryFrame	frame;
	Params		params = {0};
	bool		isnull;
	bool		found;

	query_add_int64(&params, *job_id);
	query_add_oid(&params, owner);
	query_add_text(&params, job_name);
	query_enter(&frame);
	found = query_execute(job_name == NULL ?
						  "SELECT job_id, owner::oid FROM scheduler.job"
						  " WHERE job_id = $1 FOR SHARE" :
						  "SELECT job_id, owner::oid FROM scheduler.job"
						  " WHERE owner = $2::regrole AND job_name = $3 FOR SHARE",
						  &params) > 0;
	if (found)
	{
		*job_id = query_int64(0, 1);
		*job_owner = DatumGetObjectId(query_column(0, 2, &isnull));
	}
	query_leave(&frame);
	return found;
}

bool
query_lock_target_queue(const char *name)
{
	Params		params = {0};

	query_add_text(&params, name);
	return query_run("SELECT FROM scheduler.queue WHERE queue_name = $1 FOR KEY SHARE",
					 &params) > 0;
}

void
query_lock_vertex(const DependencyVertex *end)
{
	Params		params = {0};

	add_end(&params, end);
	query_run(end->job_id != 0 ?
			  "SELECT FROM scheduler.job WHERE job_id = $1 FOR UPDATE" :
			  "SELECT FROM scheduler.queue WHERE queue_name = $2 FOR UPDATE", &params);
}

/* Two columns: a job_id and the name of a queue, one of them NULL */
static void
read_end(int row, int attribute, DependencyVertex *end)
{
	bool		isnull;
	Datum		queue = query_column(row, attribute + 1, &isnull);

	memset(end, 0, sizeof(*end));
	end->job_id = query_int64(row, attribute);
	if (!isnull)
		strlcpy(end->queue, TextDatumGetCString(queue), NAMEDATALEN);
}

static List *
find_ends(const char *sql, const Params *params)
{
	MemoryContext caller = CurrentMemoryContext;
	QueryFrame	frame;
	List	   *result = NIL;
	int			n;

	query_enter(&frame);
	n = query_read(sql, params);
	for (int row = 0; row < n; row++)
	{
		DependencyVertex *end = MemoryContextAlloc(caller, sizeof(DependencyVertex));
		MemoryContext oldcontext;

		read_end(row, 1, end);
		oldcontext = MemoryContextSwitchTo(caller);
		result = lappend(result, end);
		MemoryContextSwitchTo(oldcontext);
	}
	query_leave(&frame);
	return result;
}

List *
query_dependency_targets(const DependencyVertex *dependent)
{
	Params		params = {0};

	add_end(&params, dependent);
	return find_ends("SELECT on_job_id, on_queue_name FROM scheduler.dependency"
					 " WHERE job_id = $1 OR queue_name = $2 ORDER BY 1, 2", &params);
}

List *
query_dependency_dependents(const DependencyVertex *target)
{
	Params		params = {0};

	add_end(&params, target);
	return find_ends("SELECT job_id, queue_name FROM scheduler.dependency"
					 " WHERE on_job_id = $1 OR on_queue_name = $2 ORDER BY 1, 2", &params);
}

List *
query_dependents_in_queue(const char *queue)
{
	Params		params = {0};

	query_add_text(&params, queue);
	return find_ends("SELECT DISTINCT d.job_id, NULL::text FROM scheduler.dependency d"
					 " JOIN scheduler.job j ON j.job_id = d.job_id WHERE j.queue = $1"
					 " ORDER BY 1", &params);
}

static char *
copy_text(MemoryContext context, int row, int attribute)
{
	bool		isnull;
	Datum		value = query_column(row, attribute, &isnull);

	return isnull ? NULL : MemoryContextStrdup(context, TextDatumGetCString(value));
}

bool
query_job_label(int64 job_id, char **name, Oid *owner, char **queue)
{
	MemoryContext caller = CurrentMemoryContext;
	QueryFrame	frame;
	Params		params = {0};
	bool		isnull;
	bool		found;

	query_add_int64(&params, job_id);
	query_enter(&frame);
	found = query_read("SELECT job_name, owner::oid, queue FROM scheduler.job"
					   " WHERE job_id = $1", &params) > 0;
	if (found)
	{
		*name = copy_text(caller, 0, 1);
		*owner = DatumGetObjectId(query_column(0, 2, &isnull));
		*queue = copy_text(caller, 0, 3);
	}
	query_leave(&frame);
	return found;
}

/*
 * For the scheduler
 */

typedef struct NodeScan
{
	DependencyNodeCallback callback;
	void	   *arg;
} NodeScan;

static void
node_row(int row, void *arg)
{
	NodeScan   *scan = arg;
	DependencyNodeRow node = {0};
	bool		isnull;
	Datum		owner;

	read_end(row, 1, &node.end);
	node.job_name = copy_text(CurrentMemoryContext, row, 3);
	owner = query_column(row, 4, &isnull);
	node.owner = isnull ? InvalidOid : DatumGetObjectId(owner);
	node.queue = copy_text(CurrentMemoryContext, row, 5);
	node.enabled = DatumGetBool(query_column(row, 6, &isnull));
	node.start_timeout = query_int64(row, 7);
	node.administrative = health_state_from_name(copy_text(CurrentMemoryContext, row, 8));
	node.own = health_state_from_name(copy_text(CurrentMemoryContext, row, 9));
	scan->callback(&node, scan->arg);
}

/*
 * A job whose schedule is over is judged by its last run, for nothing else
 * will ever come of it.
 */
void
query_scan_dependency_nodes(DependencyNodeCallback callback, void *arg)
{
	NodeScan	scan = {callback, arg};

	query_scan("SELECT j.job_id, NULL::text, j.job_name, j.owner::oid, j.queue,"
			   " true, 0::bigint,"
			   " CASE WHEN j.paused_at IS NOT NULL AND r.state = 'probing' THEN 'starting'"
			   " WHEN j.paused_at IS NOT NULL AND r.state IN ('open', 'given_up') THEN 'unhealthy'"
			   " WHEN j.paused_at IS NOT NULL OR NOT j.enabled THEN 'stopped'"
			   " ELSE 'healthy' END,"
			   " CASE WHEN s.finished AND s.schedule_version = j.schedule_version"
			   " AND s.consecutive_failures > 0 AND NOT EXISTS"
			   " (SELECT FROM scheduler.pending_run p WHERE p.job_id = j.job_id) THEN 'unhealthy'"
			   " ELSE COALESCE(h.own_state, 'healthy') END"
			   " FROM scheduler.job j"
			   " LEFT JOIN scheduler.job_state s ON s.job_id = j.job_id"
			   " LEFT JOIN scheduler.job_health_state h ON h.job_id = j.job_id"
			   " LEFT JOIN scheduler.job_recovery r ON r.job_id = j.job_id"
			   " WHERE j.job_id IN (SELECT d.job_id FROM scheduler.dependency d"
			   " UNION SELECT d.on_job_id FROM scheduler.dependency d)"
			   " UNION ALL"
			   " SELECT NULL, q.queue_name, NULL, NULL, NULL, q.enabled,"
			   " (extract(epoch FROM q.start_timeout) * 1000000)::bigint, 'healthy',"
			   " CASE WHEN h.state = 'unhealthy' AND h.waits_for IS NULL THEN h.state"
			   " ELSE 'healthy' END"
			   " FROM scheduler.queue q"
			   " LEFT JOIN scheduler.queue_health_state h ON h.queue_name = q.queue_name"
			   " WHERE q.queue_name IN (SELECT d.queue_name FROM scheduler.dependency d"
			   " UNION SELECT d.on_queue_name FROM scheduler.dependency d)",
			   NULL, node_row, &scan);
}

typedef struct EdgeScan
{
	DependencyCallback callback;
	void	   *arg;
} EdgeScan;

static void
edge_row(int row, void *arg)
{
	EdgeScan   *scan = arg;
	DependencyVertex dependent;
	DependencyVertex target;

	read_end(row, 1, &dependent);
	read_end(row, 3, &target);
	scan->callback(&dependent, &target, scan->arg);
}

void
query_scan_dependencies(DependencyCallback callback, void *arg)
{
	EdgeScan	scan = {callback, arg};

	query_scan("SELECT job_id, queue_name, on_job_id, on_queue_name"
			   " FROM scheduler.dependency ORDER BY on_job_id, on_queue_name",
			   NULL, edge_row, &scan);
}

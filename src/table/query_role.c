/*-------------------------------------------------------------------------
 *
 * query_role.c
 *	  The SQL about limits of roles; one function a statement.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "table/query_exec.h"
#include "table/query_role.h"
#include "table/row.h"

#define LIMITS \
	"SELECT role::oid, COALESCE(max_workers, -1)::bigint," \
	" COALESCE(max_waiting_runs, -1)::bigint, COALESCE(max_jobs, -1)::bigint," \
	" COALESCE(max_bytes, -1) FROM scheduler.role_limit"

bool
query_any_role_limits(void)
{
	Relation	rel = row_open_table("role_limit", AccessShareLock);
	bool		result = RelationGetNumberOfBlocks(rel) > 0;

	table_close(rel, AccessShareLock);
	return result;
}

static void
fill(int row, RoleLimits *limits)
{
	limits->role = query_oid(row, 1);
	for (int i = 0; i < ROLE_RESOURCES; i++)
		limits->limits[i] = query_int64(row, 2 + i);
}

typedef struct LimitScan
{
	RoleLimitsCallback callback;
	void	   *arg;
} LimitScan;

static void
limits_row(int row, void *arg)
{
	LimitScan  *scan = arg;
	RoleLimits	limits;

	fill(row, &limits);
	scan->callback(&limits, scan->arg);
}

void
query_scan_role_limits(RoleLimitsCallback callback, void *arg)
{
	LimitScan	scan = {callback, arg};

	query_scan(LIMITS, NULL, limits_row, &scan);
}

bool
query_find_role_limits(Oid role, RoleLimits *limits)
{
	QueryFrame	frame;
	Params		params = {0};
	bool		result;

	query_add_oid(&params, role);
	query_enter(&frame);
	result = query_read(LIMITS " WHERE role::oid = $1", &params) > 0;
	if (result)
		fill(0, limits);
	query_leave(&frame);
	return result;
}

void
query_set_role_limits(const RoleLimits *limits)
{
	Params		params = {0};

	query_add_oid(&params, limits->role);
	for (int i = 0; i < ROLE_RESOURCES; i++)
		query_add_int64(&params, limits->limits[i]);
	query_run("INSERT INTO scheduler.role_limit"
			  " (role, max_workers, max_waiting_runs, max_jobs, max_bytes)"
			  " VALUES ($1::regrole, NULLIF($2, -1)::int, NULLIF($3, -1)::int,"
			  " NULLIF($4, -1)::int, NULLIF($5, -1)) ON CONFLICT (role) DO UPDATE SET"
			  " max_workers = EXCLUDED.max_workers,"
			  " max_waiting_runs = EXCLUDED.max_waiting_runs,"
			  " max_jobs = EXCLUDED.max_jobs, max_bytes = EXCLUDED.max_bytes", &params);
}

bool
query_delete_role_limits(Oid role)
{
	Params		params = {0};

	query_add_oid(&params, role);
	return query_run("DELETE FROM scheduler.role_limit WHERE role::oid = $1", &params) > 0;
}

int64
query_count_role(Oid role, RoleResource resource, int64 upto)
{
	static const char *const statements[ROLE_RESOURCES] = {
		[ROLE_WAITING_RUNS] = "SELECT pg_catalog.count(*) FROM"
		" (SELECT FROM scheduler.pending_run WHERE owner = $1 LIMIT $2 + 1) r",
		[ROLE_JOBS] = "SELECT pg_catalog.count(*) FROM (SELECT FROM scheduler.job"
		" WHERE owner = $1::regrole AND serves IS NULL LIMIT $2 + 1) j",
		[ROLE_BYTES] = "SELECT COALESCE(pg_catalog.sum("
		"COALESCE(pg_catalog.pg_column_size(command), 0)"
		" + COALESCE(pg_catalog.pg_column_size(args), 0)"
		" + COALESCE(pg_catalog.pg_column_size(settings), 0)"
		" + COALESCE(pg_catalog.pg_column_size(request), 0)), 0)::bigint"
		" FROM scheduler.job WHERE owner = $1::regrole AND $2 IS NOT NULL",
	};
	static SPIPlanPtr plans[ROLE_RESOURCES];
	QueryFrame	frame;
	Params		params = {0};
	int64		result;

	query_add_oid(&params, role);
	query_add_int64(&params, upto);
	query_enter(&frame);
	(void) query_execute_kept(&plans[resource], statements[resource], &params);
	result = query_int64(0, 1);
	query_leave(&frame);
	return result;
}

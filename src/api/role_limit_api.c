/*-------------------------------------------------------------------------
 *
 * role_limit_api.c
 *	  Limits of roles: what they may define and run.
 *
 * A limit is that of the role (scheduler.role_limit), or else that of the
 * setting.  What is counted is what the transaction sees: two that define at the
 * same time may exceed a limit by what both add.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "api/argument.h"
#include "api/role_limit_api.h"
#include "base/guc.h"
#include "table/query_role.h"
#include "table/rights.h"

PG_FUNCTION_INFO_V1(pg_scheduler_set_role_limits);
PG_FUNCTION_INFO_V1(pg_scheduler_reset_role_limits);

typedef struct Resource
{
	const char *argument;
	const char *what;			/* "it has 3 ..." */
} Resource;

static const Resource resources[ROLE_RESOURCES] = {
	[ROLE_WORKERS] = {"max_workers", "workers"},
	[ROLE_WAITING_RUNS] = {"max_waiting_runs", "runs that are not over"},
	[ROLE_JOBS] = {"max_jobs", "jobs"},
	[ROLE_BYTES] = {"max_bytes", "bytes of definitions"},
};

static Oid
role_argument(FunctionCallInfo fcinfo)
{
	argument_require(fcinfo, 0, "role");
	(void) GetUserNameFromId(PG_GETARG_OID(0), false);
	return PG_GETARG_OID(0);
}

Datum
pg_scheduler_set_role_limits(PG_FUNCTION_ARGS)
{
	RoleLimits	limits;

	rights_require_admin("set_role_limits");
	limits.role = role_argument(fcinfo);
	for (int i = 0; i < ROLE_RESOURCES; i++)
	{
		limits.limits[i] = PG_ARGISNULL(i + 1) ? -1 :
			i == ROLE_BYTES ? PG_GETARG_INT64(i + 1) : PG_GETARG_INT32(i + 1);
		if (!PG_ARGISNULL(i + 1) && limits.limits[i] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" must not be negative", resources[i].argument),
					 errhint("Use 0 for no limit, and NULL for the one of pg_scheduler.%s_per_role.",
							 resources[i].argument)));
	}
	query_set_role_limits(&limits);
	PG_RETURN_VOID();
}

Datum
pg_scheduler_reset_role_limits(PG_FUNCTION_ARGS)
{
	rights_require_admin("reset_role_limits");
	PG_RETURN_BOOL(query_delete_role_limits(role_argument(fcinfo)));
}

static int64
setting_of(RoleResource resource)
{
	switch (resource)
	{
		case ROLE_WAITING_RUNS:
			return pg_scheduler_max_waiting_runs_per_role;
		case ROLE_JOBS:
			return pg_scheduler_max_jobs_per_role;
		case ROLE_BYTES:
			return (int64) pg_scheduler_max_bytes_per_role * 1024;
		case ROLE_WORKERS:
			break;				/* the scheduler's */
	}
	return 0;
}

/* "added": what is not counted yet */
static void
check(const RoleLimits *limits, Oid role, RoleResource resource, int64 added)
{
	int64		limit = limits == NULL || limits->limits[resource] < 0 ? setting_of(resource) :
		limits->limits[resource];
	int64		used;

	if (limit == 0)
		return;
	used = query_count_role(role, resource, limit);
	if (used + added > limit)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("role \"%s\" has reached a limit: %s", GetUserNameFromId(role, false),
						resources[resource].argument),
				 errdetail("It would have " INT64_FORMAT " %s; the limit is " INT64_FORMAT ".",
						   used + added, resources[resource].what, limit),
				 errhint("See scheduler.role_limits, scheduler.set_role_limits() and pg_scheduler.%s_per_role.",
						 resources[resource].argument)));
}

/* The limits of a role itself; NULL: it has none. */
static const RoleLimits *
find_limits(Oid role, RoleLimits *limits)
{
	return query_any_role_limits() && query_find_role_limits(role, limits) ? limits : NULL;
}

void
role_limit_check_jobs(Oid role)
{
	RoleLimits	own;
	const RoleLimits *limits = find_limits(role, &own);

	check(limits, role, ROLE_JOBS, 0);
	check(limits, role, ROLE_BYTES, 0);
}

void
role_limit_check_runs(Oid role)
{
	RoleLimits	own;

	check(find_limits(role, &own), role, ROLE_WAITING_RUNS, 1);
}

/*-------------------------------------------------------------------------
 *
 * query_role.h
 *	  The SQL about limits of roles; one function a statement.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_QUERY_ROLE_H
#define PG_SCHEDULER_QUERY_ROLE_H

/* What the limits are of */
typedef enum RoleResource
{
	ROLE_WORKERS,
	ROLE_WAITING_RUNS,
	ROLE_JOBS,
	ROLE_BYTES,
#define ROLE_RESOURCES (ROLE_BYTES + 1)
} RoleResource;

/* The limits of a role that has some of its own; -1: that of the setting */
typedef struct RoleLimits
{
	Oid			role;
	int64		limits[ROLE_RESOURCES]; /* 0: none */
} RoleLimits;

/* False: the table of limits is empty, which costs next to nothing to see. */
extern bool query_any_role_limits(void);

typedef void (*RoleLimitsCallback) (const RoleLimits *limits, void *arg);
extern void query_scan_role_limits(RoleLimitsCallback callback, void *arg);

/* False: the role has none of its own. */
extern bool query_find_role_limits(Oid role, RoleLimits *limits);

extern void query_set_role_limits(const RoleLimits *limits);
extern bool query_delete_role_limits(Oid role);

/* What a role uses; counting ends behind "upto". */
extern int64 query_count_role(Oid role, RoleResource resource, int64 upto);

#endif							/* PG_SCHEDULER_QUERY_ROLE_H */

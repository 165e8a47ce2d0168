/*-------------------------------------------------------------------------
 *
 * role_limit.c
 *	  How many workers a role may have, and how many runs.
 *
 * Where no role has a limit of its runs nothing is counted.  Where one has, all
 * runs are counted, ten times a second at most while some become due.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "flow/role_limit.h"
#include "shared/shmem.h"
#include "state/run_queue.h"
#include "table/query_role.h"

/* Runs are counted again after: 100 ms */
#define COUNT_INTERVAL	(100 * 1000)

typedef struct RoleEntry
{
	Oid			role;			/* hash key */
	RoleLimits	own;
	int64		nruns;
} RoleEntry;

static HTAB *roles = NULL;
static bool limited = false;	/* the runs of some role are, by itself */
static TimestampTz counted_at = DT_NOBEGIN;

static RoleEntry *
get_role(Oid role)
{
	bool		found;
	RoleEntry  *entry = hash_search(roles, &role, HASH_ENTER, &found);

	if (!found)
	{
		entry->nruns = 0;
		for (int i = 0; i < ROLE_RESOURCES; i++)
			entry->own.limits[i] = -1;
	}
	return entry;
}

static void
load_role(const RoleLimits *limits, void *arg)
{
	get_role(limits->role)->own = *limits;
	limited |= limits->limits[ROLE_WAITING_RUNS] > 0;
}

void
role_limit_load(void)
{
	HASHCTL		ctl = {.keysize = sizeof(Oid), .entrysize = sizeof(RoleEntry)};

	if (roles != NULL)
		hash_destroy(roles);
	roles = hash_create("pg_scheduler limits of roles", 16, &ctl, HASH_ELEM | HASH_BLOBS);
	limited = false;
	counted_at = DT_NOBEGIN;
	query_scan_role_limits(load_role, NULL);
}

/* The limit of a role: its own, or else that of a setting. */
static int64
limit_of(Oid role, RoleResource resource, int64 setting)
{
	const RoleEntry *entry = roles ? hash_search(roles, &role, HASH_FIND, NULL) : NULL;

	return entry == NULL || entry->own.limits[resource] < 0 ? setting :
		entry->own.limits[resource];
}

int
role_limit_all_but_one(void)
{
	return Max(scheduler_shared->nworkers - 1, 1);
}

int
role_limit_workers(Oid role)
{
	int			most = scheduler_shared->nworkers;
	int64		limit = limit_of(role, ROLE_WORKERS, pg_scheduler_max_workers_per_role);

	if (limit < 0)
		return role_limit_all_but_one();
	return limit == 0 ? most : (int) Min(limit, most);
}

static void
forget_count(void)
{
	HASH_SEQ_STATUS status;
	RoleEntry  *entry;

	hash_seq_init(&status, roles);
	while ((entry = hash_seq_search(&status)) != NULL)
		entry->nruns = 0;
}

static void
count_of_role(RunEntry *entry, void *arg)
{
	get_role(entry->run.owner)->nruns++;
}

bool
role_limit_is_full(Oid role, TimestampTz now)
{
	int64		limit;

	if (!limited && pg_scheduler_max_waiting_runs_per_role == 0)
		return false;
	limit = limit_of(role, ROLE_WAITING_RUNS, pg_scheduler_max_waiting_runs_per_role);
	if (limit == 0)
		return false;
	if (now - counted_at > COUNT_INTERVAL || counted_at == DT_NOBEGIN || counted_at > now)
	{
		forget_count();
		run_queue_foreach(count_of_role, NULL);
		counted_at = now;
	}
	return get_role(role)->nruns >= limit;
}

void
role_limit_add(Oid role)
{
	if (limited || pg_scheduler_max_waiting_runs_per_role > 0)
		get_role(role)->nruns++;
}

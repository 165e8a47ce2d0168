/*-------------------------------------------------------------------------
 *
 * query_hook.h
 *	  The SQL behind hooks and health checks; one function a statement.
 *
 * What query.h says of its functions holds for these.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_QUERY_HOOK_H
#define PG_SCHEDULER_QUERY_HOOK_H

#include "rules/hook_kind.h"

/* A row of job_hook; last_status is that of the hook's own job, or NULL. */
typedef void (*HookCallback) (int64 job_id, HookEvent event, int64 hook_job_id,
							  const char *last_status, void *arg);
extern void query_scan_hooks(HookCallback callback, void *arg);

/*
 * The start and stop hooks that have not been told whether their jobs are
 * live; of these jobs, or of all when there are none.
 */
typedef struct HookChange
{
	int64		job_id;
	HookEvent	event;
	int64		hook_job_id;
	bool		live;
} HookChange;
extern int	query_find_hook_changes(const int64 *job_ids, int n, HookChange **changes);

/*
 * Tell one.  False: the row is locked or gone.  *was_live is what it was told
 * before.
 */
extern bool query_tell_hook(const HookChange *change, bool *was_live);

/* After this all starts are told anew. */
extern void query_forget_starts(void);

/* What health checks have found; "failed": the run of the check was no success. */
typedef void (*CheckCallback) (int64 job_id, const bool *healthy, const char *error,
							   void *arg);
extern void query_scan_checks(const int64 *job_ids, const bool *failed, int n,
							  CheckCallback callback, void *arg);

/*
 * For the API
 */

extern void query_upsert_hook(int64 job_id, const char *event, int64 hook_job_id,
							  const char *query);
extern bool query_find_hook(int64 job_id, const char *event, int64 *hook_job_id);
extern bool query_write_check(int64 hook_job_id, const bool *healthy, TimestampTz now);

/* Say whom a job serves; NULL: nobody. */
extern void query_set_serves(int64 job_id, const char *serves);
extern bool query_job_serves(int64 job_id);

/* The hooks of a job go to its new owner. */
extern void query_move_hooks(int64 job_id, Oid owner);

#endif							/* PG_SCHEDULER_QUERY_HOOK_H */

/*-------------------------------------------------------------------------
 *
 * hook.h
 *	  SQL that serves a job: at its start and its stop, after a failure, and to
 *	  check its health.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HOOK_H
#define PG_SCHEDULER_HOOK_H

#include "shared/shmem.h"
#include "state/job_cache.h"
#include "table/store.h"

/* Hooks have been made or dropped, or nothing is known.  Outside a transaction. */
extern void hook_load(void);

/* A job has changed; 0: anything may have. */
extern void hook_changed(int64 job_id);

/*
 * Call the hooks of jobs that have become live or ceased to be, and look again
 * at runs that waited for hooks.  Outside of a transaction.  When to do so
 * again, or DT_NOEND.
 */
extern TimestampTz hook_step(TimestampTz now);

/* The end of an attempt, of whichever job.  Must not fail. */
extern void hook_outcome(const JobEntry *entry, const Outcome *outcome);

/* Read what health checks have found since.  In a transaction. */
extern void hook_read_checks(void);

/*
 * What the health check of a job says against it: words, or NULL.  "changed"
 * is set when that is other than when this was last asked.
 */
extern const char *hook_check_reason(int64 job_id, bool *changed);

#endif							/* PG_SCHEDULER_HOOK_H */

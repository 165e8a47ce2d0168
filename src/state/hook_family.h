/*-------------------------------------------------------------------------
 *
 * hook_family.h
 *	  Which job a hook serves, and which of them may run.
 *
 * A job and its hooks are a family.  A job and its hooks never run at the same
 * time, and a hook goes first.  The health check alone minds nobody and is
 * minded by nobody.
 *
 * The run queue asks here whether a run may begin, and says which runs have
 * moved; hook.c acts on it.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HOOK_FAMILY_H
#define PG_SCHEDULER_HOOK_FAMILY_H

#include "lib/ilist.h"

#include "rules/health_rules.h"
#include "rules/hook_kind.h"
#include "state/job_cache.h"

typedef struct HookFamily
{
	int64		job_id;			/* hash key: the job that is served */
	int64		hooks[HOOK_EVENTS]; /* ids of their jobs; 0: none */
	bool		dirty;			/* in the list of dirty ones: some run has moved */
	bool		changed;		/* the job may be live now, or not any more */
	dlist_node	node;
	bool		check_failed;	/* the last run of the check was no success */
	bool		check_stale;	/* what it has found has not been read */
	bool		check_known;	/* check_reason has been read */
	bool		check_changed;
	char		check_reason[HEALTH_REASON_LENGTH]; /* empty: nothing */
} HookFamily;

typedef struct HookMember
{
	int64		job_id;			/* hash key: the job of a hook */
	int64		serves;			/* job_id of its family */
	HookEvent	event;
} HookMember;

/* Forget all families. */
extern void hook_family_reset(void);

/* A job has a hook for an event. */
extern HookFamily *hook_family_add(int64 job_id, HookEvent event, int64 hook_job_id);

/* Is there any? */
extern bool hook_family_any(void);

/* All families, or those that are dirty and will then be clean, palloc'd. */
extern HookFamily **hook_family_list(int *n);
extern HookFamily **hook_family_take_dirty(int *n);

/* The family of a job that is served, and what the job of a hook is; or NULL. */
extern HookFamily *hook_family_find(int64 job_id);
extern HookMember *hook_family_find_member(int64 job_id);

/* Does this job serve another? */
extern bool hook_family_is_hook(int64 job_id);

/* May a run of this job begin, for all that hooks have to say? */
extern bool hook_family_admits(const JobEntry *entry);

/* A run of this job has gone from where it was. */
extern void hook_family_moved(int64 job_id);

/* Something of this family is to be looked at. */
extern void hook_family_set_dirty(HookFamily *family);

/* Has a hook of the family runs that are not over, other than health checks? */
extern bool hook_family_waits(const HookFamily *family);

/* Runs of a hook that are not over, and of these those that a worker has. */
extern int	hook_family_runs(const HookFamily *family, HookEvent event, int *dispatched);

/* Does any family wait for a hook? */
extern bool hook_family_pending(void);

#endif							/* PG_SCHEDULER_HOOK_FAMILY_H */

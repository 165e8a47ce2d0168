/*-------------------------------------------------------------------------
 *
 * hook_kind.h
 *	  The kinds of hooks that a job can have: the events they are for.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HOOK_KIND_H
#define PG_SCHEDULER_HOOK_KIND_H

typedef enum HookEvent
{
	HOOK_START,					/* the job has become live */
	HOOK_STOP,					/* it is live no longer */
	HOOK_CLEANUP,				/* an attempt did not succeed */
	HOOK_HEALTH_CHECK,			/* on a schedule of its own */
	HOOK_EVENTS
} HookEvent;

extern const char *hook_kind_name(HookEvent event);

/* What the job of a hook is called. */
extern const char *hook_kind_serves(HookEvent event);

/* -1: unknown */
extern int	hook_kind_from_name(const char *name);

#endif							/* PG_SCHEDULER_HOOK_KIND_H */

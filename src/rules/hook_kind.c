/*-------------------------------------------------------------------------
 *
 * hook_kind.c
 *	  The kinds of hooks that a job can have: the events they are for.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/hook_kind.h"
#include "rules/run.h"

static const char *const event_names[HOOK_EVENTS] = {
	[HOOK_START] = "start",
	[HOOK_STOP] = "stop",
	[HOOK_CLEANUP] = "cleanup",
	[HOOK_HEALTH_CHECK] = "health_check",
};

const char *
hook_kind_name(HookEvent event)
{
	return event_names[event];
}

int
hook_kind_from_name(const char *name)
{
	return run_find_name(event_names, HOOK_EVENTS, name);
}

const char *
hook_kind_serves(HookEvent event)
{
	static const char *const names[HOOK_EVENTS] = {
		[HOOK_START] = "start hook",
		[HOOK_STOP] = "stop hook",
		[HOOK_CLEANUP] = "cleanup hook",
		[HOOK_HEALTH_CHECK] = "health check",
	};

	return names[event];
}

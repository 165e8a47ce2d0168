/*-------------------------------------------------------------------------
 *
 * run.c
 *	  One attempt at one occurrence of a job, as it is handed around.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/run.h"

static const char *const status_names[] = {
	[RUN_QUEUED] = "queued",
	[RUN_RUNNING] = "running",
	[RUN_SUCCEEDED] = "succeeded",
	[RUN_FAILED] = "failed",
	[RUN_TIMED_OUT] = "timed_out",
	[RUN_CANCELLED] = "cancelled",
	[RUN_LOST] = "lost",
	[RUN_SKIPPED] = "skipped",
	[RUN_MISSED] = "missed",
};

StaticAssertDecl(lengthof(status_names) == RUN_MISSED + 1, "each status has a name");

static const char *const trigger_names[] = {
	[TRIGGER_SCHEDULE] = "schedule",
	[TRIGGER_MANUAL] = "manual",
	[TRIGGER_REDRIVE] = "redrive",
	[TRIGGER_CHAIN] = "after",
	[TRIGGER_RECOVERY] = "recovery",
	[TRIGGER_HOOK] = "hook",
};

StaticAssertDecl(lengthof(trigger_names) == TRIGGER_HOOK + 1, "each trigger has a name");

int
run_find_name(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

/* A name that a table has must be one of ours. */
static int
known_name(const char *const *names, int n, const char *name)
{
	int			result = run_find_name(names, n, name);

	if (result < 0)
		elog(ERROR, "unrecognized name \"%s\"", name);
	return result;
}

const char *
run_status_name(RunStatus status)
{
	return status_names[status];
}

RunStatus
run_status_from_name(const char *name)
{
	return known_name(status_names, lengthof(status_names), name);
}

bool
run_status_is_failure(RunStatus status)
{
	return status == RUN_FAILED || status == RUN_TIMED_OUT || status == RUN_LOST;
}

const char *
run_trigger_name(RunTrigger trigger)
{
	return trigger_names[trigger];
}

RunTrigger
run_trigger_from_name(const char *name)
{
	return known_name(trigger_names, lengthof(trigger_names), name);
}

bool
run_waits_for_resume(const Run *run)
{
	return run->trigger == TRIGGER_SCHEDULE || run->trigger == TRIGGER_CHAIN;
}

bool
run_precedes(const Run *a, const Run *b)
{
	if (a->priority != b->priority)
		return a->priority > b->priority;
	if (a->due_at != b->due_at)
		return a->due_at < b->due_at;
	return a->run_id < b->run_id;
}

bool
run_goes_before(const Run *a, const Run *b)
{
	if (a->queue_priority != b->queue_priority)
		return a->queue_priority > b->queue_priority;
	if (a->priority == b->priority && a->turn != b->turn)
		return a->turn < b->turn;
	return run_precedes(a, b);
}

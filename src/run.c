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

#include "run.h"

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

static const char *const trigger_names[] = {
	[TRIGGER_SCHEDULE] = "schedule",
	[TRIGGER_MANUAL] = "manual",
	[TRIGGER_REDRIVE] = "redrive",
	[TRIGGER_CHAIN] = "chain",
};

static int
find_name(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	elog(ERROR, "unrecognized name \"%s\"", name);
}

const char *
run_status_name(RunStatus status)
{
	return status_names[status];
}

RunStatus
run_status_from_name(const char *name)
{
	return find_name(status_names, lengthof(status_names), name);
}

const char *
run_trigger_name(RunTrigger trigger)
{
	return trigger_names[trigger];
}

RunTrigger
run_trigger_from_name(const char *name)
{
	return find_name(trigger_names, lengthof(trigger_names), name);
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

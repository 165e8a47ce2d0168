/*-------------------------------------------------------------------------
 *
 * alert_kind.c
 *	  The kinds of alerts, by number and by name.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "rules/alert_kind.h"

static const char *const kind_names[] = {
	[ALERT_JOB_FAILING] = "job_failing",
	[ALERT_FAILURE_RATE] = "failure_rate",
	[ALERT_TIMEOUTS] = "timeouts",
	[ALERT_LATE_START] = "late_start",
	[ALERT_DEPENDENCY_UNHEALTHY] = "dependency_unhealthy",
	[ALERT_DEAD_LETTER] = "dead_letter",
	[ALERT_JOB_WITHOUT_NEXT_TIME] = "job_without_next_time",
	[ALERT_QUEUE_BACKLOG] = "queue_backlog",
	[ALERT_WORKERS_EXHAUSTED] = "workers_exhausted",
	[ALERT_CONNECTIONS] = "connections",
	[ALERT_WORKER_RESTARTS] = "worker_restarts",
	[ALERT_MEMORY_GROWTH] = "memory_growth",
	[ALERT_SCHEDULER_STOPPED] = "scheduler_stopped",
};

/* Raised where their cause is met; only the last of them has a rule. */
static const char *const other_kinds[] = {
	"check", "crash_limit", "enqueue_failed", "given_up", "health_check", "hook_failed",
	"owner_dropped", "recording_failed", "repaired", "worker_slots_exhausted",
	"history_upkeep"
};

const char *
alert_kind_name(AlertKind kind)
{
	return kind_names[kind];
}

int
alert_kind_from_name(const char *name)
{
	for (int i = 0; i < ALERT_KINDS; i++)
		if (strcmp(kind_names[i], name) == 0)
			return i;
	return -1;
}

bool
alert_kind_is_known(const char *name)
{
	for (int i = 0; i < lengthof(other_kinds); i++)
		if (strcmp(other_kinds[i], name) == 0)
			return true;
	return alert_kind_from_name(name) >= 0;
}

char *
alert_kind_list(void)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < ALERT_KINDS; i++)
		appendStringInfo(&list, "%s, ", kind_names[i]);
	for (int i = 0; i < lengthof(other_kinds); i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", other_kinds[i]);
	return list.data;
}

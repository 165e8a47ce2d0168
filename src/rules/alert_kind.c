/*-------------------------------------------------------------------------
 *
 * alert_kind.c
 *	  The kinds of alerts, and the rules they have before anybody alters them.
 *
 * The view alert_rules shows the rules of this table as alter_alert_rule()
 * has left them.  A kind without a rule is always raised.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "rules/alert_kind.h"

#define NO_THRESHOLD	(-1)

static const AlertKindInfo kinds[] = {
	[ALERT_JOB_FAILED] = {"job_failed", ALERT_OF_JOB, "error",
	"a run of a job is over without success, and no later one has succeeded", NO_THRESHOLD},
	[ALERT_JOB_FAILING] = {"job_failing", ALERT_OF_JOB, "error",
	"a job failed this number of times in a row", 5},
	[ALERT_LONG_RUNNING] = {"long_running", ALERT_OF_JOB, "warning",
	"a run goes on for longer than the interval, and than this multiple of what 95 in 100 take", 3, 60,
	.lasts = true},
	[ALERT_NOT_RUN] = {"not_run", ALERT_OF_JOB, "warning",
	"this number of occurrences in a row were skipped or missed, over the interval at least", 3, 60},
	[ALERT_NO_SUCCESS] = {"no_success", ALERT_OF_JOB, "error",
	"no run of a job has succeeded for as long as its success_within", NO_THRESHOLD, .lasts = true},
	[ALERT_FAILURE_RATE] = {"failure_rate", ALERT_OF_JOB, "warning",
	"a larger share of the attempts of a job failed in the interval", 0.2, 300},
	[ALERT_TIMEOUTS] = {"timeouts", ALERT_OF_JOB, "warning",
	"this number of attempts of a job timed out in the interval of failure_rate", 1},
	[ALERT_LATE_START] = {"late_start", ALERT_OF_JOB, "warning",
	"a run of a job started more than this number of seconds late", 60},
	[ALERT_DEPENDENCY_UNHEALTHY] = {"dependency_unhealthy", ALERT_OF_JOB, "warning",
	"what a job or a queue depends on is neither healthy nor degraded", NO_THRESHOLD,
	.lasts = true},
	[ALERT_DEAD_LETTER] = {"dead_letter", ALERT_OF_JOB, "error",
	"a run of a job is out of retries, and was not redriven", NO_THRESHOLD},
	[ALERT_JOB_WITHOUT_NEXT_TIME] = {"job_without_next_time", ALERT_OF_SERVER, "error",
	"an active job has neither a next time nor a run", NO_THRESHOLD},
	[ALERT_QUEUE_BACKLOG] = {"queue_backlog", ALERT_OF_QUEUE, "warning",
	"more than this number of runs wait in a queue", 1000},
	[ALERT_WORKERS_EXHAUSTED] = {"workers_exhausted", ALERT_OF_SERVER, "warning",
	"for the interval all workers were busy while runs waited", NO_THRESHOLD, 60},
	[ALERT_CONNECTIONS] = {"connections", ALERT_OF_SERVER, "warning",
	"a larger share of max_connections is used", 0.9},
	[ALERT_WORKER_RESTARTS] = {"worker_restarts", ALERT_OF_SERVER, "error",
	"more than this number of workers died in the interval", 3, 600},
	[ALERT_MEMORY_GROWTH] = {"memory_growth", ALERT_OF_SERVER, "warning",
	"the memory of a worker did nothing but grow for the interval", NO_THRESHOLD, 900},
	[ALERT_SCHEDULER_STOPPED] = {"scheduler_stopped", ALERT_OF_SERVER, "warning",
	"the scheduler was stopped by scheduler.stop()", NO_THRESHOLD},
	[ALERT_CHECK] = {"check", ALERT_OF_CAUSE, "warning"},
	[ALERT_CLOCK_CHANGED] = {"clock_changed", ALERT_OF_CAUSE, "warning"},
	[ALERT_CRASH_LIMIT] = {"crash_limit", ALERT_OF_CAUSE, "critical"},
	[ALERT_ENQUEUE_FAILED] = {"enqueue_failed", ALERT_OF_CAUSE, "error"},
	[ALERT_GIVEN_UP] = {"given_up", ALERT_OF_CAUSE, "error"},
	[ALERT_HEALTH_CHECK] = {"health_check", ALERT_OF_JOB, "error", .lasts = true},
	[ALERT_HOOK_FAILED] = {"hook_failed", ALERT_OF_CAUSE, "error"},
	[ALERT_OWNER_DROPPED] = {"owner_dropped", ALERT_OF_CAUSE, "error"},
	[ALERT_RECORDING_FAILED] = {"recording_failed", ALERT_OF_CAUSE, "critical"},
	[ALERT_REPAIRED] = {"repaired", ALERT_OF_CAUSE, "warning"},
	[ALERT_WORKER_SLOTS_EXHAUSTED] = {"worker_slots_exhausted", ALERT_OF_CAUSE, "error"},
	[ALERT_HISTORY_UPKEEP] = {"history_upkeep", ALERT_OF_CAUSE, "error",
	"partitions of the history could not be made or dropped: retention is behind", NO_THRESHOLD},
	[ALERT_SCHEDULER_UNHEALTHY] = {"scheduler_unhealthy", ALERT_OF_CAUSE, "critical"},
	[ALERT_JUDGEMENT_FAILED] = {"judgement_failed", ALERT_OF_JOB, "error", .lasts = true},
	[ALERT_VERSION_MISMATCH] = {"version_mismatch", ALERT_OF_CAUSE, "critical"},
};

StaticAssertDecl(lengthof(kinds) == ALERT_KINDS, "each kind of alert has a row");
StaticAssertDecl(ALERT_KINDS <= 64, "kinds that are open are bits of a uint64");

const AlertKindInfo *
alert_kind(AlertKind kind)
{
	return &kinds[kind];
}

int
alert_kind_from_name(const char *name)
{
	for (int i = 0; i < ALERT_KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return i;
	return -1;
}

char *
alert_kind_list(void)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < ALERT_KINDS; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", kinds[i].name);
	return list.data;
}

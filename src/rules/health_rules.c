/*-------------------------------------------------------------------------
 *
 * health_rules.c
 *	  From facts to a state of health, with the reason in words.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/health_rules.h"

static const char *const state_names[] = {
	[HEALTH_HEALTHY] = "healthy",
	[HEALTH_DEGRADED] = "degraded",
	[HEALTH_UNHEALTHY] = "unhealthy",
	[HEALTH_STOPPED] = "stopped",
	[HEALTH_STARTING] = "starting",
	[HEALTH_STOPPING] = "stopping",
};

StaticAssertDecl(lengthof(state_names) == HEALTH_STOPPING + 1, "each state has a name");

const char *
health_state_name(HealthState state)
{
	return state_names[state];
}

HealthState
health_state_from_name(const char *name)
{
	for (int i = 0; i < lengthof(state_names); i++)
		if (strcmp(state_names[i], name) == 0)
			return (HealthState) i;
	return HEALTH_HEALTHY;
}

static void set_health(Health *health, HealthState state, const char *format,...)
			pg_attribute_printf(3, 4);

static void
set_health(Health *health, HealthState state, const char *format,...)
{
	va_list		args;

	health->state = state;
	health->rule = format;
	va_start(args, format);
	(void) vsnprintf(health->reason, sizeof(health->reason), format, args);
	va_end(args);
}

bool
health_rate_exceeded(const JobFacts *facts, const HealthLimits *limits)
{
	return limits->failure_rate > 0 &&
		facts->attempts >= Max(limits->min_attempts, 1) &&
		facts->failures > limits->failure_rate * facts->attempts;
}

bool
health_not_run(const JobFacts *facts, const HealthLimits *limits)
{
	return limits->not_run > 0 && facts->not_run >= limits->not_run &&
		facts->not_run_time >= limits->not_run_time;
}

/* What somebody has asked for, before what has come of it. */
static bool
administrative_state(const JobFacts *facts, Health *health)
{
	if (!facts->active && facts->running > 0)
		set_health(health, HEALTH_STOPPING, "the job is paused, and %d of its runs %s on",
				   facts->running, facts->running == 1 ? "goes" : "go");
	else if (!facts->active)
		set_health(health, HEALTH_STOPPED, "the job is paused");
	else if (facts->finished)
		set_health(health, HEALTH_STOPPED, "the schedule of the job is over");
	else if (!facts->planned)
		set_health(health, HEALTH_STARTING, "the scheduler has not planned the job yet");
	else if (facts->probing)
		set_health(health, HEALTH_STARTING, "a run is tried again after failures");
	else
		return false;
	return true;
}

/*
 * The reason is written when the state or its rule changes, not with each run:
 * it has numbers of limits, which stay true for as long as the state lasts.
 */
void
health_of_job(const JobFacts *facts, const HealthLimits *limits, Health *health)
{
	if (administrative_state(facts, health))
		return;
	if (facts->circuit_open)
		set_health(health, HEALTH_UNHEALTHY, "held back after %d consecutive failures",
				   facts->consecutive_failures);
	else if (limits->error_threshold > 0 &&
			 facts->consecutive_failures >= limits->error_threshold)
		set_health(health, HEALTH_UNHEALTHY, "%d or more consecutive failures", limits->error_threshold);
	else if (facts->check_failed)
		set_health(health, HEALTH_UNHEALTHY, "%.150s", facts->check_reason);
	else if (facts->waits_for != NULL)
		set_health(health, HEALTH_UNHEALTHY, "%s", facts->waits_for);
	else if (facts->no_success)
		set_health(health, HEALTH_UNHEALTHY, "no run has succeeded within its success_within");
	else if (facts->ended_badly)
		set_health(health, HEALTH_UNHEALTHY, "the last run of the job failed, and there will be no other");
	else if (!facts->has_next)
		set_health(health, HEALTH_UNHEALTHY, "the job has no next time");
	else if (facts->consecutive_failures > 0)
		set_health(health, HEALTH_DEGRADED, "the last attempt failed");
	else if (health_rate_exceeded(facts, limits))
		set_health(health, HEALTH_DEGRADED, "more than %g%% of the last attempts failed",
				   limits->failure_rate * 100);
	else if (limits->timeouts > 0 && facts->timeouts >= limits->timeouts)
		set_health(health, HEALTH_DEGRADED, "%d or more of the last attempts timed out", limits->timeouts);
	else if (facts->runs_long)
		set_health(health, HEALTH_DEGRADED, "a run goes on for too long");
	else if (health_not_run(facts, limits))
		set_health(health, HEALTH_DEGRADED, "%d or more occurrences in a row were skipped or missed",
				   limits->not_run);
	else if (facts->recycled > 0)
		set_health(health, HEALTH_DEGRADED, "a worker that ran it was replaced for its memory");
	else if (limits->lateness > 0 && facts->lateness > limits->lateness)
		set_health(health, HEALTH_DEGRADED, "the last run started more than %g seconds late",
				   limits->lateness / 1e6);
	else
		set_health(health, HEALTH_HEALTHY, "runs as planned");
}

void
health_of_queue(const QueueFacts *facts, const HealthLimits *limits, Health *health)
{
	const char *stopped = facts->restarting ? "the queue is being restarted" :
		"the queue is stopped";

	if (!facts->enabled && facts->running > 0)
		set_health(health, HEALTH_STOPPING, "%s, and %d %s on", stopped, facts->running,
				   facts->running == 1 ? "run goes" : "runs go");
	else if (!facts->enabled)
		set_health(health, HEALTH_STOPPED, "%s", stopped);
	else if (facts->held)
		set_health(health, facts->starting ? HEALTH_STARTING : HEALTH_UNHEALTHY, "%s",
				   facts->waits_for);
	else if (facts->jobs > 0 && facts->unhealthy_jobs * 2 > facts->jobs)
		set_health(health, HEALTH_UNHEALTHY, "%d of %d %s unhealthy", facts->unhealthy_jobs,
				   facts->jobs, facts->jobs == 1 ? "job is" : "jobs are");
	else if (facts->waits_for != NULL)
		set_health(health, HEALTH_DEGRADED, "goes on, but %s", facts->waits_for);
	else if (limits->backlog > 0 && facts->backlog > limits->backlog)
		set_health(health, HEALTH_DEGRADED, INT64_FORMAT " runs wait", facts->backlog);
	else if (facts->unhealthy_jobs > 0)
		set_health(health, HEALTH_DEGRADED, "%d of %d jobs %s unhealthy",
				   facts->unhealthy_jobs, facts->jobs,
				   facts->unhealthy_jobs == 1 ? "is" : "are");
	else
		set_health(health, HEALTH_HEALTHY, "runs as planned");
}

void
health_of_scheduler(const SchedulerFacts *facts, const HealthLimits *limits,
					Health *health)
{
	if (!facts->preloaded)
		set_health(health, HEALTH_STOPPED, "pg_scheduler is not in shared_preload_libraries");
	else if (facts->in_recovery)
		set_health(health, HEALTH_STOPPED, "the server is a standby");
	else if (facts->process && facts->unfit != NULL)
		set_health(health, HEALTH_UNHEALTHY, "%s", facts->unfit);
	else if (facts->stopped)
		set_health(health, HEALTH_STOPPED, "%s",
			facts->held ? facts->held : "stopped by scheduler.stop()");
	else if (facts->stop_requested)
		set_health(health, HEALTH_STOPPING, "%s waits for %d %s",
			facts->held ? facts->held : "scheduler.stop()", facts->workers_running,
			facts->workers_running == 1 ? "run" : "runs");
	else if (facts->restorer != 0)
		set_health(health, HEALTH_STOPPED, "process %d restores jobs; they run when it has ended, or is idle",
			facts->restorer);
	else if (facts->quiesced)
		set_health(health, HEALTH_STOPPED, "a command on the database or the extension is under way");
	else if (facts->error != NULL)
		set_health(health, HEALTH_UNHEALTHY, "the scheduler meets errors: %s", facts->error);
	else if (!facts->process && facts->missing)
		set_health(health, HEALTH_UNHEALTHY, "there is no scheduler process");
	else if (!facts->process)
		set_health(health, HEALTH_STARTING, "the scheduler is being started");
	else if (!facts->ready)
		set_health(health, HEALTH_STARTING, "the scheduler reads its jobs");
	else if (facts->waiting_for_standby > 0)
		set_health(health, HEALTH_UNHEALTHY, "%d %s for a synchronous standby that is not there",
			facts->waiting_for_standby,
			facts->waiting_for_standby == 1 ? "process waits" : "processes wait");
	else if (limits->backlog > 0 && facts->backlog > limits->backlog &&
			 facts->workers_running >= facts->max_workers)
		set_health(health, HEALTH_DEGRADED, "all %d workers are busy, and " INT64_FORMAT " runs wait",
			facts->max_workers, facts->backlog);
	else if (facts->memory_growing)
		set_health(health, HEALTH_DEGRADED, "the memory of a worker keeps growing");
	else
		set_health(health, HEALTH_HEALTHY, "runs as planned");
}

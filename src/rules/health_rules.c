/*-------------------------------------------------------------------------
 *
 * health_rules.c
 *	  From figures to a state of health, with the reason in words.
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

static void set(Health *health, HealthState state, const char *format,...)
			pg_attribute_printf(3, 4);

static void
set(Health *health, HealthState state, const char *format,...)
{
	va_list		args;

	health->state = state;
	health->rule = format;
	va_start(args, format);
	(void) vsnprintf(health->reason, sizeof(health->reason), format, args);
	va_end(args);
}

bool
health_rate_exceeded(const JobFigures *figures, const HealthLimits *limits)
{
	return limits->failure_rate > 0 &&
		figures->attempts >= Max(limits->min_attempts, 1) &&
		figures->failures > limits->failure_rate * figures->attempts;
}

bool
health_not_run(const JobFigures *figures, const HealthLimits *limits)
{
	return limits->not_run > 0 && figures->not_run >= limits->not_run &&
		figures->not_run_time >= limits->not_run_time;
}

/* What somebody has asked for, before what has come of it. */
static bool
administrative_state(const JobFigures *figures, Health *health)
{
	if (!figures->active && figures->running > 0)
		set(health, HEALTH_STOPPING, "the job is paused, and %d of its runs %s on",
			figures->running, figures->running == 1 ? "goes" : "go");
	else if (!figures->active)
		set(health, HEALTH_STOPPED, "the job is paused");
	else if (figures->finished)
		set(health, HEALTH_STOPPED, "the schedule of the job is over");
	else if (!figures->planned)
		set(health, HEALTH_STARTING, "the scheduler has not planned the job yet");
	else if (figures->probing)
		set(health, HEALTH_STARTING, "a run is tried again after failures");
	else
		return false;
	return true;
}

/*
 * The reason is written when the state or its rule changes, not with each run:
 * it has figures of limits, which stay true for as long as the state lasts.
 */
void
health_of_job(const JobFigures *figures, const HealthLimits *limits, Health *health)
{
	if (administrative_state(figures, health))
		return;
	if (figures->circuit_open)
		set(health, HEALTH_UNHEALTHY, "held back after %d consecutive failures",
			figures->consecutive_failures);
	else if (limits->error_threshold > 0 &&
			 figures->consecutive_failures >= limits->error_threshold)
		set(health, HEALTH_UNHEALTHY, "%d or more consecutive failures", limits->error_threshold);
	else if (figures->check_failed)
		set(health, HEALTH_UNHEALTHY, "%.150s", figures->check_reason);
	else if (figures->waits_for != NULL)
		set(health, HEALTH_UNHEALTHY, "%s", figures->waits_for);
	else if (figures->ended_badly)
		set(health, HEALTH_UNHEALTHY, "the last run of the job failed, and there will be no other");
	else if (!figures->has_next)
		set(health, HEALTH_UNHEALTHY, "the job has no next time");
	else if (figures->consecutive_failures > 0)
		set(health, HEALTH_DEGRADED, "the last attempt failed");
	else if (health_rate_exceeded(figures, limits))
		set(health, HEALTH_DEGRADED, "more than %g%% of the last attempts failed",
			limits->failure_rate * 100);
	else if (limits->timeouts > 0 && figures->timeouts >= limits->timeouts)
		set(health, HEALTH_DEGRADED, "%d or more of the last attempts timed out", limits->timeouts);
	else if (figures->runs_long)
		set(health, HEALTH_DEGRADED, "a run goes on for too long");
	else if (health_not_run(figures, limits))
		set(health, HEALTH_DEGRADED, "%d or more occurrences in a row were skipped or missed",
			limits->not_run);
	else if (figures->recycled > 0)
		set(health, HEALTH_DEGRADED, "a worker that ran it was replaced for its memory");
	else if (limits->lateness > 0 && figures->lateness > limits->lateness)
		set(health, HEALTH_DEGRADED, "the last run started more than %g seconds late",
			limits->lateness / 1e6);
	else
		set(health, HEALTH_HEALTHY, "runs as planned");
}

void
health_of_queue(const QueueFigures *figures, const HealthLimits *limits, Health *health)
{
	const char *stopped = figures->restarting ? "the queue is being restarted" :
		"the queue is stopped";

	if (!figures->enabled && figures->running > 0)
		set(health, HEALTH_STOPPING, "%s, and %d %s on", stopped, figures->running,
			figures->running == 1 ? "run goes" : "runs go");
	else if (!figures->enabled)
		set(health, HEALTH_STOPPED, "%s", stopped);
	else if (figures->held)
		set(health, figures->starting ? HEALTH_STARTING : HEALTH_UNHEALTHY, "%s",
			figures->waits_for);
	else if (figures->jobs > 0 && figures->unhealthy_jobs * 2 > figures->jobs)
		set(health, HEALTH_UNHEALTHY, "%d of %d %s unhealthy", figures->unhealthy_jobs,
			figures->jobs, figures->jobs == 1 ? "job is" : "jobs are");
	else if (figures->waits_for != NULL)
		set(health, HEALTH_DEGRADED, "goes on, but %s", figures->waits_for);
	else if (limits->backlog > 0 && figures->backlog > limits->backlog)
		set(health, HEALTH_DEGRADED, INT64_FORMAT " runs wait", figures->backlog);
	else if (figures->unhealthy_jobs > 0)
		set(health, HEALTH_DEGRADED, "%d of %d jobs %s unhealthy",
			figures->unhealthy_jobs, figures->jobs,
			figures->unhealthy_jobs == 1 ? "is" : "are");
	else
		set(health, HEALTH_HEALTHY, "runs as planned");
}

void
health_of_scheduler(const SchedulerFigures *figures, const HealthLimits *limits,
					Health *health)
{
	if (!figures->preloaded)
		set(health, HEALTH_STOPPED, "pg_scheduler is not in shared_preload_libraries");
	else if (figures->in_recovery)
		set(health, HEALTH_STOPPED, "the server is a standby");
	else if (figures->process && figures->unfit != NULL)
		set(health, HEALTH_UNHEALTHY, "%s", figures->unfit);
	else if (figures->stopped)
		set(health, HEALTH_STOPPED, "%s",
			figures->held ? figures->held : "stopped by scheduler.stop()");
	else if (figures->stop_requested)
		set(health, HEALTH_STOPPING, "%s waits for %d %s",
			figures->held ? figures->held : "scheduler.stop()", figures->workers_running,
			figures->workers_running == 1 ? "run" : "runs");
	else if (figures->restorer != 0)
		set(health, HEALTH_STOPPED, "process %d restores jobs; they run when it has ended, or is idle",
			figures->restorer);
	else if (figures->quiesced)
		set(health, HEALTH_STOPPED, "a command on the database or the extension is under way");
	else if (figures->error != NULL)
		set(health, HEALTH_UNHEALTHY, "the scheduler meets errors: %s", figures->error);
	else if (!figures->process && figures->missing)
		set(health, HEALTH_UNHEALTHY, "there is no scheduler process");
	else if (!figures->process)
		set(health, HEALTH_STARTING, "the scheduler is being started");
	else if (!figures->ready)
		set(health, HEALTH_STARTING, "the scheduler reads its jobs");
	else if (figures->waiting_for_standby > 0)
		set(health, HEALTH_UNHEALTHY, "%d %s for a synchronous standby that is not there",
			figures->waiting_for_standby,
			figures->waiting_for_standby == 1 ? "process waits" : "processes wait");
	else if (limits->backlog > 0 && figures->backlog > limits->backlog &&
			 figures->workers_running >= figures->max_workers)
		set(health, HEALTH_DEGRADED, "all %d workers are busy, and " INT64_FORMAT " runs wait",
			figures->max_workers, figures->backlog);
	else if (figures->memory_growing)
		set(health, HEALTH_DEGRADED, "the memory of a worker keeps growing");
	else
		set(health, HEALTH_HEALTHY, "runs as planned");
}

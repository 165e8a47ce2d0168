/*-------------------------------------------------------------------------
 *
 * health_rules_test.c
 *	  From facts to states of health; histograms.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "rules/health_rules.h"
#include "rules/histogram.h"
#include "tap.h"

static const HealthLimits limits = {
	.error_threshold = 5,
	.failure_rate = 0.2,
	.min_attempts = 5,
	.lateness = 60 * INT64CONST(1000000),
	.timeouts = 1,
	.backlog = 1000
};

/* active, finished, planned, has_next, running, circuit_open, probing, ... */
#define GOOD	.active = true, .planned = true, .has_next = true

static void
test_jobs(void)
{
	static const struct
	{
		JobFacts	facts;
		HealthState state;
		const char *reason;
	}			cases[] = {
		{{GOOD}, HEALTH_HEALTHY, "runs as planned"},
		{{GOOD, .attempts = 100, .failures = 20}, HEALTH_HEALTHY, "runs as planned"},
		{{GOOD, .attempts = 4, .failures = 4}, HEALTH_HEALTHY, "runs as planned"},
		{{GOOD, .lateness = 60 * INT64CONST(1000000)}, HEALTH_HEALTHY, "runs as planned"},
		{{GOOD, .running = 3}, HEALTH_HEALTHY, "runs as planned"},

		{{GOOD, .consecutive_failures = 1}, HEALTH_DEGRADED, "the last attempt failed"},
		{{GOOD, .consecutive_failures = 4}, HEALTH_DEGRADED, "the last attempt failed"},
		{{GOOD, .attempts = 100, .failures = 21}, HEALTH_DEGRADED, "more than 20% of the last attempts failed"},
		{{GOOD, .attempts = 5, .failures = 2}, HEALTH_DEGRADED, "more than 20% of the last attempts failed"},
		{{GOOD, .attempts = 9, .failures = 1, .timeouts = 1}, HEALTH_DEGRADED,
		"1 or more of the last attempts timed out"},
		{{GOOD, .recycled = 1}, HEALTH_DEGRADED, "a worker that ran it was replaced for its memory"},
		{{GOOD, .lateness = 61 * INT64CONST(1000000)}, HEALTH_DEGRADED,
		"the last run started more than 60 seconds late"},

		{{GOOD, .consecutive_failures = 5}, HEALTH_UNHEALTHY, "5 or more consecutive failures"},
		{{GOOD, .consecutive_failures = 6, .attempts = 9, .failures = 9}, HEALTH_UNHEALTHY,
		"5 or more consecutive failures"},
		{{GOOD, .check_failed = true, .check_reason = "no disk"}, HEALTH_UNHEALTHY, "no disk"},
		{{GOOD, .check_failed = true, .check_reason = "no disk", .consecutive_failures = 4},
		HEALTH_UNHEALTHY, "no disk"},
		{{GOOD, .check_failed = true, .check_reason = "no disk", .consecutive_failures = 5},
		HEALTH_UNHEALTHY, "5 or more consecutive failures"},
		{{.planned = true, .check_failed = true, .check_reason = "no disk"}, HEALTH_STOPPED,
		"the job is paused"},
		{{.active = true, .planned = true}, HEALTH_UNHEALTHY, "the job has no next time"},
		{{GOOD, .waits_for = "depends on x"}, HEALTH_UNHEALTHY, "depends on x"},
		{{GOOD, .waits_for = "depends on x", .consecutive_failures = 1}, HEALTH_UNHEALTHY, "depends on x"},
		{{GOOD, .waits_for = "depends on x", .consecutive_failures = 5}, HEALTH_UNHEALTHY,
		"5 or more consecutive failures"},
		{{.waits_for = "depends on x"}, HEALTH_STOPPED, "the job is paused"},
		{{GOOD, .circuit_open = true, .consecutive_failures = 7}, HEALTH_UNHEALTHY,
		"held back after 7 consecutive failures"},

		{{.active = true}, HEALTH_STARTING, "the scheduler has not planned the job yet"},
		{{GOOD, .probing = true, .circuit_open = true, .consecutive_failures = 7}, HEALTH_STARTING,
		"a run is tried again after failures"},

		{{.planned = true, .has_next = true}, HEALTH_STOPPED, "the job is paused"},
		{{.consecutive_failures = 9}, HEALTH_STOPPED, "the job is paused"},
		{{GOOD, .finished = true, .consecutive_failures = 9}, HEALTH_STOPPED,
		"the schedule of the job is over"},
		{{.planned = true, .running = 2}, HEALTH_STOPPING,
		"the job is paused, and 2 of its runs go on"},
		{{.planned = true, .running = 1}, HEALTH_STOPPING,
		"the job is paused, and 1 of its runs goes on"},
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		Health		health;

		health_of_job(&cases[i].facts, &limits, &health);
		is_string(health_state_name(health.state), health_state_name(cases[i].state),
				  cases[i].reason);
		is_string(health.reason, cases[i].reason, "reason");
	}
}

/* A limit of 0 is not looked at. */
static void
test_no_limits(void)
{
	HealthLimits none = {0};
	JobFacts	facts = {GOOD, .attempts = 100, .failures = 100, .timeouts = 100,
	.lateness = PG_INT64_MAX};
	Health		health;

	health_of_job(&facts, &none, &health);
	is_string(health_state_name(health.state), "healthy", "no limits");
	facts.consecutive_failures = 100;
	health_of_job(&facts, &none, &health);
	is_string(health_state_name(health.state), "degraded", "a failure is one without limits");
}

static void
test_queues(void)
{
	static const struct
	{
		QueueFacts facts;
		HealthState state;
		const char *reason;
	}			cases[] = {
		{{.enabled = true}, HEALTH_HEALTHY, "runs as planned"},
		{{.enabled = true, .jobs = 3, .backlog = 1000}, HEALTH_HEALTHY, "runs as planned"},
		{{.enabled = true, .jobs = 3, .backlog = 1001}, HEALTH_DEGRADED, "1001 runs wait"},
		{{.enabled = true, .jobs = 3, .unhealthy_jobs = 1}, HEALTH_DEGRADED, "1 of 3 jobs is unhealthy"},
		{{.enabled = true, .jobs = 4, .unhealthy_jobs = 2}, HEALTH_DEGRADED, "2 of 4 jobs are unhealthy"},
		{{.enabled = true, .jobs = 3, .unhealthy_jobs = 2}, HEALTH_UNHEALTHY, "2 of 3 jobs are unhealthy"},
		{{.enabled = true, .jobs = 1, .unhealthy_jobs = 1}, HEALTH_UNHEALTHY, "1 of 1 job is unhealthy"},
		{{.enabled = true, .waits_for = "depends on x"}, HEALTH_DEGRADED, "goes on, but depends on x"},
		{{.enabled = true, .held = true, .waits_for = "depends on x"}, HEALTH_UNHEALTHY, "depends on x"},
		{{.enabled = true, .held = true, .starting = true, .waits_for = "depends on x"},
		HEALTH_STARTING, "depends on x"},
		{{.enabled = true, .jobs = 3, .unhealthy_jobs = 3, .waits_for = "depends on x"},
		HEALTH_UNHEALTHY, "3 of 3 jobs are unhealthy"},
		{{.held = true, .waits_for = "depends on x"}, HEALTH_STOPPED, "the queue is stopped"},
		{{.restarting = true}, HEALTH_STOPPED, "the queue is being restarted"},
		{{.restarting = true, .running = 2}, HEALTH_STOPPING,
		"the queue is being restarted, and 2 runs go on"},
		{{.jobs = 3, .unhealthy_jobs = 3}, HEALTH_STOPPED, "the queue is stopped"},
		{{.running = 2}, HEALTH_STOPPING, "the queue is stopped, and 2 runs go on"},
		{{.running = 1}, HEALTH_STOPPING, "the queue is stopped, and 1 run goes on"},
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		Health		health;

		health_of_queue(&cases[i].facts, &limits, &health);
		is_string(health_state_name(health.state), health_state_name(cases[i].state),
				  cases[i].reason);
		is_string(health.reason, cases[i].reason, "reason");
	}
}

#define LIVE	.preloaded = true, .process = true, .ready = true, .max_workers = 4

static void
test_schedulers(void)
{
	static const struct
	{
		SchedulerFacts facts;
		HealthState state;
		const char *reason;
	}			cases[] = {
		{{LIVE}, HEALTH_HEALTHY, "runs as planned"},
		{{LIVE, .workers_running = 4, .backlog = 1000}, HEALTH_HEALTHY, "runs as planned"},
		{{LIVE, .workers_running = 3, .backlog = 5000}, HEALTH_HEALTHY, "runs as planned"},
		{{LIVE, .workers_running = 4, .backlog = 5000}, HEALTH_DEGRADED,
		"all 4 workers are busy, and 5000 runs wait"},
		{{LIVE, .memory_growing = true}, HEALTH_DEGRADED, "the memory of a worker keeps growing"},
		{{LIVE, .memory_growing = true, .error = "no room"}, HEALTH_UNHEALTHY,
		"the scheduler meets errors: no room"},
		{{LIVE, .error = "no room"}, HEALTH_UNHEALTHY, "the scheduler meets errors: no room"},
		{{.preloaded = true, .missing = true}, HEALTH_UNHEALTHY, "there is no scheduler process"},
		{{.preloaded = true}, HEALTH_STARTING, "the scheduler is being started"},
		{{.preloaded = true, .error = "no room"}, HEALTH_UNHEALTHY, "the scheduler meets errors: no room"},
		{{.preloaded = true, .process = true, .error = "no room"}, HEALTH_UNHEALTHY,
		"the scheduler meets errors: no room"},
		{{.preloaded = true, .quiesced = true, .missing = true}, HEALTH_STOPPED,
		"a command on the database or the extension is under way"},
		{{.preloaded = true, .quiesced = true, .restorer = 7}, HEALTH_STOPPED,
		"process 7 restores jobs; they run when it has ended, or is idle"},
		{{LIVE, .waiting_for_standby = 1}, HEALTH_UNHEALTHY,
		"1 process waits for a synchronous standby that is not there"},
		{{LIVE, .waiting_for_standby = 2}, HEALTH_UNHEALTHY,
		"2 processes wait for a synchronous standby that is not there"},
		{{.preloaded = true, .process = true}, HEALTH_STARTING, "the scheduler reads its jobs"},
		{{LIVE, .stop_requested = true, .workers_running = 2}, HEALTH_STOPPING,
		"scheduler.stop() waits for 2 runs"},
		{{LIVE, .stop_requested = true, .workers_running = 1}, HEALTH_STOPPING,
		"scheduler.stop() waits for 1 run"},
		{{LIVE, .stop_requested = true, .stopped = true}, HEALTH_STOPPED, "stopped by scheduler.stop()"},
		{{.preloaded = true, .in_recovery = true}, HEALTH_STOPPED, "the server is a standby"},
		{{.preloaded = false}, HEALTH_STOPPED, "pg_scheduler is not in shared_preload_libraries"},
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		Health		health;

		health_of_scheduler(&cases[i].facts, &limits, &health);
		is_string(health_state_name(health.state), health_state_name(cases[i].state),
				  cases[i].reason);
		is_string(health.reason, cases[i].reason, "reason");
	}
}

static void
test_names(void)
{
	for (int i = HEALTH_HEALTHY; i <= HEALTH_STOPPING; i++)
		is_number(health_state_from_name(health_state_name(i)), i, health_state_name(i));
}

/* Each duration lies below the limit of its bucket, and not below the one before. */
static void
test_buckets(void)
{
	bool		fits = true;

	for (int64 usecs = 0; usecs < INT64CONST(200000000000); usecs += 1 + usecs / 7)
	{
		int			bucket = histogram_bucket(usecs);

		fits &= bucket >= 0 && bucket < HISTOGRAM_BUCKETS;
		fits &= (double) usecs < histogram_limit(bucket) + 1;
		fits &= bucket == 0 || (double) usecs >= histogram_limit(bucket - 1);
	}
	ok(fits, "durations are in their buckets");
	is_number(histogram_bucket(-1), 0, "a negative duration");
	is_number(histogram_bucket(PG_INT64_MAX), HISTOGRAM_BUCKETS - 1, "the longest duration");
	ok(isinf(histogram_limit(HISTOGRAM_BUCKETS - 1)), "the last bucket has no limit");
}

static void
test_quantiles(void)
{
	int64		counts[HISTOGRAM_BUCKETS] = {0};
	bool		close = true;

	ok(histogram_quantile(counts, HISTOGRAM_BUCKETS, 0.5) < 0, "of nothing");
	for (int64 usecs = 1; usecs <= 100000; usecs++)
		counts[histogram_bucket(usecs)]++;
	for (int percent = 1; percent <= 100; percent++)
	{
		double		is = histogram_quantile(counts, HISTOGRAM_BUCKETS, percent / 100.0);

		close &= fabs(is - percent * 1000.0) <= percent * 1000.0 * 0.21;
	}
	ok(close, "quantiles are known to within a fifth");
}

int
main(void)
{
	test_jobs();
	test_no_limits();
	test_queues();
	test_schedulers();
	test_names();
	test_buckets();
	test_quantiles();
	return done_testing();
}

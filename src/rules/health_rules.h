/*-------------------------------------------------------------------------
 *
 * health_rules.h
 *	  From facts to a state of health, with the reason in words.
 *
 *		state		a job						a queue
 *		stopped		paused, finished			stopped, nothing runs
 *		stopping	paused, a run goes on		stopped, runs go on
 *		starting	not planned yet				started, waits for a dependency
 *		unhealthy	fails time after time,		most of its jobs are unhealthy,
 *					or its check says so, or	or held by a dependency
 *					held by a dependency
 *		degraded	fails, or is late, at		a backlog, an unhealthy job, or
 *					times, or needs memory		goes without a dependency
 *		healthy		none of these				none of these
 *
 * The first state whose condition holds, in the order stopped, stopping,
 * starting, unhealthy, degraded, healthy, is the one.  Pure: no clock, no
 * catalogue.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HEALTH_RULES_H
#define PG_SCHEDULER_HEALTH_RULES_H

typedef enum HealthState
{
	HEALTH_UNKNOWN = -1,		/* never the result of a rule */
	HEALTH_HEALTHY,
	HEALTH_DEGRADED,
	HEALTH_UNHEALTHY,
	HEALTH_STOPPED,
	HEALTH_STARTING,
	HEALTH_STOPPING
} HealthState;

#define HEALTH_REASON_LENGTH	160

typedef struct Health
{
	HealthState state;
	const char *rule;			/* one for each rule: the reason without its numbers */
	char		reason[HEALTH_REASON_LENGTH];
} Health;

/* What counts as too much; 0: not looked at. */
typedef struct HealthLimits
{
	int			error_threshold;	/* consecutive failures */
	double		failure_rate;	/* share of the attempts in the window */
	int			min_attempts;	/* fewer in the window give no rate */
	int64		lateness;		/* us */
	int			timeouts;		/* in the window */
	int			not_run;		/* occurrences in a row */
	int64		not_run_time;	/* us that they have to span */
	int64		backlog;		/* ready runs of a queue */
} HealthLimits;

typedef struct JobFacts
{
	bool		active;			/* neither paused nor disabled */
	bool		finished;		/* its schedule is over */
	bool		planned;		/* the scheduler has taken it up */
	bool		ended_badly;	/* its last run failed, and there will be no other */
	bool		has_next;		/* there is a next time, or a pending run */
	int			running;
	bool		circuit_open;	/* held back after too many failures */
	bool		probing;		/* of these, now trying a run again */
	int			consecutive_failures;
	int			attempts;		/* in the window */
	int			failures;		/* of these */
	int			timeouts;		/* of these */
	int			recycled;		/* workers in the window that left for their memory */
	int64		lateness;		/* of the last start, us */
	bool		runs_long;		/* a run goes on for too long */
	bool		no_success;		/* no run has succeeded for its success_within */
	int			not_run;		/* occurrences in a row that were skipped or missed */
	int64		not_run_time;	/* us since the first of these */
	bool		check_changed;	/* its health check says something else than before */
	bool		check_failed;	/* its health check says no, or is in error */
	const char *check_reason;	/* in words, when that is so */
	const char *waits_for;		/* "depends on ...": why it is held, or NULL */
} JobFacts;

typedef struct QueueFacts
{
	bool		enabled;
	bool		restarting;		/* when not enabled: only for as long as runs go on */
	const char *waits_for;		/* "depends on ...", which is not healthy, or NULL */
	bool		starting;		/* it waits since it was started */
	bool		held;			/* it waits; else it has waited long enough */
	int			running;
	int64		backlog;
	int			jobs;			/* that are not stopped */
	int			unhealthy_jobs;
} QueueFacts;

typedef struct SchedulerFacts
{
	bool		preloaded;		/* the library is loaded at server start */
	bool		in_recovery;	/* a standby */
	bool		process;		/* there is a scheduler process */
	bool		ready;			/* it has read all jobs */
	const char *held;			/* why no run is started, NULL: they are */
	bool		stop_requested; /* scheduler.stop(), or held */
	bool		stopped;		/* and nothing runs any more */
	const char *error;			/* why it does not come, or its cycles fail; NULL: they do not */
	bool		missing;		/* no process, for too long to call that a start */
	int			restorer;		/* pid of a session that restores, 0: none */
	bool		quiesced;		/* a command that is under way has sent the processes away */
	int			waiting_for_standby;	/* workers whose commits no standby confirms */
	const char *unfit;		/* why library and tables do not fit together, or NULL */
	bool		memory_growing; /* that of a worker, for too long */
	int64		backlog;
	int			workers_running;
	int			max_workers;
} SchedulerFacts;

extern const char *health_state_name(HealthState state);

/* HEALTH_HEALTHY for a name that is unknown. */
extern HealthState health_state_from_name(const char *name);

extern void health_of_job(const JobFacts *facts, const HealthLimits *limits,
						  Health *health);
extern void health_of_queue(const QueueFacts *facts, const HealthLimits *limits,
							Health *health);
extern void health_of_scheduler(const SchedulerFacts *facts, const HealthLimits *limits,
								Health *health);

/* Were too many occurrences in a row skipped or missed? */
extern bool health_not_run(const JobFacts *facts, const HealthLimits *limits);

/* Is the rate of failures in the window too high? */
extern bool health_rate_exceeded(const JobFacts *facts, const HealthLimits *limits);

#endif							/* PG_SCHEDULER_HEALTH_RULES_H */

/*-------------------------------------------------------------------------
 *
 * job.h
 *	  A job's definition and state, and what follows from them.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_JOB_H
#define PG_SCHEDULER_JOB_H

#include "datatype/timestamp.h"
#include "storage/itemptr.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "base/compat.h"
#include "rules/calendar_rules.h"
#include "rules/retry.h"
#include "rules/run.h"
#include "rules/schedule.h"

typedef enum JobKind
{
	JOB_SQL,
	JOB_HTTP
} JobKind;

typedef enum Overlap
{
	OVERLAP_SKIP,				/* skip the new occurrence */
	OVERLAP_QUEUE,				/* let one wait */
	OVERLAP_ALLOW,				/* run up to max_instances at once */
	OVERLAP_CANCEL				/* cancel the one that runs */
} Overlap;

typedef enum Misfire
{
	MISFIRE_RUN_ONCE,			/* one run for all that was missed */
	MISFIRE_RUN_ALL,
	MISFIRE_SKIP
} Misfire;

typedef enum OnLost
{
	ON_LOST_FAIL,
	ON_LOST_RETRY
} OnLost;

/* What becomes of an occurrence in closed time of the job's calendar */
typedef enum CalendarAction
{
	CALENDAR_SKIP,
	CALENDAR_DEFER				/* it runs at the end of that */
} CalendarAction;

/*
 * A row of scheduler.job.  Times and intervals are in microseconds, enums in
 * the order of the names in job_column_list.h.
 */
typedef struct Job
{
	int64		job_id;
	char		job_name[JOB_NAME_LENGTH];
	Oid			owner;
	JobKind		kind;
	char	   *schedule;		/* NULL: runs after others only */
	int			schedule_version;
	TimestampTz anchor;
	char	   *timezone;		/* NULL: the setting */
	TimestampTz starts_at;		/* DT_NOBEGIN: none */
	TimestampTz ends_at;		/* DT_NOEND: none */
	int64		max_runs;		/* 0: no limit */
	int64		jitter;
	char	   *command;
	Jsonb	   *args;
	Jsonb	   *settings;
	Jsonb	   *request;
	char	   *queue;
	int			priority;
	Overlap		overlap;
	int			max_instances;
	Misfire		misfire;
	int64		misfire_grace;	/* -1: none given */
	int64		timeout;		/* 0: none */
	RetryPolicy retry;
	ArrayType  *retry_on;		/* NULL: the default rule */
	OnLost		on_lost;
	bool		active;			/* enabled and not paused */
	const Calendar *open_times; /* of the calendar; who reads the job sets it */
	char	   *calendar;		/* NULL: none */
	CalendarAction calendar_action;
	bool		dead_letters;	/* of runs that are over without success */
	int64		kill_after;		/* -1: the setting */
	int64		soft_timeout;	/* 0: none */
	TimestampTz paused_until;	/* DT_NOEND: by hand, or it is not paused */
	TimestampTz skip_through;	/* occurrences up to then are skipped; DT_NOBEGIN: none */
	int64		success_within; /* a run is to succeed as often; 0: not said */
	bool		leads;			/* other jobs run after it */
	int64		content_size;	/* bytes of command, args, settings and request */
	ItemPointerData tid;		/* of the row, when it was read */
} Job;

/* A row of scheduler.job_state. */
typedef struct JobState
{
	int64		job_id;
	int			schedule_version;
	TimestampTz next_run_at;	/* DT_NOEND: none */
	bool		finished;
	int64		runs;			/* occurrences begun */
	int64		succeeded;
	int64		failed;
	int64		timed_out;
	int64		cancelled;
	int64		lost;
	int64		skipped;
	int64		missed;
	int64		retries;
	int			consecutive_failures;
	TimestampTz last_run_at;	/* DT_NOBEGIN: never */
	TimestampTz last_finished_at;
	TimestampTz last_success_at;
	RunStatus	last_status;	/* valid when last_run_at is */
	int64		total_duration;
	ArrayType  *open_runs;		/* set for the writing only: run_queue.h */
	ArrayType  *open_attempts;
	ItemPointerData tid;
} JobState;

/* A copy of a text for a message: its beginning, of whole characters. */
extern char *job_clip_text(const char *text, int bytes);

/*
 * Length of an interval in microseconds, a day being 24, a month 720 hours;
 * the longest there is for those that are longer.
 */
extern int64 job_interval_usecs(const Interval *interval);

/* What an option that is an interval may be at most: 100 years */
#define INTERVAL_MAX_USECS	(INT64CONST(100) * 366 * USECS_PER_DAY)

/* The hash that spreads H fields: of the id, which a job keeps when renamed. */
extern uint64 job_hash(int64 job_id);

/*
 * Parse the schedule of a job that was accepted before.  NULL, with *error
 * filled, when it is valid no longer (a zone has gone), or there is none.
 */
extern Schedule *job_parse_schedule(const Job *job, ScheduleError *error);

/*
 * The first occurrence later than "after", or DT_NOEND: starts_at and
 * ends_at are observed, max_runs and the calendar are not.  Nothing that
 * recurs has an occurrence before its schedule was set.
 */
extern TimestampTz job_next_occurrence(const Job *job, const Schedule *schedule,
									   TimestampTz after);

/* The first occurrence of a schedule that has just been set. */
extern TimestampTz job_first_occurrence(const Job *job, const Schedule *schedule);

/*
 * How long after it was due an occurrence is wanted, in microseconds; 0: for
 * ever.
 */
extern int64 job_grace(const Job *job);

/*
 * When an occurrence is due: its time plus a jitter that is always the same,
 * moved to the end of closed time.  DT_NOEND: never.
 */
extern TimestampTz job_due_at(const Job *job, const Schedule *schedule,
							  TimestampTz scheduled_at);

/* Does the job's calendar have it skip this occurrence? */
extern bool job_skips(const Job *job, TimestampTz scheduled_at);

/*
 * The first attempt of a run that is not of the schedule: it is due at once,
 * and the time says which occurrence it is.  The run has no id yet.
 */
extern void job_init_run(const Job *job, RunTrigger trigger, TimestampTz scheduled_at,
						 Run *run);

/*
 * What alerts and events about a job are filed under: "job 7".  The result is
 * good until the next call.
 */
extern const char *job_subject(int64 job_id);

/* An error: there is no such job, or none that the caller may see. */
pg_noreturn extern void job_not_found(int64 job_id);

extern void job_state_init(JobState *state, int64 job_id);

/* Count the end of an attempt.  "final": the run is over. */
extern void job_state_count(JobState *state, RunStatus status,
							TimestampTz started_at, TimestampTz finished_at,
							int64 occurrences, bool final);

#endif							/* PG_SCHEDULER_JOB_H */

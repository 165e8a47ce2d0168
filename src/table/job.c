/*-------------------------------------------------------------------------
 *
 * job.c
 *	  A job's definition and state, and what follows from them.
 *
 * Pure like the schedule code it calls: no clock, no catalogue.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "common/int.h"
#include "mb/pg_wchar.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "table/job.h"

const char *
job_subject(int64 job_id)
{
	static char subject[32];

	snprintf(subject, sizeof(subject), "job " INT64_FORMAT, job_id);
	return subject;
}

void
job_not_found(int64 job_id)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("job " INT64_FORMAT " does not exist", job_id)));
	pg_unreachable();
}

char *
job_clip_text(const char *text, int bytes)
{
	return pnstrdup(text, pg_mbcliplen(text, strlen(text), bytes));
}

int64
job_interval_usecs(const Interval *interval)
{
	int64		days = (int64) interval->month * DAYS_PER_MONTH + interval->day;
	int64		result;

	if (pg_mul_s64_overflow(days, USECS_PER_DAY, &result) ||
		pg_add_s64_overflow(result, interval->time, &result))
		return days < 0 ? PG_INT64_MIN : PG_INT64_MAX;
	return result;
}

uint64
job_hash(int64 job_id)
{
	return hash_bytes_extended((const unsigned char *) &job_id, sizeof(job_id), 0);
}

Schedule *
job_parse_schedule(const Job *job, ScheduleError *error)
{
	const char *zone = job->timezone ? job->timezone : pg_scheduler_timezone;

	if (job->schedule == NULL)
	{
		memset(error, 0, sizeof(*error));
		return NULL;
	}
	return schedule_parse(job->schedule, zone, job_hash(job->job_id), error);
}

/* The same of one schedule of the job. */
static TimestampTz
next_of_part(const Job *job, const Schedule *schedule, TimestampTz after)
{
	ScheduleBase base = {job->anchor, job->open_times};
	bool		has_start = job->starts_at != DT_NOBEGIN;
	TimestampTz next;

	if (schedule_is(schedule, SCHEDULE_RECURS))
		after = Max(after, job->anchor - 1);
	if (has_start && (schedule_is(schedule, SCHEDULE_ANCHORED) ||
					  (schedule_is(schedule, SCHEDULE_FROM_NOW) &&
					   job->starts_at > job->anchor)))
		base.anchor = job->starts_at;
	if (has_start && after < job->starts_at)
	{
		/* an interval job that is given a start begins with it */
		if (schedule_is(schedule, SCHEDULE_STARTS))
			return job->starts_at <= job->ends_at ? job->starts_at : DT_NOEND;
		after = schedule_is(schedule, SCHEDULE_FROM_END) ? job->starts_at : job->starts_at - 1;
	}
	if (!schedule_next(schedule, &base, after, &next) || next > job->ends_at)
		return DT_NOEND;
	return next;
}

TimestampTz
job_next_occurrence(const Job *job, const Schedule *schedule, TimestampTz after)
{
	TimestampTz result = DT_NOEND;

	for (int i = 0; i < schedule_count(schedule); i++)
		result = Min(result, next_of_part(job, schedule_part(schedule, i), after));
	return result;
}

TimestampTz
job_first_occurrence(const Job *job, const Schedule *schedule)
{
	/* an @at in the past runs still, once */
	if (schedule_is(schedule, SCHEDULE_FIXED))
		return job_next_occurrence(job, schedule, DT_NOBEGIN + 1);
	if (schedule_is(schedule, SCHEDULE_FROM_END))
		return job_next_occurrence(job, schedule, job->anchor);
	return job_next_occurrence(job, schedule, job->anchor - 1);
}

/*
 * The jitter of an occurrence ends before the next one: else it would be late
 * for its own misfire policy.
 */
static int64
max_jitter(const Job *job, const Schedule *schedule, TimestampTz scheduled_at)
{
	TimestampTz next;

	if (schedule == NULL || !schedule_is(schedule, SCHEDULE_RECURS))
		return job->jitter;
	next = job_next_occurrence(job, schedule, scheduled_at);
	return next == DT_NOEND ? job->jitter : Min(job->jitter, next - scheduled_at);
}

/* Later than this, an occurrence of a job with misfire "skip" is missed: 60 s. */
#define SKIP_GRACE		(60 * USECS_PER_SEC)

int64
job_grace(const Job *job)
{
	if (job->misfire_grace >= 0)
		return job->misfire_grace;
	return job->misfire == MISFIRE_SKIP ? SKIP_GRACE : 0;
}

TimestampTz
job_due_at(const Job *job, const Schedule *schedule, TimestampTz scheduled_at)
{
	TimestampTz result = scheduled_at;

	if (scheduled_at == DT_NOEND)
		return DT_NOEND;
	if (job->jitter > 0)
	{
		uint64		hash = hash_bytes_extended((const unsigned char *) &scheduled_at,
											   sizeof(scheduled_at), (uint64) job->job_id);

		result += (int64) (hash % (uint64) max_jitter(job, schedule, scheduled_at));
	}
	if (job->open_times != NULL && job->calendar_action == CALENDAR_DEFER)
		result = calendar_next_open(job->open_times, result);
	return result;
}

bool
job_skips(const Job *job, TimestampTz scheduled_at)
{
	return job->open_times != NULL && job->calendar_action == CALENDAR_SKIP &&
		!calendar_is_open(job->open_times, scheduled_at);
}

void
job_init_run(const Job *job, RunTrigger trigger, TimestampTz scheduled_at, Run *run)
{
	memset(run, 0, sizeof(*run));
	run->job_id = job->job_id;
	run->owner = job->owner;
	run->attempt = 1;
	run->priority = job->priority;
	run->scheduled_at = scheduled_at;
	run->due_at = scheduled_at;
	run->trigger = trigger;
}

void
job_state_init(JobState *state, int64 job_id)
{
	memset(state, 0, sizeof(*state));
	state->job_id = job_id;
	state->next_run_at = DT_NOEND;
	state->last_run_at = DT_NOBEGIN;
	state->last_finished_at = DT_NOBEGIN;
	state->last_success_at = DT_NOBEGIN;
	ItemPointerSetInvalid(&state->tid);
}

/* The counter a status belongs to, and whether it speaks for or against the job. */
static void
count_status(JobState *state, RunStatus status, int64 occurrences)
{
	switch (status)
	{
		case RUN_SUCCEEDED:
			state->succeeded++;
			state->consecutive_failures = 0;
			break;
		case RUN_FAILED:
			state->failed++;
			state->consecutive_failures++;
			break;
		case RUN_TIMED_OUT:
			state->timed_out++;
			state->consecutive_failures++;
			break;
		case RUN_LOST:
			state->lost++;
			state->consecutive_failures++;
			break;
		case RUN_CANCELLED:
			state->cancelled++;
			break;
		case RUN_SKIPPED:
			state->skipped += occurrences;
			break;
		case RUN_MISSED:
			state->missed += occurrences;
			break;
		case RUN_QUEUED:
		case RUN_RUNNING:
			break;
	}
}

void
job_state_count(JobState *state, RunStatus status,
				TimestampTz started_at, TimestampTz finished_at,
				int64 occurrences, bool final)
{
	count_status(state, status, occurrences);
	if (status == RUN_SUCCEEDED)
		state->last_success_at = Max(state->last_success_at, finished_at);
	if (!final)
		state->retries++;
	if (status == RUN_SKIPPED || status == RUN_MISSED)
		return;
	if (started_at != DT_NOBEGIN)
		state->total_duration += finished_at - started_at;
	/* runs of a job that go on at the same time may be seen in any order */
	if (state->last_finished_at > finished_at)
		return;
	state->last_run_at = started_at != DT_NOBEGIN ? started_at : finished_at;
	state->last_finished_at = finished_at;
	state->last_status = status;
}

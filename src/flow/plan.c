/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  The next times of jobs whose schedules are new, or mean other times now:
 *	  another time zone, other holidays.
 *
 * The next time of a job that has run is set by enqueue.c, when it enqueues an
 * occurrence, or by settle.c, when an @after job has ended.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "base/process.h"
#include "flow/enqueue.h"
#include "flow/plan.h"
#include "table/query.h"

/* Jobs that are planned in one transaction */
#define BATCH_SIZE		1000

/*
 * The first occurrence of a schedule that replaces another.  The old one has
 * been in force until the change was committed, so it may have come first to
 * an occurrence that they have in common.
 */
static TimestampTz
first_after_change(const JobEntry *entry)
{
	TimestampTz next = job_first_occurrence(&entry->job, entry->schedule);
	TimestampTz now = clock_now();

	while (next <= now && query_occurrence_exists(entry->job_id, next))
		next = job_next_occurrence(&entry->job, entry->schedule, next);
	return next;
}

/* Does the end of a run that is under way give the job its next time? */
static bool
waits_for_end(const JobEntry *entry)
{
	return schedule_is(entry->schedule, SCHEDULE_FROM_END) && entry->nruns > 0;
}

void
plan_job(JobEntry *entry)
{
	JobState   *state = &entry->state;
	bool		changed = state->schedule_version != 0;
	bool		owed = changed && state->next_run_at < entry->job.anchor;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	state->schedule_version = entry->job.schedule_version;
	state->finished = false;
	job_cache_touch(entry);
	if (entry->schedule == NULL || job_cache_is_exhausted(entry))
		state->next_run_at = DT_NOEND;
	else if (owed)
		 /* an occurrence of the old schedule, due before the change: it stays */ ;
	else if (schedule_is(entry->schedule, SCHEDULE_AT_BOOT) || waits_for_end(entry))
		state->next_run_at = DT_NOEND;
	else
		state->next_run_at = changed ? first_after_change(entry) :
			job_first_occurrence(&entry->job, entry->schedule);
	state->finished = entry->schedule != NULL && state->next_run_at == DT_NOEND &&
		(job_cache_is_exhausted(entry) || (!schedule_is(entry->schedule, SCHEDULE_AT_BOOT) &&
										   !waits_for_end(entry)));
	enqueue_when_due(entry);
}

/* A list of job ids that may be long */
typedef struct JobIds
{
	int64	   *ids;
	int64		count;
	int64		capacity;
} JobIds;

static void
add_job_id(int64 job_id, void *arg)
{
	JobIds	   *list = arg;

	if (list->count == list->capacity)
	{
		list->capacity *= 2;
		list->ids = repalloc_huge(list->ids, list->capacity * sizeof(int64));
	}
	list->ids[list->count++] = job_id;
}

static void
plan_changed(JobEntry *entry)
{
	if (entry->state.schedule_version != entry->job.schedule_version)
		plan_job(entry);
}

/*
 * The default time zone or a calendar has changed.  What is due already stays
 * so; a clock that was set back, too, brings back nothing that has been.
 */
static void
plan_anew(JobEntry *entry)
{
	JobState   *state = &entry->state;
	TimestampTz now = clock_now();
	TimestampTz next;

	if (entry->schedule == NULL || state->next_run_at == DT_NOEND ||
		state->next_run_at <= now ||
		state->schedule_version != entry->job.schedule_version)
		return;
	if (schedule_is(entry->schedule, SCHEDULE_RECURS))
		next = job_next_occurrence(&entry->job, entry->schedule,
								   Max(now, state->last_run_at));
	else if (schedule_is(entry->schedule, SCHEDULE_FIXED))
		next = job_first_occurrence(&entry->job, entry->schedule);
	else
		return;
	if (next == state->next_run_at)
		return;
	state->next_run_at = next;
	state->finished = next == DT_NOEND;
	job_cache_touch(entry);
}

/*
 * The calendar has changed.  A job that had no working day any more, and so was
 * finished, may have one now.
 */
static void
plan_workdays(JobEntry *entry)
{
	JobState   *state = &entry->state;

	if (entry->schedule != NULL && state->finished && !job_cache_is_exhausted(entry) &&
		state->schedule_version == entry->job.schedule_version)
	{
		state->next_run_at = job_next_occurrence(&entry->job, entry->schedule,
												 Max(clock_now(), state->last_run_at));
		state->finished = state->next_run_at == DT_NOEND;
		job_cache_touch(entry);
	}
	else
		plan_anew(entry);
	if (entry->job.active)
		enqueue_when_due(entry);
}

/* The clock is said to have been ahead by this much at least: 1 h. */
#define AHEAD_LIMIT		USECS_PER_HOUR

/* So many occurrences are looked at whether they have run. */
#define MAX_RAN			100

static int64 clock_ahead = 0;	/* by how much it was, where that is known */

/* The next time of a job that could have come just now; DT_NOEND: as it is. */
static TimestampTz
next_from_now(const JobEntry *entry, TimestampTz now)
{
	if (entry->schedule == NULL || schedule_is(entry->schedule, SCHEDULE_AT_BOOT))
		return DT_NOEND;
	if (schedule_is(entry->schedule, SCHEDULE_RECURS))
		return job_next_occurrence(&entry->job, entry->schedule, now);
	return job_first_occurrence(&entry->job, entry->schedule);
}

/*
 * A time in the past cannot be in the future, nor can a next time be later than
 * that of a job that ran just now.  Up to an hour is left alone, unless it is known
 * that the clock was ahead: nothing is to run twice.
 */
static void
set_right(JobEntry *entry)
{
	JobState   *state = &entry->state;
	TimestampTz now = clock_now();
	int64		slack = clock_ahead > 0 ? 0 : AHEAD_LIMIT;
	TimestampTz last = Max(Max(state->last_run_at, state->last_finished_at),
						   Max(state->last_success_at, entry->job.anchor));
	bool		ran_ahead = last > now + slack;
	TimestampTz next;

	if (ran_ahead)
	{
		state->last_run_at = Min(state->last_run_at, now);
		state->last_finished_at = Min(state->last_finished_at, now);
		state->last_success_at = Min(state->last_success_at, now);
		entry->job.anchor = Min(entry->job.anchor, now);
		job_cache_touch(entry);
	}
	if (state->next_run_at == DT_NOEND || state->next_run_at <= now ||
		state->schedule_version != entry->job.schedule_version ||
		(schedule_is(entry->schedule, SCHEDULE_FROM_END) && !ran_ahead))
		return;
	next = next_from_now(entry, now);
	/* if the clock is wrong now, and was right before, some have run already */
	for (int i = 0; i < MAX_RAN && next < state->next_run_at &&
		 query_occurrence_ran(entry->job_id, next); i++)
		next = job_next_occurrence(&entry->job, entry->schedule, next);
	if (next != DT_NOEND && next + slack < state->next_run_at)
	{
		state->next_run_at = next;
		job_cache_touch(entry);
	}
}

void
plan_set_right(JobEntry *entry)
{
	Assert(IsTransactionState());
	set_right(entry);
	enqueue_when_due(entry);
}

/* One batch, in a transaction of its own. */
static void
plan_batch(const int64 *job_ids, int count, void (*plan) (JobEntry *entry))
{
	JobEntry   *entries[BATCH_SIZE];

	cycle_start_transaction();
	job_cache_get_many(job_ids, count, entries);
	for (int i = 0; i < count; i++)
		if (entries[i] != NULL)
			plan(entries[i]);
	(void) job_cache_write();
	cycle_commit_transaction();
	job_cache_written(true);
	job_cache_trim();
}

/* Plan the jobs of a list, a batch at a time, and free it. */
static void
plan_list(JobIds *list, void (*plan) (JobEntry *entry))
{
	for (int64 done = 0; done < list->count; done += BATCH_SIZE)
	{
		CHECK_FOR_INTERRUPTS();
		plan_batch(list->ids + done, Min(BATCH_SIZE, list->count - done), plan);
	}
	pfree(list->ids);
}

/* Plan the jobs of a scan. */
static void
plan_all(void (*scan) (JobIdCallback callback, void *arg), void (*plan) (JobEntry *entry))
{
	JobIds		list = {.capacity = 1024};

	list.ids = palloc(list.capacity * sizeof(int64));
	cycle_start_transaction();
	scan(add_job_id, &list);
	cycle_commit_transaction();
	plan_list(&list, plan);
}

void
plan_new_jobs(void)
{
	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	plan_all(query_scan_unplanned_jobs, plan_changed);
}

void
plan_in_new_zone(void)
{
	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	plan_all(query_scan_unzoned_jobs, plan_anew);
}

static void
scan_ahead_jobs(JobIdCallback callback, void *arg)
{
	TimestampTz now = clock_now();

	if (clock_ahead > 0)
		query_scan_ahead_jobs(now, now + clock_ahead, callback, arg);
	else
		query_scan_ahead_jobs(now + AHEAD_LIMIT, DT_NOEND, callback, arg);
}

void
plan_after_clock(int64 ahead)
{
	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	clock_ahead = ahead;
	plan_all(scan_ahead_jobs, set_right);
	clock_ahead = 0;
}

void
plan_by_calendar(int64 calendar_hash)
{
	JobIds		list = {.capacity = 64};

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	list.ids = palloc(list.capacity * sizeof(int64));
	cycle_start_transaction();
	query_scan_workday_jobs(calendar_hash, add_job_id, &list);
	cycle_commit_transaction();
	plan_list(&list, plan_workdays);
}

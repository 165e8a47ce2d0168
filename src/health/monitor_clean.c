/*-------------------------------------------------------------------------
 *
 * monitor_clean.c
 *	  Jobs that nobody would run again, and what monitoring has left behind.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "health/monitor_clean.h"
#include "health/server_watch.h"
#include "shared/shmem.h"
#include "state/job_cache.h"
#include "state/walk.h"
#include "table/query_upkeep.h"

static TimestampTz next_cleaning = DT_NOBEGIN;
static int64 without_next = 0;	/* jobs, so far ... */
static int64 first_without = 0; /* ... and one of them */
static TimestampTz minutes_before;	/* what is to be deleted of job_minute */
static int64 minutes_counted = 0;
static int64 minutes_job = 0;	/* in the minute where counting goes on */

/*
 * Jobs
 */

/* What has yet to be counted, or written, may have a next time in store. */
static void
count_job(int64 job_id, JobFault fault, int64 schedule_version, void *arg)
{
	JobEntry   *entry = job_cache_peek(job_id);

	if (fault != JOB_WITHOUT_NEXT)
		return;
	if (entry != NULL && (entry->nruns > 0 || entry->dirty))
		return;
	if (without_next++ == 0)
		first_without = job_id;
}

static bool
look_at_jobs(Walk *walk)
{
	WalkRange	range = walk_range_of_jobs(walk);

	if (!shmem_monitoring())
		return false;
	if (walk->at == PG_INT64_MIN)
		without_next = 0;
	query_scan_job_faults(&range, count_job, NULL);
	if (walk_to(walk, &range))
		return true;
	server_watch_jobs(without_next, first_without);
	return false;
}

static bool
delete_health(Walk *walk)
{
	WalkRange	range = walk_range(walk, "job_health_state", "job_health_state_pkey");

	query_delete_gone_health(&range);
	return walk_to(walk, &range);
}

static bool
delete_metrics(Walk *walk)
{
	WalkRange	range = walk_range(walk, "job_metric", "job_metric_pkey");

	query_delete_gone_metrics(&range);
	return walk_to(walk, &range);
}

static bool
delete_queues(Walk *walk)
{
	query_delete_gone_queues();
	return false;
}

static bool
delete_alerts(Walk *walk)
{
	WalkRange	range = walk_range(walk, "alert", "alert_pkey");

	query_delete_old_alerts(&range, clock_minutes_ago(pg_scheduler_history_retention));
	return walk_to(walk, &range);
}

/*
 * Minutes of jobs: those of a time, and not more than some rows
 */

/* From the newest on, until there are too many */
static bool
count_minutes(Walk *walk)
{
	int64		left = (int64) pg_scheduler_job_metrics_rows + 1;
	int64		n;

	if (walk->at == PG_INT64_MIN)
	{
		minutes_before = clock_minutes_ago(pg_scheduler_metrics_retention);
		minutes_counted = 0;
		minutes_job = PG_INT64_MAX;
		walk->at = DT_NOEND;
	}
	left -= minutes_counted;
	n = Min(walk->rows, left);
	if (!query_pass_job_minutes(&walk->at, &minutes_job, n))
		return false;
	minutes_counted += n;
	if (n == left)
		minutes_before = Max(minutes_before, walk->at + 1);
	return n < left && walk->at >= minutes_before;
}

static bool
delete_minutes(Walk *walk)
{
	TimestampTz last = walk->at == PG_INT64_MIN ? DT_NOBEGIN : walk->at;
	int64		n = query_delete_job_minutes(&last, minutes_before, walk->rows);

	walk->at = last;
	return n == walk->rows;
}

/*
 * The whole
 */

static void
end_cleaning(Walk *walk)
{
	next_cleaning = walk_next_time(walk, Min((int64) pg_scheduler_metrics_interval *
											 USECS_PER_SEC, USECS_PER_MINUTE));
}

static const WalkPart cleaning_parts[] = {
	{"looking for jobs without a next time", look_at_jobs},
	{"deleting the health of jobs that have gone", delete_health},
	{"deleting the metrics of jobs that have gone", delete_metrics},
	{"deleting the health of queues that have gone", delete_queues},
	{"deleting old alerts", delete_alerts},
	{"counting the minutes of jobs", count_minutes},
	{"deleting old minutes of jobs", delete_minutes}
};
static Walk cleaning = {cleaning_parts, lengthof(cleaning_parts), end_cleaning};

void
monitor_clean(TimestampTz now)
{
	if (next_cleaning <= now)
		walk_begin(&cleaning);
}

/*-------------------------------------------------------------------------
 *
 * long_run.c
 *	  Runs that go on for longer than their job is used to.
 *
 * Shared memory says what is being executed, and since when.  What has gone on
 * for longer than the interval of the rule long_running, which is rare, is
 * compared with the durations of its job.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "health/long_run.h"
#include "shared/http_flight.h"
#include "shared/worker_slot.h"
#include "state/alert_rule.h"
#include "state/job_metrics.h"
#include "state/run_queue.h"
#include "table/query_monitor.h"

/* While something runs it is looked at every: 15 s, or the interval of the rule. */
#define LOOK_INTERVAL	(15 * USECS_PER_SEC)

/* Runs that are looked at at a time, the others of HTTP later */
#define MAX_LONG		1000

typedef struct LongRun
{
	int64		job_id;
	TimestampTz started_at;
} LongRun;

static TimestampTz next_look = DT_NOBEGIN;
static int	nlong = 0;			/* jobs that were found at the last look */

static void
add(LongRun *runs, int *n, int64 job_id, TimestampTz started_at, TimestampTz before)
{
	if (started_at < before && *n < MAX_LONG)
	{
		runs[*n].job_id = job_id;
		runs[(*n)++].started_at = started_at;
	}
}

/* What was begun before a time, and is being executed; how many. */
static int
find_runs(TimestampTz before, LongRun *runs)
{
	int			n = 0;
	int			flight = -1;

	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	foreach_worker_slot(slot)
	{
		if (slot->state == WORKER_RUNNING && slot->has_run && slot->database == MyDatabaseId)
			add(runs, &n, slot->run.job_id, slot->started_at, before);
	}
	while ((flight = http_flight_next(MyDatabaseId, flight)) >= 0)
		add(runs, &n, http_flight_at(flight)->job_id, http_flight_at(flight)->started_at, before);
	LWLockRelease(scheduler_shared->lock);
	return n;
}

/* The one that is begun first counts. */
static void
note(const LongRun *run, TimestampTz now)
{
	const AlertRule *rule = alert_rule(ALERT_LONG_RUNNING);
	JobEntry   *entry = job_cache_get(run->job_id);
	JobMetrics *metrics = entry == NULL ? NULL :
		job_metrics_get(entry->job_id, entry->job.owner, entry->job.queue);

	if (metrics == NULL ||
		now - run->started_at <= rule->threshold * query_job_p95(run->job_id))
		return;
	nlong++;
	if (metrics->long_since == DT_NOBEGIN || run->started_at < metrics->long_since)
		metrics->long_since = run->started_at;
	job_metrics_touch(metrics);
}

static void
forget(JobMetrics *metrics, void *arg)
{
	if (metrics->long_since != DT_NOBEGIN)
		job_metrics_touch(metrics);
	metrics->long_since = DT_NOBEGIN;
}

void
long_run_watch(TimestampTz now)
{
	const AlertRule *rule = alert_rule(ALERT_LONG_RUNNING);
	LongRun    *runs = palloc(MAX_LONG * sizeof(LongRun));
	int			n = rule->enabled ? find_runs(now - rule->interval, runs) : 0;

	next_look = now + Min(LOOK_INTERVAL, Max(rule->interval, USECS_PER_SEC));
	if (nlong > 0)
		job_metrics_foreach(forget, NULL);
	nlong = 0;
	for (int i = 0; i < n; i++)
		note(&runs[i], now);
}

void
long_run_look_again(void)
{
	next_look = DT_NOBEGIN;
}

TimestampTz
long_run_next_time(void)
{
	return run_queue_count() > 0 || nlong > 0 ? next_look : DT_NOEND;
}

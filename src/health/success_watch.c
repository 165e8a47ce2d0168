/*-------------------------------------------------------------------------
 *
 * success_watch.c
 *	  Jobs none of whose runs has succeeded for as long as they allow.
 *
 * Nothing happens when a success does not: so whoever has a success_within is
 * looked for by an index when the first of these times is over.  Without such
 * jobs that is once, at the start.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/timestamp.h"

#include "health/success_watch.h"
#include "state/job_cache.h"
#include "state/job_metrics.h"
#include "table/query_monitor.h"

/* Who was found is looked for again after: 5 s, for others may have been added. */
#define LOOK_INTERVAL	(5 * USECS_PER_SEC)

static TimestampTz next_success_look = DT_NOBEGIN;
static int	nwatched = 0;		/* jobs with a success_within, at the last look */
static int	noverdue = 0;		/* of these, without success for too long */

/* What has ended of late is in memory before it is in the table. */
static void
note_success_within(const SuccessWithin *row, TimestampTz now)
{
	JobEntry   *entry = job_cache_peek(row->job_id);
	TimestampTz since = entry == NULL ? row->since : Max(row->since, entry->state.last_success_at);
	JobMetrics *metrics;

	next_success_look = Min(next_success_look, Max(since + row->within, now + USECS_PER_SEC));
	if (since + row->within > now || (entry = job_cache_get(row->job_id)) == NULL)
		return;
	metrics = job_metrics_get(entry->job_id, entry->job.owner, entry->job.queue);
	if (metrics == NULL)
		return;
	noverdue++;
	metrics->overdue_since = since;
	job_metrics_touch(metrics);
}

static void
forget_overdue(JobMetrics *metrics, void *arg)
{
	if (metrics->overdue_since != DT_NOBEGIN)
		job_metrics_touch(metrics);
	metrics->overdue_since = DT_NOBEGIN;
}

void
success_watch(TimestampTz now)
{
	SuccessWithin *rows;

	Assert(IsTransactionState());
	if (noverdue > 0)
		job_metrics_foreach(forget_overdue, NULL);
	noverdue = 0;
	next_success_look = DT_NOEND;
	nwatched = query_success_within(&rows);
	for (int i = 0; i < nwatched; i++)
		note_success_within(&rows[i], now);
	if (noverdue > 0)
		next_success_look = Min(next_success_look, now + LOOK_INTERVAL);
}

TimestampTz
success_watch_next_time(void)
{
	return next_success_look;
}

void
success_watch_job_changed(const JobEntry *entry)
{
	if (nwatched > 0 || (entry != NULL && entry->job.success_within > 0))
		success_watch_look_again();
}

void
success_watch_look_again(void)
{
	next_success_look = DT_NOBEGIN;
}

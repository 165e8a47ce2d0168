/*-------------------------------------------------------------------------
 *
 * metrics.c
 *	  Write what was counted, a minute at a time.
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

#include "base/cycle.h"
#include "base/guc.h"
#include "base/process.h"
#include "base/clock.h"
#include "flow/lane_fill.h"
#include "health/metrics.h"
#include "shared/worker_slot.h"
#include "state/job_metrics.h"
#include "state/run_queue.h"
#include "table/query_monitor.h"

/* Jobs whose counts are written in one transaction, which holds all else up */
#define JOBS_BATCH		200

typedef struct MinuteBatch
{
	MinuteRow  *rows;
	int			nrows;
	int			maxrows;
} MinuteBatch;

/* Figures of single jobs that have yet to be written, in a context of their own */
static JobTally *owed_tallies = NULL;
static int	nowed = 0;
static int	nwritten = 0;		/* of these, from the first on */
static TimestampTz owed_minute = DT_NOBEGIN;
static MemoryContext owed_context = NULL;

/* What is left of jobs that have gone since the last minute was written */
static MinuteBatch departed;
static MemoryContext departed_context = NULL;

static MinuteRow *
row_of(MinuteBatch *batch, Oid owner, const char *queue)
{
	MinuteRow  *row;

	for (int i = 0; i < batch->nrows; i++)
		if (batch->rows[i].owner == owner && strcmp(batch->rows[i].queue, queue) == 0)
			return &batch->rows[i];
	if (batch->nrows == batch->maxrows)
	{
		batch->maxrows = Max(16, batch->maxrows * 2);
		batch->rows = batch->rows == NULL ? palloc(batch->maxrows * sizeof(MinuteRow)) :
			repalloc(batch->rows, batch->maxrows * sizeof(MinuteRow));
	}
	row = &batch->rows[batch->nrows++];
	memset(row, 0, sizeof(*row));
	row->owner = owner;
	row->queue = pstrdup(queue);
	return row;
}

static void
add_tally(Tally *to, const Tally *tally)
{
	to->succeeded += tally->succeeded;
	to->failed += tally->failed;
	to->timed_out += tally->timed_out;
	to->cancelled += tally->cancelled;
	to->lost += tally->lost;
	to->skipped += tally->skipped;
	to->missed += tally->missed;
	to->retries += tally->retries;
	to->late += tally->late;
	to->timed += tally->timed;
	to->duration += tally->duration;
	to->max_duration = Max(to->max_duration, tally->max_duration);
	to->lateness += tally->lateness;
	to->max_lateness = Max(to->max_lateness, tally->max_lateness);
	for (int i = 0; i < lengthof(to->http_answers); i++)
		to->http_answers[i] += tally->http_answers[i];
	to->http_errors += tally->http_errors;
	to->http_reused += tally->http_reused;
	to->http_bytes += tally->http_bytes;
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		to->buckets[i] += tally->buckets[i];
}

void
metrics_keep(const JobMetrics *metrics)
{
	MemoryContext oldcontext;

	if (job_metrics_tally_is_empty(&metrics->tally))
		return;
	if (departed_context == NULL)
		departed_context = AllocSetContextCreate(TopMemoryContext, "pg_scheduler departed jobs",
												 ALLOCSET_SMALL_SIZES);
	oldcontext = MemoryContextSwitchTo(departed_context);
	add_tally(&row_of(&departed, metrics->owner, metrics->queue)->tally, &metrics->tally);
	MemoryContextSwitchTo(oldcontext);
}

static void
forget_departed(void)
{
	memset(&departed, 0, sizeof(departed));
	if (departed_context != NULL)
		MemoryContextReset(departed_context);
}

static void
collect(JobMetrics *metrics, void *arg)
{
	MinuteBatch *batch = arg;

	if (!job_metrics_tally_is_empty(&metrics->tally))
		add_tally(&row_of(batch, metrics->owner, metrics->queue)->tally, &metrics->tally);
}

/* Take over what a job has tallied, to be written later. */
static void
take_over(JobMetrics *metrics, void *arg)
{
	JobTally   *job;

	if (job_metrics_tally_is_empty(&metrics->tally))
		return;
	job = &owed_tallies[nowed++];
	job->job_id = metrics->job_id;
	job->owner = metrics->owner;
	job->tally = metrics->tally;
	job_metrics_clear_tally(metrics);
}

static void
take_over_all(TimestampTz minute)
{
	if (owed_context == NULL)
		owed_context = AllocSetContextCreate(TopMemoryContext, "pg_scheduler owed metrics",
											 ALLOCSET_SMALL_SIZES);
	MemoryContextReset(owed_context);
	owed_tallies = MemoryContextAllocHuge(owed_context,
										 Max(job_metrics_count(), 1) * sizeof(JobTally));
	nowed = nwritten = 0;
	owed_minute = minute;
	job_metrics_foreach(take_over, NULL);
}

void
metrics_of_workers(SchedulerMinute *row)
{
	const Database *db;

	memset(row, 0, sizeof(*row));
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	row->max_workers = scheduler_shared->nworkers;
	foreach_worker_slot(slot)
	{
		if (!worker_slot_is_alive(slot))
			continue;
		row->workers++;
		row->memory += slot->memory;
		if (slot->state == WORKER_RUNNING)
			row->workers_busy++;
		if (slot->state == WORKER_RUNNING && slot->database == MyDatabaseId)
			row->running++;
	}
	db = shmem_find_database(MyDatabaseId);
	if (db != NULL)
		row->http_in_flight = db->http_nflights;
	LWLockRelease(scheduler_shared->lock);
}

static void
write_scheduler_minute(TimestampTz minute)
{
	SchedulerMinute row;

	metrics_of_workers(&row);
	row.backlog = lane_fill_waiting_count();
	row.waiting = run_queue_count() - row.backlog - row.running;
	row.restarts = job_metrics_take_deaths();
	connection_count(&row.connections);
	query_insert_scheduler_minute(&row, minute);
}

/* In a transaction: what can be written only as a whole. */
static void
write_minute(const MinuteBatch *batch, TimestampTz minute, TimestampTz now)
{
	if (batch->nrows > 0)
		query_insert_minutes(batch->rows, batch->nrows, minute);
	write_scheduler_minute(minute);
	query_delete_old_minutes(clock_minutes_ago(pg_scheduler_metrics_retention));
}

void
metrics_write(TimestampTz minute, TimestampTz now)
{
	MinuteBatch batch = {0};

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	while (metrics_owed())
		metrics_step();
	for (int i = 0; i < departed.nrows; i++)
		add_tally(&row_of(&batch, departed.rows[i].owner, departed.rows[i].queue)->tally,
				  &departed.rows[i].tally);
	job_metrics_foreach(collect, &batch);
	cycle_start_transaction();
	write_minute(&batch, minute, now);
	cycle_commit_transaction();
	take_over_all(minute);
	forget_departed();
	job_metrics_tallies_written();
}

bool
metrics_owed(void)
{
	return nwritten < nowed;
}

void
metrics_step(void)
{
	int			n = Min(JOBS_BATCH, nowed - nwritten);

	if (n == 0)
		return;
	cycle_start_transaction();
	query_add_job_metrics(owed_tallies + nwritten, n,
						  pg_scheduler_job_metrics_rows > 0 ? owed_minute : DT_NOBEGIN);
	cycle_commit_transaction();
	nwritten += n;
	if (nwritten == nowed)
	{
		MemoryContextReset(owed_context);
		nowed = nwritten = 0;
	}
}

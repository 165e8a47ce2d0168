/*-------------------------------------------------------------------------
 *
 * metrics.c
 *	  Write what was metered, a minute at a time.
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

#include "catalog_monitor.h"
#include "guc.h"
#include "meter.h"
#include "metrics.h"
#include "run_queue.h"

/* Jobs whose figures are written by one statement */
#define JOBS_BATCH		1000

typedef struct MinuteBatch
{
	MinuteRow  *rows;
	int			nrows;
	int			maxrows;
	JobMeter  **meters;
	int			nmeters;
	int			maxmeters;
} MinuteBatch;

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
	to->retries += tally->retries;
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
metrics_keep(const JobMeter *meter)
{
	MemoryContext oldcontext;

	if (meter_tally_is_empty(&meter->tally))
		return;
	if (departed_context == NULL)
		departed_context = AllocSetContextCreate(TopMemoryContext, "pg_scheduler departed jobs",
												 ALLOCSET_SMALL_SIZES);
	oldcontext = MemoryContextSwitchTo(departed_context);
	add_tally(&row_of(&departed, meter->owner, meter->queue)->tally, &meter->tally);
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
collect(JobMeter *meter, void *arg)
{
	MinuteBatch *batch = arg;

	if (meter_tally_is_empty(&meter->tally))
		return;
	add_tally(&row_of(batch, meter->owner, meter->queue)->tally, &meter->tally);
	if (batch->nmeters == batch->maxmeters)
	{
		batch->maxmeters = Max(64, batch->maxmeters * 2);
		batch->meters = batch->meters == NULL ?
			palloc(batch->maxmeters * sizeof(JobMeter *)) :
			repalloc(batch->meters, batch->maxmeters * sizeof(JobMeter *));
	}
	batch->meters[batch->nmeters++] = meter;
}

void
metrics_of_workers(SchedulerMinute *figures)
{
	const Database *db;

	memset(figures, 0, sizeof(*figures));
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	figures->max_workers = scheduler_shared->nworkers;
	for (int i = 0; i < scheduler_shared->nworkers; i++)
	{
		const WorkerSlot *slot = &scheduler_shared->workers[i];

		if (slot->state == WORKER_FREE || slot->state == WORKER_DEAD)
			continue;
		figures->workers++;
		figures->memory += slot->memory;
		if (slot->state == WORKER_RUNNING)
			figures->workers_busy++;
		if (slot->state == WORKER_RUNNING && slot->database == MyDatabaseId)
			figures->running++;
	}
	db = shmem_find_database(MyDatabaseId);
	if (db != NULL)
		figures->http_in_flight = db->http_nflights;
	LWLockRelease(scheduler_shared->lock);
}

static void
write_scheduler_minute(TimestampTz minute)
{
	SchedulerMinute figures;

	metrics_of_workers(&figures);
	figures.backlog = run_queue_ready_count();
	figures.waiting = run_queue_count() - figures.backlog - figures.running;
	figures.restarts = meter_take_deaths();
	catalog_insert_scheduler_minute(&figures, minute);
}

void
metrics_write(TimestampTz minute, TimestampTz now)
{
	MinuteBatch batch = {0};
	MemoryContext context = CurrentMemoryContext;

	for (int i = 0; i < departed.nrows; i++)
		add_tally(&row_of(&batch, departed.rows[i].owner, departed.rows[i].queue)->tally,
				  &departed.rows[i].tally);
	meter_foreach(collect, &batch);
	StartTransactionCommand();
	if (batch.nrows > 0)
		catalog_insert_minutes(batch.rows, batch.nrows, minute);
	for (int i = 0; i < batch.nmeters; i += JOBS_BATCH)
		catalog_add_job_metrics(batch.meters + i, Min(JOBS_BATCH, batch.nmeters - i),
								pg_scheduler_job_metrics_rows > 0 ? minute : DT_NOBEGIN);
	write_scheduler_minute(minute);
	catalog_delete_old_minutes(now - (int64) pg_scheduler_metrics_retention * USECS_PER_MINUTE);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	for (int i = 0; i < batch.nmeters; i++)
		meter_clear_tally(batch.meters[i]);
	forget_departed();
	meter_tallies_written();
}

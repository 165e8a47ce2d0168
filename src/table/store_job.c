/*-------------------------------------------------------------------------
 *
 * store_job.c
 *	  scheduler.job and scheduler.job_state, read and written tuple by tuple.
 *
 * See store.h.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "table/job_row.h"
#include "table/row.h"
#include "table/store.h"

/* Columns of scheduler.job_state, in order */
enum
{
	STATE_JOB_ID = 1,
	STATE_SCHEDULE_VERSION,
	STATE_NEXT_RUN_AT,
	STATE_FINISHED,
	STATE_RUNS,
	STATE_SUCCEEDED,
	STATE_FAILED,
	STATE_TIMED_OUT,
	STATE_CANCELLED,
	STATE_LOST,
	STATE_SKIPPED,
	STATE_MISSED,
	STATE_RETRIES,
	STATE_CONSECUTIVE_FAILURES,
	STATE_LAST_RUN_AT,
	STATE_LAST_FINISHED_AT,
	STATE_LAST_SUCCESS_AT,
	STATE_LAST_STATUS,
	STATE_TOTAL_DURATION,
	STATE_OPEN_RUNS,
	STATE_OPEN_ATTEMPTS,
	STATE_COLUMNS = STATE_OPEN_ATTEMPTS
};

/*
 * scheduler.job
 */

static void
read_row(Job *job, HeapTuple tuple, TupleDesc desc, bool content)
{
	Datum	   *values = palloc(desc->natts * sizeof(Datum));
	bool	   *nulls = palloc(desc->natts * sizeof(bool));

	heap_deform_tuple(tuple, desc, values, nulls);
	if (HeapTupleHasExternal(tuple))
		PushActiveSnapshot(GetLatestSnapshot());
	job_row_read(job, values, nulls, content);
	if (HeapTupleHasExternal(tuple))
		PopActiveSnapshot();
	job->tid = tuple->t_self;
	pfree(values);
	pfree(nulls);
}

static void
fill_job(void *result, HeapTuple tuple, TupleDesc desc)
{
	read_row(result, tuple, desc, false);
}

static void
fill_whole_job(void *result, HeapTuple tuple, TupleDesc desc)
{
	read_row(result, tuple, desc, true);
}

/* A job that is whole if its content takes at most so many bytes */
typedef struct BoundedJob
{
	Job		   *job;
	int64		max;
} BoundedJob;

static void
fill_bounded_job(void *result, HeapTuple tuple, TupleDesc desc)
{
	BoundedJob *bounded = result;

	read_row(bounded->job, tuple, desc, false);
	if (bounded->job->content_size <= bounded->max)
		read_row(bounded->job, tuple, desc, true);
}

static void
fill_args(void *result, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	Datum		args = heap_getattr(tuple, JOB_ARGS, desc, &isnull);

	*(Jsonb **) result = isnull ? NULL :
		(Jsonb *) row_value((struct varlena *) DatumGetPointer(args));
}

bool
store_read_job(int64 job_id, const ItemPointerData *tid, Job *job)
{
	return row_read("job", "job_pkey", job_id, tid, fill_job, job);
}

bool
store_read_whole_job(int64 job_id, const ItemPointerData *tid, Job *job)
{
	return row_read("job", "job_pkey", job_id, tid, fill_whole_job, job);
}

bool
store_read_job_within(int64 job_id, int64 max, Job *job)
{
	BoundedJob	bounded = {job, max};

	return row_read("job", "job_pkey", job_id, NULL, fill_bounded_job, &bounded);
}

Jsonb *
store_read_args(int64 job_id, const PendingRun *pending)
{
	Jsonb	   *result = NULL;

	if (pending != NULL && pending->args != NULL)
		return pending->args;
	if (pending != NULL && pending->stored_args != NULL)
		return (Jsonb *) row_value(pending->stored_args);
	(void) row_read("job", "job_pkey", job_id, NULL, fill_args, &result);
	return result;
}

/*
 * scheduler.job_state
 */

static HeapTuple
form_state(TupleDesc desc, const JobState *state)
{
	Datum		values[STATE_COLUMNS];
	bool		nulls[STATE_COLUMNS] = {0};

	values[STATE_JOB_ID - 1] = Int64GetDatum(state->job_id);
	values[STATE_SCHEDULE_VERSION - 1] = Int32GetDatum(state->schedule_version);
	values[STATE_NEXT_RUN_AT - 1] =
		row_time(state->next_run_at, &nulls[STATE_NEXT_RUN_AT - 1]);
	values[STATE_FINISHED - 1] = BoolGetDatum(state->finished);
	values[STATE_RUNS - 1] = Int64GetDatum(state->runs);
	values[STATE_SUCCEEDED - 1] = Int64GetDatum(state->succeeded);
	values[STATE_FAILED - 1] = Int64GetDatum(state->failed);
	values[STATE_TIMED_OUT - 1] = Int64GetDatum(state->timed_out);
	values[STATE_CANCELLED - 1] = Int64GetDatum(state->cancelled);
	values[STATE_LOST - 1] = Int64GetDatum(state->lost);
	values[STATE_SKIPPED - 1] = Int64GetDatum(state->skipped);
	values[STATE_MISSED - 1] = Int64GetDatum(state->missed);
	values[STATE_RETRIES - 1] = Int64GetDatum(state->retries);
	values[STATE_CONSECUTIVE_FAILURES - 1] = Int32GetDatum(state->consecutive_failures);
	values[STATE_LAST_RUN_AT - 1] =
		row_time(state->last_run_at, &nulls[STATE_LAST_RUN_AT - 1]);
	values[STATE_LAST_FINISHED_AT - 1] =
		row_time(state->last_finished_at, &nulls[STATE_LAST_FINISHED_AT - 1]);
	values[STATE_LAST_SUCCESS_AT - 1] =
		row_time(state->last_success_at, &nulls[STATE_LAST_SUCCESS_AT - 1]);
	nulls[STATE_LAST_STATUS - 1] = nulls[STATE_LAST_RUN_AT - 1];
	values[STATE_LAST_STATUS - 1] = nulls[STATE_LAST_STATUS - 1] ? (Datum) 0 :
		CStringGetTextDatum(run_status_name(state->last_status));
	values[STATE_TOTAL_DURATION - 1] = Int64GetDatum(state->total_duration);
	nulls[STATE_OPEN_RUNS - 1] = nulls[STATE_OPEN_ATTEMPTS - 1] = state->open_runs == NULL;
	values[STATE_OPEN_RUNS - 1] = PointerGetDatum(state->open_runs);
	values[STATE_OPEN_ATTEMPTS - 1] = PointerGetDatum(state->open_attempts);
	Assert(desc->natts == lengthof(values));
	return heap_form_tuple(desc, values, nulls);
}

static void
fill_state(void *result, HeapTuple tuple, TupleDesc desc)
{
	JobState   *state = result;
	Datum		values[STATE_COLUMNS];
	bool		nulls[STATE_COLUMNS];

	Assert(desc->natts == lengthof(values));
	heap_deform_tuple(tuple, desc, values, nulls);
	state->job_id = DatumGetInt64(values[STATE_JOB_ID - 1]);
	state->schedule_version = DatumGetInt32(values[STATE_SCHEDULE_VERSION - 1]);
	state->next_run_at = nulls[STATE_NEXT_RUN_AT - 1] ? DT_NOEND :
		DatumGetTimestampTz(values[STATE_NEXT_RUN_AT - 1]);
	state->finished = DatumGetBool(values[STATE_FINISHED - 1]);
	state->runs = DatumGetInt64(values[STATE_RUNS - 1]);
	state->succeeded = DatumGetInt64(values[STATE_SUCCEEDED - 1]);
	state->failed = DatumGetInt64(values[STATE_FAILED - 1]);
	state->timed_out = DatumGetInt64(values[STATE_TIMED_OUT - 1]);
	state->cancelled = DatumGetInt64(values[STATE_CANCELLED - 1]);
	state->lost = DatumGetInt64(values[STATE_LOST - 1]);
	state->skipped = DatumGetInt64(values[STATE_SKIPPED - 1]);
	state->missed = DatumGetInt64(values[STATE_MISSED - 1]);
	state->retries = DatumGetInt64(values[STATE_RETRIES - 1]);
	state->consecutive_failures = DatumGetInt32(values[STATE_CONSECUTIVE_FAILURES - 1]);
	state->last_run_at = nulls[STATE_LAST_RUN_AT - 1] ? DT_NOBEGIN :
		DatumGetTimestampTz(values[STATE_LAST_RUN_AT - 1]);
	state->last_finished_at = nulls[STATE_LAST_FINISHED_AT - 1] ? DT_NOBEGIN :
		DatumGetTimestampTz(values[STATE_LAST_FINISHED_AT - 1]);
	state->last_success_at = nulls[STATE_LAST_SUCCESS_AT - 1] ? DT_NOBEGIN :
		DatumGetTimestampTz(values[STATE_LAST_SUCCESS_AT - 1]);
	state->last_status = nulls[STATE_LAST_STATUS - 1] ? RUN_QUEUED :
		run_status_from_name(TextDatumGetCString(values[STATE_LAST_STATUS - 1]));
	state->total_duration = DatumGetInt64(values[STATE_TOTAL_DURATION - 1]);
	state->open_runs = state->open_attempts = NULL;
	state->tid = tuple->t_self;
}

bool
store_read_job_state(int64 job_id, JobState *state)
{
	return row_read("job_state", "job_state_pkey", job_id, NULL, fill_state, state);
}

/*
 * Make room on a page by removing row versions that nobody sees any more, as
 * a scan of the page would: without it, the next version of a row goes to
 * another page, and takes an entry in the index along.
 */
static void
prune_page(Relation rel, BlockNumber block)
{
	Buffer		buffer = ReadBuffer(rel, block);

	heap_page_prune_opt(rel, buffer);
	ReleaseBuffer(buffer);
}

void
store_write_job_states(JobState **states, int count)
{
	BlockNumber pruned = InvalidBlockNumber;
	Relation	rel = row_open_table("job_state", RowExclusiveLock);
	CatalogIndexState indexes = CatalogOpenIndexes(rel);
	RowFinder	finder;

	/*
	 * Brings what we know of transactions that still see old versions up to
	 * date; and while one is active, what is out of line stays.
	 */
	PushActiveSnapshot(GetLatestSnapshot());
	row_finder_begin(&finder, rel, "job_state_pkey");
	for (int i = 0; i < count; i++)
	{
		JobState   *state = states[i];
		HeapTuple	tuple = form_state(RelationGetDescr(rel), state);
		HeapTuple	old;

		/* before the finder pins the page */
		if (ItemPointerIsValid(&state->tid) &&
			ItemPointerGetBlockNumber(&state->tid) != pruned &&
			row_block_exists(rel, &state->tid))
		{
			pruned = ItemPointerGetBlockNumber(&state->tid);
			prune_page(rel, pruned);
		}
		old = row_finder_find(&finder, state->job_id, &state->tid);
		if (old != NULL)
		{
			CatalogTupleUpdateWithInfo(rel, &old->t_self, tuple, indexes);
			heap_freetuple(old);
		}
		else
			CatalogTupleInsertWithInfo(rel, tuple, indexes);
		state->tid = tuple->t_self;
		heap_freetuple(tuple);
	}
	row_finder_end(&finder);
	PopActiveSnapshot();
	CatalogCloseIndexes(indexes);
	table_close(rel, RowExclusiveLock);
	CommandCounterIncrement();
}

/*
 * Many jobs with their states
 */

struct StoreReader
{
	RowFinder	jobs;
	RowFinder	states;
};

StoreReader *
store_begin_read(bool in_order)
{
	StoreReader *reader = palloc(sizeof(StoreReader));

	row_finder_begin(&reader->jobs, row_open_table("job", AccessShareLock), "job_pkey");
	row_finder_begin(&reader->states, row_open_table("job_state", AccessShareLock),
					 "job_state_pkey");
	if (in_order)
	{
		row_finder_walk(&reader->jobs);
		row_finder_walk(&reader->states);
	}
	return reader;
}

bool
store_read_both(StoreReader *reader, int64 job_id, Job *job, JobState *state)
{
	HeapTuple	tuple = row_finder_find(&reader->jobs, job_id, NULL);

	if (tuple == NULL)
		return false;
	fill_job(job, tuple, RelationGetDescr(reader->jobs.rel));
	tuple = row_finder_find(&reader->states, job_id, NULL);
	if (tuple == NULL)
		job_state_init(state, job_id);
	else
		fill_state(state, tuple, RelationGetDescr(reader->states.rel));
	return true;
}

void
store_end_read(StoreReader *reader)
{
	row_finder_end(&reader->jobs);
	row_finder_end(&reader->states);
	table_close(reader->jobs.rel, AccessShareLock);
	table_close(reader->states.rel, AccessShareLock);
	pfree(reader);
}

void
store_delete_job_state(JobState *state)
{
	Relation	rel = row_open_table("job_state", RowExclusiveLock);
	HeapTuple	tuple = row_find(rel, "job_state_pkey", state->job_id, &state->tid);

	if (tuple != NULL)
	{
		/* the runs that were open may be out of line */
		row_push_snapshot(true);
		(void) row_delete(rel, &tuple->t_self);
		row_pop_snapshot(true);
	}
	table_close(rel, RowExclusiveLock);
	CommandCounterIncrement();
}

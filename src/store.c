/*-------------------------------------------------------------------------
 *
 * store.c
 *	  The tables of the hot path, read and written tuple by tuple.
 *
 * A row is found by the tuple id that the last writer of it remembers; when
 * that no longer leads to the row (a VACUUM FULL, say), its primary key does.
 * With an old transaction holding back vacuum, this keeps the cost of a run
 * where it was: no index entry of a dead row is looked at.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "commands/sequence.h"
#include "datatype/timestamp.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "store.h"

/* Columns of scheduler.pending_run, in order */
enum
{
	PENDING_RUN_ID = 1,
	PENDING_JOB_ID,
	PENDING_OWNER,
	PENDING_ATTEMPT,
	PENDING_PRIORITY,
	PENDING_SCHEDULED_AT,
	PENDING_DUE_AT,
	PENDING_TRIGGERED_BY,
	PENDING_STARTED_AT,
	PENDING_CRASHES,
	PENDING_ARGS,
	PENDING_REDRIVEN_FROM,
	PENDING_COLUMNS = PENDING_REDRIVEN_FROM
};

/* Columns of scheduler.run_history, in order */
enum
{
	HISTORY_RUN_ID = 1,
	HISTORY_JOB_ID,
	HISTORY_JOB_NAME,
	HISTORY_OWNER,
	HISTORY_ATTEMPT,
	HISTORY_STATUS,
	HISTORY_SCHEDULED_AT,
	HISTORY_NEXT_ATTEMPT_AT,
	HISTORY_STARTED_AT,
	HISTORY_FINISHED_AT,
	HISTORY_WORKER_PID,
	HISTORY_ROWS_AFFECTED,
	HISTORY_ERROR_MESSAGE,
	HISTORY_ERROR_DETAIL,
	HISTORY_ERROR_HINT,
	HISTORY_ERROR_CONTEXT,
	HISTORY_SQLSTATE,
	HISTORY_HTTP_STATUS,
	HISTORY_TRIGGERED_BY,
	HISTORY_OCCURRENCES,
	HISTORY_REDRIVEN_FROM,
	HISTORY_CPU_TIME,
	HISTORY_BUFFERS_HIT,
	HISTORY_BUFFERS_READ,
	HISTORY_TEMP_BYTES,
	HISTORY_WAL_BYTES,
	HISTORY_COLUMNS = HISTORY_WAL_BYTES
};

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
	STATE_LAST_STATUS,
	STATE_TOTAL_DURATION,
	STATE_COLUMNS = STATE_TOTAL_DURATION
};

#define INSERT_BATCH	256

/*
 * Relations and rows
 */

Oid
store_relation(const char *name)
{
	Oid			schema = get_namespace_oid("scheduler", true);

	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

static Relation
open_table(const char *name, LOCKMODE lockmode)
{
	Oid			oid = store_relation(name);

	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"scheduler.%s\" does not exist", name),
				 errhint("Use CREATE EXTENSION pg_scheduler.")));
	return table_open(oid, lockmode);
}

/*
 * Finds rows of a table by their first column, a bigint primary key.  One
 * finder can look for many: the relations are opened once, and one snapshot
 * serves for all.
 */
typedef struct RowFinder
{
	Relation	rel;
	Relation	index;			/* opened at the first need */
	const char *pkey;
	Snapshot	snapshot;
	IndexScanDesc scan;
	TupleTableSlot *slot;
} RowFinder;

/*
 * A copy of the row in the slot, with all values in line; t_self is kept.
 * Values that are stored out of line need a snapshot to be read.
 */
static HeapTuple
copy_row(RowFinder *finder)
{
	HeapTuple	tuple = ExecCopySlotHeapTuple(finder->slot);

	if (HeapTupleHasExternal(tuple))
	{
		PushActiveSnapshot(GetLatestSnapshot());
		tuple = toast_flatten_tuple(tuple, RelationGetDescr(finder->rel));
		PopActiveSnapshot();
	}
	return tuple;
}

static void
finder_begin(RowFinder *finder, Relation rel, const char *pkey)
{
	memset(finder, 0, sizeof(*finder));
	finder->rel = rel;
	finder->pkey = pkey;
	finder->slot = table_slot_create(rel, NULL);
}

/*
 * The row with this key, or NULL: first at "tid", if that is valid, then by
 * the primary key.  The result is a copy.
 */
static HeapTuple
finder_find(RowFinder *finder, int64 key, const ItemPointerData *tid)
{
	ScanKeyData skey;

	if (tid != NULL && ItemPointerIsValid(tid))
	{
		ItemPointerData at = *tid;
		bool		isnull;

		if (table_tuple_fetch_row_version(finder->rel, &at, SnapshotSelf, finder->slot) &&
			DatumGetInt64(slot_getattr(finder->slot, 1, &isnull)) == key)
			return copy_row(finder);
	}

	if (finder->scan == NULL)
	{
		finder->index = index_open(store_relation(finder->pkey), AccessShareLock);
		finder->snapshot = RegisterSnapshot(GetLatestSnapshot());
		finder->scan = compat_index_beginscan(finder->rel, finder->index,
											  finder->snapshot, 1);
	}
	ScanKeyInit(&skey, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(key));
	index_rescan(finder->scan, &skey, 1, NULL, 0);
	if (index_getnext_slot(finder->scan, ForwardScanDirection, finder->slot))
		return copy_row(finder);
	return NULL;
}

static void
finder_end(RowFinder *finder)
{
	if (finder->scan != NULL)
	{
		index_endscan(finder->scan);
		UnregisterSnapshot(finder->snapshot);
		index_close(finder->index, AccessShareLock);
	}
	ExecDropSingleTupleTableSlot(finder->slot);
}

/* One row. */
static HeapTuple
find_row(Relation rel, const char *pkey, int64 key, const ItemPointerData *tid)
{
	RowFinder	finder;
	HeapTuple	result;

	finder_begin(&finder, rel, pkey);
	result = finder_find(&finder, key, tid);
	finder_end(&finder);
	return result;
}

/*
 * Delete a tuple.  False when somebody else has deleted or replaced it; an
 * unfinished transaction that has it in hand is waited for.
 */
static bool
delete_tuple(Relation rel, ItemPointer tid)
{
	TM_FailureData failure;

	return table_tuple_delete(rel, tid, GetCurrentCommandId(true),
							  SnapshotSelf, InvalidSnapshot, true, &failure,
							  false) == TM_Ok;
}

static Datum
text_or_null(const char *value, bool *isnull)
{
	*isnull = (value == NULL);
	return value ? CStringGetTextDatum(value) : (Datum) 0;
}

static Datum
int64_or_null(int64 value, int64 null_value, bool *isnull)
{
	*isnull = (value == null_value);
	return Int64GetDatum(value);
}

static Datum
time_or_null(TimestampTz value, bool *isnull)
{
	*isnull = TIMESTAMP_NOT_FINITE(value);
	return TimestampTzGetDatum(value);
}

/*
 * scheduler.job
 */

static char *
text_column(const Datum *values, const bool *nulls, JobColumn column)
{
	return nulls[column - 1] ? NULL : TextDatumGetCString(values[column - 1]);
}

static Jsonb *
jsonb_column(const Datum *values, const bool *nulls, JobColumn column)
{
	return nulls[column - 1] ? NULL : DatumGetJsonbPCopy(values[column - 1]);
}

static TimestampTz
time_column(const Datum *values, const bool *nulls, JobColumn column,
			TimestampTz null_value)
{
	return nulls[column - 1] ? null_value : DatumGetTimestampTz(values[column - 1]);
}

static int64
interval_column(Datum value, bool isnull, int64 null_value)
{
	return isnull ? null_value : interval_usecs(DatumGetIntervalP(value));
}

static int
enum_column(Datum value, int (*from_name) (const char *))
{
	char	   *name = TextDatumGetCString(value);
	int			result = from_name(name);

	if (result < 0)
		elog(ERROR, "unrecognized option \"%s\" in scheduler.job", name);
	return result;
}

static void
fill_policies(Job *job, Datum *values, bool *nulls)
{
	job->queue = TextDatumGetCString(values[JOB_QUEUE - 1]);
	job->priority = DatumGetInt32(values[JOB_PRIORITY - 1]);
	job->overlap = enum_column(values[JOB_OVERLAP - 1], overlap_from_name);
	job->max_instances = DatumGetInt32(values[JOB_MAX_INSTANCES - 1]);
	job->misfire = enum_column(values[JOB_MISFIRE - 1], misfire_from_name);
	job->misfire_grace = interval_column(values[JOB_MISFIRE_GRACE - 1],
										 nulls[JOB_MISFIRE_GRACE - 1], -1);
	job->timeout = interval_column(values[JOB_TIMEOUT - 1], nulls[JOB_TIMEOUT - 1], 0);
	job->retry.max_retries = DatumGetInt32(values[JOB_MAX_RETRIES - 1]);
	job->retry.backoff = enum_column(values[JOB_BACKOFF - 1], backoff_from_name);
	job->retry.delay = interval_column(values[JOB_RETRY_DELAY - 1], false, 0);
	job->retry.max_delay = interval_column(values[JOB_MAX_RETRY_DELAY - 1], false, 0);
	job->retry.jitter = DatumGetBool(values[JOB_RETRY_JITTER - 1]);
	job->retry_on = nulls[JOB_RETRY_ON - 1] ? NULL :
		DatumGetArrayTypePCopy(values[JOB_RETRY_ON - 1]);
	job->on_lost = enum_column(values[JOB_ON_LOST - 1], on_lost_from_name);
}

void
store_fill_job(Job *job, HeapTuple tuple, TupleDesc desc)
{
	Datum	   *values = palloc(desc->natts * sizeof(Datum));
	bool	   *nulls = palloc(desc->natts * sizeof(bool));

	heap_deform_tuple(tuple, desc, values, nulls);
	memset(job, 0, sizeof(*job));
	job->tid = tuple->t_self;
	job->job_id = DatumGetInt64(values[JOB_JOB_ID - 1]);
	text_to_cstring_buffer(DatumGetTextPP(values[JOB_JOB_NAME - 1]),
						   job->job_name, JOB_NAME_LENGTH);
	job->owner = DatumGetObjectId(values[JOB_OWNER - 1]);
	job->kind = enum_column(values[JOB_KIND - 1], job_kind_from_name);
	job->schedule = text_column(values, nulls, JOB_SCHEDULE);
	job->schedule_version = DatumGetInt32(values[JOB_SCHEDULE_VERSION - 1]);
	job->anchor = DatumGetTimestampTz(values[JOB_ANCHOR - 1]);
	job->timezone = text_column(values, nulls, JOB_TIMEZONE);
	job->starts_at = time_column(values, nulls, JOB_STARTS_AT, DT_NOBEGIN);
	job->ends_at = time_column(values, nulls, JOB_ENDS_AT, DT_NOEND);
	job->max_runs = nulls[JOB_MAX_RUNS - 1] ? 0 : DatumGetInt64(values[JOB_MAX_RUNS - 1]);
	job->jitter = interval_column(values[JOB_JITTER - 1], nulls[JOB_JITTER - 1], 0);
	job->command = text_column(values, nulls, JOB_COMMAND);
	job->args = jsonb_column(values, nulls, JOB_ARGS);
	job->settings = jsonb_column(values, nulls, JOB_SETTINGS);
	job->request = jsonb_column(values, nulls, JOB_REQUEST);
	fill_policies(job, values, nulls);
	job->active = DatumGetBool(values[JOB_ENABLED - 1]) && nulls[JOB_PAUSED_AT - 1];
	job->calendar = text_column(values, nulls, JOB_CALENDAR);
	job->calendar_defer = strcmp(TextDatumGetCString(values[JOB_CALENDAR_ACTION - 1]), "defer") == 0;
	pfree(values);
	pfree(nulls);
}

bool
store_read_job(int64 job_id, const ItemPointerData *tid, Job *job)
{
	Relation	rel = open_table("job", AccessShareLock);
	HeapTuple	tuple = find_row(rel, "job_pkey", job_id, tid);

	if (tuple != NULL)
		store_fill_job(job, tuple, RelationGetDescr(rel));
	table_close(rel, AccessShareLock);
	return tuple != NULL;
}

/*
 * scheduler.pending_run
 */

static HeapTuple
form_pending(TupleDesc desc, const PendingRun *pending)
{
	const Run  *run = &pending->run;
	Datum		values[PENDING_COLUMNS];
	bool		nulls[PENDING_COLUMNS] = {0};

	values[PENDING_RUN_ID - 1] = Int64GetDatum(run->run_id);
	values[PENDING_JOB_ID - 1] = Int64GetDatum(run->job_id);
	values[PENDING_OWNER - 1] = ObjectIdGetDatum(run->owner);
	values[PENDING_ATTEMPT - 1] = Int32GetDatum(run->attempt);
	values[PENDING_PRIORITY - 1] = Int32GetDatum(run->priority);
	values[PENDING_SCHEDULED_AT - 1] = TimestampTzGetDatum(run->scheduled_at);
	values[PENDING_DUE_AT - 1] = TimestampTzGetDatum(run->due_at);
	values[PENDING_TRIGGERED_BY - 1] =
		CStringGetTextDatum(run_trigger_name(run->trigger));
	values[PENDING_STARTED_AT - 1] =
		time_or_null(pending->started_at, &nulls[PENDING_STARTED_AT - 1]);
	values[PENDING_CRASHES - 1] = Int32GetDatum(run->crashes);
	values[PENDING_ARGS - 1] = PointerGetDatum(pending->args);
	nulls[PENDING_ARGS - 1] = (pending->args == NULL);
	values[PENDING_REDRIVEN_FROM - 1] =
		int64_or_null(pending->redriven_from, 0, &nulls[PENDING_REDRIVEN_FROM - 1]);
	return heap_form_tuple(desc, values, nulls);
}

static void
fill_pending(PendingRun *pending, HeapTuple tuple, TupleDesc desc)
{
	Datum		values[PENDING_COLUMNS];
	bool		nulls[PENDING_COLUMNS];
	Run		   *run = &pending->run;

	heap_deform_tuple(tuple, desc, values, nulls);
	memset(pending, 0, sizeof(*pending));
	run->run_id = DatumGetInt64(values[PENDING_RUN_ID - 1]);
	run->job_id = DatumGetInt64(values[PENDING_JOB_ID - 1]);
	run->owner = DatumGetObjectId(values[PENDING_OWNER - 1]);
	run->attempt = DatumGetInt32(values[PENDING_ATTEMPT - 1]);
	run->priority = DatumGetInt32(values[PENDING_PRIORITY - 1]);
	run->scheduled_at = DatumGetTimestampTz(values[PENDING_SCHEDULED_AT - 1]);
	run->due_at = DatumGetTimestampTz(values[PENDING_DUE_AT - 1]);
	run->trigger =
		run_trigger_from_name(TextDatumGetCString(values[PENDING_TRIGGERED_BY - 1]));
	run->crashes = DatumGetInt32(values[PENDING_CRASHES - 1]);
	run->tid = tuple->t_self;
	pending->started_at = nulls[PENDING_STARTED_AT - 1] ? DT_NOBEGIN :
		DatumGetTimestampTz(values[PENDING_STARTED_AT - 1]);
	pending->args = nulls[PENDING_ARGS - 1] ? NULL :
		DatumGetJsonbPCopy(values[PENDING_ARGS - 1]);
	pending->redriven_from = nulls[PENDING_REDRIVEN_FROM - 1] ? 0 :
		DatumGetInt64(values[PENDING_REDRIVEN_FROM - 1]);
}

bool
store_read_pending(int64 run_id, PendingRun *pending)
{
	Relation	rel = open_table("pending_run", AccessShareLock);
	HeapTuple	tuple = find_row(rel, "pending_run_pkey", run_id, NULL);

	if (tuple != NULL)
		fill_pending(pending, tuple, RelationGetDescr(rel));
	table_close(rel, AccessShareLock);
	return tuple != NULL;
}

void
store_scan_pending(PendingCallback callback, void *arg)
{
	Relation	rel = open_table("pending_run", AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		PendingRun	pending;

		fill_pending(&pending, tuple, RelationGetDescr(rel));
		callback(&pending, arg);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

void
store_insert_pending(Run *runs, int count)
{
	Relation	rel = open_table("pending_run", RowExclusiveLock);
	CatalogIndexState indexes = CatalogOpenIndexes(rel);
	TupleTableSlot *slots[INSERT_BATCH];
	Oid			sequence = store_relation("run_id_seq");
	int			nslots = Min(count, INSERT_BATCH);

	for (int i = 0; i < nslots; i++)
		slots[i] = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsHeapTuple);

	for (int done = 0; done < count; done += nslots)
	{
		int			n = Min(count - done, nslots);

		for (int i = 0; i < n; i++)
		{
			PendingRun	pending = {.started_at = DT_NOBEGIN};
			Run		   *run = &runs[done + i];

			if (run->run_id == 0)
				run->run_id = nextval_internal(sequence, false);
			pending.run = *run;
			ExecStoreHeapTuple(form_pending(RelationGetDescr(rel), &pending),
							   slots[i], true);
		}
		CatalogTuplesMultiInsertWithInfo(rel, slots, n, indexes);
		for (int i = 0; i < n; i++)
			runs[done + i].tid = slots[i]->tts_tid;
	}

	for (int i = 0; i < nslots; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
	CatalogCloseIndexes(indexes);
	table_close(rel, RowExclusiveLock);
}

void
store_insert_pending_run(PendingRun *pending)
{
	Relation	rel = open_table("pending_run", RowExclusiveLock);
	HeapTuple	tuple;

	if (pending->run.run_id == 0)
		pending->run.run_id = nextval_internal(store_relation("run_id_seq"), false);
	tuple = form_pending(RelationGetDescr(rel), pending);
	CatalogTupleInsert(rel, tuple);
	pending->run.tid = tuple->t_self;
	table_close(rel, RowExclusiveLock);
	CommandCounterIncrement();
}

/*
 * The row of a run, or NULL when it is gone or has become another attempt.
 */
static HeapTuple
find_pending(Relation rel, const Run *run, PendingRun *pending)
{
	HeapTuple	tuple = find_row(rel, "pending_run_pkey", run->run_id, &run->tid);

	if (tuple == NULL)
		return NULL;
	fill_pending(pending, tuple, RelationGetDescr(rel));
	return pending->run.attempt == run->attempt ? tuple : NULL;
}

/*
 * Deleting a value that is stored out of line takes a snapshot; most runs
 * have no arguments of their own, and are spared it.
 */
static void
push_snapshot_for(const PendingRun *pending)
{
	if (pending->args != NULL)
		PushActiveSnapshot(GetLatestSnapshot());
}

static void
pop_snapshot_for(const PendingRun *pending)
{
	if (pending->args != NULL)
		PopActiveSnapshot();
}

bool
store_delete_pending(const Run *run)
{
	Relation	rel = open_table("pending_run", RowExclusiveLock);
	PendingRun	pending;
	HeapTuple	tuple = find_pending(rel, run, &pending);
	bool		result = false;

	if (tuple != NULL)
	{
		push_snapshot_for(&pending);
		result = delete_tuple(rel, &tuple->t_self);
		pop_snapshot_for(&pending);
	}
	table_close(rel, RowExclusiveLock);
	return result;
}

/* Replace the row of a run by *pending, which has the new contents. */
static void
update_pending(Relation rel, HeapTuple old, PendingRun *pending)
{
	HeapTuple	tuple = form_pending(RelationGetDescr(rel), pending);

	push_snapshot_for(pending);
	CatalogTupleUpdate(rel, &old->t_self, tuple);
	pop_snapshot_for(pending);
	pending->run.tid = tuple->t_self;
	CommandCounterIncrement();
}

bool
store_mark_started(Run *run, TimestampTz started_at)
{
	Relation	rel = open_table("pending_run", RowExclusiveLock);
	PendingRun	pending;
	HeapTuple	tuple = find_pending(rel, run, &pending);

	if (tuple != NULL)
	{
		pending.started_at = started_at;
		update_pending(rel, tuple, &pending);
		run->tid = pending.run.tid;
	}
	table_close(rel, RowExclusiveLock);
	return tuple != NULL;
}

bool
store_retry_pending(const Run *run, Run *next)
{
	Relation	rel = open_table("pending_run", RowExclusiveLock);
	PendingRun	pending;
	HeapTuple	tuple = find_pending(rel, run, &pending);

	if (tuple != NULL)
	{
		pending.run = *next;
		pending.started_at = DT_NOBEGIN;
		update_pending(rel, tuple, &pending);
		next->tid = pending.run.tid;
	}
	table_close(rel, RowExclusiveLock);
	return tuple != NULL;
}

bool
store_count_crash(Run *run)
{
	Relation	rel = open_table("pending_run", RowExclusiveLock);
	PendingRun	pending;
	HeapTuple	tuple = find_pending(rel, run, &pending);

	if (tuple != NULL)
	{
		pending.run.crashes = run->crashes;
		update_pending(rel, tuple, &pending);
		run->tid = pending.run.tid;
	}
	table_close(rel, RowExclusiveLock);
	return tuple != NULL;
}

/*
 * scheduler.run_history
 */

/*
 * The partition that takes rows of a time.  Each holds a day, UTC, and is
 * named after it.  There is no default partition: attaching another one would
 * have to lock it against all readers.
 */
Relation
store_open_partition(const char *table, TimestampTz time)
{
	struct pg_tm tm;
	fsec_t		fsec;
	char		name[NAMEDATALEN];
	Oid			oid;
	Relation	rel = NULL;

	if (timestamp2tm(time, NULL, &tm, &fsec, NULL, NULL) != 0)
		elog(ERROR, "timestamp out of range");
	snprintf(name, sizeof(name), "%s_%04d%02d%02d", table,
			 tm.tm_year, tm.tm_mon, tm.tm_mday);
	oid = store_relation(name);
	if (OidIsValid(oid))
		rel = try_table_open(oid, RowExclusiveLock);
	if (rel == NULL || !rel->rd_rel->relispartition)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is no partition \"scheduler.%s\"", name),
				 errhint("The scheduler makes partitions ahead of time; the server log says why it could not.")));
	return rel;
}

int64
store_nextval(const char *sequence)
{
	return nextval_internal(store_relation(sequence), false);
}

static void
fill_history_result(const RunRecord *record, Datum *values, bool *nulls)
{
	values[HISTORY_ERROR_MESSAGE - 1] =
		text_or_null(record->error_message, &nulls[HISTORY_ERROR_MESSAGE - 1]);
	values[HISTORY_ERROR_DETAIL - 1] =
		text_or_null(record->error_detail, &nulls[HISTORY_ERROR_DETAIL - 1]);
	values[HISTORY_ERROR_HINT - 1] =
		text_or_null(record->error_hint, &nulls[HISTORY_ERROR_HINT - 1]);
	values[HISTORY_ERROR_CONTEXT - 1] =
		text_or_null(record->error_context, &nulls[HISTORY_ERROR_CONTEXT - 1]);
	values[HISTORY_SQLSTATE - 1] =
		text_or_null(record->sqlstate, &nulls[HISTORY_SQLSTATE - 1]);
	values[HISTORY_HTTP_STATUS - 1] = Int32GetDatum(record->http_status);
	nulls[HISTORY_HTTP_STATUS - 1] = (record->http_status == 0);
	values[HISTORY_ROWS_AFFECTED - 1] =
		int64_or_null(record->rows_affected, -1, &nulls[HISTORY_ROWS_AFFECTED - 1]);
}

static void
fill_history_cost(const RunRecord *record, Datum *values, bool *nulls)
{
	const int64 costs[] = {
		record->cpu_time, record->buffers_hit, record->buffers_read,
		record->temp_bytes, record->wal_bytes
	};

	for (int i = 0; i < lengthof(costs); i++)
	{
		values[HISTORY_CPU_TIME - 1 + i] = Int64GetDatum(costs[i]);
		nulls[HISTORY_CPU_TIME - 1 + i] = (record->cpu_time < 0);
	}
}

void
store_insert_history(const RunRecord *record)
{
	const Run  *run = record->run;
	Relation	rel = store_open_partition("run_history", record->finished_at);
	Datum		values[HISTORY_COLUMNS];
	bool		nulls[HISTORY_COLUMNS] = {0};

	values[HISTORY_RUN_ID - 1] = Int64GetDatum(run->run_id);
	values[HISTORY_JOB_ID - 1] = Int64GetDatum(run->job_id);
	values[HISTORY_JOB_NAME - 1] = CStringGetTextDatum(record->job_name);
	values[HISTORY_OWNER - 1] = ObjectIdGetDatum(run->owner);
	values[HISTORY_ATTEMPT - 1] = Int32GetDatum(run->attempt);
	values[HISTORY_STATUS - 1] = CStringGetTextDatum(run_status_name(record->status));
	values[HISTORY_SCHEDULED_AT - 1] = TimestampTzGetDatum(run->scheduled_at);
	values[HISTORY_NEXT_ATTEMPT_AT - 1] =
		time_or_null(record->next_attempt_at, &nulls[HISTORY_NEXT_ATTEMPT_AT - 1]);
	values[HISTORY_STARTED_AT - 1] =
		time_or_null(record->started_at, &nulls[HISTORY_STARTED_AT - 1]);
	values[HISTORY_FINISHED_AT - 1] = TimestampTzGetDatum(record->finished_at);
	values[HISTORY_WORKER_PID - 1] = Int32GetDatum(record->worker_pid);
	nulls[HISTORY_WORKER_PID - 1] = (record->worker_pid == 0);
	values[HISTORY_TRIGGERED_BY - 1] =
		CStringGetTextDatum(run_trigger_name(run->trigger));
	values[HISTORY_OCCURRENCES - 1] = Int64GetDatum(record->occurrences);
	values[HISTORY_REDRIVEN_FROM - 1] =
		int64_or_null(record->redriven_from, 0, &nulls[HISTORY_REDRIVEN_FROM - 1]);
	fill_history_result(record, values, nulls);
	fill_history_cost(record, values, nulls);

	/*
	 * Columns that a partition has in another order than its parent would
	 * need a tuple conversion; ours are made LIKE the parent.
	 */
	CatalogTupleInsert(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls));
	table_close(rel, RowExclusiveLock);
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
		time_or_null(state->next_run_at, &nulls[STATE_NEXT_RUN_AT - 1]);
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
		time_or_null(state->last_run_at, &nulls[STATE_LAST_RUN_AT - 1]);
	values[STATE_LAST_FINISHED_AT - 1] =
		time_or_null(state->last_finished_at, &nulls[STATE_LAST_FINISHED_AT - 1]);
	nulls[STATE_LAST_STATUS - 1] = nulls[STATE_LAST_RUN_AT - 1];
	values[STATE_LAST_STATUS - 1] = nulls[STATE_LAST_STATUS - 1] ? (Datum) 0 :
		CStringGetTextDatum(run_status_name(state->last_status));
	values[STATE_TOTAL_DURATION - 1] = Int64GetDatum(state->total_duration);
	return heap_form_tuple(desc, values, nulls);
}

static void
fill_state(JobState *state, HeapTuple tuple, TupleDesc desc)
{
	Datum		values[STATE_COLUMNS];
	bool		nulls[STATE_COLUMNS];

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
	state->last_status = nulls[STATE_LAST_STATUS - 1] ? RUN_QUEUED :
		run_status_from_name(TextDatumGetCString(values[STATE_LAST_STATUS - 1]));
	state->total_duration = DatumGetInt64(values[STATE_TOTAL_DURATION - 1]);
	state->tid = tuple->t_self;
}

bool
store_read_job_state(int64 job_id, JobState *state)
{
	Relation	rel = open_table("job_state", AccessShareLock);
	HeapTuple	tuple = find_row(rel, "job_state_pkey", job_id, NULL);

	if (tuple != NULL)
		fill_state(state, tuple, RelationGetDescr(rel));
	table_close(rel, AccessShareLock);
	return tuple != NULL;
}

void
store_scan_job_state(JobStateCallback callback, void *arg)
{
	Relation	rel = open_table("job_state", AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		JobState	state;

		fill_state(&state, tuple, RelationGetDescr(rel));
		callback(&state, arg);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

void
store_write_job_states(JobState **states, int count)
{
	Relation	rel = open_table("job_state", RowExclusiveLock);
	CatalogIndexState indexes = CatalogOpenIndexes(rel);
	RowFinder	finder;

	finder_begin(&finder, rel, "job_state_pkey");
	for (int i = 0; i < count; i++)
	{
		JobState   *state = states[i];
		HeapTuple	tuple = form_state(RelationGetDescr(rel), state);
		HeapTuple	old = finder_find(&finder, state->job_id, &state->tid);

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
	finder_end(&finder);
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
store_begin_read(void)
{
	StoreReader *reader = palloc(sizeof(StoreReader));

	finder_begin(&reader->jobs, open_table("job", AccessShareLock), "job_pkey");
	finder_begin(&reader->states, open_table("job_state", AccessShareLock),
				 "job_state_pkey");
	return reader;
}

bool
store_read_both(StoreReader *reader, int64 job_id, Job *job, JobState *state)
{
	HeapTuple	tuple = finder_find(&reader->jobs, job_id, NULL);

	if (tuple == NULL)
		return false;
	store_fill_job(job, tuple, RelationGetDescr(reader->jobs.rel));
	tuple = finder_find(&reader->states, job_id, NULL);
	if (tuple == NULL)
		job_state_init(state, job_id);
	else
		fill_state(state, tuple, RelationGetDescr(reader->states.rel));
	return true;
}

void
store_end_read(StoreReader *reader)
{
	finder_end(&reader->jobs);
	finder_end(&reader->states);
	table_close(reader->jobs.rel, AccessShareLock);
	table_close(reader->states.rel, AccessShareLock);
	pfree(reader);
}

void
store_delete_job_state(JobState *state)
{
	Relation	rel = open_table("job_state", RowExclusiveLock);
	HeapTuple	tuple = find_row(rel, "job_state_pkey", state->job_id, &state->tid);

	if (tuple != NULL)
		delete_tuple(rel, &tuple->t_self);
	table_close(rel, RowExclusiveLock);
	CommandCounterIncrement();
}

/*-------------------------------------------------------------------------
 *
 * store.c
 *	  scheduler.pending_run and scheduler.run_history, read and written tuple
 *	  by tuple.
 *
 * See store.h.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/multixact.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "commands/sequence.h"
#include "executor/tuptable.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "table/fit.h"
#include "table/row.h"
#include "table/store.h"

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
	HISTORY_ARGS,
	HISTORY_COLUMNS = HISTORY_ARGS
};

/* Runs inserted in one go, and how many of them share a page, or a bit more */
#define INSERT_BATCH	512
#define PILES			8

/*
 * scheduler.pending_run
 */

static bool
has_args(const PendingRun *pending)
{
	return pending->args != NULL || pending->stored_args != NULL;
}

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
		row_time(pending->started_at, &nulls[PENDING_STARTED_AT - 1]);
	values[PENDING_CRASHES - 1] = Int32GetDatum(run->crashes);
	values[PENDING_ARGS - 1] = pending->args ? PointerGetDatum(pending->args) :
		PointerGetDatum(pending->stored_args);
	nulls[PENDING_ARGS - 1] = !has_args(pending);
	values[PENDING_REDRIVEN_FROM - 1] =
		row_int64(pending->redriven_from, 0, &nulls[PENDING_REDRIVEN_FROM - 1]);
	Assert(desc->natts == lengthof(values));
	return heap_form_tuple(desc, values, nulls);
}

/* Who deletes this row, or updates it, waits for somebody else. */
static bool
is_locked(HeapTupleHeader header)
{
	TransactionId xmax = HeapTupleHeaderGetRawXmax(header);

	if (header->t_infomask & HEAP_XMAX_INVALID)
		return false;
	if (header->t_infomask & HEAP_XMAX_IS_MULTI)
		return MultiXactIdIsRunning(xmax, HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask));
	return !TransactionIdIsCurrentTransactionId(xmax) && TransactionIdIsInProgress(xmax);
}

static void
fill_pending(void *result, HeapTuple tuple, TupleDesc desc)
{
	PendingRun *pending = result;
	Datum		values[PENDING_COLUMNS];
	bool		nulls[PENDING_COLUMNS];
	Run		   *run = &pending->run;

	Assert(desc->natts == lengthof(values));
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
	pending->stored_args = nulls[PENDING_ARGS - 1] ? NULL :
		(struct varlena *) DatumGetPointer(values[PENDING_ARGS - 1]);
	pending->redriven_from = nulls[PENDING_REDRIVEN_FROM - 1] ? 0 :
		DatumGetInt64(values[PENDING_REDRIVEN_FROM - 1]);
	pending->locked = is_locked(tuple->t_data);
}

int64
store_args_size(const PendingRun *pending)
{
	return pending->stored_args == NULL ? 0 :
		toast_raw_datum_size(PointerGetDatum(pending->stored_args));
}

bool
store_read_pending(int64 run_id, PendingRun *pending)
{
	return row_read("pending_run", "pending_run_pkey", run_id, NULL, fill_pending, pending);
}

void
store_scan_pending(PendingCallback callback, void *arg)
{
	Relation	rel = row_open_table("pending_run", AccessShareLock);
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
store_scan_pending_ids(int64 after, int64 upto, RunIdCallback callback)
{
	Relation	rel = row_open_table("pending_run", AccessShareLock);
	Relation	index = index_open(row_relation("pending_run_pkey"), AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], PENDING_RUN_ID, BTGreaterStrategyNumber, F_INT8GT,
				Int64GetDatum(after));
	ScanKeyInit(&keys[1], PENDING_RUN_ID, BTLessEqualStrategyNumber, F_INT8LE,
				Int64GetDatum(upto));
	scan = systable_beginscan_ordered(rel, index, NULL, lengthof(keys), keys);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		bool		isnull;

		callback(DatumGetInt64(heap_getattr(tuple, PENDING_RUN_ID,
											RelationGetDescr(rel), &isnull)));
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(rel, AccessShareLock);
}

/*
 * The order in which runs are inserted: dealt out over the pages, because
 * those that follow each other go at about the same time, and their workers
 * must not meet on one page.
 */
static void
deal(Run *runs, int count, Run **dealt)
{
	int			n = 0;

	for (int first = 0; first < PILES; first++)
		for (int i = first; i < count; i += PILES)
			dealt[n++] = &runs[i];
}

void
store_insert_pending(Run *runs, int count)
{
	Relation	rel = row_open_table("pending_run", RowExclusiveLock);
	CatalogIndexState indexes = CatalogOpenIndexes(rel);
	TupleTableSlot *slots[INSERT_BATCH];
	Run		   *dealt[INSERT_BATCH];
	TupleDesc	desc;
	Oid			sequence = row_relation("run_id_seq");
	int			nslots = Min(count, INSERT_BATCH);

	/* a descriptor of our own has no references that would be counted */
	desc = CreateTupleDescCopy(RelationGetDescr(rel));
	for (int i = 0; i < nslots; i++)
		slots[i] = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	for (int i = 0; i < count; i++)
		if (runs[i].run_id == 0)
			runs[i].run_id = nextval_internal(sequence, false);

	for (int done = 0; done < count; done += nslots)
	{
		int			n = Min(count - done, nslots);

		deal(runs + done, n, dealt);
		for (int i = 0; i < n; i++)
		{
			PendingRun	pending = {.run = *dealt[i],.started_at = DT_NOBEGIN};

			ExecStoreHeapTuple(form_pending(desc, &pending), slots[i], true);
		}
		row_push_snapshot(false);
		CatalogTuplesMultiInsertWithInfo(rel, slots, n, indexes);
		row_pop_snapshot(false);
		for (int i = 0; i < n; i++)
			dealt[i]->tid = slots[i]->tts_tid;
	}

	for (int i = 0; i < nslots; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
	CatalogCloseIndexes(indexes);
	table_close(rel, RowExclusiveLock);
}

void
store_insert_pending_run(PendingRun *pending)
{
	Relation	rel = row_open_table("pending_run", RowExclusiveLock);
	HeapTuple	tuple;

	if (pending->run.run_id == 0)
		pending->run.run_id = nextval_internal(row_relation("run_id_seq"), false);
	tuple = form_pending(RelationGetDescr(rel), pending);
	row_insert(rel, tuple);
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
	HeapTuple	tuple = row_find(rel, "pending_run_pkey", run->run_id, &run->tid);

	if (tuple == NULL)
		return NULL;
	fill_pending(pending, tuple, RelationGetDescr(rel));
	return pending->run.attempt == run->attempt ? tuple : NULL;
}

RowResult
store_delete_pending(const Run *run)
{
	Relation	rel = row_open_table("pending_run", RowExclusiveLock);
	PendingRun	pending;
	HeapTuple	tuple = find_pending(rel, run, &pending);
	RowResult	result = ROW_GONE;

	if (tuple != NULL)
	{
		row_push_snapshot(has_args(&pending));
		result = row_delete(rel, &tuple->t_self);
		row_pop_snapshot(has_args(&pending));
	}
	table_close(rel, RowExclusiveLock);
	return result;
}

/* Replace the row of a run by *pending, which has the new contents. */
static void
update_pending(Relation rel, HeapTuple old, PendingRun *pending)
{
	HeapTuple	tuple = form_pending(RelationGetDescr(rel), pending);

	row_push_snapshot(has_args(pending));
	CatalogTupleUpdate(rel, &old->t_self, tuple);
	row_pop_snapshot(has_args(pending));
	pending->run.tid = tuple->t_self;
	CommandCounterIncrement();
}

/* What there is to change in the row of a run */
typedef void (*PendingChange) (PendingRun *pending, const void *arg);

/* Change the row of a run; *tid is where it is then. */
static RowResult
change_pending(const Run *run, PendingChange change, const void *arg, ItemPointer tid)
{
	Relation	rel = row_open_table("pending_run", RowExclusiveLock);
	PendingRun	pending;
	HeapTuple	tuple = find_pending(rel, run, &pending);
	RowResult	result = ROW_GONE;

	if (tuple != NULL)
		result = row_lock(rel, &tuple->t_self);
	if (result == ROW_DONE)
	{
		change(&pending, arg);
		update_pending(rel, tuple, &pending);
		*tid = pending.run.tid;
	}
	table_close(rel, RowExclusiveLock);
	return result;
}

static void
set_started(PendingRun *pending, const void *started_at)
{
	pending->started_at = *(const TimestampTz *) started_at;
}

RowResult
store_mark_started(Run *run, TimestampTz started_at)
{
	return change_pending(run, set_started, &started_at, &run->tid);
}

static void
set_next(PendingRun *pending, const void *next)
{
	pending->run = *(const Run *) next;
	pending->started_at = DT_NOBEGIN;
}

RowResult
store_retry_pending(const Run *run, Run *next)
{
	return change_pending(run, set_next, next, &next->tid);
}

static void
set_crashes(PendingRun *pending, const void *crashes)
{
	pending->run.crashes = *(const int *) crashes;
}

RowResult
store_count_crash(Run *run)
{
	return change_pending(run, set_crashes, &run->crashes, &run->tid);
}

/*
 * scheduler.run_history
 */

static void
partition_name(const char *table, TimestampTz time, char *name)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (timestamp2tm(time, NULL, &tm, &fsec, NULL, NULL) != 0)
		elog(ERROR, "timestamp out of range");
	snprintf(name, NAMEDATALEN, "%s_%04d%02d%02d", table,
			 tm.tm_year, tm.tm_mon, tm.tm_mday);
}

/* NULL: it does not exist, or is no partition any more. */
static Relation
try_partition(Oid oid)
{
	Relation	rel = OidIsValid(oid) ? try_table_open(oid, RowExclusiveLock) : NULL;

	if (rel != NULL && !rel->rd_rel->relispartition)
	{
		table_close(rel, RowExclusiveLock);
		rel = NULL;
	}
	return rel;
}

/*
 * The partition that takes rows of a time.  Each holds a day, UTC, and is
 * named after it.  There is no default partition: attaching another one would
 * have to lock it against all readers.
 */
Relation
store_open_partition(const char *table, TimestampTz time)
{
	char		name[NAMEDATALEN];
	Relation	rel;

	partition_name(table, time, name);
	rel = try_partition(row_relation(name));
	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is no partition \"scheduler.%s\"", name),
				 errhint("The scheduler makes partitions ahead of time; the server log says why it could not.")));
	fit_require_table(rel, table);
	return rel;
}

int64
store_nextval(const char *sequence)
{
	return nextval_internal(row_relation(sequence), false);
}

static void
fill_history_result(const RunRecord *record, Datum *values, bool *nulls)
{
	values[HISTORY_ERROR_MESSAGE - 1] =
		row_text(record->error_message, &nulls[HISTORY_ERROR_MESSAGE - 1]);
	values[HISTORY_ERROR_DETAIL - 1] =
		row_text(record->error_detail, &nulls[HISTORY_ERROR_DETAIL - 1]);
	values[HISTORY_ERROR_HINT - 1] =
		row_text(record->error_hint, &nulls[HISTORY_ERROR_HINT - 1]);
	values[HISTORY_ERROR_CONTEXT - 1] =
		row_text(record->error_context, &nulls[HISTORY_ERROR_CONTEXT - 1]);
	values[HISTORY_SQLSTATE - 1] =
		row_text(record->sqlstate, &nulls[HISTORY_SQLSTATE - 1]);
	values[HISTORY_HTTP_STATUS - 1] = Int32GetDatum(record->http_status);
	nulls[HISTORY_HTTP_STATUS - 1] = (record->http_status == 0);
	values[HISTORY_ROWS_AFFECTED - 1] =
		row_int64(record->rows_affected, -1, &nulls[HISTORY_ROWS_AFFECTED - 1]);
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

/* The partition of history for a time: most often the same as before. */
static Relation
open_history(TimestampTz time)
{
	static Oid	last_oid = InvalidOid;
	static TimestampTz last_day = 0;
	TimestampTz day = time / USECS_PER_DAY;
	Relation	rel = NULL;

	if (day == last_day)
		rel = try_partition(last_oid);
	if (rel != NULL)
		fit_require_table(rel, "run_history");
	else
		rel = store_open_partition("run_history", time);
	last_oid = RelationGetRelid(rel);
	last_day = day;
	return rel;
}

void
store_insert_history(const RunRecord *record)
{
	const Run  *run = record->run;
	Relation	rel = open_history(record->finished_at);
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
		row_time(record->next_attempt_at, &nulls[HISTORY_NEXT_ATTEMPT_AT - 1]);
	values[HISTORY_STARTED_AT - 1] =
		row_time(record->started_at, &nulls[HISTORY_STARTED_AT - 1]);
	values[HISTORY_FINISHED_AT - 1] = TimestampTzGetDatum(record->finished_at);
	values[HISTORY_WORKER_PID - 1] = Int32GetDatum(record->worker_pid);
	nulls[HISTORY_WORKER_PID - 1] = (record->worker_pid == 0);
	values[HISTORY_TRIGGERED_BY - 1] =
		CStringGetTextDatum(run_trigger_name(run->trigger));
	values[HISTORY_OCCURRENCES - 1] = Int64GetDatum(record->occurrences);
	values[HISTORY_REDRIVEN_FROM - 1] =
		row_int64(record->redriven_from, 0, &nulls[HISTORY_REDRIVEN_FROM - 1]);
	values[HISTORY_ARGS - 1] = PointerGetDatum(record->args);
	nulls[HISTORY_ARGS - 1] = (record->args == NULL);
	fill_history_result(record, values, nulls);
	fill_history_cost(record, values, nulls);

	/*
	 * Columns that a partition has in another order than its parent would
	 * need a tuple conversion; ours are made LIKE the parent.
	 */
	Assert(RelationGetNumberOfAttributes(rel) == lengthof(values));
	row_insert(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls));
	table_close(rel, RowExclusiveLock);
}

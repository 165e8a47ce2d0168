/*-------------------------------------------------------------------------
 *
 * row.c
 *	  Rows of our tables, found by tuple id or primary key.
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
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "table/fit.h"
#include "table/row.h"

Oid
row_relation(const char *name)
{
	Oid			schema = get_namespace_oid("scheduler", true);

	Assert(IsTransactionState());
	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

Relation
row_open_table(const char *name, LOCKMODE lockmode)
{
	Oid			oid = row_relation(name);
	Relation	rel;

	Assert(IsTransactionState());
	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"scheduler.%s\" does not exist", name),
				 errhint("Use CREATE EXTENSION pg_scheduler.")));
	rel = table_open(oid, lockmode);
	fit_require_table(rel, name);
	return rel;
}

struct varlena *
row_value(struct varlena *stored)
{
	struct varlena *result;

	if (!VARATT_IS_EXTERNAL(stored))
		return PG_DETOAST_DATUM_COPY(PointerGetDatum(stored));
	PushActiveSnapshot(GetLatestSnapshot());
	result = PG_DETOAST_DATUM_COPY(PointerGetDatum(stored));
	PopActiveSnapshot();
	return result;
}

/*
 * Tables shrink: what a tuple id was remembered of can be beyond the end.  As
 * long as the table is locked, the size that was seen last is a lower bound;
 * the system is asked only when it does not suffice.
 */
bool
row_block_exists(Relation rel, const ItemPointerData *tid)
{
	BlockNumber block = ItemPointerGetBlockNumber(tid);
	BlockNumber known = RelationGetSmgr(rel)->smgr_cached_nblocks[MAIN_FORKNUM];

	return (known != InvalidBlockNumber && block < known) ||
		block < RelationGetNumberOfBlocks(rel);
}

void
row_finder_begin(RowFinder *finder, Relation rel, const char *pkey)
{
	Assert(IsTransactionState());
	memset(finder, 0, sizeof(*finder));
	finder->rel = rel;
	finder->pkey = pkey;
	finder->slot = table_slot_create(rel, NULL);
}

void
row_finder_walk(RowFinder *finder)
{
	finder->in_order = true;
}

static void
begin_scan(RowFinder *finder)
{
	finder->index = index_open(row_relation(finder->pkey), AccessShareLock);
	finder->snapshot = RegisterSnapshot(GetLatestSnapshot());
	finder->scan = compat_index_beginscan(finder->rel, finder->index,
										  finder->snapshot, 1);
	finder->scan->xs_want_itup = finder->in_order;
}

/* Put the row with this key into the slot. */
static bool
search(RowFinder *finder, int64 key)
{
	ScanKeyData skey;

	ScanKeyInit(&skey, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(key));
	index_rescan(finder->scan, &skey, 1, NULL, 0);
	return index_getnext_slot(finder->scan, ForwardScanDirection, finder->slot);
}

/* Go to the next entry of the index. */
static void
step(RowFinder *finder)
{
	bool		isnull;

	finder->ended = index_getnext_tid(finder->scan, ForwardScanDirection) == NULL;
	if (!finder->ended)
		finder->at_key = DatumGetInt64(index_getattr(finder->scan->xs_itup, 1,
													 finder->scan->xs_itupdesc,
													 &isnull));
}

/* The same as search(), from where the last walk has ended. */
static bool
walk(RowFinder *finder, int64 key)
{
	if (!finder->begun)
	{
		ScanKeyData skey;

		ScanKeyInit(&skey, 1, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(key));
		index_rescan(finder->scan, &skey, 1, NULL, 0);
		step(finder);
		finder->begun = true;
	}
	while (!finder->ended && finder->at_key < key)
		step(finder);

	/* versions of the row that are not of one HOT chain have entries each */
	for (; !finder->ended && finder->at_key == key; step(finder))
		if (index_fetch_heap(finder->scan, finder->slot))
			return true;
	return false;
}

/*
 * The row with this key, or NULL: first at "tid", if that is valid, then by
 * the primary key.  The result is a copy.
 */
HeapTuple
row_finder_find(RowFinder *finder, int64 key, const ItemPointerData *tid)
{
	if (tid != NULL && ItemPointerIsValid(tid) && row_block_exists(finder->rel, tid))
	{
		ItemPointerData at = *tid;
		bool		isnull;

		if (table_tuple_fetch_row_version(finder->rel, &at, SnapshotSelf, finder->slot) &&
			DatumGetInt64(slot_getattr(finder->slot, 1, &isnull)) == key)
			return ExecCopySlotHeapTuple(finder->slot);
	}

	if (finder->scan == NULL)
		begin_scan(finder);
	if (finder->in_order ? walk(finder, key) : search(finder, key))
		return ExecCopySlotHeapTuple(finder->slot);
	return NULL;
}

void
row_finder_end(RowFinder *finder)
{
	if (finder->scan != NULL)
	{
		index_endscan(finder->scan);
		UnregisterSnapshot(finder->snapshot);
		index_close(finder->index, AccessShareLock);
	}
	ExecDropSingleTupleTableSlot(finder->slot);
}

int64
row_key_after(const char *table, const char *pkey, int64 after, int entries)
{
	Relation	rel = row_open_table(table, AccessShareLock);
	RowFinder	finder;
	ScanKeyData skey;
	int64		result = PG_INT64_MAX;

	row_finder_begin(&finder, rel, pkey);
	row_finder_walk(&finder);
	begin_scan(&finder);
	ScanKeyInit(&skey, 1, BTGreaterStrategyNumber, F_INT8GT, Int64GetDatum(after));
	index_rescan(finder.scan, &skey, 1, NULL, 0);
	do
		step(&finder);
	while (!finder.ended && --entries > 0);
	if (!finder.ended)
		result = finder.at_key;
	row_finder_end(&finder);
	table_close(rel, AccessShareLock);
	return result;
}

/* One row. */
HeapTuple
row_find(Relation rel, const char *pkey, int64 key, const ItemPointerData *tid)
{
	RowFinder	finder;
	HeapTuple	result;

	row_finder_begin(&finder, rel, pkey);
	result = row_finder_find(&finder, key, tid);
	row_finder_end(&finder);
	return result;
}

bool
row_read(const char *table, const char *pkey, int64 key, const ItemPointerData *tid,
		 void (*fill) (void *result, HeapTuple tuple, TupleDesc desc), void *result)
{
	Relation	rel = row_open_table(table, AccessShareLock);
	HeapTuple	tuple = row_find(rel, pkey, key, tid);

	if (tuple != NULL)
		fill(result, tuple, RelationGetDescr(rel));
	table_close(rel, AccessShareLock);
	return tuple != NULL;
}

RowResult
row_lock(Relation rel, ItemPointer tid)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TM_FailureData failure;
	TM_Result	result;

	result = table_tuple_lock(rel, tid, SnapshotSelf, slot, GetCurrentCommandId(false),
							  LockTupleExclusive, LockWaitSkip, 0, &failure);
	ExecDropSingleTupleTableSlot(slot);
	return result == TM_Ok ? ROW_DONE : result == TM_WouldBlock ? ROW_LOCKED : ROW_GONE;
}

static bool
wants_snapshot(bool needed)
{
#ifdef USE_ASSERT_CHECKING
	return true;
#else
	return needed;
#endif
}

void
row_push_snapshot(bool needed)
{
	if (wants_snapshot(needed))
		PushActiveSnapshot(GetLatestSnapshot());
}

void
row_pop_snapshot(bool needed)
{
	if (wants_snapshot(needed))
		PopActiveSnapshot();
}

void
row_insert(Relation rel, HeapTuple tuple)
{
	row_push_snapshot(false);
	CatalogTupleInsert(rel, tuple);
	row_pop_snapshot(false);
}

static TM_Result
delete_tuple(Relation rel, ItemPointer tid, bool wait)
{
	TM_FailureData failure;

	return table_tuple_delete(rel, tid, GetCurrentCommandId(true), SnapshotSelf,
							  InvalidSnapshot, wait, &failure, false);
}

RowResult
row_delete(Relation rel, ItemPointer tid)
{
	TM_Result	result = delete_tuple(rel, tid, false);

	if (result == TM_BeingModified)
	{
		/* by us, perhaps, who have it locked: then there is nothing to wait for */
		RowResult	lock = row_lock(rel, tid);

		if (lock != ROW_DONE)
			return lock;
		result = delete_tuple(rel, tid, true);
	}
	return result == TM_Ok ? ROW_DONE : ROW_GONE;
}

Datum
row_text(const char *value, bool *isnull)
{
	*isnull = (value == NULL);
	return value ? CStringGetTextDatum(value) : (Datum) 0;
}

Datum
row_int64(int64 value, int64 null_value, bool *isnull)
{
	*isnull = (value == null_value);
	return Int64GetDatum(value);
}

Datum
row_time(TimestampTz value, bool *isnull)
{
	*isnull = TIMESTAMP_NOT_FINITE(value);
	return TimestampTzGetDatum(value);
}

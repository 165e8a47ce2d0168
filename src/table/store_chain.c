/*-------------------------------------------------------------------------
 *
 * store_chain.c
 *	  The tables of job chains, read and written tuple by tuple.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "table/row.h"
#include "table/store.h"
#include "table/store_chain.h"

/* Columns of scheduler.run_after, in order */
enum
{
	AFTER_JOB_ID = 1,
	AFTER_LEADER_ID,
	AFTER_POSITION,
	AFTER_AFTER_ON,
	AFTER_COLUMNS = AFTER_AFTER_ON
};

/* Columns of scheduler.leader_end, in order */
enum
{
	END_RUN_ID = 1,
	END_JOB_ID,
	END_LEADER_ID,
	END_LEADER_OWNER,
	END_STATUS,
	END_ENDED_AT,
	END_ARGS,
	END_COLUMNS = END_ARGS
};

/* Columns of scheduler.run_trigger, in order */
enum
{
	TRIGGER_RUN_ID = 1,
	TRIGGER_TRIGGER_RUN_ID,
	TRIGGER_OWNER,
	TRIGGER_COLUMNS = TRIGGER_OWNER
};

int
store_after_on_from_name(const char *name)
{
	static const char *const names[] = {
		[AFTER_SUCCESS] = "success",
		[AFTER_FAILURE] = "failure",
		[AFTER_ANY] = "any"
	};

	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

/*
 * scheduler.run_after
 */

static ChainEdge
edge_from_tuple(HeapTuple tuple, TupleDesc desc)
{
	Datum		values[AFTER_COLUMNS];
	bool		nulls[AFTER_COLUMNS];
	ChainEdge	edge;
	int			after_on;

	Assert(desc->natts == lengthof(values));
	heap_deform_tuple(tuple, desc, values, nulls);
	edge.job_id = DatumGetInt64(values[AFTER_JOB_ID - 1]);
	edge.leader_id = DatumGetInt64(values[AFTER_LEADER_ID - 1]);
	edge.position = DatumGetInt32(values[AFTER_POSITION - 1]);
	after_on = store_after_on_from_name(TextDatumGetCString(values[AFTER_AFTER_ON - 1]));
	if (after_on < 0)
		elog(ERROR, "unrecognized condition in scheduler.run_after");
	edge.after_on = after_on;
	return edge;
}

/* The edges that have a value in a column, found by an index that starts with it. */
static int
read_edges(AttrNumber column, const char *index, int64 value, ChainEdge **edges)
{
	Relation	rel = row_open_table("run_after", AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	int			n = 0;
	int			max = 8;

	*edges = palloc(max * sizeof(ChainEdge));
	ScanKeyInit(&key, column, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(value));
	scan = systable_beginscan(rel, row_relation(index), true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		if (n == max)
		{
			max *= 2;
			*edges = repalloc(*edges, max * sizeof(ChainEdge));
		}
		(*edges)[n++] = edge_from_tuple(tuple, RelationGetDescr(rel));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return n;
}

int
store_read_followers(int64 leader_id, ChainEdge **edges)
{
	return read_edges(AFTER_LEADER_ID, "run_after_leader_id_idx", leader_id, edges);
}

static int
compare_positions(const void *a, const void *b)
{
	return ((const ChainEdge *) a)->position - ((const ChainEdge *) b)->position;
}

int
store_read_leaders(int64 job_id, ChainEdge **edges)
{
	int			n = read_edges(AFTER_JOB_ID, "run_after_pkey", job_id, edges);

	qsort(*edges, n, sizeof(ChainEdge), compare_positions);
	return n;
}

/*
 * scheduler.leader_end
 */

void
store_insert_leader_end(const LeaderEnd *end)
{
	Relation	rel = row_open_table("leader_end", RowExclusiveLock);
	Datum		values[END_COLUMNS];
	bool		nulls[END_COLUMNS] = {0};

	values[END_RUN_ID - 1] = Int64GetDatum(end->run_id);
	values[END_JOB_ID - 1] = Int64GetDatum(end->job_id);
	values[END_LEADER_ID - 1] = Int64GetDatum(end->leader_id);
	values[END_LEADER_OWNER - 1] = ObjectIdGetDatum(end->leader_owner);
	values[END_STATUS - 1] = CStringGetTextDatum(run_status_name(end->status));
	values[END_ENDED_AT - 1] = TimestampTzGetDatum(end->ended_at);
	values[END_ARGS - 1] = PointerGetDatum(end->args);
	nulls[END_ARGS - 1] = (end->args == NULL);
	Assert(RelationGetNumberOfAttributes(rel) == lengthof(values));
	row_insert(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls));
	table_close(rel, RowExclusiveLock);
}

static void
fill_end(LeaderEnd *end, HeapTuple tuple, TupleDesc desc)
{
	Datum		values[END_COLUMNS];
	bool		nulls[END_COLUMNS];

	Assert(desc->natts == lengthof(values));
	heap_deform_tuple(tuple, desc, values, nulls);
	end->run_id = DatumGetInt64(values[END_RUN_ID - 1]);
	end->job_id = DatumGetInt64(values[END_JOB_ID - 1]);
	end->leader_id = DatumGetInt64(values[END_LEADER_ID - 1]);
	end->leader_owner = DatumGetObjectId(values[END_LEADER_OWNER - 1]);
	end->status = run_status_from_name(TextDatumGetCString(values[END_STATUS - 1]));
	end->ended_at = DatumGetTimestampTz(values[END_ENDED_AT - 1]);
	end->args = NULL;
	end->has_args = !nulls[END_ARGS - 1];
}

void
store_scan_leader_ends(int64 after, int64 upto, LeaderEndCallback callback, void *arg)
{
	Relation	rel = row_open_table("leader_end", AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], END_RUN_ID, BTGreaterStrategyNumber, F_INT8GT,
				Int64GetDatum(after));
	ScanKeyInit(&keys[1], END_RUN_ID, BTLessEqualStrategyNumber, F_INT8LE,
				Int64GetDatum(upto));
	scan = systable_beginscan(rel, row_relation("leader_end_pkey"), true, NULL,
							  lengthof(keys), keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		LeaderEnd	end;

		fill_end(&end, tuple, RelationGetDescr(rel));
		callback(&end, arg);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* Begin to look for one row. */
static SysScanDesc
find_end(Relation rel, int64 run_id, int64 job_id)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], END_RUN_ID, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(run_id));
	ScanKeyInit(&keys[1], END_JOB_ID, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(job_id));
	return systable_beginscan(rel, row_relation("leader_end_pkey"), true, NULL, 2, keys);
}

/*
 * Values that are stored out of line want a snapshot, to be read and deleted: the
 * transaction's first one, so before that of a scan.
 */
Jsonb *
store_read_leader_end_args(int64 run_id, int64 job_id)
{
	Relation	rel = row_open_table("leader_end", AccessShareLock);
	SysScanDesc scan;
	HeapTuple	tuple;
	Jsonb	   *args = NULL;

	row_push_snapshot(true);
	scan = find_end(rel, run_id, job_id);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, END_ARGS, RelationGetDescr(rel), &isnull);

		if (!isnull)
			args = DatumGetJsonbPCopy(value);
	}
	systable_endscan(scan);
	row_pop_snapshot(true);
	table_close(rel, AccessShareLock);
	return args;
}

void
store_delete_leader_end(int64 run_id, int64 job_id)
{
	Relation	rel = row_open_table("leader_end", RowExclusiveLock);
	SysScanDesc scan;
	HeapTuple	tuple;

	row_push_snapshot(true);
	scan = find_end(rel, run_id, job_id);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		(void) row_delete(rel, &tuple->t_self);
	systable_endscan(scan);
	row_pop_snapshot(true);
	table_close(rel, RowExclusiveLock);
}

/*
 * scheduler.run_trigger
 */

void
store_insert_run_trigger(int64 run_id, int64 trigger_run_id, Oid owner)
{
	Relation	rel = row_open_table("run_trigger", RowExclusiveLock);
	Datum		values[TRIGGER_COLUMNS];
	bool		nulls[TRIGGER_COLUMNS] = {0};

	values[TRIGGER_RUN_ID - 1] = Int64GetDatum(run_id);
	values[TRIGGER_TRIGGER_RUN_ID - 1] = Int64GetDatum(trigger_run_id);
	values[TRIGGER_OWNER - 1] = ObjectIdGetDatum(owner);
	Assert(RelationGetNumberOfAttributes(rel) == lengthof(values));
	row_insert(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls));
	table_close(rel, RowExclusiveLock);
}

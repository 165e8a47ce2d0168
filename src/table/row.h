/*-------------------------------------------------------------------------
 *
 * row.h
 *	  Rows of our tables, found by tuple id or primary key.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_ROW_H
#define PG_SCHEDULER_ROW_H

#include "access/genam.h"
#include "access/htup.h"
#include "datatype/timestamp.h"
#include "executor/tuptable.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

/* What has become of a row that was to be changed */
typedef enum RowResult
{
	ROW_DONE,
	ROW_GONE,					/* somebody else has deleted or replaced it */
	ROW_LOCKED					/* somebody else has it in hand: left as it is */
} RowResult;

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
	bool		in_order;		/* keys are asked for in order, most of them */
	bool		begun;			/* in_order: the scan stands at ... */
	bool		ended;			/* ... no entry, or at the one of ... */
	int64		at_key;
} RowFinder;

/* OID of a relation of the schema scheduler; InvalidOid if there is none. */
extern Oid	row_relation(const char *name);

/* A table of the schema scheduler; an error if it does not exist, or fit (fit.h). */
extern Relation row_open_table(const char *name, LOCKMODE lockmode);

/* Has the table still got the page of a valid tuple id?  The caller has locked it. */
extern bool row_block_exists(Relation rel, const ItemPointerData *tid);

extern void row_finder_begin(RowFinder *finder, Relation rel, const char *pkey);
extern void row_finder_end(RowFinder *finder);

/*
 * The row with this key, or NULL: first at "tid", if that is valid, then by
 * the primary key.  The result is a copy; large values are still out of line:
 * they can be of any size, and who does not need them does not read them.
 */
extern HeapTuple row_finder_find(RowFinder *finder, int64 key, const ItemPointerData *tid);

/*
 * From now on, keys that are looked up in the index come in ascending order,
 * and leave out few: walking along the index is cheaper than searching it.
 */
extern void row_finder_walk(RowFinder *finder);

/* The same for one row. */
extern HeapTuple row_find(Relation rel, const char *pkey, int64 key,
						  const ItemPointerData *tid);

/*
 * Read the row with this key, as above: "fill" is called with it.  False if
 * there is none.
 */
extern bool row_read(const char *table, const char *pkey, int64 key,
					 const ItemPointerData *tid,
					 void (*fill) (void *result, HeapTuple tuple, TupleDesc desc),
					 void *result);

/*
 * The key behind which a number of entries of a primary key, which begins
 * with a bigint, have been passed from "after" on, be their rows dead or
 * alive; PG_INT64_MAX: there are no more.
 */
extern int64 row_key_after(const char *table, const char *pkey, int64 after, int entries);

/*
 * A snapshot around a change of a row: needed where values that are stored out
 * of line go or are replaced.  A server with assertions wants one for all
 * changes of a table that may have such values.
 */
extern void row_push_snapshot(bool needed);
extern void row_pop_snapshot(bool needed);

/* Insert a row.  tuple->t_self is where it is then. */
extern void row_insert(Relation rel, HeapTuple tuple);

/*
 * Delete a tuple, or lock one that is to be replaced.  An unfinished
 * transaction that has it in hand is not waited for: it can be a client's, who
 * may leave it open for as long as he likes.
 */
extern RowResult row_delete(Relation rel, ItemPointer tid);
extern RowResult row_lock(Relation rel, ItemPointer tid);

/* A large value as it was stored, read: a copy. */
extern struct varlena *row_value(struct varlena *stored);

/* Values of columns that may be NULL; infinite times are. */
extern Datum row_text(const char *value, bool *isnull);
extern Datum row_int64(int64 value, int64 null_value, bool *isnull);
extern Datum row_time(TimestampTz value, bool *isnull);

#endif							/* PG_SCHEDULER_ROW_H */

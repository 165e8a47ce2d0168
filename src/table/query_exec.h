/*-------------------------------------------------------------------------
 *
 * query_exec.h
 *	  How the files query*.c execute their statements.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_QUERY_EXEC_H
#define PG_SCHEDULER_QUERY_EXEC_H

#include "executor/spi.h"
#include "utils/jsonb.h"

#define QUERY_MAX_PARAMS		48

/* What has to be put back when a statement is over */
typedef struct QueryFrame
{
	Oid			userid;
	int			sec_context;
	bool		read_only;
	int			guc_level;
} QueryFrame;

/* The parameters of one statement */
typedef struct Params
{
	int			count;
	Oid			types[QUERY_MAX_PARAMS];
	Datum		values[QUERY_MAX_PARAMS];
	char		nulls[QUERY_MAX_PARAMS];
} Params;

extern void query_add(Params *params, Oid type, Datum value, bool isnull);
extern void query_add_text(Params *params, const char *value);
extern void query_add_int64(Params *params, int64 value);
extern void query_add_int64s(Params *params, const int64 *values, int n);
extern void query_add_time(Params *params, TimestampTz value);	/* infinite: NULL */
extern void query_add_oid(Params *params, Oid value); /* InvalidOid: NULL */
extern void query_add_jsonb(Params *params, Jsonb *value);

/* Columns of many rows, as one parameter each; nulls may be NULL */
extern void query_add_text_array(Params *params, Datum *values, bool *nulls, int n);
extern void query_add_int64_array(Params *params, Datum *values, bool *nulls, int n);
extern void query_add_oid_array(Params *params, Datum *values, bool *nulls, int n);

/*
 * Put on the identity and the surroundings of our own statements.  An error
 * in between is undone by the abort of the transaction.
 */
extern void query_enter(QueryFrame *frame);
extern void query_leave(const QueryFrame *frame);

/*
 * In a transaction that can be done later: who has a lock that it wants, of a
 * table also, is waited for no longer than a moment; then this is an error.
 */
extern void query_limit_lock_wait(void);

/*
 * Execute one statement, between enter and leave; how many rows it returned
 * or changed.  query_read() is for what only reads: it sees what was
 * committed when query_enter() was called, whatever the isolation level of
 * the transaction.  query_execute_plan() has a plan that was kept;
 * query_execute_kept() makes it the first time: for statements that are
 * executed for each of many runs.
 */
extern int64 query_execute(const char *sql, const Params *params);
extern int64 query_read(const char *sql, const Params *params);
extern int64 query_execute_plan(SPIPlanPtr plan, const Params *params);
extern int64 query_execute_kept(SPIPlanPtr *plan, const char *sql, const Params *params);

/* Enter, execute a statement, leave; how many rows it changed. */
extern int64 query_run(const char *sql, const Params *params);

/* A column, from 1, of a row of the last result. */
extern Datum query_column(int row, int attribute, bool *isnull);
extern int64 query_int64(int row, int attribute);
extern TimestampTz query_time(int row, int attribute, TimestampTz null_value);
extern char *query_text(int row, int attribute);	/* NULL: NULL */
extern Oid	query_oid(int row, int attribute);	/* NULL: InvalidOid */

/* Enter, execute a query, leave: does it return anything? */
extern bool query_exists(const char *sql, const Params *params);

/* Enter, execute a statement for one number, leave.  0: it returned no row. */
extern int64 query_number(const char *sql, const Params *params);

/* Enter, execute a query for one text, leave; palloc'd.  NULL: no row, or NULL. */
extern char *query_string(const char *sql, const Params *params);

/* Enter, execute a query through a cursor with a callback for each row, leave. */
extern void query_scan(const char *sql, const Params *params,
						 void (*row_callback) (int row, void *arg), void *arg);

/* Enter, execute a query for ids, leave.  *ids is palloc'd. */
extern int	query_ids(const char *sql, const Params *params, int64 **ids);

/* The same for a statement that changes rows and returns their ids. */
extern int	query_changed_ids(const char *sql, const Params *params, int64 **ids);

#endif							/* PG_SCHEDULER_QUERY_EXEC_H */

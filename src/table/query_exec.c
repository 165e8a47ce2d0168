/*-------------------------------------------------------------------------
 *
 * query_exec.c
 *	  How the files query*.c execute their statements.
 *
 * Our statements read and write private tables, in any session: a client's, that
 * of a worker, which is connected as the owner of a job, the scheduler's.  They
 * must not depend on that session, nor lend it their rights.  query_enter() puts
 * a frame around them, query_leave() takes it away:
 *
 *	user			the owner of the extension.  SECURITY_LOCAL_USERID_CHANGE
 *					refuses SET ROLE inside.
 *	search_path		pg_catalog, pg_temp.  Statements also qualify all names of
 *					ours.
 *	lock_timeout	0 in a worker: the job's must not fail the record of its run.
 *	row_security	on: "off" would make statements on tables with row security
 *					errors.
 *	read only		off in background processes: a job may have made its
 *					transaction read only, and its end is recorded in that.  A
 *					client's read-only transaction stays so.
 *	snapshot		the newest one, also if the transaction is REPEATABLE READ.
 *
 * Nothing of a user's is executed inside: no command of a job, no function of
 * theirs, no COMMIT.  Values are bound as parameters, never put into the text.
 *
 * An error inside needs no clean-up here: the abort of the transaction, or
 * subtransaction, restores user and settings.  A client gets the error without
 * our statements in its context.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "shared/worker_slot.h"
#include "table/extension.h"
#include "table/query.h"
#include "table/query_exec.h"

#define FETCH_BATCH		10000

void
query_add(Params *params, Oid type, Datum value, bool isnull)
{
	Assert(params->count < QUERY_MAX_PARAMS);
	params->types[params->count] = type;
	params->values[params->count] = value;
	params->nulls[params->count] = isnull ? 'n' : ' ';
	params->count++;
}

void
query_add_text(Params *params, const char *value)
{
	query_add(params, TEXTOID, value ? CStringGetTextDatum(value) : (Datum) 0,
			  value == NULL);
}

void
query_add_int64(Params *params, int64 value)
{
	query_add(params, INT8OID, Int64GetDatum(value), false);
}

void
query_add_int64s(Params *params, const int64 *values, int n)
{
	Datum	   *datums = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		datums[i] = Int64GetDatum(values[i]);
	query_add(params, INT8ARRAYOID,
			  PointerGetDatum(construct_array(datums, n, INT8OID, sizeof(int64),
											  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)),
			  false);
}

static void
add_array(Params *params, Oid array_type, Oid type, Datum *values, bool *nulls, int n,
		  int16 typlen, char typalign)
{
	int			dims[1] = {n};
	int			lbs[1] = {1};

	query_add(params, array_type,
			  PointerGetDatum(construct_md_array(values, nulls, 1, dims, lbs, type,
												 typlen, typlen > 0, typalign)),
			  false);
}

void
query_add_text_array(Params *params, Datum *values, bool *nulls, int n)
{
	add_array(params, TEXTARRAYOID, TEXTOID, values, nulls, n, -1, TYPALIGN_INT);
}

void
query_add_int64_array(Params *params, Datum *values, bool *nulls, int n)
{
	add_array(params, INT8ARRAYOID, INT8OID, values, nulls, n, 8, TYPALIGN_DOUBLE);
}

void
query_add_oid_array(Params *params, Datum *values, bool *nulls, int n)
{
	add_array(params, OIDARRAYOID, OIDOID, values, nulls, n, 4, TYPALIGN_INT);
}

void
query_add_time(Params *params, TimestampTz value)
{
	query_add(params, TIMESTAMPTZOID, TimestampTzGetDatum(value),
			  TIMESTAMP_NOT_FINITE(value));
}

void
query_add_oid(Params *params, Oid value)
{
	query_add(params, OIDOID, ObjectIdGetDatum(value), !OidIsValid(value));
}

void
query_add_jsonb(Params *params, Jsonb *value)
{
	query_add(params, JSONBOID, PointerGetDatum(value), value == NULL);
}

void
query_enter(QueryFrame *frame)
{
	Assert(IsTransactionState());
	GetUserIdAndSecContext(&frame->userid, &frame->sec_context);
	SetUserIdAndSecContext(extension_owner(),
						   frame->sec_context | SECURITY_LOCAL_USERID_CHANGE);
	frame->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (worker_slot_mine != NULL)	/* that of a job's owner is not for us */
		(void) set_config_option("lock_timeout", "0", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("row_security", "on", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	frame->read_only = XactReadOnly;
	if (MyBackendType != B_BACKEND) /* a job's transaction, not a client's */
		XactReadOnly = false;
	SPI_connect();
	PushActiveSnapshot(IsolationUsesXactSnapshot() ?
					   GetLatestSnapshot() : GetTransactionSnapshot());
}

void
query_leave(const QueryFrame *frame)
{
	PopActiveSnapshot();
	SPI_finish();
	XactReadOnly = frame->read_only;
	AtEOXact_GUC(false, frame->guc_level);
	SetUserIdAndSecContext(frame->userid, frame->sec_context);
}

void
query_limit_lock_wait(void)
{
	Assert(IsTransactionState());
	(void) set_config_option("lock_timeout", "20ms", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

/* Execute a plan, or else a text. */
static int64
execute(SPIPlanPtr plan, const char *sql, const Params *params, bool read_only)
{
	static const Params none = {0};
	int			result;

	if (params == NULL)
		params = &none;
	if (plan != NULL)
		result = SPI_execute_plan(plan, (Datum *) params->values, params->nulls,
								  read_only, 0);
	else
		result = SPI_execute_with_args(sql, params->count, (Oid *) params->types,
									   (Datum *) params->values, params->nulls,
									   read_only, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute failed: %s: %s", SPI_result_code_string(result), sql);
	return SPI_processed;
}

/*
 * The same for a client.  The context of an error that it meets is what it
 * has called, not the statements that we execute on its behalf: they are
 * taken off, and what surrounds this call is put in their place.
 */
static int64
execute_for_client(SPIPlanPtr plan, const char *sql, const Params *params, bool read_only)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorContextCallback *callbacks = error_context_stack;
	ErrorData  *error;
	int64		result = 0;

	PG_TRY();
	{
		error_context_stack = NULL;
		result = execute(plan, sql, params, read_only);
		error_context_stack = callbacks;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		error->context = NULL;
		error_context_stack = callbacks;
		ThrowErrorData(error);
	}
	PG_END_TRY();
	return result;
}

static int64
execute_statement(SPIPlanPtr plan, const char *sql, const Params *params, bool read_only)
{
	if (MyBackendType == B_BACKEND)
		return execute_for_client(plan, sql, params, read_only);
	return execute(plan, sql, params, read_only);
}

int64
query_execute_plan(SPIPlanPtr plan, const Params *params)
{
	return execute_statement(plan, "", params, false);
}

int64
query_execute_kept(SPIPlanPtr *plan, const char *sql, const Params *params)
{
	if (*plan == NULL)
	{
		*plan = SPI_prepare(sql, params->count, (Oid *) params->types);
		if (*plan == NULL)
			elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
		SPI_keepplan(*plan);
	}
	return execute_statement(*plan, "", params, false);
}

int64
query_execute(const char *sql, const Params *params)
{
	return execute_statement(NULL, sql, params, false);
}

/* SPI takes the snapshot that query_enter() has pushed. */
int64
query_read(const char *sql, const Params *params)
{
	return execute_statement(NULL, sql, params, true);
}

int64
query_run(const char *sql, const Params *params)
{
	QueryFrame	frame;
	int64		result;

	query_enter(&frame);
	result = query_execute(sql, params);
	query_leave(&frame);
	return result;
}

Datum
query_column(int row, int attribute, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 attribute, isnull);
}

int64
query_int64(int row, int attribute)
{
	bool		isnull;
	Datum		value = query_column(row, attribute, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

TimestampTz
query_time(int row, int attribute, TimestampTz null_value)
{
	bool		isnull;
	Datum		value = query_column(row, attribute, &isnull);

	return isnull ? null_value : DatumGetTimestampTz(value);
}

char *
query_text(int row, int attribute)
{
	bool		isnull;
	Datum		value = query_column(row, attribute, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

Oid
query_oid(int row, int attribute)
{
	bool		isnull;
	Datum		value = query_column(row, attribute, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

bool
query_exists(const char *sql, const Params *params)
{
	QueryFrame	frame;
	bool		result;

	query_enter(&frame);
	result = query_read(sql, params) > 0;
	query_leave(&frame);
	return result;
}

int64
query_number(const char *sql, const Params *params)
{
	QueryFrame	frame;
	int64		result;

	query_enter(&frame);
	result = query_execute(sql, params) > 0 ? query_int64(0, 1) : 0;
	query_leave(&frame);
	return result;
}

char *
query_string(const char *sql, const Params *params)
{
	MemoryContext caller = CurrentMemoryContext;
	QueryFrame	frame;
	char	   *result = NULL;
	Datum		value;
	bool		isnull = true;

	query_enter(&frame);
	value = query_read(sql, params) > 0 ? query_column(0, 1, &isnull) : (Datum) 0;
	if (!isnull)
		result = MemoryContextStrdup(caller, TextDatumGetCString(value));
	query_leave(&frame);
	return result;
}

void
query_scan(const char *sql, const Params *params,
	 void (*row_callback) (int row, void *arg), void *arg)
{
	QueryFrame	frame;
	Portal		portal;

	query_enter(&frame);
	portal = SPI_cursor_open_with_args(NULL, sql, params ? params->count : 0,
									   params ? (Oid *) params->types : NULL,
									   params ? (Datum *) params->values : NULL,
									   params ? params->nulls : NULL, true, 0);
	for (;;)
	{
		SPI_cursor_fetch(portal, true, FETCH_BATCH);
		if (SPI_processed == 0)
			break;
		for (int row = 0; row < SPI_processed; row++)
			row_callback(row, arg);
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	query_leave(&frame);
}

/* Between enter and leave: the ids of the last result, in a context. */
static void
copy_ids(MemoryContext context, int n, int64 **ids)
{
	*ids = MemoryContextAlloc(context, Max(n, 1) * sizeof(int64));
	for (int row = 0; row < n; row++)
		(*ids)[row] = query_int64(row, 1);
}

int
query_ids(const char *sql, const Params *params, int64 **ids)
{
	MemoryContext caller = CurrentMemoryContext;
	QueryFrame	frame;
	int			n;

	query_enter(&frame);
	n = query_read(sql, params);
	copy_ids(caller, n, ids);
	query_leave(&frame);
	return n;
}

int
query_changed_ids(const char *sql, const Params *params, int64 **ids)
{
	MemoryContext caller = CurrentMemoryContext;
	QueryFrame	frame;
	int			n;

	query_enter(&frame);
	n = query_execute(sql, params);
	copy_ids(caller, n, ids);
	query_leave(&frame);
	return n;
}

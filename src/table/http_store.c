/*-------------------------------------------------------------------------
 *
 * http_store.c
 *	  The tables of HTTP jobs, read and written as store.h does it.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "table/http_jsonb.h"
#include "table/http_store.h"
#include "table/row.h"
#include "table/store.h"

/* Columns of scheduler.http_response, in order */
enum
{
	RESPONSE_RUN_ID = 1,
	RESPONSE_JOB_ID,
	RESPONSE_JOB_NAME,
	RESPONSE_OWNER,
	RESPONSE_ATTEMPT,
	RESPONSE_FINISHED_AT,
	RESPONSE_IDEMPOTENCY_KEY,
	RESPONSE_HTTP_STATUS,
	RESPONSE_HTTP_VERSION,
	RESPONSE_HEADERS,
	RESPONSE_CONTENT_TYPE,
	RESPONSE_BODY,
	RESPONSE_TRUNCATED,
	RESPONSE_TOTAL_SIZE,
	RESPONSE_FAILURE,
	RESPONSE_ERROR,
	RESPONSE_FINAL_URL,
	RESPONSE_REDIRECTS,
	RESPONSE_REMOTE_ADDRESS,
	RESPONSE_REMOTE_PORT,
	RESPONSE_REUSED_CONNECTION,
	RESPONSE_NAME_LOOKUP,
	RESPONSE_CONNECT,
	RESPONSE_TLS,
	RESPONSE_FIRST_BYTE,
	RESPONSE_TOTAL,
	RESPONSE_COLUMNS = RESPONSE_TOTAL
};

/* A row in the making; column c is at [c - 1] */
typedef struct Row
{
	Datum		values[RESPONSE_COLUMNS];
	bool		nulls[RESPONSE_COLUMNS];
} Row;

static void
set_field(Row *row, int column, Datum value, bool isnull)
{
	row->values[column - 1] = value;
	row->nulls[column - 1] = isnull;
}

static void
set_text(Row *row, int column, const char *bytes)
{
	set_field(row, column, bytes ? CStringGetTextDatum(http_clean_text(bytes)) : (Datum) 0,
			  bytes == NULL);
}

/* A time of the transfer; a hop that did not come so far has none. */
static void
set_time(Row *row, int column, int64 usecs)
{
	set_field(row, column, Int64GetDatum(usecs), usecs <= 0);
}

/* The body can be large: it is not copied more than once. */
static Datum
make_bytea(const char *data, size_t length)
{
	bytea	   *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	if (length > 0)
		memcpy(VARDATA(result), data, length);
	return PointerGetDatum(result);
}

static void
set_answer(Row *row, const HttpResponse *response)
{
	bool		none = response->status == 0;

	set_field(row, RESPONSE_HTTP_STATUS, Int32GetDatum(response->status), none);
	set_field(row, RESPONSE_HTTP_VERSION, Int32GetDatum(response->http_version),
			  response->http_version == 0);
	set_field(row, RESPONSE_HEADERS,
			  none ? (Datum) 0 : JsonbPGetDatum(http_headers_write(response)), none);
	set_text(row, RESPONSE_CONTENT_TYPE, http_response_header(response, "content-type"));
	set_field(row, RESPONSE_BODY,
			  none ? (Datum) 0 : make_bytea(response->body, response->body_length), none);
	set_field(row, RESPONSE_TRUNCATED, BoolGetDatum(response->truncated), false);
	set_field(row, RESPONSE_TOTAL_SIZE, Int64GetDatum(response->total_size),
			  none || response->total_size < 0);
}

static void
set_transfer(Row *row, const HttpResponse *response)
{
	bool		failed = response->failure != HTTP_FAILURE_NONE;

	set_text(row, RESPONSE_FAILURE, failed ? http_failure_name(response->failure) : NULL);
	set_text(row, RESPONSE_ERROR, failed ? response->error : NULL);
	set_text(row, RESPONSE_FINAL_URL, response->final_url);
	set_field(row, RESPONSE_REDIRECTS, Int32GetDatum(response->redirect_count), false);
	set_text(row, RESPONSE_REMOTE_ADDRESS,
			 response->remote_address[0] ? response->remote_address : NULL);
	set_field(row, RESPONSE_REMOTE_PORT, Int32GetDatum(response->remote_port),
			  response->remote_port == 0);
	set_field(row, RESPONSE_REUSED_CONNECTION, BoolGetDatum(response->reused_connection), false);
	set_time(row, RESPONSE_NAME_LOOKUP, response->name_lookup_us);
	set_time(row, RESPONSE_CONNECT, response->connect_us);
	set_time(row, RESPONSE_TLS, response->tls_us);
	set_time(row, RESPONSE_FIRST_BYTE, response->first_byte_us);
	set_time(row, RESPONSE_TOTAL, response->total_us);
}

void
http_store_insert_response(const Run *run, const char *job_name,
						   const HttpResponse *response, const char *key,
						   TimestampTz finished_at)
{
	Relation	rel = store_open_partition("http_response", finished_at);
	Row			row;

	set_field(&row, RESPONSE_RUN_ID, Int64GetDatum(run->run_id), false);
	set_field(&row, RESPONSE_JOB_ID, Int64GetDatum(run->job_id), false);
	set_field(&row, RESPONSE_JOB_NAME, CStringGetTextDatum(job_name), false);
	set_field(&row, RESPONSE_OWNER, ObjectIdGetDatum(run->owner), false);
	set_field(&row, RESPONSE_ATTEMPT, Int32GetDatum(run->attempt), false);
	set_field(&row, RESPONSE_FINISHED_AT, TimestampTzGetDatum(finished_at), false);
	set_text(&row, RESPONSE_IDEMPOTENCY_KEY, key);
	set_answer(&row, response);
	set_transfer(&row, response);
	Assert(RelationGetNumberOfAttributes(rel) == RESPONSE_COLUMNS);
	row_insert(rel, heap_form_tuple(RelationGetDescr(rel), row.values, row.nulls));
	table_close(rel, RowExclusiveLock);
}

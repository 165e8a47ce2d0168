/*-------------------------------------------------------------------------
 *
 * query_queue.c
 *	  The SQL about queues; one function a statement.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "table/query_exec.h"
#include "table/query_queue.h"

typedef struct QueueScan
{
	QueueCallback callback;
	void	   *arg;
} QueueScan;

static void
queue_row(int row, void *arg)
{
	QueueScan  *scan = arg;
	QueueLimits limits = {0};
	bool		isnull;
	char	   *name = TextDatumGetCString(query_column(row, 1, &isnull));

	limits.enabled = DatumGetBool(query_column(row, 2, &isnull));
	limits.max_concurrency = (int) query_int64(row, 3);
	limits.rate_limit = (int) query_int64(row, 4);
	limits.rate_period = Max(query_int64(row, 5), 1);
	limits.priority = (int) query_int64(row, 6);
	limits.stop_deadline = query_time(row, 7, DT_NOEND);
	limits.restarting = DatumGetBool(query_column(row, 8, &isnull));
	limits.stopped_by = DatumGetObjectId(query_column(row, 9, &isnull));
	scan->callback(name, &limits, scan->arg);
}

void
query_scan_queues(QueueCallback callback, void *arg)
{
	QueueScan	scan = {callback, arg};

	query_scan("SELECT queue_name, enabled, COALESCE(max_concurrency, 0)::bigint,"
			   " COALESCE(rate_limit, 0)::bigint,"
			   " (extract(epoch FROM rate_period) * 1000000)::bigint,"
			   " priority::bigint, stop_deadline, restarting,"
			   " COALESCE((SELECT oid FROM pg_catalog.pg_roles WHERE rolname = stopped_by),"
			   " 0::oid) FROM scheduler.queue",
			   NULL, queue_row, &scan);
}

static void
add_int(Params *params, const int *value)
{
	query_add(params, INT4OID, value ? Int32GetDatum(*value) : (Datum) 0, value == NULL);
}

/* $1 to $8 */
static void
add_options(Params *params, const QueueOptions *options)
{
	query_add_text(params, options->name);
	add_int(params, options->max_concurrency);
	add_int(params, options->rate_limit);
	query_add(params, INTERVALOID, IntervalPGetDatum(options->rate_period),
			  options->rate_period == NULL);
	add_int(params, options->priority);
	query_add(params, BOOLOID, options->enabled ? BoolGetDatum(*options->enabled) : (Datum) 0,
			  options->enabled == NULL);
	query_add_text(params, options->description);
	query_add(params, INTERVALOID, IntervalPGetDatum(options->start_timeout),
			  options->start_timeout == NULL);
}

void
query_insert_queue(const QueueOptions *options)
{
	Params		params = {0};

	add_options(&params, options);
	query_run("INSERT INTO scheduler.queue (queue_name, max_concurrency, rate_limit,"
			  " rate_period, priority, enabled, description, start_timeout)"
			  " VALUES ($1, NULLIF($2, 0), NULLIF($3, 0),"
			  " COALESCE($4, '1 second'), COALESCE($5, 0), COALESCE($6, true), $7,"
			  " COALESCE($8, '5 minutes'))",
			  &params);
}

bool
query_update_queue(const QueueOptions *options)
{
	Params		params = {0};

	add_options(&params, options);
	query_add_text(&params, GetUserNameFromId(GetUserId(), false));
	return query_run("UPDATE scheduler.queue SET"
					 " max_concurrency = NULLIF(COALESCE($2, max_concurrency), 0),"
					 " rate_limit = NULLIF(COALESCE($3, rate_limit), 0),"
					 " rate_period = COALESCE($4, rate_period),"
					 " priority = COALESCE($5, priority),"
					 " enabled = COALESCE($6, enabled),"
					 " restarting = restarting AND $6 IS NULL,"
					 " stopped_by = CASE WHEN $6 IS NULL THEN stopped_by"
					 " WHEN NOT $6 THEN $9::name END,"
					 " description = COALESCE($7, description),"
					 " start_timeout = COALESCE($8, start_timeout)"
					 " WHERE queue_name = $1", &params) > 0;
}

bool
query_delete_queue(const char *name)
{
	Params		params = {0};

	query_add_text(&params, name);
	return query_run("DELETE FROM scheduler.queue WHERE queue_name = $1", &params) > 0;
}

bool
query_queue_has_jobs(const char *name)
{
	QueryFrame	frame;
	Params		params = {0};
	bool		result;

	query_add_text(&params, name);
	query_enter(&frame);
	result = query_execute("SELECT FROM scheduler.job WHERE queue = $1 LIMIT 1", &params) > 0;
	query_leave(&frame);
	return result;
}

bool
query_enable_queue(const char *name, bool enabled, TimestampTz stop_deadline,
				   bool restarting)
{
	Params		params = {0};

	query_add_text(&params, name);
	query_add(&params, BOOLOID, BoolGetDatum(enabled), false);
	query_add_time(&params, stop_deadline);
	query_add(&params, BOOLOID, BoolGetDatum(restarting), false);
	query_add_text(&params, enabled ? NULL : GetUserNameFromId(GetUserId(), false));
	return query_run("UPDATE scheduler.queue SET enabled = $2, stop_deadline = $3,"
					 " restarting = $4, stopped_by = $5::name"
					 " WHERE queue_name = COALESCE($1, queue_name)", &params) > 0;
}

bool
query_finish_restart(const char *name)
{
	Params		params = {0};

	query_add_text(&params, name);
	return query_run("UPDATE scheduler.queue SET enabled = true, stop_deadline = NULL,"
					 " restarting = false, stopped_by = NULL WHERE queue_name IN"
					 " (SELECT queue_name FROM scheduler.queue WHERE queue_name = $1"
					 " AND restarting FOR NO KEY UPDATE SKIP LOCKED)", &params) > 0;
}

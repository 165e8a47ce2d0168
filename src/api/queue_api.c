/*-------------------------------------------------------------------------
 *
 * queue_api.c
 *	  SQL-callable functions: queues.
 *
 * Queues belong to the database, not to a role: only admins change them.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/argument.h"
#include "api/dependency_api.h"
#include "base/clock.h"
#include "table/query.h"
#include "table/query_queue.h"
#include "table/rights.h"

PG_FUNCTION_INFO_V1(pg_scheduler_create_queue);
PG_FUNCTION_INFO_V1(pg_scheduler_alter_queue);
PG_FUNCTION_INFO_V1(pg_scheduler_drop_queue);
PG_FUNCTION_INFO_V1(pg_scheduler_start_queue);
PG_FUNCTION_INFO_V1(pg_scheduler_stop_queue);
PG_FUNCTION_INFO_V1(pg_scheduler_restart_queue);
PG_FUNCTION_INFO_V1(pg_scheduler_start_all);
PG_FUNCTION_INFO_V1(pg_scheduler_stop_all);

static char *
queue_argument(FunctionCallInfo fcinfo)
{
	argument_require(fcinfo, 0, "queue_name");
	argument_check_sizes(fcinfo);
	return text_to_cstring(PG_GETARG_TEXT_PP(0));
}

static void
report_missing(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("queue \"%s\" does not exist", job_clip_text(name, NAMEDATALEN)),
			 errhint("Use scheduler.create_queue().")));
}

static int *
int_or_null(FunctionCallInfo fcinfo, int arg, const char *name, bool any)
{
	int		   *result;

	if (PG_ARGISNULL(arg))
		return NULL;
	result = palloc(sizeof(int));
	*result = PG_GETARG_INT32(arg);
	if (*result < 0 && !any)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must not be negative", name)));
	return result;
}

static void
check_not_too_long(const Interval *interval, const char *name)
{
	if (interval != NULL && job_interval_usecs(interval) > INTERVAL_MAX_USECS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must not be longer than 100 years", name)));
}

static void
get_options(FunctionCallInfo fcinfo, QueueOptions *options)
{
	memset(options, 0, sizeof(*options));
	options->name = queue_argument(fcinfo);
	options->max_concurrency = int_or_null(fcinfo, 1, "max_concurrency", false);
	options->rate_limit = int_or_null(fcinfo, 2, "rate_limit", false);
	options->rate_period = PG_ARGISNULL(3) ? NULL : PG_GETARG_INTERVAL_P(3);
	options->priority = int_or_null(fcinfo, 4, "priority", true);
	if (!PG_ARGISNULL(5))
	{
		options->enabled = palloc(sizeof(bool));
		*options->enabled = PG_GETARG_BOOL(5);
	}
	options->start_timeout = PG_ARGISNULL(8) ? NULL : PG_GETARG_INTERVAL_P(8);
	if (options->start_timeout != NULL && job_interval_usecs(options->start_timeout) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"start_timeout\" must not be negative")));
	check_not_too_long(options->start_timeout, "start_timeout");
	options->description = PG_ARGISNULL(6) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(6));
	if (options->rate_period != NULL && job_interval_usecs(options->rate_period) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"rate_period\" must be longer than zero")));
	check_not_too_long(options->rate_period, "rate_period");
}

Datum
pg_scheduler_create_queue(PG_FUNCTION_ARGS)
{
	QueueOptions options;
	ArrayType  *depends_on;

	rights_require_admin("create_queue");
	depends_on = dependency_argument(fcinfo);
	get_options(fcinfo, &options);
	if (options.name[0] == '\0' || strlen(options.name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the name of a queue must have 1 to %d bytes", NAMEDATALEN - 1)));
	if (query_queue_exists(options.name))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("queue \"%s\" already exists", options.name),
				 errhint("Use scheduler.alter_queue() to change it.")));
	query_insert_queue(&options);
	dependency_set_of_queue(options.name, depends_on);
	PG_RETURN_VOID();
}

Datum
pg_scheduler_alter_queue(PG_FUNCTION_ARGS)
{
	QueueOptions options;
	ArrayType  *depends_on;

	rights_require_admin("alter_queue");
	depends_on = dependency_argument(fcinfo);
	get_options(fcinfo, &options);
	if (!query_update_queue(&options))
		report_missing(options.name);
	dependency_set_of_queue(options.name, depends_on);
	PG_RETURN_VOID();
}

Datum
pg_scheduler_drop_queue(PG_FUNCTION_ARGS)
{
	char	   *name = queue_argument(fcinfo);

	rights_require_admin("drop_queue");
	if (strcmp(name, "default") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("queue \"default\" cannot be dropped")));
	if (query_queue_has_jobs(name))
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("queue \"%s\" cannot be dropped because it has jobs", name),
				 errhint("Give them another queue with scheduler.alter_job().")));
	dependency_refuse_drop_of_queue(name);
	if (!query_delete_queue(name))
		report_missing(name);
	PG_RETURN_VOID();
}

Datum
pg_scheduler_start_queue(PG_FUNCTION_ARGS)
{
	char	   *name = queue_argument(fcinfo);

	rights_require_admin("start_queue");
	if (!query_enable_queue(name, true, DT_NOEND, false))
		report_missing(name);
	PG_RETURN_VOID();
}

/* When what runs is to be cancelled; without a timeout: never. */
static TimestampTz
stop_deadline(FunctionCallInfo fcinfo, int arg)
{
	int64		timeout;

	if (PG_ARGISNULL(arg))
		return DT_NOEND;
	timeout = job_interval_usecs(PG_GETARG_INTERVAL_P(arg));
	if (timeout < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"timeout\" must not be negative")));
	return clock_now() + Min(timeout, INTERVAL_MAX_USECS);
}

Datum
pg_scheduler_stop_queue(PG_FUNCTION_ARGS)
{
	char	   *name = queue_argument(fcinfo);

	rights_require_admin("stop_queue");
	if (!query_enable_queue(name, false, stop_deadline(fcinfo, 1), false))
		report_missing(name);
	PG_RETURN_VOID();
}

/* The scheduler starts the queue when it has come to rest. */
Datum
pg_scheduler_restart_queue(PG_FUNCTION_ARGS)
{
	char	   *name = queue_argument(fcinfo);

	rights_require_admin("restart_queue");
	if (!query_enable_queue(name, false, stop_deadline(fcinfo, 1), true))
		report_missing(name);
	PG_RETURN_VOID();
}

Datum
pg_scheduler_start_all(PG_FUNCTION_ARGS)
{
	rights_require_admin("start_all");
	(void) query_enable_queue(NULL, true, DT_NOEND, false);
	PG_RETURN_VOID();
}

Datum
pg_scheduler_stop_all(PG_FUNCTION_ARGS)
{
	rights_require_admin("stop_all");
	(void) query_enable_queue(NULL, false, stop_deadline(fcinfo, 0), false);
	PG_RETURN_VOID();
}

/*-------------------------------------------------------------------------
 *
 * http_api.c
 *	  SQL-callable functions: HTTP jobs and secrets.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/chain_api.h"
#include "api/dependency_api.h"
#include "api/job_definition.h"
#include "base/clock.h"
#include "base/compat.h"
#include "http/http_rules.h"
#include "table/catalog.h"
#include "table/http_definition.h"
#include "table/http_jsonb.h"
#include "table/row.h"

PG_FUNCTION_INFO_V1(pg_scheduler_schedule_http_job);
PG_FUNCTION_INFO_V1(pg_scheduler_alter_http_job);
PG_FUNCTION_INFO_V1(pg_scheduler_http_request);
PG_FUNCTION_INFO_V1(pg_scheduler_set_secret);
PG_FUNCTION_INFO_V1(pg_scheduler_set_secrets);
PG_FUNCTION_INFO_V1(pg_scheduler_drop_secret);
PG_FUNCTION_INFO_V1(pg_scheduler_http_body_text);

/* A member of the request, by the name of the argument that gives it */
typedef enum RequestField
{
	REQUEST_URL,
	REQUEST_METHOD,
	REQUEST_HEADERS,
	REQUEST_BODY,
	REQUEST_CONTENT_TYPE,
	REQUEST_SUCCESS_CODES,
	REQUEST_SIGNING_SECRET,
	REQUEST_FOLLOW_REDIRECTS,
	REQUEST_MAX_REDIRECTS,
	REQUEST_CONNECT_TIMEOUT
} RequestField;

static int
connect_timeout_ms(const Interval *interval)
{
	int64		ms = interval_usecs(interval) / 1000;

	if (ms < 1 || ms > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for \"%s\"", "connect_timeout"),
				 errdetail("It must be between 1 millisecond and 24 days.")));
	return (int) ms;
}

/* Text that is to be sent as it is. */
static char *
text_arg(FunctionCallInfo fcinfo, int arg)
{
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

/* What may be left out; the empty string takes it away. */
static char *
optional_text_arg(FunctionCallInfo fcinfo, int arg)
{
	char	   *text = text_arg(fcinfo, arg);

	return text[0] != '\0' ? text : NULL;
}

/* Set one member from an argument; NULL leaves what is there. */
static void
set_field(HttpDefinition *def, RequestField field, FunctionCallInfo fcinfo, int arg)
{
	if (PG_ARGISNULL(arg))
		return;
	switch (field)
	{
		case REQUEST_URL:
			def->url = text_arg(fcinfo, arg);
			break;
		case REQUEST_METHOD:
			def->method = text_arg(fcinfo, arg);
			break;
		case REQUEST_HEADERS:
			def->headers = PG_GETARG_JSONB_P(arg);
			break;
		case REQUEST_BODY:
			def->body = optional_text_arg(fcinfo, arg);
			break;
		case REQUEST_CONTENT_TYPE:
			def->content_type = optional_text_arg(fcinfo, arg);
			break;
		case REQUEST_SUCCESS_CODES:
			def->success_codes = text_arg(fcinfo, arg);
			break;
		case REQUEST_SIGNING_SECRET:
			def->signing_secret = optional_text_arg(fcinfo, arg);
			break;
		case REQUEST_FOLLOW_REDIRECTS:
			def->follow_redirects = PG_GETARG_BOOL(arg);
			break;
		case REQUEST_MAX_REDIRECTS:
			def->max_redirects = PG_GETARG_INT32(arg);
			break;
		case REQUEST_CONNECT_TIMEOUT:
			def->connect_timeout_ms = connect_timeout_ms(PG_GETARG_INTERVAL_P(arg));
			break;
	}
}

static void
set_fields(HttpDefinition *def, FunctionCallInfo fcinfo, int first,
		   const RequestField *fields, int count)
{
	for (int i = 0; i < count; i++)
		set_field(def, fields[i], fcinfo, first + i);
}

static void
require_url(const HttpDefinition *def)
{
	if (def->url == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"url\" must not be null")));
}

static void
put_request(JobDefinition *job, const HttpDefinition *def)
{
	require_url(def);
	/* what jsonb would refuse with an error of its own */
	if (def->headers != NULL)
	{
		int			count;

		(void) http_headers_read(def->headers, &count);
	}
	job->values[JOB_REQUEST - 1] = JsonbPGetDatum(http_definition_write(def));
	job->nulls[JOB_REQUEST - 1] = false;
}

/*
 * schedule_http_job(): job_name, schedule, what is sent first, then the
 * options of any job, then what has come later
 */
static const JobColumn name_columns[] = {JOB_JOB_NAME, JOB_SCHEDULE};

static const RequestField first_fields[] = {
	REQUEST_URL, REQUEST_METHOD, REQUEST_HEADERS, REQUEST_BODY
};

static const JobColumn option_columns[] = {
	JOB_QUEUE, JOB_PRIORITY, JOB_TIMEZONE, JOB_STARTS_AT, JOB_ENDS_AT, JOB_MAX_RUNS,
	JOB_JITTER, JOB_OVERLAP, JOB_MAX_INSTANCES, JOB_MISFIRE, JOB_MISFIRE_GRACE,
	JOB_TIMEOUT, JOB_MAX_RETRIES, JOB_BACKOFF, JOB_RETRY_DELAY, JOB_MAX_RETRY_DELAY,
	JOB_ENABLED, JOB_DESCRIPTION
};

static const RequestField more_fields[] = {
	REQUEST_SUCCESS_CODES, REQUEST_SIGNING_SECRET, REQUEST_FOLLOW_REDIRECTS
};

/* behind "replace" */
static const JobColumn args_column[] = {JOB_ARGS};

static const RequestField last_fields[] = {
	REQUEST_CONTENT_TYPE, REQUEST_MAX_REDIRECTS, REQUEST_CONNECT_TIMEOUT
};

static const JobColumn last_columns[] = {
	JOB_RETRY_JITTER, JOB_RETRY_ON, JOB_ON_LOST, JOB_CALENDAR, JOB_CALENDAR_ACTION
};

/* Set columns from the arguments from "*arg" on, and move it behind them. */
static void
take_columns(JobDefinition *job, FunctionCallInfo fcinfo, int *arg,
			 const JobColumn *columns, int count)
{
	job_definition_set(job, fcinfo, *arg, columns, count, false);
	*arg += count;
}

static void
take_fields(HttpDefinition *def, FunctionCallInfo fcinfo, int *arg,
			const RequestField *fields, int count)
{
	set_fields(def, fcinfo, *arg, fields, count);
	*arg += count;
}

Datum
pg_scheduler_schedule_http_job(PG_FUNCTION_ARGS)
{
	JobDefinition job;
	HttpDefinition def;
	ChainOptions chain;
	ArrayType  *depends_on;
	bool		replace;
	int64		job_id;
	int			arg = 0;

	job_definition_init(&job, JOB_HTTP);
	http_definition_init(&def);
	take_columns(&job, fcinfo, &arg, name_columns, lengthof(name_columns));
	take_fields(&def, fcinfo, &arg, first_fields, lengthof(first_fields));
	take_columns(&job, fcinfo, &arg, option_columns, lengthof(option_columns));
	take_fields(&def, fcinfo, &arg, more_fields, lengthof(more_fields));
	replace = PG_ARGISNULL(arg) || PG_GETARG_BOOL(arg);
	arg++;
	take_columns(&job, fcinfo, &arg, args_column, lengthof(args_column));
	take_fields(&def, fcinfo, &arg, last_fields, lengthof(last_fields));
	take_columns(&job, fcinfo, &arg, last_columns, lengthof(last_columns));
	chain_api_get(&chain, fcinfo, arg, false);
	depends_on = dependency_argument(fcinfo, arg + CHAIN_ARGUMENTS);
	chain_api_define(&chain, &job);
	put_request(&job, &def);
	job_id = api_store_job(&job, replace);
	chain_api_store(&chain, &job, job_id);
	dependency_set_of_job(job_id, DatumGetObjectId(job.values[JOB_OWNER - 1]), depends_on);
	PG_RETURN_INT64(job_id);
}

/*
 * alter_http_job(): the job, then all that is sent
 */
Datum
pg_scheduler_alter_http_job(PG_FUNCTION_ARGS)
{
	int64		job_id = api_job(fcinfo);
	static const RequestField fields[] = {
		REQUEST_URL, REQUEST_METHOD, REQUEST_HEADERS, REQUEST_BODY,
		REQUEST_CONTENT_TYPE, REQUEST_SUCCESS_CODES, REQUEST_SIGNING_SECRET,
		REQUEST_FOLLOW_REDIRECTS, REQUEST_MAX_REDIRECTS, REQUEST_CONNECT_TIMEOUT
	};
	JobDefinition job;
	HttpDefinition def;

	catalog_read_definition(job_id, &job);
	if (job.nulls[JOB_REQUEST - 1])
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("job \"%s\" is not an HTTP job",
						TextDatumGetCString(job.values[JOB_JOB_NAME - 1])),
				 errhint("Use scheduler.alter_job().")));
	http_definition_read(DatumGetJsonbP(job.values[JOB_REQUEST - 1]), &def);
	set_fields(&def, fcinfo, 1, fields, lengthof(fields));
	put_request(&job, &def);
	job_definition_check(&job);
	catalog_update_job(job_id, &job);
	PG_RETURN_VOID();
}

/*
 * http_request(): a job that has one run, which is added with it, and that
 * goes when the run is over.  It is disabled, so that nothing but that run
 * comes of it.
 */
Datum
pg_scheduler_http_request(PG_FUNCTION_ARGS)
{
	static const RequestField fields[] = {
		REQUEST_URL, REQUEST_METHOD, REQUEST_HEADERS, REQUEST_BODY,
		REQUEST_CONTENT_TYPE, REQUEST_SUCCESS_CODES, REQUEST_SIGNING_SECRET,
		REQUEST_FOLLOW_REDIRECTS, REQUEST_MAX_REDIRECTS, REQUEST_CONNECT_TIMEOUT
	};
	static const JobColumn columns[] = {
		JOB_ARGS, JOB_PRIORITY, JOB_TIMEOUT, JOB_MAX_RETRIES, JOB_BACKOFF,
		JOB_RETRY_DELAY, JOB_MAX_RETRY_DELAY
	};
	JobDefinition job;
	HttpDefinition def;
	int64		job_id = store_nextval("job_id_seq");
	int			arg = 0;

	job_definition_init(&job, JOB_HTTP);
	http_definition_init(&def);
	take_fields(&def, fcinfo, &arg, fields, lengthof(fields));
	take_columns(&job, fcinfo, &arg, columns, lengthof(columns));
	def.one_off = true;
	job.values[JOB_JOB_ID - 1] = Int64GetDatum(job_id);
	job.values[JOB_JOB_NAME - 1] =
		PointerGetDatum(cstring_to_text(psprintf("http_request_" INT64_FORMAT, job_id)));
	job.values[JOB_SCHEDULE - 1] = PointerGetDatum(cstring_to_text("now"));
	job.nulls[JOB_JOB_ID - 1] = job.nulls[JOB_JOB_NAME - 1] =
		job.nulls[JOB_SCHEDULE - 1] = false;
	job.values[JOB_ENABLED - 1] = BoolGetDatum(false);
	put_request(&job, &def);
	job_definition_check(&job);
	(void) catalog_upsert_job(&job, false);
	PG_RETURN_INT64(api_run_now(job_id));
}

/*
 * Secrets
 */

/*
 * Errors hide the statement, or the line of COPY, which has the value, from
 * the server log.
 */
static void
check_secret_name(const char *name)
{
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not be null", "name"),
				 errhidestmt(true), errhidecontext(true)));
	if (name[0] == '\0' || strlen(name) >= JOB_NAME_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for \"%s\"", "name"),
				 errdetail("The name of a secret has 1 to %d bytes.", JOB_NAME_LENGTH - 1),
				 errhidestmt(true), errhidecontext(true)));
}

static void
set_secret(const char *name, const char *value)
{
	const char *problem;

	check_secret_name(name);
	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not be null", "value"),
				 errhint("Use scheduler.drop_secret() to remove a secret.")));
	problem = value[0] == '\0' ? "It must not be empty." : http_check_header_value(value);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for \"%s\"", "value"),
				 errdetail("%s", problem),
				 errhidestmt(true), errhidecontext(true)));
	catalog_set_secret(GetUserId(), name, value);
}

/* NULL stays NULL. */
static char *
nullable_text_arg(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : text_arg(fcinfo, arg);
}

Datum
pg_scheduler_set_secret(PG_FUNCTION_ARGS)
{
	set_secret(nullable_text_arg(fcinfo, 0), nullable_text_arg(fcinfo, 1));
	PG_RETURN_VOID();
}

/* A column of a row that is being inserted, as text; NULL stays NULL. */
static char *
inserted_text(const TriggerData *trigger, int column)
{
	bool		isnull;
	Datum		value = heap_getattr(trigger->tg_trigtuple, column,
									 RelationGetDescr(trigger->tg_relation), &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* INSTEAD OF INSERT on scheduler.secret_values (name, value) */
Datum
pg_scheduler_set_secrets(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_INSTEAD(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		RelationGetRelid(trigger->tg_relation) != row_relation("secret_values"))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("scheduler._set_secrets() is the trigger of scheduler.secret_values")));
	set_secret(inserted_text(trigger, 1), inserted_text(trigger, 2));
	return PointerGetDatum(trigger->tg_trigtuple);
}

Datum
pg_scheduler_drop_secret(PG_FUNCTION_ARGS)
{
	char	   *name = nullable_text_arg(fcinfo, 0);

	check_secret_name(name);
	if (!catalog_drop_secret(GetUserId(), name))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("secret \"%s\" does not exist", name),
				 errhint("The view scheduler.secrets lists those that there are.")));
	PG_RETURN_VOID();
}

/*
 * For views: a body as text, or NULL.
 */
Datum
pg_scheduler_http_body_text(PG_FUNCTION_ARGS)
{
	bytea	   *body;
	HttpHeader	header = {.name = "content-type"};
	HttpResponse response = {0};
	char	   *result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	body = PG_GETARG_BYTEA_PP(0);
	if (!PG_ARGISNULL(1))
	{
		header.value = text_to_cstring(PG_GETARG_TEXT_PP(1));
		response.headers = &header;
		response.header_count = 1;
	}
	response.body = VARDATA_ANY(body);
	response.body_length = VARSIZE_ANY_EXHDR(body);
	response.truncated = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	result = http_body_text(&response);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(result));
}

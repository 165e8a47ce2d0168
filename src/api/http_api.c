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
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/argument.h"
#include "api/chain_api.h"
#include "api/dependency_api.h"
#include "api/job_definition.h"
#include "base/clock.h"
#include "base/compat.h"
#include "http/http_rules.h"
#include "table/fit.h"
#include "table/http_definition.h"
#include "table/http_jsonb.h"
#include "table/query.h"
#include "table/rights.h"
#include "table/row.h"
#include "table/secret.h"

/* The default of max_retries of http_request() */
#define REQUEST_MAX_RETRIES	5

PG_FUNCTION_INFO_V1(pg_scheduler_schedule_http_job);
PG_FUNCTION_INFO_V1(pg_scheduler_alter_http_job);
PG_FUNCTION_INFO_V1(pg_scheduler_http_request);
PG_FUNCTION_INFO_V1(pg_scheduler_set_secret);
PG_FUNCTION_INFO_V1(pg_scheduler_set_secrets);
PG_FUNCTION_INFO_V1(pg_scheduler_drop_secret);
PG_FUNCTION_INFO_V1(pg_scheduler_rotate_secret_key);
PG_FUNCTION_INFO_V1(pg_scheduler_http_body_text);

/* Text that is to be sent as it is. */
static char *
text_arg(FunctionCallInfo fcinfo, int arg)
{
	argument_check_sizes(fcinfo);
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

static Oid
argument_type(const HttpField *field)
{
	switch (field->type)
	{
		case HTTP_JSONB:
			return JSONBOID;
		case HTTP_BOOL:
			return BOOLOID;
		case HTTP_INT:
			return INT4OID;
		case HTTP_MILLISECONDS:
			return INTERVALOID;
		case HTTP_TEXT:
		case HTTP_OPTIONAL_TEXT:
			break;
	}
	return TEXTOID;
}

/* Set what a function call gives of the request; NULL leaves what is there. */
static void
set_fields(HttpDefinition *def, FunctionCallInfo fcinfo)
{
	for (int i = 0; i < http_field_count; i++)
	{
		const HttpField *field = &http_fields[i];
		Datum		value;

		if (!field->internal &&
			argument_get(fcinfo, field->name, argument_type(field), &value))
			http_definition_set(def, field, value);
	}
}

/* Take what the argument "reset" names back to its default. */
static void
reset_fields(HttpDefinition *def, FunctionCallInfo fcinfo)
{
	ListCell   *lc;

	foreach(lc, argument_texts(fcinfo, "reset"))
	{
		const char *name = lfirst(lc);
		int			i = 0;

		while (i < http_field_count &&
			   (http_fields[i].internal || strcmp(http_fields[i].name, name) != 0))
			i++;
		if (i == http_field_count)
			job_definition_bad_reset(psprintf("A request has no \"%s\".", job_clip_text(name, 64)),
									 "Use scheduler.alter_job() for what all jobs have.");
		if (argument_is_given(fcinfo, name))
			job_definition_bad_reset(psprintf("\"%s\" is given as well.", name), NULL);
		http_definition_reset(def, &http_fields[i]);
	}
}

/*
 * Who may not SET ROLE to the owner of a job may change how long it waits for a
 * connection, and nothing else of its request.
 */
static void
guard_request(JobDefinition *job, FunctionCallInfo fcinfo)
{
	job_definition_guard(job, fcinfo);
	if (!job->runs_as_before)
		return;
	for (int i = 0; i < http_field_count; i++)
		if (!http_fields[i].internal && strcmp(http_fields[i].name, "connect_timeout") != 0)
			job_definition_deny_given(fcinfo, DatumGetObjectId(job->values[JOB_OWNER - 1]),
									  http_fields[i].name);
}

static void
require_url(const HttpDefinition *def)
{
	argument_not_null(def->url == NULL, "url");
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

Datum
pg_scheduler_schedule_http_job(PG_FUNCTION_ARGS)
{
	ArrayType  *depends_on = dependency_argument(fcinfo);
	JobDefinition job;
	HttpDefinition def;
	ChainOptions chain;
	int64		job_id;

	fit_require_version();
	job_definition_init(&job, JOB_HTTP);
	http_definition_init(&def);
	job_definition_set(&job, fcinfo);
	set_fields(&def, fcinfo);
	chain_api_get(&chain, fcinfo, false);
	chain_api_define(&chain, &job);
	put_request(&job, &def);
	job_id = api_store_job(&job, argument_bool(fcinfo, "replace", true));
	chain_api_store(&chain, &job, job_id);
	dependency_set_of_job(job_id, DatumGetObjectId(job.values[JOB_OWNER - 1]), depends_on);
	PG_RETURN_INT64(job_id);
}

Datum
pg_scheduler_alter_http_job(PG_FUNCTION_ARGS)
{
	int64		job_id = api_job(fcinfo);
	JobDefinition job;
	HttpDefinition def;

	query_read_definition(job_id, &job);
	if (job.nulls[JOB_REQUEST - 1])
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("job \"%s\" is not an HTTP job",
						TextDatumGetCString(job.values[JOB_JOB_NAME - 1])),
				 errhint("Use scheduler.alter_job().")));
	guard_request(&job, fcinfo);
	http_definition_read(DatumGetJsonbP(job.values[JOB_REQUEST - 1]), &def);
	set_fields(&def, fcinfo);
	reset_fields(&def, fcinfo);
	put_request(&job, &def);
	job_definition_check(&job);
	query_update_job(job_id, &job);
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
	JobDefinition job;
	HttpDefinition def;
	int64		job_id;

	fit_require_version();
	job_id = store_nextval("job_id_seq");
	job_definition_init(&job, JOB_HTTP);
	http_definition_init(&def);
	job.values[JOB_MAX_RETRIES - 1] = Int32GetDatum(REQUEST_MAX_RETRIES);
	job_definition_set(&job, fcinfo);
	set_fields(&def, fcinfo);
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
	(void) query_upsert_job(&job, false);
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
	secret_set(GetUserId(), name, value);
}

/* NULL stays NULL. */
static char *
nullable_text_arg(FunctionCallInfo fcinfo, int arg)
{
	fit_require_version();
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
	if (!query_drop_secret(GetUserId(), name))
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

Datum
pg_scheduler_rotate_secret_key(PG_FUNCTION_ARGS)
{
	fit_require_version();
	rights_require_admin("rotate_secret_key");
	PG_RETURN_INT64(secret_rotate_key());
}

/*-------------------------------------------------------------------------
 *
 * http_definition.c
 *	  The request of an HTTP job as it is stored: scheduler.job.request.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "http/http_sign.h"
#include "table/http_definition.h"
#include "table/http_jsonb.h"
#include "table/job.h"
#include "table/secret.h"

#define AT(member)	offsetof(HttpDefinition, member)

const HttpField http_fields[] = {
	{"url", HTTP_TEXT, AT(url), .required = true},
	{"method", HTTP_TEXT, AT(method), .initial_text = "POST", .required = true},
	{"headers", HTTP_JSONB, AT(headers)},
	{"body", HTTP_OPTIONAL_TEXT, AT(body)},
	{"content_type", HTTP_OPTIONAL_TEXT, AT(content_type)},
	{"success_codes", HTTP_TEXT, AT(success_codes), .initial_text = "200-299", .required = true},
	{"signing_secret", HTTP_OPTIONAL_TEXT, AT(signing_secret)},
	{"follow_redirects", HTTP_BOOL, AT(follow_redirects)},
	{"max_redirects", HTTP_INT, AT(max_redirects), .initial_number = 5},
	{"connect_timeout", HTTP_MILLISECONDS, AT(connect_timeout_ms)},
	{"one_off", HTTP_BOOL, AT(one_off), .internal = true},
};

const int	http_field_count = lengthof(http_fields);

#define MEMBER(def, field, type)	(*(type *) ((char *) (def) + (field)->offset))

void
http_definition_reset(HttpDefinition *def, const HttpField *field)
{
	switch (field->type)
	{
		case HTTP_TEXT:
		case HTTP_OPTIONAL_TEXT:
			MEMBER(def, field, char *) = unconstify(char *, field->initial_text);
			break;
		case HTTP_JSONB:
			MEMBER(def, field, Jsonb *) = NULL;
			break;
		case HTTP_BOOL:
			MEMBER(def, field, bool) = false;
			break;
		case HTTP_INT:
		case HTTP_MILLISECONDS:
			MEMBER(def, field, int) = field->initial_number;
			break;
	}
}

void
http_definition_init(HttpDefinition *def)
{
	for (int i = 0; i < http_field_count; i++)
		http_definition_reset(def, &http_fields[i]);
}

static int
milliseconds(const HttpField *field, const Interval *interval)
{
	int64		ms = job_interval_usecs(interval) / 1000;

	if (ms < 1 || ms > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for \"%s\"", field->name),
				 errdetail("It must be between 1 millisecond and 24 days.")));
	return (int) ms;
}

void
http_definition_set(HttpDefinition *def, const HttpField *field, Datum value)
{
	char	   *string;

	switch (field->type)
	{
		case HTTP_TEXT:
			MEMBER(def, field, char *) = TextDatumGetCString(value);
			break;
		case HTTP_OPTIONAL_TEXT:
			string = TextDatumGetCString(value);
			MEMBER(def, field, char *) = string[0] != '\0' ? string : NULL;
			break;
		case HTTP_JSONB:
			MEMBER(def, field, Jsonb *) = DatumGetJsonbP(value);
			break;
		case HTTP_BOOL:
			MEMBER(def, field, bool) = DatumGetBool(value);
			break;
		case HTTP_INT:
			MEMBER(def, field, int) = DatumGetInt32(value);
			break;
		case HTTP_MILLISECONDS:
			MEMBER(def, field, int) = milliseconds(field, DatumGetIntervalP(value));
			break;
	}
}

/*
 * To and from jsonb.  What is NULL, false or 0 is left out.
 */

static void
write_key(JsonbParseState **state, const char *name)
{
	JsonbValue	key = {.type = jbvString};

	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	pushJsonbValue(state, WJB_KEY, &key);
}

static void
write_text(JsonbParseState **state, const char *name, const char *text)
{
	JsonbValue	value = {.type = jbvString};

	if (text == NULL)
		return;
	write_key(state, name);
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = strlen(text);
	pushJsonbValue(state, WJB_VALUE, &value);
}

static void
write_number(JsonbParseState **state, const char *name, int number)
{
	JsonbValue	value = {.type = jbvNumeric};

	if (number == 0)
		return;
	write_key(state, name);
	value.val.numeric = int64_to_numeric(number);
	pushJsonbValue(state, WJB_VALUE, &value);
}

static void
write_true(JsonbParseState **state, const char *name, bool set)
{
	JsonbValue	value = {.type = jbvBool};

	if (!set)
		return;
	write_key(state, name);
	value.val.boolean = true;
	pushJsonbValue(state, WJB_VALUE, &value);
}

static void
write_jsonb(JsonbParseState **state, const char *name, Jsonb *jsonb)
{
	JsonbValue	value = {.type = jbvBinary};

	if (jsonb == NULL)
		return;
	write_key(state, name);
	value.val.binary.data = &jsonb->root;
	value.val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
	pushJsonbValue(state, WJB_VALUE, &value);
}

Jsonb *
http_definition_write(const HttpDefinition *def)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < http_field_count; i++)
	{
		const HttpField *field = &http_fields[i];

		switch (field->type)
		{
			case HTTP_TEXT:
			case HTTP_OPTIONAL_TEXT:
				write_text(&state, field->name, MEMBER(def, field, char *));
				break;
			case HTTP_JSONB:
				write_jsonb(&state, field->name, MEMBER(def, field, Jsonb *));
				break;
			case HTTP_BOOL:
				write_true(&state, field->name, MEMBER(def, field, bool));
				break;
			case HTTP_INT:
			case HTTP_MILLISECONDS:
				write_number(&state, field->name, MEMBER(def, field, int));
				break;
		}
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* A member of the request, or NULL if it has none of that name and type. */
static JsonbValue *
find_member(Jsonb *request, const char *name, enum jbvType type)
{
	JsonbValue *value = getKeyJsonValueFromContainer(&request->root, name,
													 strlen(name), NULL);

	return value != NULL && value->type == type ? value : NULL;
}

static char *
read_text(Jsonb *request, const char *name)
{
	JsonbValue *value = find_member(request, name, jbvString);

	return value ? pnstrdup(value->val.string.val, value->val.string.len) : NULL;
}

static int
read_number(Jsonb *request, const char *name)
{
	JsonbValue *value = find_member(request, name, jbvNumeric);

	return value ? DatumGetInt32(DirectFunctionCall1(numeric_int4,
													 NumericGetDatum(value->val.numeric))) : 0;
}

static bool
read_true(Jsonb *request, const char *name)
{
	JsonbValue *value = find_member(request, name, jbvBool);

	return value && value->val.boolean;
}

static Jsonb *
read_jsonb(Jsonb *request, const char *name)
{
	JsonbValue *value = find_member(request, name, jbvBinary);

	return value ? JsonbValueToJsonb(value) : NULL;
}

static void
read_field(Jsonb *request, HttpDefinition *def, const HttpField *field)
{
	switch (field->type)
	{
		case HTTP_TEXT:
		case HTTP_OPTIONAL_TEXT:
			MEMBER(def, field, char *) = read_text(request, field->name);
			if (field->required && MEMBER(def, field, char *) == NULL)
				elog(ERROR, "scheduler.job.request lacks a member");
			break;
		case HTTP_JSONB:
			MEMBER(def, field, Jsonb *) = read_jsonb(request, field->name);
			break;
		case HTTP_BOOL:
			MEMBER(def, field, bool) = read_true(request, field->name);
			break;
		case HTTP_INT:
		case HTTP_MILLISECONDS:
			MEMBER(def, field, int) = read_number(request, field->name);
			break;
	}
}

void
http_definition_read(Jsonb *request, HttpDefinition *def)
{
	if (request == NULL || !JB_ROOT_IS_OBJECT(request))
		elog(ERROR, "scheduler.job.request is not a JSON object");
	for (int i = 0; i < http_field_count; i++)
		read_field(request, def, &http_fields[i]);
}

/*
 * From a definition to what is sent
 */

const char *
http_to_utf8(const char *text)
{
	return text ? pg_server_to_any(text, strlen(text), PG_UTF8) : NULL;
}

static const char *
get_secret(Oid owner, const char *name)
{
	char	   *value = secret_find(owner, name);

	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("secret \"%s\" does not exist", job_clip_text(name, 64)),
				 errdetail("The owner of the job has no secret of that name."),
				 errhint("Use scheduler.set_secret().")));
	return http_to_utf8(value);
}

void
http_definition_job(const HttpDefinition *def, Oid owner, HttpJob *job)
{
	int			count;
	HttpHeaderDefinition *defined = http_headers_read(def->headers, &count);
	HttpHeader *headers = palloc0((count + 1) * sizeof(HttpHeader));

	Assert(IsTransactionState());
	memset(job, 0, sizeof(*job));
	for (int i = 0; i < count; i++)
	{
		HttpHeaderDefinition *from = &defined[i];

		headers[i].name = http_to_utf8(from->name);
		headers[i].secret = from->secret != NULL;
		headers[i].value = from->secret ? get_secret(owner, from->secret) :
			http_to_utf8(from->value);
	}
	if (def->content_type != NULL)
	{
		headers[count].name = "Content-Type";
		headers[count++].value = http_to_utf8(def->content_type);
	}
	job->url = http_to_utf8(def->url);
	job->method = def->method;
	job->headers = headers;
	job->header_count = count;
	job->body = http_to_utf8(def->body);
	job->signing_keys = def->signing_secret ? get_secret(owner, def->signing_secret) : NULL;
	job->max_redirects = def->follow_redirects ? def->max_redirects : 0;
	job->connect_timeout_ms = def->connect_timeout_ms;
}

/*
 * Checks
 */

static const char *
hint_for(const char *field)
{
	if (strcmp(field, "url") == 0)
		return "Example: https://example.com/hook/{{args.id}}.";
	if (strcmp(field, "method") == 0)
		return "Use GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS.";
	if (strcmp(field, "headers") == 0)
		return "Example: {\"Accept\": \"text/html\", \"Authorization\": {\"secret\": \"api-token\"}}.";
	if (strcmp(field, "signing_secret") == 0)
		return "Set the secret to one key, or several separated by spaces, each whsec_ and base64, or taken as it is.";
	return NULL;
}

void
http_raise_problem(const HttpProblem *problem)
{
	StringInfoData detail;
	const char *hint = hint_for(problem->field);

	initStringInfo(&detail);
	if (problem->header[0] != '\0')
		appendStringInfo(&detail, "Header \"%s\": ", http_clean_text(problem->header));
	appendStringInfoString(&detail, http_clean_text(problem->detail));
	if (problem->position > 0)
		appendStringInfo(&detail, " (At byte %d.)", problem->position);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for \"%s\"", problem->field),
			 errdetail_internal("%s", detail.data),
			 hint ? errhint("%s", hint) : 0));
	pg_unreachable();
}

static void
check_success_codes(const HttpDefinition *def)
{
	HttpStatusSet set;
	int			position;
	const char *detail = http_status_set_parse(def->success_codes, &set, &position);

	if (detail != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for \"%s\"", "success_codes"),
				 errdetail("%s (At byte %d.)", detail, position),
				 errhint("Example: 200-299,304.")));
}

/* Content-Type must not be given twice. */
static void
check_content_type(const HttpDefinition *def)
{
	int			count;
	HttpHeaderDefinition *headers;

	if (def->content_type == NULL)
		return;
	headers = http_headers_read(def->headers, &count);
	for (int i = 0; i < count; i++)
		if (pg_strcasecmp(headers[i].name, "content-type") == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid value for \"%s\"", "content_type"),
					 errdetail("The headers have a Content-Type already."),
					 errhint("Give it in one of the two places.")));
}

void
http_definition_check(const HttpDefinition *def, Oid owner)
{
	HttpJob		job;
	HttpProblem problem;

	check_success_codes(def);
	check_content_type(def);
	if (def->max_redirects < 0 || def->max_redirects > 50)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for \"%s\"", "max_redirects"),
				 errdetail("It must be between 0 and 50.")));
	http_definition_job(def, owner, &job);
	if (!http_job_check(&job, &problem))
		http_raise_problem(&problem);
}

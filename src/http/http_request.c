/*-------------------------------------------------------------------------
 *
 * http_request.c
 *	  From the definition of a job to the request of one attempt.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "http/http_request.h"
#include "http/http_rules.h"
#include "http/http_sign.h"

/* Content type, two identities, timestamp, signature. */
#define MAX_OWN_HEADERS		5

static bool
fail(HttpProblem *problem, const char *field, const char *header, int position,
	 const char *detail)
{
	problem->field = field;
	problem->position = position;
	strlcpy(problem->header, header, sizeof(problem->header));
	strlcpy(problem->detail, detail, sizeof(problem->detail));
	return false;
}

/* The content type that the job's headers or its body ask for. */
static const char *
content_type_of(const HttpJob *job, bool *is_set)
{
	*is_set = true;
	for (int i = 0; i < job->header_count; i++)
	{
		if (pg_strcasecmp(job->headers[i].name, "content-type") == 0)
			return job->headers[i].value;
	}
	*is_set = false;
	return job->body != NULL ? http_default_content_type(job->body) : NULL;
}

static bool
expand(const char *text, HttpTemplatePlace place, const HttpTemplateValues *values,
	   const char *field, const char *header, const char **result, int *length,
	   HttpProblem *problem)
{
	StringInfoData out;
	HttpTemplateError error;

	initStringInfo(&out);
	if (!http_template_expand(text, place, values, &out, &error))
	{
		pfree(out.data);
		return fail(problem, field, header, error.position, error.detail);
	}
	*result = out.data;
	if (length != NULL)
		*length = out.len;
	return true;
}

/* URL, method and headers of the job; leaves room for headers of ours. */
static bool
build_head(const HttpJob *job, const HttpTemplateValues *values,
		   HttpRequest *request, HttpHeader *headers, HttpProblem *problem)
{
	const char *detail;
	HttpUrl		url;

	if ((detail = http_check_method(job->method)) != NULL)
		return fail(problem, "method", "", 0, detail);
	if (!expand(job->url, HTTP_PLACE_URL, values, "url", "", &request->url, NULL, problem))
		return false;
	if ((detail = http_url_parse(request->url, &url)) != NULL)
		return fail(problem, "url", "", 0, detail);
	http_url_free(&url);

	for (int i = 0; i < job->header_count; i++)
	{
		const HttpHeader *header = &job->headers[i];

		if ((detail = http_check_header_name(header->name)) != NULL)
			return fail(problem, "headers", header->name, 0, detail);
		headers[i] = *header;
		if (!header->secret &&
			!expand(header->value, HTTP_PLACE_HEADER, values, "headers", header->name,
					&headers[i].value, NULL, problem))
			return false;
		if ((detail = http_check_header_value(headers[i].value)) != NULL)
			return fail(problem, "headers", header->name, 0, detail);
	}
	request->method = job->method;
	request->headers = headers;
	request->header_count = job->header_count;
	return true;
}

static void
add_header(HttpRequest *request, HttpHeader *headers, const char *name, const char *value)
{
	HttpHeader *header = &headers[request->header_count++];

	header->name = name;
	header->value = value;
	header->secret = false;
}

/* Who this is: the headers of the Standard Webhooks, and Idempotency-Key. */
static bool
add_identity(const HttpJob *job, const HttpAttempt *attempt,
			 HttpRequest *request, HttpHeader *headers, HttpProblem *problem)
{
	StringInfoData signature;
	const char *detail;

	add_header(request, headers, "Idempotency-Key", attempt->key);
	add_header(request, headers, "webhook-id", attempt->key);
	add_header(request, headers, "webhook-timestamp",
			   psprintf(INT64_FORMAT, attempt->timestamp));
	if (job->signing_keys == NULL)
		return true;

	initStringInfo(&signature);
	detail = http_sign(job->signing_keys, attempt->key, attempt->timestamp,
					   request->body != NULL ? request->body : "",
					   request->body_length, &signature);
	if (detail != NULL)
		return fail(problem, "signing_secret", "", 0, detail);
	add_header(request, headers, "webhook-signature", signature.data);
	return true;
}

bool
http_request_build(const HttpJob *job, const HttpAttempt *attempt,
				   HttpRequest *request, HttpProblem *problem)
{
	HttpHeader *headers = palloc((job->header_count + MAX_OWN_HEADERS) * sizeof(HttpHeader));
	bool		has_type;
	const char *content_type = content_type_of(job, &has_type);

	memset(request, 0, sizeof(*request));
	if (!build_head(job, &attempt->values, request, headers, problem))
		return false;
	if (job->body != NULL)
	{
		int			length;

		if (!expand(job->body,
					http_content_type_is_json(content_type) ? HTTP_PLACE_JSON : HTTP_PLACE_TEXT,
					&attempt->values, "body", "", &request->body, &length, problem))
			return false;
		request->body_length = length;
		if (!has_type)
			add_header(request, headers, "Content-Type", content_type);
	}
	if (!add_identity(job, attempt, request, headers, problem))
		return false;

	request->connect_timeout_ms = job->connect_timeout_ms;
	request->timeout_ms = job->timeout_ms;
	request->max_redirects = job->max_redirects;
	request->response_limit = job->response_limit;
	return true;
}

/* Stands for any value of args. */
static HttpValueKind
sample_arg(void *state, const char *path, StringInfo value)
{
	appendStringInfoChar(value, '1');
	return HTTP_VALUE_JSON;
}

bool
http_job_check(const HttpJob *job, HttpProblem *problem)
{
	HttpAttempt sample = {
		.values = {
			.job_name = "job",
			.run_id = 1,
			.scheduled_at = "2000-01-01T00:00:00Z",
			.attempt = 1,
			.lookup_arg = sample_arg
		},
		.key = "key"
	};
	HttpRequest request;

	return http_request_build(job, &sample, &request, problem);
}

void
http_idempotency_key(uint64 system_identifier, Oid database, int64 job_id,
					 int64 scheduled_us, char key[HTTP_KEY_SIZE])
{
	snprintf(key, HTTP_KEY_SIZE, "job_" UINT64_FORMAT "_%u_" INT64_FORMAT "_" INT64_FORMAT,
			 system_identifier, database, job_id, scheduled_us);
}

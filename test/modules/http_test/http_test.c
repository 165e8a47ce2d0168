/*-------------------------------------------------------------------------
 *
 * http_test.c
 *	  SQL-callable wrappers around parts of HTTP jobs.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "base/compat.h"
#include "fmgr.h"
#include "funcapi.h"
#include "http/http_client.h"
#include "table/http_jsonb.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/wait_event.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(http_test_headers);
PG_FUNCTION_INFO_V1(http_test_expand);
PG_FUNCTION_INFO_V1(http_test_body);
PG_FUNCTION_INFO_V1(http_test_clean);
PG_FUNCTION_INFO_V1(http_test_response_headers);
PG_FUNCTION_INFO_V1(http_test_get);

/* One row for each header: "name: value" or "name <- secret". */
Datum
http_test_headers(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	HttpHeaderDefinition *headers;
	int			count;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	headers = http_headers_read(PG_ARGISNULL(0) ? NULL : PG_GETARG_JSONB_P(0), &count);
	for (int i = 0; i < count; i++)
	{
		bool		is_secret = headers[i].secret != NULL;
		char	   *line = psprintf(is_secret ? "%s <- %s" : "%s: %s", headers[i].name,
									is_secret ? headers[i].secret : headers[i].value);
		Datum		value = CStringGetTextDatum(line);
		bool		is_null = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &value, &is_null);
	}
	return (Datum) 0;
}

Datum
http_test_expand(PG_FUNCTION_ARGS)
{
	static const char *const places[] = {"url", "header", "json", "text"};
	char	   *template = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *place_name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	HttpTemplatePlace place = HTTP_PLACE_TEXT;
	HttpTemplateValues values = {
		.job_name = "job", .run_id = 1, .scheduled_at = "2026-01-01T00:00:00Z", .attempt = 1,
		.lookup_arg = http_args_look_up,
		.lookup_state = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2)
	};
	HttpTemplateError error;
	StringInfoData out;

	for (int i = 0; i < lengthof(places); i++)
	{
		if (strcmp(places[i], place_name) == 0)
			place = (HttpTemplatePlace) i;
	}
	initStringInfo(&out);
	if (!http_template_expand(template, place, &values, &out, &error))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid template"),
				 errdetail("%s", error.detail)));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

Datum
http_test_body(PG_FUNCTION_ARGS)
{
	bytea	   *body = PG_GETARG_BYTEA_PP(1);
	HttpHeader	header = {"content-type", text_to_cstring(PG_GETARG_TEXT_PP(0)), false};
	HttpResponse response = {
		.headers = &header, .header_count = 1,
		.body = VARDATA_ANY(body), .body_length = VARSIZE_ANY_EXHDR(body),
		.truncated = PG_GETARG_BOOL(2)
	};
	char	   *text = http_body_text(&response);

	if (text == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

Datum
http_test_clean(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	char	   *text = pnstrdup(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));

	PG_RETURN_TEXT_P(cstring_to_text(http_clean_text(text)));
}

/* Name, value, name, value, ... */
Datum
http_test_response_headers(PG_FUNCTION_ARGS)
{
	HttpResponse response = {0};
	Datum	   *elements;
	int			count;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), BYTEAOID, -1, false, TYPALIGN_INT,
					  &elements, NULL, &count);
	response.headers = palloc0((count / 2 + 1) * sizeof(HttpHeader));
	for (int i = 0; i + 1 < count; i += 2)
	{
		HttpHeader *header = &response.headers[response.header_count++];
		bytea	   *name = DatumGetByteaPP(elements[i]);
		bytea	   *value = DatumGetByteaPP(elements[i + 1]);

		header->name = pnstrdup(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
		header->value = pnstrdup(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	}
	PG_RETURN_JSONB_P(http_headers_write(&response));
}

/*
 * Send one request, and wait for its answer as the HTTP worker does: in a
 * WaitEventSet beside the latch and the postmaster.
 */
static HttpResponse *
wait_for_response(HttpClient *client)
{
	WaitEventSet *set;
	WaitEvent	event;
	HttpResponse *response;

	set = compat_create_wait_event_set(CurrentMemoryContext, 3);
	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(set, WL_SOCKET_READABLE, http_client_fd(client), NULL, NULL);
	for (;;)
	{
		http_client_perform(client);
		response = http_client_next_done(client);
		if (response != NULL || QueryCancelPending)
			break;
		if (WaitEventSetWait(set, http_client_timeout_ms(client), &event, 1,
							 PG_WAIT_EXTENSION) > 0 &&
			(event.events & WL_LATCH_SET))
			ResetLatch(MyLatch);
	}
	FreeWaitEventSet(set);
	return response;
}

Datum
http_test_get(PG_FUNCTION_ARGS)
{
	char	   *list = text_to_cstring(PG_GETARG_TEXT_PP(1));
	HttpNetworks *networks = palloc(http_networks_size(list));
	HttpPolicy	policy = {.networks = networks};
	HttpLimits	limits = {.max_in_flight = 10, .max_in_flight_per_host = 10, .max_memory = 1048576};
	HttpRequest request = {
		.method = "GET", .url = text_to_cstring(PG_GETARG_TEXT_PP(0)),
		.connect_timeout_ms = 60000, .timeout_ms = 60000, .response_limit = 65536
	};
	HttpClient *client;
	HttpResponse *response;
	const char *problem = http_client_init();
	char		detail[128];
	char	   *result = NULL;

	if (problem != NULL)
		elog(ERROR, "%s", problem);
	if (!http_networks_parse(list, networks, detail, sizeof(detail)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid list of networks"),
				 errdetail("%s", detail)));
	client = http_client_create(&limits, &policy);
	if (client == NULL)
		elog(ERROR, "could not create an HTTP client");
	http_client_add(client, &request, NULL);
	response = wait_for_response(client);
	if (response != NULL && response->failure != HTTP_FAILURE_NONE)
		result = psprintf("%s %s", http_failure_sqlstate(response->failure),
						  http_failure_name(response->failure));
	else if (response != NULL)
		result = psprintf("%d %.*s", response->status,
						  (int) response->body_length, response->body);
	if (response != NULL)
		http_client_release(client, response);
	http_client_destroy(client);
	CHECK_FOR_INTERRUPTS();
	PG_RETURN_TEXT_P(cstring_to_text(result));
}

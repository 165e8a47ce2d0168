/*-------------------------------------------------------------------------
 *
 * http_response.c
 *	  Collects what a server sends, within limits, and makes a response of it.
 *
 * The functions called http_arrival_... run inside libcurl's callbacks: they
 * neither palloc() nor ereport(), they set flags.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "http/http_transfer.h"

/* A shorter secret is not masked: it could be part of anything. */
#define SECRET_MIN_LENGTH	4

/* Make room for "more" bytes.  False: out of memory. */
static bool
buffer_reserve(HttpBuffer *buffer, size_t more, HttpMemory *memory)
{
	size_t		size = Max(buffer->size, 512);
	char	   *data;

	if (buffer->size - buffer->length >= more)
		return true;
	while (size - buffer->length < more)
		size *= 2;
	data = realloc(buffer->data, size);
	if (data == NULL)
		return false;
	http_memory_add(memory, size - buffer->size);
	buffer->data = data;
	buffer->size = size;
	return true;
}

static bool
buffer_append(HttpBuffer *buffer, const char *data, size_t length,
			  HttpMemory *memory)
{
	if (length == 0)
		return true;
	if (!buffer_reserve(buffer, length, memory))
		return false;
	memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
	return true;
}

static void
buffer_free(HttpBuffer *buffer, HttpMemory *memory)
{
	http_memory_add(memory, -(int64) buffer->size);
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}

/* Forget what has arrived, for another hop or for good. */
void
http_arrival_reset(HttpTransfer *transfer)
{
	buffer_free(&transfer->arrival.headers, transfer->memory);
	buffer_free(&transfer->arrival.body, transfer->memory);
	memset(&transfer->arrival, 0, sizeof(transfer->arrival));
	transfer->arrival.announced = -1;
}

/* Keep one header as "name NUL value NUL"; a NUL within it ends it early. */
static bool
keep_header(HttpTransfer *transfer, const char *line, size_t length)
{
	HttpBuffer *headers = &transfer->arrival.headers;
	const char *colon = memchr(line, ':', length);
	const char *value;
	const char *end = line + length;

	if (colon == NULL)
		return true;
	value = colon + 1;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && strchr(" \t\r\n", end[-1]) != NULL)
		end--;

	return buffer_append(headers, line, strnlen(line, colon - line), transfer->memory) &&
		buffer_append(headers, "", 1, transfer->memory) &&
		buffer_append(headers, value, strnlen(value, end - value), transfer->memory) &&
		buffer_append(headers, "", 1, transfer->memory);
}

/*
 * One line of a header block.  Only the last block counts: interim answers
 * (100, 103) come before it and trailers after it, but all of them count
 * against the limit, or they could go on for ever.
 *
 * Returns how much was taken; anything but "length" ends the transfer.
 */
size_t
http_arrival_header(HttpTransfer *transfer, const char *line, size_t length)
{
	HttpArrival *arrival = &transfer->arrival;

	arrival->header_bytes += length;
	if (arrival->header_bytes > HTTP_MAX_HEADER_BYTES)
	{
		arrival->headers_too_large = true;
		return 0;
	}
	if (arrival->in_body)
		return length;
	if (length >= 5 && memcmp(line, "HTTP/", 5) == 0)
		arrival->headers.length = 0;
	else if (!keep_header(transfer, line, length))
	{
		arrival->out_of_memory = true;
		return 0;
	}
	return length;
}

/*
 * A piece of the body.  Keeps it up to the limit of the response, and of all
 * responses together; reads on for a while to learn the size and to keep the
 * connection; then gives up.
 */
size_t
http_arrival_body(HttpTransfer *transfer, const char *data, size_t length)
{
	HttpArrival *arrival = &transfer->arrival;
	HttpBuffer *body = &arrival->body;
	size_t		keep = Min(length, transfer->request.response_limit - body->length);

	if (!arrival->in_body)
	{
		curl_off_t	announced;

		arrival->in_body = true;
		if (curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
							  &announced) == CURLE_OK)
			arrival->announced = announced;
	}
	arrival->body_bytes += length;

	if (arrival->truncated || !http_memory_has(transfer->memory, keep))
		keep = 0;
	if (!buffer_append(body, data, keep, transfer->memory))
	{
		arrival->out_of_memory = true;
		return 0;
	}
	if (keep < length)
		arrival->truncated = true;
	if (arrival->truncated &&
		(arrival->body_bytes > body->length + HTTP_DRAIN_BYTES ||
		 arrival->announced > (int64) (body->length + HTTP_DRAIN_BYTES)))
	{
		arrival->cut_off = true;
		return 0;
	}
	return length;
}

/* Overwrite each occurrence of a secret by stars. */
static void
mask(char *text, size_t length, const char *secret, size_t secret_length)
{
	char	   *cursor = text;
	char	   *end = text + length;

	while ((size_t) (end - cursor) >= secret_length &&
		   (cursor = memchr(cursor, secret[0], end - cursor - secret_length + 1)) != NULL)
	{
		if (memcmp(cursor, secret, secret_length) == 0)
		{
			memset(cursor, '*', secret_length);
			cursor += secret_length;
		}
		else
			cursor++;
	}
}

/* The same for the beginning of a secret at the end of a body cut short. */
static void
mask_cut_end(char *text, size_t length, const char *secret, size_t secret_length)
{
	for (size_t part = Min(length, secret_length - 1); part > 0; part--)
	{
		if (memcmp(text + length - part, secret, part) == 0)
		{
			memset(text + length - part, '*', part);
			return;
		}
	}
}

static void
mask_everywhere(HttpTransfer *transfer, const char *secret)
{
	HttpResponse *response = &transfer->response;
	HttpArrival *arrival = &transfer->arrival;
	size_t		length = strlen(secret);

	if (length < SECRET_MIN_LENGTH)
		return;
	mask(response->error, strlen(response->error), secret, length);
	if (response->final_url != NULL)
		mask(response->final_url, strlen(response->final_url), secret, length);
	if (arrival->headers.length > 0)
		mask(arrival->headers.data, arrival->headers.length, secret, length);
	if (arrival->body.length > 0)
	{
		mask(arrival->body.data, arrival->body.length, secret, length);
		if (arrival->truncated || response->failure != HTTP_FAILURE_NONE)
			mask_cut_end(arrival->body.data, arrival->body.length, secret, length);
	}
}

/*
 * A server may send back what it was sent.  What is recorded must not contain
 * a secret even then: neither the value of the header as a whole, nor the
 * part behind a scheme such as "Bearer".
 */
static void
mask_secrets(HttpTransfer *transfer)
{
	for (int i = 0; i < transfer->request.header_count; i++)
	{
		const HttpHeader *header = &transfer->request.headers[i];
		const char *space;

		if (!header->secret)
			continue;
		mask_everywhere(transfer, header->value);
		space = strrchr(header->value, ' ');
		if (space != NULL)
			mask_everywhere(transfer, space + 1);
	}
}

/* Turn "name NUL value NUL ..." into an array. */
static void
list_headers(HttpTransfer *transfer)
{
	HttpResponse *response = &transfer->response;
	HttpBuffer *headers = &transfer->arrival.headers;
	int			count = 0;
	char	   *cursor = headers->data;

	for (size_t i = 0; i < headers->length; i++)
		count += (headers->data[i] == '\0');
	count /= 2;
	if (count == 0)
		return;
	response->headers = calloc(count, sizeof(HttpHeader));
	if (response->headers == NULL)
		return;
	http_memory_add(transfer->memory, count * sizeof(HttpHeader));
	for (int i = 0; i < count; i++)
	{
		response->headers[i].name = cursor;
		cursor += strlen(cursor) + 1;
		response->headers[i].value = cursor;
		cursor += strlen(cursor) + 1;
	}
	response->header_count = count;
}

/* Whatever has arrived becomes the response. */
void
http_response_complete(HttpTransfer *transfer)
{
	HttpResponse *response = &transfer->response;
	HttpArrival *arrival = &transfer->arrival;

	/* an error text may quote what the server said */
	mask_secrets(transfer);
	list_headers(transfer);
	response->body = arrival->body.data;
	response->body_length = arrival->body.length;
	response->truncated = arrival->truncated;
	if (arrival->cut_off)
		response->total_size = arrival->announced;
	else
		response->total_size = arrival->body_bytes;
}

const char *
http_response_header(const HttpResponse *response, const char *name)
{
	for (int i = 0; i < response->header_count; i++)
	{
		if (pg_strcasecmp(response->headers[i].name, name) == 0)
			return response->headers[i].value;
	}
	return NULL;
}

const char *
http_failure_name(HttpFailure failure)
{
	switch (failure)
	{
		case HTTP_FAILURE_NONE:
			return "none";
		case HTTP_FAILURE_BAD_URL:
			return "bad_url";
		case HTTP_FAILURE_REFUSED_ADDRESS:
			return "refused_address";
		case HTTP_FAILURE_REDIRECT:
			return "redirect";
		case HTTP_FAILURE_RESOLVE:
			return "resolve";
		case HTTP_FAILURE_CONNECT:
			return "connect";
		case HTTP_FAILURE_TLS:
			return "tls";
		case HTTP_FAILURE_TIMEOUT:
			return "timeout";
		case HTTP_FAILURE_TRANSFER:
			return "transfer";
		case HTTP_FAILURE_HEADERS:
			return "headers";
		case HTTP_FAILURE_MEMORY:
			return "memory";
		case HTTP_FAILURE_CANCELLED:
			return "cancelled";
	}
	return "unknown";
}

const char *
http_failure_sqlstate(HttpFailure failure)
{
	switch (failure)
	{
		case HTTP_FAILURE_NONE:
			return "00000";
		case HTTP_FAILURE_BAD_URL:
			return "22023";		/* invalid_parameter_value */
		case HTTP_FAILURE_REFUSED_ADDRESS:
			return "42501";		/* insufficient_privilege */
		case HTTP_FAILURE_RESOLVE:
		case HTTP_FAILURE_CONNECT:
		case HTTP_FAILURE_TLS:
			return "08001";		/* sqlclient_unable_to_establish_sqlconnection */
		case HTTP_FAILURE_TIMEOUT:
		case HTTP_FAILURE_CANCELLED:
			return "57014";		/* query_canceled */
		case HTTP_FAILURE_TRANSFER:
			return "08006";		/* connection_failure */
		case HTTP_FAILURE_REDIRECT:
		case HTTP_FAILURE_HEADERS:
			return "08P01";		/* protocol_violation */
		case HTTP_FAILURE_MEMORY:
			return "53200";		/* out_of_memory */
	}
	return "58000";				/* system_error */
}

/* Is another attempt worth while by default? */
static bool
is_retryable(HttpFailure failure)
{
	switch (failure)
	{
		case HTTP_FAILURE_RESOLVE:
		case HTTP_FAILURE_CONNECT:
		case HTTP_FAILURE_TLS:
		case HTTP_FAILURE_TIMEOUT:
		case HTTP_FAILURE_TRANSFER:
		case HTTP_FAILURE_MEMORY:
			return true;
		default:
			return false;
	}
}

HttpVerdict
http_response_judge(const HttpResponse *response, const HttpStatusSet *success_codes,
					int64 now, int64 max_retry_after)
{
	HttpVerdict verdict = {.retry_after = -1};
	const char *retry_after;

	if (response->failure != HTTP_FAILURE_NONE)
	{
		verdict.retryable = is_retryable(response->failure);
		return verdict;
	}
	verdict.succeeded = http_status_set_contains(success_codes, response->status);
	verdict.retryable = !verdict.succeeded && http_status_is_retryable(response->status);
	retry_after = http_response_header(response, "retry-after");
	if (verdict.retryable && retry_after != NULL &&
		!http_retry_after(retry_after, now, max_retry_after, &verdict.retry_after))
		verdict.retry_after = -1;
	return verdict;
}

/*-------------------------------------------------------------------------
 *
 * response_fuzzer.c
 *	  libFuzzer target: what is kept of an answer, and what is masked in it.
 *
 * The input is a line with the limit of the body in hundreds of bytes and the
 * size of its pieces (two digits), a line with the value of a header that is
 * secret, and the answer: a status line, headers, an empty line, the body.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "http/http_transfer.h"
#include "fuzz.h"

#define SECRET_MIN_LENGTH	4	/* http_response.c */

/* What of http_transfer.c the answer needs: nothing has been announced. */
CURLcode
curl_easy_getinfo(CURL *curl, CURLINFO info,...)
{
	return CURLE_UNKNOWN_OPTION;
}

/* The text up to a line's end, which is stepped over. */
static char *
take_line(const char **text, const char *end)
{
	const char *newline = memchr(*text, '\n', end - *text);
	size_t		length = (newline ? newline : end) - *text;
	char	   *line = malloc(length + 1);

	memcpy(line, *text, length);
	line[length] = '\0';
	*text = newline ? newline + 1 : end;
	return line;
}

static void
arrive(HttpTransfer *transfer, const char *text, const char *end, size_t piece)
{
	bool		in_headers = true;

	while (in_headers && text < end)
	{
		const char *newline = memchr(text, '\n', end - text);
		size_t		length = (newline ? newline + 1 : end) - text;

		in_headers = length > 2;
		if (http_arrival_header(transfer, text, length) != length)
			return;
		text += length;
	}
	while (text < end)
	{
		size_t		length = Min(piece, (size_t) (end - text));

		if (http_arrival_body(transfer, text, length) != length)
			return;
		text += length;
	}
}

static void
check_text(const char *text, size_t length, const char *secret)
{
	if (strlen(secret) >= SECRET_MIN_LENGTH)
		CHECK(length == 0 || memmem(text, length, secret, strlen(secret)) == NULL);
}

/* A body that was cut short does not end with a part of the secret. */
static void
check_end(const HttpResponse *response, const char *secret)
{
	size_t		length = strlen(secret);

	if (length < SECRET_MIN_LENGTH || !response->truncated)
		return;
	for (size_t part = Min(length - 1, response->body_length); part > 0; part--)
		CHECK(memcmp(response->body + response->body_length - part, secret, part) != 0);
}

static void
check_response(const HttpTransfer *transfer, const char *secret)
{
	const HttpResponse *response = &transfer->response;
	const HttpBuffer *headers = &transfer->arrival.headers;

	check_text(response->error, strlen(response->error), secret);
	check_text(response->final_url, strlen(response->final_url), secret);
	check_text(headers->data, headers->length, secret);
	check_text(response->body, response->body_length, secret);
	check_end(response, secret);
	CHECK(response->body_length <= transfer->request.response_limit);
	CHECK(response->truncated || response->total_size == (int64) response->body_length);
	for (int i = 0; i < response->header_count; i++)
	{
		const char *value = response->headers[i].value;

		CHECK(response->headers[i].name >= headers->data);
		CHECK(value + strlen(value) < headers->data + headers->length);
		CHECK(http_response_header(response, response->headers[i].name) != NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	const char *text = (const char *) data;
	const char *end = text + size;
	char	   *sizes = take_line(&text, end);
	char	   *secret = take_line(&text, end);
	const char *last = strrchr(secret, ' ');
	HttpHeader	header = {.name = "Authorization",.value = secret,.secret = true};
	HttpMemory	all = {.limit = 1 << 20};
	HttpMemory	memory = {.all = &all};
	HttpTransfer transfer = {.memory = &memory};
	unsigned char limit = sizes[0];
	unsigned char piece = limit != '\0' ? sizes[1] : 0;

	transfer.request.headers = &header;
	transfer.request.header_count = 1;
	transfer.request.response_limit = 100 * (limit % 16);
	/* the error and the URL say the same as the answer, as far as there is room */
	strlcpy(transfer.response.error, secret, sizeof(transfer.response.error));
	transfer.response.final_url = strdup(secret);
	http_arrival_reset(&transfer);
	arrive(&transfer, text, end, 1 + piece % 32);
	http_response_complete(&transfer);

	/* stars that masking has written could make up such a secret again */
	if (strchr(secret, '*') == NULL)
	{
		check_response(&transfer, secret);
		if (last != NULL)
			check_response(&transfer, last + 1);
	}
	memory.used -= transfer.response.header_count * sizeof(HttpHeader);
	free(transfer.response.headers);
	http_arrival_reset(&transfer);
	CHECK(memory.used == 0);
	free(transfer.response.final_url);
	free(secret);
	free(sizes);
	return 0;
}

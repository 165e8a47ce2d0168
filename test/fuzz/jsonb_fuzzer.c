/*-------------------------------------------------------------------------
 *
 * jsonb_fuzzer.c
 *	  Fuzz what HTTP jobs read from jsonb and write to it, inside a server.
 *
 * An input is four lines: a path, a content type, JSON, and the rest, which is a
 * body.  Errors of the server are answers like any other; what comes without one
 * is text that the database can hold.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "table/http_jsonb.h"
#include "fuzz.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(fuzz_http_jsonb);

/* libFuzzer's: run it, with the options of a command line; it ends the process. */
extern int	LLVMFuzzerRunDriver(int *argc, char ***argv,
								int (*test_one) (const uint8 *data, size_t size));

static MemoryContext input_context;

/* Execute a statement whose error is no fault. */
#define TRY(statement) \
	do { \
		PG_TRY(); \
		{ \
			statement; \
		} \
		PG_CATCH(); \
		{ \
			MemoryContextSwitchTo(input_context); \
			FlushErrorState(); \
		} \
		PG_END_TRY(); \
	} while (0)

static bool
is_utf8(const char *text)
{
	return pg_verify_mbstr(PG_UTF8, text, strlen(text), true);
}

/* Text that a table of this database can hold */
static bool
is_valid(const char *text)
{
	int			encoding = GetDatabaseEncoding();

	/* in a database without an encoding it is UTF-8, for the sake of clients */
	return pg_verify_mbstr(encoding == PG_SQL_ASCII ? PG_UTF8 : encoding, text, strlen(text), true);
}

/* The text up to a line's end, which is stepped over. */
static char *
take_line(const char **text, const char *end)
{
	const char *begin = *text;
	const char *newline = memchr(begin, '\n', end - begin);

	*text = newline != NULL ? newline + 1 : end;
	return pnstrdup(begin, (newline != NULL ? newline : end) - begin);
}

static Jsonb *
read_jsonb(char *text)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

static void
check_headers(Jsonb *jsonb)
{
	int			count = 0;
	HttpHeaderDefinition *headers = http_headers_read(jsonb, &count);

	CHECK(count >= 0 && count <= 100);
	for (int i = 0; i < count; i++)
	{
		CHECK(headers[i].name != NULL);
		CHECK((headers[i].value == NULL) != (headers[i].secret == NULL));
	}
}

/* A path and what it leads to are UTF-8. */
static void
check_path(Jsonb *jsonb, const char *path)
{
	StringInfoData value;
	HttpValueKind kind;

	initStringInfo(&value);
	kind = http_args_look_up(jsonb, path, &value);
	if (kind == HTTP_VALUE_MISSING || kind == HTTP_VALUE_NULL)
		CHECK(value.len == 0);
	CHECK(GetDatabaseEncoding() == PG_SQL_ASCII || is_utf8(value.data));
}

static void
check_answer(char *content_type, const char *body, size_t length)
{
	HttpHeader	header = {.name = "content-type",.value = content_type};
	HttpResponse response = {.headers = &header,.header_count = 1};
	char	   *copy = pnstrdup(body, length);
	char	   *text;

	response.body = unconstify(char *, body);
	response.body_length = length;
	for (int i = 0; i < 2; i++)
	{
		response.truncated = i == 1;
		text = http_body_text(&response);
		CHECK(text == NULL || is_valid(text));
	}
	CHECK(is_valid(http_clean_text(copy)));
	CHECK(JB_ROOT_COUNT(http_headers_write(&response)) == 1);
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	const char *rest = (const char *) data;
	const char *end = rest + size;
	MemoryContext oldcontext = MemoryContextSwitchTo(input_context);
	char	   *path = take_line(&rest, end);
	char	   *content_type = take_line(&rest, end);
	char	   *json = take_line(&rest, end);
	Jsonb	   *jsonb = NULL;

	if (is_valid(json))
		TRY(jsonb = read_jsonb(json));
	if (jsonb != NULL)
		TRY(check_headers(jsonb));
	if (jsonb != NULL && is_utf8(path))
		TRY(check_path(jsonb, path));
	check_answer(content_type, rest, end - rest);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextReset(input_context);
	return 0;
}

/* fuzz_http_jsonb(options text), separated by spaces */
Datum
fuzz_http_jsonb(PG_FUNCTION_ARGS)
{
	char	   *options = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *words[16] = {"jsonb"};
	char	  **argv = words;
	int			argc = 1;

	input_context = AllocSetContextCreate(TopMemoryContext, "input", ALLOCSET_DEFAULT_SIZES);
	for (char *word = strtok(options, " "); word != NULL && argc < lengthof(words) - 1;
		 word = strtok(NULL, " "))
		words[argc++] = word;
	LLVMFuzzerRunDriver(&argc, &argv, LLVMFuzzerTestOneInput);
	PG_RETURN_VOID();
}

/*-------------------------------------------------------------------------
 *
 * http_jsonb.c
 *	  What HTTP jobs read from jsonb and write to it.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "fmgr.h"
#include "table/http_jsonb.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* More headers than this in one request help nobody. */
#define MAX_HEADERS		100

/* U+FEFF at the beginning of a text in UTF-8 */
#define BYTE_ORDER_MARK	"\xef\xbb\xbf"

typedef struct HeaderList
{
	HttpHeaderDefinition *items;
	int			count;
} HeaderList;

static void
bad_headers(const char *name, const char *detail)
{
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid headers"),
				 errdetail("%s", detail),
				 errhint("Use an object such as {\"Accept\": \"text/html\", \"Authorization\": {\"secret\": \"name\"}}.")));
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid header \"%s\"", name),
				 errdetail("%s", detail),
				 errhint("A value is a string, an array of strings, or {\"secret\": \"name\"}.")));
}

static char *
string_of(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static void
add_header(HeaderList *list, const char *name, char *value, char *secret)
{
	HttpHeaderDefinition *item;

	if (list->count >= MAX_HEADERS)
		bad_headers(NULL, "There are more than 100.");
	item = &list->items[list->count++];
	item->name = pstrdup(name);
	item->value = value;
	item->secret = secret;
}

/* An array of strings: a header that is repeated. */
static void
add_array(HeaderList *list, const char *name, JsonbContainer *array)
{
	int			count = JsonContainerSize(array);

	for (int i = 0; i < count; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(array, i);

		if (element->type != jbvString)
			bad_headers(name, "The array contains something that is not a string.");
		add_header(list, name, string_of(element), NULL);
	}
}

/* {"secret": "name"} */
static void
add_secret(HeaderList *list, const char *name, JsonbContainer *object)
{
	JsonbValue *secret = getKeyJsonValueFromContainer(object, "secret", 6, NULL);

	if (JsonContainerSize(object) != 1 || secret == NULL ||
		secret->type != jbvString || secret->val.string.len == 0)
		bad_headers(name, "The object is not of the form {\"secret\": \"name\"}.");
	add_header(list, name, NULL, string_of(secret));
}

static void
add_value(HeaderList *list, const char *name, const JsonbValue *value)
{
	if (value->type == jbvString)
		add_header(list, name, string_of(value), NULL);
	else if (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data))
		add_array(list, name, value->val.binary.data);
	else if (value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data))
		add_secret(list, name, value->val.binary.data);
	else
		bad_headers(name, "The value has the wrong type.");
}

HttpHeaderDefinition *
http_headers_read(Jsonb *headers, int *count)
{
	HeaderList	list = {0};
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *name = NULL;

	*count = 0;
	if (headers == NULL)
		return NULL;
	if (!JB_ROOT_IS_OBJECT(headers))
		bad_headers(NULL, "They are not a JSON object.");

	list.items = palloc(MAX_HEADERS * sizeof(HttpHeaderDefinition));
	iterator = JsonbIteratorInit(&headers->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = string_of(&value);
		else if (token == WJB_VALUE)
			add_value(&list, name, &value);
	}
	*count = list.count;
	return list.items;
}

/* Append a value as text. */
static HttpValueKind
append_json_value(const JsonbValue *value, StringInfo out)
{
	Datum		datum;

	switch (value->type)
	{
		case jbvNull:
			return HTTP_VALUE_NULL;
		case jbvString:
			appendBinaryStringInfo(out, value->val.string.val, value->val.string.len);
			return HTTP_VALUE_STRING;
		case jbvNumeric:
			datum = NumericGetDatum(value->val.numeric);
			appendStringInfoString(out,
								   DatumGetCString(DirectFunctionCall1(numeric_out, datum)));
			return HTTP_VALUE_JSON;
		case jbvBool:
			appendStringInfoString(out, value->val.boolean ? "true" : "false");
			return HTTP_VALUE_JSON;
		case jbvBinary:
			JsonbToCString(out, value->val.binary.data, -1);
			return HTTP_VALUE_JSON;
		default:
			return HTTP_VALUE_MISSING;
	}
}

/* One step down from a container. */
static JsonbValue *
descend(JsonbContainer *container, const char *step, int length)
{
	if (JsonContainerIsObject(container))
		return getKeyJsonValueFromContainer(container, step, length, NULL);
	if (JsonContainerIsArray(container) && !JsonContainerIsScalar(container) &&
		length <= 9 && strspn(step, "0123456789") == length)
		return getIthJsonbValueFromContainer(container, atoi(step));
	return NULL;
}

/* Follow a path from the top of args. */
static HttpValueKind
follow_path(Jsonb *args, const char *path, StringInfo value)
{
	JsonbContainer *container = &args->root;

	if (*path == '\0')
	{
		JsonbToCString(value, container, -1);
		return HTTP_VALUE_JSON;
	}
	for (;;)
	{
		int			length = strcspn(path, ".");
		char	   *step = pnstrdup(path, length);
		JsonbValue *found = descend(container, step, length);

		pfree(step);
		if (found == NULL)
			return HTTP_VALUE_MISSING;
		if (path[length] == '\0')
			return append_json_value(found, value);
		if (found->type != jbvBinary)
			return HTTP_VALUE_MISSING;
		container = found->val.binary.data;
		path += length + 1;
	}
}

HttpValueKind
http_args_look_up(void *state, const char *path, StringInfo value)
{
	HttpValueKind kind;
	StringInfoData found;
	char	   *text;

	if (state == NULL)
		return HTTP_VALUE_MISSING;

	/* requests are UTF-8, whatever the database is */
	initStringInfo(&found);
	kind = follow_path(state, pg_any_to_server(path, strlen(path), PG_UTF8), &found);
	text = pg_server_to_any(found.data, found.len, PG_UTF8);
	appendStringInfoString(value, text);
	if (text != found.data)
		pfree(text);
	pfree(found.data);
	return kind;
}

/*
 * Valid text in another encoding, or NULL if that lacks a character of it.  No
 * error: who sent it must not be able to raise one.
 */
static char *
convert(const char *text, size_t length, int from, int to)
{
	Oid			conversion;
	char	   *result;

	if (from == to)
		return pnstrdup(text, length);
	conversion = FindDefaultConversionProc(from, to);
	if (!OidIsValid(conversion) ||
		length >= MaxAllocSize / MAX_CONVERSION_GROWTH)
		return NULL;
	result = palloc(length * MAX_CONVERSION_GROWTH + 1);
	if (pg_do_encoding_conversion_buf(conversion, from, to,
									  (unsigned char *) unconstify(char *, text), length,
									  (unsigned char *) result,
									  length * MAX_CONVERSION_GROWTH + 1,
									  true) != length)
	{
		pfree(result);
		return NULL;
	}
	return result;
}

/*
 * The same for the encoding of the database.  One in SQL_ASCII converts nothing
 * on the way to a client, but refuses what is not valid in the client's
 * encoding: it gets UTF-8.
 */
static char *
to_server_encoding(const char *text, size_t length, int encoding)
{
	int			server = GetDatabaseEncoding();
	char	   *utf8;
	char	   *result;

	if (server == PG_SQL_ASCII)
		server = PG_UTF8;
	if (encoding == server)
		return pnstrdup(text, length);
	/* there are conversions from and to UTF-8, and few others */
	utf8 = convert(text, length, encoding, PG_UTF8);
	if (utf8 == NULL)
		return NULL;
	result = convert(utf8, strlen(utf8), PG_UTF8, server);
	pfree(utf8);
	return result;
}

char *
http_clean_text(const char *bytes)
{
	bool		is_utf8 = pg_verify_mbstr(PG_UTF8, bytes, strlen(bytes), true);
	char	   *result = to_server_encoding(bytes, strlen(bytes), is_utf8 ? PG_UTF8 : PG_LATIN1);

	if (result != NULL)
		return result;
	result = pstrdup(bytes);
	for (char *c = result; *c != '\0'; c++)
	{
		if (IS_HIGHBIT_SET(*c))
			*c = '?';
	}
	return result;
}

static void
push_string(JsonbParseState **state, const char *bytes)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = http_clean_text(bytes);
	value.val.string.len = strlen(value.val.string.val);
	pushJsonbValue(state, WJB_ELEM, &value);
}

Jsonb *
http_headers_write(const HttpResponse *response)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < response->header_count; i++)
	{
		pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
		push_string(&state, response->headers[i].name);
		push_string(&state, response->headers[i].value);
		pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

/*
 * The encoding that a content type names, or UTF-8; -1: an unknown one, or
 * none: anything would be valid.
 */
static int
encoding_of(const char *content_type)
{
	const char *charset = content_type != NULL ? strcasestr(content_type, "charset=") : NULL;
	char		name[32];
	size_t		length;
	int			encoding;

	if (charset == NULL)
		return PG_UTF8;
	charset += strlen("charset=");
	charset += (*charset == '"');
	length = strcspn(charset, "\"; \t");
	if (length >= sizeof(name))
		return -1;
	memcpy(name, charset, length);
	name[length] = '\0';
	if (pg_strcasecmp(name, "us-ascii") == 0)
		return PG_UTF8;
	encoding = pg_char_to_encoding(name);
	return encoding == PG_SQL_ASCII ? -1 : encoding;
}

char *
http_body_text(const HttpResponse *response)
{
	int			encoding = encoding_of(http_response_header(response, "content-type"));
	const char *body = response->body;
	size_t		length = response->body_length;

	if (length >= strlen(BYTE_ORDER_MARK) &&
		memcmp(body, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
	{
		encoding = PG_UTF8;
		body += strlen(BYTE_ORDER_MARK);
		length -= strlen(BYTE_ORDER_MARK);
	}
	if (length == 0)
		return pstrdup("");
	if (encoding < 0)
		return NULL;
	/* a body cut short may end within a character */
	for (int cut = 0; !pg_verify_mbstr(encoding, body, length, true); cut++)
	{
		if (!response->truncated || cut >= MAX_CONVERSION_GROWTH || length <= 1)
			return NULL;
		length--;
	}
	return to_server_encoding(body, length, encoding);
}

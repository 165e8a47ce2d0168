/*-------------------------------------------------------------------------
 *
 * http_template.c
 *	  {{name}} in the URL, headers and body of a request.
 *
 * Names are job_name, run_id, scheduled_at, attempt, args, and args.a.b.  A
 * value is never read as a template again, and cannot leave its place: in a
 * URL it stays within its segment, in a header within its line, in JSON
 * within its string.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "http/http_template.h"

/* A longer name is refused, so that it fits into a message. */
#define MAX_NAME_LENGTH		63

typedef enum TokenKind
{
	TOKEN_END,
	TOKEN_BYTE,					/* an ordinary byte */
	TOKEN_BRACES,				/* {{{{, a literal {{ */
	TOKEN_NAME,					/* {{name}} */
	TOKEN_BAD
} TokenKind;

typedef struct Token
{
	TokenKind	kind;
	char		name[MAX_NAME_LENGTH + 1];
} Token;

static void
set_error(HttpTemplateError *error, int position, const char *format,
		  const char *name)
{
	error->position = position;
	snprintf(error->detail, sizeof(error->detail), format, name);
}

static bool
name_is_known(const char *name)
{
	static const char *const known[] = {
		"job_name", "run_id", "scheduled_at", "attempt", "args"
	};

	if (strncmp(name, "args.", 5) == 0)
	{
		/* every step of the path has a name */
		size_t		length = strlen(name);

		return length > 5 && name[length - 1] != '.' &&
			strstr(name, "..") == NULL;
	}
	for (int i = 0; i < lengthof(known); i++)
	{
		if (strcmp(name, known[i]) == 0)
			return true;
	}
	return false;
}

/* Read the token at *cursor and move behind it. */
static void
next_token(const char *text, const char **cursor, Token *token,
		   HttpTemplateError *error)
{
	const char *start = *cursor;
	const char *end;
	size_t		length;

	if (*start == '\0')
	{
		token->kind = TOKEN_END;
		return;
	}
	if (strncmp(start, "{{", 2) != 0)
	{
		token->kind = TOKEN_BYTE;
		*cursor = start + 1;
		return;
	}
	if (strncmp(start, "{{{{", 4) == 0)
	{
		token->kind = TOKEN_BRACES;
		*cursor = start + 4;
		return;
	}

	token->kind = TOKEN_BAD;
	end = strstr(start + 2, "}}");
	if (end == NULL)
	{
		set_error(error, start - text + 1, "%s has no closing }}.", "{{");
		return;
	}
	*cursor = end + 2;
	start += 2;
	start += strspn(start, " \t");
	while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	length = end > start ? end - start : 0;
	if (length > MAX_NAME_LENGTH)
	{
		set_error(error, start - text + 1, "A name is %s long.", "more than 63 bytes");
		return;
	}
	memcpy(token->name, start, length);
	token->name[length] = '\0';
	if (!name_is_known(token->name))
	{
		set_error(error, start - text + 1,
				  "\"%s\" is none of job_name, run_id, scheduled_at, attempt, args and args.key.",
				  token->name);
		return;
	}
	token->kind = TOKEN_NAME;
}

bool
http_template_check(const char *text, HttpTemplateError *error)
{
	const char *cursor = text;
	Token		token;

	do
		next_token(text, &cursor, &token, error);
	while (token.kind != TOKEN_END && token.kind != TOKEN_BAD);

	return token.kind == TOKEN_END;
}

static HttpValueKind
look_up(const char *name, const HttpTemplateValues *values, StringInfo value)
{
	if (strcmp(name, "job_name") == 0)
		appendStringInfoString(value, values->job_name);
	else if (strcmp(name, "scheduled_at") == 0)
		appendStringInfoString(value, values->scheduled_at);
	else if (strcmp(name, "run_id") == 0)
	{
		appendStringInfo(value, INT64_FORMAT, values->run_id);
		return HTTP_VALUE_JSON;
	}
	else if (strcmp(name, "attempt") == 0)
	{
		appendStringInfo(value, "%d", values->attempt);
		return HTTP_VALUE_JSON;
	}
	else if (values->lookup_arg == NULL)
		return HTTP_VALUE_MISSING;
	else
		return values->lookup_arg(values->lookup_state,
								  name[4] == '.' ? name + 5 : "", value);
	return HTTP_VALUE_STRING;
}

static void
append_percent_encoded(StringInfo out, const StringInfoData *value)
{
	for (int i = 0; i < value->len; i++)
	{
		unsigned char byte = (unsigned char) value->data[i];

		if ((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
			(byte >= 'A' && byte <= 'Z') || strchr("-._~", byte) != NULL)
			appendStringInfoChar(out, byte);
		else
			appendStringInfo(out, "%%%02X", byte);
	}
}

/* The content of a JSON string, without its quotes. */
static void
append_json_escaped(StringInfo out, const StringInfoData *value)
{
	for (int i = 0; i < value->len; i++)
	{
		unsigned char byte = (unsigned char) value->data[i];

		if (byte == '"' || byte == '\\')
		{
			appendStringInfoChar(out, '\\');
			appendStringInfoChar(out, byte);
		}
		else if (byte < 0x20)
			appendStringInfo(out, "\\u%04x", byte);
		else
			appendStringInfoChar(out, byte);
	}
}

static void
append_json_value(StringInfo out, HttpValueKind kind,
				  const StringInfoData *value, bool in_string)
{
	if (in_string)
		append_json_escaped(out, value);
	else if (kind == HTTP_VALUE_NULL)
		appendStringInfoString(out, "null");
	else if (kind == HTTP_VALUE_JSON)
		appendBinaryStringInfo(out, value->data, value->len);
	else
	{
		appendStringInfoChar(out, '"');
		append_json_escaped(out, value);
		appendStringInfoChar(out, '"');
	}
}

/*
 * Append one value in the manner of its place.  Returns NULL, or why it
 * cannot stand there, as a format with one %s for the name.
 */
static const char *
append_place_value(StringInfo out, HttpTemplatePlace place, HttpValueKind kind,
				   const StringInfoData *value, bool in_string)
{
	switch (place)
	{
		case HTTP_PLACE_URL:
			/* these two would move up in the path even when encoded */
			if (strcmp(value->data, ".") == 0 || strcmp(value->data, "..") == 0)
				return "The value of \"%s\" is a dot segment, which cannot be part of a URL.";
			append_percent_encoded(out, value);
			break;
		case HTTP_PLACE_HEADER:
			for (int i = 0; i < value->len; i++)
			{
				unsigned char byte = (unsigned char) value->data[i];

				if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
					return "The value of \"%s\" contains a control character, which a header cannot.";
			}
			appendBinaryStringInfo(out, value->data, value->len);
			break;
		case HTTP_PLACE_JSON:
			append_json_value(out, kind, value, in_string);
			break;
		case HTTP_PLACE_TEXT:
			appendBinaryStringInfo(out, value->data, value->len);
			break;
	}
	return NULL;
}

/* Is the JSON text inside a string after one more byte of it? */
static void
track_json_string(char byte, bool *in_string, bool *escaped)
{
	if (*escaped)
		*escaped = false;
	else if (*in_string && byte == '\\')
		*escaped = true;
	else if (byte == '"')
		*in_string = !*in_string;
}

bool
http_template_expand(const char *text, HttpTemplatePlace place,
					 const HttpTemplateValues *values,
					 StringInfo out, HttpTemplateError *error)
{
	const char *cursor = text;
	bool		in_string = false;
	bool		escaped = false;
	StringInfoData value;

	initStringInfo(&value);
	for (;;)
	{
		const char *start = cursor;
		const char *problem = NULL;
		HttpValueKind kind;
		Token		token;

		next_token(text, &cursor, &token, error);
		if (token.kind == TOKEN_END || token.kind == TOKEN_BAD)
		{
			pfree(value.data);
			return token.kind == TOKEN_END;
		}
		if (token.kind == TOKEN_BYTE)
		{
			track_json_string(*start, &in_string, &escaped);
			appendStringInfoChar(out, *start);
			continue;
		}
		if (token.kind == TOKEN_BRACES)
		{
			appendStringInfoString(out, "{{");
			continue;
		}

		resetStringInfo(&value);
		kind = look_up(token.name, values, &value);
		if (kind == HTTP_VALUE_MISSING)
			problem = "There is no value for \"%s\".";
		else
			problem = append_place_value(out, place, kind, &value, in_string);
		if (problem != NULL)
		{
			set_error(error, start - text + 1, problem, token.name);
			pfree(value.data);
			return false;
		}
	}
}

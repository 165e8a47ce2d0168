/*-------------------------------------------------------------------------
 *
 * http_template.h
 *	  {{name}} in the URL, headers and body of a request.
 *
 * Pure: values come from the caller, problems go back to it.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HTTP_TEMPLATE_H
#define PG_SCHEDULER_HTTP_TEMPLATE_H

#include "lib/stringinfo.h"

/* Where the text stands, which decides how values are escaped. */
typedef enum HttpTemplatePlace
{
	HTTP_PLACE_URL,				/* percent-encoded */
	HTTP_PLACE_HEADER,			/* control characters refused */
	HTTP_PLACE_JSON,			/* within quotes escaped, elsewhere JSON */
	HTTP_PLACE_TEXT				/* as it is */
} HttpTemplatePlace;

typedef enum HttpValueKind
{
	HTTP_VALUE_MISSING,
	HTTP_VALUE_NULL,
	HTTP_VALUE_STRING,
	HTTP_VALUE_JSON				/* number, boolean, array, object as text */
} HttpValueKind;

/*
 * Look up args.<path>.  "path" is "a.b.c" without "args."; it is empty for
 * the whole of args.  The text of the value is appended to "value".
 */
typedef HttpValueKind (*HttpArgLookup) (void *state, const char *path,
										StringInfo value);

typedef struct HttpTemplateValues
{
	const char *job_name;
	int64		run_id;
	const char *scheduled_at;	/* ISO 8601, UTC */
	int			attempt;
	HttpArgLookup lookup_arg;
	void	   *lookup_state;
} HttpTemplateValues;

/* Why a template was refused. */
typedef struct HttpTemplateError
{
	int			position;		/* 1-based byte in the text */
	char		detail[160];	/* a sentence */
} HttpTemplateError;

/*
 * Is every {{...}} in the text one that http_template_expand() knows?  To be
 * called when a job is defined.  Values of args are not known then, so any
 * {{args.key}} passes.
 */
extern bool http_template_check(const char *text, HttpTemplateError *error);

/*
 * Append the text to "out" with its names replaced.  {{{{ stands for {{.
 *
 * Returns false if a value is missing or cannot stand where it would; the
 * error names the template, never a value.
 */
extern bool http_template_expand(const char *text, HttpTemplatePlace place,
								 const HttpTemplateValues *values,
								 StringInfo out, HttpTemplateError *error);

#endif							/* PG_SCHEDULER_HTTP_TEMPLATE_H */

/*-------------------------------------------------------------------------
 *
 * http_jsonb.h
 *	  What HTTP jobs read from jsonb and write to it.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HTTP_JSONB_H
#define PG_SCHEDULER_HTTP_JSONB_H

#include "http/http_request.h"
#include "utils/jsonb.h"

/* One header as defined: a value, or the name of a secret. */
typedef struct HttpHeaderDefinition
{
	char	   *name;
	char	   *value;			/* a template, or NULL */
	char	   *secret;			/* the name of a secret, or NULL */
} HttpHeaderDefinition;

/*
 * Read {"Name": "value", "Name": ["value", ...], "Name": {"secret": "name"}}.
 * Raises an error when it has another form.  What the names and values
 * contain is left to http_job_check().  "headers" may be NULL: no headers.
 */
extern HttpHeaderDefinition *http_headers_read(Jsonb *headers, int *count);

/*
 * An HttpArgLookup; "state" is a Jsonb, or NULL.  A step of the path is a key
 * of an object, or the number of an element of an array.  Path and value are
 * UTF-8; where the database is not, this must be inside a transaction.
 */
extern HttpValueKind http_args_look_up(void *state, const char *path,
									   StringInfo value);

/* [["name", "value"], ...] in the order received. */
extern Jsonb *http_headers_write(const HttpResponse *response);

/*
 * The body as text in the database's encoding, or NULL when it is none: it
 * contains NUL, or is invalid in the charset that its content type names
 * (UTF-8 if it names none).  A byte order mark of UTF-8 says that it is that,
 * and is no part of the text.
 */
extern char *http_body_text(const HttpResponse *response);

/*
 * Any bytes from outside as text in the database's encoding: what is not
 * valid UTF-8 is taken for Latin-1.  If the database lacks a character of it,
 * those that are not ASCII become question marks.
 */
extern char *http_clean_text(const char *bytes);

#endif							/* PG_SCHEDULER_HTTP_JSONB_H */

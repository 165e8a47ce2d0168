/*-------------------------------------------------------------------------
 *
 * http_definition.h
 *	  The request of an HTTP job as it is stored: scheduler.job.request.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HTTP_DEFINITION_H
#define PG_SCHEDULER_HTTP_DEFINITION_H

#include "http/http_request.h"
#include "utils/jsonb.h"

typedef struct HttpDefinition
{
	char	   *url;
	char	   *method;
	Jsonb	   *headers;		/* NULL: none */
	char	   *body;			/* NULL: none */
	char	   *content_type;	/* NULL: from headers or body */
	char	   *success_codes;
	char	   *signing_secret; /* NULL: not signed */
	bool		follow_redirects;
	int			max_redirects;	/* when they are followed */
	int			connect_timeout_ms; /* 0: the setting */
	bool		one_off;		/* made by http_request(), goes when done */
} HttpDefinition;

typedef enum HttpFieldType
{
	HTTP_TEXT,					/* is sent as it is */
	HTTP_OPTIONAL_TEXT,			/* empty: NULL */
	HTTP_JSONB,
	HTTP_BOOL,
	HTTP_INT,
	HTTP_MILLISECONDS			/* an interval, as its argument has it */
} HttpFieldType;

/* What is known of a member of a definition */
typedef struct HttpField
{
	const char *name;			/* in the stored request, and as an argument */
	HttpFieldType type;
	size_t		offset;
	const char *initial_text;	/* the defaults; else NULL, false or 0 */
	int			initial_number;
	bool		required;		/* a request without it is not valid */
	bool		internal;		/* no option of users */
} HttpField;

extern const HttpField http_fields[];
extern const int http_field_count;

/* Everything that has a default has it; and one member. */
extern void http_definition_init(HttpDefinition *def);
extern void http_definition_reset(HttpDefinition *def, const HttpField *field);

/* Set a member from an argument. */
extern void http_definition_set(HttpDefinition *def, const HttpField *field, Datum value);

extern Jsonb *http_definition_write(const HttpDefinition *def);
extern void http_definition_read(Jsonb *request, HttpDefinition *def);

/*
 * Raise an error for anything that cannot be sent, as far as can be known
 * before.  Secrets are looked up among those of "owner".
 */
extern void http_definition_check(const HttpDefinition *def, Oid owner);

/*
 * What is to be sent, in UTF-8 and with its secrets: palloc'd, not to be kept
 * longer than needed.  In a transaction.  An error if a secret is missing.
 */
extern void http_definition_job(const HttpDefinition *def, Oid owner, HttpJob *job);

/* A problem of a request as an error. */
extern _Noreturn void http_raise_problem(const HttpProblem *problem);

/* Text of the database in UTF-8; NULL stays NULL. */
extern const char *http_to_utf8(const char *text);

#endif							/* PG_SCHEDULER_HTTP_DEFINITION_H */

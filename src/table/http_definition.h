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

/* Everything that has a default has it. */
extern void http_definition_init(HttpDefinition *def);

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

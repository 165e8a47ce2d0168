/*-------------------------------------------------------------------------
 *
 * http_request.h
 *	  One HTTP request and its answer, as data; and how a request comes from
 *	  the definition of a job.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HTTP_REQUEST_H
#define PG_SCHEDULER_HTTP_REQUEST_H

#include "http/http_guard.h"
#include "http/http_rules.h"
#include "http/http_template.h"

#define HTTP_ERROR_SIZE		320

#define HTTP_USER_AGENT		"pg_scheduler/1.0"

/* An answer with more header bytes than this, in one hop, is broken off. */
#define HTTP_MAX_HEADER_BYTES	65536

/*
 * Of a body that is larger than what is kept, this much more is read before
 * the connection is given up.
 */
#define HTTP_DRAIN_BYTES		(256 * 1024)

/* A request on its way; see http_transfer.h. */
typedef struct HttpTransfer HttpTransfer;

typedef struct HttpHeader
{
	const char *name;
	const char *value;
	bool		secret;			/* stays on this origin; masked in the answer */
} HttpHeader;

/* What is to be sent.  The client copies it. */
typedef struct HttpRequest
{
	const char *method;
	const char *url;
	const HttpHeader *headers;
	int			header_count;
	const char *body;			/* or NULL */
	size_t		body_length;
	int			connect_timeout_ms;
	int			timeout_ms;		/* from start to end, over all redirects; 0: no limit */
	int			max_redirects;	/* 0: a redirect is an answer like any other */
	size_t		response_limit; /* bytes of the body that are kept */
	uint32		group;			/* who shares places with others; 0: nobody */
} HttpRequest;

/* Rules that hold for all requests of a process.  The client copies it. */
typedef struct HttpPolicy
{
	const HttpNetworks *networks;	/* not public, yet allowed; or NULL */
	const char *proxy;			/* URL, or NULL for none */
	const char *ca_file;		/* or NULL for the system's */
} HttpPolicy;

/* Why there is no answer, or only a part of one. */
typedef enum HttpFailure
{
	HTTP_FAILURE_NONE,
	HTTP_FAILURE_BAD_URL,
	HTTP_FAILURE_REFUSED_ADDRESS,
	HTTP_FAILURE_REDIRECT,
	HTTP_FAILURE_RESOLVE,
	HTTP_FAILURE_CONNECT,
	HTTP_FAILURE_TLS,
	HTTP_FAILURE_TIMEOUT,
	HTTP_FAILURE_TRANSFER,
	HTTP_FAILURE_HEADERS,
	HTTP_FAILURE_MEMORY,
	HTTP_FAILURE_CANCELLED
} HttpFailure;

/* A stable word for it, as kept in the history: "timeout", "tls", ... */
extern const char *http_failure_name(HttpFailure failure);

/* The five characters of its SQLSTATE. */
extern const char *http_failure_sqlstate(HttpFailure failure);

/*
 * What came of it.  Belongs to the client until http_client_release().  All
 * strings are bytes from elsewhere: they may be invalid in any encoding.
 */
typedef struct HttpResponse
{
	void	   *tag;			/* as given to http_client_add() */
	HttpFailure failure;
	char		error[HTTP_ERROR_SIZE]; /* in words, if failed */
	int			status;			/* 0: there was none */
	int			http_version;	/* 10, 11, 20, 30, or 0 */
	HttpHeader *headers;		/* in order, repeats kept */
	int			header_count;
	char	   *body;			/* at most response_limit bytes */
	size_t		body_length;
	bool		truncated;
	int64		total_size;		/* of the whole body; -1: not known */
	char		remote_address[64];
	int			remote_port;
	int64		name_lookup_us; /* each from the start of the last hop */
	int64		connect_us;
	int64		tls_us;
	int64		first_byte_us;
	int64		total_us;		/* of all hops */
	char	   *final_url;
	int			redirect_count;
	bool		reused_connection;
} HttpResponse;

/*
 * What a job defines.  Texts are UTF-8.  The values of headers that are not
 * secret, the URL and the body are templates; names of secrets are resolved
 * already.
 */
typedef struct HttpJob
{
	const char *url;
	const char *method;
	const HttpHeader *headers;
	int			header_count;
	const char *body;			/* or NULL */
	const char *signing_keys;	/* or NULL */
	int			connect_timeout_ms;
	int			timeout_ms;
	int			max_redirects;
	size_t		response_limit;
} HttpJob;

/* What differs from one attempt to the next. */
typedef struct HttpAttempt
{
	HttpTemplateValues values;
	const char *key;			/* see http_idempotency_key() */
	int64		timestamp;		/* seconds since 1970 */
} HttpAttempt;

/* Why a job or a request was refused. */
typedef struct HttpProblem
{
	const char *field;			/* "url", "method", "headers", "body", ... */
	char		header[64];		/* whose header, or empty */
	int			position;		/* 1-based byte in its text, or 0 */
	char		detail[160];	/* a sentence */
} HttpProblem;

/*
 * Could http_request_build() make a request of this job, as far as can be
 * known without the values?  To be called when it is defined.
 */
extern bool http_job_check(const HttpJob *job, HttpProblem *problem);

/*
 * Expand the templates, add the headers that identify and sign the attempt.
 * The result is palloc'd, or points into its arguments.
 */
extern bool http_request_build(const HttpJob *job, const HttpAttempt *attempt,
							   HttpRequest *request, HttpProblem *problem);

/*
 * The identity of an occurrence, the same in every attempt, also after a
 * crash that lost the number of its run: which is why it is made of the job
 * and its scheduled time (microseconds since 1970).
 */
#define HTTP_KEY_SIZE		96
extern void http_idempotency_key(uint64 system_identifier, Oid database,
								 int64 job_id, int64 scheduled_us,
								 char key[HTTP_KEY_SIZE]);

/* The first header of that name, or NULL. */
extern const char *http_response_header(const HttpResponse *response,
										const char *name);

/* What an answer means for the run. */
typedef struct HttpVerdict
{
	bool		succeeded;
	bool		retryable;		/* if not: by the rules that hold by default */
	int64		retry_after;	/* seconds the server asks to wait, or -1 */
} HttpVerdict;

/*
 * "now" is in seconds since 1970; "max_retry_after" is the most that the
 * server may ask for.
 */
extern HttpVerdict http_response_judge(const HttpResponse *response,
									   const HttpStatusSet *success_codes,
									   int64 now, int64 max_retry_after);

#endif							/* PG_SCHEDULER_HTTP_REQUEST_H */

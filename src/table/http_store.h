/*-------------------------------------------------------------------------
 *
 * http_store.h
 *	  The tables of HTTP jobs, read and written as store.h does it.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HTTP_STORE_H
#define PG_SCHEDULER_HTTP_STORE_H

#include "http/http_request.h"
#include "rules/run.h"

/* Keep the answer to an attempt. */
extern void http_store_insert_response(const Run *run, const char *job_name,
									   const HttpResponse *response, const char *key,
									   TimestampTz finished_at);

#endif							/* PG_SCHEDULER_HTTP_STORE_H */

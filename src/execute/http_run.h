/*-------------------------------------------------------------------------
 *
 * http_run.h
 *	  One HTTP run: from its job to a request, from an answer to its record.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HTTP_RUN_H
#define PG_SCHEDULER_HTTP_RUN_H

#include "http/http_client.h"
#include "lib/ilist.h"
#include "shared/shmem.h"
#include "table/store.h"

/*
 * A run that the HTTP worker has in hand.  It keeps of its job what is needed
 * when the answer comes, for the job may have been changed or dropped then.
 */
typedef struct HttpRun
{
	dlist_node	node;			/* in the list of those that are done */
	int			flight;
	Run			run;
	Job			job;			/* pointers but retry_on and args are NULL */
	bool		own_args;		/* job.args are not those of the job */
	int64		redriven_from;
	bool		marked;			/* its start is durable */
	TimestampTz started_at;
	HttpStatusSet success_codes;
	bool		one_off;		/* its job goes with it */
	char		key[HTTP_KEY_SIZE];
	HttpTransfer *transfer;		/* NULL: not sent, or done */
	HttpResponse *response;		/* NULL: not done, or never sent */
	ErrorData  *error;			/* why it could not be sent */
	const char *error_message;	/* as it was recorded, in the context of then */
	bool		has_end;		/* an end that is to be recorded */
	Outcome		outcome;		/* kind OUTCOME_FINAL until known better */
} HttpRun;

/*
 * Take up a run.  It lives in "context" until http_run_free().
 */
extern HttpRun *http_run_create(MemoryContext context, const Run *run, int flight,
								TimestampTz started_at);
extern void http_run_free(HttpRun *http);

/*
 * Hand the request of a run to the client, which has room for it.  Outside of
 * a transaction.  False: there is nothing to wait for; the run is ready for
 * http_run_record(), or, when outcome.kind is not OUTCOME_FINAL, over.
 */
extern bool http_run_send(HttpRun *http, HttpClient *client);

/*
 * Put on record what came of a run, in the current transaction, and set its
 * outcome.  "problem" is NULL, or why that was not possible: then only what
 * fits in any case is recorded, and that it is so.
 */
extern void http_run_record(HttpRun *http, const char *problem);

/*
 * Write its end to the server log, as log_runs says.  After the commit: not in
 * a transaction, so what the server said cannot be converted here.  The
 * context of http_run_record() is still there.
 */
extern void http_run_log(const HttpRun *http);

#endif							/* PG_SCHEDULER_HTTP_RUN_H */

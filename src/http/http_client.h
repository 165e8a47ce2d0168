/*-------------------------------------------------------------------------
 *
 * http_client.h
 *	  Many requests at once, in one process that also waits for other things.
 *
 * The owner of a client runs a loop:
 *
 *		while (http_client_room(client) > 0 && <there is a run>)
 *			http_client_add(client, &request, run);
 *		http_client_perform(client);
 *		while ((response = http_client_next_done(client)) != NULL)
 *			...record it...; http_client_release(client, response);
 *		<wait for http_client_fd() to be readable, for the latch, and for
 *		 http_client_timeout_ms() at most>
 *
 * Nothing here blocks, raises an error, or uses a memory context.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HTTP_CLIENT_H
#define PG_SCHEDULER_HTTP_CLIENT_H

#include "http/http_request.h"

typedef struct HttpClient HttpClient;

typedef struct HttpLimits
{
	int			max_in_flight;
	int			max_in_flight_per_host;
	int			max_held;	/* taken, but held back for their host */
	size_t		max_memory;		/* requests and answers held, all together */
} HttpLimits;

/*
 * Once in a process, before the first client.  Returns NULL, or why libcurl
 * cannot be used, as a constant sentence.
 */
extern const char *http_client_init(void);

/* NULL: no memory or no descriptors.  Limits and policy are copied. */
extern HttpClient *http_client_create(const HttpLimits *limits,
									  const HttpPolicy *policy);

/*
 * Ends every request without a word to anybody, at once.
 */
extern void http_client_destroy(HttpClient *client);

/*
 * Take over new limits and a new policy.  They hold from the next socket, and
 * the next request on a connection that is open, on.  False: out of memory,
 * and everything is as before.
 */
extern bool http_client_configure(HttpClient *client, const HttpLimits *limits,
								  const HttpPolicy *policy);

/*
 * Take a request.  Its answer will have "tag".  It is sent by the next
 * http_client_perform(), or later if its host is busy; its timeout counts from
 * then.  Each request that was taken comes back through
 * http_client_next_done() exactly once, whatever happens.
 *
 * The result is valid until then, for http_client_cancel().  NULL: out of
 * memory.
 */
extern HttpTransfer *http_client_add(HttpClient *client,
									 const HttpRequest *request, void *tag);

/* Give a request up: it is done, with HTTP_FAILURE_CANCELLED. */
extern void http_client_cancel(HttpClient *client, HttpTransfer *transfer);

/* How many more requests may be added now. */
extern int	http_client_room(const HttpClient *client);

/*
 * May one more request of this group (id) be added, when so many of it, and so many
 * in all, are about to be?  No group takes all there is, so that one whose
 * requests never end does not stop the others; see http_share().
 */
extern bool http_client_admits(HttpClient *client, uint32 id, int added_of_group, int added);

/*
 * Is there memory for a request that takes so many bytes, for this group?  It
 * leaves a share to others.
 */
extern bool http_client_has_memory(HttpClient *client, uint32 id, size_t bytes);

/* How many requests have been added and are not done. */
extern int	http_client_pending(const HttpClient *client);

/* How many of these are on their way. */
extern int	http_client_in_flight(const HttpClient *client);

/* Bytes held for requests and answers. */
extern size_t http_client_memory(const HttpClient *client);

/*
 * What to wait for.  The descriptor stays the same for the life of the
 * client; -1 on platforms without epoll, where the timeout is short instead.
 * A timeout of -1 means for ever.
 */
extern int	http_client_fd(const HttpClient *client);
extern long http_client_timeout_ms(HttpClient *client);

/* Do what can be done without waiting. */
extern void http_client_perform(HttpClient *client);

/* The next answer, or NULL. */
extern HttpResponse *http_client_next_done(HttpClient *client);
extern void http_client_release(HttpClient *client, HttpResponse *response);

#endif							/* PG_SCHEDULER_HTTP_CLIENT_H */

/*-------------------------------------------------------------------------
 *
 * http_transfer.h
 *	  One request on its way: a libcurl easy handle and what it has brought.
 *
 * For http_client.c, which moves transfers from state to state:
 *
 *		held (for its host) -> running -> [running ...] -> done
 *
 * with one "running" for each hop of a redirect.  All memory of a transfer
 * comes from malloc(), as libcurl's callbacks fill it, and is counted.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HTTP_TRANSFER_H
#define PG_SCHEDULER_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "http/http_guard.h"
#include "http/http_request.h"
#include "lib/ilist.h"

#if LIBCURL_VERSION_NUM < 0x075800
#error "libcurl 7.88 or later is needed"
#endif

/*
 * Options of libcurl 8.20, which may come after we were built.  An older one
 * refuses them, and needs neither.
 */
#if LIBCURL_VERSION_NUM < 0x081400
#define CURLMOPT_RESOLVE_THREADS_MAX	((CURLMoption) (CURLOPTTYPE_LONG + 20))
#define CURLMOPT_QUICK_EXIT				((CURLMoption) (CURLOPTTYPE_LONG + 21))
#endif

typedef struct HttpHost HttpHost;
typedef struct HttpHostLane HttpHostLane;
typedef struct HttpGroup HttpGroup;

/*
 * May a group that has "taken" of what there is take "more", of which "left" is
 * left?  It may have eight times as much as it leaves to others, and the last
 * place goes to one that has none.  So one group alone takes 8/9, the next one
 * 8/9 of the rest, and so on.
 */
static inline bool
http_share(int64 taken, int64 left)
{
	return taken == 0 ? left > 0 : left > 1 && taken < 8 * left;
}

/*
 * Bytes held by the transfers of a group; "all" has those of the client, with
 * the limit from where bodies are cut.
 */
typedef struct HttpMemory
{
	size_t		used;
	size_t		limit;			/* of all */
	bool		shared;			/* no more than the group's share */
	struct HttpMemory *all;
} HttpMemory;

static inline void
http_memory_add(HttpMemory *memory, int64 bytes)
{
	memory->used += bytes;
	memory->all->used += bytes;
}

/* Is there so much left for this group? */
static inline bool
http_memory_has(const HttpMemory *memory, size_t bytes)
{
	const HttpMemory *all = memory->all;

	if (all->used + bytes > all->limit)
		return false;
	return !memory->shared ||
		http_share(memory->used, (int64) (all->limit - all->used - bytes) + 1);
}

typedef enum HttpTransferState
{
	HTTP_TRANSFER_HELD,
	HTTP_TRANSFER_RUNNING,
	HTTP_TRANSFER_DONE
} HttpTransferState;

/* A byte string that grows. */
typedef struct HttpBuffer
{
	char	   *data;
	size_t		length;
	size_t		size;
} HttpBuffer;

/* What the callbacks have seen of the current hop. */
typedef struct HttpArrival
{
	HttpBuffer	headers;		/* name NUL value NUL ... */
	HttpBuffer	body;
	size_t		header_bytes;	/* of all header blocks, kept or not */
	int64		body_bytes;		/* of all of the body, kept or not */
	int64		announced;		/* Content-Length, or -1 */
	bool		in_body;
	bool		truncated;
	bool		cut_off;		/* enough read, the connection given up */
	bool		headers_too_large;
	bool		out_of_memory;
	bool		refused;		/* the guard said no to some address */
	bool		opened;			/* and yes to some other */
	char		refusal[128];
} HttpArrival;

struct HttpTransfer
{
	HttpResponse response;		/* first, so that one finds the other */
	dlist_node	node;			/* in one of the client's lists */
	HttpTransferState state;
	HttpHost   *host;			/* whose slot it takes or waits for */
	HttpHostLane *lane;			/* there */
	HttpGroup  *group;
	bool		resolving;		/* running, and its name not yet resolved */
	void		(*resolved) (HttpTransfer *transfer);	/* tells the client */
	void	   *client;
	const HttpPolicy *policy;	/* the client's, always the current one */
	HttpMemory *memory;

	HttpRequest request;		/* points into "storage" */
	char	   *storage;
	size_t		storage_size;

	CURL	   *easy;
	struct curl_slist *header_list;
	char		error_buffer[CURL_ERROR_SIZE];
	HttpUrl		url;			/* of the current hop */
	const char *method;
	const char *body;
	bool		origin_left;	/* secrets are no longer sent */
	bool		fresh;			/* do not reuse a connection */
	HttpArrival arrival;
};

/*
 * Copy a request.  Returns NULL if there is no memory.  A bad URL makes a
 * transfer that has failed already.
 */
extern HttpTransfer *http_transfer_create(const HttpRequest *request, void *tag,
										  const HttpPolicy *policy,
										  HttpMemory *memory);
extern void http_transfer_free(HttpTransfer *transfer);

/* Set up the easy handle for the current hop.  False: it has failed. */
extern bool http_transfer_prepare(HttpTransfer *transfer, CURLSH *share);

/*
 * The current hop has ended.  True: another one follows, to be prepared and
 * started.  False: the response is complete.
 */
extern bool http_transfer_hop_done(HttpTransfer *transfer, CURLcode code);

/* End it now, with whatever has come so far. */
extern void http_transfer_fail(HttpTransfer *transfer, HttpFailure failure,
							   const char *error);

/* http_response.c */
extern size_t http_arrival_header(HttpTransfer *transfer, const char *line, size_t length);
extern size_t http_arrival_body(HttpTransfer *transfer, const char *data, size_t length);
extern void http_arrival_reset(HttpTransfer *transfer);
extern void http_response_complete(HttpTransfer *transfer);

#endif							/* PG_SCHEDULER_HTTP_TRANSFER_H */

/*-------------------------------------------------------------------------
 *
 * http_turns.h
 *	  Requests that wait for a place: hosts, groups and their turns.
 *
 * What http_client.c and http_turns.c share, and nobody else includes.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HTTP_TURNS_H
#define PG_SCHEDULER_HTTP_TURNS_H

#include "http/http_client.h"
#include "http/http_pollset.h"
#include "http/http_transfer.h"

#define HOST_BUCKETS			1024	/* a power of two */
#define MAX_RESOLVING_PER_HOST	8

/* Requests of one group, everywhere. */
struct HttpGroup
{
	dlist_node	node;			/* in the client's list */
	uint32		id;
	int			running;
	int			pending;		/* running or held */
	int			transfers;		/* not released yet */
	HttpMemory	memory;			/* of these */
};

/* Requests of one group to one host. */
struct HttpHostLane
{
	dlist_node	node;			/* in its host's list, in order of turns */
	HttpGroup  *group;
	dlist_head	held;
	int			in_flight;
};

/* One host and port that requests are on their way to, or wait for. */
struct HttpHost
{
	dlist_node	node;			/* in its bucket */
	dlist_node	ready_node;		/* in the client's list of ready hosts */
	bool		is_ready;		/* holds a request, and a slot is free */
	dlist_head	lanes;
	int			held_count;
	int			in_flight;
	int			resolving;		/* of these */
	int			port;
	char		name[FLEXIBLE_ARRAY_MEMBER];
};

struct HttpClient
{
	HttpLimits	limits;
	HttpPolicy	policy;			/* with memory of its own */
	HttpMemory	memory;
	CURLM	   *multi;
	CURLSH	   *share;			/* TLS sessions */
	HttpPollSet *pollset;
	dlist_head	buckets[HOST_BUCKETS];
	dlist_head	ready_hosts;
	dlist_head	groups;
	dlist_head	running;
	dlist_head	done;
	int			running_count;
	int			resolving_count;	/* of these */
	int			held_count;
	bool		look_again;		/* something may be started since the last look */
};

/* NULL: there is no request of that group. */
extern HttpGroup *http_turns_find_group(HttpClient *client, uint32 id);

/* The same, made where there is none.  NULL: no memory. */
extern HttpGroup *http_turns_group(HttpClient *client, uint32 id);

/* One transfer of the group less; the last one frees it. */
extern void http_turns_release_group(HttpGroup *group);

/* The lane of a group to a host, made where there is none.  NULL: no memory. */
extern HttpHostLane *http_turns_lane(HttpHost *host, HttpGroup *group);

/* Free a lane in which nothing waits or is on its way. */
extern void http_turns_end_lane(HttpHostLane *lane);

/* The lane of a host whose turn it is, or NULL. */
extern HttpHostLane *http_turns_next_lane(HttpClient *client, HttpHost *host);

/* The host of a URL, made where there is none.  NULL: no memory. */
extern HttpHost *http_turns_host(HttpClient *client, const HttpUrl *url);

/*
 * Bring a host's place in the list of ready hosts up to date; free it where it is
 * not used any more.
 */
extern void http_turns_update_host(HttpClient *client, HttpHost *host);

/* A transfer that has its lane begins to wait. */
extern void http_turns_wait(HttpClient *client, HttpTransfer *transfer, HttpHost *host);

/* It waits no more: it is started, or has been cancelled. */
extern void http_turns_let_go(HttpClient *client, HttpTransfer *transfer);

#endif							/* PG_SCHEDULER_HTTP_TURNS_H */

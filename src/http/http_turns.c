/*-------------------------------------------------------------------------
 *
 * http_turns.c
 *	  Requests that wait for a place: hosts, groups and their turns.
 *
 * A host has a lane for each group of requests that is on its way there or
 * waits.  Groups take turns within a host, hosts among each other.  A group may
 * take 8/9 of the places that are left, in all and of a host, so that there is
 * always one for another.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "http/http_turns.h"

/*
 * Groups
 */

HttpGroup *
http_turns_find_group(HttpClient *client, uint32 id)
{
	dlist_iter	iter;

	dlist_foreach(iter, &client->groups)
	{
		HttpGroup  *group = dlist_container(HttpGroup, node, iter.cur);

		if (group->id == id)
			return group;
	}
	return NULL;
}

/* NULL: no memory. */
HttpGroup *
http_turns_group(HttpClient *client, uint32 id)
{
	HttpGroup  *group = http_turns_find_group(client, id);

	if (group != NULL)
		return group;
	group = calloc(1, sizeof(HttpGroup));
	if (group == NULL)
		return NULL;
	group->id = id;
	group->memory.all = &client->memory;
	group->memory.shared = id != 0;
	dlist_push_head(&client->groups, &group->node);
	return group;
}

void
http_turns_release_group(HttpGroup *group)
{
	if (--group->transfers > 0)
		return;
	dlist_delete(&group->node);
	free(group);
}

HttpHostLane *
http_turns_lane(HttpHost *host, HttpGroup *group)
{
	HttpHostLane *lane;
	dlist_iter	iter;

	dlist_foreach(iter, &host->lanes)
	{
		lane = dlist_container(HttpHostLane, node, iter.cur);
		if (lane->group == group)
			return lane;
	}
	lane = calloc(1, sizeof(HttpHostLane));
	if (lane == NULL)
		return NULL;
	lane->group = group;
	dlist_init(&lane->held);
	dlist_push_tail(&host->lanes, &lane->node);
	return lane;
}

void
http_turns_end_lane(HttpHostLane *lane)
{
	if (lane->in_flight > 0 || !dlist_is_empty(&lane->held))
		return;
	dlist_delete(&lane->node);
	free(lane);
}

/* May this lane start a request, as far as shares are concerned? */
static bool
lane_may_start(HttpClient *client, HttpHost *host, HttpHostLane *lane)
{
	if (dlist_is_empty(&lane->held))
		return false;
	if (lane->group->id == 0)
		return true;
	return http_share(lane->in_flight, client->limits.max_in_flight_per_host - host->in_flight) &&
		http_share(lane->group->running, client->limits.max_in_flight - client->running_count);
}

/* The lane of a host whose turn it is, or NULL. */
HttpHostLane *
http_turns_next_lane(HttpClient *client, HttpHost *host)
{
	dlist_iter	iter;

	dlist_foreach(iter, &host->lanes)
	{
		HttpHostLane *lane = dlist_container(HttpHostLane, node, iter.cur);

		if (lane_may_start(client, host, lane))
			return lane;
	}
	return NULL;
}

/*
 * Hosts
 */

HttpHost *
http_turns_host(HttpClient *client, const HttpUrl *url)
{
	size_t		length = strlen(url->host);
	uint32		hash = hash_bytes((const unsigned char *) url->host, length);
	dlist_head *bucket = &client->buckets[(hash + url->port) & (HOST_BUCKETS - 1)];
	dlist_iter	iter;
	HttpHost   *host;

	dlist_foreach(iter, bucket)
	{
		host = dlist_container(HttpHost, node, iter.cur);
		if (host->port == url->port && strcmp(host->name, url->host) == 0)
			return host;
	}

	host = calloc(1, offsetof(HttpHost, name) + length + 1);
	if (host == NULL)
		return NULL;
	memcpy(host->name, url->host, length + 1);
	host->port = url->port;
	dlist_init(&host->lanes);
	dlist_push_head(bucket, &host->node);
	return host;
}

/* Bring a host's place in the list of ready hosts up to date. */
void
http_turns_update_host(HttpClient *client, HttpHost *host)
{
	bool		ready = host->held_count > 0 &&
		host->in_flight < client->limits.max_in_flight_per_host &&
		host->resolving < MAX_RESOLVING_PER_HOST;

	if (ready && !host->is_ready)
		dlist_push_tail(&client->ready_hosts, &host->ready_node);
	else if (!ready && host->is_ready)
		dlist_delete(&host->ready_node);
	host->is_ready = ready;

	if (host->in_flight == 0 && host->held_count == 0)
	{
		dlist_delete(&host->node);
		free(host);
	}
}

/*
 * Requests that wait
 */

void
http_turns_wait(HttpClient *client, HttpTransfer *transfer, HttpHost *host)
{
	transfer->state = HTTP_TRANSFER_HELD;
	transfer->host = host;
	dlist_push_tail(&transfer->lane->held, &transfer->node);
	transfer->group->pending++;
	host->held_count++;
	client->held_count++;
	client->look_again = true;
	http_turns_update_host(client, host);
}

void
http_turns_let_go(HttpClient *client, HttpTransfer *transfer)
{
	HttpHost   *host = transfer->host;

	dlist_delete(&transfer->node);
	transfer->group->pending--;
	http_turns_end_lane(transfer->lane);
	host->held_count--;
	client->held_count--;
	transfer->host = NULL;
	transfer->lane = NULL;
	http_turns_update_host(client, host);
}

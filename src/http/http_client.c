/*-------------------------------------------------------------------------
 *
 * http_client.c
 *	  Many requests at once, in one process that also waits for other things.
 *
 * libcurl's multi interface tells through callbacks which sockets it waits
 * for; they go into a poll set with one descriptor.  Its next timer is read
 * with curl_multi_timeout(), which is never out of date.
 *
 * Admission has two limits, in all and per host.  A request above the limit
 * of its host waits in a list of that host, and does not hold up requests to
 * others.  Requests belong to groups, which share both: http_share() says how
 * many places one group may take.  At each host every group has a list of its
 * own, a lane, and those that may start take turns.
 *
 * libcurl resolves names in threads, one for each request whose name is not
 * in its cache.  A burst of requests to one host would start as many threads
 * for the same name; so the number of names being resolved is limited too,
 * per host and in all.  The threads inherit the signal mask of the
 * moment they start, and a handler of PostgreSQL must never run in one of
 * them; so all signals are blocked around the calls that may start one.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>
#include <sys/resource.h>

#include "http/http_client.h"
#include "http/http_pollset.h"
#include "http/http_transfer.h"
#include "http/http_turns.h"

#define EVENTS_PER_PERFORM		256
#define RESERVED_DESCRIPTORS	64	/* for the server's own files */
#define MAX_RESOLVING			256
#define BLIND_TIMEOUT_MS		5	/* where nobody tells what is ready */

/*
 * Signals
 */

static void
block_signals(sigset_t *saved)
{
	sigset_t	all;

	sigfillset(&all);
	/* what a fault raises must stay deadly at the spot */
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	sigdelset(&all, SIGTRAP);
	sigprocmask(SIG_SETMASK, &all, saved);
}

static void
restore_signals(const sigset_t *saved)
{
	sigprocmask(SIG_SETMASK, saved, NULL);
}

/*
 * Moves of a transfer from state to state
 */

/*
 * The name of a request is resolved.  Called from within libcurl: it moves
 * links and counters only.
 */
static void
end_resolving(HttpTransfer *transfer)
{
	HttpClient *client = transfer->client;

	if (!transfer->resolving)
		return;
	transfer->resolving = false;
	client->resolving_count--;
	transfer->host->resolving--;
	http_turns_update_host(client, transfer->host);
}

static void
stop_running(HttpClient *client, HttpTransfer *transfer)
{
	HttpHost   *host = transfer->host;

	end_resolving(transfer);
	dlist_delete(&transfer->node);
	client->running_count--;
	client->look_again = true;
	host->in_flight--;
	transfer->group->pending--;
	transfer->group->running--;
	transfer->lane->in_flight--;
	http_turns_end_lane(transfer->lane);
	transfer->host = NULL;
	transfer->lane = NULL;
	http_turns_update_host(client, host);
}

static void
set_done(HttpClient *client, HttpTransfer *transfer)
{
	transfer->state = HTTP_TRANSFER_DONE;
	dlist_push_tail(&client->done, &transfer->node);

	/* an answer may wait for its recording; its handle need not */
	if (transfer->easy != NULL)
		curl_easy_cleanup(transfer->easy);
	transfer->easy = NULL;
}

/*
 * Start a hop, in a slot of its host that is taken here.  A redirect is not
 * held back by the limit of the host it leads to, but it counts there.
 */
static void
start_running(HttpClient *client, HttpTransfer *transfer, HttpHost *host)
{
	transfer->state = HTTP_TRANSFER_RUNNING;
	transfer->host = host;
	dlist_push_tail(&client->running, &transfer->node);
	client->running_count++;
	host->in_flight++;
	transfer->group->pending++;
	transfer->group->running++;
	transfer->lane->in_flight++;
	transfer->resolving = true;
	client->resolving_count++;
	host->resolving++;
	http_turns_update_host(client, host);

	if (!http_transfer_prepare(transfer, client->share))
	{
		stop_running(client, transfer);
		set_done(client, transfer);
	}
	else if (curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK)
	{
		stop_running(client, transfer);
		http_transfer_fail(transfer, HTTP_FAILURE_MEMORY, "could not start the request");
		set_done(client, transfer);
	}
}

/* Is there a place for a request of some group? */
static bool
has_place(HttpClient *client)
{
	return !dlist_is_empty(&client->ready_hosts) &&
		client->running_count < client->limits.max_in_flight &&
		client->resolving_count < MAX_RESOLVING;
}

/* Start the next request of a host.  False: no group may have another. */
static bool
start_next(HttpClient *client, HttpHost *host)
{
	HttpHostLane *lane = http_turns_next_lane(client, host);
	HttpTransfer *transfer;

	if (lane == NULL)
		return false;
	transfer = dlist_container(HttpTransfer, node, dlist_pop_head_node(&lane->held));

	/* the others of both go first next time */
	dlist_delete(&lane->node);
	dlist_push_tail(&host->lanes, &lane->node);
	dlist_delete(&host->ready_node);
	host->is_ready = false;
	host->held_count--;
	client->held_count--;
	transfer->group->pending--;
	start_running(client, transfer, host);
	return true;
}

/*
 * Start what may be started, in turn among the hosts, and at each among the
 * groups.  A host whose groups have their shares is passed over.
 */
static void
start_held(HttpClient *client)
{
	bool		started = true;

	client->look_again = false;
	while (started && has_place(client))
	{
		dlist_mutable_iter iter;

		started = false;
		dlist_foreach_modify(iter, &client->ready_hosts)
		{
			started |= start_next(client, dlist_container(HttpHost, ready_node, iter.cur));
			if (!has_place(client))
				break;
		}
	}
	client->look_again = false;
}

/* libcurl has finished with a hop. */
static void
finish_hop(HttpClient *client, HttpTransfer *transfer, CURLcode code)
{
	HttpHost   *next_host;
	bool		another;

	curl_multi_remove_handle(client->multi, transfer->easy);
	another = http_transfer_hop_done(transfer, code);
	stop_running(client, transfer);
	if (!another)
	{
		set_done(client, transfer);
		return;
	}
	next_host = http_turns_host(client, &transfer->url);
	transfer->lane = next_host ? http_turns_lane(next_host, transfer->group) : NULL;
	if (transfer->lane != NULL)
		start_running(client, transfer, next_host);
	else
	{
		if (next_host != NULL)
			http_turns_update_host(client, next_host);
		http_transfer_fail(transfer, HTTP_FAILURE_MEMORY, "out of memory");
		set_done(client, transfer);
	}
}

static void
collect_finished(HttpClient *client)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(client->multi, &left)) != NULL)
	{
		/* the message does not survive the removal of its handle */
		CURLcode	code = message->data.result;
		char	   *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		finish_hop(client, (HttpTransfer *) transfer, code);
	}
}

/*
 * The interface
 */

/* libcurl wants to know about a socket, or no more. */
static int
watch_socket(CURL *easy, curl_socket_t socket, int what, void *user, void *socket_data)
{
	HttpClient *client = user;
	int			events = 0;

	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= HTTP_POLL_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= HTTP_POLL_WRITE;

	/*
	 * To report a failure would end all transfers.  The one that waits for
	 * this socket runs into its timeout.
	 */
	(void) http_pollset_watch(client->pollset, socket, events);
	return 0;
}

const char *
http_client_init(void)
{
	curl_version_info_data *version;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return "libcurl could not be initialized.";
	version = curl_version_info(CURLVERSION_NOW);
	if (version->version_num < 0x075800)
		return "libcurl is older than 7.88.";
	if ((version->features & CURL_VERSION_ASYNCHDNS) == 0)
		return "libcurl was built without asynchronous name resolution.";
	if ((version->features & CURL_VERSION_SSL) == 0)
		return "libcurl was built without TLS.";
	return NULL;
}

static char *
copy_string(const char *text, bool *failed)
{
	char	   *copy = text != NULL ? strdup(text) : NULL;

	*failed |= (text != NULL && copy == NULL);
	return copy;
}

static void
free_policy(HttpPolicy *policy)
{
	free((void *) policy->networks);
	free((void *) policy->proxy);
	free((void *) policy->ca_file);
	memset(policy, 0, sizeof(*policy));
}

static bool
copy_policy(HttpPolicy *copy, const HttpPolicy *policy)
{
	bool		failed = false;

	memset(copy, 0, sizeof(*copy));
	copy->proxy = copy_string(policy->proxy, &failed);
	copy->ca_file = copy_string(policy->ca_file, &failed);
	if (policy->networks != NULL)
	{
		size_t		size = offsetof(HttpNetworks, network) +
			policy->networks->count * sizeof(HttpNetwork);
		HttpNetworks *networks = malloc(size);

		if (networks != NULL)
			memcpy(networks, policy->networks, size);
		copy->networks = networks;
		failed |= (networks == NULL);
	}
	if (failed)
		free_policy(copy);
	return !failed;
}

/* No more sockets than the process may have open. */
static void
clamp_limits(HttpLimits *limits)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY)
	{
		int			most = (int) Min(files.rlim_cur, (rlim_t) 1000000) - RESERVED_DESCRIPTORS;

		limits->max_in_flight = Min(limits->max_in_flight, most);
	}
	limits->max_in_flight = Max(limits->max_in_flight, 1);
	limits->max_in_flight_per_host =
		Max(Min(limits->max_in_flight_per_host, limits->max_in_flight), 1);
	limits->max_held = Max(limits->max_held, 0);
}

HttpClient *
http_client_create(const HttpLimits *limits, const HttpPolicy *policy)
{
	HttpClient *client = calloc(1, sizeof(HttpClient));

	if (client == NULL)
		return NULL;
	for (int i = 0; i < HOST_BUCKETS; i++)
		dlist_init(&client->buckets[i]);
	dlist_init(&client->ready_hosts);
	dlist_init(&client->groups);
	dlist_init(&client->running);
	dlist_init(&client->done);

	client->pollset = http_pollset_create();
	client->multi = curl_multi_init();
	client->share = curl_share_init();
	if (client->pollset == NULL || client->multi == NULL || client->share == NULL ||
		!http_client_configure(client, limits, policy))
	{
		http_client_destroy(client);
		return NULL;
	}

	/* one thread uses it: no locks needed */
	curl_share_setopt(client->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long) CURLPIPE_MULTIPLEX);

	/* a name server that hangs must hold up neither other names nor the end */
	curl_multi_setopt(client->multi, CURLMOPT_RESOLVE_THREADS_MAX, (long) MAX_RESOLVING);
	curl_multi_setopt(client->multi, CURLMOPT_QUICK_EXIT, 1L);
	return client;
}

bool
http_client_configure(HttpClient *client, const HttpLimits *limits,
					  const HttpPolicy *policy)
{
	HttpPolicy	copy;

	if (!copy_policy(&copy, policy))
		return false;
	free_policy(&client->policy);
	client->policy = copy;

	client->limits = *limits;
	clamp_limits(&client->limits);
	client->memory.limit = limits->max_memory;
	curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS,
					  (long) client->limits.max_in_flight);
#if CURL_AT_LEAST_VERSION(8, 20, 0)
	/* lookups that hang must not keep others waiting for a thread */
	curl_multi_setopt(client->multi, CURLMOPT_RESOLVE_THREADS_MAX,
					  (long) client->limits.max_in_flight);
#endif

	/* a higher limit lets held requests go */
	client->look_again = true;
	for (int i = 0; i < HOST_BUCKETS; i++)
	{
		dlist_mutable_iter iter;

		dlist_foreach_modify(iter, &client->buckets[i])
			http_turns_update_host(client, dlist_container(HttpHost, node, iter.cur));
	}
	return true;
}

static void
free_transfer(HttpTransfer *transfer)
{
	HttpGroup  *group = transfer->group;

	http_transfer_free(transfer);
	http_turns_release_group(group);
}

static void
free_list(dlist_head *list)
{
	while (!dlist_is_empty(list))
		free_transfer(dlist_container(HttpTransfer, node, dlist_pop_head_node(list)));
}

void
http_client_destroy(HttpClient *client)
{
	sigset_t	saved;
	dlist_iter	iter;

	block_signals(&saved);
	dlist_foreach(iter, &client->running)
		curl_multi_remove_handle(client->multi,
								 dlist_container(HttpTransfer, node, iter.cur)->easy);
	free_list(&client->running);
	free_list(&client->done);
	for (int i = 0; i < HOST_BUCKETS; i++)
	{
		while (!dlist_is_empty(&client->buckets[i]))
		{
			HttpHost   *host = dlist_container(HttpHost, node,
											   dlist_pop_head_node(&client->buckets[i]));

			while (!dlist_is_empty(&host->lanes))
			{
				HttpHostLane *lane = dlist_container(HttpHostLane, node,
													 dlist_pop_head_node(&host->lanes));

				free_list(&lane->held);
				free(lane);
			}
			free(host);
		}
	}
	curl_multi_cleanup(client->multi);
	curl_share_cleanup(client->share);
	if (client->pollset != NULL)
		http_pollset_free(client->pollset);
	free_policy(&client->policy);
	free(client);
	restore_signals(&saved);
}

/* Queue a request up at its host.  False: out of memory. */
static bool
enter_host(HttpClient *client, HttpTransfer *transfer)
{
	HttpHost   *host = http_turns_host(client, &transfer->url);

	if (host == NULL)
		return false;
	transfer->lane = http_turns_lane(host, transfer->group);
	if (transfer->lane == NULL)
		http_turns_update_host(client, host);
	else
		http_turns_wait(client, transfer, host);
	return transfer->lane != NULL;
}

HttpTransfer *
http_client_add(HttpClient *client, const HttpRequest *request, void *tag)
{
	HttpTransfer *transfer;
	HttpGroup  *group = http_turns_group(client, request->group);

	if (group == NULL)
		return NULL;
	group->transfers++;
	transfer = http_transfer_create(request, tag, &client->policy, &group->memory);
	if (transfer == NULL)
	{
		http_turns_release_group(group);
		return NULL;
	}
	transfer->group = group;
	transfer->client = client;
	transfer->resolved = end_resolving;
	if (transfer->response.failure != HTTP_FAILURE_NONE)
		set_done(client, transfer);
	else if (!enter_host(client, transfer))
	{
		free_transfer(transfer);
		return NULL;
	}
	return transfer;
}

void
http_client_cancel(HttpClient *client, HttpTransfer *transfer)
{
	sigset_t	saved;

	if (transfer->state == HTTP_TRANSFER_DONE)
		return;
	block_signals(&saved);
	if (transfer->state == HTTP_TRANSFER_HELD)
		http_turns_let_go(client, transfer);
	else
	{
		curl_multi_remove_handle(client->multi, transfer->easy);
		stop_running(client, transfer);
	}
	http_transfer_fail(transfer, HTTP_FAILURE_CANCELLED, "the request was cancelled");
	set_done(client, transfer);
	restore_signals(&saved);
}

int
http_client_room(const HttpClient *client)
{
	int			total = client->limits.max_in_flight + client->limits.max_held;

	/* answers that have yet to be recorded come first */
	if (client->memory.used >= client->memory.limit)
		return 0;
	return Max(total - http_client_pending(client), 0);
}

bool
http_client_admits(HttpClient *client, uint32 id, int added_of_group, int added)
{
	HttpGroup  *group = http_turns_find_group(client, id);
	int64		memory = client->memory.limit / 2 - (int64) client->memory.used;

	/* one that has nothing may use what is left for answers */
	if (group == NULL || group->memory.used == 0)
		memory = (int64) client->memory.limit - client->memory.used;
	return http_share(added_of_group + (group ? group->pending : 0),
					  client->limits.max_in_flight + client->limits.max_held -
					  http_client_pending(client) - added) &&
		http_share(group ? group->memory.used : 0, memory);
}

bool
http_client_has_memory(HttpClient *client, uint32 id, size_t bytes)
{
	HttpGroup  *group = http_turns_find_group(client, id);
	int64		left = (int64) client->memory.limit - client->memory.used - bytes;

	return left >= 0 && (client->memory.used == 0 || group == NULL ||
						 http_share(group->memory.used, left));
}

int
http_client_pending(const HttpClient *client)
{
	return client->running_count + client->held_count;
}

int
http_client_in_flight(const HttpClient *client)
{
	return client->running_count;
}

size_t
http_client_memory(const HttpClient *client)
{
	return client->memory.used;
}

int
http_client_fd(const HttpClient *client)
{
	return http_pollset_fd(client->pollset);
}

long
http_client_timeout_ms(HttpClient *client)
{
	long		timeout = -1;

	if (!dlist_is_empty(&client->done) || (client->look_again && has_place(client)))
		return 0;
	curl_multi_timeout(client->multi, &timeout);
	if (client->running_count > 0 && http_pollset_fd(client->pollset) < 0 &&
		(timeout < 0 || timeout > BLIND_TIMEOUT_MS))
		timeout = BLIND_TIMEOUT_MS;
	return timeout;
}

/* Let libcurl read and write where it can. */
static void
drive_sockets(HttpClient *client)
{
	HttpPollEvent events[EVENTS_PER_PERFORM];
	int			count = http_pollset_ready(client->pollset, events, lengthof(events));
	int			still_running;
	long		timeout = -1;

	for (int i = 0; i < count; i++)
	{
		int			mask = 0;

		if (events[i].events & HTTP_POLL_READ)
			mask |= CURL_CSELECT_IN;
		if (events[i].events & HTTP_POLL_WRITE)
			mask |= CURL_CSELECT_OUT;
		if (events[i].events & HTTP_POLL_ERROR)
			mask |= CURL_CSELECT_ERR;
		curl_multi_socket_action(client->multi, events[i].socket, mask, &still_running);
	}

	curl_multi_timeout(client->multi, &timeout);
	if (timeout == 0)
		curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &still_running);
}

void
http_client_perform(HttpClient *client)
{
	sigset_t	saved;

	block_signals(&saved);
	start_held(client);
	drive_sockets(client);
	collect_finished(client);

	/* into the slots that became free, at once */
	start_held(client);
	restore_signals(&saved);
}

HttpResponse *
http_client_next_done(HttpClient *client)
{
	HttpTransfer *transfer;

	if (dlist_is_empty(&client->done))
		return NULL;
	transfer = dlist_container(HttpTransfer, node, dlist_pop_head_node(&client->done));
	return &transfer->response;
}

void
http_client_release(HttpClient *client, HttpResponse *response)
{
	free_transfer((HttpTransfer *) response);
}

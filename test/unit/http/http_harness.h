/*-------------------------------------------------------------------------
 *
 * http_harness.h
 *	  What the tests of the HTTP client share: names, servers, requests.
 *
 * Name resolution is replaced: see getaddrinfo() below.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HTTP_HARNESS_H
#define PG_SCHEDULER_HTTP_HARNESS_H

#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http/http_client.h"
#include "tap.h"

#define MANY			2000
#define RESPONSE_LIMIT	65536

static char directory[] = "/tmp/http-client-test-XXXXXX";
static pid_t server;
static int	port;
static char base[64];
static HttpClient *client;

/*
 * Names
 */

static const char *volatile rebind_address = "127.0.0.1";
static volatile int rebind_lookups = 0;
static volatile bool slow_returned = false;
static volatile int unblocked_signals = -1;
static volatile int lookups_now = 0;
static volatile int lookups_most = 0;

static int
count_unblocked_signals(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGQUIT};
	sigset_t	mask;
	int			count = 0;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	for (int i = 0; i < lengthof(signals); i++)
		count += !sigismember(&mask, signals[i]);
	return count;
}

/* Stands before the C library's, also for libcurl. */
int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
			struct addrinfo **result)
{
	static int	(*real) (const char *, const char *, const struct addrinfo *, struct addrinfo **);
	static const struct
	{
		const char *name;
		const char *address;
	}			names[] = {
		{"local.test", "127.0.0.1"}, {"other.test", "127.0.0.1"},
		{"private.test", "10.0.0.1"}, {"metadata.test", "169.254.169.254"},
		{"mapped.test", "::ffff:127.0.0.1"}, {"unspecified.test", "0.0.0.0"},
		{"unique.test", "fd00::1"}, {"nat64.test", "64:ff9b::7f00:1"},
		{"signals.test", "127.0.0.1"},
	};

	if (real == NULL)
		*(void **) &real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (node == NULL)
		return real(node, service, hints, result);

	if (strcmp(node, "slow.test") == 0)
	{
		pause();				/* for ever: all signals are blocked */
		slow_returned = true;
		return EAI_FAIL;
	}
	if (strcmp(node, "signals.test") == 0)
		unblocked_signals = count_unblocked_signals();
	if (strcmp(node, "many.test") == 0)
	{
		int			now = __sync_add_and_fetch(&lookups_now, 1);
		int			code;

		if (now > lookups_most)
			lookups_most = now;
		code = real("127.0.0.1", service, hints, result);
		__sync_sub_and_fetch(&lookups_now, 1);
		return code;
	}
	if (strcmp(node, "mixed.test") == 0)
	{
		/* one address that is refused, and one that is not */
		int			code = real("10.0.0.1", service, hints, result);

		return code != 0 ? code : real("127.0.0.1", service, hints, &(*result)->ai_next);
	}
	if (strcmp(node, "rebind.test") == 0)
	{
		rebind_lookups++;
		return real(rebind_address, service, hints, result);
	}
	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(node, names[i].name) == 0)
			return real(names[i].address, service, hints, result);
	}
	if (strstr(node, ".test") != NULL)
		return EAI_NONAME;
	return real(node, service, hints, result);
}

/*
 * Servers
 */

static inline const char *
in_directory(const char *file)
{
	static char paths[4][256];
	static int	next = 0;
	char	   *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, file);
	return path;
}

/* Wait until the server has said, or left. */
static inline bool
wait_for_file(const char *path, pid_t pid)
{
	while (access(path, R_OK) != 0)
	{
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return false;
		poll(NULL, 0, 10);
	}
	return true;
}

static inline bool
start_hostile_server(void)
{
	FILE	   *file;
	const char *port_file = in_directory("port");

	server = fork();
	if (server == 0)
	{
		execlp("perl", "perl", TEST_DIR "/http/hostile_server.pl", "--port-file", port_file,
			   "--address", "127.0.0.1", "--address", "127.0.0.2", (char *) NULL);
		_exit(127);
	}
	if (!wait_for_file(port_file, server))
		return false;
	file = fopen(port_file, "r");
	if (file == NULL || fscanf(file, "%d", &port) != 1)
		return false;
	fclose(file);
	snprintf(base, sizeof(base), "http://127.0.0.1:%d", port);
	return true;
}

/*
 * Requests
 */

static HttpNetworks *
networks_of(const char *list)
{
	HttpNetworks *networks = malloc(http_networks_size(list));
	char		detail[128];

	if (!http_networks_parse(list, networks, detail, sizeof(detail)))
		abort();
	return networks;
}

static inline void
configure(const char *list, int per_host, size_t memory, const char *ca_file)
{
	HttpNetworks *networks = networks_of(list);
	HttpPolicy	policy = {.networks = networks, .ca_file = ca_file};
	HttpLimits	limits = {
		.max_in_flight = MANY, .max_in_flight_per_host = per_host,
		.max_held = MANY, .max_memory = memory
	};

	if (client == NULL)
		client = http_client_create(&limits, &policy);
	else if (!http_client_configure(client, &limits, &policy))
		abort();
	free(networks);
}

static inline void
allow(const char *list)
{
	configure(list, MANY, 256 * 1024 * 1024, NULL);
}

static inline HttpResponse *
wait_for_one(void)
{
	for (;;)
	{
		struct pollfd fd = {.fd = http_client_fd(client), .events = POLLIN};
		HttpResponse *response;

		http_client_perform(client);
		response = http_client_next_done(client);
		if (response != NULL)
			return response;
		if (http_client_pending(client) == 0)
			return NULL;
		poll(&fd, fd.fd >= 0 ? 1 : 0, http_client_timeout_ms(client));
	}
}

static inline HttpRequest
request_to(const char *url)
{
	HttpRequest request = {
		.method = "GET", .url = url,
		.connect_timeout_ms = 60000, .timeout_ms = 60000,
		.response_limit = RESPONSE_LIMIT
	};

	return request;
}

static inline HttpResponse *
send_request(const HttpRequest *request)
{
	http_client_add(client, request, NULL);
	return wait_for_one();
}

/* GET a path of the hostile server, or a whole URL. */
static inline HttpResponse *
get(const char *path)
{
	char		url[512];
	HttpRequest request;

	snprintf(url, sizeof(url), "%s%s", *path == '/' ? base : "", path);
	request = request_to(url);
	return send_request(&request);
}

/* A string of "{port}" in a URL. */
static inline const char *
with_port(const char *format)
{
	static char url[512];

	snprintf(url, sizeof(url), format, port);
	return url;
}

static inline bool
body_is(const HttpResponse *response, const char *expected)
{
	return response->body_length == strlen(expected) &&
		memcmp(response->body, expected, strlen(expected)) == 0;
}

static inline bool
body_contains(const HttpResponse *response, const char *text)
{
	return response->body_length > 0 &&
		memmem(response->body, response->body_length, text, strlen(text)) != NULL;
}

static inline void
expect_failure(const char *path, HttpFailure failure, const char *name)
{
	HttpResponse *response = get(path);

	is_string(http_failure_name(response->failure), http_failure_name(failure), name);
	if (response->failure != failure)
		fprintf(stderr, "# error: %s\n", response->error);
	http_client_release(client, response);
}

static inline void
expect_status(const char *path, int status, const char *name)
{
	HttpResponse *response = get(path);

	is_number(response->status, status, name);
	if (response->failure != HTTP_FAILURE_NONE)
		fprintf(stderr, "# error: %s\n", response->error);
	http_client_release(client, response);
}

/*
 * Start and end
 */

static inline void
set_up(void)
{
	struct rlimit files;

	/* the connections of both ends of 2,000 requests, in different processes */
	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < MANY + 200)
	{
		files.rlim_cur = Min(files.rlim_max, MANY + 200);
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (mkdtemp(directory) == NULL || http_client_init() != NULL)
		abort();
}

static inline void
clean_up(void)
{
	char		command[300];

	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	if (system(command) != 0)
		fprintf(stderr, "# could not remove %s\n", directory);
}

#endif							/* PG_SCHEDULER_HTTP_HARNESS_H */

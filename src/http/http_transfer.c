/*-------------------------------------------------------------------------
 *
 * http_transfer.c
 *	  One request on its way: sets up libcurl, and follows redirects.
 *
 * Redirects are followed here and not by libcurl, so that each hop passes the
 * same checks as the first, and secrets stay with the origin they were meant
 * for.
 *
 * The guard is asked twice.  Before a socket is connected, in
 * open_socket(): the address is then final.  And before each request is
 * written, in before_request(): a connection that was opened earlier, perhaps
 * when more was allowed, is judged again by the rules of now.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http_rules.h"
#include "http/http_transfer.h"

/* How long authorities are kept in memory; to read them takes some 10 ms. */
#define CA_CACHE_SECONDS	60L

/* Headers that never follow a redirect to another origin. */
static const char *const origin_headers[] = {
	"authorization", "cookie"
};

/* Headers that describe a body, and go with it. */
static const char *const body_headers[] = {
	"content-type", "content-encoding", "content-language", "content-location"
};

static bool
is_one_of(const char *name, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (pg_strcasecmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/*
 * Creation
 */

/* Copy "length" bytes and a NUL to *cursor, and move it. */
static char *
store(char **cursor, const char *data, size_t length)
{
	char	   *copy = *cursor;

	memcpy(copy, data, length);
	copy[length] = '\0';
	*cursor += length + 1;
	return copy;
}

/* A deep copy of the request, in one piece of memory. */
static bool
copy_request(HttpTransfer *transfer, const HttpRequest *request)
{
	HttpRequest *copy = &transfer->request;
	HttpHeader *headers;
	char	   *cursor;
	size_t		size = request->header_count * sizeof(HttpHeader);

	for (int i = 0; i < request->header_count; i++)
		size += strlen(request->headers[i].name) + strlen(request->headers[i].value) + 2;
	size += strlen(request->method) + strlen(request->url) + 2;
	size += request->body != NULL ? request->body_length + 1 : 0;

	transfer->storage = malloc(size);
	if (transfer->storage == NULL)
		return false;
	transfer->storage_size = size;
	http_memory_add(transfer->memory, size);

	*copy = *request;
	headers = (HttpHeader *) transfer->storage;
	cursor = transfer->storage + request->header_count * sizeof(HttpHeader);
	for (int i = 0; i < request->header_count; i++)
	{
		const HttpHeader *header = &request->headers[i];

		headers[i].name = store(&cursor, header->name, strlen(header->name));
		headers[i].value = store(&cursor, header->value, strlen(header->value));
		headers[i].secret = header->secret;
	}
	copy->headers = headers;
	copy->method = store(&cursor, request->method, strlen(request->method));
	copy->url = store(&cursor, request->url, strlen(request->url));
	if (request->body != NULL)
		copy->body = store(&cursor, request->body, request->body_length);
	return true;
}

HttpTransfer *
http_transfer_create(const HttpRequest *request, void *tag,
					 const HttpPolicy *policy, HttpMemory *memory)
{
	HttpTransfer *transfer = calloc(1, sizeof(HttpTransfer));
	const char *problem;

	if (transfer == NULL)
		return NULL;
	http_memory_add(memory, sizeof(HttpTransfer));
	transfer->policy = policy;
	transfer->memory = memory;
	transfer->response.tag = tag;
	transfer->response.total_size = -1;
	transfer->arrival.announced = -1;
	if (!copy_request(transfer, request))
	{
		http_transfer_free(transfer);
		return NULL;
	}
	transfer->method = transfer->request.method;
	transfer->body = transfer->request.body;

	problem = http_url_parse(transfer->request.url, &transfer->url);
	if (problem == NULL)
		problem = http_check_method(transfer->method);
	for (int i = 0; i < request->header_count && problem == NULL; i++)
		problem = http_check_header_value(request->headers[i].value);
	if (problem != NULL)
		http_transfer_fail(transfer, HTTP_FAILURE_BAD_URL, problem);
	return transfer;
}

void
http_transfer_free(HttpTransfer *transfer)
{
	HttpResponse *response = &transfer->response;

	if (transfer->easy != NULL)
		curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->header_list);
	http_arrival_reset(transfer);
	http_url_free(&transfer->url);
	free(response->final_url);
	free(response->headers);
	if (transfer->storage != NULL)
	{
		explicit_bzero(transfer->storage, transfer->storage_size);
		free(transfer->storage);
	}
	http_memory_add(transfer->memory,
					-(int64) (sizeof(HttpTransfer) + transfer->storage_size +
							  response->header_count * sizeof(HttpHeader)));
	free(transfer);
}

/*
 * Callbacks of libcurl
 */

static size_t
receive_header(char *line, size_t size, size_t count, void *user)
{
	return http_arrival_header(user, line, size * count);
}

static size_t
receive_body(char *data, size_t size, size_t count, void *user)
{
	return http_arrival_body(user, data, size * count);
}

static void
refuse(HttpTransfer *transfer, const char *address, HttpAddressClass address_class)
{
	transfer->arrival.refused = true;
	snprintf(transfer->arrival.refusal, sizeof(transfer->arrival.refusal),
			 "the address %s (%s) is not allowed", address,
			 http_guard_class_name(address_class));
}

/* Open the socket for an address that is about to be connected to. */
static curl_socket_t
open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
	HttpTransfer *transfer = user;
	HttpAddressClass address_class;
	char		text[INET6_ADDRSTRLEN] = "unknown";

	transfer->resolved(transfer);

	/* the administrator named the proxy: where it may be is not our question */
	if (transfer->policy->proxy == NULL &&
		!http_guard_allows(&address->addr, transfer->policy->networks, &address_class))
	{
		if (address->family == AF_INET)
			inet_ntop(AF_INET, &((struct sockaddr_in *) &address->addr)->sin_addr,
					  text, sizeof(text));
		else if (address->family == AF_INET6)
			inet_ntop(AF_INET6, &((struct sockaddr_in6 *) &address->addr)->sin6_addr,
					  text, sizeof(text));
		refuse(transfer, text, address_class);
		return CURL_SOCKET_BAD;
	}
	transfer->arrival.opened = true;
#ifdef SOCK_CLOEXEC
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
#else
	return socket(address->family, address->socktype, address->protocol);
#endif
}

/* A connection, new or reused, is ready for the request. */
static int
before_request(void *user, char *remote_address, char *local_address,
			   int remote_port, int local_port)
{
	HttpTransfer *transfer = user;
	HttpAddressClass address_class;

	transfer->resolved(transfer);
	if (transfer->policy->proxy == NULL &&
		!http_guard_allows_text(remote_address, transfer->policy->networks, &address_class))
	{
		refuse(transfer, remote_address, address_class);
		return CURL_PREREQFUNC_ABORT;
	}
	return CURL_PREREQFUNC_OK;
}

/*
 * Setting up a hop
 */

/* Append "name: value".  False: out of memory. */
static bool
append_header(HttpTransfer *transfer, const char *name, const char *value)
{
	struct curl_slist *list = NULL;
	size_t		size = strlen(name) + strlen(value) + 3;
	char	   *line = malloc(size);

	if (line != NULL)
	{
		/* libcurl wants a header without value to end in a semicolon */
		if (*value == '\0')
			snprintf(line, size, "%s;", name);
		else
			snprintf(line, size, "%s: %s", name, value);
		list = curl_slist_append(transfer->header_list, line);
		explicit_bzero(line, size);
		free(line);
	}
	if (list == NULL)
		return false;
	transfer->header_list = list;
	return true;
}

static bool
build_headers(HttpTransfer *transfer)
{
	bool		has_type = false;
	struct curl_slist *list;

	curl_slist_free_all(transfer->header_list);
	transfer->header_list = NULL;
	for (int i = 0; i < transfer->request.header_count; i++)
	{
		const HttpHeader *header = &transfer->request.headers[i];

		if (transfer->origin_left &&
			(header->secret || is_one_of(header->name, origin_headers, lengthof(origin_headers))))
			continue;
		if (transfer->body == NULL && transfer->request.body != NULL &&
			is_one_of(header->name, body_headers, lengthof(body_headers)))
			continue;
		has_type |= (pg_strcasecmp(header->name, "content-type") == 0);
		if (!append_header(transfer, header->name, header->value))
			return false;
	}

	/* what libcurl would add by itself: a form's type, and a round trip */
	list = curl_slist_append(transfer->header_list, "Expect:");
	if (list != NULL && !has_type)
		list = curl_slist_append(list, "Content-Type:");
	if (list == NULL)
		return false;
	transfer->header_list = list;
	return true;
}

static void
set_method(CURL *easy, const HttpTransfer *transfer)
{
	if (strcmp(transfer->method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else if (transfer->body != NULL || strcmp(transfer->method, "POST") == 0 ||
			 strcmp(transfer->method, "PUT") == 0 || strcmp(transfer->method, "PATCH") == 0)
	{
		/* these methods say Content-Length: 0 when there is no body */
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)
						 (transfer->body != NULL ? transfer->request.body_length : 0));
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
						 transfer->body != NULL ? transfer->body : "");
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, transfer->method);
	}
	else
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, transfer->method);
}

/* What is the same for every request, and safe. */
static void
set_common(CURL *easy)
{
	/* no signals; and never wait for a resolver thread that hangs */
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);

	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, HTTP_USER_AGENT);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);

	/* a body is kept as it came: a small one cannot become a large one */
	curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);

	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
}

/*
 * The empty strings keep libcurl from looking into the environment.  Left to
 * itself, it would trust authorities for a day after their file has changed.
 */
static void
set_policy(CURL *easy, const HttpPolicy *policy)
{
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, CA_CACHE_SECONDS);
	curl_easy_setopt(easy, CURLOPT_PROXY, policy->proxy != NULL ? policy->proxy : "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, policy->proxy != NULL ? "" : "*");
	if (policy->ca_file != NULL)
	{
		curl_easy_setopt(easy, CURLOPT_CAINFO, policy->ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
}

/*
 * What is left of the time for the whole request, in milliseconds; 0 when there
 * is no limit.  False: nothing is left.
 */
static bool
remaining_ms(const HttpTransfer *transfer, long *remaining)
{
	*remaining = 0;
	if (transfer->request.timeout_ms == 0)
		return true;
	*remaining = transfer->request.timeout_ms - (long) (transfer->response.total_us / 1000);
	return *remaining > 0;
}

/* A literal address is judged here when a proxy will connect to it. */
static bool
literal_refused(HttpTransfer *transfer)
{
	HttpAddressClass address_class;

	if (transfer->policy->proxy == NULL || !http_guard_is_literal(transfer->url.host) ||
		http_guard_allows_text(transfer->url.host, transfer->policy->networks, &address_class))
		return false;
	refuse(transfer, transfer->url.host, address_class);
	http_transfer_fail(transfer, HTTP_FAILURE_REFUSED_ADDRESS, transfer->arrival.refusal);
	return true;
}

bool
http_transfer_prepare(HttpTransfer *transfer, CURLSH *share)
{
	CURL	   *easy;
	long		timeout;
	long		connect_timeout = transfer->request.connect_timeout_ms;

	if (literal_refused(transfer))
		return false;
	if (!remaining_ms(transfer, &timeout))
	{
		http_transfer_fail(transfer, HTTP_FAILURE_TIMEOUT, "the redirects took too long");
		return false;
	}
	if (transfer->easy == NULL)
		transfer->easy = curl_easy_init();
	else
		curl_easy_reset(transfer->easy);
	easy = transfer->easy;
	if (easy == NULL || !build_headers(transfer))
	{
		http_transfer_fail(transfer, HTTP_FAILURE_MEMORY, "out of memory");
		return false;
	}

	set_common(easy);
	set_policy(easy, transfer->policy);
	set_method(easy, transfer);
	curl_easy_setopt(easy, CURLOPT_URL, transfer->url.url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->header_list);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
					 timeout > 0 ? Min(timeout, connect_timeout) : connect_timeout);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, transfer->fresh ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_SHARE, share);

	transfer->error_buffer[0] = '\0';
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error_buffer);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, receive_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	return true;
}

/*
 * The end of a hop
 */

static int64
get_time(CURL *easy, CURLINFO what)
{
	curl_off_t	microseconds = 0;

	curl_easy_getinfo(easy, what, &microseconds);
	return microseconds;
}

static long
get_number(CURL *easy, CURLINFO what)
{
	long		number = 0;

	curl_easy_getinfo(easy, what, &number);
	return number;
}

/* What libcurl knows about the hop. */
static void
read_info(HttpTransfer *transfer)
{
	static const struct
	{
		long		curl;
		int			version;
	}			versions[] = {
		{CURL_HTTP_VERSION_1_0, 10}, {CURL_HTTP_VERSION_1_1, 11},
		{CURL_HTTP_VERSION_2_0, 20}, {CURL_HTTP_VERSION_3, 30}
	};
	HttpResponse *response = &transfer->response;
	CURL	   *easy = transfer->easy;
	long		version = get_number(easy, CURLINFO_HTTP_VERSION);
	char	   *address = NULL;

	response->status = (int) get_number(easy, CURLINFO_RESPONSE_CODE);
	response->http_version = 0;
	for (int i = 0; i < lengthof(versions); i++)
	{
		if (versions[i].curl == version)
			response->http_version = versions[i].version;
	}
	if (curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address) == CURLE_OK && address != NULL)
		strlcpy(response->remote_address, address, sizeof(response->remote_address));
	response->remote_port = (int) get_number(easy, CURLINFO_PRIMARY_PORT);
	response->name_lookup_us = get_time(easy, CURLINFO_NAMELOOKUP_TIME_T);
	response->connect_us = get_time(easy, CURLINFO_CONNECT_TIME_T);
	response->tls_us = get_time(easy, CURLINFO_APPCONNECT_TIME_T);
	response->first_byte_us = get_time(easy, CURLINFO_STARTTRANSFER_TIME_T);
	response->total_us += get_time(easy, CURLINFO_TOTAL_TIME_T);
	response->reused_connection = (response->status != 0 &&
								   get_number(easy, CURLINFO_NUM_CONNECTS) == 0);
}

static HttpFailure
failure_of(const HttpTransfer *transfer, CURLcode code)
{
	const HttpArrival *arrival = &transfer->arrival;

	if (arrival->headers_too_large)
		return HTTP_FAILURE_HEADERS;
	if (arrival->out_of_memory)
		return HTTP_FAILURE_MEMORY;

	switch (code)
	{
		case CURLE_COULDNT_CONNECT:
			/* a name may have both kinds of addresses */
			return arrival->refused && !arrival->opened ?
				HTTP_FAILURE_REFUSED_ADDRESS : HTTP_FAILURE_CONNECT;
		case CURLE_ABORTED_BY_CALLBACK:
			return HTTP_FAILURE_REFUSED_ADDRESS;
		case CURLE_URL_MALFORMAT:
			return HTTP_FAILURE_BAD_URL;
		case CURLE_COULDNT_RESOLVE_HOST:
		case CURLE_COULDNT_RESOLVE_PROXY:
			return HTTP_FAILURE_RESOLVE;
		case CURLE_OPERATION_TIMEDOUT:
			return HTTP_FAILURE_TIMEOUT;
		case CURLE_OUT_OF_MEMORY:
			return HTTP_FAILURE_MEMORY;
		case CURLE_SSL_CONNECT_ERROR:
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_SSL_CERTPROBLEM:
		case CURLE_SSL_CIPHER:
		case CURLE_SSL_CACERT_BADFILE:
		case CURLE_SSL_ISSUER_ERROR:
		case CURLE_SSL_ENGINE_INITFAILED:
			return HTTP_FAILURE_TLS;
		default:
			return HTTP_FAILURE_TRANSFER;
	}
}

static void
fail_with_code(HttpTransfer *transfer, CURLcode code)
{
	HttpFailure failure = failure_of(transfer, code);

	if (failure == HTTP_FAILURE_REFUSED_ADDRESS && transfer->arrival.refused)
		http_transfer_fail(transfer, failure, transfer->arrival.refusal);
	else if (failure == HTTP_FAILURE_HEADERS)
		http_transfer_fail(transfer, failure, "the headers of the response are too large");
	else
		http_transfer_fail(transfer, failure,
						   transfer->error_buffer[0] != '\0' ?
						   transfer->error_buffer : curl_easy_strerror(code));
}

void
http_transfer_fail(HttpTransfer *transfer, HttpFailure failure, const char *error)
{
	HttpResponse *response = &transfer->response;

	response->failure = failure;
	strlcpy(response->error, error, sizeof(response->error));
	if (transfer->url.url != NULL && response->final_url == NULL)
		response->final_url = strdup(transfer->url.url);
	http_response_complete(transfer);
}

/* The method and body of the next hop (RFC 9110, 15.4). */
static void
rewrite_method(HttpTransfer *transfer, int status)
{
	bool		to_get;

	to_get = (status == 303 && strcmp(transfer->method, "HEAD") != 0) ||
		((status == 301 || status == 302) && strcmp(transfer->method, "POST") == 0);
	if (to_get)
	{
		transfer->method = "GET";
		transfer->body = NULL;
	}
}

/* Move on to where a redirect points.  False: it must not be followed. */
static bool
follow_redirect(HttpTransfer *transfer, const char *target)
{
	HttpResponse *response = &transfer->response;
	HttpUrl		next;
	const char *problem;

	if (response->redirect_count >= transfer->request.max_redirects)
	{
		http_transfer_fail(transfer, HTTP_FAILURE_REDIRECT, "too many redirects");
		return false;
	}
	problem = http_url_parse(target, &next);
	if (problem != NULL)
	{
		char		error[HTTP_ERROR_SIZE];

		snprintf(error, sizeof(error), "the redirect has an invalid target: %s", problem);
		http_transfer_fail(transfer, HTTP_FAILURE_REDIRECT, error);
		return false;
	}
	if (transfer->url.tls && !next.tls)
	{
		http_url_free(&next);
		http_transfer_fail(transfer, HTTP_FAILURE_REDIRECT,
						   "the redirect leads from https to http");
		return false;
	}

	/* once away, a redirect back does not bring the secrets along */
	if (!http_url_same_origin(&transfer->url, &next))
		transfer->origin_left = true;
	rewrite_method(transfer, response->status);
	http_url_free(&transfer->url);
	transfer->url = next;
	transfer->fresh = false;
	response->redirect_count++;
	http_arrival_reset(transfer);
	return true;
}

/*
 * A server may answer before it has read the whole request, and then reset
 * the stream of HTTP/2: the answer counts if it is complete (RFC 9113, 8.1).
 */
static bool
is_complete_despite_reset(const HttpTransfer *transfer, CURLcode code)
{
	curl_off_t	announced = -1;

	if (code != CURLE_HTTP2_STREAM || transfer->response.status < 200)
		return false;
	curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
	return announced == transfer->arrival.body_bytes;
}

bool
http_transfer_hop_done(HttpTransfer *transfer, CURLcode code)
{
	HttpResponse *response = &transfer->response;
	char	   *target = NULL;

	read_info(transfer);

	/*
	 * A connection from before the rules changed says nothing about where the
	 * name leads now.
	 */
	if (code == CURLE_ABORTED_BY_CALLBACK && transfer->arrival.refused && !transfer->fresh)
	{
		transfer->fresh = true;
		http_arrival_reset(transfer);
		return true;
	}
	if (code != CURLE_OK && !transfer->arrival.cut_off &&
		!is_complete_despite_reset(transfer, code))
	{
		fail_with_code(transfer, code);
		return false;
	}

	if (transfer->request.max_redirects > 0 &&
		curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &target) == CURLE_OK &&
		target != NULL && response->status != 300 && response->status != 304 &&
		response->status != 305)
		return follow_redirect(transfer, target);

	response->final_url = strdup(transfer->url.url);
	http_response_complete(transfer);
	return false;
}

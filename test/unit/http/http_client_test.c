/*-------------------------------------------------------------------------
 *
 * http_client_test.c
 *	  The HTTP client against a server that behaves badly.
 *
 * No test depends on how long something takes; where a timeout is short, the
 * server never answers at all.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "http_harness.h"

/*
 * Tests
 */

static void
test_plain(void)
{
	HttpResponse *response = get("/echo");
	HttpHeader	headers[] = {{"X-Empty", "", false}, {"X-Two", "1", false}, {"X-Two", "2", false}};
	HttpRequest request;
	char		url[128];

	is_number(response->status, 200, "a request succeeds");
	ok(body_contains(response, "GET /echo HTTP/1.1\r\n"), "it was a GET");
	ok(body_contains(response, "User-Agent: pg_scheduler/1.0\r\n"), "User-Agent is ours");
	ok(!body_contains(response, "Accept-Encoding"), "no compression is asked for");
	is_string(response->remote_address, "127.0.0.1", "remote address");
	is_number(response->remote_port, port, "remote port");
	is_number(response->http_version, 11, "HTTP version");
	is_string(http_response_header(response, "CONTENT-type"), "text/plain", "a header");
	ok(response->total_us > 0 && response->first_byte_us <= response->total_us, "times are set");
	ok(response->total_size == response->body_length && !response->truncated, "its size");
	http_client_release(client, response);

	snprintf(url, sizeof(url), "%s/echo", base);
	request = request_to(url);
	request.method = "PUT";
	request.headers = headers;
	request.header_count = 3;
	request.body = "a\0b";
	request.body_length = 3;
	response = send_request(&request);
	ok(body_contains(response, "PUT /echo HTTP/1.1\r\n"), "PUT");
	ok(body_contains(response, "Content-Length: 3\r\n"), "with a length");
	ok(response->body_length > 3 &&
	   memcmp(response->body + response->body_length - 3, "a\0b", 3) == 0, "and a body of any bytes");
	ok(body_contains(response, "X-Empty:\r\n"), "an empty header is sent");
	ok(body_contains(response, "X-Two: 1\r\nX-Two: 2\r\n"), "a repeated header is sent");
	ok(!body_contains(response, "Content-Type") && !body_contains(response, "Expect"),
	   "nothing is added");
	http_client_release(client, response);

	request = request_to(url);
	request.method = "DELETE";
	response = send_request(&request);
	ok(body_contains(response, "DELETE /echo HTTP/1.1\r\n"), "DELETE");
	http_client_release(client, response);

	request.method = "POST";
	response = send_request(&request);
	ok(body_contains(response, "POST /echo") && body_contains(response, "Content-Length: 0\r\n"),
	   "POST without a body");
	http_client_release(client, response);

	request.method = "HEAD";
	response = send_request(&request);
	ok(response->status == 200 && response->body_length == 0, "HEAD");
	http_client_release(client, response);

	snprintf(url, sizeof(url), "%s/redirects/1", base);
	request = request_to(url);
	request.max_redirects = 1;
	request.timeout_ms = 0;
	response = send_request(&request);
	is_number(response->status, 200, "without a limit in time");
	http_client_release(client, response);

	response = get("/dup-headers");
	ok(response->header_count == 6 &&
	   strcmp(response->headers[0].value, "one") == 0 &&
	   strcmp(response->headers[1].value, "two") == 0 &&
	   strcmp(response->headers[2].value, "three") == 0 &&
	   strcmp(response->headers[4].value, "b=2") == 0, "order and repeats of headers are kept");
	http_client_release(client, response);

	response = get("/retry-after?v=soon");
	is_number(response->status, 503, "a status is no failure here");
	is_string(http_response_header(response, "retry-after"), "soon", "Retry-After is kept");
	http_client_release(client, response);
}

static void
test_hostile(void)
{
	HttpResponse *response;
	HttpRequest request;
	char		url[128];

	snprintf(url, sizeof(url), "%s/hang", base);
	request = request_to(url);
	request.timeout_ms = 200;
	response = send_request(&request);
	is_number(response->failure, HTTP_FAILURE_TIMEOUT, "no answer");
	is_number(response->status, 0, "has no status");
	ok(response->error[0] != '\0', "but an error: %s", response->error);
	http_client_release(client, response);

	request.url = with_port("https://127.0.0.1:%d/");
	response = send_request(&request);
	is_number(response->failure, HTTP_FAILURE_TIMEOUT, "no handshake");
	http_client_release(client, response);

	request.url = url;
	snprintf(url, sizeof(url), "%s/drip", base);
	request.timeout_ms = 1500;
	response = send_request(&request);
	is_number(response->failure, HTTP_FAILURE_TIMEOUT, "one byte a second");
	is_number(response->status, 200, "has a status");
	ok(response->body_length >= 1, "and the body so far");
	http_client_release(client, response);

	expect_failure("/endless-headers", HTTP_FAILURE_HEADERS, "endless headers");
	expect_failure("/endless-100", HTTP_FAILURE_HEADERS, "endless interim answers");

	response = get("/big");
	ok(response->failure == HTTP_FAILURE_NONE && response->status == 200, "2 GB are an answer");
	is_number(response->body_length, RESPONSE_LIMIT, "of which the first part is kept");
	ok(response->truncated, "and called truncated");
	is_number(response->total_size, INT64CONST(2147483648), "the size is known");
	http_client_release(client, response);

	response = get("/big-chunked");
	ok(response->status == 200 && response->truncated &&
	   response->body_length == RESPONSE_LIMIT, "2 GB without a length");
	is_number(response->total_size, -1, "have no known size");
	http_client_release(client, response);

	response = get("/big?bytes=100000");
	ok(response->truncated && response->total_size == 100000, "somewhat too large");
	http_client_release(client, response);
	response = get("/big?bytes=65536");
	ok(!response->truncated && response->body_length == 65536, "exactly large enough");
	ok(response->reused_connection, "and what was too large left a connection");
	http_client_release(client, response);

	response = get("/gzip-bomb");
	ok(response->status == 200 && response->body_length < 20000 &&
	   response->body_length == response->total_size, "a bomb is kept as it came");
	http_client_release(client, response);

	expect_failure("/wrong-length", HTTP_FAILURE_TRANSFER, "a body shorter than announced");
	expect_failure("/bad-chunks", HTTP_FAILURE_TRANSFER, "bad chunks");
	expect_failure("/reset-request", HTTP_FAILURE_TRANSFER, "a reset instead of an answer");
	expect_failure("/reset-headers", HTTP_FAILURE_TRANSFER, "a reset within the headers");
	expect_failure("/reset-body", HTTP_FAILURE_TRANSFER, "a reset within the body");
	expect_failure("/close-request", HTTP_FAILURE_TRANSFER, "an end instead of an answer");
	expect_failure("/garbage", HTTP_FAILURE_TRANSFER, "an answer that is not HTTP");
	expect_failure("http://127.0.0.1:1/", HTTP_FAILURE_CONNECT, "nobody listens");
	expect_failure("http://nowhere.test/", HTTP_FAILURE_RESOLVE, "an unknown name");
	expect_failure("gopher://127.0.0.1/", HTTP_FAILURE_BAD_URL, "another scheme");

	response = get("/invalid-utf8");
	ok(body_is(response, "\xff\xfe\x80"), "any bytes");
	is_string(http_response_header(response, "X-Bad"), "\xff\xfe", "also in a header");
	http_client_release(client, response);
	response = get("/nul");
	ok(response->body_length == 3 && memcmp(response->body, "a\0b", 3) == 0, "NUL in a body");
	http_client_release(client, response);

	response = get("/100-continue");
	ok(response->status == 200 && body_is(response, "ok"), "interim answers are passed over");
	ok(http_response_header(response, "X-Interim") == NULL &&
	   http_response_header(response, "X-Trailer") == NULL &&
	   http_response_header(response, "X-Final") != NULL, "with their headers, and trailers");
	http_client_release(client, response);

	response = get("/204-body");
	ok(response->status == 204 && response->body_length == 0, "204 has no body");
	http_client_release(client, response);
	expect_status("/status/200", 200, "and the next request is not harmed by it");
	expect_status("/no-reuse", 200, "a connection that breaks after an answer");
	expect_status("/status/404", 404, "does not harm the next one");

	response = get("/http10");
	ok(response->http_version == 10 && body_is(response, "old"), "HTTP/1.0");
	http_client_release(client, response);
}

static void
test_redirects(void)
{
	static const struct
	{
		int			code;
		const char *method;
		const char *expected;
	}			methods[] = {
		{301, "POST", "GET"}, {302, "POST", "GET"}, {303, "POST", "GET"},
		{307, "POST", "POST"}, {308, "POST", "POST"}, {303, "PUT", "GET"},
		{301, "PUT", "PUT"}, {302, "DELETE", "DELETE"},
	};
	HttpHeader	headers[] = {
		{"Authorization", "Bearer plain", false}, {"X-Secret", "hidden-value", true},
		{"X-Other", "stays", false}, {"Content-Type", "text/x-test", false}
	};
	HttpResponse *response;
	HttpRequest request;
	char		url[512];

	expect_status("/redirects/2", 302, "a redirect is not followed by default");

	snprintf(url, sizeof(url), "%s/redirects/3", base);
	request = request_to(url);
	request.max_redirects = 3;
	response = send_request(&request);
	ok(response->status == 200 && response->redirect_count == 3, "it is when asked for");
	ok(strstr(response->final_url, "/echo") != NULL, "the final URL is kept");
	http_client_release(client, response);
	request.max_redirects = 2;
	response = send_request(&request);
	is_number(response->failure, HTTP_FAILURE_REDIRECT, "one too many");
	is_number(response->status, 302, "keeps the last status");
	http_client_release(client, response);

	snprintf(url, sizeof(url), "%s/redirect-loop", base);
	request.max_redirects = 10;
	response = send_request(&request);
	is_number(response->failure, HTTP_FAILURE_REDIRECT, "a loop");
	http_client_release(client, response);

	for (int i = 0; i < lengthof(methods); i++)
	{
		char		expected[64];

		snprintf(url, sizeof(url), "%s/redirect-to?u=/echo&code=%d", base, methods[i].code);
		request = request_to(url);
		request.max_redirects = 1;
		request.method = methods[i].method;
		request.headers = headers;
		request.header_count = lengthof(headers);
		request.body = "content";
		request.body_length = 7;
		response = send_request(&request);
		snprintf(expected, sizeof(expected), "%s /echo ", methods[i].expected);
		ok(body_contains(response, expected), "%s becomes %s after %d",
		   methods[i].method, methods[i].expected, methods[i].code);
		ok(body_contains(response, "content") == (strcmp(methods[i].expected, "GET") != 0) &&
		   body_contains(response, "text/x-test") == (strcmp(methods[i].expected, "GET") != 0),
		   "with its body and type, or without");
		ok(body_contains(response, "Bearer plain") && body_contains(response, "X-Secret: ****"),
		   "secrets stay on the same origin");
		http_client_release(client, response);
	}

	/* another host, which is the same server */
	snprintf(url, sizeof(url), "%s/redirect-to?u=http://other.test:%d/echo", base, port);
	request.method = "GET";
	request.body = NULL;
	response = send_request(&request);
	ok(response->status == 200 && body_contains(response, "X-Other: stays"), "to another host");
	ok(!body_contains(response, "Authorization") && !body_contains(response, "X-Secret"),
	   "go no secrets");
	http_client_release(client, response);

	snprintf(url, sizeof(url),
			 "%s/redirect-to?u=http://other.test:%d/redirect-to%%3Fu=%s/echo", base, port, base);
	request.max_redirects = 5;
	response = send_request(&request);
	ok(response->status == 200 && response->redirect_count == 2, "there and back");
	ok(!body_contains(response, "Authorization") && !body_contains(response, "X-Secret"),
	   "they do not come back either");
	http_client_release(client, response);

	snprintf(url, sizeof(url), "%s/redirect-to?u=file:///etc/passwd", base);
	response = send_request(&request);
	is_number(response->failure, HTTP_FAILURE_REDIRECT, "to another scheme");
	http_client_release(client, response);
	snprintf(url, sizeof(url), "%s/redirect-to?u=http://10.0.0.1/", base);
	response = send_request(&request);
	is_number(response->failure, HTTP_FAILURE_REFUSED_ADDRESS, "to a private address");
	http_client_release(client, response);
	snprintf(url, sizeof(url), "%s/redirect-to?u=http://metadata.test/", base);
	response = send_request(&request);
	is_number(response->failure, HTTP_FAILURE_REFUSED_ADDRESS, "to a name of one");
	http_client_release(client, response);
}

/* The whole table of ways to write an address is in test/t/024_http_guard.pl. */
static void
test_guard(void)
{
	static const char *const refused[] = {
		"http://127.0.0.1:%d/", "http://localhost:%d/", "http://127.1:%d/",
		"http://2130706433:%d/", "http://0x7f000001:%d/", "http://017700000001:%d/",
		"http://0x7f.0.0.1:%d/", "http://0177.0.0.1:%d/", "http://[::1]:%d/",
		"http://[::ffff:127.0.0.1]:%d/", "http://[::ffff:7f00:1]:%d/", "http://[::127.0.0.1]:%d/",
		"http://[64:ff9b::127.0.0.1]:%d/", "http://[64:ff9b:1::1]:%d/", "http://[2002:7f00:1::]:%d/",
		"http://0:%d/", "http://0.0.0.0:%d/", "http://[::]:%d/", "http://10.1.2.3:%d/",
		"http://192.168.0.1:%d/", "http://172.16.0.1:%d/", "http://169.254.169.254:%d/",
		"http://100.64.0.1:%d/", "http://224.0.0.1:%d/", "http://255.255.255.255:%d/",
		"http://[fe80::1]:%d/", "http://[fd00::1]:%d/", "http://[ff02::1]:%d/",
		"http://local.test:%d/", "http://private.test:%d/", "http://metadata.test:%d/",
		"http://mapped.test:%d/", "http://unspecified.test:%d/", "http://unique.test:%d/",
		"http://nat64.test:%d/", "http://127%%2e0%%2e0%%2e1:%d/",
	};
	HttpResponse *response;
	HttpRequest request;
	int			lookups;

	allow("");
	for (int i = 0; i < lengthof(refused); i++)
	{
		response = get(with_port(refused[i]));
		if (!ok(response->failure == HTTP_FAILURE_REFUSED_ADDRESS, "%s is refused", refused[i]))
			fprintf(stderr, "# %s: %s\n", http_failure_name(response->failure), response->error);
		http_client_release(client, response);
	}
	response = get(with_port("http://local.test:%d/"));
	is_string(response->error, "the address 127.0.0.1 (loopback) is not allowed", "the error says why");
	http_client_release(client, response);

	allow("127.0.0.1/32");
	response = get(with_port("http://mapped.test:%d/"));
	ok(response->failure != HTTP_FAILURE_REFUSED_ADDRESS, "an allowed address may be mapped");
	http_client_release(client, response);

	expect_status(with_port("http://mixed.test:%d/"), 200,
				  "of several addresses, one that is allowed is used");

	/* a connection that was allowed when it was opened */
	response = get("/status/200");
	http_client_release(client, response);
	response = get("/status/200");
	ok(response->reused_connection, "a connection is reused");
	http_client_release(client, response);
	allow("");
	expect_failure("/status/200", HTTP_FAILURE_REFUSED_ADDRESS,
				   "but not when its address is no longer allowed");

	/* a name that leads elsewhere later; each time it may be looked up by family */
	allow("127.0.0.1/32");
	request = request_to(with_port("http://rebind.test:%d/close-request"));
	response = send_request(&request);
	is_number(response->failure, HTTP_FAILURE_TRANSFER, "a name is allowed at first");
	http_client_release(client, response);
	http_client_destroy(client);
	client = NULL;
	allow("127.0.0.1/32");
	lookups = rebind_lookups;
	rebind_address = "127.0.0.2";
	expect_failure(with_port("http://rebind.test:%d/"), HTTP_FAILURE_REFUSED_ADDRESS,
				   "and refused when it leads to another address");
	ok(lookups > 0 && rebind_lookups > lookups, "it was looked up twice");
	allow("127.0.0.0/8");
}

static void
test_secrets(void)
{
	HttpHeader	headers[] = {{"Authorization", "Bearer s3cr3t-token", true}, {"X-Key", "k3y", true}};
	HttpResponse *response;
	HttpRequest request;
	char		url[128];

	snprintf(url, sizeof(url), "%s/echo", base);
	request = request_to(url);
	request.headers = headers;
	request.header_count = 2;
	response = send_request(&request);
	ok(body_contains(response, "Authorization: *******************\r\n"),
	   "a secret that comes back is masked");
	ok(body_contains(response, "X-Key: k3y"), "unless it is too short to tell");
	http_client_release(client, response);

	/* the answer ends within the secret */
	for (size_t limit = 1; limit < 250; limit++)
	{
		request.response_limit = limit;
		response = send_request(&request);
		if (body_contains(response, "s3cr"))
			ok(false, "no part of a secret at the end of %zu bytes", limit);
		http_client_release(client, response);
	}
	ok(true, "also at the end of a body cut short");

	/* the connection ends within the secret: the body is "short" */
	headers[0].value = "Bearer shortened-token";
	request.response_limit = 1024;
	snprintf(url, sizeof(url), "%s/wrong-length", base);
	response = send_request(&request);
	ok(body_contains(response, "*****"), "and of one that did not come in full");
	http_client_release(client, response);
}

static void
test_environment(void)
{
	HttpResponse *response;

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("all_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	expect_status("/status/200", 200, "proxies of the environment are ignored");

	/* the hostile server as a proxy: it answers for anybody */
	{
		HttpPolicy	policy = {.proxy = base};
		HttpLimits	limits = {.max_in_flight = 10, .max_in_flight_per_host = 10,
		.max_memory = 1024 * 1024};

		setenv("no_proxy", "*", 1);
		http_client_configure(client, &limits, &policy);
		response = get("http://www.example.com/status/202");
		is_number(response->status, 202, "a proxy by setting is used");
		http_client_release(client, response);
		expect_failure("http://127.0.0.1/", HTTP_FAILURE_REFUSED_ADDRESS,
					   "but not for an address that is refused");
		expect_failure("http://0X7F000001/", HTTP_FAILURE_REFUSED_ADDRESS,
					   "nor in a form that libcurl may leave to the proxy");
		expect_failure("http://127.0.0.1./", HTTP_FAILURE_REFUSED_ADDRESS,
					   "nor with a dot at the end");
	}
	allow("127.0.0.0/8");
}

static void
test_signals(void)
{
	HttpResponse *response;
	HttpRequest request = request_to("http://slow.test/");

	response = get(with_port("http://signals.test:%d/"));
	is_number(response->status, 200, "a name is resolved");
	is_number(unblocked_signals, 0, "in a thread that takes no signals");
	http_client_release(client, response);
	is_number(count_unblocked_signals(), 7, "while the process does");

	request.timeout_ms = 100;
	response = send_request(&request);
	is_number(response->failure, HTTP_FAILURE_TIMEOUT, "a resolver that hangs");
	ok(!slow_returned, "is not waited for");
	http_client_release(client, response);

	request.timeout_ms = 60000;
	http_client_add(client, &request, NULL);
	http_client_perform(client);
	http_client_perform(client);
	http_client_destroy(client);
	client = NULL;
	ok(!slow_returned, "nor when the client ends");
	allow("127.0.0.0/8");
}

static void
test_verdicts(void)
{
	static const struct
	{
		const char *path;
		bool		succeeded;
		bool		retryable;
		int			retry_after;
	}			cases[] = {
		{"/status/200", true, false, -1}, {"/status/304", true, false, -1},
		{"/status/404", false, false, -1}, {"/status/503", false, true, -1},
		{"/status/302", false, false, -1},
		{"/retry-after?v=7&code=429", false, true, 7},
		{"/retry-after?v=31536000&code=503", false, true, 3600},
		{"/retry-after?v=-1&code=503", false, true, -1},
		{"/retry-after?v=soon&code=503", false, true, -1},
		{"/retry-after?v=7&code=404", false, false, -1},
		{"/retry-after?v=7&code=200", true, false, -1},
		{"/reset-body", false, true, -1}, {"/endless-headers", false, false, -1},
		{"http://10.0.0.1/", false, false, -1}, {"http://nowhere.test/", false, true, -1},
	};
	HttpStatusSet codes;
	int			position;

	http_status_set_parse("200-299,304", &codes, &position);
	for (int i = 0; i < lengthof(cases); i++)
	{
		HttpResponse *response = get(cases[i].path);
		HttpVerdict verdict = http_response_judge(response, &codes, INT64CONST(1700000000), 3600);

		ok(verdict.succeeded == cases[i].succeeded && verdict.retryable == cases[i].retryable &&
		   verdict.retry_after == cases[i].retry_after, "the verdict on %s", cases[i].path);
		http_client_release(client, response);
	}
}

static void
test_limits(void)
{
	HttpTransfer *transfers[20];
	HttpResponse *response;
	HttpRequest request;
	char		url[128];
	int			done = 0;
	int			most = 0;

	/* a host that is busy, and another one */
	configure("127.0.0.0/8", 3, 256 * 1024 * 1024, NULL);
	snprintf(url, sizeof(url), "%s/hang", base);
	request = request_to(url);
	for (int i = 0; i < 20; i++)
		transfers[i] = http_client_add(client, &request, &transfers[i]);
	http_client_perform(client);
	is_number(http_client_in_flight(client), 3, "no more than the limit of a host");
	is_number(http_client_pending(client), 20, "the others wait");
	request.url = with_port("http://other.test:%d/status/200");
	http_client_add(client, &request, NULL);
	response = wait_for_one();
	is_number(response->status, 200, "another host is not held up");
	http_client_release(client, response);
	for (int i = 19; i >= 0; i--)
		http_client_cancel(client, transfers[i]);
	for (int i = 0; i < 20; i++)
	{
		response = http_client_next_done(client);
		done += (response != NULL && response->failure == HTTP_FAILURE_CANCELLED &&
				 response->tag == &transfers[19 - i]);
		http_client_release(client, response);
	}
	is_number(done, 20, "each is cancelled once");
	is_number(http_client_pending(client), 0, "nothing is left");

	/* those that wait move up */
	snprintf(url, sizeof(url), "%s/delay?ms=5", base);
	request.url = url;
	for (int i = 0; i < 20; i++)
		http_client_add(client, &request, NULL);
	for (done = 0; done < 20; done++)
	{
		response = wait_for_one();
		most = Max(most, http_client_in_flight(client));
		if (response == NULL || response->status != 200)
			break;
		http_client_release(client, response);
	}
	is_number(done, 20, "all that waited have their turn");
	ok(most <= 3, "within the limit");

	/* a limit for all answers together */
	configure("127.0.0.0/8", MANY, 200000, NULL);
	snprintf(url, sizeof(url), "%s/big?bytes=60000", base);
	for (int i = 0; i < 10; i++)
		http_client_add(client, &request, NULL);
	while (http_client_pending(client) > 0)
	{
		struct pollfd fd = {.fd = http_client_fd(client), .events = POLLIN};
		long		timeout = http_client_timeout_ms(client);

		/* answers are done, and not yet taken: do not spin */
		poll(&fd, fd.fd >= 0 ? 1 : 0, timeout == 0 ? 1 : timeout);
		http_client_perform(client);
	}
	ok(http_client_memory(client) < 2 * 200000 + 10 * 4096, "memory is limited: %zu",
	   http_client_memory(client));
	is_number(http_client_room(client), 0, "no more is taken");
	done = 0;
	while ((response = http_client_next_done(client)) != NULL)
	{
		done += response->truncated;
		http_client_release(client, response);
	}
	ok(done > 0, "what does not fit is cut short");
	is_number(http_client_memory(client), 0, "everything is given back");
	ok(http_client_room(client) > 0, "and room made");
	allow("127.0.0.0/8");
}

/* Bytes that malloc() has given out, or 0 where it does not tell. */
static size_t
bytes_in_use(void)
{
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
	return mallinfo2().uordblks;
#else
	return 0;
#endif
}

/* Many at once, none of which answers before all have been sent. */
static void
test_many(void)
{
	HttpRequest request;
	char		url[128];
	HttpResponse *response;
	int			succeeded;
	size_t		in_use[3];
	struct timespec before;
	struct timespec after;

	snprintf(url, sizeof(url), "%s/delay?ms=3000", base);
	request = request_to(url);
	for (int round = 0; round < 3; round++)
	{
		int			most = 0;

		for (int i = 0; i < MANY; i++)
			http_client_add(client, &request, NULL);
		succeeded = 0;
		while ((response = wait_for_one()) != NULL)
		{
			most = Max(most, http_client_in_flight(client));
			succeeded += (response->status == 200);
			http_client_release(client, response);
		}
		is_number(succeeded, MANY, "many at once succeed");
		in_use[round] = bytes_in_use();
		printf("# round %d: %d in flight at the first answer, %zu bytes in use at the end\n",
			   round + 1, most, in_use[round]);
		is_number(http_client_memory(client), 0, "nothing is held afterwards");
	}
	ok(in_use[2] <= in_use[1] + in_use[1] / 20, "memory is flat");

	/* by name: few threads resolve it */
	snprintf(url, sizeof(url), "http://many.test:%d/delay?ms=100", port);
	for (int i = 0; i < MANY; i++)
		http_client_add(client, &request, NULL);
	for (succeeded = 0; (response = wait_for_one()) != NULL;)
	{
		succeeded += (response->status == 200);
		http_client_release(client, response);
	}
	is_number(succeeded, MANY, "many at once by name");
	ok(lookups_most <= 8, "resolved by few threads");

	/* gone with everything in flight, and everything given back */
	snprintf(url, sizeof(url), "%s/hang", base);
	for (int i = 0; i < MANY; i++)
		http_client_add(client, &request, NULL);
	while (http_client_in_flight(client) < MANY)
		http_client_perform(client);
	clock_gettime(CLOCK_MONOTONIC, &before);
	http_client_destroy(client);
	clock_gettime(CLOCK_MONOTONIC, &after);
	printf("# %.1f ms to end %d requests\n",
		   (after.tv_sec - before.tv_sec) * 1e3 + (after.tv_nsec - before.tv_nsec) / 1e6, MANY);
	client = NULL;
	ok(true, "a client ends with requests in flight");
	allow("127.0.0.0/8");
}

int
main(void)
{
	set_up();
	if (!start_hostile_server())
	{
		printf("Bail out! the hostile server does not start\n");
		return 1;
	}
	allow("127.0.0.0/8");

	test_plain();
	test_hostile();
	test_redirects();
	test_guard();
	test_secrets();
	test_environment();
	test_signals();
	test_verdicts();
	test_limits();
	test_many();

	http_client_destroy(client);
	clean_up();
	return done_testing();
}

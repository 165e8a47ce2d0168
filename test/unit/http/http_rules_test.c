/*-------------------------------------------------------------------------
 *
 * http_rules_test.c
 *	  The pure parts of HTTP jobs: guard, rules, templates, signatures.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "http/http_guard.h"
#include "http/http_request.h"
#include "http/http_rules.h"
#include "http/http_sign.h"
#include "http/http_template.h"
#include "tap.h"

/* What palloc() gives is never freed here, as a memory context would. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:palloc\nleak:psprintf\nleak:pstrdup\nleak:initStringInfo\nleak:enlargeStringInfo\n";
}

static void
set_address(const char *text, struct sockaddr_storage *address)
{
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, &((struct sockaddr_in *) address)->sin_addr) == 1)
		address->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &((struct sockaddr_in6 *) address)->sin6_addr) == 1)
		address->ss_family = AF_INET6;
}

static void
test_classes(void)
{
	static const struct
	{
		const char *address;
		const char *class_name;
	}			cases[] = {
		{"1.1.1.1", "public"}, {"8.8.8.8", "public"}, {"100.63.255.255", "public"},
		{"100.128.0.0", "public"}, {"172.15.255.255", "public"}, {"172.32.0.0", "public"},
		{"192.0.1.1", "public"}, {"223.255.255.255", "public"}, {"11.0.0.0", "public"},
		{"126.255.255.255", "public"}, {"128.0.0.0", "public"}, {"198.20.0.0", "public"},
		{"127.0.0.1", "loopback"}, {"127.255.255.254", "loopback"},
		{"10.0.0.1", "private"}, {"10.255.255.255", "private"},
		{"172.16.0.1", "private"}, {"172.31.255.255", "private"}, {"192.168.1.1", "private"},
		{"169.254.169.254", "link-local"}, {"100.64.0.1", "carrier-grade NAT"},
		{"100.127.255.255", "carrier-grade NAT"}, {"0.0.0.0", "unspecified"},
		{"0.1.2.3", "unspecified"}, {"255.255.255.255", "broadcast"},
		{"224.0.0.1", "multicast"}, {"239.255.255.250", "multicast"},
		{"240.0.0.1", "reserved"}, {"192.0.0.192", "reserved"}, {"192.88.99.1", "reserved"},
		{"192.0.2.1", "documentation"}, {"198.51.100.1", "documentation"},
		{"203.0.113.9", "documentation"}, {"198.18.0.1", "benchmarking"},
		{"198.19.255.255", "benchmarking"}, {"168.63.129.16", "cloud platform"},
		{"2606:4700:4700::1111", "public"}, {"2a00:1450:4001::1", "public"},
		{"::1", "loopback"}, {"::", "unspecified"}, {"fe80::1", "link-local"},
		{"febf::1", "link-local"}, {"fec0::1", "private"}, {"fc00::1", "unique-local"},
		{"fd00:ec2::254", "unique-local"}, {"ff02::1", "multicast"},
		{"2001:db8::1", "documentation"}, {"3fff::1", "documentation"},
		{"2001:2::1", "benchmarking"}, {"2001:10::1", "reserved"}, {"2001:20::1", "reserved"},
		{"100::1", "reserved"}, {"5f00::1", "reserved"}, {"4000::1", "reserved"},
		{"::ffff:127.0.0.1", "loopback"}, {"::ffff:10.1.2.3", "private"},
		{"::ffff:169.254.169.254", "link-local"}, {"::ffff:8.8.8.8", "public"},
		{"::127.0.0.1", "loopback"}, {"::10.0.0.1", "private"}, {"::8.8.8.8", "reserved"},
		{"::ffff:0:127.0.0.1", "loopback"}, {"::ffff:0:8.8.8.8", "reserved"},
		{"64:ff9b::127.0.0.1", "loopback"}, {"64:ff9b::a00:1", "private"},
		{"64:ff9b::8.8.8.8", "public"}, {"64:ff9b:1::8.8.8.8", "local translation"},
		{"64:ff9b:1::10.0.0.1", "private"}, {"64:ff9b:2::1", "reserved"},
		{"2002:7f00:1::1", "loopback"}, {"2002:a00:1::", "private"},
		{"2002:c0a8:101::1", "private"}, {"2002:808:808::1", "public"},
		{"2001:0:a00:1::1", "private"},
		{"2001:0:808:808:0:0:f5ff:fffe", "private"},	/* client 10.0.0.1 */
		{"2001:0:808:808:0:0:f7f7:f7f7", "reserved"},
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		struct sockaddr_storage address;
		char		name[128];

		set_address(cases[i].address, &address);
		snprintf(name, sizeof(name), "%s is %s", cases[i].address, cases[i].class_name);
		is_string(http_guard_class_name(http_guard_classify((struct sockaddr *) &address)),
				  cases[i].class_name, name);
	}
}

static bool
allowed(const char *list, const char *address)
{
	HttpNetworks *networks = malloc(http_networks_size(list));
	HttpAddressClass address_class;
	char		detail[128];
	bool		result;

	result = http_networks_parse(list, networks, detail, sizeof(detail)) &&
		http_guard_allows_text(address, networks, &address_class);
	free(networks);
	return result;
}

static void
test_networks(void)
{
	static const struct
	{
		const char *list;
		const char *detail;
	}			bad[] = {
		{"10.0.0.0/33", "Entry 1, \"10.0.0.0/33\", has a bad prefix length."},
		{"10.0.0.0/", "Entry 1, \"10.0.0.0/\", has a bad prefix length."},
		{"10.0.0.0/8x", "Entry 1, \"10.0.0.0/8x\", has a bad prefix length."},
		{"10.0.0.0/-8", "Entry 1, \"10.0.0.0/-8\", has a bad prefix length."},
		{"::1/129", "Entry 1, \"::1/129\", has a bad prefix length."},
		{"10.0.0.0/8,,::1", "Entry 2, \"\", is empty."},
		{"10.0.0.0/8,", "Entry 2, \"\", is empty."},
		{"10.1.0.0/8", "Entry 1, \"10.1.0.0/8\", has bits set to the right of its prefix."},
		{"localhost", "Entry 1, \"localhost\", is not an IPv4 or IPv6 network."},
		{"10.0.0", "Entry 1, \"10.0.0\", is not an IPv4 or IPv6 network."},
		{"fe80::1%lo", "Entry 1, \"fe80::1%lo\", is not an IPv4 or IPv6 network."},
	};

	for (int i = 0; i < lengthof(bad); i++)
	{
		HttpNetworks *networks = malloc(http_networks_size(bad[i].list));
		char		detail[128] = "";

		http_networks_parse(bad[i].list, networks, detail, sizeof(detail));
		is_string(detail, bad[i].detail, bad[i].list);
		free(networks);
	}

	ok(!allowed("", "127.0.0.1"), "an empty list allows nothing special");
	ok(allowed("", "9.9.9.9"), "an empty list allows public addresses");
	ok(allowed("127.0.0.0/8", "127.0.0.1"), "a network allows its addresses");
	ok(allowed("127.0.0.0/8", "::ffff:127.0.0.1"), "also when mapped");
	ok(!allowed("127.0.0.0/8", "::127.0.0.1"), "but not when compatible");
	ok(!allowed("10.0.0.0/8", "64:ff9b::10.0.0.1"), "nor when translated");
	ok(allowed("64:ff9b::/96", "64:ff9b::10.0.0.1"), "unless that is listed");
	ok(allowed("::ffff:10.0.0.0/104", "10.2.3.4"), "a mapped network is an IPv4 network");
	ok(!allowed("127.0.0.1", "127.0.0.2"), "a single address allows only itself");
	ok(allowed(" 10.0.0.0/8 , ::1 ", "::1"), "spaces are ignored");
	ok(allowed("10.0.0.0/9", "10.127.255.255"), "a prefix inside a byte: in");
	ok(!allowed("10.0.0.0/9", "10.128.0.0"), "a prefix inside a byte: out");
	ok(allowed("0.0.0.0/0", "169.254.169.254"), "a network of all IPv4");
	ok(!allowed("0.0.0.0/0", "::1"), "is not one of IPv6");
	ok(!allowed("::/0", "nonsense"), "what is no address is not allowed");
}

static void
test_urls(void)
{
	static const struct
	{
		const char *text;
		const char *url;		/* or the problem */
		const char *host;
		int			port;
	}			cases[] = {
		{"http://example.com", "http://example.com/", "example.com", 80},
		{"HTTPS://Example.COM:8443/a?b=c", "https://Example.COM:8443/a?b=c", "example.com", 8443},
		{"http://2130706433/", "http://127.0.0.1/", "127.0.0.1", 80},
		{"http://0x7f.1/", "http://127.0.0.1/", "127.0.0.1", 80},
		{"http://017700000001/", "http://127.0.0.1/", "127.0.0.1", 80},
		{"http://[::1]:8080/", "http://[::1]:8080/", "[::1]", 8080},
		{"http://example.com/\xc3\xa4", "http://example.com/%c3%a4", "example.com", 80},
		{"ftp://example.com/", "It does not begin with http:// or https://.", NULL, 0},
		{"file:///etc/passwd", "It does not begin with http:// or https://.", NULL, 0},
		{"example.com", "It does not begin with http:// or https://.", NULL, 0},
		{"http:/example.com", "It does not begin with http:// or https://.", NULL, 0},
		{"http:///example.com", "It has no host.", NULL, 0},
		{"HTTPS:////example.com/", "It has no host.", NULL, 0},
		{"", "It does not begin with http:// or https://.", NULL, 0},
		{"http://", "It is not a valid URL.", NULL, 0},
		{"http://a\r\nb/", "It contains a control character.", NULL, 0},
		{"http://a/\tb", "It contains a control character.", NULL, 0},
		{"http://a/\x7f", "It contains a control character.", NULL, 0},
		{"http://a/b c", "It contains a space, which must be written as %20.", NULL, 0},
		{"http://a\\@b/", "It contains a backslash.", NULL, 0},
		{"http://user:pass@a/", "It contains a user name or password.", NULL, 0},
		{"http://user@a/", "It contains a user name or password.", NULL, 0},
		{"http://a:99999/", "It is not a valid URL.", NULL, 0},
		{"http://a%2fb/", "It is not a valid URL.", NULL, 0},
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		HttpUrl		url;
		const char *problem = http_url_parse(cases[i].text, &url);

		if (cases[i].host == NULL)
			is_string(problem, cases[i].url, cases[i].text);
		else if (ok(problem == NULL, "%s is accepted", cases[i].text))
		{
			is_string(url.host, cases[i].host, "its host");
			is_number(url.port, cases[i].port, "its port");
			ok(pg_strcasecmp(url.url, cases[i].url) == 0, "its form %s", url.url);
		}
		if (problem == NULL)
			http_url_free(&url);
	}
}

static HttpValueKind
test_arg(void *state, const char *path, StringInfo value)
{
	if (strcmp(path, "text") == 0)
		appendStringInfoString(value, "a \"b\"\n/?&\xc3\xa4");
	else if (strcmp(path, "dots") == 0)
		appendStringInfoString(value, "..");
	else if (strcmp(path, "braces") == 0)
		appendStringInfoString(value, "{{run_id}}");
	else if (strcmp(path, "null") == 0)
		return HTTP_VALUE_NULL;
	else if (strcmp(path, "a.b") == 0 || *path == '\0')
	{
		appendStringInfoString(value, "{\"x\": [1, 2]}");
		return HTTP_VALUE_JSON;
	}
	else
		return HTTP_VALUE_MISSING;
	return HTTP_VALUE_STRING;
}

static void
test_templates(void)
{
	static const HttpTemplateValues values = {
		.job_name = "nightly",
		.run_id = INT64CONST(9000000000),
		.scheduled_at = "2026-01-02T03:04:05Z",
		.attempt = 2,
		.lookup_arg = test_arg
	};
	static const struct
	{
		HttpTemplatePlace place;
		const char *text;
		const char *result;		/* or the detail of an error */
		int			position;	/* of the error, 0: none */
	}			cases[] = {
		{HTTP_PLACE_TEXT, "", "", 0},
		{HTTP_PLACE_TEXT, "no names { } }}", "no names { } }}", 0},
		{HTTP_PLACE_TEXT, "{{job_name}}/{{ run_id }}/{{attempt}}/{{scheduled_at}}",
		"nightly/9000000000/2/2026-01-02T03:04:05Z", 0},
		{HTTP_PLACE_TEXT, "{{{{job_name}}", "{{job_name}}", 0},
		{HTTP_PLACE_TEXT, "{{args.text}}", "a \"b\"\n/?&\xc3\xa4", 0},
		{HTTP_PLACE_TEXT, "[{{args.null}}]", "[]", 0},
		{HTTP_PLACE_TEXT, "{{args.braces}}", "{{run_id}}", 0},
		{HTTP_PLACE_URL, "http://x/{{scheduled_at}}?q={{args.text}}",
		"http://x/2026-01-02T03%3A04%3A05Z?q=a%20%22b%22%0A%2F%3F%26%C3%A4", 0},
		{HTTP_PLACE_URL, "http://x/{{args.dots}}/y",
		"The value of \"args.dots\" is a dot segment, which cannot be part of a URL.", 10},
		{HTTP_PLACE_HEADER, "n={{job_name}}", "n=nightly", 0},
		{HTTP_PLACE_HEADER, "{{args.text}}",
		"The value of \"args.text\" contains a control character, which a header cannot.", 1},
		{HTTP_PLACE_JSON, "{\"a\":\"{{args.text}}\",\"b\":{{args.text}},\"c\":{{run_id}},\"d\":\"{{run_id}}\"}",
			"{\"a\":\"a \\\"b\\\"\\u000a/?&\xc3\xa4\",\"b\":\"a \\\"b\\\"\\u000a/?&\xc3\xa4\","
		"\"c\":9000000000,\"d\":\"9000000000\"}", 0},
		{HTTP_PLACE_JSON, "{\"a\":{{args.a.b}},\"b\":\"{{args.a.b}}\",\"c\":{{args.null}},\"d\":\"{{args.null}}\"}",
			"{\"a\":{\"x\": [1, 2]},\"b\":\"{\\\"x\\\": [1, 2]}\",\"c\":null,\"d\":\"\"}",
		0},
		{HTTP_PLACE_JSON, "[\"\\\\\",{{job_name}},\"\\\"{{job_name}}\"]",
		"[\"\\\\\",\"nightly\",\"\\\"nightly\"]", 0},
		{HTTP_PLACE_JSON, "{{args}}", "{\"x\": [1, 2]}", 0},
		{HTTP_PLACE_TEXT, "a {{args.nothing}}", "There is no value for \"args.nothing\".", 3},
		{HTTP_PLACE_TEXT, "a {{job}}",
		"\"job\" is none of job_name, run_id, scheduled_at, attempt, args and args.key.", 5},
		{HTTP_PLACE_TEXT, "{{}}",
		"\"\" is none of job_name, run_id, scheduled_at, attempt, args and args.key.", 3},
		{HTTP_PLACE_TEXT, "{{args.}}",
		"\"args.\" is none of job_name, run_id, scheduled_at, attempt, args and args.key.", 3},
		{HTTP_PLACE_TEXT, "{{args.a..b}}",
		"\"args.a..b\" is none of job_name, run_id, scheduled_at, attempt, args and args.key.", 3},
		{HTTP_PLACE_TEXT, "x{{run_id", "{{ has no closing }}.", 2},
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		HttpTemplateError error = {0};
		StringInfoData out;
		bool		passed;

		initStringInfo(&out);
		passed = http_template_expand(cases[i].text, cases[i].place, &values, &out, &error);
		is_string(passed ? out.data : error.detail, cases[i].result, cases[i].text);
		is_number(error.position, cases[i].position, "position");
		free(out.data);
	}
}

static void
test_signatures(void)
{
	/* the example of the Standard Webhooks specification's own libraries */
	const char *key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
	const char *id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
	const char *body = "{\"test\": 2432232314}";
	const char *expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
	StringInfoData out;

	initStringInfo(&out);
	ok(http_sign(key, id, 1614265330, body, strlen(body), &out) == NULL, "a message is signed");
	is_string(out.data, expected, "as the specification says");

	resetStringInfo(&out);
	ok(http_sign(" whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, plain", id, 1614265330, body, strlen(body), &out) == NULL,
	   "with two keys");
	ok(strncmp(out.data, expected, strlen(expected)) == 0 &&
	   strncmp(out.data + strlen(expected), " v1,", 4) == 0 &&
	   strlen(out.data) == 2 * strlen(expected) + 1, "there are two signatures");

	is_string(http_sign_check_keys(""), "There is no signing key.", "no key");
	is_string(http_sign_check_keys(" "), "There is no signing key.", "a blank for a key");
	is_string(http_sign_check_keys("whsec_***"),
			  "A signing key that begins with whsec_ does not go on in base64.", "no base64");
	is_string(http_sign_check_keys("whsec_"),
			  "A signing key that begins with whsec_ does not go on in base64.", "an empty key");
	ok(http_sign_check_keys("secret") == NULL, "a key as it is");
	ok(http_sign("k", "a.b", 1, "", 0, &out) != NULL, "an id with a dot is refused");
	free(out.data);
}

static void
test_status_codes(void)
{
	HttpStatusSet set;
	int			position;

	ok(http_status_set_parse("200-299,304", &set, &position) == NULL, "success codes");
	ok(http_status_set_contains(&set, 200) && http_status_set_contains(&set, 299) &&
	   http_status_set_contains(&set, 304), "contain what they name");
	ok(!http_status_set_contains(&set, 199) && !http_status_set_contains(&set, 300) &&
	   !http_status_set_contains(&set, 0) && !http_status_set_contains(&set, 1000) &&
	   !http_status_set_contains(&set, -1), "and nothing else");
	ok(http_status_set_parse(" 200 - 204 , 404 ", &set, &position) == NULL, "spaces");
	ok(http_status_set_parse("100-599", &set, &position) == NULL &&
	   http_status_set_contains(&set, 599), "all of them");

	ok(http_status_set_parse("", &set, &position) != NULL && position == 1, "empty");
	ok(http_status_set_parse("200,", &set, &position) != NULL && position == 5, "a comma too many");
	ok(http_status_set_parse("99", &set, &position) != NULL, "too small");
	ok(http_status_set_parse("600", &set, &position) != NULL, "too large");
	ok(http_status_set_parse("2000", &set, &position) != NULL, "four digits");
	ok(http_status_set_parse("299-200", &set, &position) != NULL, "backwards");
	ok(http_status_set_parse("2xx", &set, &position) != NULL && position == 1, "a word");
	ok(http_status_set_parse("200;304", &set, &position) != NULL && position == 4, "a semicolon");

	for (int status = 100; status < 600; status++)
	{
		bool		expected = status == 408 || status == 425 || status == 429 || status >= 500;

		if (http_status_is_retryable(status) != expected)
			ok(false, "whether %d is retried", status);
	}
	ok(http_status_is_retryable(503) && !http_status_is_retryable(404), "which are retried");
}

static void
test_retry_after(void)
{
	/* 1994-11-06 08:49:00 UTC */
	const int64 now = 784111740;
	static const struct
	{
		const char *value;
		int64		seconds;	/* -1: no value */
	}			cases[] = {
		{"0", 0}, {"120", 120}, {"  7", 7}, {"3600", 3600}, {"31536000", 86400},
		{"99999999999999999999999999", 86400},
		{"-5", -1}, {"", -1}, {"soon", -1}, {"1.5", -1}, {"5 seconds", -1}, {"+5", -1},
		{"Sun, 06 Nov 1994 08:49:37 GMT", 37},
		{"Sunday, 06-Nov-94 08:49:37 GMT", 37},
		{"Sun Nov  6 08:49:37 1994", 37},
		{"Sun, 06 Nov 1994 08:48:59 GMT", 0},
		{"Fri, 31 Dec 1999 23:59:59 GMT", 86400},
		{"Sun, 06 Nov 1994 08:49:37 PST", -1},
		{"Sun, 06 Nov 1994 08:49:37 GMT x", -1},
		{"Sun, 06 Foo 1994 08:49:37 GMT", -1},
		{"Sun, 06 Nov 1994 25:49:37 GMT", -1},
		{"Sun, 99 Nov 1994 08:49:37 GMT", -1},
	};
	int64		seconds;

	for (int i = 0; i < lengthof(cases); i++)
	{
		seconds = -1;
		if (!http_retry_after(cases[i].value, now, 86400, &seconds))
			seconds = -1;
		is_number(seconds, cases[i].seconds, cases[i].value);
	}
	ok(http_retry_after("Thu, 29 Feb 2024 00:00:00 GMT", INT64CONST(1709164799), 10, &seconds) &&
	   seconds == 1, "a leap day");
	ok(http_retry_after("Friday, 31-Dec-99 23:59:59 GMT", INT64CONST(1800000000), 10, &seconds) &&
	   seconds == 0, "two digits of a year more than 50 years ahead are of the past century");
}

static void
test_fields(void)
{
	ok(http_check_method("GET") == NULL && http_check_method("M-SEARCH") == NULL, "methods");
	ok(http_check_method("get") != NULL && http_check_method("") != NULL &&
	   http_check_method("GET /") != NULL && http_check_method("CONNECT") != NULL &&
	   http_check_method("G\r\n") != NULL, "no methods");
	ok(http_check_header_name("X-Test_1") == NULL, "a header name");
	ok(http_check_header_name("") != NULL && http_check_header_name("a b") != NULL &&
	   http_check_header_name("a:") != NULL && http_check_header_name("a\n") != NULL &&
	   http_check_header_name("\xc3\xa4") != NULL, "no header names");
	ok(http_check_header_name("Content-Length") != NULL &&
	   http_check_header_name("TRANSFER-ENCODING") != NULL &&
	   http_check_header_name("host") != NULL, "headers of the connection");
	ok(http_check_header_name("webhook-id") != NULL &&
	   http_check_header_name("Idempotency-Key") != NULL, "headers of ours");
	ok(http_check_header_value("a\tb \xc3\xa4") == NULL, "a header value");
	ok(http_check_header_value("a\r\nb") != NULL && http_check_header_value("a\n") != NULL &&
	   http_check_header_value("\x7f") != NULL, "no header values");
	ok(http_content_type_is_json("application/json") &&
	   http_content_type_is_json("Application/JSON; charset=utf-8") &&
	   http_content_type_is_json("application/problem+json"), "JSON");
	ok(!http_content_type_is_json("text/plain") && !http_content_type_is_json(NULL) &&
	   !http_content_type_is_json("application/jsonp"), "not JSON");
	is_string(http_default_content_type(" {}"), "application/json", "a body in braces");
	is_string(http_default_content_type("a=b"), "text/plain; charset=utf-8", "another body");
}

static const char *
header_of(const HttpRequest *request, const char *name)
{
	for (int i = 0; i < request->header_count; i++)
	{
		if (pg_strcasecmp(request->headers[i].name, name) == 0)
			return request->headers[i].value;
	}
	return NULL;
}

static void
test_requests(void)
{
	HttpHeader	headers[] = {{"X-Run", "{{run_id}}", false}, {"Authorization", "{{args.x}}", true}};
	HttpJob		job = {
		.url = "https://example.com/{{job_name}}", .method = "POST",
		.headers = headers, .header_count = 2, .body = "{\"n\":\"{{job_name}}\"}",
		.signing_keys = "key", .connect_timeout_ms = 1, .timeout_ms = 2
	};
	HttpAttempt attempt = {
		.values = {.job_name = "a\"b", .run_id = 7, .scheduled_at = "", .attempt = 1},
		.key = "k1", .timestamp = 1700000000
	};
	HttpRequest request;
	HttpProblem problem;
	char		key[HTTP_KEY_SIZE];

	ok(http_job_check(&job, &problem), "a job is good");
	ok(http_request_build(&job, &attempt, &request, &problem), "a request is built");
	is_string(request.url, "https://example.com/a%22b", "its URL");
	is_string(request.body, "{\"n\":\"a\\\"b\"}", "its body");
	is_string(header_of(&request, "x-run"), "7", "a header");
	is_string(header_of(&request, "authorization"), "{{args.x}}", "a secret is no template");
	is_string(header_of(&request, "content-type"), "application/json", "content type");
	is_string(header_of(&request, "idempotency-key"), "k1", "key");
	is_string(header_of(&request, "webhook-id"), "k1", "id");
	is_string(header_of(&request, "webhook-timestamp"), "1700000000", "timestamp");
	ok(header_of(&request, "webhook-signature") != NULL, "signature");

	job.url = "{{args.url}}";
	ok(!http_job_check(&job, &problem) && strcmp(problem.field, "url") == 0, "a bad URL");
	job.url = "http://{{args.host}}/";
	ok(http_job_check(&job, &problem), "a host from args");
	headers[0].value = "{{nothing}}";
	ok(!http_job_check(&job, &problem) && strcmp(problem.field, "headers") == 0 &&
	   strcmp(problem.header, "X-Run") == 0 && problem.position == 3, "a bad header");
	headers[0].value = "x";
	headers[1].value = "a\r\nHost: b";
	ok(!http_job_check(&job, &problem) && strcmp(problem.header, "Authorization") == 0,
	   "a secret with a line break");
	headers[1].value = "x";
	job.signing_keys = "whsec_!";
	ok(!http_job_check(&job, &problem) && strcmp(problem.field, "signing_secret") == 0, "a bad key");

	http_idempotency_key(UINT64CONST(18446744073709551615), 4294967295U,
						 PG_INT64_MAX, PG_INT64_MIN, key);
	is_string(key, "job_18446744073709551615_4294967295_9223372036854775807_-9223372036854775808",
			  "the longest key");
}

int
main(void)
{
	test_classes();
	test_networks();
	test_urls();
	test_templates();
	test_signatures();
	test_status_codes();
	test_retry_after();
	test_fields();
	test_requests();
	return done_testing();
}

/*-------------------------------------------------------------------------
 *
 * http_nginx_test.c
 *	  The HTTP client against nginx: TLS, HTTP/2, and many requests.
 *
 * Skipped where nginx or openssl is missing.  Certificates are made for each
 * run.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "http_harness.h"

#define PLAIN			0		/* no TLS */
#define GOOD			1
#define WRONG_NAME		2
#define EXPIRED			3
#define SELF_SIGNED		4
#define SERVERS			5

#define REQUESTS		20000

static const char *const names[SERVERS] = {
	"plain", "good", "wrong", "expired", "self"
};
static int	ports[SERVERS];

static bool
run(const char *format,...)
{
	char		command[2048];
	va_list		args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command) == 0;
}

static bool
make_certificate(const char *name, const char *subject, const char *validity)
{
	return run("cd '%s' && openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
			   "-keyout %s.key -out %s.csr -subj /CN=%s 2>openssl.log && "
			   "echo 'subjectAltName=%s' >%s.ext && "
			   "openssl ca -batch -config ca.cnf -cert ca.crt -keyfile ca.key %s "
			   "-extfile %s.ext -in %s.csr -out %s.crt -notext 2>>openssl.log",
			   directory, name, name, name, subject, name, validity, name, name, name);
}

static bool
make_certificates(void)
{
	return run("cd '%s' && printf '%%s\\n' '[ca]' 'default_ca = test' '[test]' "
			   "'database = index.txt' 'new_certs_dir = .' 'rand_serial = yes' "
			   "'default_md = sha256' 'unique_subject = no' 'policy = any' "
			   "'[any]' 'commonName = supplied' >ca.cnf && : >index.txt", directory) &&
		run("cd '%s' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
			   "-keyout ca.key -out ca.crt -subj '/CN=test authority' -days 2 2>openssl.log", directory) &&
		run("cd '%s' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
			"-keyout self.key -out self.crt -subj /CN=local.test "
			"-addext subjectAltName=DNS:local.test -days 2 2>openssl.log", directory) &&
		make_certificate("good", "DNS:local.test,IP:127.0.0.1", "-days 2") &&
		make_certificate("wrong", "DNS:elsewhere.example", "-days 2") &&
		make_certificate("expired", "DNS:local.test",
						 "-startdate 20200101000000Z -enddate 20200102000000Z");
}

/* Ports that nobody uses, from the upper half of the range of the tests. */
static void
find_ports(void)
{
	int			candidate = 18500 + getpid() % 400;

	for (int i = 0; i < SERVERS; candidate++)
	{
		struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(candidate)};
		int			fd = socket(AF_INET, SOCK_STREAM, 0);

		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (bind(fd, (struct sockaddr *) &address, sizeof(address)) == 0)
			ports[i++] = candidate;
		close(fd);
	}
}

static bool
start_nginx(void)
{
	FILE	   *file = fopen(in_directory("nginx.conf"), "w");

	find_ports();
	fprintf(file,
			"daemon off; master_process off; pid %s/nginx.pid; error_log %s/error.log;\n"
			"events { worker_connections 4000; }\n"
			"http { access_log off; keepalive_requests 1000000;\n"
			"client_body_temp_path %s/body; proxy_temp_path %s/proxy; fastcgi_temp_path %s/fastcgi;\n"
			"uwsgi_temp_path %s/uwsgi; scgi_temp_path %s/scgi;\n",
			directory, directory, directory, directory, directory, directory, directory);
	for (int i = 0; i < SERVERS; i++)
	{
		fprintf(file, "server { listen 127.0.0.1:%d%s;\n", ports[i], i == PLAIN ? "" : " ssl http2");
		if (i != PLAIN)
			fprintf(file, "ssl_certificate %s/%s.crt; ssl_certificate_key %s/%s.key;\n",
					directory, names[i], directory, names[i]);
		fprintf(file, "location /down { return 302 http://127.0.0.1:%d/; }\n"
				"location /early { return 200 \"early\\n\"; }\n", ports[PLAIN]);

		/* "return" does not read the body, and resets the stream of HTTP/2 */
		if (i == PLAIN)
			fprintf(file, "location / { return 200 \"ok\\n\"; } }\n");
		else
			fprintf(file, "location / { proxy_pass http://127.0.0.1:%d; "
					"proxy_http_version 1.1; proxy_set_header Connection ''; } }\n", ports[PLAIN]);
	}
	fprintf(file, "}\n");
	fclose(file);

	server = fork();
	if (server == 0)
	{
		execlp("nginx", "nginx", "-c", in_directory("nginx.conf"), "-p", directory,
			   "-e", in_directory("error.log"), (char *) NULL);
		_exit(127);
	}
	return wait_for_file(in_directory("nginx.pid"), server);
}

static const char *
url_of(int which, const char *host, const char *path)
{
	static char url[256];

	snprintf(url, sizeof(url), "%s://%s:%d%s", which == PLAIN ? "http" : "https",
			 host, ports[which], path);
	return url;
}

static void
test_tls(void)
{
	HttpResponse *response;
	HttpRequest request;
	char		url[64];

	configure("127.0.0.0/8", MANY, 64 * 1024 * 1024, in_directory("ca.crt"));
	response = get(url_of(GOOD, "local.test", "/"));
	is_number(response->status, 200, "a certificate by a known authority");
	if (response->failure != HTTP_FAILURE_NONE)
		fprintf(stderr, "# %s\n", response->error);
	is_number(response->http_version, 20, "HTTP/2 where offered");
	ok(response->tls_us > 0, "the time of the handshake is kept");
	http_client_release(client, response);
	expect_status(url_of(GOOD, "127.0.0.1", "/"), 200, "a certificate for an address");
	expect_failure(url_of(GOOD, "other.test", "/"), HTTP_FAILURE_TLS, "another name");
	expect_failure(url_of(WRONG_NAME, "local.test", "/"), HTTP_FAILURE_TLS, "a wrong name");
	expect_failure(url_of(EXPIRED, "local.test", "/"), HTTP_FAILURE_TLS, "expired");
	expect_failure(url_of(SELF_SIGNED, "local.test", "/"), HTTP_FAILURE_TLS, "self-signed");

	snprintf(url, sizeof(url), "https://local.test:%d/", ports[PLAIN]);
	expect_failure(url, HTTP_FAILURE_TLS, "a server without TLS");

	request = request_to(url_of(GOOD, "local.test", "/down"));
	request.max_redirects = 3;
	response = send_request(&request);
	is_number(response->failure, HTTP_FAILURE_REDIRECT, "no redirect from https to http");
	http_client_release(client, response);

	configure("127.0.0.0/8", MANY, 64 * 1024 * 1024, in_directory("nothing.crt"));
	expect_failure(url_of(GOOD, "local.test", "/"), HTTP_FAILURE_TLS,
				   "an authority file that is missing");
	configure("127.0.0.0/8", MANY, 64 * 1024 * 1024, NULL);
	expect_failure(url_of(GOOD, "local.test", "/"), HTTP_FAILURE_TLS,
				   "an authority that is not known, whatever is connected");

	configure("", MANY, 64 * 1024 * 1024, in_directory("ca.crt"));
	expect_failure(url_of(GOOD, "local.test", "/"), HTTP_FAILURE_REFUSED_ADDRESS,
				   "a connection of HTTP/2 is not reused for what is no longer allowed");
}

static void
test_many(int which, const char *host, int per_host, const char *name)
{
	HttpRequest request;
	HttpResponse *response;
	struct timespec before;
	struct timespec after;
	char		url[256];
	int			sent = 0;
	int			succeeded = 0;
	int			reused = 0;

	configure("127.0.0.0/8", per_host, 64 * 1024 * 1024, in_directory("ca.crt"));
	strlcpy(url, url_of(which, host, "/"), sizeof(url));
	request = request_to(url);
	request.method = "POST";
	request.body = "{}";
	request.body_length = 2;
	clock_gettime(CLOCK_MONOTONIC, &before);
	for (;;)
	{
		while (sent < REQUESTS && http_client_room(client) > 0)
		{
			http_client_add(client, &request, NULL);
			sent++;
		}
		response = wait_for_one();
		if (response == NULL)
			break;
		succeeded += (response->status == 200 && response->failure == HTTP_FAILURE_NONE);
		reused += response->reused_connection;
		if (response->failure != HTTP_FAILURE_NONE)
			fprintf(stderr, "# %s: %s\n", http_failure_name(response->failure), response->error);
		http_client_release(client, response);
	}
	clock_gettime(CLOCK_MONOTONIC, &after);
	is_number(succeeded, REQUESTS, name);
	printf("# %d reused a connection; %.0f requests per second\n", reused,
		   REQUESTS / ((after.tv_sec - before.tv_sec) + (after.tv_nsec - before.tv_nsec) / 1e9));
}

int
main(void)
{
	if (!run("nginx -v >/dev/null 2>&1 && openssl version >/dev/null 2>&1"))
	{
		printf("1..0 # SKIP nginx or openssl is missing\n");
		return 0;
	}
	set_up();
	if (!make_certificates() || !start_nginx())
	{
		printf("Bail out! nginx does not start\n");
		return 1;
	}
	test_tls();
	test_many(PLAIN, "127.0.0.1", 64, "many requests over HTTP/1.1");
	test_many(GOOD, "local.test", 64, "many requests over HTTP/2");

	http_client_destroy(client);
	clean_up();
	return done_testing();
}

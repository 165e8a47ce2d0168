/*-------------------------------------------------------------------------
 *
 * http_guard.h
 *	  Where a request may go: URL syntax and addresses.
 *
 * Everything behind this header is pure: no setting, no catalogue, no name
 * resolution, no ereport(), no palloc().  It is safe inside a libcurl
 * callback.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HTTP_GUARD_H
#define PG_SCHEDULER_HTTP_GUARD_H

#include <sys/socket.h>

/* A longer URL is refused before it is looked at. */
#define HTTP_URL_MAX_LENGTH		8192

/* What an address is for.  Only HTTP_ADDRESS_PUBLIC needs no permission. */
typedef enum HttpAddressClass
{
	HTTP_ADDRESS_PUBLIC,
	HTTP_ADDRESS_LOOPBACK,
	HTTP_ADDRESS_PRIVATE,
	HTTP_ADDRESS_LINK_LOCAL,
	HTTP_ADDRESS_UNIQUE_LOCAL,
	HTTP_ADDRESS_SHARED,		/* carrier-grade NAT */
	HTTP_ADDRESS_MULTICAST,
	HTTP_ADDRESS_UNSPECIFIED,
	HTTP_ADDRESS_BROADCAST,
	HTTP_ADDRESS_DOCUMENTATION,
	HTTP_ADDRESS_BENCHMARKING,
	HTTP_ADDRESS_CLOUD_PLATFORM,	/* public in form, a hypervisor in fact */
	HTTP_ADDRESS_LOCAL_TRANSLATION, /* locally defined NAT64 */
	HTTP_ADDRESS_RESERVED,
	HTTP_ADDRESS_UNKNOWN_FAMILY
} HttpAddressClass;

/*
 * The class of an address.  An IPv6 address that carries an IPv4 address
 * (mapped, compatible, NAT64, 6to4, Teredo) has the class of the latter,
 * unless that is public.
 */
extern HttpAddressClass http_guard_classify(const struct sockaddr *address);

/* Its name as used in messages: "loopback", "link-local", ... */
extern const char *http_guard_class_name(HttpAddressClass address_class);

/*
 * The networks that an administrator allows although they are not public:
 * the text of pg_scheduler.http_allowed_networks, parsed.
 */
typedef struct HttpNetwork
{
	int			family;			/* AF_INET or AF_INET6 */
	int			prefix_length;
	unsigned char address[16];
} HttpNetwork;

typedef struct HttpNetworks
{
	int			count;
	HttpNetwork network[FLEXIBLE_ARRAY_MEMBER];
} HttpNetworks;

/* An upper limit for the memory that http_networks_parse() fills. */
extern size_t http_networks_size(const char *text);

/*
 * Parse a comma-separated list of networks ("10.0.0.0/8, fd00::/8, ::1")
 * into memory of at least http_networks_size() bytes, so that a GUC check
 * hook can use whatever allocator its server version asks for.
 *
 * Returns false for a bad entry, with a sentence for DETAIL in "detail".
 */
extern bool http_networks_parse(const char *text, HttpNetworks *networks,
								char *detail, size_t detail_size);

/*
 * May a connection be made to this address?  "networks" may be NULL.  An
 * IPv4-mapped address is allowed by an IPv4 network; any other embedding must
 * itself be listed.
 */
extern bool http_guard_allows(const struct sockaddr *address,
							  const HttpNetworks *networks,
							  HttpAddressClass *address_class);

/*
 * The same for an address in text, as libcurl reports it.  Text that is no
 * address is not allowed.
 */
extern bool http_guard_allows_text(const char *address,
								   const HttpNetworks *networks,
								   HttpAddressClass *address_class);

/* Is the text a literal IPv4 or IPv6 address, brackets included or not? */
extern bool http_guard_is_literal(const char *host);

/* The parts of a URL that decide where it goes.  Free with http_url_free(). */
typedef struct HttpUrl
{
	char	   *url;			/* normalized; what is given to libcurl */
	char	   *host;			/* lower case, IPv6 in brackets */
	int			port;
	bool		tls;
} HttpUrl;

/*
 * Take a URL apart with libcurl's own parser, so that nobody else's reading
 * of it matters, and refuse what must not be sent: a scheme other than http
 * and https, control characters, spaces, backslashes, and credentials (they
 * would be seen in views and logs; a header may name a secret instead).
 *
 * Returns NULL, or why not as a constant sentence for DETAIL.
 */
extern const char *http_url_parse(const char *text, HttpUrl *url);
extern void http_url_free(HttpUrl *url);

/* Same scheme, host and port? */
extern bool http_url_same_origin(const HttpUrl *a, const HttpUrl *b);

#endif							/* PG_SCHEDULER_HTTP_GUARD_H */

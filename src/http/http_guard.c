/*-------------------------------------------------------------------------
 *
 * http_guard.c
 *	  Where a request may go: URL syntax and addresses.
 *
 * The address is judged when a socket is about to be connected to it, in the
 * form in which the kernel will use it.  How it was written in the URL
 * (decimal, octal, hexadecimal, short, through a name, through a redirect)
 * therefore makes no difference, and a name cannot mean one address when it
 * is checked and another when it is used.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>

#include "http/http_guard.h"

typedef struct AddressRange
{
	const char *network;
	int			prefix_length;
	HttpAddressClass address_class;
} AddressRange;

/*
 * The IANA special-purpose registries, first match wins.  What is globally
 * reachable in them is not listed.
 */
static const AddressRange ipv4_ranges[] = {
	{"0.0.0.0", 8, HTTP_ADDRESS_UNSPECIFIED},
	{"10.0.0.0", 8, HTTP_ADDRESS_PRIVATE},
	{"100.64.0.0", 10, HTTP_ADDRESS_SHARED},
	{"127.0.0.0", 8, HTTP_ADDRESS_LOOPBACK},
	{"168.63.129.16", 32, HTTP_ADDRESS_CLOUD_PLATFORM},
	{"169.254.0.0", 16, HTTP_ADDRESS_LINK_LOCAL},
	{"172.16.0.0", 12, HTTP_ADDRESS_PRIVATE},
	{"192.0.0.0", 24, HTTP_ADDRESS_RESERVED},
	{"192.0.2.0", 24, HTTP_ADDRESS_DOCUMENTATION},
	{"192.88.99.0", 24, HTTP_ADDRESS_RESERVED},
	{"192.168.0.0", 16, HTTP_ADDRESS_PRIVATE},
	{"198.18.0.0", 15, HTTP_ADDRESS_BENCHMARKING},
	{"198.51.100.0", 24, HTTP_ADDRESS_DOCUMENTATION},
	{"203.0.113.0", 24, HTTP_ADDRESS_DOCUMENTATION},
	{"224.0.0.0", 4, HTTP_ADDRESS_MULTICAST},
	{"255.255.255.255", 32, HTTP_ADDRESS_BROADCAST},
	{"240.0.0.0", 4, HTTP_ADDRESS_RESERVED},
};

static const AddressRange ipv6_ranges[] = {
	{"::", 128, HTTP_ADDRESS_UNSPECIFIED},
	{"::1", 128, HTTP_ADDRESS_LOOPBACK},
	{"64:ff9b:1::", 48, HTTP_ADDRESS_LOCAL_TRANSLATION},
	{"2001:2::", 48, HTTP_ADDRESS_BENCHMARKING},
	{"2001::", 23, HTTP_ADDRESS_RESERVED},
	{"2001:db8::", 32, HTTP_ADDRESS_DOCUMENTATION},
	{"3fff::", 20, HTTP_ADDRESS_DOCUMENTATION},
	{"fc00::", 7, HTTP_ADDRESS_UNIQUE_LOCAL},
	{"fe80::", 10, HTTP_ADDRESS_LINK_LOCAL},
	{"fec0::", 10, HTTP_ADDRESS_PRIVATE},
	{"ff00::", 8, HTTP_ADDRESS_MULTICAST},
	/* global unicast is 2000::/3, and so far nothing else is in use */
	{"2000::", 3, HTTP_ADDRESS_PUBLIC},
};

/* Where an IPv6 network hides an IPv4 address. */
typedef struct Embedding
{
	const char *network;
	int			prefix_length;
	int			offset;			/* of its first byte */
	bool		inverted;
	bool		translates;		/* public if the IPv4 address is */
} Embedding;

static const Embedding embeddings[] = {
	{"::ffff:0:0", 96, 12, false, true},	/* mapped */
	{"::ffff:0:0:0", 96, 12, false, false}, /* translated (SIIT) */
	{"64:ff9b::", 96, 12, false, true}, /* NAT64 */
	{"64:ff9b:1::", 48, 12, false, false},	/* NAT64, local prefix */
	{"2002::", 16, 2, false, true}, /* 6to4 */
	{"2001::", 32, 4, false, false},	/* Teredo server */
	{"2001::", 32, 12, true, false},	/* Teredo client */
	{"::", 96, 12, false, false},	/* compatible */
};

static bool
prefix_matches(const unsigned char *address, const unsigned char *network,
			   int prefix_length)
{
	int			whole = prefix_length / 8;
	int			rest = prefix_length % 8;

	if (memcmp(address, network, whole) != 0)
		return false;
	return rest == 0 ||
		((address[whole] ^ network[whole]) & (0xff << (8 - rest)) & 0xff) == 0;
}

static HttpAddressClass
look_up(int family, const unsigned char *address,
		const AddressRange *ranges, int count, HttpAddressClass otherwise)
{
	for (int i = 0; i < count; i++)
	{
		unsigned char network[16];

		if (inet_pton(family, ranges[i].network, network) == 1 &&
			prefix_matches(address, network, ranges[i].prefix_length))
			return ranges[i].address_class;
	}
	return otherwise;
}

static HttpAddressClass
classify_ipv4(const unsigned char *address)
{
	return look_up(AF_INET, address, ipv4_ranges, lengthof(ipv4_ranges),
				   HTTP_ADDRESS_PUBLIC);
}

static HttpAddressClass
classify_ipv6(const unsigned char *address)
{
	HttpAddressClass plain;
	bool		translates = false;

	plain = look_up(AF_INET6, address, ipv6_ranges, lengthof(ipv6_ranges),
					HTTP_ADDRESS_RESERVED);
	if (plain == HTTP_ADDRESS_UNSPECIFIED || plain == HTTP_ADDRESS_LOOPBACK)
		return plain;

	for (int i = 0; i < lengthof(embeddings); i++)
	{
		unsigned char network[16];
		unsigned char inner[4];
		HttpAddressClass inner_class;

		if (inet_pton(AF_INET6, embeddings[i].network, network) != 1 ||
			!prefix_matches(address, network, embeddings[i].prefix_length))
			continue;
		for (int j = 0; j < 4; j++)
			inner[j] = address[embeddings[i].offset + j] ^
				(embeddings[i].inverted ? 0xff : 0);
		inner_class = classify_ipv4(inner);
		if (inner_class != HTTP_ADDRESS_PUBLIC)
			return inner_class;
		translates |= embeddings[i].translates;
	}
	return translates ? HTTP_ADDRESS_PUBLIC : plain;
}

/* The bytes of an address; an IPv4-mapped one becomes plain IPv4. */
static const unsigned char *
address_bytes(const struct sockaddr *address, int *family)
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	const unsigned char *bytes;

	*family = address->sa_family;
	if (address->sa_family == AF_INET)
		return (const unsigned char *) &((const struct sockaddr_in *) address)->sin_addr;
	if (address->sa_family != AF_INET6)
		return NULL;

	bytes = (const unsigned char *) &((const struct sockaddr_in6 *) address)->sin6_addr;
	if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
	{
		*family = AF_INET;
		bytes += sizeof(mapped);
	}
	return bytes;
}

HttpAddressClass
http_guard_classify(const struct sockaddr *address)
{
	int			family;
	const unsigned char *bytes = address_bytes(address, &family);

	if (bytes == NULL)
		return HTTP_ADDRESS_UNKNOWN_FAMILY;
	return family == AF_INET ? classify_ipv4(bytes) : classify_ipv6(bytes);
}

const char *
http_guard_class_name(HttpAddressClass address_class)
{
	switch (address_class)
	{
		case HTTP_ADDRESS_PUBLIC:
			return "public";
		case HTTP_ADDRESS_LOOPBACK:
			return "loopback";
		case HTTP_ADDRESS_PRIVATE:
			return "private";
		case HTTP_ADDRESS_LINK_LOCAL:
			return "link-local";
		case HTTP_ADDRESS_UNIQUE_LOCAL:
			return "unique-local";
		case HTTP_ADDRESS_SHARED:
			return "carrier-grade NAT";
		case HTTP_ADDRESS_MULTICAST:
			return "multicast";
		case HTTP_ADDRESS_UNSPECIFIED:
			return "unspecified";
		case HTTP_ADDRESS_BROADCAST:
			return "broadcast";
		case HTTP_ADDRESS_DOCUMENTATION:
			return "documentation";
		case HTTP_ADDRESS_BENCHMARKING:
			return "benchmarking";
		case HTTP_ADDRESS_CLOUD_PLATFORM:
			return "cloud platform";
		case HTTP_ADDRESS_LOCAL_TRANSLATION:
			return "local translation";
		case HTTP_ADDRESS_RESERVED:
			return "reserved";
		case HTTP_ADDRESS_UNKNOWN_FAMILY:
			return "unknown family";
	}
	return "unknown";
}

size_t
http_networks_size(const char *text)
{
	int			count = 1;

	for (const char *c = text; *c != '\0'; c++)
		count += (*c == ',');
	return offsetof(HttpNetworks, network) + count * sizeof(HttpNetwork);
}

/* Parse one entry.  Returns NULL, or what is wrong with it. */
static const char *
parse_network(const char *entry, HttpNetwork *network)
{
	char		text[INET6_ADDRSTRLEN + 8];
	char	   *slash;
	int			bits;
	int			length;

	if (strlcpy(text, entry, sizeof(text)) >= sizeof(text))
		return "is too long";
	slash = strchr(text, '/');
	if (slash != NULL)
		*slash++ = '\0';

	memset(network, 0, sizeof(*network));
	if (inet_pton(AF_INET, text, network->address) == 1)
		network->family = AF_INET;
	else if (inet_pton(AF_INET6, text, network->address) == 1)
		network->family = AF_INET6;
	else
		return "is not an IPv4 or IPv6 network";

	bits = network->family == AF_INET ? 32 : 128;
	length = bits;
	if (slash != NULL)
	{
		if (strspn(slash, "0123456789") != strlen(slash) ||
			strlen(slash) < 1 || strlen(slash) > 3 || atoi(slash) > bits)
			return "has a bad prefix length";
		length = atoi(slash);
	}
	for (int i = length; i < bits; i++)
	{
		if (network->address[i / 8] & (0x80 >> (i % 8)))
			return "has bits set to the right of its prefix";
	}
	network->prefix_length = length;

	/* a mapped network is the IPv4 network it maps */
	if (network->family == AF_INET6 && length >= 96)
	{
		struct sockaddr_in6 whole = {.sin6_family = AF_INET6};
		const unsigned char *bytes;
		int			family;

		memcpy(&whole.sin6_addr, network->address, 16);
		bytes = address_bytes((struct sockaddr *) &whole, &family);
		if (family == AF_INET)
		{
			memmove(network->address, bytes, 4);
			network->family = AF_INET;
			network->prefix_length = length - 96;
		}
	}
	return NULL;
}

bool
http_networks_parse(const char *text, HttpNetworks *networks,
					char *detail, size_t detail_size)
{
	const char *start = text;

	networks->count = 0;
	if (text[strspn(text, " \t\n")] == '\0')
		return true;

	for (;;)
	{
		const char *end = start + strcspn(start, ",");
		const char *next = end;
		char		entry[64];
		const char *problem;

		start += strspn(start, " \t\n");
		while (end > start && strchr(" \t\n", end[-1]) != NULL)
			end--;
		if (end <= start)
		{
			problem = "is empty";
			entry[0] = '\0';
		}
		else
		{
			strlcpy(entry, start, Min(sizeof(entry), (size_t) (end - start) + 1));
			problem = end - start >= sizeof(entry) ? "is too long" :
				parse_network(entry, &networks->network[networks->count]);
		}
		if (problem != NULL)
		{
			snprintf(detail, detail_size, "Entry %d, \"%s\", %s.",
					 networks->count + 1, entry, problem);
			return false;
		}
		networks->count++;
		if (*next == '\0')
			return true;
		start = next + 1;
	}
}

bool
http_guard_allows(const struct sockaddr *address, const HttpNetworks *networks,
				  HttpAddressClass *address_class)
{
	int			family;
	const unsigned char *bytes = address_bytes(address, &family);

	*address_class = http_guard_classify(address);
	if (*address_class == HTTP_ADDRESS_PUBLIC)
		return true;
	if (bytes == NULL || networks == NULL)
		return false;

	for (int i = 0; i < networks->count; i++)
	{
		const HttpNetwork *network = &networks->network[i];

		if (network->family == family &&
			prefix_matches(bytes, network->address, network->prefix_length))
			return true;
	}
	return false;
}

/*
 * Read a literal address, with or without brackets, zone, and the dot that ends
 * a name.  Also in the forms of long ago (0x7f.1, 017700000001), of which
 * libcurl puts some in order and a proxy may understand the others.
 */
static bool
read_literal(const char *host, struct sockaddr_storage *address)
{
	char		text[INET6_ADDRSTRLEN + 2];
	size_t		length;
	struct in_addr *ipv4 = &((struct sockaddr_in *) address)->sin_addr;

	memset(address, 0, sizeof(*address));
	if (host[0] == '[')
		host++;
	length = strcspn(host, "]%");
	if (length >= sizeof(text))
		return false;
	memcpy(text, host, length);
	text[length] = '\0';
	if (length > 0 && text[length - 1] == '.')
		text[length - 1] = '\0';

	if (inet_pton(AF_INET, text, ipv4) == 1 || inet_aton(text, ipv4) != 0)
		address->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &((struct sockaddr_in6 *) address)->sin6_addr) == 1)
		address->ss_family = AF_INET6;
	else
		return false;
	return true;
}

bool
http_guard_allows_text(const char *address, const HttpNetworks *networks,
					   HttpAddressClass *address_class)
{
	struct sockaddr_storage storage;

	*address_class = HTTP_ADDRESS_UNKNOWN_FAMILY;
	return read_literal(address, &storage) &&
		http_guard_allows((struct sockaddr *) &storage, networks, address_class);
}

bool
http_guard_is_literal(const char *host)
{
	struct sockaddr_storage storage;

	return read_literal(host, &storage);
}

/* What cannot be part of any URL, whatever a parser makes of it. */
static const char *
check_url_bytes(const char *text)
{
	size_t		length = 0;

	for (const char *c = text; *c != '\0'; c++)
	{
		unsigned char byte = (unsigned char) *c;

		if (byte < 0x20 || byte == 0x7f)
			return "It contains a control character.";
		if (byte == ' ')
			return "It contains a space, which must be written as %20.";
		if (byte == '\\')
			return "It contains a backslash.";
		if (++length > HTTP_URL_MAX_LENGTH)
			return "It is longer than 8192 bytes.";
	}
	return NULL;
}

/* Fill *url from a parsed handle. */
static const char *
read_url_parts(CURLU *handle, HttpUrl *url)
{
	char	   *scheme = NULL;
	char	   *port = NULL;
	char	   *user = NULL;
	char	   *password = NULL;
	const char *problem = NULL;

	curl_url_get(handle, CURLUPART_SCHEME, &scheme, 0);
	curl_url_get(handle, CURLUPART_USER, &user, 0);
	curl_url_get(handle, CURLUPART_PASSWORD, &password, 0);

	if (scheme == NULL ||
		(strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		problem = "Its scheme is neither http nor https.";
	else if (user != NULL || password != NULL)
		problem = "It contains a user name or password.";
	else if (curl_url_get(handle, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
			 curl_url_get(handle, CURLUPART_URL, &url->url, 0) != CURLUE_OK)
		problem = "It has no valid host or port.";
	/* characters that are not ASCII may stand for digits and dots, of an address */
	else if (curl_url_get(handle, CURLUPART_HOST, &url->host, CURLU_PUNYCODE) != CURLUE_OK)
		problem = "Its host name is not valid, or has to be written in ASCII here (xn--...).";
	else
	{
		url->tls = (strcmp(scheme, "https") == 0);
		url->port = atoi(port);
		for (char *c = url->host; *c != '\0'; c++)
			*c = pg_ascii_tolower((unsigned char) *c);
		if (url->port < 1 || url->port > 65535)
			problem = "It has no valid host or port.";
	}

	curl_free(scheme);
	curl_free(port);
	curl_free(user);
	curl_free(password);
	return problem;
}

const char *
http_url_parse(const char *text, HttpUrl *url)
{
	CURLU	   *handle;
	const char *problem;

	memset(url, 0, sizeof(*url));
	problem = check_url_bytes(text);
	if (problem != NULL)
		return problem;
	/* libcurl would add what is missing, or take any scheme's slashes */
	if (pg_strncasecmp(text, "http://", 7) != 0 &&
		pg_strncasecmp(text, "https://", 8) != 0)
		return "It does not begin with http:// or https://.";

	/* libcurl takes a third slash, and the path for a host */
	if (strchr(text, ':')[3] == '/')
		return "It has no host.";

	handle = curl_url();
	if (handle == NULL)
		return "There is no memory left to read it.";
	if (curl_url_set(handle, CURLUPART_URL, text, CURLU_URLENCODE) != CURLUE_OK)
		problem = "It is not a valid URL.";
	else
		problem = read_url_parts(handle, url);
	curl_url_cleanup(handle);

	if (problem != NULL)
		http_url_free(url);
	return problem;
}

void
http_url_free(HttpUrl *url)
{
	curl_free(url->url);
	curl_free(url->host);
	memset(url, 0, sizeof(*url));
}

bool
http_url_same_origin(const HttpUrl *a, const HttpUrl *b)
{
	return a->tls == b->tls && a->port == b->port &&
		strcmp(a->host, b->host) == 0;
}

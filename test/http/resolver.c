/*-------------------------------------------------------------------------
 *
 * resolver.c
 *	  Names that mean what a test wants, and change when it wants.
 *
 * Preloaded into a server.  The file that HTTP_TEST_NAMES names is read at each
 * lookup; a line is a name and its addresses, separated by blanks.  The address
 * "never" is not answered.  Names that end in ".test" and are not there do not
 * exist; all others are looked up as always.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

typedef int (*Lookup) (const char *, const char *, const struct addrinfo *,
					   struct addrinfo **);

static Lookup
real_lookup(void)
{
	Lookup		lookup;

	*(void **) &lookup = dlsym(RTLD_NEXT, "getaddrinfo");
	return lookup;
}

/* Append what each address of a line stands for. */
static int
look_up_all(char *addresses, const char *service, const struct addrinfo *hints,
			struct addrinfo **result)
{
	int			code = EAI_NONAME;
	char	   *rest;

	for (char *address = strtok_r(addresses, " \n", &rest); address != NULL;
		 address = strtok_r(NULL, " \n", &rest))
	{
		struct addrinfo *found;

		if (strcmp(address, "never") == 0)
			pause();			/* all signals are blocked */
		if (real_lookup() (address, service, hints, &found) != 0)
			continue;
		*result = found;
		while (*result != NULL)
			result = &(*result)->ai_next;
		code = 0;
	}
	return code;
}

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
			struct addrinfo **result)
{
	const char *path = getenv("HTTP_TEST_NAMES");
	FILE	   *file = node != NULL && path != NULL ? fopen(path, "r") : NULL;
	char		line[1024];
	int			code;

	*result = NULL;
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
	{
		size_t		length = strcspn(line, " ");

		if (strlen(node) != length || strncasecmp(line, node, length) != 0)
			continue;
		code = look_up_all(line + length, service, hints, result);
		fclose(file);
		return code;
	}
	if (file != NULL)
		fclose(file);
	if (node != NULL && strlen(node) > 5 && strcmp(node + strlen(node) - 5, ".test") == 0)
		return EAI_NONAME;
	return real_lookup() (node, service, hints, result);
}

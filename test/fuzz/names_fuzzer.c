/*-------------------------------------------------------------------------
 *
 * names_fuzzer.c
 *	  Fuzz the lists of "after" and the elements of "depends_on".
 *
 * Whatever the text is, reading it ends, with names or with a problem.  The names
 * that were read, each in quotes and separated by commas, are the same list.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/name_list.h"
#include "stand_in/memory.h"
#include "fuzz.h"

#define MAX_NAMES	2000

/* Read a list; how many names, or -1. */
static int
read_list(const char *text, char **names)
{
	NameProblem problem = {NULL, NULL};
	int			n = 0;

	while (text != NULL)
	{
		CHECK(n < MAX_NAMES);
		names[n] = name_list_next(&text, &problem);
		if (names[n] == NULL)
		{
			CHECK(problem.detail != NULL && problem.hint != NULL);
			return -1;
		}
		CHECK(names[n][0] != '\0');
		n++;
	}
	return n;
}

static char *
write_list(char **names, int n)
{
	size_t		size = 1;
	char	   *text;
	char	   *at;

	for (int i = 0; i < n; i++)
		size += 2 * strlen(names[i]) + 3;
	at = text = palloc(size);
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			*at++ = ',';
		*at++ = '"';
		for (const char *c = names[i]; *c != '\0'; c++)
		{
			if (*c == '"')
				*at++ = '"';
			*at++ = *c;
		}
		*at++ = '"';
	}
	*at = '\0';
	return text;
}

static void
check_target(const char *text)
{
	const char *rest = text;
	int64		job_id;
	char		digits[32];

	(void) name_list_target(&rest);
	CHECK(rest >= text && rest <= text + strlen(text));
	if (!name_list_job_id(rest, &job_id))
		return;
	CHECK(job_id > 0);
	snprintf(digits, sizeof(digits), INT64_FORMAT, job_id);
	CHECK(strlen(rest) >= strlen(digits));
	CHECK(strcmp(rest + strlen(rest) - strlen(digits), digits) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	static char *names[MAX_NAMES];
	static char *again[MAX_NAMES];
	char	   *text;
	int			n;

	memory_limit = FUZZ_MEMORY;
	text = pnstrdup((const char *) data, size);
	n = read_list(text, names);
	if (n > 0)
	{
		CHECK(read_list(write_list(names, n), again) == n);
		for (int i = 0; i < n; i++)
			CHECK(strcmp(names[i], again[i]) == 0);
	}
	check_target(text);
	memory_free_all();
	return 0;
}

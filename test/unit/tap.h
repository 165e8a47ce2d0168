/*-------------------------------------------------------------------------
 *
 * tap.h
 *	  Just enough of the Test Anything Protocol.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_TAP_H
#define PG_SCHEDULER_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int	tap_count = 0;
static int	tap_failed = 0;

static inline bool
ok(bool passed, const char *format,...)
{
	va_list		args;
	char		name[512];

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	/* what would end the line, or be taken for a directive */
	for (char *c = name; *c != '\0'; c++)
	{
		if ((unsigned char) *c < 0x20 || *c == '#')
			*c = '?';
	}
	printf("%sok %d - %s\n", passed ? "" : "not ", ++tap_count, name);
	fflush(stdout);
	if (!passed)
		tap_failed++;
	return passed;
}

static inline void
is_string(const char *got, const char *expected, const char *name)
{
	if (got == NULL)
		got = "(null)";
	if (!ok(strcmp(got, expected) == 0, "%s", name))
		fprintf(stderr, "#      got: %s\n# expected: %s\n", got, expected);
}

static inline void
is_number(long long got, long long expected, const char *name)
{
	if (!ok(got == expected, "%s", name))
		fprintf(stderr, "#      got: %lld\n# expected: %lld\n", got, expected);
}

static inline void
skip(int count, const char *why)
{
	while (count-- > 0)
		printf("ok %d # skip %s\n", ++tap_count, why);
}

static inline int
done_testing(void)
{
	printf("1..%d\n", tap_count);
	if (tap_failed > 0)
		fprintf(stderr, "# %d of %d failed\n", tap_failed, tap_count);
	return tap_failed > 0 ? 1 : 0;
}

#endif							/* PG_SCHEDULER_TAP_H */

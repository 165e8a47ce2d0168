/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *	  What the fuzzers have in common.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_TEST_FUZZ_H
#define PG_SCHEDULER_TEST_FUZZ_H

/* No text of a thousand characters may take more memory than this. */
#define FUZZ_MEMORY		(256 * 1024)

/* What has to hold, whatever the input is */
#define CHECK(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s does not hold\n", #condition); \
			abort(); \
		} \
	} while (0)

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

#endif							/* PG_SCHEDULER_TEST_FUZZ_H */

/*-------------------------------------------------------------------------
 *
 * random.h
 *	  Numbers for tests of random operations, the same on every machine.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_TEST_RANDOM_H
#define PG_SCHEDULER_TEST_RANDOM_H

/* xorshift */
static inline uint32
random_below(uint32 n)
{
	static uint32 state = 20260101;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % n;
}

#endif							/* PG_SCHEDULER_TEST_RANDOM_H */

/*-------------------------------------------------------------------------
 *
 * retry.h
 *	  When a failed attempt is tried again.  Pure.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RETRY_H
#define PG_SCHEDULER_RETRY_H

typedef enum Backoff
{
	BACKOFF_EXPONENTIAL,		/* d, 2d, 4d, ... */
	BACKOFF_LINEAR,				/* d, 2d, 3d, ... */
	BACKOFF_FIXED				/* d, d, d, ... */
} Backoff;

typedef struct RetryPolicy
{
	int			max_retries;
	Backoff		backoff;
	int64		delay;			/* microseconds, at least 0 */
	int64		max_delay;		/* microseconds, at least 0 */
	bool		jitter;
} RetryPolicy;

/* -1: unknown */
extern int	retry_backoff_from_name(const char *name);

/*
 * Microseconds between the end of attempt number "attempt" (1 is the first)
 * and the next one.  "random", in [0, 1), is used when the policy has jitter
 * ("full jitter": evenly distributed between nothing and the whole delay).
 */
extern int64 retry_delay(const RetryPolicy *policy, int attempt, double random);

/*
 * Whether an SQLSTATE is among the names of "retry_on": a code (40001), a
 * class (40), a condition name (deadlock_detected), or "all".
 */
extern bool retry_matches(const char *sqlstate, const char *const *retry_on,
						  int count);

/* The rule where a job gives no retry_on. */
extern bool retry_is_worthwhile(const char *sqlstate);

/* Is this an element that retry_on accepts? */
extern bool retry_condition_is_known(const char *name);

#endif							/* PG_SCHEDULER_RETRY_H */

/*-------------------------------------------------------------------------
 *
 * histogram.c
 *	  Counts of durations in buckets whose limits grow by a factor.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "port/pg_bitutils.h"

#include "rules/histogram.h"

#define FIRST_LIMIT_LOG2	6	/* 64 us */

int
histogram_bucket(int64 usecs)
{
	int			log2;
	int			bucket;

	if (usecs < (INT64CONST(1) << FIRST_LIMIT_LOG2))
		return 0;
	log2 = pg_leftmost_one_pos64((uint64) usecs);
	bucket = 2 * (log2 - FIRST_LIMIT_LOG2) + 1;
	if ((double) usecs >= ldexp(M_SQRT2, log2))
		bucket++;
	return Min(bucket, HISTOGRAM_BUCKETS - 1);
}

double
histogram_limit(int bucket)
{
	if (bucket >= HISTOGRAM_BUCKETS - 1)
		return INFINITY;
	return ldexp(bucket % 2 == 0 ? 1.0 : M_SQRT2, FIRST_LIMIT_LOG2 + bucket / 2);
}

/* The middle of a bucket, on the scale in which all are of one width. */
static double
middle(int bucket)
{
	if (bucket == 0)
		return histogram_limit(0) / 2;
	if (bucket >= HISTOGRAM_BUCKETS - 1)
		return histogram_limit(HISTOGRAM_BUCKETS - 2);
	return sqrt(histogram_limit(bucket - 1) * histogram_limit(bucket));
}

double
histogram_quantile(const int64 *counts, int nbuckets, double share)
{
	int64		total = 0;
	int64		seen = 0;
	int64		wanted;

	for (int i = 0; i < nbuckets; i++)
		total += counts[i];
	if (total == 0)
		return -1;
	wanted = Max((int64) ceil(share * total), 1);
	for (int i = 0; i < nbuckets; i++)
	{
		seen += counts[i];
		if (seen >= wanted)
			return middle(i);
	}
	return middle(nbuckets - 1);
}

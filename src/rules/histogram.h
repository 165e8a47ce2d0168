/*-------------------------------------------------------------------------
 *
 * histogram.h
 *	  Counts of durations in buckets whose limits grow by a factor.
 *
 * Bucket 0 holds what is shorter than 64 microseconds; the limit of each
 * further one is the square root of two times that of the one before.  The
 * last bucket holds all that is longer, 37 hours and more.  A quantile is
 * thus known to within a fifth of its value, and two histograms can be added.
 *
 * Pure: no clock, no catalogue.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HISTOGRAM_H
#define PG_SCHEDULER_HISTOGRAM_H

#define HISTOGRAM_BUCKETS	64

/* The bucket of a duration in microseconds. */
extern int	histogram_bucket(int64 usecs);

/* The upper limit of a bucket, in microseconds; of the last: infinity. */
extern double histogram_limit(int bucket);

/*
 * The duration that a share, from 0 to 1, of what was counted does not
 * exceed; negative when nothing was counted.
 */
extern double histogram_quantile(const int64 *counts, int nbuckets, double share);

#endif							/* PG_SCHEDULER_HISTOGRAM_H */

/*-------------------------------------------------------------------------
 *
 * events.h
 *	  Counts and events on their way into our tables, or out of them.
 *
 * The scheduler collects them in memory (state/), the statements that write or
 * read them are in table/: so they are here, where both see them.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_EVENTS_H
#define PG_SCHEDULER_EVENTS_H

#include "datatype/timestamp.h"

#include "rules/histogram.h"

/* What has ended since the last minute was written: rows of *_minute */
typedef struct Tally
{
	int64		succeeded;
	int64		failed;
	int64		timed_out;
	int64		cancelled;
	int64		lost;
	int64		skipped;		/* occurrences */
	int64		missed;
	int64		retries;
	int64		late;			/* attempts that began too late: the rule late_start */
	int64		timed;			/* attempts that had begun */
	int64		duration;		/* of these, us */
	int64		max_duration;
	int64		lateness;		/* start minus due time, us */
	int64		max_lateness;
	int64		http_answers[4];	/* with status 2xx, 3xx, 4xx, 5xx */
	int64		http_errors;	/* without an answer */
	int64		http_reused;	/* over a connection that was there */
	int64		http_bytes;		/* of the answers' bodies */
	uint32		buckets[HISTOGRAM_BUCKETS]; /* of durations */
} Tally;

/* Of one job */
typedef struct JobTally
{
	int64		job_id;
	Oid			owner;
	Tally		tally;
} JobTally;

/* What scheduler.queue says of a queue */
typedef struct QueueLimits
{
	bool		enabled;
	int			max_concurrency;	/* runs being executed; 0: no limit */
	int			rate_limit;		/* runs begun in a period; 0: no limit */
	int64		rate_period;	/* us */
	int			priority;		/* higher first, before that of the run */
	TimestampTz stop_deadline;	/* what still runs then is cancelled; DT_NOEND: not */
	bool		restarting;		/* not enabled, until it has come to rest */
	Oid			stopped_by;		/* InvalidOid: not stopped, or not known by whom */
} QueueLimits;

/* Something that was done to repair something: a row of recovery_event */
typedef struct RecoveryEvent
{
	TimestampTz at;
	const char *subject;
	int64		job_id;			/* 0: none */
	Oid			owner;			/* InvalidOid: it is for admins to see */
	const char *action;
	const char *reason;
	bool		succeeded;
} RecoveryEvent;

/* The keys of a slice of a walk */
typedef struct WalkRange
{
	int64		after;			/* exclusive */
	int64		upto;			/* inclusive; PG_INT64_MAX: the rest */
} WalkRange;

#endif							/* PG_SCHEDULER_EVENTS_H */

/*-------------------------------------------------------------------------
 *
 * queue_limit.c
 *	  What the limits of a queue let go.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "state/queue_limit.h"

static void
refill_tokens(JobQueue *queue, TimestampTz now)
{
	const QueueLimits *limits = &queue->limits;

	if (limits->rate_limit == 0)
		return;
	queue->tokens = Min(queue->tokens + (double) limits->rate_limit *
						Max(now - queue->refilled_at, 0) / limits->rate_period,
						limits->rate_limit);
	queue->refilled_at = now;
}

int64
queue_limit_room(JobQueue *queue, TimestampTz now)
{
	int64		room = PG_INT64_MAX;

	if (!queue->limits.enabled || queue->blocked)
		return 0;
	if (queue->limits.max_concurrency > 0)
		room = queue->limits.max_concurrency - queue->ndispatched;
	if (queue->limits.rate_limit > 0)
	{
		refill_tokens(queue, now);
		room = Min(room, (int64) queue->tokens);
	}
	return Max(room, 0);
}

TimestampTz
queue_limit_next_token(const JobQueue *queue)
{
	const QueueLimits *limits = &queue->limits;

	if (limits->rate_limit == 0 || !limits->enabled || queue->blocked || queue->tokens >= 1 ||
		fair_queue_is_empty(&queue->held))
		return DT_NOEND;
	return queue->refilled_at + 1 +
		(int64) ((1 - queue->tokens) * limits->rate_period / limits->rate_limit);
}

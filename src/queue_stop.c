/*-------------------------------------------------------------------------
 *
 * queue_stop.c
 *	  Bring a queue that was stopped to rest.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "dispatch.h"
#include "queue_stop.h"
#include "run_queue.h"
#include "worker_pool.h"

typedef struct Stop
{
	TimestampTz now;
	TimestampTz next;
	bool		any;			/* some queue has something to stop */
} Stop;

static void
look_at_queue(JobQueue *queue, void *arg)
{
	Stop	   *stop = arg;

	if (!queue->stop_pending)
		return;
	if (queue->limits.enabled || queue->ndispatched == 0)
		queue->stop_pending = false;
	else
		stop->any = true;
}

/*
 * A run that is in a lane goes back to its queue, and is held there.  One that
 * a worker has may finish, until the deadline; it is asked once, for a second
 * request could hit the worker while it puts the first on record.
 */
static void
stop_run(RunEntry *entry, void *arg)
{
	Stop	   *stop = arg;

	if (entry->state != RUN_STATE_DISPATCHED || !entry->queue->stop_pending ||
		entry->stopped)
		return;
	if (dispatch_withdraw_run(&entry->run))
		run_queue_put_back(entry, NULL);
	else if (entry->queue->limits.stop_deadline <= stop->now)
		entry->stopped = worker_pool_cancel(entry->run_id);
	else
		stop->next = Min(stop->next, entry->queue->limits.stop_deadline);
}

TimestampTz
queue_stop(TimestampTz now)
{
	Stop		stop = {.now = now, .next = DT_NOEND};

	run_queue_foreach_queue(look_at_queue, &stop);
	if (stop.any)
		run_queue_foreach(stop_run, &stop);
	return stop.next;
}

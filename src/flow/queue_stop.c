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

#include "access/xact.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "base/cycle.h"
#include "base/process.h"
#include "flow/lane_fill.h"
#include "flow/queue_stop.h"
#include "flow/worker_pool.h"
#include "shared/worker_slot.h"
#include "state/run_queue.h"
#include "table/query_queue.h"

/* A queue that somebody has in hand is looked at again after: 1 s. */
#define LOCKED_DELAY	USECS_PER_SEC

typedef struct Stop
{
	TimestampTz now;
	TimestampTz next;
	bool		any;			/* some queue has something to stop */
	List	   *to_start;		/* JobQueue: at rest, and to be started again */
} Stop;

static void
look_at_queue(JobQueue *queue, void *arg)
{
	Stop	   *stop = arg;

	if (!queue->stop_pending)
		return;
	if (!queue->limits.enabled && queue->ndispatched > 0)
	{
		stop->any = true;
		return;
	}
	queue->stop_pending = false;
	if (queue->limits.restarting)
		stop->to_start = lappend(stop->to_start, queue);
}

/*
 * Queues that were to be restarted are at rest: the change comes to us.  One
 * that somebody is about to alter waits until that is done.
 */
static void
finish_restarts(Stop *stop)
{
	ListCell   *lc;

	cycle_start_transaction();
	foreach(lc, stop->to_start)
	{
		JobQueue   *queue = lfirst(lc);

		if (query_finish_restart(queue->name))
			continue;
		queue->stop_pending = true;
		stop->next = Min(stop->next, stop->now + LOCKED_DELAY);
	}
	cycle_commit_transaction();
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
	if (lane_fill_withdraw_run(&entry->run))
		run_queue_untake(entry);
	else if (entry->queue->limits.stop_deadline <= stop->now)
		entry->stopped = worker_slot_cancel_run(entry->run_id,
												(CancelReason) {CANCEL_QUEUE_STOPPED,
												entry->queue->limits.stopped_by});
	else
		stop->next = Min(stop->next, entry->queue->limits.stop_deadline);
}

TimestampTz
queue_stop(TimestampTz now)
{
	Stop		stop = {.now = now, .next = DT_NOEND};

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	run_queue_foreach_queue(look_at_queue, &stop);
	if (stop.any)
		run_queue_foreach(stop_run, &stop);
	if (stop.to_start != NIL)
		finish_restarts(&stop);
	return stop.next;
}

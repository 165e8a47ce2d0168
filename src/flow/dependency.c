/*-------------------------------------------------------------------------
 *
 * dependency.c
 *	  Hold back what depends on something that is not healthy.
 *
 * The graph (dependency_graph.h) says who has to wait.  A job that does has a
 * flag in its cache entry, a queue has one in the run queue: their runs are
 * held there, and those that are in a lane already are taken back.
 *
 * Who has no dependency costs nothing but the test of a flag.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"

#include "base/process.h"
#include "flow/dependency.h"
#include "flow/lane_fill.h"
#include "state/dependency_graph.h"
#include "state/job_metrics.h"
#include "state/run_queue.h"

static bool newly_held = false; /* some that may have runs in lanes */
static bool to_judge = false;	/* also after an error in between */

static void
tell_job(const DependencyNode *node, bool held)
{
	JobEntry   *entry = job_cache_peek(node->end.job_id);
	JobMetrics *metrics;

	if (entry != NULL && entry->depends != held)
	{
		entry->depends = held;
		if (held)
			newly_held = true;
		else
			run_queue_release(entry);
	}
	metrics = job_metrics_get(node->end.job_id, node->owner, node->queue);
	if (metrics != NULL)
	{
		metrics->state = HEALTH_UNKNOWN;	/* write the reason, whatever it was */
		job_metrics_touch(metrics);
	}
}

static void
tell_queue(const DependencyNode *node)
{
	if (run_queue_set_blocked(node->end.queue, node->wait == BLOCKED))
		newly_held = true;
}

static void
tell_gone(DependencyNode *node)
{
	if (dependency_is_job(node))
		tell_job(node, false);
	else
		tell_queue(node);
}

/* The queues of run_queue.c may have been made anew: they are always told. */
static void
tell_evaluated(DependencyNode *node)
{
	if (!dependency_is_job(node))
	{
		tell_queue(node);
		to_judge |= node->changed;
	}
	else if (node->changed)
		tell_job(node, node->wait == BLOCKED);
}

/* What is in a lane, and must wait now, goes back. */
static void
withdraw(RunEntry *entry, void *arg)
{
	bool		held = entry->queue->blocked ||
		(entry->job->depends && entry->run.trigger != TRIGGER_MANUAL);

	if (held && entry->state == RUN_STATE_DISPATCHED && lane_fill_withdraw_run(&entry->run))
		run_queue_untake(entry);
}

bool
dependency_step(TimestampTz now)
{
	bool		result;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	to_judge |= dependency_graph_load(tell_gone);
	dependency_graph_evaluate(now, tell_evaluated);
	if (newly_held)
	{
		newly_held = false;
		run_queue_foreach(withdraw, NULL);
	}
	result = to_judge;
	to_judge = false;
	return result;
}

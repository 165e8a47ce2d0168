/*-------------------------------------------------------------------------
 *
 * monitor_queue.c
 *	  Judge the health of queues, and raise their alerts.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/timestamp.h"

#include "base/budget.h"
#include "base/clock.h"
#include "base/cycle.h"
#include "base/guc.h"
#include "base/process.h"
#include "flow/lane_fill.h"
#include "health/monitor_queue.h"
#include "shared/shmem.h"
#include "state/alert.h"
#include "state/dependency_graph.h"
#include "state/run_queue.h"
#include "state/walk.h"
#include "table/query_monitor.h"
#include "table/row.h"

/* Jobs of more than so many are counted a slice at a time. */
#define MANY_JOBS		2000

/* What alerts of a queue are filed under: its name follows. */
#define SUBJECT_QUEUE	"queue "

static const HealthLimits *limits;
static TimestampTz next_time = DT_NOBEGIN;
static bool owed_queues = false;		/* they were not looked at for lack of time */
static bool counted = false;	/* the queues have the numbers of their jobs */

typedef struct QueueJudgement
{
	MemoryContext context;		/* of the rows: a scan has one of its own */
	QueueHealthRow *rows;
	int			n;
} QueueJudgement;

static void
judge_queue(const char *name, int64 jobs, int64 unhealthy, void *arg)
{
	QueueJudgement *judgement = arg;
	QueueHealthRow *row;
	QueueFacts facts = {.enabled = true};
	QueueWait	wait;
	JobQueue   *queue = run_queue_find_queue(name);
	MemoryContext oldcontext = MemoryContextSwitchTo(judgement->context);

	judgement->rows = judgement->rows == NULL ? palloc(sizeof(QueueHealthRow)) :
		repalloc(judgement->rows, (judgement->n + 1) * sizeof(QueueHealthRow));
	row = &judgement->rows[judgement->n++];
	facts.jobs = jobs;
	facts.unhealthy_jobs = unhealthy;
	if (queue != NULL)
	{
		if (counted)
		{
			facts.jobs = queue->njobs;
			facts.unhealthy_jobs = queue->nunhealthy;
		}
		facts.enabled = queue->limits.enabled;
		facts.restarting = queue->limits.restarting;
		facts.running = queue->ndispatched - queue->nin_lanes;
		facts.backlog = queue->nready + queue->nin_lanes;
	}
	health_of_queue(&facts, limits, &row->health);
	dependency_graph_note_queue(name, row->health.state);
	dependency_graph_of_queue(name, &wait);
	facts.waits_for = wait.waits_for;
	facts.starting = wait.starting;
	facts.held = wait.held;
	if (wait.waits_for != NULL)
		health_of_queue(&facts, limits, &row->health);
	row->waits_for = facts.enabled ? wait.held ? wait.waits_for : NULL :
		facts.restarting ? "is being restarted" : "is stopped";
	row->queue = pstrdup(name);
	row->backlog = facts.backlog;
	row->running = facts.running;
	MemoryContextSwitchTo(oldcontext);
}

static void
alert_of_blocked_queue(const QueueHealthRow *row, JobQueue *queue)
{
	char	   *subject;
	QueueWait	wait;

	dependency_graph_of_queue(row->queue, &wait);
	if (queue->judged && (wait.waits_for != NULL) == queue->dependency_raised)
		return;
	subject = psprintf(SUBJECT_QUEUE "%s", row->queue);
	if (wait.waits_for != NULL)
		alert_raise(ALERT_DEPENDENCY_UNHEALTHY, subject, 0, InvalidOid,
					psprintf("queue \"%s\" %s", row->queue, wait.waits_for));
	else
		alert_resolve(ALERT_DEPENDENCY_UNHEALTHY, subject);
	queue->dependency_raised = wait.waits_for != NULL;
}

static void
alert_of_queue(const QueueHealthRow *row)
{
	JobQueue   *queue = run_queue_find_queue(row->queue);
	bool		holds = limits->backlog > 0 && row->backlog > limits->backlog;
	char	   *subject;

	if (queue != NULL && shmem_monitoring())
		alert_of_blocked_queue(row, queue);
	if (queue == NULL || (queue->judged && holds == queue->backlog_raised))
		return;
	subject = psprintf(SUBJECT_QUEUE "%s", row->queue);
	if (holds)
		alert_raise(ALERT_QUEUE_BACKLOG, subject, 0, InvalidOid,
					psprintf(INT64_FORMAT " runs wait in queue \"%s\"", row->backlog, row->queue));
	else
		alert_resolve(ALERT_QUEUE_BACKLOG, subject);
	queue->backlog_raised = holds;
	queue->judged = true;
}

typedef struct Batch
{
	const QueueHealthRow *rows;
	int			n;
	TimestampTz now;
} Batch;

static void
write_queue_health(void *arg)
{
	const Batch *batch = arg;

	query_write_queue_health(batch->rows, batch->n, batch->now);
}

/* A queue whose health cannot be written is left out for a while. */
static void
write_each(const QueueHealthRow *rows, int n, TimestampTz now)
{
	for (int i = 0; i < n; i++)
	{
		Batch		one = {&rows[i], 1, now};
		JobQueue   *queue = run_queue_find_queue(rows[i].queue);

		if (!cycle_try_part(write_queue_health, &one,
							psprintf("judging queue \"%s\", which is left out", rows[i].queue)) &&
			queue != NULL)
			queue->unwritable_until = now + USECS_PER_MINUTE;
	}
}

static void
write_health(QueueHealthRow *rows, int n, TimestampTz now)
{
	Batch		batch = {rows, 0, now};

	for (int i = 0; i < n; i++)
	{
		JobQueue   *queue = run_queue_find_queue(rows[i].queue);

		if (queue == NULL || queue->unwritable_until <= now)
			rows[batch.n++] = rows[i];
	}
	if (batch.n > 0 && !cycle_try_part(write_queue_health, &batch, "writing the health of queues"))
		write_each(rows, batch.n, now);
}

static void
judge_queues(TimestampTz now)
{
	QueueJudgement judgement = {.context = CurrentMemoryContext};

	lane_fill_count_queues();
	query_scan_queue_jobs(!counted, judge_queue, &judgement);
	for (int i = 0; i < judgement.n; i++)
		alert_of_queue(&judgement.rows[i]);
	write_health(judgement.rows, judgement.n, now);
}

/*
 * Where there are many jobs, it takes a walk to count them.
 */

static bool
is_long_walk(void)
{
	return query_has_unhealthy_jobs() &&
		row_key_after("job", "job_pkey", PG_INT64_MIN, MANY_JOBS) != PG_INT64_MAX;
}

static void
begin_count(JobQueue *queue, void *arg)
{
	queue->njobs = queue->nunhealthy = 0;
}

static void
add_count(const char *name, int64 jobs, int64 unhealthy, void *arg)
{
	JobQueue   *queue = run_queue_find_queue(name);

	if (queue == NULL)
		return;
	queue->njobs += jobs;
	queue->nunhealthy += unhealthy;
}

static bool
count_jobs(Walk *walk)
{
	WalkRange	range = walk_range(walk, "job", "job_pkey");

	if (walk->at == PG_INT64_MIN)
		run_queue_foreach_queue(begin_count, NULL);
	query_count_queue_jobs(range.after, range.upto, add_count, NULL);
	return walk_to(walk, &range);
}

static bool
judge_counted(Walk *walk)
{
	counted = walk->ok;
	if (counted)
		judge_queues(clock_now());
	return false;
}

static void
end_judging(Walk *walk)
{
	next_time = clock_now() + budget_rest(BUDGET_QUEUES, walk->cpu_time);
}

static const WalkPart judging_parts[] = {
	{"counting the jobs of queues", count_jobs},
	{"judging queues", judge_counted}
};
static Walk judging = {judging_parts, lengthof(judging_parts), end_judging};

void
monitor_queues(TimestampTz now, const HealthLimits *with_limits)
{
	TimestampTz begun = clock_now();

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	limits = with_limits;
	owed_queues = next_time > now || judging.under_way;
	if (owed_queues)
	{
		if (counted)			/* all else can be judged meanwhile */
			judge_queues(now);
		return;
	}
	counted = false;
	if (is_long_walk())
		walk_begin(&judging);
	else
	{
		judge_queues(now);
		next_time = clock_now() + budget_rest(BUDGET_QUEUES, clock_now() - begun);
	}
}

static void
doubt(JobQueue *queue, void *arg)
{
	queue->backlog_raised = queue->dependency_raised = false;
}

static void
confirm(const char *kind, const char *subject, void *arg)
{
	int			i = alert_kind_from_name(kind);
	JobQueue   *queue;

	if (strncmp(subject, SUBJECT_QUEUE, strlen(SUBJECT_QUEUE)) != 0)
		return;
	queue = run_queue_find_queue(subject + strlen(SUBJECT_QUEUE));
	if (queue == NULL)
		return;
	queue->backlog_raised |= i == ALERT_QUEUE_BACKLOG;
	queue->dependency_raised |= i == ALERT_DEPENDENCY_UNHEALTHY;
}

void
monitor_queues_compare(void)
{
	run_queue_foreach_queue(doubt, NULL);
	query_scan_open_alerts_of_no_job(confirm, NULL);
}

void
monitor_queues_load(void)
{
	next_time = DT_NOBEGIN;
	counted = false;
}

TimestampTz
monitor_queues_next_time(void)
{
	return owed_queues ? next_time : DT_NOEND;
}

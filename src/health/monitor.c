/*-------------------------------------------------------------------------
 *
 * monitor.c
 *	  Judge health, raise alerts, and write metrics, in batches.
 *
 * A job is judged when one of its runs has ended, at most once in
 * pg_scheduler.monitor_interval, and once a minute for as long as there is
 * something in its window.  Only what differs from what was written before is
 * written.  A scheduler with nothing to do has nothing to do here either.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/budget.h"
#include "base/clock.h"
#include "base/cycle.h"
#include "base/guc.h"
#include "base/process.h"
#include "flow/hook.h"
#include "flow/recovery.h"
#include "health/job_alert.h"
#include "health/long_run.h"
#include "health/metrics.h"
#include "health/monitor.h"
#include "health/monitor_clean.h"
#include "health/monitor_part.h"
#include "health/monitor_queue.h"
#include "health/server_watch.h"
#include "health/success_watch.h"
#include "shared/shmem.h"
#include "state/alert.h"
#include "state/alert_rule.h"
#include "state/dependency_graph.h"
#include "state/hook_family.h"
#include "state/job_metrics.h"
#include "state/recovery_event.h"
#include "state/run_queue.h"
#include "table/job.h"
#include "table/query_dependency.h"
#include "table/query_monitor.h"

/* Jobs judged in one transaction, which holds everything else up. */
#define JUDGE_BATCH		200

/* The facts of the server as a whole are looked at every: 5 s. */
#define SERVER_INTERVAL	(5 * USECS_PER_SEC)

/* After an error: 10 s. */
#define ERROR_DELAY		(10 * USECS_PER_SEC)

static HealthLimits limits;
static TimestampTz next_judgement = DT_NOEND;
static TimestampTz next_metrics = DT_NOBEGIN;	/* when some are owed */
static TimestampTz next_server = DT_NOBEGIN;
static TimestampTz next_minute = DT_NOBEGIN;
static bool alerts_changed = false; /* by others: see job_alert.h */
static bool requested = false;	/* a judgement, by a change of jobs or queues */
static uint64 answering = 0;	/* a call of check_now(), with all before it; 0: none */
static TimestampTz not_again_before = DT_NOBEGIN;	/* after an error */

/*
 * Jobs
 */

/* Nothing will come of the job any more, and its last run has failed. */
static bool
has_ended_badly(const JobEntry *entry)
{
	return entry->state.finished && entry->nruns == 0 &&
		entry->state.schedule_version == entry->job.schedule_version &&
		entry->state.consecutive_failures > 0;
}

static void
facts_of_job(JobMetrics *metrics, const JobEntry *entry, TimestampTz now, JobFacts *facts)
{
	WindowSlot	window = job_metrics_window(metrics, now);

	memset(facts, 0, sizeof(*facts));
	facts->active = true;
	facts->planned = true;
	facts->has_next = true;
	facts->consecutive_failures = entry->state.consecutive_failures;
	facts->attempts = window.attempts;
	facts->failures = window.failures;
	facts->timeouts = window.timeouts;
	facts->recycled = window.recycled;
	facts->lateness = metrics->lateness;
	facts->runs_long = metrics->long_since != DT_NOBEGIN;
	facts->no_success = metrics->overdue_since != DT_NOBEGIN &&
		entry->state.last_success_at <= metrics->overdue_since && entry->job.active;
	facts->not_run = metrics->not_run;
	facts->not_run_time = metrics->not_run > 0 ? now - metrics->not_run_since : 0;
	facts->ended_badly = has_ended_badly(entry);
}

/* The job has gone: so have its alerts. */
static void
forget_job(JobMetrics *metrics)
{
	job_alert_forget(metrics);
	metrics_keep(metrics);
	job_metrics_forget(metrics);
}

/* True: its state is other than what was written. */
static bool
judge_job(JobMetrics *metrics, TimestampTz now, JobHealthRow *row)
{
	JobEntry   *entry = job_cache_get(metrics->job_id);
	JobFacts	facts;
	bool		result;

	if (entry == NULL)
	{
		forget_job(metrics);
		return false;
	}
	if (hook_family_is_hook(metrics->job_id))
		return false;			/* a part of another job, which is judged */
	facts_of_job(metrics, entry, now, &facts);
	facts.check_reason = hook_check_reason(metrics->job_id, &facts.check_changed);
	facts.check_failed = facts.check_reason != NULL;
	health_of_job(&facts, &limits, &row->health);
	row->job_id = metrics->job_id;
	row->own = row->health.state;
	row->waits_for = facts.waits_for = dependency_graph_of_job(metrics->job_id);
	if (facts.waits_for != NULL)
		health_of_job(&facts, &limits, &row->health);
	dependency_graph_note_job(metrics->job_id, row->own);
	job_alert_judge(metrics, &facts, &limits, &entry->job, now);
	result = row->health.state != metrics->state || facts.check_changed ||
		(row->health.state != HEALTH_HEALTHY && row->health.rule != metrics->rule);
	metrics->state = row->health.state;
	metrics->rule = row->health.rule;
	return result;
}

/* Jobs to be judged together */
typedef struct Batch
{
	TimestampTz now;
	int			n;
	int64		job_ids[JUDGE_BATCH];
} Batch;

static void
judge_batch(void *arg)
{
	const Batch *batch = arg;
	JobHealthRow *rows = palloc(batch->n * sizeof(JobHealthRow));
	int			nrows = 0;

	for (int i = 0; i < batch->n; i++)
	{
		JobMetrics *metrics = job_metrics_find(batch->job_ids[i]);

		if (metrics != NULL && judge_job(metrics, batch->now, &rows[nrows]))
			nrows++;
	}
	if (nrows > 0)
		query_write_job_health(rows, nrows, batch->now);
}

static void
note_judged(int64 job_id, bool judged)
{
	JobMetrics *metrics = job_metrics_find(job_id);

	if (metrics != NULL)
		job_alert_note_judged(metrics, judged);
}

/*
 * A job that cannot be judged must not keep the others from it: after an error
 * each is judged alone, and one that fails then is left out.
 */
static void
judge_each(const Batch *batch)
{
	for (int i = 0; i < batch->n; i++)
	{
		Batch		one = {.now = batch->now, .n = 1};
		JobMetrics *metrics = job_metrics_find(batch->job_ids[i]);

		if (metrics == NULL)
			continue;
		one.job_ids[0] = batch->job_ids[i];
		metrics->state = HEALTH_UNKNOWN;	/* nothing of it was written */
		note_judged(one.job_ids[0],
					cycle_try_part(judge_batch, &one,
								   psprintf("judging job " INT64_FORMAT ", which is left out",
											one.job_ids[0])));
	}
}

static void
judge_jobs(TimestampTz now)
{
	Batch		batch = {.now = now};

	while (batch.n < JUDGE_BATCH && job_metrics_dirty_count() > 0)
		batch.job_ids[batch.n++] = job_metrics_take_dirty()->job_id;
	if (batch.n == 0)
		return;
	if (!cycle_try_part(judge_batch, &batch, "judging jobs"))
		judge_each(&batch);
	else
		for (int i = 0; i < batch.n; i++)
			note_judged(batch.job_ids[i], true);
}

/*
 * Once a minute, or whatever pg_scheduler.metrics_interval is
 */

static int64
metrics_interval(void)
{
	return (int64) pg_scheduler_metrics_interval * USECS_PER_SEC;
}

static TimestampTz
start_of_interval(TimestampTz now)
{
	return now - now % metrics_interval();
}

/* What has slid out of its window may be healthy now, or forgotten. */
static void
age(JobMetrics *metrics, void *arg)
{
	TimestampTz now = *(TimestampTz *) arg;

	if (job_metrics_window(metrics, now).attempts > 0 || metrics->raised != 0 ||
		metrics->state != HEALTH_HEALTHY)
		job_metrics_touch(metrics);
	else if (!metrics->dirty && job_metrics_tally_is_empty(&metrics->tally))
		job_metrics_forget(metrics);
}

/*
 * The whole
 */

static void
each_minute(TimestampTz now)
{
	if (job_metrics_tallied() || run_queue_count() > 0)
		metrics_write(start_of_interval(now), now);
	if (shmem_monitoring())
		server_watch_memory(now);
	monitor_clean(now);
	alert_look_for_ends();
	alerts_changed = true;		/* nobody tells when a prepared transaction commits */
	job_metrics_foreach(age, &now);
}

static void
judge_queues(TimestampTz now)
{
	monitor_queues(now, &limits);
}

static void
resolve_gone(TimestampTz now)
{
	if (query_resolve_gone_alerts(now) > 0)
	{
		alert_look_for_ends();
		alerts_changed = true;
	}
	query_resolve_gone_queue_alerts(now);
}

/* Somebody else has resolved alerts: which are open still? */
static void
compare_alerts(TimestampTz now)
{
	job_alert_compare();
	server_watch_compare();
	monitor_queues_compare();
	if (shmem_monitoring())
		server_watch(now);
	alerts_changed = false;
}

static void
each_judgement(TimestampTz now)
{
	static MonitorPart compare = {"looking which alerts are open", compare_alerts};
	static MonitorPart long_runs = {"looking for long runs", long_run_watch};
	static MonitorPart successes = {"looking for jobs without success", success_watch};
	static MonitorPart queues = {"judging queues", judge_queues};
	static MonitorPart gone = {"resolving the alerts of what has gone", resolve_gone};
	static MonitorPart ends = {"telling of the ends of alerts", alert_tell_ends};
	static MonitorPart recovery = {"recovery", recovery_step};

	if (next_server <= now)
	{
		if (shmem_monitoring())
			server_watch(now);
		next_server = now + SERVER_INTERVAL;
	}
	cycle_start_transaction();
	MemoryContextSwitchTo(cycle_context);
	/* what is not written yet would look as if somebody had resolved it */
	if (alerts_changed && alert_next_write() == DT_NOEND)
		monitor_part(&compare, now);
	if (shmem_monitoring())
	{
		if (long_run_next_time() <= now)
			monitor_part(&long_runs, now);
		if (success_watch_next_time() <= now)
			monitor_part(&successes, now);
		hook_read_checks();
		judge_jobs(now);
	}
	monitor_part(&queues, now);
	if (requested)
		monitor_part(&gone, now);
	if (alert_next_end() <= now)
		monitor_part(&ends, now);
	if (recovery_has_work() && !monitor_part(&recovery, now))
		job_cache_written(false);
	recovery_event_write();
	cycle_commit_transaction();
	alert_write();
	job_cache_written(true);
	recovery_event_written();
	requested = false;
}

/* It is not known what was written: write it again. */
static void
distrust(JobMetrics *metrics, void *arg)
{
	metrics->state = HEALTH_UNKNOWN;
	job_metrics_touch(metrics);
}

static void
each_metrics(TimestampTz now)
{
	metrics_step();
}

static void
last_minute(TimestampTz now)
{
	metrics_write(start_of_interval(now), now);
	while (metrics_owed())
		metrics_step();
}

typedef struct Task
{
	void		(*task) (TimestampTz now);
	TimestampTz now;
} Task;

static void
call_task(void *arg)
{
	Task	   *task = arg;

	task->task(task->now);
}

/* Call one of the above.  An error is logged, and the work done later. */
static void
guarded(void (*task) (TimestampTz now), TimestampTz now)
{
	Task		call = {task, now};

	if (cycle_try(call_task, &call, "monitoring"))
		return;
	job_cache_written(false);
	job_metrics_foreach(distrust, NULL);
	alert_look_for_ends();
	not_again_before = clock_now() + ERROR_DELAY;
}

/* There is something that can change without a run that ends. */
static bool
watching(void)
{
	return run_queue_count() > 0 || server_watch_open();
}

static bool
to_judge(void)
{
	return shmem_monitoring() && job_metrics_dirty_count() > 0;
}

static int64
judgement_interval(void)
{
	return (int64) pg_scheduler_monitor_interval * 1000;
}

static TimestampTz
judgement_time(void)
{
	TimestampTz result = DT_NOEND;

	if (to_judge() || requested || alerts_changed ||
		(recovery_has_work() && job_metrics_dirty_count() > 0))
		result = next_judgement;
	if (recovery_has_work())
		result = Min(result, Max(recovery_next_time(), next_judgement));
	result = Min(result, Max(alert_next_end(), next_judgement));
	result = Min(result, Max(monitor_queues_next_time(), next_judgement));
	if (shmem_monitoring())
		result = Min(result, Max(Min(long_run_next_time(), success_watch_next_time()),
								 next_judgement));
	if (watching())
		result = Min(result, Max(next_server, next_judgement));
	if (job_metrics_count() > 0 || job_metrics_tallied() || run_queue_count() > 0 ||
		server_watch_open())
		result = Min(result, next_minute);
	return result;
}

TimestampTz
monitor_next_time(void)
{
	TimestampTz result = judgement_time();

	if (metrics_owed())
		result = Min(result, next_metrics);
	return Max(result, not_again_before);
}

/* check_now(): what has been asked for and not answered. */
static bool
judge_was_asked(void)
{
	return pg_atomic_read_u64(&shmem_my_db->judge_asked) !=
		pg_atomic_read_u64(&shmem_my_db->judged);
}

static void
touch(JobMetrics *metrics, void *arg)
{
	job_metrics_touch(metrics);
}

/* Have everything judged, however lately it was. */
static void
begin_answer(TimestampTz now)
{
	answering = pg_atomic_read_u64(&shmem_my_db->judge_asked);
	job_metrics_foreach(touch, NULL);
	requested = alerts_changed = true;
	next_server = next_judgement = DT_NOBEGIN;
	long_run_look_again();
	success_watch_look_again();
	if (shmem_monitoring())
		guarded(server_watch_memory, now);
}

static void
end_answer(void)
{
	pg_atomic_write_u64(&shmem_my_db->judged, answering);
	answering = 0;
	ConditionVariableBroadcast(&shmem_my_db->run_finished);
}

/* Call one of the above; how long it took. */
static int64
timed(void (*task) (TimestampTz now), TimestampTz now)
{
	TimestampTz begun = clock_now();

	guarded(task, now);
	return clock_now() - begun;
}

void
monitor(TimestampTz now)
{
	int64		took;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	/* the interval may have become shorter */
	next_minute = Min(next_minute, start_of_interval(now) + metrics_interval());
	if (not_again_before > now)
		return;
	if (answering == 0 && judge_was_asked())
		begin_answer(now);
	if (metrics_owed() && next_metrics <= now)
	{
		took = timed(each_metrics, now);
		next_metrics = clock_now() + budget_rest(BUDGET_JUDGE, took);
	}
	if (judgement_time() > now)
		return;
	if (next_minute <= now)
	{
		next_minute = start_of_interval(now) + metrics_interval();
		guarded(each_minute, now);
	}
	took = timed(each_judgement, now);
	next_judgement = clock_now() +
		(to_judge() ? budget_rest(BUDGET_JUDGE, took) : judgement_interval());
	if (answering != 0 && !to_judge() && not_again_before <= now)
		end_answer();
}

void
monitor_alerts_changed(void)
{
	alerts_changed = true;
}

void
monitor_request(void)
{
	requested = true;
}

void
monitor_leave(TimestampTz now)
{
	if (job_metrics_tallied() || metrics_owed())
		guarded(last_minute, now);
}

/*
 * Start
 */

static void
load_health(int64 job_id, Oid owner, const char *queue, const char *state, void *arg)
{
	JobMetrics *metrics = job_metrics_get(job_id, owner, queue);

	if (metrics == NULL)
		return;
	metrics->state = health_state_from_name(state);
	job_alert_calm(metrics);
	job_metrics_touch(metrics);
}

void
monitor_reload_rules(void)
{
	cycle_start_transaction();
	alert_rule_load();
	recovery_load();
	cycle_commit_transaction();
	alert_rule_limits(&limits);
	job_metrics_set_width(alert_rule(ALERT_FAILURE_RATE)->interval / METRICS_SLOTS);
	job_metrics_set_late(alert_rule(ALERT_LATE_START)->threshold * USECS_PER_SEC);
	job_metrics_foreach(age, &(TimestampTz) {clock_now()});
	requested = true;
}

void
monitor_load(void)
{
	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	monitor_reload_rules();
	cycle_start_transaction();
	job_alert_load();
	query_scan_unhealthy_jobs(load_health, NULL);
	cycle_commit_transaction();
	server_watch_load();
	monitor_queues_load();
	/* whatever the clock was */
	next_judgement = next_minute = next_server = next_metrics = not_again_before = DT_NOBEGIN;
	long_run_look_again();
	success_watch_look_again();
}

void
monitor_init(void)
{
	job_metrics_init();
}

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
#include "miscadmin.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "alert.h"
#include "alert_rule.h"
#include "catalog_dependency.h"
#include "catalog_monitor.h"
#include "clock.h"
#include "dependency.h"
#include "guc.h"
#include "meter.h"
#include "monitor.h"
#include "recovery.h"
#include "run_queue.h"

/* Jobs judged in one transaction */
#define JUDGE_BATCH		1000

/* Of an alert that lasts, the count is written every: 60 s. */
#define TOUCH_INTERVAL	USECS_PER_MINUTE

/* The figures of the server as a whole are looked at every: 5 s. */
#define SERVER_INTERVAL	(5 * USECS_PER_SEC)

/* After an error: 10 s. */
#define ERROR_DELAY		(10 * USECS_PER_SEC)

#define SUBJECT_SCHEDULER	"pg_scheduler"

/* Memory of one worker, as of the last minute */
typedef struct WorkerMemory
{
	uint64		generation;
	int64		memory;
	TimestampTz growing_since;	/* DT_NOEND: it does not grow */
} WorkerMemory;

static HealthLimits limits;
static TimestampTz next_judgement = DT_NOEND;
static TimestampTz next_server = DT_NOBEGIN;
static TimestampTz next_minute = DT_NOBEGIN;
static TimestampTz busy_since = DT_NOEND;
static uint32 raised = 0;		/* alerts of no job: 1 << AlertKind */
static bool requested = false;	/* a judgement, by a change of jobs or queues */
static bool queues_requested = false;
static TimestampTz not_again_before = DT_NOBEGIN;	/* after an error */
static TimestampTz next_queues = DT_NOBEGIN;
static TimestampTz next_cleaning = DT_NOBEGIN;
static WorkerMemory *memories = NULL;

/*
 * Alerts of the scheduler as a whole
 */

static void
set_alert(AlertKind kind, bool holds, const char *message)
{
	uint32		bit = 1 << kind;

	if (!alert_rule(kind)->enabled)
		holds = false;
	if (holds && !(raised & bit))
		alert_raise(alert_kind_name(kind), alert_rule(kind)->severity,
					SUBJECT_SCHEDULER, 0, InvalidOid, message);
	else if (!holds && (raised & bit))
		alert_resolve(alert_kind_name(kind), SUBJECT_SCHEDULER);
	raised = holds ? raised | bit : raised & ~bit;
}

void
monitor_stopped(bool stopped)
{
	/* one from before a start may be open still */
	if (!stopped)
		raised |= 1 << ALERT_SCHEDULER_STOPPED;
	set_alert(ALERT_SCHEDULER_STOPPED, stopped && pg_scheduler_monitoring,
			  "the scheduler was stopped by scheduler.stop()");
}

/*
 * Jobs
 */

static void
figures_of_job(JobMeter *meter, TimestampTz now, JobFigures *figures)
{
	WindowSlot	window = meter_window(meter, now);

	memset(figures, 0, sizeof(*figures));
	figures->active = true;
	figures->planned = true;
	figures->has_next = true;
	figures->consecutive_failures = meter->consecutive_failures;
	figures->attempts = window.attempts;
	figures->failures = window.failures;
	figures->timeouts = window.timeouts;
	figures->lateness = meter->lateness;
}

/* Raise, keep up or resolve one alert of a job. */
static void
set_job_alert(JobMeter *meter, AlertKind kind, bool holds, bool touch,
			  int64 count, const char *message)
{
	char		subject[64];
	uint32		bit = 1 << kind;

	if (!holds && !(meter->raised & bit))
		return;
	snprintf(subject, sizeof(subject), "job " INT64_FORMAT, meter->job_id);
	if (!holds)
		alert_resolve(alert_kind_name(kind), subject);
	else if (touch || !(meter->raised & bit))
		alert_raise_counted(alert_kind_name(kind), alert_rule(kind)->severity, subject,
							meter->job_id, meter->owner, message, Max(count, 1));
	meter->raised = holds ? meter->raised | bit : meter->raised & ~bit;
}

static void
alert_of_job(JobMeter *meter, const JobFigures *figures, const char *name, TimestampTz now)
{
	bool		touch = meter->new_failures > 0 &&
		(meter->alerted_at == DT_NOBEGIN || now - meter->alerted_at >= TOUCH_INTERVAL);

	set_job_alert(meter, ALERT_JOB_FAILING,
				  limits.error_threshold > 0 &&
				  figures->consecutive_failures >= limits.error_threshold,
				  touch, meter->new_failures,
				  psprintf("job \"%s\" failed %d times in a row", name,
						   figures->consecutive_failures));
	set_job_alert(meter, ALERT_FAILURE_RATE, health_rate_exceeded(figures, &limits),
				  touch, 1,
				  psprintf("%d of the last %d attempts of job \"%s\" failed",
						   figures->failures, figures->attempts, name));
	set_job_alert(meter, ALERT_TIMEOUTS,
				  limits.timeouts > 0 && figures->timeouts >= limits.timeouts,
				  touch, figures->timeouts,
				  psprintf("%d of the last %d attempts of job \"%s\" timed out",
						   figures->timeouts, figures->attempts, name));
	set_job_alert(meter, ALERT_LATE_START,
				  limits.lateness > 0 && figures->lateness > limits.lateness, false, 1,
				  psprintf("job \"%s\" started " INT64_FORMAT " seconds late", name,
						   figures->lateness / USECS_PER_SEC));
	if (figures->waits_for != NULL || (meter->raised & (1 << ALERT_DEPENDENCY_UNHEALTHY)))
		set_job_alert(meter, ALERT_DEPENDENCY_UNHEALTHY, figures->waits_for != NULL, false, 1,
					  psprintf("job \"%s\" %s", name,
							   figures->waits_for ? figures->waits_for : ""));
	if (meter->dead_letter && alert_rule(ALERT_DEAD_LETTER)->enabled)
		set_job_alert(meter, ALERT_DEAD_LETTER, true, true, 1,
					  psprintf("a run of job \"%s\" is out of attempts, and a dead letter", name));
	/* it lasts as long as the dead letter, whatever becomes of later runs */
	meter->raised &= ~(1 << ALERT_DEAD_LETTER);
	meter->dead_letter = false;
	if (touch || meter->alerted_at == DT_NOBEGIN)
	{
		meter->alerted_at = now;
		meter->new_failures = 0;
	}
}

/* The job has gone: so have its alerts. */
static void
forget_job(JobMeter *meter)
{
	for (int kind = 0; kind <= ALERT_LAST_OF_JOB; kind++)
		set_job_alert(meter, kind, false, false, 0, NULL);
	meter_forget(meter);
}

/* Nothing will come of the job any more, and its last run has failed. */
static bool
has_ended_badly(const JobEntry *entry)
{
	return entry->state.finished && entry->nruns == 0 &&
		entry->state.schedule_version == entry->job.schedule_version &&
		entry->state.consecutive_failures > 0;
}

/* True: its state is other than what was written. */
static bool
judge_job(JobMeter *meter, TimestampTz now, JobHealthRow *row)
{
	JobEntry   *entry = job_cache_get(meter->job_id);
	JobFigures	figures;
	bool		result;

	if (entry == NULL)
	{
		forget_job(meter);
		return false;
	}
	figures_of_job(meter, now, &figures);
	health_of_job(&figures, &limits, &row->health);
	row->job_id = meter->job_id;
	row->own = row->health.state;
	row->waits_for = figures.waits_for = dependency_of_job(meter->job_id);
	if (figures.waits_for != NULL)
		health_of_job(&figures, &limits, &row->health);
	dependency_note_job(meter->job_id, has_ended_badly(entry) ? HEALTH_UNHEALTHY : row->own);
	alert_of_job(meter, &figures, entry->job.job_name, now);
	result = row->health.state != meter->state;
	meter->state = row->health.state;
	return result;
}

static void
judge_jobs(TimestampTz now)
{
	JobHealthRow *rows = palloc(JUDGE_BATCH * sizeof(JobHealthRow));
	int			nrows = 0;

	for (int i = 0; i < JUDGE_BATCH && meter_dirty_count() > 0; i++)
	{
		if (judge_job(meter_take_dirty(), now, &rows[nrows]))
			nrows++;
	}
	if (nrows > 0)
		catalog_write_job_health(rows, nrows, now);
}

/*
 * Queues
 */

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
	QueueFigures figures = {.enabled = true};
	QueueWait	wait;
	JobQueue   *queue = run_queue_find_queue(name);
	MemoryContext oldcontext = MemoryContextSwitchTo(judgement->context);

	judgement->rows = judgement->rows == NULL ? palloc(sizeof(QueueHealthRow)) :
		repalloc(judgement->rows, (judgement->n + 1) * sizeof(QueueHealthRow));
	row = &judgement->rows[judgement->n++];
	figures.jobs = jobs;
	figures.unhealthy_jobs = unhealthy;
	if (queue != NULL)
	{
		figures.enabled = queue->limits.enabled;
		figures.restarting = queue->limits.restarting;
		figures.running = queue->ndispatched;
		figures.backlog = queue->nready;
	}
	health_of_queue(&figures, &limits, &row->health);
	dependency_note_queue(name, row->health.state);
	dependency_of_queue(name, &wait);
	figures.waits_for = wait.waits_for;
	figures.starting = wait.starting;
	figures.held = wait.held;
	if (wait.waits_for != NULL)
		health_of_queue(&figures, &limits, &row->health);
	row->waits_for = figures.enabled ? wait.held ? wait.waits_for : NULL :
		figures.restarting ? "is being restarted" : "is stopped";
	row->queue = pstrdup(name);
	row->backlog = figures.backlog;
	row->running = figures.running;
	MemoryContextSwitchTo(oldcontext);
}

static void
alert_of_waiting_queue(const QueueHealthRow *row, JobQueue *queue)
{
	const char *kind = alert_kind_name(ALERT_DEPENDENCY_UNHEALTHY);
	char	   *subject;
	QueueWait	wait;

	dependency_of_queue(row->queue, &wait);
	if (queue->judged && (wait.waits_for != NULL) == queue->dependency_raised)
		return;
	subject = psprintf("queue %s", row->queue);
	if (wait.waits_for != NULL)
		alert_raise(kind, alert_rule(ALERT_DEPENDENCY_UNHEALTHY)->severity, subject, 0,
					InvalidOid, psprintf("queue \"%s\" %s", row->queue, wait.waits_for));
	else
		alert_resolve(kind, subject);
	queue->dependency_raised = wait.waits_for != NULL;
}

static void
alert_of_queue(const QueueHealthRow *row)
{
	const char *kind = alert_kind_name(ALERT_QUEUE_BACKLOG);
	JobQueue   *queue = run_queue_find_queue(row->queue);
	bool		holds = limits.backlog > 0 && row->backlog > limits.backlog;
	char	   *subject;

	if (queue != NULL && pg_scheduler_monitoring)
		alert_of_waiting_queue(row, queue);
	if (queue == NULL || (queue->judged && holds == queue->backlog_raised))
		return;
	subject = psprintf("queue %s", row->queue);
	if (holds)
		alert_raise(kind, alert_rule(ALERT_QUEUE_BACKLOG)->severity, subject, 0, InvalidOid,
					psprintf(INT64_FORMAT " runs wait in queue \"%s\"", row->backlog, row->queue));
	else
		alert_resolve(kind, subject);
	queue->backlog_raised = holds;
	queue->judged = true;
}

static void
judge_queues(TimestampTz now)
{
	QueueJudgement judgement = {.context = CurrentMemoryContext};

	catalog_scan_queue_jobs(judge_queue, &judgement);
	for (int i = 0; i < judgement.n; i++)
		alert_of_queue(&judgement.rows[i]);
	if (judgement.n > 0)
		catalog_write_queue_health(judgement.rows, judgement.n, now);
}

/*
 * The server
 */

static void
copy_workers(SchedulerMinute *figures)
{
	memset(figures, 0, sizeof(*figures));
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	figures->max_workers = scheduler_shared->nworkers;
	for (int i = 0; i < scheduler_shared->nworkers; i++)
	{
		const WorkerSlot *slot = &scheduler_shared->workers[i];

		if (slot->state == WORKER_FREE || slot->state == WORKER_DEAD)
			continue;
		figures->workers++;
		figures->memory += slot->memory;
		if (slot->state == WORKER_RUNNING)
			figures->workers_busy++;
		if (slot->state == WORKER_RUNNING && slot->database == MyDatabaseId)
			figures->running++;
	}
	LWLockRelease(scheduler_shared->lock);
}

static void
judge_workers(TimestampTz now)
{
	const AlertRule *rule = alert_rule(ALERT_WORKERS_EXHAUSTED);
	SchedulerMinute figures;

	copy_workers(&figures);
	if (figures.workers_busy < figures.max_workers || run_queue_ready_count() == 0)
		busy_since = DT_NOEND;
	else if (busy_since == DT_NOEND)
		busy_since = now;
	set_alert(ALERT_WORKERS_EXHAUSTED,
			  busy_since != DT_NOEND && now - busy_since >= rule->interval,
			  psprintf("all " INT64_FORMAT " workers are busy, and " INT64_FORMAT " runs wait",
					   figures.max_workers, run_queue_ready_count()));
}

static void
judge_connections(void)
{
	int			used = CountDBConnections(InvalidOid);

	set_alert(ALERT_CONNECTIONS,
			  used > alert_rule(ALERT_CONNECTIONS)->threshold * MaxConnections,
			  psprintf("%d of %d connections of the server are used", used, MaxConnections));
}

static void
judge_restarts(TimestampTz now)
{
	const AlertRule *rule = alert_rule(ALERT_WORKER_RESTARTS);
	int			n = meter_deaths_since(now - rule->interval);

	set_alert(ALERT_WORKER_RESTARTS, n > rule->threshold,
			  psprintf("%d workers died in the last " INT64_FORMAT " minutes", n,
					   rule->interval / USECS_PER_MINUTE));
}

/* Does one worker grow, look after look, for too long? */
static bool
grows(TimestampTz now, int64 interval)
{
	bool		result = false;

	if (memories == NULL)
	{
		memories = MemoryContextAllocZero(TopMemoryContext,
										  scheduler_shared->nworkers * sizeof(WorkerMemory));
		for (int i = 0; i < scheduler_shared->nworkers; i++)
			memories[i].growing_since = DT_NOEND;
	}
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	for (int i = 0; i < scheduler_shared->nworkers; i++)
	{
		const WorkerSlot *slot = &scheduler_shared->workers[i];
		WorkerMemory *before = &memories[i];

		if (slot->state == WORKER_FREE || slot->database != MyDatabaseId ||
			slot->generation != before->generation || slot->memory <= before->memory)
			before->growing_since = DT_NOEND;
		else if (before->growing_since == DT_NOEND)
			before->growing_since = now - USECS_PER_MINUTE;
		before->generation = slot->generation;
		before->memory = slot->memory;
		result |= before->growing_since != DT_NOEND && now - before->growing_since >= interval;
	}
	LWLockRelease(scheduler_shared->lock);
	return result;
}

static void
judge_memory(TimestampTz now)
{
	const AlertRule *rule = alert_rule(ALERT_MEMORY_GROWTH);

	set_alert(ALERT_MEMORY_GROWTH, grows(now, rule->interval),
			  psprintf("the memory of a worker has grown for " INT64_FORMAT " minutes",
					   rule->interval / USECS_PER_MINUTE));
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

static void
without_next_time(void)
{
	int64	   *job_ids;
	int			n = catalog_find_jobs_without_next(&job_ids);
	char	   *first = n > 0 ? psprintf(" (job " INT64_FORMAT ")", job_ids[0]) : "";

	set_alert(ALERT_JOB_WITHOUT_NEXT_TIME, n > 0,
			  psprintf("%d active %s no next time%s", n, n == 1 ? "job has" : "jobs have", first));
}

typedef struct MinuteBatch
{
	MinuteRow  *rows;
	int			nrows;
	int			maxrows;
	JobMeter  **meters;
	int			nmeters;
	int			maxmeters;
	TimestampTz now;
} MinuteBatch;

static bool
tally_is_empty(const Tally *tally)
{
	return tally->succeeded + tally->failed + tally->timed_out + tally->cancelled +
		tally->lost == 0;
}

static MinuteRow *
row_of(MinuteBatch *batch, const JobMeter *meter)
{
	MinuteRow  *row;

	for (int i = 0; i < batch->nrows; i++)
		if (batch->rows[i].owner == meter->owner &&
			strcmp(batch->rows[i].queue, meter->queue) == 0)
			return &batch->rows[i];
	if (batch->nrows == batch->maxrows)
	{
		batch->maxrows = Max(16, batch->maxrows * 2);
		batch->rows = batch->rows == NULL ? palloc(batch->maxrows * sizeof(MinuteRow)) :
			repalloc(batch->rows, batch->maxrows * sizeof(MinuteRow));
	}
	row = &batch->rows[batch->nrows++];
	memset(row, 0, sizeof(*row));
	row->owner = meter->owner;
	row->queue = pstrdup(meter->queue);
	return row;
}

static void
add_tally(Tally *to, const Tally *tally)
{
	to->succeeded += tally->succeeded;
	to->failed += tally->failed;
	to->timed_out += tally->timed_out;
	to->cancelled += tally->cancelled;
	to->lost += tally->lost;
	to->retries += tally->retries;
	to->timed += tally->timed;
	to->duration += tally->duration;
	to->max_duration = Max(to->max_duration, tally->max_duration);
	to->lateness += tally->lateness;
	to->max_lateness = Max(to->max_lateness, tally->max_lateness);
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		to->buckets[i] += tally->buckets[i];
}

static void
collect(JobMeter *meter, void *arg)
{
	MinuteBatch *batch = arg;

	if (tally_is_empty(&meter->tally))
		return;
	add_tally(&row_of(batch, meter)->tally, &meter->tally);
	if (batch->nmeters == batch->maxmeters)
	{
		batch->maxmeters = Max(64, batch->maxmeters * 2);
		batch->meters = batch->meters == NULL ?
			palloc(batch->maxmeters * sizeof(JobMeter *)) :
			repalloc(batch->meters, batch->maxmeters * sizeof(JobMeter *));
	}
	batch->meters[batch->nmeters++] = meter;
}

/* What has slid out of its window may be healthy now, or forgotten. */
static void
age(JobMeter *meter, void *arg)
{
	TimestampTz now = *(TimestampTz *) arg;

	if (meter_window(meter, now).attempts > 0 || meter->raised != 0 ||
		meter->state != HEALTH_HEALTHY)
		meter_touch(meter);
	else if (!meter->dirty && tally_is_empty(&meter->tally))
		meter_forget(meter);
}

static void
write_scheduler_minute(TimestampTz minute)
{
	SchedulerMinute figures;

	copy_workers(&figures);
	figures.backlog = run_queue_ready_count();
	figures.waiting = run_queue_count() - figures.backlog - figures.running;
	figures.restarts = meter_take_deaths();
	catalog_insert_scheduler_minute(&figures, minute);
}

/* Write the tallies, and clear them after the commit. */
static void
write_minute(TimestampTz now)
{
	MinuteBatch batch = {.now = now};
	TimestampTz minute = start_of_interval(now);
	MemoryContext context = CurrentMemoryContext;

	meter_foreach(collect, &batch);
	StartTransactionCommand();
	if (batch.nrows > 0)
		catalog_insert_minutes(batch.rows, batch.nrows, minute);
	for (int i = 0; i < batch.nmeters; i += JUDGE_BATCH)
		catalog_add_job_metrics(batch.meters + i, Min(JUDGE_BATCH, batch.nmeters - i));
	write_scheduler_minute(minute);
	catalog_delete_old_minutes(now - (int64) pg_scheduler_metrics_retention * USECS_PER_MINUTE);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	for (int i = 0; i < batch.nmeters; i++)
		meter_clear_tally(batch.meters[i]);
	meter_tallies_written();
}

/*
 * The whole
 */

/* Work whose cost grows with the number of jobs takes a hundredth of the time. */
static TimestampTz
not_before(TimestampTz begun, int64 at_least)
{
	return clock_now() + Max(100 * (clock_now() - begun), at_least);
}

static void
clean(TimestampTz now)
{
	StartTransactionCommand();
	if (pg_scheduler_monitoring)
		without_next_time();
	catalog_delete_gone_health();
	(void) catalog_delete_old_alerts(now - (int64) pg_scheduler_history_retention *
									 USECS_PER_MINUTE);
	CommitTransactionCommand();
	next_cleaning = not_before(now, USECS_PER_MINUTE);
}

static void
each_minute(TimestampTz now)
{
	if (meter_tallied() || run_queue_count() > 0)
		write_minute(now);
	if (pg_scheduler_monitoring)
		judge_memory(now);
	if (next_cleaning <= now)
		clean(now);
	meter_foreach(age, &now);
}

static void
judge_server(TimestampTz now)
{
	judge_workers(now);
	judge_connections();
	judge_restarts(now);
}

static void
each_judgement(TimestampTz now)
{
	MemoryContext context = CurrentMemoryContext;

	if (next_server <= now)
	{
		if (pg_scheduler_monitoring)
			judge_server(now);
		next_server = now + SERVER_INTERVAL;
	}
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	if (pg_scheduler_monitoring)
		judge_jobs(now);
	if (next_queues <= now)
	{
		TimestampTz begun = clock_now();

		judge_queues(now);
		queues_requested = false;
		next_queues = not_before(begun, 0);
	}
	if (requested)
	{
		(void) catalog_resolve_gone_alerts(now);
		catalog_resolve_gone_queue_alerts(now);
	}
	if (recovery_active() && pg_scheduler_monitoring)
	{
		(void) job_cache_write();
		recovery_step(now);
	}
	CommitTransactionCommand();
	job_cache_written(true);
	requested = false;
}

/* It is not known what was written: write it again. */
static void
distrust(JobMeter *meter, void *arg)
{
	meter->state = HEALTH_UNKNOWN;
	meter_touch(meter);
}

/* Call one of the above.  An error is logged, and the work done later. */
static void
guarded(void (*task) (TimestampTz now), TimestampTz now)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		task(now);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		errcontext("pg_scheduler monitoring");
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		job_cache_written(false);
		meter_foreach(distrust, NULL);
		not_again_before = clock_now() + ERROR_DELAY;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
}

/* There is something that can change without a run that ends. */
static bool
watching(void)
{
	return run_queue_ready_count() > 0 || busy_since != DT_NOEND ||
		(raised & ~(1 << ALERT_SCHEDULER_STOPPED)) != 0;
}

static bool
to_judge(void)
{
	return pg_scheduler_monitoring && meter_dirty_count() > 0;
}

static int64
judgement_interval(void)
{
	return (int64) pg_scheduler_monitor_interval * 1000;
}

TimestampTz
monitor_next_time(void)
{
	TimestampTz result = DT_NOEND;

	if (to_judge() || requested)
		result = next_judgement;
	if (queues_requested)
		result = Min(result, Max(next_queues, next_judgement));
	if (pg_scheduler_monitoring)
		result = Min(result, Max(recovery_next_time(), next_judgement));
	if (watching())
		result = Min(result, Max(next_server, next_judgement));
	if (meter_count() > 0 || run_queue_count() > 0)
		result = Min(result, next_minute);
	return Max(result, not_again_before);
}

void
monitor(TimestampTz now)
{
	TimestampTz due = monitor_next_time();

	if (due > now)
		return;
	if (next_minute <= now)
	{
		next_minute = start_of_interval(now) + metrics_interval();
		guarded(each_minute, now);
	}
	guarded(each_judgement, now);
	next_judgement = to_judge() ? now : clock_now() + judgement_interval();
}

void
monitor_request(void)
{
	requested = queues_requested = true;
}

void
monitor_leave(TimestampTz now)
{
	if (meter_tallied())
		guarded(write_minute, now);
}

/*
 * Start
 */

static void
load_alert(const char *kind, int64 job_id, Oid owner, const char *queue,
		   int consecutive_failures, void *arg)
{
	int			i = alert_kind_from_name(kind);
	JobMeter   *meter;

	if (i < 0 || i >= ALERT_DEAD_LETTER)
		return;
	meter = meter_get(job_id, owner, queue);
	if (meter == NULL)
		return;
	meter->raised |= 1 << i;
	meter->consecutive_failures = consecutive_failures;
	meter_touch(meter);
}

static void
load_health(int64 job_id, Oid owner, const char *queue, const char *state,
			int consecutive_failures, void *arg)
{
	JobMeter   *meter = meter_get(job_id, owner, queue);

	if (meter == NULL)
		return;
	meter->state = health_state_from_name(state);
	meter->consecutive_failures = consecutive_failures;
	meter_touch(meter);
}

void
monitor_reload_rules(void)
{
	StartTransactionCommand();
	alert_rule_load();
	recovery_load();
	CommitTransactionCommand();
	alert_rule_limits(&limits);
	meter_set_width(alert_rule(ALERT_FAILURE_RATE)->interval / METER_SLOTS);
	meter_foreach(age, &(TimestampTz) {clock_now()});
	requested = true;
}

void
monitor_load(void)
{
	monitor_reload_rules();
	StartTransactionCommand();
	catalog_scan_open_alerts(load_alert, NULL);
	catalog_scan_unhealthy_jobs(load_health, NULL);
	CommitTransactionCommand();
	for (int kind = ALERT_LAST_OF_JOB + 1; kind < ALERT_KINDS; kind++)
		if (!(raised & (1 << kind)) && kind != ALERT_QUEUE_BACKLOG)
			alert_resolve(alert_kind_name(kind), SUBJECT_SCHEDULER);
	next_judgement = next_minute = DT_NOBEGIN;
}

void
monitor_init(void)
{
	meter_init();
}

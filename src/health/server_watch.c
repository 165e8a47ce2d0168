/*-------------------------------------------------------------------------
 *
 * server_watch.c
 *	  Alerts of the scheduler as a whole.
 *
 * What no job and no queue is to blame for:
 *
 *	alert					judged							from
 *	workers_exhausted		with jobs						slots, ready runs
 *	connections				with jobs						the server's connections
 *	worker_restarts			with jobs						job_metrics.c
 *	memory_growth			once in a metrics_interval		slots
 *	job_without_next_time	once in a minute, by			a walk over all jobs
 *							monitor_clean.c
 *	scheduler_stopped		when stop() or start() is read	scheduler_state
 *	scheduler_unhealthy		with jobs; when cycles fail		slots, errors
 *
 * "raised" has a bit for each alert that is open, as far as this process knows, so
 * that an alert is written when something changes, and not at each look.  After a
 * start it does not know what an earlier scheduler has left open:
 * server_watch_load() resolves what it has not raised itself.
 *
 * Thresholds and intervals are those of the rules (alert_rule.c).  An alert whose
 * rule is disabled is resolved.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "flow/lane_fill.h"
#include "flow/role_limit.h"
#include "health/metrics.h"
#include "health/server_watch.h"
#include "shared/connection_count.h"
#include "shared/shmem.h"
#include "shared/worker_wait.h"
#include "state/alert.h"
#include "state/alert_rule.h"
#include "state/job_metrics.h"
#include "state/run_queue.h"
#include "table/query_monitor.h"

#define SUBJECT_SCHEDULER	"pg_scheduler"
#define SUBJECT_STANDBY		"synchronous standby"

/* Memory of one worker, as of the last look */
typedef struct WorkerMemory
{
	uint64		generation;
	int64		memory;
	TimestampTz growing_since;	/* DT_NOEND: it does not grow */
	TimestampTz grown_at;		/* the last time */
} WorkerMemory;

static TimestampTz busy_since = DT_NOEND;
static uint64 raised = 0;		/* alerts of no job: ALERT_BIT() */
static WorkerMemory *memories = NULL;
static char told[256] = "";		/* why nothing runs, or empty */

/* What scheduler_unhealthy says of errors, and of standbys; "": nothing */
#define TOLD_LENGTH		SLOT_ERROR_LENGTH
static char errors_told[TOLD_LENGTH] = "";
static char standby_told[TOLD_LENGTH] = "";

static void
set_alert(AlertKind kind, bool holds, const char *message)
{
	uint64		bit = ALERT_BIT(kind);

	if (!alert_rule(kind)->enabled)
		holds = false;
	if (holds && !(raised & bit))
		alert_raise(kind, SUBJECT_SCHEDULER, 0, InvalidOid, message);
	else if (!holds && (raised & bit))
		alert_resolve(kind, SUBJECT_SCHEDULER);
	raised = holds ? raised | bit : raised & ~bit;
}

void
server_watch_stopped(const char *reason)
{
	uint64		bit = ALERT_BIT(ALERT_SCHEDULER_STOPPED);

	if (reason == NULL)
		raised |= bit;			/* one from before a start may be open still */
	else if (strncmp(reason, told, sizeof(told) - 1) != 0)
		raised &= ~bit;
	strlcpy(told, reason ? reason : "", sizeof(told));
	set_alert(ALERT_SCHEDULER_STOPPED, reason && shmem_monitoring(), reason);
}

/* Without rules: they may not have been read. */
static void
set_unhealthy(const char *subject, char *told, const char *reason)
{
	if (reason == NULL && told[0] != '\0')
		alert_resolve(ALERT_SCHEDULER_UNHEALTHY, subject);
	else if (reason != NULL && strncmp(reason, told, TOLD_LENGTH - 1) != 0)
		alert_raise(ALERT_SCHEDULER_UNHEALTHY, subject, 0, InvalidOid, reason);
	strlcpy(told, reason ? reason : "", TOLD_LENGTH);
}

void
server_watch_errors(const char *message)
{
	bool		is_new = message != NULL && strncmp(message, errors_told, TOLD_LENGTH - 1) != 0;

	set_unhealthy(SUBJECT_SCHEDULER, errors_told, message);
	if (!is_new)
		return;
	ereport(WARNING,
			(errmsg("pg_scheduler runs no jobs in this database"),
			 errdetail("The scheduler meets an error time after time: %s.", message)));
	/* nobody else would, as long as no cycle gets as far */
	alert_write();
}

static void
judge_standby(void)
{
	int			n = worker_wait_standby();

	set_unhealthy(SUBJECT_STANDBY, standby_told,
				  n > 0 ? "processes wait for a synchronous standby that is not there" : NULL);
}

static void
judge_workers(TimestampTz now)
{
	const AlertRule *rule = alert_rule(ALERT_WORKERS_EXHAUSTED);
	SchedulerMinute row;
	int64		waiting = lane_fill_waiting_count();
	bool		keeps_one = pg_scheduler_max_workers_per_role < 0;
	bool		exhausted;
	int			nwaiting;
	char	   *wait;

	metrics_of_workers(&row);
	if (row.workers_busy < (keeps_one ? role_limit_all_but_one() : row.max_workers) || waiting == 0)
		busy_since = DT_NOEND;
	else if (busy_since == DT_NOEND)
		busy_since = now;
	exhausted = busy_since != DT_NOEND && now - busy_since >= rule->interval;
	wait = exhausted ? worker_wait_common(&nwaiting) : NULL;
	set_alert(ALERT_WORKERS_EXHAUSTED, exhausted,
			  psprintf("%s " INT64_FORMAT " workers%s are busy, and " INT64_FORMAT " runs wait%s",
					   row.workers_busy < row.max_workers ? "all but one of" : "all",
					   row.max_workers,
					   row.workers_busy < row.max_workers ? ", which is kept for other roles," : "",
					   waiting,
					   wait ? psprintf("; %d of the workers wait for %s", nwaiting, wait) : ""));
}

static void
judge_connections(void)
{
	ConnectionCount count;
	int			usable;

	connection_count(&count);
	usable = count.max - count.reserved;
	set_alert(ALERT_CONNECTIONS,
			  count.used > alert_rule(ALERT_CONNECTIONS)->threshold * usable,
			  psprintf("%d of %d connections of the server are used (%d more are reserved)",
					   count.used, usable, count.reserved));
}

static void
judge_restarts(TimestampTz now)
{
	const AlertRule *rule = alert_rule(ALERT_WORKER_RESTARTS);
	int			n = job_metrics_deaths_since(now - rule->interval);

	set_alert(ALERT_WORKER_RESTARTS, n > rule->threshold,
			  psprintf("%d workers died in the last " INT64_FORMAT " minutes", n,
					   rule->interval / USECS_PER_MINUTE));
}

static void
remember_memory(void)
{
	memories = MemoryContextAllocZero(TopMemoryContext,
									  scheduler_shared->nworkers * sizeof(WorkerMemory));
	for (int i = 0; i < scheduler_shared->nworkers; i++)
		memories[i].growing_since = DT_NOEND;
}

/*
 * Has a worker done nothing but grow for the interval?  It may pause: a job
 * does not run all the time, and what it leaves behind is not the same each
 * time.  What has not grown for a third of the interval grows no more.
 */
static bool
grows(const WorkerSlot *slot, WorkerMemory *before, TimestampTz now, int64 interval)
{
	if (slot->state == WORKER_FREE || slot->database != MyDatabaseId ||
		slot->generation != before->generation || slot->memory < before->memory)
		before->growing_since = DT_NOEND;
	else if (slot->memory > before->memory)
	{
		if (before->growing_since == DT_NOEND)
			before->growing_since = now;
		before->grown_at = now;
	}
	else if (now - before->grown_at > interval / 3)
		before->growing_since = DT_NOEND;
	before->generation = slot->generation;
	before->memory = slot->memory;
	return before->growing_since != DT_NOEND && now - before->growing_since >= interval;
}

static bool
some_worker_grows(TimestampTz now, int64 interval)
{
	bool		result = false;

	if (memories == NULL)
		remember_memory();
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	for (int i = 0; i < scheduler_shared->nworkers; i++)
		result |= grows(&scheduler_shared->workers[i], &memories[i], now, interval);
	LWLockRelease(scheduler_shared->lock);
	return result;
}

void
server_watch_memory(TimestampTz now)
{
	const AlertRule *rule = alert_rule(ALERT_MEMORY_GROWTH);
	bool		growing = some_worker_grows(now, rule->interval) && rule->enabled;
	Database   *db;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	db = shmem_find_database(MyDatabaseId);
	if (db != NULL)
		db->memory_growing = growing;
	LWLockRelease(scheduler_shared->lock);
	set_alert(ALERT_MEMORY_GROWTH, growing,
			  psprintf("the memory of a worker has grown for " INT64_FORMAT " minutes",
					   rule->interval / USECS_PER_MINUTE));
}

void
server_watch_jobs(int64 count, int64 job_id)
{
	set_alert(ALERT_JOB_WITHOUT_NEXT_TIME, count > 0,
			  psprintf(INT64_FORMAT " active %s no next time (job " INT64_FORMAT ")",
					   count, count == 1 ? "job has" : "jobs have", job_id));
}

void
server_watch(TimestampTz now)
{
	judge_workers(now);
	judge_connections();
	judge_restarts(now);
	judge_standby();
}

bool
server_watch_open(void)
{
	return busy_since != DT_NOEND || standby_told[0] != '\0' ||
		(raised & ~ALERT_BIT(ALERT_SCHEDULER_STOPPED)) != 0;
}

void
server_watch_load(void)
{
	for (int kind = 0; kind < ALERT_KINDS; kind++)
		if (alert_kind(kind)->subject == ALERT_OF_SERVER && !(raised & ALERT_BIT(kind)))
			alert_resolve(kind, SUBJECT_SCHEDULER);
	if (errors_told[0] == '\0')
		alert_resolve(ALERT_SCHEDULER_UNHEALTHY, SUBJECT_SCHEDULER);
	if (standby_told[0] == '\0')
		alert_resolve(ALERT_SCHEDULER_UNHEALTHY, SUBJECT_STANDBY);
}

static void
note_open(const char *kind, const char *subject, void *arg)
{
	uint64	   *open = arg;
	int			i = alert_kind_from_name(kind);

	if (i >= 0 && strcmp(subject, SUBJECT_SCHEDULER) == 0)
		*open |= ALERT_BIT(i);
}

void
server_watch_compare(void)
{
	uint64		open = 0;

	query_scan_open_alerts_of_no_job(note_open, &open);
	raised &= open;
	set_alert(ALERT_SCHEDULER_STOPPED, told[0] != '\0' && shmem_monitoring(), told);
}

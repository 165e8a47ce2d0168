/*-------------------------------------------------------------------------
 *
 * recovery.c
 *	  Circuit breakers: hold a failing job back, and try it again.
 *
 *		too many failures		  delay over
 *	closed ------------> open ----------------> probing
 *	  ^						^		probe failed   |  |
 *	  |						+----------<-----------+  | out of restarts
 *	  |												  v
 *	  +---- a run succeeded, or recover() --------- given_up
 *
 * A job is paused while its circuit is not closed; the probe is a run of its
 * own, so that nothing of what the job has missed comes with it.  Whoever
 * pauses, resumes or disables the job himself closes the circuit: a pause
 * that recovery may end is always its own.
 *
 * The rows of jobs are those of users too, who may keep them locked for as
 * long as they like.  The scheduler passes over what is locked, and comes
 * back after a second.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "base/guc.h"
#include "base/process.h"
#include "flow/pause.h"
#include "flow/plan.h"
#include "flow/recovery.h"
#include "flow/repair.h"
#include "shared/change.h"
#include "state/alert.h"
#include "state/job_metrics.h"
#include "state/recovery_event.h"
#include "state/run_queue.h"
#include "table/job.h"
#include "table/query.h"
#include "table/query_monitor.h"
#include "table/query_recovery.h"
#include "table/rights.h"
#include "table/store.h"

/* What was locked is looked at again after: 1 s. */
#define LOCKED_DELAY	USECS_PER_SEC

#define SUBJECT_RECOVERY	"recovery"

static bool has_policies = false;
static bool requested = false;	/* somebody has called recover() */
static bool unanswered = false; /* and was put off, for a row was locked */
static int	forgiven = 0;		/* jobs whose error count was reset in this step */
static TimestampTz next_recovery_step = DT_NOEND;

void
recovery_load(void)
{
	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	has_policies = query_has_recovery();
	requested = has_policies;
	unanswered = false;
	next_recovery_step = has_policies ? query_next_probe(clock_now()) : DT_NOEND;
}

bool
recovery_has_work(void)
{
	return has_policies || pause_next_time() != DT_NOEND;
}

TimestampTz
recovery_next_time(void)
{
	return requested ? DT_NOBEGIN : Min(next_recovery_step, pause_next_time());
}

/* Reset the error count of a job, which is ours alone to write. */
static void
forgive(int64 job_id)
{
	JobEntry   *entry = job_cache_get(job_id);
	JobMetrics *metrics = job_metrics_find(job_id);
	int			failures;

	if (entry == NULL || entry->state.consecutive_failures == 0)
		return;
	failures = entry->state.consecutive_failures;
	recovery_event_of_job("reset", job_id, entry->job.owner, true,
						  psprintf(failures == 1 ? "%d failure was forgiven" :
								   "%d consecutive failures were forgiven", failures));
	entry->state.consecutive_failures = 0;
	job_cache_touch(entry);
	forgiven++;
	if (metrics != NULL)
		job_metrics_touch(metrics);
}

/*
 * recover()
 */

/* False: somebody has the job locked. */
static bool
recover_job(int64 job_id, TimestampTz now)
{
	JobEntry   *entry;
	JobMetrics *metrics;

	if (!query_force_close(job_id, now))
		return false;
	forgive(job_id);
	entry = job_cache_get(job_id);
	metrics = job_metrics_find(job_id);
	if (metrics != NULL)
		memset(metrics->window, 0, sizeof(metrics->window));
	if (entry != NULL)
		run_queue_release(entry);	/* whatever holds its runs is looked at again */
	repair_job(job_id);			/* it may have lost its next time, or runs */
	if (entry != NULL)
		plan_set_right(entry);
	return true;
}

static bool
recover_queue(const char *queue, TimestampTz now)
{
	int64	   *job_ids;
	int			n = query_find_failing_jobs_of(queue, &job_ids);
	bool		result = true;

	for (int i = 0; i < n; i++)
		result &= recover_job(job_ids[i], now);
	return result;
}

typedef struct Answer
{
	const RecoveryRequest *request;
	TimestampTz now;
} Answer;

static void
answer(void *arg)
{
	const Answer *answer = arg;
	const RecoveryRequest *request = answer->request;

	if (request->queue ? recover_queue(request->queue, answer->now) :
		recover_job(request->job_id, answer->now))
		query_end_request(request->event_id, "done", answer->now);
	else
		unanswered = true;
}

static void
answer_requests(TimestampTz now)
{
	RecoveryRequest *requests;
	int			n;

	if (!requested && !unanswered)
		return;
	n = query_find_requests(&requests);
	requested = unanswered = false;
	for (int i = 0; i < n; i++)
	{
		Answer		one = {&requests[i], now};

		if (!cycle_try_part(answer, &one, psprintf("recovery, request " INT64_FORMAT,
												   requests[i].event_id)))
			unanswered = true;
	}
}

/*
 * Circuits
 */

static void
probe(int64 job_id, TimestampTz now)
{
	Job			job;
	PendingRun	pending = {.started_at = DT_NOBEGIN};

	if (!store_read_job(job_id, NULL, &job))
		return;
	job_init_run(&job, TRIGGER_RECOVERY, clock_now(), &pending.run);
	store_insert_pending_run(&pending);
	change_note(CHANGE_RUN, pending.run.run_id);
	query_begin_probe(job_id, pending.run.run_id, now);
}

static void
raise_given_up(TimestampTz now)
{
	int64	   *job_ids;
	int			n = query_find_given_up(now, &job_ids);

	for (int i = 0; i < n; i++)
	{
		JobEntry   *entry = job_cache_get(job_ids[i]);

		if (entry != NULL)
			alert_raise(ALERT_GIVEN_UP, job_subject(job_ids[i]),
						job_ids[i], entry->job.owner,
						psprintf("job \"%s\" is held back: recovery has given it up",
								 entry->job.job_name));
	}
}

/* A step of all circuits, or of that of one job */
typedef struct Circuits
{
	int64		job_id;			/* 0: all */
	TimestampTz now;
	int64	   *closed;			/* jobs whose circuit was closed */
	int			nclosed;
} Circuits;

/* What people turn off with pg_scheduler.recovery. */
static void
hold_and_probe(void *arg)
{
	const Circuits *circuits = arg;
	int64	   *job_ids;
	int			n;

	(void) query_open_circuits(circuits->job_id, circuits->now);
	n = query_find_probes(circuits->job_id, circuits->now, &job_ids);
	for (int i = 0; i < n; i++)
		probe(job_ids[i], circuits->now);
}

static void
close_circuits(void *arg)
{
	Circuits   *circuits = arg;
	int64	   *ended;
	int			n;

	circuits->nclosed = query_close_circuits(circuits->job_id, circuits->now,
											 &circuits->closed);
	n = query_end_probes(circuits->job_id, circuits->now, &ended);
	circuits->closed = repalloc(circuits->closed,
								Max(circuits->nclosed + n, 1) * sizeof(int64));
	memcpy(circuits->closed + circuits->nclosed, ended, n * sizeof(int64));
	circuits->nclosed += n;
}

/* The failures that have opened a circuit do not open it again. */
static bool
step_circuits(CycleTask step, Circuits *circuits, const char *what)
{
	if (!cycle_try_part(step, circuits, what))
		return false;
	for (int i = 0; i < circuits->nclosed; i++)
		forgive(circuits->closed[i]);
	return true;
}

/* A circuit that cannot be moved on keeps no other from it: it is left out. */
static bool
step_all(CycleTask step, TimestampTz now)
{
	Circuits	all = {.now = now};
	int64	   *job_ids;
	int			n;

	if (step_circuits(step, &all, "recovery"))
		return true;
	n = query_find_circuits(&job_ids);
	for (int i = 0; i < n; i++)
	{
		Circuits	one = {.job_id = job_ids[i], .now = now};
		const char *what = psprintf("recovery of job " INT64_FORMAT ", which is left out",
									job_ids[i]);

		if (!step_circuits(step, &one, what))
			alert_raise(ALERT_JUDGEMENT_FAILED, SUBJECT_RECOVERY, 0, InvalidOid,
						psprintf("recovery passes over job " INT64_FORMAT
								 "; see the server log", job_ids[i]));
	}
	return false;
}

/* In two parts: who was forgiven must be written before circuits are opened. */
static void
step_both(TimestampTz now)
{
	static bool known = false;	/* that no alert is open */
	bool		done = step_all(close_circuits, now);

	if (forgiven > 0)
		(void) job_cache_write();
	if (pg_scheduler_recovery)
		done &= step_all(hold_and_probe, now);
	if (done && !known)
		alert_resolve(ALERT_JUDGEMENT_FAILED, SUBJECT_RECOVERY);
	known = done;
}

void
recovery_step(TimestampTz now)
{
	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	pause_step(now);
	forgiven = 0;
	(void) job_cache_write();
	if (has_policies)
	{
		(void) query_end_events(now);
		answer_requests(now);
		step_both(now);
		raise_given_up(now);
		(void) query_resolve_given_up(now);
	}
	next_recovery_step = has_policies && pg_scheduler_recovery ? query_next_probe(now) : DT_NOEND;
	if (next_recovery_step <= now)		/* something was passed over */
		next_recovery_step = now + LOCKED_DELAY;
	if (unanswered)
		next_recovery_step = Min(next_recovery_step, now + LOCKED_DELAY);
}

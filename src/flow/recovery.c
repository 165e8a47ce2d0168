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

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "base/clock.h"
#include "base/guc.h"
#include "flow/pause.h"
#include "flow/recovery.h"
#include "flow/repair.h"
#include "shared/change.h"
#include "state/alert.h"
#include "state/meter.h"
#include "state/recovery_event.h"
#include "state/run_queue.h"
#include "table/catalog.h"
#include "table/catalog_recovery.h"
#include "table/rights.h"
#include "table/store.h"

PG_FUNCTION_INFO_V1(pg_scheduler_set_recovery);
PG_FUNCTION_INFO_V1(pg_scheduler_drop_recovery);
PG_FUNCTION_INFO_V1(pg_scheduler_recover);
PG_FUNCTION_INFO_V1(pg_scheduler_recover_queue);

/* What was locked is looked at again after: 1 s. */
#define LOCKED_DELAY	USECS_PER_SEC

/* No policy waits longer. */
#define MAX_DELAY_DAYS	36500

static bool active = false;
static bool requested = false;	/* somebody has called recover() */
static bool unanswered = false; /* and was put off, for a row was locked */
static int	forgiven = 0;		/* jobs whose error count was reset in this step */
static TimestampTz next_step = DT_NOEND;

void
recovery_load(void)
{
	active = catalog_has_recovery();
	requested = active;
	unanswered = false;
	next_step = active ? catalog_next_probe(clock_now()) : DT_NOEND;
}

bool
recovery_active(void)
{
	return active || pause_next_time() != DT_NOEND;
}

TimestampTz
recovery_next_time(void)
{
	return requested ? DT_NOBEGIN : Min(next_step, pause_next_time());
}

/* Reset the error count of a job, which is ours alone to write. */
static void
forgive(int64 job_id)
{
	JobEntry   *entry = job_cache_get(job_id);
	JobMeter   *meter = meter_find(job_id);
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
	if (meter != NULL)
		meter_touch(meter);
}

/*
 * recover()
 */

/* False: somebody has the job locked. */
static bool
mend_job(int64 job_id, TimestampTz now)
{
	JobEntry   *entry;
	JobMeter   *meter;

	if (!catalog_force_close(job_id, now))
		return false;
	forgive(job_id);
	entry = job_cache_get(job_id);
	meter = meter_find(job_id);
	if (meter != NULL)
		memset(meter->window, 0, sizeof(meter->window));
	if (entry != NULL)
		run_queue_release(entry);	/* whatever holds its runs is looked at again */
	repair_job(job_id);			/* it may have lost its next time, or runs */
	return true;
}

static bool
mend_queue(const char *queue, TimestampTz now)
{
	int64	   *job_ids;
	int			n = catalog_find_failing_jobs_of(queue, &job_ids);
	bool		result = true;

	for (int i = 0; i < n; i++)
		result &= mend_job(job_ids[i], now);
	return result;
}

static void
answer_requests(TimestampTz now)
{
	RecoveryRequest *requests;
	int			n;

	if (!requested && !unanswered)
		return;
	n = catalog_find_requests(&requests);
	requested = unanswered = false;
	for (int i = 0; i < n; i++)
	{
		RecoveryRequest *request = &requests[i];

		if (request->queue ? mend_queue(request->queue, now) :
			mend_job(request->job_id, now))
			catalog_end_request(request->event_id, "done", now);
		else
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
	catalog_begin_probe(job_id, pending.run.run_id, now);
}

static void
raise_given_up(TimestampTz now)
{
	int64	   *job_ids;
	int			n = catalog_find_given_up(now, &job_ids);

	for (int i = 0; i < n; i++)
	{
		JobEntry   *entry = job_cache_get(job_ids[i]);

		if (entry != NULL)
			alert_raise(ALERT_GIVEN_UP, psprintf("job " INT64_FORMAT, job_ids[i]),
						job_ids[i], entry->job.owner,
						psprintf("job \"%s\" is held back: recovery has given it up",
								 entry->job.job_name));
	}
}

/* What people turn off with pg_scheduler.recovery. */
static void
hold_and_probe(TimestampTz now)
{
	int64	   *job_ids;
	int			n;

	(void) catalog_open_circuits(now);
	n = catalog_find_probes(now, &job_ids);
	for (int i = 0; i < n; i++)
		probe(job_ids[i], now);
}

/* The failures that have opened a circuit do not open it again. */
static void
forgive_all(const int64 *job_ids, int n)
{
	for (int i = 0; i < n; i++)
		forgive(job_ids[i]);
}

static void
close_circuits(TimestampTz now)
{
	int64	   *job_ids;
	int			n;

	n = catalog_close_circuits(now, &job_ids);
	forgive_all(job_ids, n);
	n = catalog_end_probes(now, &job_ids);
	forgive_all(job_ids, n);
}

void
recovery_step(TimestampTz now)
{
	pause_step(now);
	forgiven = 0;
	(void) job_cache_write();
	if (active)
	{
		(void) catalog_end_events(now);
		answer_requests(now);
		close_circuits(now);
		if (forgiven > 0)
			(void) job_cache_write();
		if (pg_scheduler_recovery)
			hold_and_probe(now);
		raise_given_up(now);
		(void) catalog_resolve_given_up(now);
	}
	next_step = active && pg_scheduler_recovery ? catalog_next_probe(now) : DT_NOEND;
	if (next_step <= now)		/* something was passed over */
		next_step = now + LOCKED_DELAY;
	if (unanswered)
		next_step = Min(next_step, now + LOCKED_DELAY);
}

/*
 * SQL-callable
 */

static void
invalid_policy(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid policy of recovery"),
			 errdetail("\"error_threshold\" must be at least 1, \"restart_delay\" longer than zero and at most %d days, and \"max_restarts\" not negative.",
					   MAX_DELAY_DAYS)));
}

Datum
pg_scheduler_set_recovery(PG_FUNCTION_ARGS)
{
	static const char *const names[] =
	{"error_threshold", "restart_delay", "max_restarts", "enabled"};
	int64		job_id = api_job(fcinfo);
	int64		delay;

	for (int i = 1; i <= 4; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("\"%s\" must not be null", names[i - 1])));
	delay = interval_usecs(PG_GETARG_INTERVAL_P(2));
	if (PG_GETARG_INT32(1) < 1 || PG_GETARG_INT32(3) < 0 ||
		delay <= 0 || delay > MAX_DELAY_DAYS * USECS_PER_DAY)
		invalid_policy();
	catalog_upsert_recovery(job_id, PG_GETARG_INT32(1), PG_GETARG_INTERVAL_P(2),
							PG_GETARG_INT32(3), PG_GETARG_BOOL(4));
	PG_RETURN_VOID();
}

Datum
pg_scheduler_drop_recovery(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(catalog_delete_recovery(api_job(fcinfo)));
}

Datum
pg_scheduler_recover(PG_FUNCTION_ARGS)
{
	int64		job_id = api_job(fcinfo);
	Oid			owner = InvalidOid;
	int64		event_id;

	(void) catalog_find_job_owner(job_id, &owner);
	event_id = catalog_request_recovery(psprintf("job " INT64_FORMAT, job_id), job_id,
										owner, NULL, clock_now());
	change_note(CHANGE_RULES, 0);
	PG_RETURN_INT64(event_id);
}

Datum
pg_scheduler_recover_queue(PG_FUNCTION_ARGS)
{
	char	   *queue;
	int64		event_id;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"queue_name\" must not be null")));
	rights_require_admin("recover_queue");
	queue = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!catalog_queue_exists(queue))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("queue \"%s\" does not exist", text_clip(queue, 64))));
	event_id = catalog_request_recovery(psprintf("queue %s", queue), 0, InvalidOid, queue,
										clock_now());
	change_note(CHANGE_QUEUES, 0);	/* what waits in it is looked at again */
	change_note(CHANGE_RULES, 0);
	PG_RETURN_INT64(event_id);
}

/*-------------------------------------------------------------------------
 *
 * recovery.c
 *	  Circuit breakers: hold a failing job back, and try it again.
 *
 *		too many failures		  delay over
 *	closed ------------> open ----------------> probing
 *	  ^					  ^ |		probe failed   |	|
 *	  |					  | +----<-----------------+	| out of restarts
 *	  |					  | recover()					v
 *	  +---- a success ----+------------------------- given_up
 *
 * A job is paused while its circuit is not closed; the probe is a run of its
 * own, so that nothing of what the job has missed comes with it.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "catalog_recovery.h"
#include "change.h"
#include "clock.h"
#include "recovery.h"
#include "rights.h"
#include "store.h"

PG_FUNCTION_INFO_V1(pg_scheduler_set_recovery);
PG_FUNCTION_INFO_V1(pg_scheduler_drop_recovery);
PG_FUNCTION_INFO_V1(pg_scheduler_recover);

static bool active = false;
static TimestampTz next_probe = DT_NOEND;

void
recovery_load(void)
{
	active = catalog_has_recovery();
	next_probe = active ? catalog_next_probe() : DT_NOEND;
}

bool
recovery_active(void)
{
	return active;
}

TimestampTz
recovery_next_time(void)
{
	return next_probe;
}

static void
add_probe(int64 job_id)
{
	Job			job;
	PendingRun	pending = {.started_at = DT_NOBEGIN};

	if (!store_read_job(job_id, NULL, &job))
		return;
	pending.run.job_id = job_id;
	pending.run.owner = job.owner;
	pending.run.attempt = 1;
	pending.run.priority = job.priority;
	pending.run.scheduled_at = clock_now();
	pending.run.due_at = pending.run.scheduled_at;
	pending.run.trigger = TRIGGER_MANUAL;
	store_insert_pending_run(&pending);
	change_note(CHANGE_RUN, pending.run.run_id);
}

void
recovery_step(TimestampTz now)
{
	int64	   *job_ids;
	int			n;

	(void) catalog_close_circuits(now);
	(void) catalog_fail_probes(now);
	(void) catalog_open_circuits(now);
	n = catalog_find_probes(now, &job_ids);
	for (int i = 0; i < n; i++)
		add_probe(job_ids[i]);
	next_probe = catalog_next_probe();
}

/*
 * SQL-callable
 */

static int64
managed_job(FunctionCallInfo fcinfo)
{
	int64		job_id;
	Oid			owner;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"job\" must not be null")));
	job_id = PG_GETARG_INT64(0);
	if (!catalog_find_job_owner(job_id, &owner) || !rights_can_manage(owner))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job " INT64_FORMAT " does not exist", job_id)));
	return job_id;
}

Datum
pg_scheduler_set_recovery(PG_FUNCTION_ARGS)
{
	int64		job_id = managed_job(fcinfo);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3) ||
		PG_GETARG_INT32(1) < 1 || PG_GETARG_INT32(3) < 0 ||
		interval_usecs(PG_GETARG_INTERVAL_P(2)) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid policy of recovery"),
				 errdetail("\"error_threshold\" must be at least 1, \"restart_delay\" longer than zero, and \"max_restarts\" not negative.")));
	catalog_upsert_recovery(job_id, PG_GETARG_INT32(1), PG_GETARG_INTERVAL_P(2),
							PG_GETARG_INT32(3));
	PG_RETURN_VOID();
}

Datum
pg_scheduler_drop_recovery(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(catalog_delete_recovery(managed_job(fcinfo)));
}

Datum
pg_scheduler_recover(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(catalog_hasten_probe(managed_job(fcinfo), clock_now()));
}

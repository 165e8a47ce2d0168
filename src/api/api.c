/*-------------------------------------------------------------------------
 *
 * api.c
 *	  SQL-callable functions: jobs, runs, dead letters.
 *
 * None is SECURITY DEFINER.  Each checks what its caller may do, and query.c
 * and store.c then do what the caller's own rights would not allow.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/argument.h"
#include "api/chain_api.h"
#include "api/dependency_api.h"
#include "api/job_definition.h"
#include "api/role_limit_api.h"
#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "record/run_cancel.h"
#include "shared/change.h"
#include "shared/shmem.h"
#include "shared/worker_slot.h"
#include "table/fit.h"
#include "table/job.h"
#include "table/query.h"
#include "table/rights.h"

PG_FUNCTION_INFO_V1(pg_scheduler_check_preload);
PG_FUNCTION_INFO_V1(pg_scheduler_schedule_job);
PG_FUNCTION_INFO_V1(pg_scheduler_alter_job);
PG_FUNCTION_INFO_V1(pg_scheduler_unschedule_job);
PG_FUNCTION_INFO_V1(pg_scheduler_pause_job);
PG_FUNCTION_INFO_V1(pg_scheduler_stop_job);
PG_FUNCTION_INFO_V1(pg_scheduler_restart_job);
PG_FUNCTION_INFO_V1(pg_scheduler_resume_job);
PG_FUNCTION_INFO_V1(pg_scheduler_run_job);
PG_FUNCTION_INFO_V1(pg_scheduler_cancel_run);
PG_FUNCTION_INFO_V1(pg_scheduler_redrive_dead_letter);
PG_FUNCTION_INFO_V1(pg_scheduler_redrive_dead_letters);
PG_FUNCTION_INFO_V1(pg_scheduler_discard_dead_letter);
PG_FUNCTION_INFO_V1(pg_scheduler_retry_run);

static void
warn_not_preloaded(void)
{
	ereport(WARNING,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("pg_scheduler is not loaded by the server: no job will run"),
			 errhint("Add pg_scheduler to shared_preload_libraries and restart the server.")));
}

/* Called by the install script. */
Datum
pg_scheduler_check_preload(PG_FUNCTION_ARGS)
{
	if (!shmem_available())
		warn_not_preloaded();
	PG_RETURN_VOID();
}

void
api_require(FunctionCallInfo fcinfo, int arg, const char *name)
{
	fit_require_version();
	argument_require(fcinfo, arg, name);
}

static int64
job_by_name(const char *name)
{
	int64		job_id;

	if (!query_find_job(GetUserId(), name, &job_id))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job \"%s\" does not exist", job_clip_text(name, JOB_NAME_LENGTH)),
				 errhint("A job is found by name among those that \"%s\" owns; use the job_id for others.",
						 GetUserNameFromId(GetUserId(), false))));
	return job_id;
}

static int64
job_by_id(int64 job_id)
{
	Oid			owner;

	if (!query_find_job_owner(job_id, &owner) || !rights_can_manage(owner))
		job_not_found(job_id);
	return job_id;
}

bool
api_takes_name(FunctionCallInfo fcinfo)
{
	Oid		   *types;
	int			ntypes;

	(void) get_func_signature(fcinfo->flinfo->fn_oid, &types, &ntypes);
	return types[0] == TEXTOID;
}

int64
api_job(FunctionCallInfo fcinfo)
{
	api_require(fcinfo, 0, "job");
	return api_takes_name(fcinfo) ? job_by_name(TextDatumGetCString(PG_GETARG_DATUM(0))) :
		job_by_id(PG_GETARG_INT64(0));
}

TimestampTz
api_stop_deadline(FunctionCallInfo fcinfo, int arg)
{
	int64		grace = PG_ARGISNULL(arg) ? (int64) pg_scheduler_shutdown_grace * 1000 :
		job_interval_usecs(PG_GETARG_INTERVAL_P(arg));

	if (grace < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"timeout\" must not be negative")));
	return clock_now() + Min(grace, INTERVAL_MAX_USECS);
}

/*
 * Jobs
 */

/* A definition has been stored: refuse it after all if it can never run. */
static void
check_future(int64 job_id, const JobDefinition *def)
{
	Job			job;

	if (store_read_job(job_id, NULL, &job))
		job_definition_check_future(def, &job);
}

int64
api_store_job(JobDefinition *def, bool replace)
{
	int64		job_id;

	job_definition_check(def);
	if (!shmem_available())
		warn_not_preloaded();
	job_id = query_upsert_job(def, replace);
	role_limit_check_jobs(DatumGetObjectId(def->values[JOB_OWNER - 1]));
	check_future(job_id, def);
	return job_id;
}

Datum
pg_scheduler_schedule_job(PG_FUNCTION_ARGS)
{
	ArrayType  *depends_on = dependency_argument(fcinfo);
	JobDefinition def;
	ChainOptions chain;
	int64		job_id;

	fit_require_version();
	job_definition_init(&def, JOB_SQL);
	job_definition_set(&def, fcinfo);
	chain_api_get(&chain, fcinfo, false);
	chain_api_define(&chain, &def);
	job_id = api_store_job(&def, argument_bool(fcinfo, "replace", true));
	chain_api_store(&chain, &def, job_id);
	dependency_set_of_job(job_id, DatumGetObjectId(def.values[JOB_OWNER - 1]), depends_on);
	PG_RETURN_INT64(job_id);
}

/* A new name, or a new owner, must not be that of another job. */
static void
check_name_is_free(int64 job_id, const JobDefinition *def)
{
	char	   *name = TextDatumGetCString(def->values[JOB_JOB_NAME - 1]);
	Oid			owner = DatumGetObjectId(def->values[JOB_OWNER - 1]);
	int64		other;

	if (query_find_job(owner, name, &other) && other != job_id)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("role \"%s\" has another job \"%s\"",
						GetUserNameFromId(owner, false), name)));
}

Datum
pg_scheduler_alter_job(PG_FUNCTION_ARGS)
{
	int64		job_id = api_job(fcinfo);
	ArrayType  *depends_on = dependency_argument(fcinfo);
	JobDefinition def;
	ChainOptions chain;
	Oid			owner;

	chain_api_get(&chain, fcinfo, true);
	query_read_definition(job_id, &def);
	job_definition_guard(&def, fcinfo);
	job_definition_set(&def, fcinfo);
	job_definition_reset(&def, fcinfo);
	chain_api_define(&chain, &def);
	def.values[JOB_ANCHOR - 1] = TimestampTzGetDatum(clock_now());
	job_definition_check(&def);
	check_name_is_free(job_id, &def);
	query_update_job(job_id, &def);
	check_future(job_id, &def);
	chain_api_store(&chain, &def, job_id);
	owner = DatumGetObjectId(def.values[JOB_OWNER - 1]);
	role_limit_check_jobs(owner);
	if (depends_on != NULL)
		dependency_set_of_job(job_id, owner, depends_on);
	else
		dependency_check_job(job_id, owner);
	PG_RETURN_VOID();
}

static CancelReason
cancelled_by_caller(CancelCause cause)
{
	return (CancelReason) {cause, GetUserId()};
}

Datum
pg_scheduler_unschedule_job(PG_FUNCTION_ARGS)
{
	int64		job_id = api_job(fcinfo);
	bool		cancel = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);

	dependency_refuse_drop_of_job(job_id);
	chain_api_release_followers(job_id, !PG_ARGISNULL(2) && PG_GETARG_BOOL(2));
	(void) run_cancel_all_of(job_id, cancel ? DT_NOBEGIN : DT_NOEND, "the job was dropped",
							 cancelled_by_caller(CANCEL_JOB_DROPPED));
	query_delete_job(job_id);
	PG_RETURN_VOID();
}

Datum
pg_scheduler_pause_job(PG_FUNCTION_ARGS)
{
	int64		job_id = api_job(fcinfo);
	TimestampTz until = PG_ARGISNULL(3) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(3);
	char	   *reason;

	argument_check_sizes(fcinfo);
	if (!PG_ARGISNULL(3) && (TIMESTAMP_NOT_FINITE(until) || until <= clock_now()))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for \"until\""),
				 errdetail("It must be a time in the future.")));
	reason = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	query_pause_job(job_id, clock_now(), reason);
	query_set_paused_until(job_id, until);
	if (!PG_ARGISNULL(2) && PG_GETARG_BOOL(2))
		(void) run_cancel_all_of(job_id, DT_NOBEGIN, "the job was paused",
								 cancelled_by_caller(CANCEL_JOB_PAUSED));
	PG_RETURN_VOID();
}

Datum
pg_scheduler_stop_job(PG_FUNCTION_ARGS)
{
	int64		job_id = api_job(fcinfo);
	TimestampTz deadline = api_stop_deadline(fcinfo, 1);

	query_pause_job(job_id, clock_now(), "stopped by stop_job()");
	PG_RETURN_INT64(run_cancel_all_of(job_id, deadline, "the job was stopped",
									  cancelled_by_caller(CANCEL_JOB_STOPPED)));
}

Datum
pg_scheduler_resume_job(PG_FUNCTION_ARGS)
{
	int64		job_id = api_job(fcinfo);
	char	   *misfire = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));

	if (misfire != NULL && strcmp(misfire, "skip") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for \"misfire\""),
				 errdetail("It is \"skip\" or null: the job's own policy.")));
	query_resume_job(job_id, misfire != NULL ? clock_now() : DT_NOBEGIN);
	PG_RETURN_VOID();
}

/*
 * Runs
 */

static int64
add_run_by_hand(int64 job_id, RunTrigger trigger, TimestampTz scheduled_at, Jsonb *args,
				int64 redriven_from)
{
	Job			job;
	PendingRun	pending = {.started_at = DT_NOBEGIN};

	if (!store_read_job(job_id, NULL, &job))
		job_not_found(job_id);
	role_limit_check_runs(job.owner);
	job_init_run(&job, trigger, scheduled_at, &pending.run);
	pending.run.due_at = clock_now();
	pending.args = args;
	pending.redriven_from = redriven_from;
	store_insert_pending_run(&pending);
	change_note(CHANGE_RUN, pending.run.run_id);
	if (!shmem_available())
		warn_not_preloaded();
	return pending.run.run_id;
}

int64
api_run_now(int64 job_id)
{
	return add_run_by_hand(job_id, TRIGGER_MANUAL, clock_now(), NULL, 0);
}

Datum
pg_scheduler_run_job(PG_FUNCTION_ARGS)
{
	int64		job_id = api_job(fcinfo);
	Jsonb	   *args;
	Oid			owner;

	argument_check_sizes(fcinfo);
	args = PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1);
	if (args != NULL && query_find_job_owner(job_id, &owner) && !rights_can_run_as(owner))
		job_definition_deny(owner, "args");
	PG_RETURN_INT64(add_run_by_hand(job_id, TRIGGER_MANUAL, clock_now(), args, 0));
}

/* The new run goes to the end of what the job runs, which is about to end. */
Datum
pg_scheduler_restart_job(PG_FUNCTION_ARGS)
{
	int64		job_id = api_job(fcinfo);
	TimestampTz deadline = api_stop_deadline(fcinfo, 1);

	(void) worker_slot_cancel_job(job_id, deadline, cancelled_by_caller(CANCEL_JOB_RESTARTED));
	PG_RETURN_INT64(api_run_now(job_id));
}

/* A run that the caller may manage; an error if there is none. */
void
api_check_run(int64 run_id)
{
	Oid			owner;

	if (!query_find_run_owner(run_id, &owner) || !rights_can_manage(owner))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("run " INT64_FORMAT " does not exist", run_id)));
}

Datum
pg_scheduler_cancel_run(PG_FUNCTION_ARGS)
{
	int64		run_id;

	api_require(fcinfo, 0, "run_id");
	run_id = PG_GETARG_INT64(0);
	api_check_run(run_id);
	PG_RETURN_BOOL(run_cancel(run_id, cancelled_by_caller(CANCEL_RUN)));
}

/*
 * Dead letters
 */

static int64
redrive(const DeadLetter *letter)
{
	int64		run_id = add_run_by_hand(letter->job_id, TRIGGER_REDRIVE,
										 letter->scheduled_at, letter->args, letter->run_id);

	if (letter->dead_letter_id != 0)
		query_mark_redriven(letter->dead_letter_id, clock_now());
	return run_id;
}

static bool
find_dead_letter(int64 id, DeadLetter *letter)
{
	return query_read_dead_letter(id, letter) && rights_can_manage(letter->owner);
}

static void
get_dead_letter(int64 id, DeadLetter *letter)
{
	if (!find_dead_letter(id, letter))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("dead letter " INT64_FORMAT " does not exist", id)));
}

/* The same of one that was not redriven. */
static void
lock_letter(int64 id, DeadLetter *letter)
{
	get_dead_letter(id, letter);
	if (letter->redriven)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("dead letter " INT64_FORMAT " was redriven before", id)));
}

Datum
pg_scheduler_redrive_dead_letter(PG_FUNCTION_ARGS)
{
	DeadLetter	letter;

	api_require(fcinfo, 0, "id");
	lock_letter(PG_GETARG_INT64(0), &letter);
	/* its owner may have lost the job */
	(void) job_by_id(letter.job_id);
	PG_RETURN_INT64(redrive(&letter));
}

Datum
pg_scheduler_redrive_dead_letters(PG_FUNCTION_ARGS)
{
	int64		job_id = api_job(fcinfo);
	int64	   *ids;
	int			n = query_find_dead_letters(job_id, &ids);
	int64		redriven = 0;

	/* those that are another role's, or that somebody else has just dealt with, stay */
	for (int i = 0; i < n; i++)
	{
		DeadLetter	letter;

		if (!find_dead_letter(ids[i], &letter) || letter.redriven)
			continue;
		(void) redrive(&letter);
		redriven++;
	}
	PG_RETURN_INT64(redriven);
}

Datum
pg_scheduler_discard_dead_letter(PG_FUNCTION_ARGS)
{
	DeadLetter	letter;

	api_require(fcinfo, 0, "id");
	get_dead_letter(PG_GETARG_INT64(0), &letter);
	query_delete_dead_letter(letter.dead_letter_id);
	query_delete_spent_request(letter.job_id);
	change_note(CHANGE_RUN, letter.run_id);
	PG_RETURN_VOID();
}

Datum
pg_scheduler_retry_run(PG_FUNCTION_ARGS)
{
	DeadLetter	run;
	PendingRun	pending;
	int64		run_id;

	api_require(fcinfo, 0, "run_id");
	run_id = PG_GETARG_INT64(0);
	api_check_run(run_id);
	if (store_read_pending(run_id, &pending) || !query_read_finished_run(run_id, &run))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("run " INT64_FORMAT " is not over", run_id),
				 errhint("Wait for it with scheduler.wait_for_run(), or end it with scheduler.cancel_run().")));
	(void) job_by_id(run.job_id);
	if (query_occurrence_pending(run.job_id, run.scheduled_at))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the occurrence of run " INT64_FORMAT " is being run again", run_id)));
	if (run.dead_letter_id != 0)
		lock_letter(run.dead_letter_id, &run);
	PG_RETURN_INT64(redrive(&run));
}

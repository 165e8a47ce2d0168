/*-------------------------------------------------------------------------
 *
 * hook_api.c
 *	  SQL-callable functions: hooks and health checks.
 *
 * A hook is a job of the owner of the job that it serves: whatever it executes
 * has the rights of that role and no others, and only who may SET ROLE to it
 * can say what that is.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/argument.h"
#include "api/job_definition.h"
#include "base/clock.h"
#include "table/job.h"
#include "table/query.h"
#include "table/query_hook.h"
#include "table/rights.h"
#include "table/row.h"

PG_FUNCTION_INFO_V1(pg_scheduler_job_id);
PG_FUNCTION_INFO_V1(pg_scheduler_hook_owner);
PG_FUNCTION_INFO_V1(pg_scheduler_hook_name);
PG_FUNCTION_INFO_V1(pg_scheduler_add_hook);
PG_FUNCTION_INFO_V1(pg_scheduler_drop_hook);
PG_FUNCTION_INFO_V1(pg_scheduler_report_health);
PG_FUNCTION_INFO_V1(pg_scheduler_hook_deleted);
PG_FUNCTION_INFO_V1(pg_scheduler_owner_changed);

static char *
required_text(FunctionCallInfo fcinfo, int arg, const char *name)
{
	argument_require(fcinfo, arg, name);
	argument_check_sizes(fcinfo);
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

/* The id of one of the caller's own jobs, by its name */
Datum
pg_scheduler_job_id(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(api_job(fcinfo));
}

/* The role that a hook of a job runs as */
Datum
pg_scheduler_hook_owner(PG_FUNCTION_ARGS)
{
	int64		job_id = api_job(fcinfo);
	Oid			owner = InvalidOid;

	if (query_job_serves(job_id))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("job " INT64_FORMAT " serves another, and has no hooks of its own",
						job_id)));
	(void) query_find_job_owner(job_id, &owner);
	PG_RETURN_OID(owner);
}

static void
unknown_event(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no event \"%s\" of a job", job_clip_text(name, 64)),
			 errhint("Use one of start, stop, cleanup.")));
}

static HookEvent
event_arg(FunctionCallInfo fcinfo, int arg)
{
	char	   *name = required_text(fcinfo, arg, "event");
	int			event = hook_kind_from_name(name);

	if (event < 0)
		unknown_event(name);
	return (HookEvent) event;
}

/* The name of the job of a hook that set_hook() makes */
Datum
pg_scheduler_hook_name(PG_FUNCTION_ARGS)
{
	int64		job_id = api_job(fcinfo);
	HookEvent	event = event_arg(fcinfo, 1);

	if (event == HOOK_HEALTH_CHECK)
		unknown_event(hook_kind_name(event));
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s of job " INT64_FORMAT,
											  hook_kind_serves(event), job_id)));
}

/* The hook's job must belong to the owner of the job that it serves. */
Datum
pg_scheduler_add_hook(PG_FUNCTION_ARGS)
{
	int64		job_id = api_job(fcinfo);
	HookEvent	event = event_arg(fcinfo, 1);
	int64		hook_job_id = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2);
	char	   *query = required_text(fcinfo, 3, event == HOOK_HEALTH_CHECK ? "query" : "command");
	Oid			owner = InvalidOid;
	Oid			hook_owner = InvalidOid;

	(void) query_find_job_owner(job_id, &owner);
	if (hook_job_id == job_id || !query_find_job_owner(hook_job_id, &hook_owner) ||
		hook_owner != owner)
		job_not_found(hook_job_id);
	if (!rights_can_run_as(owner))
		job_definition_deny(owner, "command");
	query_set_serves(hook_job_id, hook_kind_serves(event));
	query_upsert_hook(job_id, hook_kind_name(event), hook_job_id, query);
	PG_RETURN_INT64(hook_job_id);
}

Datum
pg_scheduler_drop_hook(PG_FUNCTION_ARGS)
{
	int64		job_id = api_job(fcinfo);
	HookEvent	event = event_arg(fcinfo, 1);
	int64		hook_job_id;

	if (!query_find_hook(job_id, hook_kind_name(event), &hook_job_id))
		PG_RETURN_BOOL(false);
	query_delete_job(hook_job_id);
	PG_RETURN_BOOL(true);
}

/*
 * Called by the job of a health check: what it has found takes effect with the
 * run.  NULL is no answer.
 */
Datum
pg_scheduler_report_health(PG_FUNCTION_ARGS)
{
	int64		hook_job_id = api_job(fcinfo);
	bool		healthy = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);

	if (!query_write_check(hook_job_id, PG_ARGISNULL(1) ? NULL : &healthy, clock_now()))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job " INT64_FORMAT " is not that of a health check", hook_job_id)));
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(healthy);
}

/*
 * Triggers
 */

/* What follows is done for whoever fires it: on our own table only. */
static TriggerData *
row_trigger_on(const char *table, FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		RelationGetRelid(trigger->tg_relation) != row_relation(table))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function must be called as a trigger of scheduler.%s", table)));
	return trigger;
}

static Datum
column(HeapTuple tuple, Relation rel, const char *name)
{
	bool		isnull;

	return heap_getattr(tuple, get_attnum(RelationGetRelid(rel), name),
						RelationGetDescr(rel), &isnull);
}

/* AFTER DELETE ON job_hook: its job goes with it. */
Datum
pg_scheduler_hook_deleted(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = row_trigger_on("job_hook", fcinfo);

	query_delete_job(DatumGetInt64(column(trigger->tg_trigtuple, trigger->tg_relation,
										  "hook_job_id")));
	return PointerGetDatum(NULL);
}

/* AFTER UPDATE OF owner ON job: its hooks follow. */
Datum
pg_scheduler_owner_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = row_trigger_on("job", fcinfo);

	query_move_hooks(DatumGetInt64(column(trigger->tg_newtuple, trigger->tg_relation,
										  "job_id")),
					 DatumGetObjectId(column(trigger->tg_newtuple, trigger->tg_relation,
											 "owner")));
	return PointerGetDatum(NULL);
}

/*-------------------------------------------------------------------------
 *
 * change_trigger.c
 *	  Triggers of our tables that notice changes the scheduler must hear of.
 *
 * Changes of scheduler.job are noticed by a trigger, so that it does not
 * matter who makes them: a function of the API, a superuser, pg_restore.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "replication/logicalworker.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"

#include "api/chain_api.h"
#include "api/db_command.h"
#include "shared/change.h"
#include "table/fit.h"
#include "table/job_row.h"
#include "table/query.h"
#include "table/row.h"
#include "table/store.h"

PG_FUNCTION_INFO_V1(pg_scheduler_job_changed);
PG_FUNCTION_INFO_V1(pg_scheduler_changed);
PG_FUNCTION_INFO_V1(pg_scheduler_calendar_changed);
PG_FUNCTION_INFO_V1(pg_scheduler_pass_over_subscription);
PG_FUNCTION_INFO_V1(pg_scheduler_state_inserted);

static void
note_job(HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;

	if (tuple != NULL)
		change_note(CHANGE_JOB,
					DatumGetInt64(heap_getattr(tuple, JOB_JOB_ID, desc, &isnull)));
}

/*
 * Has the table of a trigger the columns that we know?  If not, an update of the
 * extension may be on its way there, and the scheduler, which has left for it,
 * will read everything.
 */
static bool
knows_table(Relation rel)
{
	if (creating_extension)
		return fit_table(rel, RelationGetRelationName(rel));
	fit_require_table(rel, RelationGetRelationName(rel));
	return true;
}

/* What a trigger does is for our own tables: others look different. */
static void
require_trigger(FunctionCallInfo fcinfo, int nargs)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || trigger->tg_trigger->tgnargs != nargs ||
		RelationGetNamespace(trigger->tg_relation) != get_namespace_oid("scheduler", true))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function must be called as a trigger of a table of pg_scheduler")));
}

/* AFTER INSERT OR UPDATE OR DELETE FOR EACH STATEMENT; what has changed */
Datum
pg_scheduler_changed(PG_FUNCTION_ARGS)
{
	const char *what;

	require_trigger(fcinfo, 1);
	what = ((TriggerData *) fcinfo->context)->tg_trigger->tgargs[0];
	if (strcmp(what, "queues") == 0)
		change_note(CHANGE_QUEUES, 0);
	else if (strcmp(what, "hooks") == 0)
		change_note(CHANGE_HOOKS, 0);
	else if (strcmp(what, "home") == 0)
		change_note(CHANGE_CONTROL, 0);
	else if (strcmp(what, "dependencies") == 0)
		change_note(CHANGE_DEPENDENCIES, 0);
	else
		change_note(CHANGE_RULES, 0);
	return PointerGetDatum(NULL);
}

static void
note_calendar(HeapTuple tuple, TupleDesc desc)
{
	int			column = SPI_fnumber(desc, "calendar_name");
	bool		isnull;
	Datum		name;

	if (tuple == NULL || column <= 0)
		return;
	name = heap_getattr(tuple, column, desc, &isnull);
	if (!isnull)
		change_note(CHANGE_CALENDAR,
					DatumGetInt64(DirectFunctionCall2Coll(hashtextextended, C_COLLATION_OID,
														  name, Int64GetDatum(0))));
}

/* AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW */
Datum
pg_scheduler_calendar_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	require_trigger(fcinfo, 0);
	note_calendar(trigger->tg_trigtuple, RelationGetDescr(trigger->tg_relation));
	note_calendar(trigger->tg_newtuple, RelationGetDescr(trigger->tg_relation));
	return PointerGetDatum(NULL);
}

/* A row that comes by a client's own statement, not by ours, is restored. */
static void
note_restore(void)
{
	Oid			user;
	int			sec_context;

	GetUserIdAndSecContext(&user, &sec_context);
	if (shmem_available() && (sec_context & SECURITY_LOCAL_USERID_CHANGE) == 0)
		db_command_restore();
}

/* AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW, and AFTER TRUNCATE */
Datum
pg_scheduler_job_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	require_trigger(fcinfo, 0);
	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event) && !knows_table(trigger->tg_relation))
		return PointerGetDatum(NULL);
	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event) &&
		TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		note_restore();
	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event) &&
		TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		chain_api_job_dropped(trigger->tg_relation, trigger->tg_trigtuple);
	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		note_job(trigger->tg_trigtuple, RelationGetDescr(trigger->tg_relation));
	else
		change_note(CHANGE_ALL, 0);
	return PointerGetDatum(NULL);
}

/*
 * BEFORE INSERT FOR EACH ROW on job_state.  The scheduler writes tuples, and
 * fires no trigger: this is a restore.  When the job came in another session,
 * the scheduler may have planned it since, which the row that comes now knows
 * better.
 */
Datum
pg_scheduler_state_inserted(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	bool		isnull;

	require_trigger(fcinfo, 0);
	if (RelationGetRelid(trigger->tg_relation) == row_relation("job_state") &&
		knows_table(trigger->tg_relation))
	{
		note_restore();
		query_delete_state(DatumGetInt64(heap_getattr(trigger->tg_trigtuple, 1,
													  RelationGetDescr(trigger->tg_relation),
													  &isnull)));
	}
	return PointerGetDatum(trigger->tg_trigtuple);
}

/*
 * BEFORE INSERT OR UPDATE OR DELETE FOR EACH ROW, enabled for replicas.  A
 * restore may set session_replication_role, too: what it writes is wanted.
 */
Datum
pg_scheduler_pass_over_subscription(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	require_trigger(fcinfo, 0);
	if (IsLogicalWorker())
		return PointerGetDatum(NULL);
	return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
						   trigger->tg_newtuple : trigger->tg_trigtuple);
}

/*-------------------------------------------------------------------------
 *
 * table_guard.c
 *	  Trigger that refuses writes to our tables by other ways than our functions.
 *
 * The tables are private, but privileges are not all that opens a table: a
 * member of pg_write_all_data may write to any, and BYPASSRLS takes row security
 * out of its way.  A row of scheduler.job that names a superuser as the owner
 * would be run as that superuser.
 *
 * Our functions write as the owner of the tables (query_enter()), or tuple by
 * tuple, which fires no trigger.  Besides, superusers write, who restore dumps.
 * It is the current user that counts: a superuser who calls a function of
 * somebody else's, which is SECURITY DEFINER, does not lend it this right.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(pg_scheduler_guard_table);

/*
 * BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE FOR EACH STATEMENT; FOR EACH ROW
 * where a table has partitions, for these inherit triggers on rows only.
 */
Datum
pg_scheduler_guard_table(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Relation	table;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function must be called as a trigger of a table of pg_scheduler")));
	table = trigger->tg_relation;
	if (GetUserId() != table->rd_rel->relowner && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to write to table \"%s\"",
						RelationGetRelationName(table)),
				 errdetail("Only functions of pg_scheduler, and superusers, write to its tables."),
				 errhint("Use the functions of schema scheduler.")));
	if (TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		return PointerGetDatum(NULL);
	return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
						   trigger->tg_newtuple : trigger->tg_trigtuple);
}

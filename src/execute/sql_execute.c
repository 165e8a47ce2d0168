/*-------------------------------------------------------------------------
 *
 * sql_execute.c
 *	  Execute a job's command: through SPI, or as a client's would be.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "parser/analyze.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "execute/sql_execute.h"

static ParamListInfo
make_params(bool has_args, Jsonb *args)
{
	ParamListInfo params;

	if (!has_args)
		return NULL;
	params = makeParamList(1);
	params->params[0].value = PointerGetDatum(args);
	params->params[0].isnull = (args == NULL);
	params->params[0].pflags = PARAM_FLAG_CONST;
	params->params[0].ptype = JSONBOID;
	return params;
}

/* The plan of a command that is worth keeping one for. */
static SPIPlanPtr
keep_plan(SqlCommand *command)
{
	if (command->plan == NULL)
	{
		Oid			argtype = JSONBOID;
		SPIPlanPtr	plan = SPI_prepare_cursor(command->text,
											  command->has_args ? 1 : 0, &argtype,
											  CURSOR_OPT_PARALLEL_OK);

		if (plan == NULL)
			elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
		SPI_keepplan(plan);
		command->plan = plan;
	}
	return command->plan;
}

int64
sql_execute_plan(SqlCommand *command, Jsonb *args)
{
	SPIExecuteOptions options = {0};
	int			result;
	int64		rows;

	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	options.params = make_params(command->has_args, args);
	options.dest = None_Receiver;
	if (command->plannable)
		result = SPI_execute_plan_extended(keep_plan(command), &options);
	else
		result = SPI_execute_extended(command->body, &options);
	if (result < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the command cannot be executed as a job: %s",
						SPI_result_code_string(result))));
	rows = SPI_processed;
	PopActiveSnapshot();
	SPI_finish();
	return rows;
}

/*
 * The current memory context is that of the run, not of the transaction:
 * the statement may commit on its way, and it still needs its parse tree.
 */
int64
sql_execute_top_level(const char *text, RawStmt *stmt, bool has_args, Jsonb *args)
{
	Oid			argtype = JSONBOID;
	ParamListInfo params = make_params(has_args, args);
	List	   *queries;
	List	   *plans;
	Portal		portal;
	QueryCompletion qc;
	bool		snapshot_set = false;

	Assert(CurrentMemoryContext != CurTransactionContext);
	stmt = copyObject(stmt);
	if (analyze_requires_snapshot(stmt))
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		snapshot_set = true;
	}
	queries = pg_analyze_and_rewrite_fixedparams(stmt, text, &argtype,
												 has_args ? 1 : 0, NULL);
	plans = pg_plan_queries(queries, text, CURSOR_OPT_PARALLEL_OK, params);
	if (snapshot_set)
		PopActiveSnapshot();

	portal = CreatePortal("", true, true);
	portal->visible = false;
	PortalDefineQuery(portal, NULL, text, CreateCommandTag(stmt->stmt), plans, NULL);
	PortalStart(portal, params, 0, InvalidSnapshot);
	InitializeQueryCompletion(&qc);
	(void) compat_portal_run(portal, None_Receiver, &qc);
	PortalDrop(portal, false);
	return qc.nprocessed;
}

void
sql_execute_first(SqlCommand *command)
{
	SPIExecuteOptions options = {0};

	if (command->nfirst == 0)
		return;
	SPI_connect();
	SPI_execute_extended(command->first, &options);
	SPI_finish();
}

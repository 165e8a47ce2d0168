/*-------------------------------------------------------------------------
 *
 * scheduler_api.c
 *	  SQL-callable functions: the scheduler itself.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "executor/spi.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/argument.h"
#include "api/db_command.h"
#include "api/run_wait.h"
#include "shared/change.h"
#include "shared/shmem.h"
#include "table/job.h"
#include "table/query.h"
#include "table/query_home.h"
#include "table/rights.h"

PG_FUNCTION_INFO_V1(pg_scheduler_start);
PG_FUNCTION_INFO_V1(pg_scheduler_stop);
PG_FUNCTION_INFO_V1(pg_scheduler_stop_and_wait);
PG_FUNCTION_INFO_V1(pg_scheduler_restart);
PG_FUNCTION_INFO_V1(pg_scheduler_reload);
PG_FUNCTION_INFO_V1(pg_scheduler_set_monitoring);
PG_FUNCTION_INFO_V1(pg_scheduler_judge);

Datum
pg_scheduler_start(PG_FUNCTION_ARGS)
{
	Home		home;

	rights_require_admin("start");
	query_write_stopped(false, DT_NOBEGIN);
	if (query_judge_home(&home) == HOME_COPY)
		query_move_home(&home, true);
	db_command_end_restores();
	change_note(CHANGE_CONTROL, 0);
	PG_RETURN_VOID();
}

static void
stop(TimestampTz deadline)
{
	query_write_stopped(true, deadline);
	change_note(CHANGE_CONTROL, 0);
}

Datum
pg_scheduler_stop(PG_FUNCTION_ARGS)
{
	TimestampTz deadline = api_stop_deadline(fcinfo, 0);

	rights_require_admin("stop");
	stop(deadline);
	PG_RETURN_VOID();
}

/* Commit, which a procedure that is called outside of a transaction block may. */
static void
commit(void)
{
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	SPI_commit();
	SPI_finish();
}

/*
 * The stop has to be committed before anybody can see it.  So this is a
 * procedure; from then on it holds neither a lock nor a snapshot.
 */
Datum
pg_scheduler_stop_and_wait(PG_FUNCTION_ARGS)
{
	TimestampTz deadline = api_stop_deadline(fcinfo, 0);
	Database   *db = run_wait_database(DT_NOEND);

	rights_require_admin("stop_and_wait");
	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s cannot run inside a transaction block", "stop_and_wait()"),
				 errdetail("The scheduler sees the stop when it is committed."),
				 errhint("Call it on its own, or use scheduler.stop().")));
	stop(deadline);
	commit();
	run_wait_until_stopped(db);
	PG_RETURN_VOID();
}

Datum
pg_scheduler_restart(PG_FUNCTION_ARGS)
{
	Database   *db = run_wait_database(DT_NOEND);

	rights_require_admin("restart");
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	if (db->scheduler.pid != 0)
		kill(db->scheduler.pid, SIGTERM);
	LWLockRelease(scheduler_shared->lock);
	PG_RETURN_VOID();
}

Datum
pg_scheduler_reload(PG_FUNCTION_ARGS)
{
	(void) run_wait_database(DT_NOEND);
	rights_require_admin("reload");
	change_note(CHANGE_ALL, 0);
	PG_RETURN_VOID();
}

Datum
pg_scheduler_set_monitoring(PG_FUNCTION_ARGS)
{
	argument_require(fcinfo, 0, "enabled");
	rights_require_admin("set_monitoring");
	query_write_monitoring(PG_GETARG_BOOL(0));
	change_note(CHANGE_CONTROL, 0);
	PG_RETURN_VOID();
}

/* Behind check_now(): a scheduler that does not come, or judges nothing, is not waited for. */
Datum
pg_scheduler_judge(PG_FUNCTION_ARGS)
{
	Database   *db;
	TimestampTz deadline;

	argument_require(fcinfo, 0, "timeout");
	rights_require_admin("check_now");
	db = run_wait_database(DT_NOEND);
	deadline = GetCurrentTimestamp() + Min(job_interval_usecs(PG_GETARG_INTERVAL_P(0)),
										   INTERVAL_MAX_USECS);
	if (!run_wait_until_judged(db, deadline))
		ereport(WARNING,
				(errmsg("not everything has been judged within the timeout"),
				 errdetail("What is returned may be as of an earlier time.")));
	PG_RETURN_VOID();
}

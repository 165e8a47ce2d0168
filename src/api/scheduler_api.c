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

#include "fmgr.h"
#include "utils/timestamp.h"

#include "api/db_command.h"
#include "api/run_wait.h"
#include "base/clock.h"
#include "base/guc.h"
#include "shared/change.h"
#include "shared/shmem.h"
#include "table/job.h"
#include "table/query.h"
#include "table/query_home.h"
#include "table/rights.h"

PG_FUNCTION_INFO_V1(pg_scheduler_start);
PG_FUNCTION_INFO_V1(pg_scheduler_stop);
PG_FUNCTION_INFO_V1(pg_scheduler_restart);
PG_FUNCTION_INFO_V1(pg_scheduler_reload);

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

Datum
pg_scheduler_stop(PG_FUNCTION_ARGS)
{
	int64		grace = PG_ARGISNULL(0) ? (int64) pg_scheduler_shutdown_grace * 1000 :
		job_interval_usecs(PG_GETARG_INTERVAL_P(0));

	rights_require_admin("stop");
	if (grace < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"timeout\" must not be negative")));
	grace = Min(grace, INTERVAL_MAX_USECS);
	query_write_stopped(true, clock_now() + grace);
	change_note(CHANGE_CONTROL, 0);
	PG_RETURN_VOID();
}

Datum
pg_scheduler_restart(PG_FUNCTION_ARGS)
{
	Database   *db = run_wait_database(DT_NOEND);

	rights_require_admin("restart");
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	if (db->scheduler_pid != 0)
		kill(db->scheduler_pid, SIGTERM);
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

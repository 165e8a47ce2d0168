/*-------------------------------------------------------------------------
 *
 * process.c
 *	  What all our background processes do alike: start, session, errors.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/cycle.h"
#include "base/process.h"

/* That there is no room for a process is told again after: 1 min. */
#define WARNING_INTERVAL	(60 * USECS_PER_SEC)

ProcessKind process_kind = PROCESS_CLIENT;

void
process_describe(BackgroundWorker *worker, const char *kind, const char *function)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker->bgw_library_name, "pg_scheduler", sizeof(worker->bgw_library_name));
	strlcpy(worker->bgw_function_name, function, sizeof(worker->bgw_function_name));
	snprintf(worker->bgw_type, BGW_MAXLEN, "pg_scheduler %s", kind);
	strlcpy(worker->bgw_name, worker->bgw_type, BGW_MAXLEN);
}

bool
process_launch(BackgroundWorker *worker, BackgroundWorkerHandle **handle)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(TopMemoryContext);
	bool		result;

	Assert(CritSectionCount == 0);
	Assert(!IsTransactionState());
	worker->bgw_notify_pid = MyProcPid;
	result = RegisterDynamicBackgroundWorker(worker, handle);
	MemoryContextSwitchTo(oldcontext);
	return result;
}

void
process_attach(Process *process)
{
	process->pid = MyProcPid;
	process->latch = MyLatch;
}

bool
process_detach(Process *process)
{
	if (process->pid != MyProcPid)
		return false;
	*process = (Process) {0};
	return true;
}

void
process_wake(Process *process)
{
	if (process->latch != NULL)
		SetLatch(process->latch);
}

void
process_warn_no_room(const char *what, const char *hint)
{
	static TimestampTz told_at = DT_NOBEGIN;
	static int64 untold = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (told_at <= now && now - told_at < WARNING_INTERVAL && told_at != DT_NOBEGIN)
	{
		untold++;
		return;
	}
	ereport(WARNING,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("pg_scheduler could not start %s", what),
			 untold == 0 ?
			 errdetail("All background worker slots of the server are taken.") :
			 errdetail("All background worker slots of the server are taken. It has happened "
					   INT64_FORMAT " times since the last such message.", untold + 1),
			 errhint("%s", hint)));
	told_at = now;
	untold = 0;
}

void
process_set_up_session(void)
{
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("statement_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	compat_reset_transaction_timeout();
	SetConfigOption("idle_in_transaction_session_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_OVERRIDE);
	pgstat_report_appname("pg_scheduler");
}

char *
process_clear_error(void)
{
	ErrorData  *error;

	/* those of the frames that the error has left */
	error_context_stack = NULL;
	HOLD_INTERRUPTS();
	disable_all_timeouts(false);
	QueryCancelPending = false;
	EmitErrorReport();
	MemoryContextSwitchTo(cycle_context);
	error = CopyErrorData();
	AbortCurrentTransaction();
	LWLockReleaseAll();			/* where there was no transaction to do so */
	MemoryContextSwitchTo(cycle_context);
	FlushErrorState();
	RESUME_INTERRUPTS();
	return error->message;
}

void
process_wait_after_error(void)
{
	Assert(!IsTransactionState());
	(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ERROR_DELAY_MS,
					 compat_wait_event("PgSchedulerError"));
}

/*-------------------------------------------------------------------------
 *
 * alert_handler.c
 *	  Tell those who want to know of an alert that was opened, or is over.
 *
 * A handler that executes something is a job of its owner, which has no
 * schedule of its own: an alert adds a run to it.  So it has the rights of its
 * owner and no others, it is retried as a job is, its failures are seen as
 * those of a job are, and no handler can delay another.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/async.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "base/guc.h"
#include "record/alert_handler.h"
#include "shared/change.h"
#include "table/fit.h"
#include "table/query_monitor.h"
#include "table/store.h"

int64
alert_handler_window(void)
{
	return (int64) pg_scheduler_alert_reopen_window * USECS_PER_SEC;
}

/*
 * The run commits or vanishes with the alerts it tells of.  There is none while
 * nothing can run.
 */
static void
add_handler_run(int64 job_id, Jsonb *args)
{
	Job			job;
	PendingRun	pending = {.started_at = DT_NOBEGIN};
	FitProblem	problem;

	if (fit_find_problem(&problem) || !store_read_job(job_id, NULL, &job))
		return;
	job_init_run(&job, TRIGGER_MANUAL, clock_now(), &pending.run);
	pending.args = args;
	store_insert_pending_run(&pending);
	change_note(CHANGE_RUN, pending.run.run_id);
}

/*
 * A notification is heard by all who listen, whoever they are: it says which
 * alert it is, and the view says the rest to those who may see it.
 */
static void
call_handler(void *arg)
{
	const AlertCall *call = arg;

	if (call->channel == NULL)
		add_handler_run(call->job_id, call->alerts);
	else
		Async_Notify(call->channel, call->payload);
}

/* One that cannot be called keeps no other from being called. */
static void
try_handler(const AlertCall *call, void *arg)
{
	bool	   *called = arg;

	*called &= cycle_try_part(call_handler, (void *) call, "calling the handler of an alert");
}

bool
alert_handler_call(const int64 *alert_ids, int n, AlertEvent event)
{
	bool		called = true;

	Assert(IsTransactionState());
	query_scan_alert_calls(alert_ids, n, event == ALERT_RESOLVED, try_handler, &called);
	return called;
}

/*-------------------------------------------------------------------------
 *
 * http_dispatch.c
 *	  From ready HTTP runs to the HTTP worker.
 *
 * There is one HTTP worker in a database, started when the first HTTP run is
 * ready.  It takes runs out of the lane as it has room for them.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/process.h"
#include "flow/http_dispatch.h"
#include "flow/lane_fill.h"
#include "flow/pool_room.h"
#include "flow/worker_pool.h"
#include "state/alert.h"

static BackgroundWorkerHandle *handle = NULL;	/* NULL: none was started */
static TimestampTz launched_at = DT_NOBEGIN;
static TimestampTz launch_not_before = DT_NOBEGIN;
static bool no_process = false; /* the server had no room for one */

static bool
register_worker(void)
{
	BackgroundWorker worker;

	process_describe(&worker, "http worker", "pg_scheduler_http_worker_main");
	worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
	snprintf(worker.bgw_name, BGW_MAXLEN, "pg_scheduler http worker for database %u",
			 MyDatabaseId);
	return process_launch(&worker, &handle);
}

/* Is a process on its way that was started and has not attached? */
static bool
is_starting(void)
{
	pid_t		pid;

	if (handle == NULL)
		return false;
	if (GetBackgroundWorkerPid(handle, &pid) != BGWH_STOPPED)
		return true;
	if (shmem_my_db->http_since < launched_at)
		launch_not_before = launched_at + LAUNCH_RETRY_DELAY;
	pfree(handle);
	handle = NULL;
	return false;
}

static TimestampTz
launch(void)
{
	TimestampTz now = clock_now();

	if (is_starting())
		return DT_NOEND;		/* we are told when it has come or gone */
	launch_not_before = Max(launch_not_before, pool_room_process_time(shmem_my_db));
	if (launch_not_before > now)
		return launch_not_before;
	launched_at = now;
	if (register_worker())
	{
		pool_room_got_process(MyDatabaseId);
		if (no_process)
			alert_resolve(ALERT_WORKER_SLOTS_EXHAUSTED, "pg_scheduler");
		no_process = false;
		return DT_NOEND;
	}
	no_process = true;
	pool_room_want_process(shmem_my_db);
	worker_pool_warn_no_process("the HTTP worker");
	launch_not_before = now + LAUNCH_RETRY_DELAY;
	return launch_not_before;
}

void
http_dispatch_retry_launch(void)
{
	if (no_process)
		launch_not_before = Min(launch_not_before, clock_now());
}

TimestampTz
http_dispatch_runs(RoleRuns *queue)
{
	bool		attached;
	bool		has_room;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	attached = shmem_my_db->http.pid != 0;
	has_room = !shmem_my_db->http_leave &&
		(shmem_my_db->http_lane.nready <= LANE_LOW_WATER || queue->overtakes ||
		 shmem_my_db->http_lane.blocked);
	LWLockRelease(scheduler_shared->lock);
	if (!attached)
		return shmem_my_db->http_left ? DT_NOEND : launch();

	/* should it leave now, settle_http_worker() takes back what is in the lane */
	if (has_room && lane_fill(&shmem_my_db->http_lane, queue) > 0)
	{
		LWLockAcquire(scheduler_shared->lock, LW_SHARED);
		process_wake(&shmem_my_db->http);
		LWLockRelease(scheduler_shared->lock);
	}
	return DT_NOEND;
}

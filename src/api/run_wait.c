/*-------------------------------------------------------------------------
 *
 * run_wait.c
 *	  Clients that wait for what the scheduler does.
 *
 * Who waits holds neither a lock nor, as far as it can, a snapshot meanwhile.
 * A lock would be in the way of whoever rewrites a table, and everybody else
 * would queue behind that one: workers, too, so that the run that is waited
 * for could not end.  A snapshot would be waited for by CREATE INDEX
 * CONCURRENTLY, which the run may be.  So each look at the tables is a
 * subtransaction that is rolled back, which gives its locks back.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "executor/execdesc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/portal.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/argument.h"
#include "api/run_wait.h"
#include "base/clock.h"
#include "base/compat.h"
#include "table/query.h"

/* The launcher has seen a new database, if it can serve it, after: 15 s. */
#define NEW_DATABASE_TIMEOUT	(15 * USECS_PER_SEC)

/* It is looked for every: 10 ms. */
#define NEW_DATABASE_LOOK	10L

PG_FUNCTION_INFO_V1(pg_scheduler_wait_for_run);

static Database *
find_my_database(void)
{
	Database   *db;

	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	db = shmem_find_database(MyDatabaseId);
	LWLockRelease(scheduler_shared->lock);
	return db;
}

Database *
run_wait_database(TimestampTz deadline)
{
	TimestampTz give_up = GetCurrentTimestamp() + NEW_DATABASE_TIMEOUT;
	Database   *db;

	if (!shmem_available())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no scheduler serves this database"),
				 errhint("Add pg_scheduler to shared_preload_libraries and restart the server.")));
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no scheduler serves this database"),
				 errdetail("The server is a standby.")));
	while ((db = find_my_database()) == NULL && GetCurrentTimestamp() < deadline)
	{
		if (GetCurrentTimestamp() >= give_up)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("no scheduler serves this database"),
					 errhint("See the server log; pg_scheduler.max_databases may be too low.")));
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 NEW_DATABASE_LOOK, compat_wait_event("PgSchedulerWaitForRun"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return db;
}

/*
 * One look
 */

/*
 * The status of a run that is over; NULL if it is not.  A run whose row was
 * added by this very transaction will not be over while it lasts.
 */
static char *
final_status(int64 run_id)
{
	PendingRun	pending;

	if (!OidIsValid(row_relation("pending_run")))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("run " INT64_FORMAT " cannot be waited for any more", run_id),
				 errdetail("The extension pg_scheduler has been dropped.")));
	api_check_run(run_id);
	if (!store_read_pending(run_id, &pending))
		return query_last_status(run_id);
	if (query_pending_is_mine(run_id))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("run " INT64_FORMAT " was added by the current transaction", run_id),
				 errdetail("It is not executed before that is committed."),
				 errhint("Use COMMIT, then scheduler.wait_for_run().")));
	return NULL;
}

/* The same, without keeping a lock. */
static char *
look_at_run(int64 run_id)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char	   *volatile status = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		status = final_status(run_id);
	}
	PG_FINALLY();
	{
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_END_TRY();
	return status;
}

/*
 * The snapshot of the statement
 */

/*
 * The statement that called us, if it is a query that reads no table, such as
 * SELECT scheduler.wait_for_run(1), and nothing stands between: what it sees
 * does not depend on its snapshot, and any other will do as well.
 */
static QueryDesc *
query_without_tables(void)
{
	QueryDesc  *query;

	if (IsolationUsesXactSnapshot() || ActivePortal == NULL ||
		ActivePortal->strategy != PORTAL_ONE_SELECT)
		return NULL;
	query = ActivePortal->queryDesc;
	if (query == NULL || query->estate == NULL || query->plannedstmt->relationOids != NIL ||
		query->estate->es_snapshot != query->snapshot ||
		!ActiveSnapshotSet() || GetActiveSnapshot() != query->snapshot)
		return NULL;
	return query;
}

static void
give_up_snapshot(QueryDesc *query)
{
	PopActiveSnapshot();
	UnregisterSnapshotFromOwner(query->estate->es_snapshot, ActivePortal->resowner);
	UnregisterSnapshotFromOwner(query->snapshot, ActivePortal->resowner);
	query->snapshot = query->estate->es_snapshot = NULL;
}

static void
take_snapshot(QueryDesc *query)
{
	query->snapshot = RegisterSnapshotOnOwner(GetTransactionSnapshot(), ActivePortal->resowner);
	query->estate->es_snapshot = RegisterSnapshotOnOwner(query->snapshot, ActivePortal->resowner);
	PushActiveSnapshot(query->snapshot);
}

/*
 * Waiting
 */

/* How long to sleep before looking again: a second, or up to the deadline. */
static long
wait_ms(TimestampTz deadline)
{
	if (deadline == DT_NOEND)
		return 1000;
	return Max(Min(TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline), 1000), 1);
}

/* The status of the run when it is over, or NULL at the deadline. */
static char *
wait_for(int64 run_id, TimestampTz deadline, Database *db)
{
	char	   *status;

	Assert(!shmem_locked());
	ConditionVariablePrepareToSleep(&db->run_finished);
	while ((status = look_at_run(run_id)) == NULL && GetCurrentTimestamp() < deadline)
	{
		InvalidateCatalogSnapshot();
		ConditionVariableTimedSleep(&db->run_finished, wait_ms(deadline),
									compat_wait_event("PgSchedulerWaitForRun"));
	}
	ConditionVariableCancelSleep();
	return status;
}

/* Has the scheduler come to rest?  *asked: it has seen that it is to. */
static bool
has_stopped(Database *db, bool *asked)
{
	bool		requested;
	bool		stopped;

	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	requested = db->stop_requested;
	stopped = db->stopped && requested;
	LWLockRelease(scheduler_shared->lock);
	if (*asked && !requested)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the scheduler was started again while it was to stop")));
	*asked |= requested;
	return stopped;
}

void
run_wait_until_stopped(Database *db)
{
	bool		asked = false;

	Assert(!shmem_locked());
	ConditionVariablePrepareToSleep(&db->run_finished);
	while (!has_stopped(db, &asked))
		ConditionVariableTimedSleep(&db->run_finished, wait_ms(DT_NOEND),
									compat_wait_event("PgSchedulerWaitForStop"));
	ConditionVariableCancelSleep();
}

/* Would it judge, if it was asked? */
static bool
is_judging(Database *db)
{
	bool		result;

	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	result = db->ready && db->scheduler.pid != 0;
	LWLockRelease(scheduler_shared->lock);
	return result;
}

bool
run_wait_until_judged(Database *db, TimestampTz deadline)
{
	uint64		call = pg_atomic_add_fetch_u64(&db->judge_asked, 1);

	Assert(!shmem_locked());
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	process_wake(&db->scheduler);
	LWLockRelease(scheduler_shared->lock);
	ConditionVariablePrepareToSleep(&db->run_finished);
	while (pg_atomic_read_u64(&db->judged) < call && is_judging(db) &&
		   GetCurrentTimestamp() < deadline)
		ConditionVariableTimedSleep(&db->run_finished, wait_ms(deadline),
									compat_wait_event("PgSchedulerWaitForCheck"));
	ConditionVariableCancelSleep();
	return pg_atomic_read_u64(&db->judged) >= call || !is_judging(db);
}

Datum
pg_scheduler_wait_for_run(PG_FUNCTION_ARGS)
{
	int64		run_id;
	TimestampTz deadline = DT_NOEND;
	Database   *db;
	char	   *status;
	QueryDesc  *query;

	argument_require(fcinfo, 0, "run_id");
	run_id = PG_GETARG_INT64(0);
	if (!PG_ARGISNULL(1))
		deadline = GetCurrentTimestamp() + Min(job_interval_usecs(PG_GETARG_INTERVAL_P(1)),
											   INTERVAL_MAX_USECS);
	(void) look_at_run(run_id);
	db = run_wait_database(deadline);
	if (db == NULL)
		PG_RETURN_NULL();

	query = query_without_tables();
	if (query != NULL)
		give_up_snapshot(query);
	status = wait_for(run_id, deadline, db);
	if (query != NULL)
		take_snapshot(query);
	if (status == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(status));
}

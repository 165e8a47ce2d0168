/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  The process that starts a scheduler in each database that needs one.
 *
 * There is one launcher for the cluster.  It reads shared catalogues only,
 * and so cannot tell whether a database has the extension: it starts a
 * scheduler there, which looks, and leaves word if it has not.  Databases are
 * looked at again when they are created, and when the extension is created
 * in them; db_command.c sets the launcher's latch then.
 *
 * There may be more databases than the shared array has entries.  Then they
 * are looked at in turns: each scheduler that finds no extension makes room
 * for another, until all entries have one, or all databases were looked at.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/cycle.h"
#include "base/guc.h"
#include "base/process.h"
#include "flow/pool_room.h"
#include "flow/worker_pool.h"
#include "process/launcher.h"
#include "shared/lane.h"
#include "shared/restorer.h"
#include "shared/shmem.h"
#include "shared/worker_slot.h"

/* A scheduler that has died is started again after: 1 s. */
#define RESTART_DELAY		USECS_PER_SEC

/* What the launcher remembers of the schedulers that it has started */
typedef struct Child
{
	Oid			database;
	BackgroundWorkerHandle *handle; /* NULL: none is running */
	TimestampTz not_before;
} Child;

static Child *children = NULL;	/* one for each entry of the shared array */
static bool warned_full = false;

/* Databases without the extension whose entry has been given away */
static List *absent = NIL;

void
launcher_register(void)
{
	BackgroundWorker worker;

	/* no job runs while pg_upgrade works on the cluster */
	if (IsBinaryUpgrade)
		return;
	process_describe(&worker, "launcher", "pg_scheduler_launcher_main");
	worker.bgw_restart_time = 1;
	RegisterBackgroundWorker(&worker);
}

static void
launcher_detach(int code, Datum arg)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	(void) process_detach(&scheduler_shared->launcher);
	LWLockRelease(scheduler_shared->lock);
}

static void
launcher_attach(void)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	process_attach(&scheduler_shared->launcher);
	scheduler_shared->rescan = true;
	LWLockRelease(scheduler_shared->lock);
	before_shmem_exit(launcher_detach, (Datum) 0);
}

/* OIDs of the databases that can be connected to. */
static List *
read_databases(void)
{
	List	   *result = NIL;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext oldcontext;

		if (!form->datallowconn || form->datistemplate)
			continue;
		oldcontext = MemoryContextSwitchTo(cycle_context);
		result = lappend_oid(result, form->oid);
		MemoryContextSwitchTo(oldcontext);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(cycle_context);
	return result;
}

/*
 * Nobody is left to bury the workers of a database that has gone.  Lock held.
 */
static void
bury_workers_of(Oid database)
{
	Assert(shmem_locked_exclusively());
	foreach_worker_slot(slot)
	{
		Lane	   *lane = &scheduler_shared->lanes[slot->lane];

		if (slot->state != WORKER_DEAD || slot->database != database)
			continue;
		if (lane->nworkers == 1)
			lane_reset(lane);
		worker_slot_free(slot);
	}
}

/* Does some process have its eye on this entry?  Lock held. */
static bool
is_in_use(const Database *db)
{
	Assert(shmem_locked());
	if (db->scheduler.pid != 0 || db->http.pid != 0)
		return true;
	foreach_worker_slot(slot)
	{
		if (slot->process.pid != 0 && slot->database == db->oid)
			return true;
	}
	return false;
}

/* Forget databases that have gone.  Lock held. */
static void
drop_entries(List *databases)
{
	Assert(shmem_locked_exclusively());
	for (int i = 0; i < scheduler_shared->ndatabases; i++)
	{
		Database   *db = &scheduler_shared->databases[i];

		if (db->state == DATABASE_UNUSED || list_member_oid(databases, db->oid) ||
			is_in_use(db))
			continue;
		bury_workers_of(db->oid);
		db->state = DATABASE_UNUSED;
		db->oid = InvalidOid;
		db->ticket = 0;
		shmem_want_rooms(db, 0);
	}
}

static void
init_entry(Database *db, Oid oid)
{
	db->state = DATABASE_PRESENT;
	db->oid = oid;
	db->extension_events = 0;
	db->quiesced = 0;
	memset(db->restorers, 0, sizeof(db->restorers));
	db->error[0] = '\0';
	db->missing_since = GetCurrentTimestamp();
	db->scheduler = (Process) {0};
	db->monitoring = true;
	db->copy = false;
	pg_atomic_write_u64(&db->next_run, DT_NOEND);
	db->ready = false;
	db->stopped = false;
	db->http = (Process) {0};
	db->http_since = 0;
	db->http_runs = 0;
	db->http_leave = db->http_drop = false;
	db->http_cancel = db->http_left = false;
	db->http_cancel_at = DT_NOEND;
	db->http_nflights = 0;
	lane_reset(&db->http_lane);
	db->ticket = 0;
	db->outcome_head = db->outcome_count = 0;
	db->change_head = db->change_count = 0;
	db->change_overflow = false;
}

/* Remember that a database has not got the extension, for want of an entry. */
static void
remember_absent(Oid oid)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(TopMemoryContext);

	absent = list_append_unique_oid(absent, oid);
	MemoryContextSwitchTo(oldcontext);
}

/*
 * False: there are more databases than entries.  The entry of a database
 * without the extension is given to one that nobody has looked at.  Lock held.
 */
static bool
add_entry(Oid oid)
{
	Assert(shmem_locked_exclusively());
	if (shmem_find_database(oid) != NULL || list_member_oid(absent, oid))
		return true;

	for (int pass = 0; pass < 2; pass++)
	{
		for (int i = 0; i < scheduler_shared->ndatabases; i++)
		{
			Database   *db = &scheduler_shared->databases[i];

			if (pass == 1 && db->state == DATABASE_ABSENT && !is_in_use(db) &&
				db->quiesced == 0)
				remember_absent(db->oid);
			else if (db->state != DATABASE_UNUSED)
				continue;
			init_entry(db, oid);
			return true;
		}
	}
	return false;
}

/* Has every entry a database that is known to have the extension?  Lock held. */
static bool
all_entries_served(void)
{
	Assert(shmem_locked());
	for (int i = 0; i < scheduler_shared->ndatabases; i++)
	{
		const Database *db = &scheduler_shared->databases[i];

		if (db->state != DATABASE_PRESENT || !db->ready)
			return false;
	}
	return true;
}

/* Make the shared array agree with pg_database. */
static void
scan_databases(void)
{
	List	   *databases = read_databases();
	ListCell   *lc;
	bool		full = false;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (scheduler_shared->extension_elsewhere)
	{
		list_free(absent);
		absent = NIL;
		scheduler_shared->extension_elsewhere = false;
	}
	drop_entries(databases);
	foreach(lc, databases)
	{
		if (!add_entry(lfirst_oid(lc)))
			full = true;
	}
	scheduler_shared->full = full;
	full = full && all_entries_served();
	LWLockRelease(scheduler_shared->lock);

	if (full && !warned_full)
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("pg_scheduler cannot serve all databases of the cluster"),
				 errhint("Increase pg_scheduler.max_databases.")));
	warned_full = full;
}

static bool
start_scheduler(Child *child)
{
	BackgroundWorker worker;

	process_describe(&worker, "scheduler", "pg_scheduler_scheduler_main");
	worker.bgw_main_arg = ObjectIdGetDatum(child->database);
	snprintf(worker.bgw_name, BGW_MAXLEN, "pg_scheduler scheduler for database %u",
			 child->database);
	return process_launch(&worker, &child->handle);
}

/* Forget a scheduler that has ended. */
static void
reap_child(Child *child, TimestampTz now)
{
	pid_t		pid;

	if (child->handle == NULL ||
		GetBackgroundWorkerPid(child->handle, &pid) != BGWH_STOPPED)
		return;
	pfree(child->handle);
	child->handle = NULL;
	child->not_before = now + RESTART_DELAY;
}

/* Does this entry need a scheduler? */
static bool
needs_scheduler(const Database *db)
{
	return db->state == DATABASE_PRESENT && db->quiesced == 0 &&
		db->scheduler.pid == 0;
}

/* status() says why there is no scheduler. */
static void
note_no_process(Database *db)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	shmem_note_error(db, "no background worker slot is free: increase max_worker_processes");
	LWLockRelease(scheduler_shared->lock);
}

/* Start what is missing.  When to come back, or DT_NOEND. */
static TimestampTz
start_missing(void)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = DT_NOEND;

	for (int i = 0; i < scheduler_shared->ndatabases; i++)
	{
		Child	   *child = &children[i];
		bool		needed;

		LWLockAcquire(scheduler_shared->lock, LW_SHARED);
		needed = needs_scheduler(&scheduler_shared->databases[i]);
		if (child->database != scheduler_shared->databases[i].oid)
			child->not_before = DT_NOBEGIN;
		child->database = scheduler_shared->databases[i].oid;
		LWLockRelease(scheduler_shared->lock);

		reap_child(child, now);
		if (!needed || child->handle != NULL)
			continue;
		if (child->not_before > now)
			next = Min(next, child->not_before);
		else if (!start_scheduler(child))
		{
			process_warn_no_room("a scheduler", "Increase max_worker_processes.");
			note_no_process(&scheduler_shared->databases[i]);
			pool_room_want_process(&scheduler_shared->databases[i]);
			child->not_before = now + LAUNCH_RETRY_DELAY;
			next = Min(next, child->not_before);
		}
		else
			pool_room_got_process(child->database);
	}
	return next;
}

static bool
take_rescan(void)
{
	bool		result;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	result = scheduler_shared->rescan;
	scheduler_shared->rescan = false;
	LWLockRelease(scheduler_shared->lock);
	return result;
}

static void
launcher_loop(void)
{
	while (!ShutdownRequestPending)
	{
		TimestampTz next;
		long		timeout = -1;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		MemoryContextSwitchTo(cycle_context);
		if (take_rescan())
			scan_databases();
		next = restorer_look(GetCurrentTimestamp());
		next = Min(next, start_missing());
		MemoryContextReset(cycle_context);

		if (next != DT_NOEND)
			timeout = Max(TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next), 1);
		Assert(!IsTransactionState() && !shmem_locked());
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_EXIT_ON_PM_DEATH |
						 (timeout >= 0 ? WL_TIMEOUT : 0),
						 timeout, compat_wait_event("PgSchedulerLauncherMain"));
		ResetLatch(MyLatch);
	}
}

static void
clear_launcher_error(void)
{
	(void) process_clear_error();
	MemoryContextReset(cycle_context);
	shmem_wake_launcher(true);
	process_wait_after_error();
}

void
pg_scheduler_launcher_main(Datum arg)
{
	sigjmp_buf	local_sigjmp_buf;

	process_kind = PROCESS_LAUNCHER;
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	launcher_attach();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname("pg_scheduler");

	cycle_init();
	children = MemoryContextAllocZero(TopMemoryContext,
									  scheduler_shared->ndatabases * sizeof(Child));

	if (sigsetjmp(local_sigjmp_buf, 1) != 0)
		clear_launcher_error();
	PG_exception_stack = &local_sigjmp_buf;
	launcher_loop();

	/* with 0, the postmaster would never start it again */
	proc_exit(1);
}

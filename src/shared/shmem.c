/*-------------------------------------------------------------------------
 *
 * shmem.c
 *	  Shared state: databases, worker slots, lanes of ready runs.
 *
 * See shmem.h for the rules.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#include "base/guc.h"
#include "shared/flight_recorder.h"
#include "shared/http_flight.h"
#include "shared/worker_slot.h"

SchedulerShared *scheduler_shared = NULL;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

static Size
shmem_size(void)
{
	Size		size = MAXALIGN(sizeof(SchedulerShared));

	size = add_size(size, mul_size(pg_scheduler_max_databases,
								   sizeof(Database)));
	size = add_size(size, mul_size(pg_scheduler_max_workers,
								   sizeof(WorkerSlot)));
	size = add_size(size, mul_size(pg_scheduler_max_workers,
								   MAXALIGN(sizeof(Lane))));
	size = add_size(size, http_flight_shmem_size());
	return size;
}

static void
shmem_request(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(shmem_size());
	RequestNamedLWLockTranche("pg_scheduler", 1);
}

static void
shmem_startup(void)
{
	bool		found;
	char	   *base;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	base = ShmemInitStruct("pg_scheduler", shmem_size(), &found);
	scheduler_shared = (SchedulerShared *) base;
	if (!found)
	{
		memset(base, 0, shmem_size());
		scheduler_shared->lock = &(GetNamedLWLockTranche("pg_scheduler"))->lock;
		scheduler_shared->ndatabases = pg_scheduler_max_databases;
		scheduler_shared->nworkers = pg_scheduler_max_workers;
		base += MAXALIGN(sizeof(SchedulerShared));
		scheduler_shared->databases = (Database *) base;
		base += pg_scheduler_max_databases * sizeof(Database);
		scheduler_shared->workers = (WorkerSlot *) base;
		base += pg_scheduler_max_workers * sizeof(WorkerSlot);
		scheduler_shared->lanes = (Lane *) base;
		base += pg_scheduler_max_workers * MAXALIGN(sizeof(Lane));
		http_flight_shmem_init(base);
		for (int i = 0; i < scheduler_shared->ndatabases; i++)
		{
			SpinLockInit(&scheduler_shared->databases[i].mutex);
			pg_atomic_init_u64(&scheduler_shared->databases[i].npending, 0);
			pg_atomic_init_u64(&scheduler_shared->databases[i].nready, 0);
			ConditionVariableInit(&scheduler_shared->databases[i].run_finished);
		}
		ConditionVariableInit(&scheduler_shared->process_left);
		flight_recorder_startup();
	}
	LWLockRelease(AddinShmemInitLock);
}

void
shmem_init(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
}

bool
shmem_available(void)
{
	return scheduler_shared != NULL;
}

Database *
shmem_find_database(Oid database)
{
	for (int i = 0; i < scheduler_shared->ndatabases; i++)
	{
		Database   *db = &scheduler_shared->databases[i];

		if (db->state != DATABASE_UNUSED && db->oid == database)
			return db;
	}
	return NULL;
}

/* False when the ring is full: the caller waits and tries again. */
bool
shmem_put_outcome(Database *db, const Outcome *outcome)
{
	bool		done = false;
	bool		wake;

	SpinLockAcquire(&db->mutex);
	if (db->outcome_count < OUTCOME_RING_SIZE)
	{
		int			at = (db->outcome_head + db->outcome_count) % OUTCOME_RING_SIZE;

		db->outcomes[at] = *outcome;
		db->outcome_count++;
		done = true;
	}
	wake = db->bell || db->outcome_count == OUTCOME_RING_SIZE / 2 || !done;
	db->bell = false;
	SpinLockRelease(&db->mutex);
	if (wake)
		shmem_wake(db->scheduler_latch);
	return done;
}

bool
shmem_set_bell(Database *db)
{
	bool		result;

	SpinLockAcquire(&db->mutex);
	db->bell = true;
	result = db->outcome_count == 0;
	SpinLockRelease(&db->mutex);
	return result;
}

int
shmem_take_outcomes(Database *db, Outcome *outcomes, int max)
{
	int			n = 0;

	SpinLockAcquire(&db->mutex);
	while (n < max && db->outcome_count > 0)
	{
		outcomes[n++] = db->outcomes[db->outcome_head];
		db->outcome_head = (db->outcome_head + 1) % OUTCOME_RING_SIZE;
		db->outcome_count--;
	}
	SpinLockRelease(&db->mutex);
	return n;
}

/*
 * Tell the scheduler of a database of a change that has just been committed.
 *
 * A change that finds no room is not lost: the scheduler then reads
 * everything again.  Called after commit, so it must not fail.
 */
void
shmem_put_change(Oid database, ChangeKind kind, int64 id)
{
	Database   *db;

	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	db = shmem_find_database(database);
	if (db != NULL)
		shmem_put_change_of(db, kind, id);
	LWLockRelease(scheduler_shared->lock);
}

/* The same; the caller holds the lock. */
void
shmem_put_change_of(Database *db, ChangeKind kind, int64 id)
{
	SpinLockAcquire(&db->mutex);
	if (kind == CHANGE_ALL || db->change_count == CHANGE_RING_SIZE)
		db->change_overflow = true;
	else
	{
		int			at = (db->change_head + db->change_count) % CHANGE_RING_SIZE;

		db->changes[at].kind = kind;
		db->changes[at].id = id;
		db->change_count++;
	}
	SpinLockRelease(&db->mutex);
	shmem_wake(db->scheduler_latch);
}

int
shmem_take_changes(Database *db, Change *changes, int max, bool *overflow)
{
	int			n = 0;

	SpinLockAcquire(&db->mutex);
	*overflow = db->change_overflow;
	db->change_overflow = false;
	while (n < max && db->change_count > 0)
	{
		changes[n++] = db->changes[db->change_head];
		db->change_head = (db->change_head + 1) % CHANGE_RING_SIZE;
		db->change_count--;
	}
	SpinLockRelease(&db->mutex);
	return n;
}

/* Lock held. */
void
shmem_forget_runs(Database *db)
{
	SpinLockAcquire(&db->mutex);
	db->outcome_count = 0;
	db->change_count = 0;
	db->change_overflow = false;
	SpinLockRelease(&db->mutex);
	foreach_worker_slot(slot)
	{
		if (slot->state == WORKER_DEAD && slot->database == db->oid)
			slot->has_run = false;
		if (slot->crashed_database == db->oid)
			slot->crashed_database = InvalidOid;
	}
}

void
shmem_want_rooms(Database *db, int n)
{
	scheduler_shared->rooms_wanted += n - db->rooms_wanted;
	db->rooms_wanted = n;
}

void
shmem_wake(Latch *latch)
{
	if (latch != NULL)
		SetLatch(latch);
}

/* Caller does not hold the lock. */
void
shmem_wake_launcher(bool rescan)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (rescan)
		scheduler_shared->rescan = true;
	shmem_wake(scheduler_shared->launcher_latch);
	LWLockRelease(scheduler_shared->lock);
}

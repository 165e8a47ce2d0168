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

#include "utils/timestamp.h"

#include "shared/worker_slot.h"

SchedulerShared *scheduler_shared = NULL;
Database   *shmem_my_db = NULL;

bool
shmem_available(void)
{
	return scheduler_shared != NULL;
}

void
shmem_note_error(Database *db, const char *message)
{
	Assert(shmem_locked_exclusively());
	if (message != NULL && db->error[0] == '\0')
		db->error_since = GetCurrentTimestamp();
	strlcpy(db->error, message ? message : "", SLOT_ERROR_LENGTH);
}

Database *
shmem_find_database(Oid database)
{
	Assert(shmem_locked());
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
		process_wake(&db->scheduler);
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

	Assert(!shmem_locked());
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
	Assert(shmem_locked());
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
	process_wake(&db->scheduler);
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
	Assert(shmem_locked_exclusively());
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
	Assert(shmem_locked_exclusively());
	scheduler_shared->rooms_wanted += n - db->rooms_wanted;
	db->rooms_wanted = n;
}

/* The scheduler's own entry: nobody else writes what is read here. */
bool
shmem_monitoring(void)
{
	Assert(process_is(PROCESS_SCHEDULER));
	return shmem_my_db->monitoring;
}

/* Caller does not hold the lock. */
void
shmem_wake_launcher(bool rescan)
{
	Assert(!shmem_locked());
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (rescan)
		scheduler_shared->rescan = true;
	process_wake(&scheduler_shared->launcher);
	LWLockRelease(scheduler_shared->lock);
}

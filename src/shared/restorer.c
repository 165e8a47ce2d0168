/*-------------------------------------------------------------------------
 *
 * restorer.c
 *	  Sessions that restore the jobs of a database.
 *
 * See restorer.h.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/backend_status.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "shared/restorer.h"

/* They are looked at every: 1 s. */
#define LOOK_INTERVAL	USECS_PER_SEC

static int *
find(Database *db, int pid)
{
	Assert(shmem_locked());
	for (int i = 0; i < MAX_RESTORERS; i++)
		if (db->restorers[i] == pid)
			return &db->restorers[i];
	return NULL;
}

/* With no place left, the others keep the database quiet. */
bool
restorer_enter(Database *db)
{
	int		   *place;

	Assert(shmem_locked_exclusively());
	if (find(db, MyProcPid) != NULL || (place = find(db, 0)) == NULL)
		return false;
	*place = MyProcPid;
	db->quiesced++;
	return true;
}

void
restorer_leave(Database *db, int pid)
{
	int		   *place = find(db, pid);

	Assert(shmem_locked_exclusively());
	if (place == NULL)
		return;
	*place = 0;
	db->quiesced--;
}

void
restorer_leave_all(Database *db)
{
	int			pid;

	while ((pid = restorer_pid(db)) != 0)
		restorer_leave(db, pid);
}

int
restorer_pid(const Database *db)
{
	Assert(shmem_locked());
	for (int i = 0; i < MAX_RESTORERS; i++)
		if (db->restorers[i] != 0)
			return db->restorers[i];
	return 0;
}

static PgBackendStatus *
find_status(int pid)
{
	for (int i = 1; i <= pgstat_fetch_stat_numbackends(); i++)
	{
		PgBackendStatus *status = &compat_backend_status(i)->backendStatus;

		if (status->st_procpid == pid)
			return status;
	}
	return NULL;
}

static bool
is_idle(const PgBackendStatus *status, TimestampTz now)
{
	return status->st_state == STATE_IDLE &&
		status->st_state_start_timestamp + RESTORER_IDLE_TIME <= now;
}

/*
 * A restore in several sessions, as pg_restore -j has them, is over when all of
 * them are idle: those of the same role, with the same name.
 */
static bool
restore_is_idle(int pid, TimestampTz now)
{
	PgBackendStatus *restorer = find_status(pid);

	if (restorer == NULL)
		return true;
	for (int i = 1; i <= pgstat_fetch_stat_numbackends(); i++)
	{
		PgBackendStatus *status = &compat_backend_status(i)->backendStatus;

		if (status->st_databaseid == restorer->st_databaseid &&
			status->st_userid == restorer->st_userid &&
			status->st_backendType == B_BACKEND &&
			strcmp(status->st_appname, restorer->st_appname) == 0 && !is_idle(status, now))
			return false;
	}
	return true;
}

/* A copy of the restorers of a database; how many. */
static int
copy_restorers(const Database *db, int *pids)
{
	int			n = 0;

	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	for (int i = 0; i < MAX_RESTORERS; i++)
		if (db->restorers[i] != 0)
			pids[n++] = db->restorers[i];
	LWLockRelease(scheduler_shared->lock);
	return n;
}

TimestampTz
restorer_look(TimestampTz now)
{
	TimestampTz next = DT_NOEND;

	Assert(!shmem_locked());
	for (int i = 0; i < scheduler_shared->ndatabases; i++)
	{
		Database   *db = &scheduler_shared->databases[i];
		int			pids[MAX_RESTORERS];
		int			n = copy_restorers(db, pids);

		if (n > 0)
		{
			next = now + LOOK_INTERVAL;
			pgstat_clear_backend_activity_snapshot();
		}
		for (int j = 0; j < n; j++)
		{
			if (!restore_is_idle(pids[j], now))
				continue;
			LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
			restorer_leave(db, pids[j]);
			LWLockRelease(scheduler_shared->lock);
		}
	}
	return next;
}

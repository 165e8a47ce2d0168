/*-------------------------------------------------------------------------
 *
 * worker_wait.c
 *	  What workers wait for.
 *
 * See worker_wait.h.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "replication/syncrep.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/wait_event.h"

#include "shared/shmem.h"
#include "shared/worker_slot.h"
#include "shared/worker_wait.h"

uint32
worker_wait_event(int pid)
{
	PGPROC	   *proc = pid == 0 ? NULL : BackendPidGetProc(pid);

	Assert(!shmem_locked());
	return proc == NULL ? 0 : *(volatile uint32 *) &proc->wait_event_info;
}

/*
 * The processes that have a run in hand: workers of one database, or of all, and
 * the HTTP worker of one.  The caller gives room for one more than all workers.
 */
static int
busy_processes(Oid database, int *pids)
{
	Database   *db;
	int			n = 0;

	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	foreach_worker_slot(slot)
	{
		if (slot->state == WORKER_RUNNING && slot->process.pid != 0 &&
			(!OidIsValid(database) || slot->database == database))
			pids[n++] = slot->process.pid;
	}
	db = OidIsValid(database) ? shmem_find_database(database) : NULL;
	if (db != NULL && db->http.pid != 0)
		pids[n++] = db->http.pid;
	LWLockRelease(scheduler_shared->lock);
	return n;
}

static bool
standby_is_missing(void)
{
	SyncRepStandbyData *standbys;

	return SyncRepStandbyNames != NULL && SyncRepStandbyNames[0] != '\0' && SyncRepConfig != NULL &&
		SyncRepGetCandidateStandbys(&standbys) < SyncRepConfig->num_sync;
}

int
worker_wait_standby(void)
{
	int		   *pids;
	int			n;
	int			result = 0;

	if (!standby_is_missing())
		return 0;
	pids = palloc((scheduler_shared->nworkers + 1) * sizeof(int));
	n = busy_processes(MyDatabaseId, pids);
	for (int i = 0; i < n; i++)
		result += worker_wait_event(pids[i]) == WAIT_EVENT_SYNC_REP;
	pfree(pids);
	return result;
}

char *
worker_wait_common(int *n)
{
	int		   *pids = palloc((scheduler_shared->nworkers + 1) * sizeof(int));
	int			npids = busy_processes(InvalidOid, pids);
	uint32	   *events = palloc0(Max(npids, 1) * sizeof(uint32));
	uint32		common = 0;

	*n = 0;
	for (int i = 0; i < npids; i++)
		events[i] = worker_wait_event(pids[i]);
	for (int i = 0; i < npids; i++)
	{
		int			same = 0;

		for (int j = 0; j < npids; j++)
			same += events[j] == events[i];
		if (events[i] == 0 || same <= *n)
			continue;
		common = events[i];
		*n = same;
	}
	return common == 0 ? NULL : psprintf("%s: %s", pgstat_get_wait_event_type(common),
										 pgstat_get_wait_event(common));
}

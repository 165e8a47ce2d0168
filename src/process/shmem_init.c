/*-------------------------------------------------------------------------
 *
 * shmem_init.c
 *	  Ask for shared memory, and lay it out.
 *
 * Above all those that use a part of it, as ipci.c is in the server.
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
#include "process/shmem_init.h"
#include "shared/flight_recorder.h"
#include "shared/http_flight.h"
#include "shared/shmem.h"

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
			pg_atomic_init_u64(&scheduler_shared->databases[i].next_run, DT_NOEND);
			pg_atomic_init_u64(&scheduler_shared->databases[i].judge_asked, 0);
			pg_atomic_init_u64(&scheduler_shared->databases[i].judged, 0);
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

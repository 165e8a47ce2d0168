/*-------------------------------------------------------------------------
 *
 * api_view.c
 *	  SQL-callable functions behind views: what processes are doing right now.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "shared/http_flight.h"
#include "shared/shmem.h"
#include "shared/worker_slot.h"
#include "shared/worker_wait.h"
#include "table/fit.h"
#include "table/rights.h"

PG_FUNCTION_INFO_V1(pg_scheduler_running);
PG_FUNCTION_INFO_V1(pg_scheduler_workers);

/* A copy of the worker slots, so that no lock is held while rows are made. */
static WorkerSlot *
copy_slots(int *n)
{
	WorkerSlot *slots;

	*n = 0;
	if (!shmem_available())
		return NULL;
	slots = palloc(scheduler_shared->nworkers * sizeof(WorkerSlot));
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	foreach_worker_slot(slot)
	{
		bool		has_name = slot->job_name[0] != '\0';

		if (slot->state == WORKER_FREE)
			continue;
		pg_read_barrier();		/* a worker may be writing it just now */
		slots[*n] = *slot;
		if (!has_name)
			slots[*n].job_name[0] = '\0';
		(*n)++;
	}
	LWLockRelease(scheduler_shared->lock);
	return slots;
}

/* The HTTP runs of this database that are under way. */
static void
put_flights(ReturnSetInfo *rsinfo)
{
	HttpFlight *flights;
	int			flight = -1;
	int			n = 0;
	int			pid;
	Database   *db;

	if (!shmem_available())
		return;
	flights = palloc(HTTP_FLIGHTS * sizeof(HttpFlight));
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	db = shmem_find_database(MyDatabaseId);
	pid = db ? db->http.pid : 0;
	while (db != NULL && n < db->http_nflights &&
		   (flight = http_flight_next(MyDatabaseId, flight)) >= 0)
		flights[n++] = *http_flight_at(flight);
	LWLockRelease(scheduler_shared->lock);

	for (int i = 0; i < n; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {0};

		if (!rights_can_see(flights[i].owner))
			continue;
		values[0] = Int64GetDatum(flights[i].run_id);
		values[1] = Int32GetDatum(pid);
		values[2] = TimestampTzGetDatum(flights[i].started_at);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	pfree(flights);
}

/* run_id, worker_pid, started_at of what is being executed in this database */
Datum
pg_scheduler_running(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	WorkerSlot *slots;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	fit_require_result(rsinfo->setDesc, 3);
	slots = copy_slots(&n);
	for (int i = 0; i < n; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {0};

		if (!slots[i].has_run || slots[i].database != MyDatabaseId ||
			!rights_can_see(slots[i].role))
			continue;
		values[0] = Int64GetDatum(slots[i].run.run_id);
		values[1] = Int32GetDatum(slots[i].process.pid);
		values[2] = TimestampTzGetDatum(slots[i].started_at);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	put_flights(rsinfo);
	return (Datum) 0;
}

static const char *
worker_state_name(const WorkerSlot *slot)
{
	switch (slot->state)
	{
		case WORKER_STARTING:
			return "starting";
		case WORKER_IDLE:
			return slot->leave ? "stopping" : "idle";
		case WORKER_RUNNING:
			return "running";
		default:
			return "stopping";
	}
}

/* What a process waits for, as in pg_stat_activity. */
static Datum
wait_event(int pid, bool *isnull)
{
	const char *name = pgstat_get_wait_event(worker_wait_event(pid));

	*isnull = name == NULL;
	return name ? CStringGetTextDatum(name) : (Datum) 0;
}

/* The HTTP workers, which serve all roles of a database. */
static void
put_http_workers(ReturnSetInfo *rsinfo)
{
	if (!shmem_available() || !rights_is_admin())
		return;
	for (int i = 0; i < scheduler_shared->ndatabases; i++)
	{
		const Database *db = &scheduler_shared->databases[i];
		Datum		values[10] = {0};
		bool		nulls[10] = {false, false, true, false, true, true, false, false, true};
		bool		exists;

		LWLockAcquire(scheduler_shared->lock, LW_SHARED);
		exists = db->state != DATABASE_UNUSED && db->http.pid != 0 && db->http_since != 0;
		values[0] = Int32GetDatum(db->http.pid);
		values[1] = ObjectIdGetDatum(db->oid);
		values[3] = db->http_nflights > 0;
		values[6] = TimestampTzGetDatum(db->http_since);
		values[7] = Int64GetDatum(db->http_runs);
		LWLockRelease(scheduler_shared->lock);
		if (!exists)
			continue;
		values[3] = CStringGetTextDatum(values[3] ? "running" : "idle");
		values[9] = wait_event(DatumGetInt32(values[0]), &nulls[9]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/* pid, database, role, state, job_name, run_id, since, runs, memory, wait_event */
Datum
pg_scheduler_workers(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	WorkerSlot *slots;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	fit_require_result(rsinfo->setDesc, 10);
	slots = copy_slots(&n);
	for (int i = 0; i < n; i++)
	{
		const WorkerSlot *slot = &slots[i];
		Datum		values[10];
		bool		nulls[10] = {0};

		if (!rights_can_see(slot->role))
			continue;
		nulls[0] = (slot->process.pid == 0);
		values[0] = Int32GetDatum(slot->process.pid);
		values[1] = ObjectIdGetDatum(slot->database);
		values[2] = ObjectIdGetDatum(slot->role);
		values[3] = CStringGetTextDatum(worker_state_name(slot));
		nulls[4] = !slot->has_run || slot->job_name[0] == '\0';
		nulls[5] = !slot->has_run;
		values[4] = CStringGetTextDatum(slot->job_name);
		values[5] = Int64GetDatum(slot->run.run_id);
		values[6] = TimestampTzGetDatum(slot->has_run ? slot->started_at :
										slot->state == WORKER_IDLE ? slot->idle_since :
										slot->launched_at);
		values[7] = Int64GetDatum(slot->runs_done);
		nulls[8] = (slot->memory == 0);
		values[8] = Int64GetDatum(slot->memory);
		values[9] = wait_event(slot->process.pid, &nulls[9]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	put_http_workers(rsinfo);
	return (Datum) 0;
}

/*-------------------------------------------------------------------------
 *
 * run_context.c
 *	  The settings by which a job's SQL learns about its own run.
 *
 * pg_scheduler.job_id and its like have no value of their own: showing one
 * reads the worker's slot.  So a run costs nothing to announce, a job cannot
 * forge them, and parallel workers of a job's query, which have the slot of
 * their leader, see them too.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "execute/run_context.h"
#include "shared/shmem.h"
#include "shared/worker_slot.h"

static char *unused_value;

/* The slot whose run this process works for, or NULL outside of a run. */
static const WorkerSlot *
current_slot(void)
{
	const WorkerSlot *slot = worker_slot_mine;

	if (slot == NULL && IsParallelWorker() && shmem_available() &&
		MyProc != NULL && MyProc->lockGroupLeader != NULL)
	{
		int			leader = MyProc->lockGroupLeader->pid;

		foreach_worker_slot(other)
		{
			if (other->process.pid == leader)
				slot = other;
		}
	}
	return slot != NULL && slot->has_run ? slot : NULL;
}

static const char *
show_number(const int64 *value)
{
	static char buffer[32];

	if (value == NULL)
		return "";
	snprintf(buffer, sizeof(buffer), INT64_FORMAT, *value);
	return buffer;
}

static const char *
show_job_id(void)
{
	const WorkerSlot *slot = current_slot();

	return show_number(slot ? &slot->run.job_id : NULL);
}

static const char *
show_run_id(void)
{
	const WorkerSlot *slot = current_slot();

	return show_number(slot ? &slot->run.run_id : NULL);
}

static const char *
show_attempt(void)
{
	const WorkerSlot *slot = current_slot();
	int64		attempt = slot ? slot->run.attempt : 0;

	return show_number(slot ? &attempt : NULL);
}

static const char *
show_scheduled_at(void)
{
	const WorkerSlot *slot = current_slot();

	return slot ? timestamptz_to_str(slot->run.scheduled_at) : "";
}

static const char *
show_job_name(void)
{
	const WorkerSlot *slot = current_slot();

	return slot ? slot->job_name : "";
}

static void
define(const char *name, const char *description, GucShowHook show)
{
	DefineCustomStringVariable(name, description, "Empty outside of a run.",
							   &unused_value, "", PGC_INTERNAL,
							   GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							   NULL, NULL, show);
}

void
run_context_define_settings(void)
{
	define("pg_scheduler.job_id", "The job that is being run.", show_job_id);
	define("pg_scheduler.job_name", "The name of the job that is being run.", show_job_name);
	define("pg_scheduler.run_id", "The run that is being executed.", show_run_id);
	define("pg_scheduler.scheduled_at", "The occurrence that is being run.", show_scheduled_at);
	define("pg_scheduler.attempt", "The number of the attempt, from 1.", show_attempt);
}

/*-------------------------------------------------------------------------
 *
 * maintain.c
 *	  What a scheduler does now and then: partitions, retention, repair.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "alert.h"
#include "catalog.h"
#include "catalog_chain.h"
#include "catalog_recovery.h"
#include "chain.h"
#include "clock.h"
#include "due_heap.h"
#include "enqueue.h"
#include "guc.h"
#include "maintain.h"
#include "run_queue.h"
#include "settle.h"

/* Partitions are made this many days ahead. */
#define DAYS_AHEAD			7

/* Partitions and retention: hourly, and again after an error: 60 s. */
#define UPKEEP_INTERVAL		USECS_PER_HOUR
#define ERROR_DELAY			(60 * USECS_PER_SEC)

/* By then a run that has finished has been counted, if ever: 60 s. */
#define COUNT_DELAY			(60 * USECS_PER_SEC)

static TimestampTz partitioned_until = DT_NOBEGIN;
static TimestampTz next_upkeep = DT_NOBEGIN;
static TimestampTz next_repair = DT_NOBEGIN;

static TimestampTz
start_of_day(TimestampTz time)
{
	TimestampTz result = time - time % USECS_PER_DAY;

	return time % USECS_PER_DAY < 0 ? result - USECS_PER_DAY : result;
}

/*
 * Run a task in a transaction of its own.  False: it has failed, and that has
 * been logged.
 */
static bool
in_transaction(void (*task) (void *arg), void *arg, const char *what)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool result = true;

	PG_TRY();
	{
		StartTransactionCommand();
		task(arg);
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		errcontext("pg_scheduler %s", what);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		result = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return result;
}

static void
create_partition(void *arg)
{
	static const char *const tables[] = {"run_history", "http_response"};
	TimestampTz *day = arg;

	for (int i = 0; i < lengthof(tables); i++)
		if (!catalog_partition_exists(tables[i], *day))
			catalog_create_partition(tables[i], *day);
}

static void
drop_old_partition(void *arg)
{
	TimestampTz *before = arg;
	char	  **names;
	int			n = catalog_find_old_partitions(*before, &names);

	for (int i = 0; i < n; i++)
	{
		catalog_drop_partition(names[i]);
		ereport(LOG, (errmsg("pg_scheduler dropped history partition \"%s\"", names[i])));
	}
}

static void
delete_old_rows(void *arg)
{
	TimestampTz now = *(TimestampTz *) arg;

	catalog_delete_old_dead_letters(now - (int64) pg_scheduler_dead_letter_retention *
									USECS_PER_MINUTE);
	catalog_delete_spent_requests();
	catalog_delete_orphaned_secrets();
	(void) catalog_delete_old_events(now - (int64) pg_scheduler_recovery_retention *
									 USECS_PER_MINUTE);
	catalog_delete_old_triggers();
}

bool
maintain_partition(TimestampTz now)
{
	TimestampTz day = start_of_day(now);

	if (now < partitioned_until)
		return true;
	if (!in_transaction(create_partition, &day, "creating a history partition"))
		return false;
	partitioned_until = day + USECS_PER_DAY;
	return true;
}

static bool
upkeep(TimestampTz now)
{
	TimestampTz before = start_of_day(now - (int64) pg_scheduler_history_retention *
									  USECS_PER_MINUTE);
	bool		ok = true;

	for (int i = 0; i <= DAYS_AHEAD; i++)
	{
		TimestampTz day = start_of_day(now) + i * USECS_PER_DAY;

		ok &= in_transaction(create_partition, &day, "creating a history partition");
	}
	ok &= in_transaction(drop_old_partition, &before, "dropping old history");
	ok &= in_transaction(delete_old_rows, &now, "deleting old rows");
	if (ok)
		alert_resolve("history_upkeep", "pg_scheduler");
	else
		alert_raise("history_upkeep", "error", "pg_scheduler", 0, InvalidOid,
					"history could not be maintained; see the server log");
	return ok;
}

/*
 * Repair
 */

/* Jobs that should have a next time and have none. */
static void
revive_stalled(void *arg)
{
	int64		job_ids[1000];
	int			n = catalog_find_stalled_jobs(job_ids, lengthof(job_ids));

	for (int i = 0; i < n; i++)
	{
		JobEntry   *entry = job_cache_get(job_ids[i]);

		if (entry == NULL || entry->schedule == NULL || entry->nruns > 0 ||
			entry->state.next_run_at != DT_NOEND || entry->state.finished ||
			schedule_kind(entry->schedule) == SCHEDULE_REBOOT)
			continue;
		entry->state.next_run_at =
			job_next_occurrence(&entry->job, entry->schedule,
								entry->state.last_finished_at == DT_NOBEGIN ?
								clock_now() : entry->state.last_finished_at);
		entry->state.finished = entry->state.next_run_at == DT_NOEND;
		job_cache_touch(entry);
		due_heap_put(entry->job_id, job_due_at(&entry->job, entry->state.next_run_at));
		(*(int64 *) arg)++;
	}
	job_cache_write();
}

static void
delete_orphans(void *arg)
{
	*(int64 *) arg += catalog_delete_orphaned_states();
}

static void
load_chains(void *arg)
{
	chain_load();
}

/* Say what was mended. */
static void
report_repair(int64 count, const char *what)
{
	char	   *message;

	if (count == 0)
	{
		alert_resolve("repaired", what);
		return;
	}
	message = psprintf("mended " INT64_FORMAT " %s", count, what);
	ereport(LOG, (errmsg("pg_scheduler repair: %s", message)));
	alert_raise("repaired", "warning", what, 0, InvalidOid, message);
}

static bool
repair(void)
{
	int64		stalled = 0;
	int64		orphans = 0;
	bool		ok;

	ok = in_transaction(revive_stalled, &stalled, "looking for jobs without a next time");
	job_cache_written(ok);
	ok &= in_transaction(delete_orphans, &orphans, "deleting states of dropped jobs");
	report_repair(enqueue_plan_new_jobs(), "jobs that had not been planned");
	report_repair(stalled, "jobs without a next time");
	report_repair(settle_uncounted(clock_now() - COUNT_DELAY), "runs that had not been counted");
	report_repair(settle_compare(), "pending runs that the scheduler did not know or that had gone");
	ok &= in_transaction(load_chains, NULL, "reading the ends of leaders");
	return ok;
}

void
maintain(TimestampTz now)
{
	if (next_upkeep <= now)
		next_upkeep = now + (upkeep(now) ? UPKEEP_INTERVAL : ERROR_DELAY);
	if (next_repair <= now)
	{
		(void) repair();
		next_repair = now + (int64) pg_scheduler_repair_interval * USECS_PER_SEC;
	}
}

void
maintain_request(void)
{
	next_repair = DT_NOBEGIN;
}

TimestampTz
maintain_next_time(void)
{
	return Min(next_upkeep, next_repair);
}

void
maintain_reset(void)
{
	partitioned_until = DT_NOBEGIN;
	next_upkeep = DT_NOBEGIN;
	next_repair = DT_NOBEGIN;
}

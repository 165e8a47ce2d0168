/*-------------------------------------------------------------------------
 *
 * maintain.c
 *	  What a scheduler does now and then: partitions, retention, and repair.c.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "base/guc.h"
#include "base/process.h"
#include "flow/maintain.h"
#include "flow/repair.h"
#include "state/alert.h"
#include "state/walk.h"
#include "table/query.h"
#include "table/query_upkeep.h"

/* Partitions are made this many days ahead. */
#define DAYS_AHEAD			7

/* Partitions and retention: hourly, and again after an error: 60 s. */
#define UPKEEP_INTERVAL		USECS_PER_HOUR
#define ERROR_DELAY			(60 * USECS_PER_SEC)

/* Jobs dropped in one transaction: fewer than what change.c takes note of. */
#define MAX_DROPPED			100

static TimestampTz partitioned_day = DT_NOBEGIN;	/* the clock may go back */
static bool partition_missing = false;	/* and an alert says so */
static TimestampTz next_upkeep = DT_NOBEGIN;
static bool upkeep_ok = true;	/* so far */

static TimestampTz
start_of_day(TimestampTz time)
{
	TimestampTz result = time - time % USECS_PER_DAY;

	return time % USECS_PER_DAY < 0 ? result - USECS_PER_DAY : result;
}

static void
create_partition(void *arg)
{
	static const char *const tables[] = {"run_history", "http_response"};
	TimestampTz *day = arg;

	for (int i = 0; i < lengthof(tables); i++)
		if (!query_partition_exists(tables[i], *day))
			query_create_partition(tables[i], *day);
}

static void
drop_old_partition(void *arg)
{
	TimestampTz *before = arg;
	char	  **names;
	int			n = query_find_old_partitions(*before, &names);

	for (int i = 0; i < n; i++)
	{
		query_drop_partition(names[i]);
		ereport(LOG, (errmsg("pg_scheduler dropped history partition \"%s\"", names[i])));
	}
}

bool
maintain_partition(TimestampTz now)
{
	TimestampTz day = start_of_day(now);

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	if (day == partitioned_day)
		return true;
	if (cycle_try_transaction(create_partition, &day, "creating a history partition"))
	{
		partitioned_day = day;
		partition_missing = false;
		alert_resolve(ALERT_ENQUEUE_FAILED, "pg_scheduler");
		return true;
	}
	if (!partition_missing)
		alert_raise_as("critical", ALERT_ENQUEUE_FAILED, "pg_scheduler", 0, InvalidOid,
					"no run begins, for the history has no partition of today; see the server log");
	partition_missing = true;
	return false;
}

/*
 * Retention of what is not partitioned
 */

static bool
delete_dead_letters(Walk *walk)
{
	WalkRange	range = walk_range(walk, "dead_letter", "dead_letter_pkey");

	query_delete_old_dead_letters(&range, clock_minutes_ago(pg_scheduler_dead_letter_retention));
	if (walk_to(walk, &range))
		return true;
	query_delete_gone_letters();
	return false;
}

static bool
delete_spent_requests(Walk *walk)
{
	WalkRange	range = walk_range(walk, "job", "job_pkey");

	/* of more jobs that are dropped at once, the scheduler would read all again */
	if (query_delete_spent_requests(range.after, range.upto, MAX_DROPPED) == MAX_DROPPED)
		return true;			/* there may be more of them */
	return walk_to(walk, &range);
}

static bool
delete_secrets(Walk *walk)
{
	query_delete_orphaned_secrets();
	return false;
}

static bool
delete_events(Walk *walk)
{
	WalkRange	range = walk_range(walk, "recovery_event", "recovery_event_pkey");

	query_delete_old_events(&range, clock_minutes_ago(pg_scheduler_recovery_retention));
	return walk_to(walk, &range);
}

static bool
delete_triggers(Walk *walk)
{
	static int64 oldest_run;
	WalkRange	range = walk_range(walk, "run_trigger", "run_trigger_pkey");

	if (walk->at == PG_INT64_MIN)
		oldest_run = query_oldest_run();
	if (range.after >= oldest_run)
		return false;
	query_delete_old_triggers(&range, oldest_run);
	return walk_to(walk, &range);
}

static void
end_upkeep(Walk *walk)
{
	bool		ok = upkeep_ok && walk->ok;

	next_upkeep = walk_next_time(walk, ok ? UPKEEP_INTERVAL : ERROR_DELAY);
	if (ok)
		alert_resolve(ALERT_HISTORY_UPKEEP, "pg_scheduler");
	else
		alert_raise(ALERT_HISTORY_UPKEEP, "pg_scheduler", 0, InvalidOid,
					"history could not be maintained; see the server log");
}

static const WalkPart retention_parts[] = {
	{"deleting old dead letters", delete_dead_letters},
	{"deleting requests that are over", delete_spent_requests},
	{"deleting secrets of roles that have gone", delete_secrets},
	{"deleting old events", delete_events},
	{"deleting what has brought about old runs", delete_triggers}
};
static Walk retention = {retention_parts, lengthof(retention_parts), end_upkeep};

/*
 * The whole
 */

static void
upkeep(TimestampTz now)
{
	TimestampTz before = start_of_day(clock_minutes_ago(pg_scheduler_history_retention));

	upkeep_ok = true;
	for (int i = 0; i <= DAYS_AHEAD; i++)
	{
		TimestampTz day = start_of_day(now) + i * USECS_PER_DAY;

		upkeep_ok &= cycle_try_transaction(create_partition, &day, "creating a history partition");
	}
	upkeep_ok &= cycle_try_transaction(drop_old_partition, &before, "dropping old history");
	walk_begin(&retention);
}

void
maintain(TimestampTz now)
{
	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	if (next_upkeep <= now && !retention.under_way)
		upkeep(now);
	repair(now);
}

TimestampTz
maintain_next_time(void)
{
	return Min(retention.under_way ? DT_NOEND : next_upkeep, repair_next_time());
}

void
maintain_reset(void)
{
	partitioned_day = DT_NOBEGIN;
	next_upkeep = DT_NOBEGIN;
	walk_reset();
	repair_reset();
}

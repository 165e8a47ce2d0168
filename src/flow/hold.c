/*-------------------------------------------------------------------------
 *
 * hold.c
 *	  Reasons why a scheduler starts no run although nobody has stopped it.
 *
 * The setting pg_scheduler.enabled is one.  The other is that this database is
 * a copy of another, whose jobs may be running there: a copy holds until
 * somebody says scheduler.start().
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"

#include "base/cycle.h"
#include "base/guc.h"
#include "base/process.h"
#include "flow/hold.h"
#include "table/query_home.h"

static char last_reason[HOLD_REASON_LENGTH] = "";

/* Settle down where nothing speaks against it; else say what does. */
static void
look_at_home(Database *db, char *reason)
{
	Home		home;
	HomeVerdict verdict;

	cycle_start_transaction();
	verdict = query_judge_home(&home);
	if (verdict == HOME_COPY && pg_scheduler_on_copy == ON_COPY_HOLD)
		snprintf(reason, HOLD_REASON_LENGTH,
				 "this is a copy of database \"%s\" of system " UINT64_FORMAT
				 "; scheduler.start() runs its jobs here",
				 home.database_name, home.system_identifier);
	else if (verdict != HOME_HERE)
		query_move_home(&home, false);
	cycle_commit_transaction();

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	db->key_system = home.key_system;
	db->key_database = home.key_database;
	db->copy = verdict == HOME_COPY;
	LWLockRelease(scheduler_shared->lock);
}

bool
hold_look(Database *db)
{
	char		reason[HOLD_REASON_LENGTH] = "";

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	look_at_home(db, reason);
	if (!pg_scheduler_enabled)
		strlcpy(reason, "pg_scheduler.enabled is off", sizeof(reason));

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	strlcpy(db->hold_reason, reason, HOLD_REASON_LENGTH);
	LWLockRelease(scheduler_shared->lock);

	if (strcmp(reason, last_reason) != 0)
	{
		if (reason[0] != '\0')
			ereport(WARNING,
					(errmsg("pg_scheduler runs no jobs in this database"),
					 errdetail("%c%s.", pg_toupper(reason[0]), reason + 1)));
		else
			ereport(LOG,
					(errmsg("pg_scheduler runs jobs in this database")));
		strlcpy(last_reason, reason, sizeof(last_reason));
	}
	return reason[0] != '\0';
}

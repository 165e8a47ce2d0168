/*-------------------------------------------------------------------------
 *
 * pause.c
 *	  Jobs that the scheduler pauses.
 *
 * The rows of jobs are those of users too, who may keep them locked for as
 * long as they like.  The scheduler waits for nobody: a pause that cannot be
 * written is owed, in memory, and tried again after a second.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/process.h"
#include "flow/pause.h"
#include "table/query_recovery.h"

/* What was locked is looked at again after: 1 s. */
#define LOCKED_DELAY	USECS_PER_SEC

typedef struct OwedPause
{
	int64		job_id;
	char	   *reason;
} OwedPause;

static List *owed_pauses = NIL;		/* OwedPause, in TopMemoryContext */
static TimestampTz next_pause = DT_NOEND;

static bool
pay(const OwedPause *pause)
{
	return query_try_pause_job(pause->job_id, clock_now(), pause->reason);
}

void
pause_job(int64 job_id, const char *reason)
{
	OwedPause	pause = {job_id, (char *) reason};
	MemoryContext oldcontext;
	OwedPause  *kept;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	if (pay(&pause))
		return;
	oldcontext = MemoryContextSwitchTo(TopMemoryContext);
	kept = palloc(sizeof(OwedPause));
	kept->job_id = job_id;
	kept->reason = pstrdup(reason);
	owed_pauses = lappend(owed_pauses, kept);
	MemoryContextSwitchTo(oldcontext);
	next_pause = Min(next_pause, clock_now() + LOCKED_DELAY);
}

void
pause_step(TimestampTz now)
{
	ListCell   *lc;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	foreach(lc, owed_pauses)
	{
		OwedPause  *pause = lfirst(lc);

		if (!pay(pause))
			continue;
		owed_pauses = foreach_delete_current(owed_pauses, lc);
		pfree(pause->reason);
		pfree(pause);
	}
	next_pause = owed_pauses == NIL ? DT_NOEND : now + LOCKED_DELAY;
}

TimestampTz
pause_next_time(void)
{
	return next_pause;
}

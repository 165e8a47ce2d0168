/*-------------------------------------------------------------------------
 *
 * recovery_event.c
 *	  What was done to repair something, and what came of it.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "base/process.h"
#include "state/recovery_event.h"
#include "table/job.h"
#include "table/query_recovery.h"

/* More than this wait to be written: the database has other troubles. */
#define MAX_PENDING		1000

static MemoryContext event_context = NULL;
static List *pending = NIL;		/* RecoveryEvent, the oldest first */

void
recovery_event_note(const char *action, const char *subject, int64 job_id, Oid owner,
					bool succeeded, const char *reason)
{
	RecoveryEvent *event;
	MemoryContext oldcontext;

	Assert(process_is(PROCESS_SCHEDULER));
	if (list_length(pending) >= MAX_PENDING)
		return;
	if (event_context == NULL)
		event_context = AllocSetContextCreate(TopMemoryContext, "pg_scheduler events",
											  ALLOCSET_SMALL_SIZES);
	oldcontext = MemoryContextSwitchTo(event_context);
	event = palloc(sizeof(RecoveryEvent));
	event->at = clock_now();
	event->subject = pstrdup(subject);
	event->job_id = job_id;
	event->owner = owner;
	event->action = pstrdup(action);
	event->reason = pstrdup(reason);
	event->succeeded = succeeded;
	pending = lappend(pending, event);
	MemoryContextSwitchTo(oldcontext);
}

void
recovery_event_of_job(const char *action, int64 job_id, Oid owner, bool succeeded,
					  const char *reason)
{
	const char *subject = job_subject(job_id);

	recovery_event_note(action, subject, job_id, owner, succeeded, reason);
}

bool
recovery_event_pending(void)
{
	return pending != NIL;
}

static void
write_event(void *arg)
{
	query_insert_event(arg);
}

/* They are few: each alone, so one that cannot be written is left out. */
void
recovery_event_write(void)
{
	ListCell   *lc;

	Assert(IsTransactionState());
	foreach(lc, pending)
		(void) cycle_try_part(write_event, lfirst(lc), "writing an event, which is left out");
}

void
recovery_event_written(void)
{
	Assert(!IsTransactionState());
	pending = NIL;
	if (event_context != NULL)
		MemoryContextReset(event_context);
}

/*-------------------------------------------------------------------------
 *
 * recovery_event.h
 *	  What was done to repair something, and what came of it.
 *
 * Like an alert, an event that is noted is only remembered, so that it can be
 * done anywhere; the scheduler writes it in its next transaction.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RECOVERY_EVENT_H
#define PG_SCHEDULER_RECOVERY_EVENT_H

#include "table/events.h"

#define SUBJECT_SCHEDULER	"pg_scheduler"

/*
 * Note that something was done.  "subject" is "job 7", a queue, or the
 * scheduler; with InvalidOid as the owner, it is for admins to see.
 */
extern void recovery_event_note(const char *action, const char *subject, int64 job_id,
								Oid owner, bool succeeded, const char *reason);

/* The same about a job, whose owner sees it. */
extern void recovery_event_of_job(const char *action, int64 job_id, Oid owner,
								  bool succeeded, const char *reason);

/* Is there anything to write? */
extern bool recovery_event_pending(void);

/* Write it.  In a transaction. */
extern void recovery_event_write(void);

/* Call after the commit of that transaction. */
extern void recovery_event_written(void);

#endif							/* PG_SCHEDULER_RECOVERY_EVENT_H */

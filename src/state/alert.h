/*-------------------------------------------------------------------------
 *
 * alert.h
 *	  Alerts that a scheduler raises.
 *
 * Raising one only remembers it, so that it can be done anywhere, also in
 * the middle of an error; the scheduler writes them in its next transaction.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_ALERT_H
#define PG_SCHEDULER_ALERT_H

#include "datatype/timestamp.h"

#include "rules/alert_kind.h"

/*
 * Raise an alert, of which there is one open for a kind and a subject: raised
 * again, it is counted.  job_id: 0 when it is not about a job.  owner:
 * InvalidOid when it is for admins to see.  Strings are copied.
 */
extern void alert_raise(AlertKind kind, const char *subject,
						int64 job_id, Oid owner, const char *message);

/* The same, for what has happened a number of times since it was last said. */
extern void alert_raise_counted(AlertKind kind, const char *subject, int64 job_id,
								Oid owner, const char *message, int64 count);

/* The same, of a kind without a rule, with another severity than the kind's. */
extern void alert_raise_as(const char *severity, AlertKind kind, const char *subject,
						   int64 job_id, Oid owner, const char *message);

/* What it was about is over.  Nothing happens when there is no such alert. */
extern void alert_resolve(AlertKind kind, const char *subject);

/*
 * When there is something to write: DT_NOEND if there is nothing.  What could
 * not be written, since somebody has the row of an alert in hand, waits for a
 * second.
 */
extern TimestampTz alert_next_write(void);

/*
 * Write what was raised and resolved, in transactions of its own: whatever is
 * wrong with an alert, nothing else fails with it.
 */
extern void alert_write(void);

/* Tell handlers of alerts that have ended for good.  In a transaction. */
extern void alert_tell_ends(TimestampTz now);

/* When to do so next, or DT_NOEND. */
extern TimestampTz alert_next_end(void);

/* Have it done soon. */
extern void alert_look_for_ends(void);

#endif							/* PG_SCHEDULER_ALERT_H */

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

/*
 * An alert that has resolved itself since this time is opened again, and
 * nobody is told anew: what comes and goes makes one alert.  Nobody has been
 * told of its end either.
 */
extern TimestampTz alert_reopen_since(TimestampTz now);

extern void alert_raise(const char *kind, const char *severity, const char *subject,
						int64 job_id, Oid owner, const char *message);

/* The same, for what has happened a number of times since it was last said. */
extern void alert_raise_counted(const char *kind, const char *severity, const char *subject,
								int64 job_id, Oid owner, const char *message, int64 count);
extern void alert_resolve(const char *kind, const char *subject);

/* Is there anything to write? */
extern bool alert_pending(void);

/* Write what was raised and resolved.  In a transaction. */
extern void alert_write(void);

/* Call after the commit of that transaction. */
extern void alert_written(void);

/*
 * Tell handlers of alerts that have ended for good.  In a transaction; when
 * to do so next, or DT_NOEND.  alert_look_for_ends() has it done soon.
 */
extern void alert_tell_ends(TimestampTz now);
extern TimestampTz alert_next_end(void);
extern void alert_look_for_ends(void);

#endif							/* PG_SCHEDULER_ALERT_H */

/*-------------------------------------------------------------------------
 *
 * session_reset.h
 *	  Make a worker's session as good as new.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SESSION_RESET_H
#define PG_SCHEDULER_SESSION_RESET_H

/* Note which role the session begins as.  Call once it is connected. */
extern void session_reset_init(void);

/*
 * Undo what a run has left in the session, as DISCARD ALL does.  Called
 * outside of a transaction.  "role" is the one the worker connected as.
 * May raise an error, and the process must then leave.
 */
extern void session_reset(Oid role);

#endif							/* PG_SCHEDULER_SESSION_RESET_H */

/*-------------------------------------------------------------------------
 *
 * shutdown.h
 *	  Tell a smart shutdown from a fast one.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SHUTDOWN_H
#define PG_SCHEDULER_SHUTDOWN_H

/* from _PG_init, when preloaded */
extern void shutdown_init(void);

/* The server was asked to shut down, and to let work be finished. */
extern bool shutdown_is_smart(void);

#endif							/* PG_SCHEDULER_SHUTDOWN_H */

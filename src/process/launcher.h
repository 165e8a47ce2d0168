/*-------------------------------------------------------------------------
 *
 * launcher.h
 *	  The process that starts a scheduler in each database that needs one.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_LAUNCHER_H
#define PG_SCHEDULER_LAUNCHER_H

/* from _PG_init, when preloaded */
extern void launcher_register(void);

extern PGDLLEXPORT void pg_scheduler_launcher_main(Datum arg);

#endif							/* PG_SCHEDULER_LAUNCHER_H */

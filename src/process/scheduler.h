/*-------------------------------------------------------------------------
 *
 * scheduler.h
 *	  The process that owns time in one database.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SCHEDULER_H
#define PG_SCHEDULER_SCHEDULER_H

extern PGDLLEXPORT void pg_scheduler_scheduler_main(Datum arg);

#endif							/* PG_SCHEDULER_SCHEDULER_H */

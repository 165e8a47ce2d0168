/*-------------------------------------------------------------------------
 *
 * worker.h
 *	  The process that runs the SQL jobs of one role in one database.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_WORKER_H
#define PG_SCHEDULER_WORKER_H

extern PGDLLEXPORT void pg_scheduler_worker_main(Datum arg);

#endif							/* PG_SCHEDULER_WORKER_H */

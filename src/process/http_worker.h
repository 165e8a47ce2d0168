/*-------------------------------------------------------------------------
 *
 * http_worker.h
 *	  The process that sends the HTTP requests of one database.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HTTP_WORKER_H
#define PG_SCHEDULER_HTTP_WORKER_H

extern PGDLLEXPORT void pg_scheduler_http_worker_main(Datum arg);

#endif							/* PG_SCHEDULER_HTTP_WORKER_H */

/*-------------------------------------------------------------------------
 *
 * server_watch.h
 *	  Alerts of the scheduler as a whole.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SERVER_WATCH_H
#define PG_SCHEDULER_SERVER_WATCH_H

#include "datatype/timestamp.h"

/* Look at workers, connections and restarts. */
extern void server_watch(TimestampTz now);

/* Look at the memory of workers; once in pg_scheduler.metrics_interval. */
extern void server_watch_memory(TimestampTz now);

/* How many active jobs have no next time, and one of them */
extern void server_watch_jobs(int64 count, int64 job_id);

/* No run is started, for this reason; NULL: they are again. */
extern void server_watch_stopped(const char *reason);

/* There is something that has to be looked at again, whatever happens. */
extern bool server_watch_open(void);

/* Resolve what was open when an earlier scheduler ended, and is not now. */
extern void server_watch_load(void);

/* Some may have been resolved by others: what goes on is raised anew. */
extern void server_watch_compare(void);

/*
 * The scheduler meets an error time after time, or, with NULL, does no more.  Does
 * not need any table to be in order.  Outside a transaction.
 */
extern void server_watch_errors(const char *message);

#endif							/* PG_SCHEDULER_SERVER_WATCH_H */

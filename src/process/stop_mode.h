/*-------------------------------------------------------------------------
 *
 * stop_mode.h
 *	  Is the scheduler to run jobs, on its way to a stop, or stopped?
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_STOP_MODE_H
#define PG_SCHEDULER_STOP_MODE_H

#include "datatype/timestamp.h"
#include "shared/shmem.h"

extern bool stop_mode_is_running(void);
extern bool stop_mode_is_stopped(void);

/* Read what stop() and start() have written.  Outside a transaction. */
extern void stop_mode_read(Database *db);

/* A smart shutdown lets runs be finished, for as long as stop() would. */
extern void stop_mode_begin(void);

/* On the way to a stop: wait for runs, until the deadline; when to look again. */
extern TimestampTz stop_mode_step(Database *db, TimestampTz now);

#endif							/* PG_SCHEDULER_STOP_MODE_H */

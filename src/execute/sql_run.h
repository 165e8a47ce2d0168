/*-------------------------------------------------------------------------
 *
 * sql_run.h
 *	  Execute one SQL run and put it on record.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SQL_RUN_H
#define PG_SCHEDULER_SQL_RUN_H

#include "shared/shmem.h"

/* Once per worker, before the first run. */
extern void sql_run_init(void);

/*
 * Execute a run.  Called outside of a transaction, and with cancellations
 * held; returns the same way, with the session as the run has left it.
 * Whatever the run does is caught and told in *outcome; only FATAL does not
 * return.
 */
extern void sql_run_execute(WorkerSlot *slot, const Run *run, Outcome *outcome);

#endif							/* PG_SCHEDULER_SQL_RUN_H */

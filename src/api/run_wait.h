/*-------------------------------------------------------------------------
 *
 * run_wait.h
 *	  Clients that wait for what the scheduler does.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RUN_WAIT_H
#define PG_SCHEDULER_RUN_WAIT_H

#include "datatype/timestamp.h"
#include "shared/shmem.h"

/*
 * The entry of this database, or NULL at the deadline.  A new database has one
 * when the launcher has seen it.
 */
extern Database *run_wait_database(TimestampTz deadline);

/*
 * Until the scheduler of this database, which has been told to stop, has
 * stopped.  An error if it is told to start meanwhile.  No snapshot is held.
 */
extern void run_wait_until_stopped(Database *db);

/*
 * Ask the scheduler to judge everything, until it has.  False: it has not by the
 * deadline.  One that cannot, or is not there, is not waited for.
 */
extern bool run_wait_until_judged(Database *db, TimestampTz deadline);

#endif							/* PG_SCHEDULER_RUN_WAIT_H */

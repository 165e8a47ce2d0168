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

#include "shared/shmem.h"

/* Handed to a worker in bgw_extra. */
typedef struct WorkerStart
{
	int			slot;
	uint64		generation;
	Oid			database;
	Oid			role;
} WorkerStart;

extern PGDLLEXPORT void pg_scheduler_worker_main(Datum arg);

/* The slot of this process, or NULL in any process but a worker. */
extern WorkerSlot *worker_my_slot(void);

#endif							/* PG_SCHEDULER_WORKER_H */

/*-------------------------------------------------------------------------
 *
 * pool_bury.h
 *	  The slots of workers that have died.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_POOL_BURY_H
#define PG_SCHEDULER_POOL_BURY_H

#include "shared/shmem.h"

/*
 * Collect workers of this database that have died, and free their slots, and
 * those of other databases whose schedulers have gone or are held up.
 * They are copied to *dead, which has room for all; the ready runs of a lane that loses its last
 * worker are handed to take_back, which must not fail.  *look_again is the
 * time when a slot that has to wait can be collected, or DT_NOEND.
 */
typedef void (*TakeBackCallback) (const Run *run);
extern int	pool_bury(WorkerSlot *dead, TakeBackCallback take_back,
					  TimestampTz *next_burial_at);

#endif							/* PG_SCHEDULER_POOL_BURY_H */

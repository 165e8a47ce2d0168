/*-------------------------------------------------------------------------
 *
 * repair.h
 *	  Compare what a scheduler knows with its tables, and repair what differs.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_REPAIR_H
#define PG_SCHEDULER_REPAIR_H

#include "datatype/timestamp.h"

/* Begin what is due; walk_step() goes on with it. */
extern void repair(TimestampTz now);
extern TimestampTz repair_next_time(void);

/* Look at one job soon, and not when its turn comes.  In a transaction. */
extern void repair_job(int64 job_id);

/* Begin anew at the next call, knowing nothing. */
extern void repair_reset(void);

#endif							/* PG_SCHEDULER_REPAIR_H */

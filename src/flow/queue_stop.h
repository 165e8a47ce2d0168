/*-------------------------------------------------------------------------
 *
 * queue_stop.h
 *	  Bring a queue that was stopped to rest.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_QUEUE_STOP_H
#define PG_SCHEDULER_QUEUE_STOP_H

#include "datatype/timestamp.h"

/*
 * Take back what stopped queues have in lanes, and cancel what still runs
 * after their deadline; start again what is to be restarted.  Outside of a
 * transaction.  When to call again, or DT_NOEND.
 */
extern TimestampTz queue_stop(TimestampTz now);

#endif							/* PG_SCHEDULER_QUEUE_STOP_H */

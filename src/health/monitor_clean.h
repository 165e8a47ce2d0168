/*-------------------------------------------------------------------------
 *
 * monitor_clean.h
 *	  Jobs that nobody would run again, and what monitoring has left behind.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_MONITOR_CLEAN_H
#define PG_SCHEDULER_MONITOR_CLEAN_H

#include "datatype/timestamp.h"

/* Begin to look, if it is time to; walk_step() goes on with it. */
extern void monitor_clean(TimestampTz now);

#endif							/* PG_SCHEDULER_MONITOR_CLEAN_H */

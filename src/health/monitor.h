/*-------------------------------------------------------------------------
 *
 * monitor.h
 *	  Judge health, raise alerts, and write metrics, in batches.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_MONITOR_H
#define PG_SCHEDULER_MONITOR_H

#include "datatype/timestamp.h"

/* Once in the life of a scheduler. */
extern void monitor_init(void);

/* Learn what was written before, after a start or an error. */
extern void monitor_load(void);

/* Rules of alerts have changed. */
extern void monitor_reload_rules(void);

/* Alerts were resolved by somebody else: what goes on is raised anew. */
extern void monitor_alerts_changed(void);

/* Jobs or queues have changed: have a look soon. */
extern void monitor_request(void);

/*
 * Judge what has changed, when it is time to.  Outside of a transaction; an
 * error is its own.
 */
extern void monitor(TimestampTz now);

/* When there is something to do next, or DT_NOEND. */
extern TimestampTz monitor_next_time(void);

/* Write the counts of the minute that has not ended, on the way out. */
extern void monitor_leave(TimestampTz now);

#endif							/* PG_SCHEDULER_MONITOR_H */

/*-------------------------------------------------------------------------
 *
 * monitor_queue.h
 *	  Judge the health of queues, and raise their alerts.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_MONITOR_QUEUE_H
#define PG_SCHEDULER_MONITOR_QUEUE_H

#include "datatype/timestamp.h"

#include "rules/health_rules.h"

/*
 * Judge all queues, if it is time to.  Where there are many jobs it is only
 * begun, and walk_step() goes on with it; the limits have to last.  In a
 * transaction.
 */
extern void monitor_queues(TimestampTz now, const HealthLimits *with_limits);

/* When to judge those that it was not yet time to judge; DT_NOEND: none. */
extern TimestampTz monitor_queues_next_time(void);

/* What was counted is not known any more. */
extern void monitor_queues_load(void);

/* Alerts may have been resolved by others: what goes on is raised anew. */
extern void monitor_queues_compare(void);

#endif							/* PG_SCHEDULER_MONITOR_QUEUE_H */

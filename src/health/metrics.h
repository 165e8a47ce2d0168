/*-------------------------------------------------------------------------
 *
 * metrics.h
 *	  Write what was counted, a minute at a time.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_METRICS_H
#define PG_SCHEDULER_METRICS_H

#include "state/job_metrics.h"
#include "table/query_monitor.h"

/*
 * Write all tallies as those of a minute, and clear them after the commit.
 * What is kept of single jobs is owed then.  Outside of a transaction.
 */
extern void metrics_write(TimestampTz minute, TimestampTz now);

/* Are there counts of jobs to be written?  Write those of some. */
extern bool metrics_owed(void);
extern void metrics_step(void);

/* Keep the tally of a metrics that is about to be forgotten. */
extern void metrics_keep(const JobMetrics *metrics);

/* Figures of the workers at this moment; the others are 0. */
extern void metrics_of_workers(SchedulerMinute *row);

#endif							/* PG_SCHEDULER_METRICS_H */

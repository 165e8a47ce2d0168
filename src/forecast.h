/*-------------------------------------------------------------------------
 *
 * forecast.h
 *	  The runs to come, from the definitions and states of jobs.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_FORECAST_H
#define PG_SCHEDULER_FORECAST_H

#include "job.h"

/* The runs to come of one job */
typedef struct JobForecast
{
	Job			job;
	Schedule   *schedule;		/* NULL: it will not run */
	TimestampTz now;
	TimestampTz occurrence;		/* to be looked at next; DT_NOEND: none */
	int64		left;			/* of max_runs */
	TimestampTz next;			/* what forecast_next() has found */
} JobForecast;

/*
 * Begin with a job, as the tables know it.  False: there is no such job.
 * In a transaction; all memory is of the current context.
 */
extern bool forecast_open(JobForecast *forecast, int64 job_id, TimestampTz now);

/* Set forecast->next to the next run, jitter aside.  False: there is none. */
extern bool forecast_next(JobForecast *forecast);

#endif							/* PG_SCHEDULER_FORECAST_H */

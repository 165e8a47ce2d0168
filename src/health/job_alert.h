/*-------------------------------------------------------------------------
 *
 * job_alert.h
 *	  Alerts of jobs: what is raised, kept up and resolved when one is judged.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_JOB_ALERT_H
#define PG_SCHEDULER_JOB_ALERT_H

#include "state/job_metrics.h"

/* Raise and resolve by the facts of a job.  In a transaction. */
extern void job_alert_judge(JobMetrics *metrics, const JobFacts *facts,
							const HealthLimits *limits, const Job *job, TimestampTz now);

/* Whether the job could be judged: an alert says so, or is over. */
extern void job_alert_note_judged(JobMetrics *metrics, bool judged);

/* The job has gone, and its alerts with it. */
extern void job_alert_forget(JobMetrics *metrics);

/*
 * What is known of the job is old: only what lasts, or happens from now on, is a
 * reason for an alert.
 */
extern void job_alert_calm(JobMetrics *metrics);

/* Learn which alerts are open, after a start.  In a transaction. */
extern void job_alert_load(void);

/*
 * Some may have been resolved by others: what lasts is raised anew, the rest
 * when it happens again.  None may wait to be written.  In a transaction.
 */
extern void job_alert_compare(void);

#endif							/* PG_SCHEDULER_JOB_ALERT_H */

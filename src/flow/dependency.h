/*-------------------------------------------------------------------------
 *
 * dependency.h
 *	  Hold back what depends on something that is not healthy.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_DEPENDENCY_H
#define PG_SCHEDULER_DEPENDENCY_H

#include "datatype/timestamp.h"

#include "rules/health_rules.h"

/* Once in the life of a scheduler. */
extern void dependency_init(void);

/* Read all again at the next step; after a start of the scheduler, too. */
extern void dependency_reload(void);

/* The same, if it has a dependency at all. */
extern void dependency_job_changed(int64 job_id);
extern void dependency_queues_changed(void);

/* scheduler.start(): queues wait for what they depend on from now on. */
extern void dependency_start(void);

/*
 * Hold and release runs by what has changed, before runs are dispatched.
 * Outside of a transaction.
 */
extern void dependency_step(TimestampTz now);

/* When to call that again, or DT_NOEND. */
extern TimestampTz dependency_next_time(void);

/* May runs of this job, which has just been read, not begin? */
extern bool dependency_holds_job(int64 job_id);

/*
 * What the rules of health have found, all dependencies left aside.  For a
 * job that will not run again, HEALTH_UNHEALTHY when its last run failed.
 */
extern void dependency_note_job(int64 job_id, HealthState own);
extern void dependency_note_queue(const char *queue, HealthState own);

/* Why a job is held: "depends on ..."; NULL: it is not. */
extern const char *dependency_of_job(int64 job_id);

/* How a queue waits for what it depends on */
typedef struct QueueWait
{
	const char *waits_for;		/* "depends on ..."; NULL: for nothing */
	bool		starting;		/* since it was started */
	bool		held;			/* no runs begin; else it has waited long enough */
} QueueWait;

extern void dependency_of_queue(const char *queue, QueueWait *wait);

#endif							/* PG_SCHEDULER_DEPENDENCY_H */

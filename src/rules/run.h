/*-------------------------------------------------------------------------
 *
 * run.h
 *	  One attempt at one occurrence of a job, as it is handed around.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RUN_H
#define PG_SCHEDULER_RUN_H

#include "datatype/timestamp.h"
#include "storage/itemptr.h"

/* bytes, terminating zero included */
#define JOB_NAME_LENGTH			256

/* Statuses of an attempt; run_status_name() gives the text kept in tables. */
typedef enum RunStatus
{
	RUN_QUEUED,
	RUN_RUNNING,
	RUN_SUCCEEDED,
	RUN_FAILED,
	RUN_TIMED_OUT,
	RUN_CANCELLED,
	RUN_LOST,
	RUN_SKIPPED,
	RUN_MISSED
} RunStatus;

/* What made a run come about. */
typedef enum RunTrigger
{
	TRIGGER_SCHEDULE,
	TRIGGER_MANUAL,				/* run_job() */
	TRIGGER_REDRIVE,			/* redrive_dead_letter() */
	TRIGGER_CHAIN,				/* the end of runs of other jobs */
	TRIGGER_RECOVERY,			/* the probe of a circuit: recovery.c */
	TRIGGER_HOOK				/* of another job: hook.c */
} RunTrigger;

typedef struct Run
{
	int64		run_id;
	int64		job_id;
	Oid			owner;
	int32		attempt;		/* 1, 2, ... */
	int32		priority;		/* higher first */
	TimestampTz scheduled_at;	/* the occurrence */
	TimestampTz due_at;			/* not before this: jitter, retry */
	RunTrigger	trigger;
	int32		crashes;		/* server crashes this run was part of */
	int32		queue_priority; /* in a lane: of its queue, before its own */
	bool		was_started;	/* what it did could not be recorded: it is lost */
	uint64		turn;			/* in a lane: among runs of the same priority */
	ItemPointerData tid;		/* its row in pending_run, if still there */
	ItemPointerData job_tid;	/* the row of its job, if still there */
} Run;

/* The place of a name among those of an enum, or -1. */
extern int	run_find_name(const char *const *names, int n, const char *name);

extern const char *run_status_name(RunStatus status);
extern RunStatus run_status_from_name(const char *name);

/* Does the end of an attempt speak against its job? */
extern bool run_status_is_failure(RunStatus status);

extern const char *run_trigger_name(RunTrigger trigger);
extern RunTrigger run_trigger_from_name(const char *name);

/* Does this run wait while its job is paused?  What somebody has asked for does not. */
extern bool run_waits_for_resume(const Run *run);

/* Order within a queue: priority, then due time, then age. */
extern bool run_precedes(const Run *a, const Run *b);

/* Order of dispatch: priority of the queue, priority, turn, due time, age. */
extern bool run_goes_before(const Run *a, const Run *b);

#endif							/* PG_SCHEDULER_RUN_H */

/*-------------------------------------------------------------------------
 *
 * store.h
 *	  The tables of the hot path, read and written tuple by tuple.
 *
 * This is how the server keeps its own catalogues.  No SQL is involved, so
 * nothing of a job's session can reach the records: no search_path, no
 * planner setting, no read-only or isolation default, no trigger, no hook;
 * and no privilege is needed that would have to be put on and taken off.
 *
 * All functions must be called in a transaction.  Their changes become
 * visible to later commands of the same transaction.  All but those that
 * say so raise an error when a row is not there.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_STORE_H
#define PG_SCHEDULER_STORE_H

#include "rules/run.h"
#include "table/job.h"
#include "table/row.h"
#include "utils/jsonb.h"

/* What finished: a row of run_history.  Strings may be NULL. */
typedef struct RunRecord
{
	const Run  *run;
	const char *job_name;
	RunStatus	status;
	TimestampTz next_attempt_at;	/* DT_NOEND: none */
	TimestampTz started_at;		/* DT_NOBEGIN: never */
	TimestampTz finished_at;
	int			worker_pid;		/* 0: none */
	int64		rows_affected;	/* -1: unknown */
	const char *error_message;
	const char *error_detail;
	const char *error_hint;
	const char *error_context;
	const char *sqlstate;
	int			http_status;	/* 0: none */
	bool		http_failed;	/* no success by the rules of HTTP ... */
	bool		http_retryable; /* ... which say whether to try again */
	int64		occurrences;
	int64		redriven_from;	/* 0: none */
	int64		cpu_time;		/* -1: not measured; microseconds */
	int64		buffers_hit;
	int64		buffers_read;
	int64		temp_bytes;
	int64		wal_bytes;
	const void *args;			/* jsonb of this run, also out of line; NULL: the job's */
} RunRecord;

/* A row of pending_run with the columns that Run has not got. */
typedef struct PendingRun
{
	Run			run;
	TimestampTz started_at;		/* DT_NOBEGIN: no durable start */
	Jsonb	   *args;			/* to be stored; NULL: those of the job */
	struct varlena *stored_args;	/* of a row: store_read_args() reads them */
	int64		redriven_from;	/* 0: none */
	bool		locked;			/* by a transaction that has not ended */
} PendingRun;

/*
 * False if there is no such row.  Strings are palloc'd.  "tid", which may be
 * NULL, is where the row of the job was when somebody saw it last.  A whole job
 * has its command, args, settings and request, which are of any size; else
 * these are NULL.
 */
extern bool store_read_job(int64 job_id, const ItemPointerData *tid, Job *job);
extern bool store_read_whole_job(int64 job_id, const ItemPointerData *tid, Job *job);

/* The job is whole if content_size is at most "max". */
extern bool store_read_job_within(int64 job_id, int64 max, Job *job);
extern bool store_read_job_state(int64 job_id, JobState *state);
extern bool store_read_pending(int64 run_id, PendingRun *pending);

/* Bytes of the arguments that a pending run has of its own. */
extern int64 store_args_size(const PendingRun *pending);

/*
 * The arguments of a run, which may be NULL: its own, or those that its job has.
 * NULL: there are none.
 */
extern Jsonb *store_read_args(int64 job_id, const PendingRun *pending);

/*
 * Many jobs, each with its state, in one go.  "in_order": they are asked for
 * in ascending order, and most jobs between the first and the last are.
 */
typedef struct StoreReader StoreReader;
extern StoreReader *store_begin_read(bool in_order);
extern bool store_read_both(StoreReader *reader, int64 job_id, Job *job, JobState *state);
extern void store_end_read(StoreReader *reader);

/* Call "callback" for each pending run.  For the start only. */
typedef void (*PendingCallback) (const PendingRun *pending, void *arg);
extern void store_scan_pending(PendingCallback callback, void *arg);

/* The ids of pending runs greater than "after", up to "upto", ascending. */
typedef void (*RunIdCallback) (int64 run_id);
extern void store_scan_pending_ids(int64 after, int64 upto, RunIdCallback callback);

/* Insert queued runs; sets run_id where it is 0, and tid. */
extern void store_insert_pending(Run *runs, int count);

/* One run with what only pending_run keeps. */
extern void store_insert_pending_run(PendingRun *pending);

/*
 * Changes of one run.  It may have gone, for somebody else has had it, or be
 * locked, for somebody is about to cancel it; then it stays as it is.
 */
extern RowResult store_delete_pending(const Run *run);

/* Put on record that a run is being executed; sets tid. */
extern RowResult store_mark_started(Run *run, TimestampTz started_at);

/* Replace a run by its next attempt; sets next->tid. */
extern RowResult store_retry_pending(const Run *run, Run *next);

/* Set the crash counter of a run that is pending; sets tid. */
extern RowResult store_count_crash(Run *run);

/*
 * Open the partition of a table that takes rows of a time.  It is the
 * caller's to close.
 */
struct RelationData;
extern struct RelationData *store_open_partition(const char *table, TimestampTz time);

/* A unique number from a sequence of the schema scheduler. */
extern int64 store_nextval(const char *sequence);

extern void store_insert_history(const RunRecord *record);

/* Insert when state->tid is invalid, else update; sets tid. */
extern void store_write_job_states(JobState **states, int count);
extern void store_delete_job_state(JobState *state);

#endif							/* PG_SCHEDULER_STORE_H */

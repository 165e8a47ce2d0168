/*-------------------------------------------------------------------------
 *
 * job_cache.h
 *	  The jobs that a scheduler has to do with right now.
 *
 * A job that is not due and has no run costs 24 bytes of due_heap.c.  When
 * it becomes due it is read from its tables into this cache, where it stays
 * while it has runs or unwritten state, and for as long as there is room.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_JOB_CACHE_H
#define PG_SCHEDULER_JOB_CACHE_H

#include "lib/ilist.h"

#include "table/job.h"

typedef struct JobEntry
{
	int64		job_id;			/* hash key */
	Job			job;			/* what a scheduler does not need is NULL */
	Schedule   *schedule;		/* NULL: not valid any more */
	JobState	state;
	bool		dropped;		/* gone from scheduler.job, runs linger */
	int			nruns;			/* runs in run_queue.c, in any state */
	int			ndispatched;	/* of these, dispatched */
	int			nwaiting;		/* of these, waiting for a retry */
	dlist_head	held;			/* RunEntry: ready, but the job is at its limit */
	dlist_head	dispatched;		/* RunEntry: in a lane or at a worker */
	bool		depends;		/* held by a dependency: dependency.c */
	struct CatchUp *catch_up;	/* while it is found out what it has missed: catch_up.c */
	bool		dirty;			/* state has to be written */
	bool		writing;		/* is being written */
	dlist_node	dirty_node;		/* in the list of dirty entries */
} JobEntry;

extern void job_cache_init(void);

/*
 * The entry of a job, read from its tables if need be; NULL if there is no
 * such job.  In a transaction.  The pointer is good until job_cache_trim().
 */
extern JobEntry *job_cache_get(int64 job_id);

/* The same for many; what is missing is read in one go. */
extern void job_cache_get_many(const int64 *job_ids, int count, JobEntry **entries);

/* The entry if it is in memory already, else NULL. */
extern JobEntry *job_cache_peek(int64 job_id);

/* Read the definition again.  False: the job has gone.  In a transaction. */
extern bool job_cache_reload(JobEntry *entry);

/* Some calendar has changed: read those that are used again.  In a transaction. */
extern void job_cache_reload_calendars(void);

/* How many runs of a job may be executed at once. */
extern int	job_cache_concurrency(const JobEntry *entry);

/* Has a job had as many runs as it may have? */
extern bool job_cache_is_exhausted(const JobEntry *entry);

/* Remember that the state has to be written. */
extern void job_cache_touch(JobEntry *entry);

/* How many states wait to be written. */
extern int	job_cache_dirty_count(void);

/* Write all dirty states.  In a transaction; how many were written. */
extern int	job_cache_write(void);

/* Write the states of these entries.  In a transaction. */
extern void job_cache_write_these(JobEntry **entries, int count);

/*
 * Call after the commit (or the abort) of a transaction that has written
 * states: they are clean now (or dirty still).
 */
extern void job_cache_written(bool committed);

/* Forget entries that nobody needs, when there are many. */
extern void job_cache_trim(void);

/* Forget everything. */
extern void job_cache_reset(void);

#endif							/* PG_SCHEDULER_JOB_CACHE_H */

/*-------------------------------------------------------------------------
 *
 * run_queue.h
 *	  All runs of a database that are not over, as its scheduler knows them.
 *
 *			due later				   job or queue at its limit, paused, suspect
 *		WAITING ----------> READY <----------------> HELD
 *			^				  |  ^
 *			|	into a lane   v  | taken back
 *			+------------- DISPATCHED ----> (over)
 *			   next attempt
 *
 * What holds between any two calls:
 *
 *	1.	A row of pending_run that is committed has an entry here, or a change is
 *		on its way that says so (CHANGE_RUN).
 *	2.	An entry without a row is one that is over.  Either a worker has it and
 *		reports that, or a change is on its way.
 *	3.	An entry is in exactly one place, which its state names.
 *	4.	JobEntry.nruns, nwaiting and ndispatched count the entries of a job in
 *		all states, WAITING and DISPATCHED.  As long as nruns is not 0, the job
 *		stays in the cache.
 *	5.	JobQueue.nready counts READY and HELD, JobQueue.ndispatched DISPATCHED;
 *		run_queue_ready_count() is the sum of all nready.
 *	6.	A RoleRuns is in the list of run_queue_next_role() while, and only
 *		while, it has READY runs.
 *	7.	Runs that begin by run_queue_take() do not exceed the limits of their
 *		job and their queue.  What was begun before a limit was lowered, or
 *		before this scheduler was there (run_queue_adopt), may.
 *	8.	Of runs with crashes one at a time is taken.
 *	9.	No run waits for ever: whatever made room in a job, a queue or a
 *		dependency releases what it held, at once or in run_queue_wake().
 *
 * What may be trusted of an entry, and who moves it on:
 *
 *	WAITING		run.due_at is later than the last run_queue_wake().  "run" is the
 *				row, but for turn and queue_priority, which nobody has set.
 *				Left by run_queue_wake().
 *	READY		role_runs and stream say where it is.  It is due; that it may
 *				run is not known before run_queue_take() has asked.
 *	HELD		held_by_queue says in which list: that of the queue or the job.
 *				Why is not kept: it is made READY, and asked again.
 *	DISPATCHED	in a lane, or at a worker: which of them, only shared memory
 *				knows (lane_fill_withdraw_run).  role_runs is where it came
 *				from.  The row can be gone, or be the next attempt already: who
 *				wants to know reads it (settle.c).  Left when its outcome is
 *				applied, or run_queue_untake() takes it back.
 *
 * run_queue_reset() forgets all entries, roles and queues with their limits,
 * tokens and turns.  What it leaves is read anew or does no harm: hooks_only is
 * set again by scheduler.c, newest_run only grows.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RUN_QUEUE_H
#define PG_SCHEDULER_RUN_QUEUE_H

#include "lib/ilist.h"
#include "lib/pairingheap.h"

#include "rules/run.h"
#include "state/fair_queue.h"
#include "state/job_cache.h"
#include "table/events.h"

typedef enum RunState
{
	RUN_STATE_WAITING,			/* not due yet */
	RUN_STATE_READY,			/* in the queue of its role */
	RUN_STATE_HELD,				/* in JobEntry.held or JobQueue.held */
	RUN_STATE_DISPATCHED		/* in a lane or at a worker */
} RunState;

/* A named group of jobs */
typedef struct JobQueue
{
	char		name[JOB_NAME_LENGTH];	/* hash key */
	QueueLimits limits;
	int64		nready;			/* runs that are READY or HELD */
	int			ndispatched;
	int			nin_lanes;		/* of those, not begun, as they were counted last */
	FairQueue	held;			/* runs that the limits hold back */
	double		tokens;			/* runs that may begin now, by the rate limit */
	TimestampTz refilled_at;
	bool		blocked;		/* held by a dependency: dependency.c */
	bool		stop_pending;	/* for queue_stop.c */
	bool		look_again;		/* there may be room for a held run */
	bool		backlog_raised; /* for monitor_queue.c */
	bool		dependency_raised;
	bool		judged;
	TimestampTz unwritable_until;	/* its health could not be written */
	int64		njobs;			/* for monitor_queue.c, while it counts them ... */
	int64		nunhealthy;		/* ... and of these */
} JobQueue;

typedef struct RunEntry
{
	int64		run_id;			/* hash key */
	RunState	state;
	Run			run;
	JobEntry   *job;
	JobQueue   *queue;
	bool		stopped;		/* DISPATCHED, and asked to cancel by queue_stop.c */
	bool		taken_away;		/* DISPATCHED, and its row has been deleted */
	bool		held_by_queue;	/* HELD, in the queue and not in the job */
	bool		late;			/* in the list of those that came late */
	struct RoleRuns *role_runs;	/* READY, DISPATCHED: where it is, or was */
	int			unrecorded;		/* times that no record could be written */
	FairItem	fair;			/* READY, HELD by the queue; WAITING: its node only */
	dlist_node	job_node;		/* HELD by the job, DISPATCHED: in the list of the job */
	dlist_node	all_node;		/* in the list of all runs */
	TimestampTz grace_ends;		/* run_grace.c; DT_NOEND: it is wanted for ever */
	pairingheap_node grace_node;
} RunEntry;

/* The ready runs of one role; those of HTTP jobs are in one of their own */
#define HTTP_QUEUE		InvalidOid

typedef struct RoleRuns
{
	Oid			role;			/* hash key; HTTP_QUEUE: HTTP runs of all roles */
	FairQueue	ready;
	int			nready;
	bool		overtakes;		/* a run has come that goes before all others */
	TimestampTz starved_since;	/* ready runs and no worker; DT_NOEND: not so */
	dlist_node	node;			/* in the list of queues with ready runs */
	bool		listed;
} RoleRuns;

extern void run_queue_init(void);
extern void run_queue_reset(void);

/* Take a run up, or NULL if it is known already. */
extern RunEntry *run_queue_add(const Run *run, JobEntry *job);
extern RunEntry *run_queue_find(int64 run_id);

/* Forget a run that is over, wherever it is. */
extern void run_queue_remove(RunEntry *entry);

/*
 * Put a run back to where it belongs: it waits, or is ready.  "as" is what it
 * has become, its next attempt for example; NULL: it is unchanged.
 */
extern void run_queue_put_back(RunEntry *entry, const Run *as);

/* A run that a worker had in hand before this scheduler started. */
extern void run_queue_adopt(RunEntry *entry);

/* Look at the held runs of a job again. */
extern void run_queue_release(JobEntry *job);

/* Make ready what has become due.  The time of the next one, or DT_NOEND. */
extern TimestampTz run_queue_wake(TimestampTz now);

/*
 * Take the first ready run of a role; it counts as dispatched.  A run that
 * may not be executed now is held and passed over.  NULL: there is none.
 */
extern RunEntry *run_queue_take(RoleRuns *queue);

/* Take a run back that was taken, and that nobody has begun. */
extern void run_queue_untake(RunEntry *entry);

extern RoleRuns *run_queue_of_role(Oid role);

/* Iterate over the queues that have ready runs; start with NULL. */
extern RoleRuns *run_queue_next_role(RoleRuns *queue);

/* From now on hooks alone may be executed, or everything again. */
extern void run_queue_hooks_only(bool only);

extern int64 run_queue_count(void);

/* Runs that are due and not being executed, whatever holds them. */
extern int64 run_queue_ready_count(void);

/* The definition of a queue has been read. */
extern void run_queue_set_limits(const char *name, const QueueLimits *limits);

/* Let no runs of a queue go, or let them go again.  True: hold them from now on. */
extern bool run_queue_set_blocked(const char *name, bool blocked);

/* Call for every queue that a run has been in. */
extern void run_queue_foreach_queue(void (*callback) (JobQueue *queue, void *arg), void *arg);

/* NULL: no run has been in it. */
extern JobQueue *run_queue_find_queue(const char *name);

/* Call for every run; the callback may remove it. */
extern void run_queue_foreach(void (*callback) (RunEntry *entry, void *arg), void *arg);

#endif							/* PG_SCHEDULER_RUN_QUEUE_H */

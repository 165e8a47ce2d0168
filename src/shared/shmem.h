/*-------------------------------------------------------------------------
 *
 * shmem.h
 *	  Shared state: databases, worker slots, lanes of ready runs.
 *
 * One LWLock (scheduler_shared->lock) guards everything here but the two
 * rings of a database, which have a spinlock of their own.  It is held for
 * the copying of a few fields only, never across a wait.
 *
 * A lane holds the ready runs of one (database, role).  The scheduler of the
 * database puts runs in, in their order; the workers of the lane take them
 * out.  A lane exists while a worker is assigned to it.  The HTTP runs of a
 * database, whoever owns them, have a lane of their own, which is always
 * there; what the HTTP worker has taken out of it is in the table of flights
 * (http_flight.h).
 *
 * A worker slot moves only along these arrows:
 *
 *		FREE --> STARTING --> IDLE <--> RUNNING
 *		  ^         |          |           |
 *		  |         v          v           v
 *		  +----- DEAD <--------+-----------+
 *
 * FREE -> STARTING	by the scheduler that launches a worker
 * STARTING -> IDLE	by the worker, once attached and connected
 * any -> DEAD		by the worker on its way out, whatever the reason
 * DEAD -> FREE		by the scheduler of the database, which reads there what
 *					became of the run that died with the worker; by that of any
 *					other, if nothing is left there, or nobody comes for it
 *
 * Each use of a slot has a generation; a worker that finds another one than
 * it was launched with leaves without touching the slot.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SHMEM_H
#define PG_SCHEDULER_SHMEM_H

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "storage/spin.h"

#include "base/process.h"
#include "rules/run.h"

#define LANE_DEPTH				128
#define LANE_LOW_WATER			(LANE_DEPTH / 2)

/* What a process takes to start, and a run by which starting one pays: 5 ms. */
#define WORKER_START_TIME		5000
#define OUTCOME_RING_SIZE		1024
#define CHANGE_RING_SIZE		1024
#define SLOT_ERROR_LENGTH		256
#define UNFIT_LENGTH			512
#define HOLD_REASON_LENGTH		256
#define MAX_RESTORERS			32

/* What is missing at a start, or in error, may come in this time: 3 s. */
#define STARTING_TIME			(3 * USECS_PER_SEC)

typedef enum WorkerState
{
	WORKER_FREE,
	WORKER_STARTING,
	WORKER_IDLE,
	WORKER_RUNNING,
	WORKER_DEAD
} WorkerState;

/* Why a run that is being executed is to be cancelled, and who wants it so */
typedef enum CancelCause
{
	CANCEL_UNKNOWN,
	CANCEL_RUN,					/* cancel_run() */
	CANCEL_JOB_DROPPED,
	CANCEL_JOB_PAUSED,
	CANCEL_JOB_STOPPED,			/* stop_job() */
	CANCEL_JOB_RESTARTED,		/* restart_job() */
	CANCEL_QUEUE_STOPPED,
	CANCEL_OVERLAP				/* the next occurrence has its place */
} CancelCause;

typedef struct CancelReason
{
	CancelCause cause;
	Oid			role;			/* InvalidOid: nobody, or not known */
} CancelReason;

typedef struct WorkerSlot
{
	WorkerState state;
	uint64		generation;
	Oid			database;
	Oid			role;
	int			lane;
	Process		process;		/* none until attached */
	TimestampTz launched_at;
	TimestampTz idle_since;
	TimestampTz expected_until; /* the scheduler expects work for it by then */
	TimestampTz died_at;		/* when it became DEAD */
	TimestampTz freed_at;		/* when it became FREE */
	bool		connected;		/* has been IDLE or RUNNING */
	bool		leave;			/* asked to go after the current run */
	bool		cancel;			/* asked to cancel the current run */
	bool		terminate;		/* SIGTERM sent because the run does not stop */
	bool		requeue;		/* stopped by us: the run is to be done again */
	Run			run;			/* valid while RUNNING or DEAD */
	bool		has_run;
	TimestampTz started_at;
	TimestampTz deadline;		/* DT_NOEND: none */
	TimestampTz cancel_at;		/* the scheduler is to cancel it then; DT_NOEND: not */
	CancelReason why;			/* valid when "cancel" or cancel_at is */
	int64		kill_after;		/* us, of the job; -1: the setting */
	char		job_name[JOB_NAME_LENGTH];	/* all of it, once there is a first byte */
	int64		runs_done;
	int64		memory;			/* bytes, as of the last look */
	bool		recycled;		/* it left for its memory */
	char		error[SLOT_ERROR_LENGTH];	/* of a worker that is DEAD */
	int			sqlerrcode;
	int64		crashed_run_id; /* in flight here when the server crashed */
	Oid			crashed_database;
} WorkerSlot;

typedef struct Lane
{
	bool		in_use;
	Oid			database;
	Oid			role;
	int			nworkers;
	int			first;			/* a ring: lane.c */
	bool		more;			/* the scheduler has more than there was room for */
	bool		blocked;		/* runs were passed over, for their owners have their share */
	uint64		last_turn;		/* the highest of those that were taken out */
	int64		run_time;		/* what a run takes of late, in microseconds */
	int			nready;
	Run			ready[LANE_DEPTH];	/* in order of run_goes_before() */
} Lane;

typedef enum OutcomeKind
{
	OUTCOME_FINAL,				/* recorded, and the run is over */
	OUTCOME_RETRY,				/* recorded, and the next attempt is pending */
	OUTCOME_GONE,				/* there was no such run (any more) */
	OUTCOME_HELD,				/* not started, its job is paused: still pending */
	OUTCOME_LOCKED,				/* not started, its row is locked: still pending */
	OUTCOME_UNRECORDED			/* no record could be written: still pending */
} OutcomeKind;

/* What a worker tells the scheduler about a run that it has let go of. */
typedef struct Outcome
{
	OutcomeKind kind;
	Run			run;			/* as dispatched */
	Run			next;			/* the next attempt, OUTCOME_RETRY */
	RunStatus	status;			/* of what was recorded */
	TimestampTz started_at;
	TimestampTz finished_at;
	bool		dead_letter;
	bool		owner_gone;		/* it failed, for its owner was dropped */
	bool		chained;		/* word was left for jobs that run after this one */
	bool		was_started;	/* OUTCOME_UNRECORDED: a part of it is durable */

	/* of a request that was sent */
	bool		http_sent;
	bool		http_reused;	/* over a connection that was there */
	int			http_status;	/* 0: no answer */
	int64		http_bytes;		/* of the answer's body */
} Outcome;

typedef enum ChangeKind
{
	CHANGE_JOB,					/* id: job_id whose definition changed */
	CHANGE_RUN,					/* id: run_id added to or taken from pending_run */
	CHANGE_RUNS,				/* id: job_id; many of its runs have gone */
	CHANGE_CANCEL,				/* id: run_id to cancel, unless it is over */
	CHANGE_ALL,					/* read everything again */
	CHANGE_CONTROL,				/* start, stop: read scheduler_state again */
	CHANGE_QUEUES,				/* read scheduler.queue again */
	CHANGE_RULES,				/* read scheduler.alert_rule again */
	CHANGE_HOOKS,				/* read scheduler.job_hook again */
	CHANGE_DEPENDENCIES,		/* read scheduler.dependency again */
	CHANGE_CALENDAR,			/* id: hash of the name of one that changed */
	CHANGE_ALERTS				/* some were resolved by hand */
} ChangeKind;

typedef struct Change
{
	ChangeKind	kind;
	int64		id;
} Change;

typedef enum DatabaseState
{
	DATABASE_UNUSED,			/* entry is free */
	DATABASE_PRESENT,			/* has the extension, or nobody has looked */
	DATABASE_ABSENT				/* has not got the extension */
} DatabaseState;

typedef struct Database
{
	DatabaseState state;
	Oid			oid;
	uint32		extension_events;	/* an extension was created: look again */
	int			quiesced;		/* DDL commands, and restores, that want us out */
	int			restorers[MAX_RESTORERS];	/* sessions that restore: restorer.h */
	Process		scheduler;
	bool		ready;			/* the scheduler has read all jobs */
	bool		stopped;		/* by scheduler.stop() or held, and at rest */
	TimestampTz ready_since;
	int			nstarts;		/* of its scheduler, since the server started */
	bool		left;			/* the last scheduler went in good order */
	Process		http;			/* none, too: it takes no more runs */
	TimestampTz http_since;		/* when it attached */
	int64		http_runs;		/* how many it has done */
	bool		http_leave;		/* asked to go when what is under way is over */
	bool		http_drop;		/* asked to go now */
	bool		http_cancel;	/* some flight is to be cancelled */
	TimestampTz http_cancel_at; /* one is to be cancelled then; DT_NOEND: none */
	bool		http_left;		/* it has gone: see to what it had in hand */
	int			http_nflights;	/* entries in the table of flights */
	Lane		http_lane;
	uint64		ticket;			/* for a worker that is wanted, 0: none */
	int			rooms_wanted;	/* workers, of whatever database, to leave for it */
	ConditionVariable run_finished; /* for wait_for_run() */
	uint64		key_system;		/* what idempotency keys begin with: home.h */
	Oid			key_database;

	/* counts for views */
	pg_atomic_uint64 npending;	/* runs that are not over */
	pg_atomic_uint64 nready;	/* of these, due and not being executed */
	pg_atomic_uint64 next_run;	/* when something is due next; DT_NOEND: nothing is */
	bool		stop_requested; /* by scheduler.stop(), or runs are held */
	bool		monitoring;		/* health is judged */
	pg_atomic_uint64 judge_asked;	/* check_now() was called so many times */
	pg_atomic_uint64 judged;	/* and up to this call everything has been judged */
	bool		copy;			/* of another database, and not at home here yet */
	char		hold_reason[HOLD_REASON_LENGTH];	/* why runs are held; empty: they are not */
	TimestampTz stopped_at;		/* when that was; DT_NOBEGIN: not */
	char		error[SLOT_ERROR_LENGTH];	/* why the scheduler does not come, or its
											 * cycles fail; empty: they do not */
	TimestampTz error_since;	/* the first of these */
	TimestampTz missing_since;	/* when its process went, or was first wanted */
	bool		memory_growing; /* that of a worker, for too long */
	char		unfit[UNFIT_LENGTH];	/* why library and tables do not fit, or empty */

	slock_t		mutex;			/* guards the rings */
	bool		bell;			/* the next outcome wakes the scheduler */
	int			outcome_head;
	int			outcome_count;
	Outcome		outcomes[OUTCOME_RING_SIZE];
	int			change_head;
	int			change_count;
	bool		change_overflow;	/* changes were dropped: read all */
	Change		changes[CHANGE_RING_SIZE];
} Database;

typedef struct SchedulerShared
{
	LWLock	   *lock;
	Process		launcher;
	bool		rescan;			/* launcher: read pg_database again */
	bool		full;			/* some database has found no entry */
	bool		extension_elsewhere;	/* one was created in such a database */
	bool		smart_shutdown; /* written by the postmaster: shutdown.c */
	uint64		last_ticket;
	uint64		last_generation;
	int			rooms_wanted;	/* the sum of those of all databases */
	ConditionVariable process_left; /* a scheduler or worker has gone */
	TimestampTz shortage_at;	/* when the server last had no room for a process */
	int			shortage_slots; /* how many slots it then had processes for */
	Oid			process_for;	/* the database that the next process is for ... */
	TimestampTz process_wanted_at;	/* ... which has asked for it then */
	int64		workers_started;
	int64		workers_died;
	int			ndatabases;
	int			nworkers;
	Database   *databases;
	WorkerSlot *workers;
	Lane	   *lanes;			/* as many as workers */
	struct HttpFlight *flights; /* http_flight.h */
	int			free_flight;	/* first of those that are free, or -1 */
} SchedulerShared;

extern SchedulerShared *scheduler_shared;

/* The entry of this process: a scheduler, worker or HTTP worker that has attached */
extern Database *shmem_my_db;

/* True when the library was preloaded, so that there is a shared state. */
extern bool shmem_available(void);

/* What "lock held" and "lock not held" mean: for Assert(). */
static inline bool
shmem_locked(void)
{
	return LWLockHeldByMe(scheduler_shared->lock);
}

static inline bool
shmem_locked_exclusively(void)
{
	return LWLockHeldByMeInMode(scheduler_shared->lock, LW_EXCLUSIVE);
}

/* An error of the scheduler of a database; NULL: it has done its work.  Lock held. */
extern void shmem_note_error(Database *db, const char *message);

/* Caller holds the lock.  NULL: this database has no entry. */
extern Database *shmem_find_database(Oid database);

/*
 * Rings.  No lock needed.
 *
 * Putting an outcome wakes the scheduler only when it has set the bell since
 * the last time, or when the ring is half full: under load it comes by often
 * enough, and need not be woken for every run.  shmem_set_bell() answers
 * false when there are outcomes already.
 */
extern bool shmem_put_outcome(Database *db, const Outcome *outcome);
extern int	shmem_take_outcomes(Database *db, Outcome *outcomes, int max);
extern bool shmem_set_bell(Database *db);
extern void shmem_put_change(Oid database, ChangeKind kind, int64 id);
extern void shmem_put_change_of(Database *db, ChangeKind kind, int64 id);
extern int	shmem_take_changes(Database *db, Change *changes, int max,
							   bool *overflow);

/*
 * The extension has been dropped: should it come again, its runs have the same
 * ids, and nothing that was said of the old ones is meant for them.  Lock held.
 */
extern void shmem_forget_runs(Database *db);

/* Workers that are to leave for the sake of a database's roles.  Lock held. */
extern void shmem_want_rooms(Database *db, int n);

/* Is health judged in this process's database? */
extern bool shmem_monitoring(void);

/* Wake the launcher; "rescan": it looks at all databases again. */
extern void shmem_wake_launcher(bool rescan);

#endif							/* PG_SCHEDULER_SHMEM_H */

/*-------------------------------------------------------------------------
 *
 * worker.c
 *	  The process that runs the SQL jobs of one role in one database.
 *
 * A worker connects as the owner of the jobs that it runs, once, and takes
 * run after run out of its lane until it is asked to leave, has idled for too
 * long, has done its number of runs, or has grown too large.  There is no
 * more powerful identity in the process that a job could fall back to.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/process.h"
#include "execute/session_reset.h"
#include "execute/sql_run.h"
#include "process/worker.h"
#include "shared/flight_recorder.h"
#include "shared/lane.h"
#include "shared/shutdown.h"
#include "shared/worker_slot.h"

/* Between two looks at the memory of a worker that idles: 1 s. */
#define MEMORY_INTERVAL		USECS_PER_SEC

static emit_log_hook_type prev_emit_log_hook = NULL;

/*
 * Attach to the slot that this process was launched for.  False when the
 * slot has been given to somebody else meanwhile.
 */
static bool
worker_attach(const WorkerStart *start)
{
	WorkerSlot *slot = &scheduler_shared->workers[start->slot];
	bool		result = false;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (slot->state == WORKER_STARTING && slot->generation == start->generation)
	{
		shmem_my_db = shmem_find_database(start->database);
		result = shmem_my_db != NULL;
		if (result)
		{
			process_attach(&slot->process);
			slot->leave |= shmem_my_db->quiesced > 0;
			worker_slot_mine = slot;
		}
		else
		{
			/* nobody knew of this process when its database was dropped */
			slot->state = WORKER_DEAD;
			slot->died_at = clock_now();
		}
	}
	LWLockRelease(scheduler_shared->lock);
	return result;
}

/* The last thing a worker does, whatever it dies of. */
static void
worker_detach(int code, Datum arg)
{
	if (worker_slot_mine == NULL)
		return;
	flight_recorder_end(worker_slot_number(worker_slot_mine));
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	worker_slot_mine->state = WORKER_DEAD;
	worker_slot_mine->died_at = clock_now();
	(void) process_detach(&worker_slot_mine->process);
	process_wake(&shmem_my_db->scheduler);
	worker_slot_mine = NULL;
	LWLockRelease(scheduler_shared->lock);
	ConditionVariableBroadcast(&scheduler_shared->process_left);
}

/* Keep the last words of a worker, so that the run it fails gets them. */
static void
remember_fatal(ErrorData *edata)
{
	if (edata->elevel >= FATAL && worker_slot_mine != NULL && edata->message != NULL)
	{
		strlcpy(worker_slot_mine->error, edata->message, SLOT_ERROR_LENGTH);
		worker_slot_mine->sqlerrcode = edata->sqlerrcode;
	}
	if (prev_emit_log_hook)
		prev_emit_log_hook(edata);
}

/* Let go of the run that is over.  Lock held. */
static void
let_go_of_run(TimestampTz now)
{
	Lane	   *lane = &scheduler_shared->lanes[worker_slot_mine->lane];

	Assert(shmem_locked_exclusively());
	if (worker_slot_mine->has_run)
		lane->run_time += (now - worker_slot_mine->started_at - lane->run_time) / 8;
	worker_slot_mine->has_run = false;
	worker_slot_mine->cancel = false;
	worker_slot_mine->cancel_at = DT_NOEND;
	worker_slot_mine->why = (CancelReason) {0};
	worker_slot_mine->kill_after = -1;
	worker_slot_mine->deadline = DT_NOEND;
}

/*
 * Let go of the run that is over, and take the next one or become idle.
 * False: there is none.  All in one, for this is the lock that all workers
 * share.
 */
static bool
take_run(Run *run)
{
	Lane	   *lane = &scheduler_shared->lanes[worker_slot_mine->lane];
	TimestampTz now;
	bool		result;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	now = clock_now();			/* under the lock: who takes first starts first */
	let_go_of_run(now);
	if (scheduler_shared->rooms_wanted > 0)
		worker_slot_relieve(worker_slot_mine);
	result = !worker_slot_mine->leave && lane_take(lane, run);
	if (result)
	{
		worker_slot_mine->state = WORKER_RUNNING;
		worker_slot_mine->run = *run;
		worker_slot_mine->has_run = true;
		worker_slot_mine->terminate = false;
		worker_slot_mine->requeue = false;
		/* the clock may have been set back since it was due */
		worker_slot_mine->started_at = Max(now, run->due_at);
		worker_slot_mine->job_name[0] = '\0';
		if (lane->nready == LANE_LOW_WATER)
			process_wake(&shmem_my_db->scheduler);
	}
	else if (worker_slot_mine->state != WORKER_IDLE)
	{
		worker_slot_mine->state = WORKER_IDLE;
		worker_slot_mine->idle_since = now;
	}
	LWLockRelease(scheduler_shared->lock);

	/* a cancellation meant for the run before comes too late, but not one of this run */
	QueryCancelPending = false;
	if (worker_slot_mine->cancel)
		InterruptPending = QueryCancelPending = true;
	return result;
}

/*
 * Tell the scheduler what became of the run.  When its ring is full it is
 * behind, and this worker may as well wait.
 */
static void
report_sql_run(const Outcome *outcome)
{
	Assert(!shmem_locked());
	while (!shmem_put_outcome(shmem_my_db, outcome))
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 10, compat_wait_event("PgSchedulerWorkerReport"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	worker_slot_mine->runs_done++;
	ConditionVariableBroadcast(&shmem_my_db->run_finished);
}

/* How much memory stays in use between runs */
static void
look_at_memory(void)
{
	worker_slot_mine->memory = MemoryContextMemAllocated(TopMemoryContext, true);
}

/* Looking costs a little: under load it is done now and then. */
static bool
too_large(void)
{
	static TimestampTz looked_at = DT_NOBEGIN;

	if (worker_slot_mine->runs_done % 64 == 1 ||
		worker_slot_mine->idle_since - looked_at >= MEMORY_INTERVAL)
	{
		look_at_memory();
		looked_at = clock_now();
	}
	return worker_slot_mine->memory > (int64) pg_scheduler_worker_memory_limit * 1024;
}

static bool
should_leave(void)
{
	return worker_slot_mine->leave || ShutdownRequestPending ||
		worker_slot_mine->runs_done >= pg_scheduler_worker_max_runs || too_large();
}

static bool
idle_too_long(void)
{
	return clock_now() - worker_slot_mine->idle_since >=
		(int64) pg_scheduler_worker_idle_timeout * 1000;
}

/*
 * The run is not over: its next attempt waits, or this one is to be done
 * again.  A cancellation that has come too late for us is meant for that.
 */
static void
let_go_of_attempt(int64 run_id)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (worker_slot_mine->cancel)
		shmem_put_change_of(shmem_my_db, CHANGE_CANCEL, run_id);
	let_go_of_run(clock_now());
	LWLockRelease(scheduler_shared->lock);
}

static void
run_one(const Run *run)
{
	Outcome		outcome;

	flight_recorder_begin(worker_slot_number(worker_slot_mine), run->run_id, run->attempt);
	sql_run_execute(worker_slot_mine, run, &outcome);
	flight_recorder_end(worker_slot_number(worker_slot_mine));

	report_sql_run(&outcome);
	if (outcome.kind != OUTCOME_FINAL)
		let_go_of_attempt(run->run_id);
	session_reset(worker_slot_mine->role);
	pgstat_report_stat(false);
}

static void
idle(void)
{
	Assert(!IsTransactionState());
	Assert(!shmem_locked());
	pgstat_report_stat(true);
	pgstat_report_appname("pg_scheduler");
	pgstat_report_activity(STATE_IDLE, NULL);
	look_at_memory();
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 Max(pg_scheduler_worker_idle_timeout, 1),
					 compat_wait_event("PgSchedulerWorkerMain"));
	ResetLatch(MyLatch);
}

/*
 * A cancellation is meant for a run: it is held until the run's own statement
 * is executed, see sql_run.c, and what comes when that is over is dropped.
 */
static void
worker_loop(void)
{
	Run			run;

	HOLD_CANCEL_INTERRUPTS();
	while (!should_leave())
	{
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		if (take_run(&run))
			run_one(&run);
		else if (idle_too_long())
			break;
		else
			idle();
	}
}

/*
 * Leave in good order: the run in hand is over, and reported.  Whoever buries
 * the slot would otherwise take it for one that the worker died of.
 */
static void
let_go(void)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	worker_slot_mine->has_run = false;
	worker_slot_mine->recycled = too_large();
	LWLockRelease(scheduler_shared->lock);
}

/*
 * In a smart shutdown a run may be finished: the scheduler, which has got the
 * same signal, stops it when the grace is over.
 */
static void
handle_sigterm(SIGNAL_ARGS)
{
	if (worker_slot_mine != NULL && worker_slot_mine->has_run && !worker_slot_mine->requeue &&
		!worker_slot_mine->terminate && shutdown_is_smart())
	{
		worker_slot_mine->leave = true;
		SetLatch(MyLatch);
	}
	else
		die(postgres_signal_arg);
}

/*
 * The last thing of all.  What the libraries of the server would tidy up now,
 * OpenSSL above all, the kernel frees at once: a tenth of what it costs that
 * roles take turns.
 */
/*
 * What a client's session loads when it begins; the server does that for clients
 * only.  A security policy may be among it.  In a transaction, since privileges
 * on the settings that come with a library are looked up.
 */
static void
load_session_libraries(void)
{
	StartTransactionCommand();
	process_session_preload_libraries();
	CommitTransactionCommand();
}

static void
exit_at_once(int code, Datum arg)
{
	_exit(code);
}

void
pg_scheduler_worker_main(Datum arg)
{
	WorkerStart start;

	process_kind = PROCESS_WORKER;
	on_proc_exit(exit_at_once, (Datum) 0);
	memcpy(&start, MyBgworkerEntry->bgw_extra, sizeof(start));
	pqsignal(SIGTERM, handle_sigterm);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();

	if (!worker_attach(&start))
		proc_exit(0);
	before_shmem_exit(worker_detach, (Datum) 0);
	prev_emit_log_hook = emit_log_hook;
	emit_log_hook = remember_fatal;

	BackgroundWorkerInitializeConnectionByOid(start.database, start.role,
											  COMPAT_WORKER_CONNECT_FLAGS);
	worker_slot_mine->connected = true;
	load_session_libraries();
	session_reset_init();
	sql_run_init();
	worker_loop();
	let_go();
	proc_exit(0);
}

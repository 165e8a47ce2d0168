/*-------------------------------------------------------------------------
 *
 * scheduler.c
 *	  The process that owns time in one database.
 *
 * A cycle looks at everything that may have happened, does what follows, and
 * sleeps until the next instant at which something is due, or until somebody
 * sets the latch.  There is no tick.
 *
 * An error ends the cycle, not the process: it is logged, memory is rebuilt
 * from the tables, and after a second the work goes on.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/procsignal.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/cycle.h"
#include "base/guc.h"
#include "base/process.h"
#include "flow/chain.h"
#include "flow/clock_watch.h"
#include "flow/dependency.h"
#include "flow/dispatch.h"
#include "flow/enqueue.h"
#include "flow/hook.h"
#include "flow/http_dispatch.h"
#include "flow/lane_fill.h"
#include "flow/letters.h"
#include "flow/maintain.h"
#include "flow/pool_room.h"
#include "flow/prestart.h"
#include "flow/queue_stop.h"
#include "flow/settle.h"
#include "flow/worker_pool.h"
#include "health/fit_watch.h"
#include "health/monitor.h"
#include "health/server_watch.h"
#include "process/scheduler.h"
#include "process/scheduler_change.h"
#include "process/scheduler_load.h"
#include "process/stop_mode.h"
#include "shared/own_change.h"
#include "shared/shmem.h"
#include "shared/shutdown.h"
#include "state/alert.h"
#include "state/dependency_graph.h"
#include "state/due_heap.h"
#include "state/recovery_event.h"
#include "state/run_list.h"
#include "state/run_queue.h"
#include "state/run_queue_check.h"
#include "state/walk.h"
#include "table/extension.h"
#include "table/query.h"

/*
 * What runs add to the states of their jobs is written when no run has ended
 * for 100 ms, at the latest after 1 s: a job that runs again meanwhile is
 * written once.
 */
#define FLUSH_QUIET			(100 * 1000)
#define FLUSH_INTERVAL		USECS_PER_SEC
#define FLUSH_COUNT			20000

/* How far history is counted is written every: 30 s. */
#define COUNTED_INTERVAL	(30 * USECS_PER_SEC)

/* The longest sleep: a clock that was set forward is noticed after: 60 s. */
#define MAX_SLEEP			(60 * USECS_PER_SEC)

/* While outcomes keep coming they are looked at every: 1 ms. */
#define NAP					1000

/* While library and tables do not fit they are looked at every: 5 s. */
#define UNFIT_DELAY			(5 * USECS_PER_SEC)

static emit_log_hook_type scheduler_prev_log_hook = NULL;
static bool loaded = false;		/* memory mirrors the tables */
static TimestampTz dirty_since = DT_NOEND;
static TimestampTz outcome_at = DT_NOBEGIN; /* of the last outcome */
static TimestampTz counted_at = DT_NOBEGIN;

/*
 * Attach and detach
 */

static void
scheduler_detach(int code, Datum arg)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (process_detach(&shmem_my_db->scheduler))
	{
		shmem_my_db->ready = false;
		shmem_my_db->unfit[0] = '\0';
		shmem_my_db->ticket = 0;
		shmem_want_rooms(shmem_my_db, 0);
		shmem_my_db->left = code == 0;
		shmem_my_db->missing_since = GetCurrentTimestamp();
		/* another database can have the entry, or this one cannot be connected to */
		if ((shmem_my_db->state == DATABASE_ABSENT && scheduler_shared->full) || code != 0)
			scheduler_shared->rescan = true;
	}
	process_wake(&scheduler_shared->launcher);
	LWLockRelease(scheduler_shared->lock);
	ConditionVariableBroadcast(&scheduler_shared->process_left);
}

/* Become the scheduler of a database, unless there is one, or must not be. */
static bool
scheduler_attach(Oid database)
{
	bool		result = false;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	shmem_my_db = shmem_find_database(database);
	if (shmem_my_db != NULL && shmem_my_db->quiesced == 0 && shmem_my_db->scheduler.pid == 0)
	{
		process_attach(&shmem_my_db->scheduler);
		result = true;
	}
	LWLockRelease(scheduler_shared->lock);
	return result;
}

/*
 * Leave if there is no extension here.  The launcher then need not start us
 * again before one is created, which may have happened since we looked.
 */
static void
exit_if_absent(void)
{
	uint32		events = shmem_my_db->extension_events;

	if (extension_is_installed())
		return;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (shmem_my_db->extension_events == events)
	{
		shmem_my_db->state = DATABASE_ABSENT;
		shmem_my_db->nstarts = 0;
	}
	LWLockRelease(scheduler_shared->lock);
	proc_exit(0);
}

/*
 * A cycle
 */

/* Write states and events, when there are many states, or when it is time. */
static TimestampTz
flush_states(TimestampTz now, bool force)
{
	TimestampTz due;

	if (job_cache_dirty_count() == 0 && !recovery_event_pending())
	{
		dirty_since = DT_NOEND;
		return DT_NOEND;
	}
	if (dirty_since == DT_NOEND)
		dirty_since = now;
	due = Min(Max(dirty_since, outcome_at) + FLUSH_QUIET, dirty_since + FLUSH_INTERVAL);
	if (!force && !recovery_event_pending() && job_cache_dirty_count() < FLUSH_COUNT && now < due)
		return due;

	cycle_start_transaction();
	(void) job_cache_write();
	recovery_event_write();
	if (!clock_lasts(counted_at, COUNTED_INTERVAL, now))
	{
		query_mark_counted(run_list_oldest(), now);
		counted_at = now;
	}
	cycle_commit_transaction();
	job_cache_written(true);
	recovery_event_written();
	dirty_since = DT_NOEND;
	return DT_NOEND;
}

/* The same with alerts, which are not kept waiting; when to do so again. */
static TimestampTz
flush(TimestampTz now, bool force)
{
	TimestampTz next = flush_states(now, force);

	if (force || alert_next_write() <= now)
		alert_write();
	return Min(next, alert_next_write());
}

/* What status() shows, without asking us. */
static void
publish_counts(void)
{
	pg_atomic_write_u64(&shmem_my_db->npending, run_queue_count());
	pg_atomic_write_u64(&shmem_my_db->nready, run_queue_ready_count());
	pg_atomic_write_u64(&shmem_my_db->next_run, enqueue_next_time());
}

/* Everything that is due now; the time of what is due next. */
static TimestampTz
do_cycle(void)
{
	TimestampTz now = clock_now();
	TimestampTz next = DT_NOEND;
	bool		more = false;

	if (clock_watch(now))
		own_change_put(CHANGE_ALL, 0);
	settle_take_outcomes(shmem_my_db);	/* whoever tells of one has told of changes before */
	scheduler_apply_changes(shmem_my_db);
	if (settle_outcomes(shmem_my_db) > 0)
	{
		outcome_at = now;
		next = now + NAP;
	}
	next = earlier_of(next, settle_deaths());
	settle_http_worker(shmem_my_db);
	scheduler_apply_own_changes(shmem_my_db);
	next = earlier_of(next, hook_step(now));
	if (dependency_step(now))
		monitor_request();
	if (stop_mode_is_running() && !maintain_partition(now))
		next = Min(next, now + ERROR_DELAY_MS * 1000);
	else if (stop_mode_is_running())
	{
		next = earlier_of(next, settle_late(now));	/* they are not in the way of what is due */
		more |= enqueue_due();
		more |= chain_cycle();
		next = earlier_of(next, run_queue_wake(now));
		next = earlier_of(next, prestart_look(now));
		next = earlier_of(next, dispatch_runs());
		next = earlier_of(next, enqueue_next_time());
	}
	else
	{
		prestart_forget();
		next = earlier_of(next, stop_mode_step(shmem_my_db, now));
	}
	next = earlier_of(next, worker_pool_kill_overdue(now));
	next = earlier_of(next, queue_stop(now));
	if (!more)
		maintain(now);
	next = earlier_of(next, maintain_next_time());
	next = earlier_of(next, letters_trim(now));
	monitor(now);
	next = earlier_of(next, monitor_next_time());
	next = earlier_of(next, dependency_graph_next_time());
	next = earlier_of(next, flush(now, false));
	if (!more && walk_step(now))
		next = now;
	next = earlier_of(next, walk_next_slice());
	if (own_change_any())
		next = now;
	publish_counts();
	run_queue_check();
	Assert(CurrentMemoryContext == cycle_context);
	if (more || (next > now + NAP && !shmem_set_bell(shmem_my_db)))
		return now;
	return next;
}

static void
sleep_until(TimestampTz when)
{
	TimestampTz now = clock_now();

	Assert(!IsTransactionState());
	Assert(!shmem_locked());
	if (when <= now)
		return;
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	clock_set_alarm(Min(when, now + MAX_SLEEP));
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, -1L,
					 compat_wait_event("PgSchedulerMain"));
	clock_set_alarm(DT_NOEND);
	ResetLatch(MyLatch);
}

/* A new default time zone takes the schedules to be read again. */
static void
reload_config(void)
{
	char	   *zone = pstrdup(pg_scheduler_timezone);

	ProcessConfigFile(PGC_SIGHUP);
	if (loaded)
		stop_mode_read(shmem_my_db);	/* pg_scheduler.enabled, on_copy, monitoring */
	if (strcmp(zone, pg_scheduler_timezone) != 0)
		own_change_put(CHANGE_ALL, 0);
	pfree(zone);
}

static void
handle_signals(void)
{
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		reload_config();
	}
}

static bool
should_exit(void)
{
	if (shmem_my_db->quiesced > 0)
		return true;
	if (!ShutdownRequestPending)
		return false;
	if (!loaded || !shutdown_is_smart())
		return true;
	stop_mode_begin();
	return stop_mode_is_stopped();
}

/*
 * Library and tables do not fit: nothing runs.  An update of the extension has
 * us leave, and be started again.
 */
static void
hold(void)
{
	run_queue_reset();
	lane_fill_withdraw();
	worker_pool_dismiss(false);
	MemoryContextReset(cycle_context);
	sleep_until(clock_now() + UNFIT_DELAY);
}

/* An error that comes time after time; NULL: a cycle has gone well. */
static void
publish_error(const char *message)
{
	TimestampTz since;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	shmem_note_error(shmem_my_db, message);
	since = shmem_my_db->error_since;
	LWLockRelease(scheduler_shared->lock);
	if (message == NULL)
		server_watch_errors(NULL);
	else if (clock_now() - since >= STARTING_TIME)
		server_watch_errors(message);
}

static void
scheduler_loop(void)
{
	while (!should_exit())
	{
		TimestampTz next;

		handle_signals();
		MemoryContextSwitchTo(cycle_context);
		if (!loaded && !fit_watch(shmem_my_db))
		{
			hold();
			continue;
		}
		if (!loaded)
			scheduler_load(shmem_my_db);
		loaded = true;
		next = do_cycle();
		if (shmem_my_db->error[0] != '\0')
			publish_error(NULL);
		MemoryContextSwitchTo(cycle_context);
		MemoryContextReset(cycle_context);
		if (!should_exit())
			sleep_until(next);
	}
}

/* Leave in good order: what was counted is written. */
static void
leave(void)
{
	if (loaded && extension_is_installed())
	{
		MemoryContextSwitchTo(cycle_context);
		scheduler_settle_all(shmem_my_db);
		monitor_leave(clock_now());
		(void) flush(clock_now(), true);
	}
	proc_exit(0);
}

/* What the process dies of, which may be that it cannot connect. */
static void
remember_fatal(ErrorData *edata)
{
	if (edata->elevel >= FATAL && edata->message != NULL && !shmem_locked())
	{
		LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
		shmem_note_error(shmem_my_db, edata->message);
		LWLockRelease(scheduler_shared->lock);
	}
	if (scheduler_prev_log_hook)
		scheduler_prev_log_hook(edata);
}

/*
 * After an error.  When the extension has gone, that explains it.
 */
static void
clear_scheduler_error(void)
{
	char	   *message = process_clear_error();

	recovery_event_note("reload", SUBJECT_SCHEDULER, 0, InvalidOid, true, message);
	loaded = false;
	(void) pool_room_make(0, false, 0);
	publish_error(message);
	MemoryContextReset(cycle_context);	/* the message with it */
	process_wait_after_error();
}

static void
set_up_session(void)
{
	process_set_up_session();
	/* what only this process writes can be lost and found again */
	SetConfigOption("synchronous_commit", "off", PGC_SUSET, PGC_S_OVERRIDE);
	/* with a million jobs, statements look worth compiling: for 56 MB, and some 100 ms */
	SetConfigOption("jit", "off", PGC_SUSET, PGC_S_OVERRIDE);
	/* processes are for jobs */
	SetConfigOption("max_parallel_workers_per_gather", "0", PGC_SUSET, PGC_S_OVERRIDE);
	/* who locks our tables may hold up neither a shutdown nor the rest for ever */
	SetConfigOption("lock_timeout", "5s", PGC_SUSET, PGC_S_OVERRIDE);
}

void
pg_scheduler_scheduler_main(Datum arg)
{
	Oid			database = DatumGetObjectId(arg);
	sigjmp_buf	local_sigjmp_buf;

	process_kind = PROCESS_SCHEDULER;
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();

	if (!scheduler_attach(database))
		proc_exit(0);
	before_shmem_exit(scheduler_detach, (Datum) 0);
	scheduler_prev_log_hook = emit_log_hook;
	emit_log_hook = remember_fatal;
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	set_up_session();
	cycle_init();
	exit_if_absent();

	own_change_init();
	clock_init();
	due_heap_init();
	run_queue_init();
	job_cache_init();
	dependency_graph_init();
	monitor_init();
	worker_pool_init();

	if (sigsetjmp(local_sigjmp_buf, 1) != 0)
	{
		clear_scheduler_error();
		if (!should_exit())
			exit_if_absent();
	}
	PG_exception_stack = &local_sigjmp_buf;
	scheduler_loop();
	leave();
}

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
#include "flow/dependency.h"
#include "flow/dispatch.h"
#include "flow/enqueue.h"
#include "flow/hold.h"
#include "flow/hook.h"
#include "flow/http_dispatch.h"
#include "flow/lane_fill.h"
#include "flow/maintain.h"
#include "flow/plan.h"
#include "flow/pool_room.h"
#include "flow/prestart.h"
#include "flow/queue_stop.h"
#include "flow/run_owner.h"
#include "flow/settle.h"
#include "flow/worker_pool.h"
#include "health/fit_watch.h"
#include "health/monitor.h"
#include "health/server_watch.h"
#include "process/scheduler.h"
#include "shared/own_change.h"
#include "shared/shmem.h"
#include "shared/shutdown.h"
#include "state/alert.h"
#include "state/dependency_graph.h"
#include "state/due_heap.h"
#include "state/hook_family.h"
#include "state/recovery_event.h"
#include "state/run_queue.h"
#include "state/walk.h"
#include "table/catalog.h"
#include "table/catalog_hook.h"
#include "table/catalog_queue.h"
#include "table/extension.h"
#include "table/store.h"

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

typedef enum RunMode
{
	MODE_RUNNING,
	MODE_STOPPING,				/* stopped; runs are still being executed */
	MODE_STOPPED
} RunMode;

static Database *my_db = NULL;
static bool loaded = false;		/* memory mirrors the tables */
static RunMode mode = MODE_RUNNING;
static bool stop_hooks = false; /* stopped by stop(): hooks run before that */
static TimestampTz stop_deadline;
static TimestampTz dirty_since = DT_NOEND;
static TimestampTz outcome_at = DT_NOBEGIN; /* of the last outcome */
static TimestampTz counted_at = DT_NOBEGIN;

/*
 * Attach and detach
 */

static void
detach(int code, Datum arg)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (my_db->scheduler_pid == MyProcPid)
	{
		my_db->scheduler_pid = 0;
		my_db->scheduler_latch = NULL;
		my_db->ready = false;
		my_db->unfit[0] = '\0';
		my_db->demand = 0;
		shmem_want_rooms(my_db, 0);
		my_db->left = code == 0;
		/* another database can have the entry, or this one cannot be connected to */
		if ((my_db->state == DATABASE_ABSENT && scheduler_shared->full) || code != 0)
			scheduler_shared->rescan = true;
	}
	shmem_wake(scheduler_shared->launcher_latch);
	LWLockRelease(scheduler_shared->lock);
	ConditionVariableBroadcast(&scheduler_shared->process_left);
}

/* Become the scheduler of a database, unless there is one, or must not be. */
static bool
attach(Oid database)
{
	bool		result = false;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	my_db = shmem_find_database(database);
	if (my_db != NULL && my_db->quiesced == 0 && my_db->scheduler_pid == 0)
	{
		my_db->scheduler_pid = MyProcPid;
		my_db->scheduler_latch = MyLatch;
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
	uint32		events = my_db->extension_events;

	if (extension_is_installed())
		return;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (my_db->extension_events == events)
	{
		my_db->state = DATABASE_ABSENT;
		my_db->nstarts = 0;
	}
	LWLockRelease(scheduler_shared->lock);
	proc_exit(0);
}

/*
 * Load
 */

static void
put_next_run(int64 job_id, Oid role, TimestampTz next_run_at, void *arg)
{
	due_heap_put(job_id, role, next_run_at);
}

static void
load_next_runs(void)
{
	due_heap_reset();
	cycle_start_transaction();
	catalog_scan_next_runs(put_next_run, NULL);
	cycle_commit_transaction();
	due_heap_loaded();
}

/* Once per start of the server, and at promotion: the @reboot jobs. */
static void
note_boot(void)
{
	ControlState control;

	cycle_start_transaction();
	catalog_read_control(&control);
	if (control.booted_at != PgStartTime)
	{
		enqueue_reboot_jobs();
		(void) job_cache_write();
		catalog_write_booted_at(PgStartTime);
		catalog_forget_starts();
	}
	cycle_commit_transaction();
	job_cache_written(true);
}

/* The default time zone may have changed since next times were planned. */
static void
note_timezone(void)
{
	ControlState control;

	cycle_start_transaction();
	catalog_read_control(&control);
	cycle_commit_transaction();
	if (strcmp(control.timezone, pg_scheduler_timezone) == 0)
		return;
	if (control.timezone[0] != '\0')
		plan_in_new_zone();
	cycle_start_transaction();
	catalog_write_timezone(pg_scheduler_timezone);
	cycle_commit_transaction();
}

static void
publish_control(bool stopped)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (stopped && !my_db->stop_requested)
		my_db->stopped_at = clock_now();
	my_db->stop_requested = stopped;
	LWLockRelease(scheduler_shared->lock);
}

/* How long runs may go on that nobody has set a limit for. */
static TimestampTz
grace_from_now(void)
{
	return clock_now() + (int64) pg_scheduler_shutdown_grace * 1000;
}

static void
read_control(void)
{
	ControlState control;
	bool		held = hold_look(my_db);

	cycle_start_transaction();
	catalog_read_control(&control);
	cycle_commit_transaction();
	stop_deadline = control.stopped ? control.stop_deadline : grace_from_now();
	if (!control.stopped && !held)
	{
		if (mode != MODE_RUNNING)
			dependency_graph_start();
		mode = MODE_RUNNING;
		LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
		my_db->stopped = false;
		LWLockRelease(scheduler_shared->lock);
	}
	else if (mode == MODE_RUNNING)
	{
		mode = MODE_STOPPING;
		lane_fill_withdraw();
	}
	stop_hooks = control.stopped && !held;
	run_queue_hooks_only(control.stopped);
	hook_changed(0);
	publish_control(control.stopped || held);
	server_watch_stopped(held ? my_db->hold_reason :
						 control.stopped ? "the scheduler was stopped by scheduler.stop()" : NULL);
}

static void
publish_ready(void)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	my_db->state = DATABASE_PRESENT;
	my_db->ready = true;
	my_db->ready_since = clock_now();
	my_db->last_error_at = DT_NOBEGIN;
	if (scheduler_shared->full)
	{
		/* the launcher warns when there is no entry left for the others */
		scheduler_shared->rescan = true;
		shmem_wake(scheduler_shared->launcher_latch);
	}
	LWLockRelease(scheduler_shared->lock);
}

static void
load_queue(const char *name, const QueueLimits *limits, void *arg)
{
	run_queue_set_limits(name, limits);
}

static void
load_queues(void)
{
	cycle_start_transaction();
	catalog_scan_queues(load_queue, NULL);
	cycle_commit_transaction();
	dependency_graph_queues_changed();
}

/* The launcher has started this process in place of another. */
static void
note_restart(void)
{
	static bool noted = false;

	if (noted)
		return;
	noted = true;
	if (my_db->nstarts++ > 0)
		recovery_event_note("restart", SUBJECT_SCHEDULER, 0, InvalidOid, true,
							my_db->left ? "the scheduler was asked to leave" :
							"the scheduler had died");
}

/*
 * Read everything from the tables, after a start or an error.
 *
 * What mirrors tables is thrown away and read again: runs, queues and their
 * limits (run_queue_reset), jobs and their states, dirty ones too
 * (job_cache_reset), ends of leaders (chain_reset), next times
 * (load_next_runs), hooks (hook_load), dependencies, which are read in the
 * next cycle (dependency_graph_reload), rules, open alerts and unhealthy jobs
 * (monitor_load), stop() or start() (read_control).  Walks begin anew
 * (maintain_reset).  What states lacked is counted again from history
 * (settle_uncounted).
 *
 * Other memory survives an error, for no table has it:
 *
 *	alerts and events that are not written (alert.c, recovery_event.c)
 *	what was metered and not written, and windows of rates (meter.c)
 *	which alerts of the server this process has raised (server_watch.c)
 *	pauses that are owed (pause.c), jobs that were set aside (enqueue.c)
 *	handles of workers, and times before which none is started
 *	(worker_pool.c, dispatch.c, prestart.c, http_dispatch.c)
 *
 * Shared memory survives, too.  Workers go on: they keep what they have in
 * hand, and settle_start() finds it there.  Outcomes and changes stay in their
 * rings.  An outcome that was taken out when the error came is lost; the end
 * that it told of is committed, and is found as any end is: in history.
 *
 * If this fails, it is an error like any other, and done again after a second.
 */
static void
load(void)
{
	run_queue_reset();
	job_cache_reset();
	maintain_reset();
	chain_reset();

	(void) maintain_partition(clock_now());
	load_queues();
	hook_load();
	settle_start(my_db);
	cycle_start_transaction();
	chain_load();
	cycle_commit_transaction();
	settle_uncounted();
	monitor_load();
	read_control();
	note_timezone();
	load_next_runs();
	plan_new_jobs();
	note_boot();
	dependency_graph_reload();
	loaded = true;
	publish_ready();
	note_restart();
}

/*
 * Changes
 */

/* The job of a run has been dropped: what has become of the run is looked at. */
static void
look_at_orphan(RunEntry *entry, void *arg)
{
	if (entry->job == arg && entry->state != RUN_STATE_DISPATCHED)
		own_change_put(CHANGE_RUN, entry->run_id);
}

static void
change_job(int64 job_id)
{
	JobEntry   *entry = job_cache_peek(job_id);

	dependency_graph_job_changed(job_id);
	if (entry != NULL)
		(void) job_cache_reload(entry);
	else
		entry = job_cache_get(job_id);

	if (entry == NULL || entry->dropped)
	{
		JobState	state;

		job_state_init(&state, job_id);
		store_delete_job_state(&state);
		if (entry != NULL && entry->nruns > entry->ndispatched)
			run_queue_foreach(look_at_orphan, entry);
		return;
	}
	if (entry->state.schedule_version != entry->job.schedule_version)
		plan_job(entry);
	else if (entry->job.active)
		enqueue_when_due(entry);
	run_owner_follow_all(entry);
	run_queue_release(entry);
}

/*
 * Jobs that a calendar puts off may be due at another time now.  Each is looked
 * at when it would be due without, and what it finds then is put in again.
 * Other days are working days.
 */
static void
change_calendar(int64 hash)
{
	cycle_start_transaction();
	catalog_scan_deferred_runs(hash, put_next_run, NULL);
	cycle_commit_transaction();
	plan_by_calendar(hash);
}

/*
 * Memory is given up: what only it knows must not be lost.  Runs are taken back
 * first, so that we are told of no more of them than workers have in hand.
 */
static void
settle_all(void)
{
	lane_fill_withdraw();
	while (settle_outcomes(my_db) > 0)
		;
	cycle_start_transaction();
	settle_gone();
	cycle_commit_transaction();
}

/* Changes were dropped, or are too many: look at everything. */
static void
reload_all(void)
{
	settle_all();
	cycle_start_transaction();
	(void) job_cache_write();
	cycle_commit_transaction();
	job_cache_written(true);
	if (!fit_watch(my_db))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("library and tables of pg_scheduler do not fit together")));
	load();
}

/* Outside a transaction.  Jobs have been looked at before: see apply(). */
static void
apply_change(const Change *change)
{
	switch (change->kind)
	{
		case CHANGE_JOB:
			hook_changed(change->id);
			break;
		case CHANGE_RUN:
			settle_changed_run(change->id);
			break;
		case CHANGE_CONTROL:
			read_control();
			break;
		case CHANGE_QUEUES:
			load_queues();
			hook_changed(0);
			break;
		case CHANGE_DEPENDENCIES:
			dependency_graph_reload();
			break;
		case CHANGE_RULES:
			monitor_reload_rules();
			break;
		case CHANGE_HOOKS:
			hook_load();
			break;
		case CHANGE_CALENDAR:
			change_calendar(change->id);
			break;
		case CHANGE_CANCEL:
		case CHANGE_ALL:
			break;				/* have been seen to */
	}
}

static bool
has_change(const Change *changes, int n, ChangeKind kind)
{
	for (int i = 0; i < n; i++)
		if (changes[i].kind == kind)
			return true;
	return false;
}

/* Outside a transaction. */
static void
apply(const Change *changes, int n)
{
	if (n == 0)
		return;
	cycle_start_transaction();
	if (has_change(changes, n, CHANGE_CALENDAR))
		job_cache_reload_calendars();
	for (int i = 0; i < n; i++)
		if (changes[i].kind == CHANGE_JOB)
		{
			change_job(changes[i].id);
			chain_note_job(changes[i].id);
		}
	(void) job_cache_write();
	cycle_commit_transaction();
	job_cache_written(true);
	if (due_heap_overgrown())
		load_next_runs();
	for (int i = 0; i < n; i++)
		apply_change(&changes[i]);
	monitor_request();
	job_cache_trim();
}

/* What others have changed */
static void
apply_changes(void)
{
	static Change changes[CHANGE_RING_SIZE];
	bool		overflow;
	int			n = shmem_take_changes(my_db, changes, CHANGE_RING_SIZE, &overflow);

	for (int i = 0; i < n; i++)
		if (changes[i].kind == CHANGE_CANCEL)
			settle_cancel_run(changes[i].id);
	if (overflow)
		reload_all();
	else
		apply(changes, n);
}

/* What we have changed ourselves */
static void
apply_own_changes(void)
{
	const Change *changes;
	int			n = own_change_take(&changes);

	if (has_change(changes, n, CHANGE_ALL))
		reload_all();
	else
		apply(changes, n);
}

/*
 * The rest of a cycle
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
	if (now - counted_at >= COUNTED_INTERVAL || counted_at == DT_NOBEGIN)
	{
		catalog_write_counted(run_queue_oldest());
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

/* On the way to a stop: wait for runs, until the deadline. */
static TimestampTz
stop_runs(TimestampTz now)
{
	int			running;
	int			total;

	if (mode == MODE_STOPPED)
		return DT_NOEND;
	if (stop_hooks && stop_deadline > now && hook_family_pending())
	{
		TimestampTz next = run_queue_wake(now);

		next = earlier_of(next, dispatch_runs());
		return Min(next, stop_deadline);
	}
	(void) pool_room_make(0, false, 0);
	worker_pool_dismiss(stop_deadline <= now);
	worker_pool_count(&running, &total);
	if (total == 0)
	{
		mode = MODE_STOPPED;
		LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
		my_db->stopped = true;
		LWLockRelease(scheduler_shared->lock);
		ConditionVariableBroadcast(&my_db->run_finished);
		return DT_NOEND;
	}
	return stop_deadline <= now ? DT_NOEND : stop_deadline;
}

/* What status() shows, without asking us. */
static void
publish_figures(void)
{
	pg_atomic_write_u64(&my_db->npending, run_queue_count());
	pg_atomic_write_u64(&my_db->nready, run_queue_ready_count());
}

/* Everything that is due now; the time of what is due next. */
static TimestampTz
do_cycle(void)
{
	TimestampTz now = clock_now();
	TimestampTz next = DT_NOEND;
	bool		more = false;

	settle_take_outcomes(my_db);	/* whoever tells of one has told of changes before */
	apply_changes();
	if (settle_outcomes(my_db) > 0)
	{
		outcome_at = now;
		next = now + NAP;
	}
	next = earlier_of(next, settle_deaths());
	settle_http_worker(my_db);
	apply_own_changes();
	next = earlier_of(next, hook_step(now));
	if (dependency_step(now))
		monitor_request();
	if (mode == MODE_RUNNING && !maintain_partition(now))
		next = Min(next, now + ERROR_DELAY_MS * 1000);
	else if (mode == MODE_RUNNING)
	{
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
		next = earlier_of(next, stop_runs(now));
	}
	next = earlier_of(next, worker_pool_kill_overdue(now));
	next = earlier_of(next, queue_stop(now));
	if (!more)
		maintain(now);
	next = earlier_of(next, maintain_next_time());
	monitor(now);
	next = earlier_of(next, monitor_next_time());
	next = earlier_of(next, dependency_graph_next_time());
	next = earlier_of(next, flush(now, false));
	if (!more && walk_step(now))
		next = now;
	next = earlier_of(next, walk_next_slice());
	if (own_change_any())
		next = now;
	publish_figures();
	if (more || (next > now + NAP && !shmem_set_bell(my_db)))
		return now;
	return next;
}

static void
sleep_until(TimestampTz when)
{
	TimestampTz now = clock_now();

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
	dependency_graph_reload();	/* monitoring may have been turned off or on */
	if (loaded)
		read_control();			/* pg_scheduler.enabled, on_copy */
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

/* A smart shutdown lets runs be finished, for as long as stop() would. */
static void
begin_smart_shutdown(void)
{
	if (mode != MODE_RUNNING)
		return;
	mode = MODE_STOPPING;
	stop_deadline = clock_now() + (int64) pg_scheduler_shutdown_grace * 1000;
	lane_fill_withdraw();
	if (loaded)
		read_control();			/* pg_scheduler.enabled, on_copy */
}

static bool
should_exit(void)
{
	if (my_db->quiesced > 0)
		return true;
	if (!ShutdownRequestPending)
		return false;
	if (!loaded || !shutdown_is_smart())
		return true;
	begin_smart_shutdown();
	return mode == MODE_STOPPED;
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

static void
main_loop(void)
{
	while (!should_exit())
	{
		TimestampTz next;

		handle_signals();
		MemoryContextSwitchTo(cycle_context);
		if (!loaded && !fit_watch(my_db))
		{
			hold();
			continue;
		}
		if (!loaded)
			load();
		next = do_cycle();
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
		settle_all();
		monitor_leave(clock_now());
		(void) flush(clock_now(), true);
	}
	proc_exit(0);
}

static void
publish_error(void)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	my_db->last_error_at = clock_now();
	LWLockRelease(scheduler_shared->lock);
}

/*
 * After an error.  When the extension has gone, that explains it.
 */
static void
recover(void)
{
	char	   *message = process_recover();

	recovery_event_note("reload", SUBJECT_SCHEDULER, 0, InvalidOid, true, message);
	MemoryContextReset(cycle_context);
	loaded = false;
	(void) pool_room_make(0, false, 0);
	publish_error();
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

	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();

	if (!attach(database))
		proc_exit(0);
	before_shmem_exit(detach, (Datum) 0);
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
	worker_pool_init(my_db);
	http_dispatch_init(my_db);

	if (sigsetjmp(local_sigjmp_buf, 1) != 0)
	{
		recover();
		if (!should_exit())
			exit_if_absent();
	}
	PG_exception_stack = &local_sigjmp_buf;
	main_loop();
	leave();
}

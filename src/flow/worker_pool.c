/*-------------------------------------------------------------------------
 *
 * worker_pool.c
 *	  Which worker for which role: launch, retire, bury.
 *
 * The slots are shared by all databases of the cluster.  When none is free,
 * roles without a worker are served in turns: for each of them a worker leaves,
 * those that have idled longest first, then whoever ends a run and has nothing
 * more to do, or is not the only one of its role, or has served it for a time
 * slice.  Between databases, whoever has waited longest is next.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/process.h"
#include "flow/worker_pool.h"
#include "shared/lane.h"
#include "shared/worker_slot.h"
#include "state/alert.h"

/* A free slot is kept this long for the database whose turn it is: 100 ms. */
#define TURN_TIME			(100 * 1000)

/*
 * Whoever terminates a worker may be stopping the server, in which case the
 * scheduler is told at the same time and leaves the run alone.  Give that
 * signal time to arrive.
 */
#define BURIAL_DELAY		(200 * 1000)

/* A worker that has not attached after this time never will: 60 s. */
#define ATTACH_TIMEOUT		(60 * USECS_PER_SEC)

/*
 * A scheduler that has not seen to a worker that has died is held up, or has
 * gone, after: 5 s.  Others may then have the slot.
 */
#define NEGLECT_TIME		(5 * USECS_PER_SEC)

/* A worker that has died is a process no more after: 100 ms. */
#define EXIT_TIME			(100 * 1000)

/*
 * The server had no room for one more process: for 6 s there are no more
 * slots than are taken.  That is longer than anybody waits who tries again to
 * start a process that is no worker.
 */
#define SHORTAGE_TIME		(6 * USECS_PER_SEC)

static Database *my_db = NULL;
static BackgroundWorkerHandle **handles = NULL; /* by slot; NULL: not ours */

void
worker_pool_init(Database *db)
{
	my_db = db;
	handles = MemoryContextAllocZero(TopMemoryContext,
									 scheduler_shared->nworkers *
									 sizeof(BackgroundWorkerHandle *));
}

/*
 * A lane keeps no runs without a worker: give them back to the scheduler.
 * Lock held.
 */
static void
drain_lane(Lane *lane, TakeBackCallback take_back)
{
	Run			run;

	while (lane_take(lane, &run))
		take_back(&run);
}

/* How many databases have waited for a worker for longer?  Lock held. */
static int
count_ahead(void)
{
	int			result = 0;

	for (int i = 0; i < scheduler_shared->ndatabases; i++)
	{
		Database   *db = &scheduler_shared->databases[i];

		if (db != my_db && db->demand != 0 && db->scheduler_latch != NULL &&
			(my_db->demand == 0 || db->demand < my_db->demand))
			result++;
	}
	return result;
}

/* Lock held. */
static int
count_taken(void)
{
	int			result = 0;

	foreach_worker_slot(slot)
	{
		if (slot->state != WORKER_FREE)
			result++;
	}
	return result;
}

/*
 * How many slots can be used, as far as is known.  Where there was no worker at
 * all, what was in the way of one may have been the last one, which still
 * exited: then it is soon tried again.  Lock held.
 */
static int
usable_slots(void)
{
	TimestampTz now = clock_now();
	TimestampTz since = scheduler_shared->shortage_at;

	if (!clock_lasts(since, SHORTAGE_TIME, now))
		return scheduler_shared->nworkers;
	if (scheduler_shared->shortage_slots == 0 && !clock_lasts(since, EXIT_TIME, now))
		return 1;
	return scheduler_shared->shortage_slots;
}

/* The server has no room for more processes than there are.  Lock held. */
static void
note_shortage(int slots)
{
	scheduler_shared->shortage_at = clock_now();
	scheduler_shared->shortage_slots = slots;
}

/*
 * A slot that is free for this database, or -1.  Those that others have waited
 * for are kept for them, until *again: not for long after one was freed, for
 * they may be held up.  Lock held.
 */
static int
find_free_slot(TimestampTz *again)
{
	TimestampTz now = clock_now();
	TimestampTz freed_at = DT_NOBEGIN;
	int			free = usable_slots() - count_taken();
	int			result = -1;

	*again = DT_NOEND;
	if (free <= 0)
		return -1;
	foreach_worker_slot(slot)
	{
		if (slot->state != WORKER_FREE)
			continue;
		if (slot->freed_at <= now)
			freed_at = Max(freed_at, slot->freed_at);
		if (result < 0)
			result = worker_slot_number(slot);
	}
	if (free > count_ahead() || freed_at + TURN_TIME <= now)
		return result;
	*again = freed_at + TURN_TIME;
	return -1;
}

/* A free slot becomes that of a worker to be launched.  Lock held. */
static uint64
occupy_slot(WorkerSlot *slot, Oid role)
{
	int64		crashed_run_id = slot->crashed_run_id;
	Oid			crashed_database = slot->crashed_database;

	memset(slot, 0, sizeof(*slot));
	slot->crashed_run_id = crashed_run_id;
	slot->crashed_database = crashed_database;
	slot->state = WORKER_STARTING;
	slot->generation = ++scheduler_shared->last_generation;
	slot->database = MyDatabaseId;
	slot->role = role;
	slot->lane = lane_obtain(MyDatabaseId, role);
	slot->launched_at = clock_now();
	slot->deadline = DT_NOEND;
	scheduler_shared->lanes[slot->lane].nworkers++;
	scheduler_shared->workers_started++;
	return slot->generation;
}

/*
 * The worker of a slot could not be launched.  Nobody but this process puts
 * runs into its lane.  Lock held.
 */
static void
vacate_slot(int slot, uint64 generation)
{
	if (scheduler_shared->workers[slot].generation == generation)
		worker_slot_free(&scheduler_shared->workers[slot]);
}

/*
 * Reserve a free slot, or return -1, which is remembered as demand.  When to
 * try again is in *again, though whoever frees a slot wakes us: a dead worker
 * may be left to us to bury.
 */
static int
reserve_slot(Oid role, uint64 *generation, TimestampTz *again)
{
	int			result;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	result = find_free_slot(again);
	if (result >= 0)
	{
		*generation = occupy_slot(&scheduler_shared->workers[result], role);
		my_db->demand = 0;
	}
	else if (my_db->demand == 0)
		my_db->demand = ++scheduler_shared->last_ticket;
	if (result < 0 && *again == DT_NOEND)
		*again = clock_now() + NEGLECT_TIME;
	LWLockRelease(scheduler_shared->lock);
	return result;
}

static bool
register_worker(int slot, uint64 generation, Oid role)
{
	BackgroundWorker worker;
	WorkerStart start = {.slot = slot, .generation = generation,
	.database = MyDatabaseId, .role = role};

	process_describe(&worker, "worker", "pg_scheduler_worker_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "pg_scheduler worker %d", slot + 1);
	memcpy(worker.bgw_extra, &start, sizeof(start));

	if (handles[slot] != NULL)
		pfree(handles[slot]);
	handles[slot] = NULL;
	return process_launch(&worker, &handles[slot]);
}

void
worker_pool_warn_no_process(const char *what)
{
	ereport(WARNING,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("pg_scheduler could not start %s", what),
			 errdetail("All background worker slots of the server are taken."),
			 errhint("Increase max_worker_processes, or lower pg_scheduler.max_workers.")));
	alert_raise(ALERT_WORKER_SLOTS_EXHAUSTED, "pg_scheduler", 0, InvalidOid,
				"no background worker slot is free: increase max_worker_processes");
}

LaunchResult
worker_pool_launch(Oid role, TimestampTz *again)
{
	static int64 retry_delay = EXIT_TIME;
	uint64		generation = 0;
	uint64		ticket = my_db->demand;
	int			slot = reserve_slot(role, &generation, again);
	int			taken;

	if (slot < 0)
		return LAUNCH_POOL_FULL;
	if (register_worker(slot, generation, role))
	{
		retry_delay = EXIT_TIME;
		return LAUNCH_STARTED;
	}

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	my_db->demand = ticket != 0 ? ticket : ++scheduler_shared->last_ticket;
	vacate_slot(slot, generation);
	taken = count_taken();
	note_shortage(taken);
	*again = scheduler_shared->shortage_at + (taken > 0 ? SHORTAGE_TIME : retry_delay);
	if (taken == 0)
		retry_delay = Min(2 * retry_delay, SHORTAGE_TIME);
	LWLockRelease(scheduler_shared->lock);
	return LAUNCH_FAILED;
}

bool
worker_pool_prestart(Oid role)
{
	TimestampTz again;
	uint64		generation = 0;
	int			slot;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	slot = find_free_slot(&again);
	if (slot >= 0)
		generation = occupy_slot(&scheduler_shared->workers[slot], role);
	LWLockRelease(scheduler_shared->lock);
	if (slot < 0)
		return false;
	if (register_worker(slot, generation, role))
		return true;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	vacate_slot(slot, generation);
	LWLockRelease(scheduler_shared->lock);
	return false;
}

/* No worker is wanted any more: it is the turn of others.  Lock held. */
static void
withdraw_demand(void)
{
	if (my_db->demand == 0)
		return;
	my_db->demand = 0;
	worker_slot_wake_waiting();
}

/*
 * Who has idled longest, of those that nothing is expected for if there are
 * any.  For runs that are not ready, nobody's worker goes but ours, of which we
 * know that.  Lock held.
 */
static WorkerSlot *
find_idle_victim(NewcomerKind newcomer)
{
	TimestampTz now = clock_now();
	WorkerSlot *victim = NULL;
	bool		victim_expected = false;

	foreach_worker_slot(slot)
	{
		bool		expected = worker_slot_expected_until(slot, now) > now;

		if (slot->state != WORKER_IDLE || slot->leave ||
			scheduler_shared->lanes[slot->lane].nready > 0 ||
			worker_slot_spared_until(slot, newcomer, now) > now ||
			(slot->database != MyDatabaseId && newcomer == FOR_AHEAD))
			continue;
		if (victim == NULL || expected < victim_expected ||
			(expected == victim_expected && slot->idle_since < victim->idle_since))
		{
			victim = slot;
			victim_expected = expected;
		}
	}
	return victim;
}

/* When the next worker will be spared no more, or DT_NOEND.  Lock held. */
static TimestampTz
next_victim_time(NewcomerKind newcomer)
{
	TimestampTz now = clock_now();
	TimestampTz result = DT_NOEND;

	foreach_worker_slot(slot)
	{
		TimestampTz until = worker_slot_spared_until(slot, newcomer, now);

		if ((slot->state == WORKER_STARTING || slot->state == WORKER_IDLE) &&
			!slot->leave && until > now)
			result = Min(result, until);
	}
	return result;
}

/*
 * Slots that can be had, or soon can be; less than none, where processes are
 * short.  Lock held.
 */
static int
count_coming(void)
{
	int			result = usable_slots() - count_taken();

	foreach_worker_slot(slot)
	{
		/* not who is to leave, but has a run to finish: that may take for ever */
		if (slot->state == WORKER_DEAD ||
			(slot->state != WORKER_FREE && slot->leave && !slot->has_run))
			result++;
	}
	return result;
}

/* Ask idle workers to leave, so that "wanted" slots can be had.  Lock held. */
static void
send_idle_away(int wanted, NewcomerKind newcomer, int *coming)
{
	WorkerSlot *victim;

	while (*coming < wanted && (victim = find_idle_victim(newcomer)) != NULL)
	{
		worker_slot_ask_to_leave(victim);
		(*coming)++;
	}
}

TimestampTz
worker_pool_make_room(int starved, bool more, int ahead)
{
	int			wanted = starved + (more ? 1 : 0);
	int			coming;
	TimestampTz for_ready = DT_NOEND;
	TimestampTz for_more = DT_NOEND;

	if (wanted + ahead == 0 && my_db->rooms_wanted == 0 && my_db->demand == 0)
		return DT_NOEND;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (wanted == 0)
		withdraw_demand();
	coming = count_coming();
	send_idle_away(starved, FOR_READY, &coming);
	if (coming < starved)
		for_ready = next_victim_time(FOR_READY);
	send_idle_away(wanted, FOR_MORE, &coming);
	if (coming < wanted && more)
		for_more = next_victim_time(FOR_MORE);
	send_idle_away(wanted + ahead, FOR_AHEAD, &coming);
	shmem_want_rooms(my_db, Max(starved - coming, 0));
	LWLockRelease(scheduler_shared->lock);
	return Min(for_ready, for_more);
}

int
worker_pool_expect(const DueRole *roles, int n, int64 grace, DueRole *missing)
{
	int			nmissing = 0;

	memcpy(missing, roles, n * sizeof(DueRole));
	LWLockAcquire(scheduler_shared->lock, grace > 0 ? LW_EXCLUSIVE : LW_SHARED);
	foreach_worker_slot(slot)
	{
		int			j = 0;

		if (!worker_slot_stays(slot) || slot->database != MyDatabaseId)
			continue;
		while (j < n && missing[j].role != slot->role)
			j++;
		if (j == n)
			continue;
		missing[j].role = InvalidOid;	/* one worker of a role is enough */
		if (grace > 0)
			slot->expected_until = Max(slot->expected_until, missing[j].due_at + grace);
	}
	LWLockRelease(scheduler_shared->lock);
	for (int i = 0; i < n; i++)
		if (OidIsValid(missing[i].role))
			missing[nmissing++] = missing[i];
	return nmissing;
}

/*
 * An HTTP worker that has done what it was started for, and has nothing to do
 * now.  Lock held.
 */
static Database *
find_idle_http_worker(void)
{
	for (int i = 0; i < scheduler_shared->ndatabases; i++)
	{
		Database   *db = &scheduler_shared->databases[i];

		if (db->http_pid != 0 && !db->http_leave && db->http_runs > 0 &&
			db->http_nflights == 0 && db->http_lane.nready == 0)
			return db;
	}
	return NULL;
}

/* Is the next process kept for another database than this one?  Lock held. */
static bool
kept_for_another(const Database *db)
{
	return OidIsValid(scheduler_shared->process_for) &&
		scheduler_shared->process_for != db->oid &&
		clock_lasts(scheduler_shared->process_wanted_at, SHORTAGE_TIME, clock_now());
}

TimestampTz
worker_pool_process_time(const Database *db)
{
	TimestampTz result = DT_NOBEGIN;

	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	if (kept_for_another(db))
		result = scheduler_shared->process_wanted_at + SHORTAGE_TIME;
	LWLockRelease(scheduler_shared->lock);
	return result;
}

void
worker_pool_got_process(Oid database)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (scheduler_shared->process_for == database)
		scheduler_shared->process_for = InvalidOid;
	LWLockRelease(scheduler_shared->lock);
}

void
worker_pool_want_process(Database *db)
{
	Database   *idle;
	WorkerSlot *victim;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (!kept_for_another(db) || db->scheduler_pid == 0)
	{
		scheduler_shared->process_for = db->oid;
		scheduler_shared->process_wanted_at = clock_now();
	}
	idle = find_idle_http_worker();
	note_shortage(Max(count_taken() - (idle != NULL ? 0 : 1), 1));
	if (idle != NULL)
	{
		idle->http_leave = true;
		shmem_wake(idle->http_latch);
	}
	else if (count_coming() < 0)
	{
		victim = find_idle_victim(FOR_READY);
		if (victim != NULL)
			worker_slot_ask_to_leave(victim);
		else
			shmem_want_rooms(db, Max(db->rooms_wanted, 1));
	}
	LWLockRelease(scheduler_shared->lock);
}

/* A worker that was launched, and has ended unattached. */
static bool
never_attached(int i, TimestampTz now)
{
	WorkerSlot *slot = &scheduler_shared->workers[i];
	pid_t		pid;

	if (slot->state != WORKER_STARTING || slot->pid != 0)
		return false;
	if (handles[i] != NULL && slot->database == MyDatabaseId &&
		GetBackgroundWorkerPid(handles[i], &pid) == BGWH_STOPPED)
		return true;
	return slot->launched_at + ATTACH_TIMEOUT < now;
}

/*
 * A worker that has said good-bye is a process for some moments more.  When it
 * has gone, the postmaster lets us know, if we have launched it.
 */
static bool
still_exits(int i)
{
	pid_t		pid;

	return handles[i] != NULL && scheduler_shared->workers[i].database == MyDatabaseId &&
		GetBackgroundWorkerPid(handles[i], &pid) == BGWH_STARTED;
}

/*
 * A dead worker of another database.  What it has left behind is for its own
 * scheduler to see to, for as long as that may be expected to come, which also
 * is told when the process has gone.
 */
static bool
can_bury_stranger(const WorkerSlot *slot, TimestampTz now, TimestampTz *look_again)
{
	bool		nothing_left = !slot->has_run &&
		scheduler_shared->lanes[slot->lane].nready == 0;
	int64		grace = nothing_left ? EXIT_TIME : NEGLECT_TIME;

	if (!clock_lasts(slot->died_at, grace, now))
		return true;
	*look_again = Min(*look_again, slot->died_at + grace);
	return false;
}

/* May a slot be freed now?  Lock held. */
static bool
can_bury(int i, TimestampTz now, TimestampTz *look_again)
{
	WorkerSlot *slot = &scheduler_shared->workers[i];

	if (never_attached(i, now))
		return true;
	if (slot->state != WORKER_DEAD || still_exits(i))
		return false;
	if (slot->database != MyDatabaseId)
		return can_bury_stranger(slot, now, look_again);
	if (slot->has_run && !slot->terminate && !slot->requeue &&
		slot->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN &&
		clock_lasts(slot->died_at, BURIAL_DELAY, now))
	{
		*look_again = Min(*look_again, slot->died_at + BURIAL_DELAY);
		return false;
	}
	return true;
}

/*
 * Take away what a worker of another database has left behind.  All of it is
 * pending: the scheduler of that database, if there is one, reads it again.
 * Lock held.
 */
static void
clear_stranger(const WorkerSlot *slot)
{
	Lane	   *lane = &scheduler_shared->lanes[slot->lane];
	Database   *db = shmem_find_database(slot->database);

	if (!slot->has_run && lane->nready == 0)
		return;
	if (lane->nworkers == 1)
		lane_reset(lane);
	if (db == NULL)
		return;
	shmem_put_change_of(db, CHANGE_ALL, 0);
}

int
worker_pool_bury(WorkerSlot *dead, int max, TakeBackCallback take_back,
				 TimestampTz *look_again)
{
	TimestampTz now;
	int			n = 0;

	*look_again = DT_NOEND;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	now = clock_now();			/* under the lock: nobody has died later */
	for (int i = 0; i < scheduler_shared->nworkers && n < max; i++)
	{
		WorkerSlot *slot = &scheduler_shared->workers[i];

		if (!can_bury(i, now, look_again))
			continue;
		if (slot->database == MyDatabaseId)
		{
			Lane	   *lane = &scheduler_shared->lanes[slot->lane];

			dead[n++] = *slot;
			if (lane->nworkers == 1)
				drain_lane(lane, take_back);
		}
		else
			clear_stranger(slot);
		if (slot->has_run || !slot->connected)
			scheduler_shared->workers_died++;
		worker_slot_free(slot);
	}
	LWLockRelease(scheduler_shared->lock);
	return n;
}

TimestampTz
worker_pool_kill_overdue(TimestampTz now)
{
	int64		grace = (int64) pg_scheduler_kill_after * 1000;
	TimestampTz next = DT_NOEND;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	foreach_worker_slot(slot)
	{
		if (slot->state != WORKER_RUNNING || slot->database != MyDatabaseId ||
			slot->deadline == DT_NOEND || slot->terminate)
			continue;
		if (slot->deadline + grace <= now)
		{
			slot->terminate = true;
			kill(slot->pid, SIGTERM);
		}
		else
			next = Min(next, slot->deadline + grace);
	}
	LWLockRelease(scheduler_shared->lock);
	return next;
}

void
worker_pool_dismiss(bool terminate)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	foreach_worker_slot(slot)
	{
		if (slot->database == MyDatabaseId && worker_slot_is_alive(slot))
			worker_slot_send_away(slot, terminate);
	}
	my_db->http_leave = true;
	my_db->http_drop |= terminate;
	shmem_wake(my_db->http_latch);
	LWLockRelease(scheduler_shared->lock);
}

void
worker_pool_count(int *running, int *total)
{
	*running = *total = 0;
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	foreach_worker_slot(slot)
	{
		if (slot->state == WORKER_FREE || slot->database != MyDatabaseId)
			continue;
		(*total)++;
		if (slot->has_run)
			(*running)++;
	}
	*running += my_db->http_nflights;
	if (my_db->http_pid != 0)
		(*total)++;
	LWLockRelease(scheduler_shared->lock);
}

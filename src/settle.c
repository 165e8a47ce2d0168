/*-------------------------------------------------------------------------
 *
 * settle.c
 *	  What has become of runs: outcomes, deaths, and the state after a start.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "alert.h"
#include "catalog.h"
#include "chain.h"
#include "clock.h"
#include "dispatch.h"
#include "due_heap.h"
#include "enqueue.h"
#include "flight_recorder.h"
#include "guc.h"
#include "hook.h"
#include "http_flight.h"
#include "meter.h"
#include "recovery.h"
#include "recovery_event.h"
#include "run_end.h"
#include "run_owner.h"
#include "run_queue.h"
#include "settle.h"
#include "worker_pool.h"

#define OUTCOME_BATCH	OUTCOME_RING_SIZE

/* Backoff of a run whose record cannot be written: 1 s, doubling, to 60 s. */
static int64
unrecorded_delay(int times)
{
	return Min(INT64CONST(1) << Min(times, 6), 60) * USECS_PER_SEC;
}

/*
 * A run is over: an @after job gets its next time, and whoever was held back
 * by this run may go.
 */
static void
finish_run(RunEntry *entry, const Outcome *outcome)
{
	JobEntry   *job = entry->job;

	run_queue_remove(entry);
	if (job->schedule != NULL && schedule_kind(job->schedule) == SCHEDULE_AFTER &&
		!job->state.finished && !job->dropped && job->nruns == 0)
	{
		job->state.next_run_at = job_next_occurrence(&job->job, job->schedule,
													 outcome->finished_at);
		if (job->state.next_run_at == DT_NOEND)
			job->state.finished = true;
		job_cache_touch(job);
		due_heap_put(job->job_id, job_due_at(&job->job, job->state.next_run_at));
	}
	run_queue_release(job);
}

static const char *
unrecorded_subject(int64 job_id)
{
	static char subject[64];

	snprintf(subject, sizeof(subject), "job " INT64_FORMAT, job_id);
	return subject;
}

static void
back_off(RunEntry *entry)
{
	Run			later = entry->run;
	const char *subject = unrecorded_subject(later.job_id);

	later.due_at = clock_now() + unrecorded_delay(entry->unrecorded++);
	alert_raise("recording_failed", "critical", subject, later.job_id, later.owner,
				"the record of a run could not be written; see the server log");
	run_queue_put_back(entry, &later);
}

static void
apply_outcome(const Outcome *outcome)
{
	RunEntry   *entry = run_queue_find(outcome->run.run_id);
	JobEntry   *job;

	if (outcome->chained)
		chain_note_run(outcome->run.run_id);
	/* what is over when the scheduler starts has been counted then */
	if (entry == NULL || entry->run.attempt != outcome->run.attempt)
		return;
	job = entry->job;
	if (outcome->kind == OUTCOME_FINAL || outcome->kind == OUTCOME_RETRY)
	{
		job_state_count(&job->state, outcome->status, outcome->started_at,
						outcome->finished_at, 1, outcome->kind == OUTCOME_FINAL);
		job_cache_touch(job);
		if (entry->unrecorded > 0)
			alert_resolve("recording_failed", unrecorded_subject(job->job_id));
		entry->unrecorded = 0;
		meter_outcome(job, outcome);
		hook_outcome(job, outcome);
	}
	switch (outcome->kind)
	{
		case OUTCOME_FINAL:
		case OUTCOME_GONE:
			finish_run(entry, outcome);
			break;
		case OUTCOME_RETRY:
			run_queue_put_back(entry, &outcome->next);
			run_queue_release(job);
			break;
		case OUTCOME_HELD:
			run_queue_put_back(entry, NULL);
			break;
		case OUTCOME_UNRECORDED:
			back_off(entry);
			run_queue_release(job);
			break;
	}
}

/*
 * A run has been taken away.  Whoever has done that has put its end on record,
 * unless its job was dropped; that counts like any other.  Or it was left
 * alone, for its job belongs to another role.  In a transaction.
 */
static void
apply_gone(const Run *run)
{
	Outcome		outcome = {.kind = OUTCOME_GONE, .run = *run};
	RunEntry   *entry = run_queue_find(run->run_id);
	CountedRun	counted;

	if (entry != NULL && entry->run.attempt == run->attempt && run_owner_follow(entry))
		return;
	outcome.finished_at = clock_now();
	if (catalog_find_attempt(run->run_id, run->attempt, &counted))
	{
		outcome.kind = OUTCOME_FINAL;
		outcome.status = counted.status;
		outcome.started_at = counted.started_at;
		outcome.finished_at = counted.finished_at;
	}
	apply_outcome(&outcome);
}

/* The HTTP worker has met runs of a role that was dropped. */
static void
turn_off_owner(Oid role)
{
	StartTransactionCommand();
	run_owner_turn_off(role);
	CommitTransactionCommand();
}

int
settle_outcomes(Database *db)
{
	static Outcome outcomes[OUTCOME_BATCH];
	Oid			gone = InvalidOid;
	int			n = shmem_take_outcomes(db, outcomes, OUTCOME_BATCH);

	for (int i = 0; i < n; i++)
	{
		if (outcomes[i].owner_gone && outcomes[i].run.owner != gone)
		{
			gone = outcomes[i].run.owner;
			turn_off_owner(gone);
		}
		if (outcomes[i].kind == OUTCOME_GONE)
		{
			StartTransactionCommand();
			apply_gone(&outcomes[i].run);
			CommitTransactionCommand();
		}
		else
			apply_outcome(&outcomes[i]);
	}
	return n;
}

/*
 * End an attempt on behalf of a worker that cannot.  In a transaction.  The
 * outcome is to be applied after the commit.
 */
static void
fail_attempt(const Run *run, RunStatus status, int sqlerrcode, const char *message,
			 const char *hint, TimestampTz started_at, Outcome *outcome)
{
	Job			job;
	PendingRun	pending;
	RunRecord	record;

	memset(outcome, 0, sizeof(*outcome));
	outcome->run = *run;
	outcome->started_at = started_at;
	outcome->kind = OUTCOME_GONE;
	if (!store_read_pending(run->run_id, &pending) ||
		!store_read_job(run->job_id, NULL, &job))
		return;
	run_end_init_record(&record, run, job.job_name, status, started_at, clock_now());
	record.sqlstate = sqlerrcode ? pstrdup(unpack_sql_state(sqlerrcode)) : NULL;
	record.error_message = message;
	record.error_hint = hint;
	record.redriven_from = pending.redriven_from;
	run_end_failure(&job, &record, pending.args ? pending.args : job.args,
					DT_NOBEGIN, outcome);
}

void
settle_fail_role(Oid role, int sqlerrcode, const char *message, const char *hint)
{
	RoleQueue  *queue = run_queue_of_role(role);

	while (queue->nready > 0)
	{
		RunEntry   *entry = run_queue_take(queue);
		Outcome		outcome;
		Run			run;

		if (entry == NULL)
			break;
		run = entry->run;
		StartTransactionCommand();
		if (run_owner_follow(entry))
		{
			CommitTransactionCommand();
			continue;
		}
		fail_attempt(&run, RUN_FAILED, sqlerrcode, message, hint, clock_now(), &outcome);
		CommitTransactionCommand();
		apply_outcome(&outcome);
	}
}

/*
 * The worker has died after the end of the attempt was committed, and before
 * it could say so.  True when that is so; *outcome is then what it meant to
 * report.
 */
static bool
ended_before_death(const Run *run, Outcome *outcome)
{
	PendingRun	pending;
	CountedRun	counted;
	bool		is_pending = store_read_pending(run->run_id, &pending);

	if (is_pending && pending.run.attempt == run->attempt)
		return false;
	memset(outcome, 0, sizeof(*outcome));
	outcome->run = *run;
	outcome->kind = OUTCOME_GONE;
	outcome->chained = !is_pending;
	if (catalog_find_attempt(run->run_id, run->attempt, &counted))
	{
		outcome->kind = is_pending ? OUTCOME_RETRY : OUTCOME_FINAL;
		outcome->status = counted.status;
		outcome->started_at = counted.started_at;
		outcome->finished_at = counted.finished_at;
		if (is_pending)
			outcome->next = pending.run;
	}
	return true;
}

/* What to record of a run whose worker has died in the middle of it. */
static RunStatus
death_status(const WorkerSlot *slot, bool was_marked)
{
	if (slot->terminate && slot->cancel)
		return RUN_CANCELLED;
	if (slot->terminate)
		return RUN_TIMED_OUT;
	return was_marked ? RUN_LOST : RUN_FAILED;
}

static const char *
death_message(const WorkerSlot *slot, RunStatus status)
{
	switch (status)
	{
		case RUN_CANCELLED:
			return "the run was cancelled; it did not stop, and its worker was terminated";
		case RUN_TIMED_OUT:
			return "the run exceeded its timeout; it did not stop, and its worker was terminated";
		case RUN_LOST:
			return "the worker was terminated after the run had committed a part of its work";
		default:
			return slot->error[0] ? slot->error : "the worker was terminated";
	}
}

/* A worker died with a run in hand. */
static void
settle_dead_run(const WorkerSlot *slot)
{
	RunEntry   *entry = run_queue_find(slot->run.run_id);
	Outcome		outcome;
	PendingRun	pending;

	if (entry == NULL || entry->run.attempt != slot->run.attempt)
		return;					/* its outcome was reported */
	StartTransactionCommand();
	if (!ended_before_death(&slot->run, &outcome))
	{
		bool		was_marked = store_read_pending(slot->run.run_id, &pending) &&
			pending.started_at != DT_NOBEGIN;

		memset(&outcome, 0, sizeof(outcome));
		outcome.run = slot->run;
		outcome.kind = OUTCOME_HELD;
		if (was_marked || !slot->requeue)
		{
			RunStatus	status = death_status(slot, was_marked);

			fail_attempt(&entry->run, status, slot->sqlerrcode,
						 death_message(slot, status), NULL, slot->started_at, &outcome);
		}
	}
	CommitTransactionCommand();
	apply_outcome(&outcome);
}

/* A worker that never got to work: nothing of its role can be run. */
static void
settle_failed_start(const WorkerSlot *slot)
{
	if (ERRCODE_TO_CATEGORY(slot->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		return;
	if (slot->error[0] == '\0')
	{
		dispatch_delay_launch();
		return;
	}
	settle_fail_role(slot->role, slot->sqlerrcode,
					 psprintf("could not start a worker: %s", slot->error),
					 "The worker connects to this database as the owner of the job; see the server log.");
}

static void
take_back(const Run *run)
{
	RunEntry   *entry = run_queue_find(run->run_id);

	if (entry != NULL)
		run_queue_untake(entry);
}

/* A worker died that was not asked to. */
static void
note_death(const WorkerSlot *slot)
{
	const char *reason = slot->error[0] ? slot->error : "it ended without a word";

	if (slot->terminate)
		reason = "it was terminated, for its run did not stop";
	else if (!slot->connected)
		reason = psprintf("it could not be started: %s", reason);
	meter_worker_died(clock_now());
	if (slot->has_run)
		recovery_event_of_job("worker_died", slot->run.job_id, slot->role, true,
							  psprintf("%s; another one takes its place", reason));
	else
		recovery_event_note("worker_died", SUBJECT_SCHEDULER, 0, InvalidOid, false, reason);
}

/* A worker left for its memory, and will be replaced. */
static void
note_recycled(const WorkerSlot *slot)
{
	meter_recycled(slot->run.job_id, clock_now());
	recovery_event_of_job("recycle", slot->run.job_id, slot->role, true,
						  psprintf("its worker had " INT64_FORMAT " kB in use after it",
								   slot->memory / 1024));
}

TimestampTz
settle_deaths(void)
{
	WorkerSlot *dead = palloc(scheduler_shared->nworkers * sizeof(WorkerSlot));
	TimestampTz look_again;
	int			n = worker_pool_bury(dead, scheduler_shared->nworkers, take_back,
									 &look_again);

	for (int i = 0; i < n; i++)
	{
		if (dead[i].has_run || !dead[i].connected)
			note_death(&dead[i]);
		else if (dead[i].recycled)
			note_recycled(&dead[i]);
		if (dead[i].has_run)
			settle_dead_run(&dead[i]);
		else if (!dead[i].connected)
			settle_failed_start(&dead[i]);
	}
	pfree(dead);
	return look_again;
}

/* A run that waited for longer than its job wants is missed. */
static void
miss(RunEntry *entry)
{
	PendingRun	pending;
	RunRecord	record;
	Outcome		outcome = {.kind = OUTCOME_GONE, .run = entry->run};

	StartTransactionCommand();
	outcome.finished_at = clock_now();
	if (store_read_pending(entry->run_id, &pending) && store_delete_pending(&pending.run))
	{
		run_end_init_record(&record, &pending.run, entry->job->job.job_name, RUN_MISSED,
							DT_NOBEGIN, outcome.finished_at);
		record.error_message = "what the job depends on was not healthy for longer than misfire_grace";
		record.redriven_from = pending.redriven_from;
		store_insert_history(&record);
		outcome.kind = OUTCOME_FINAL;
		outcome.status = RUN_MISSED;
		outcome.started_at = DT_NOBEGIN;
	}
	CommitTransactionCommand();
	apply_outcome(&outcome);
}

void
settle_release_late(JobEntry *job)
{
	MemoryContext context = CurrentMemoryContext;
	TimestampTz now = clock_now();
	List	   *late = NIL;
	ListCell   *lc;
	dlist_iter	iter;

	dlist_foreach(iter, &job->held)
	{
		RunEntry   *entry = dlist_container(RunEntry, held_node, iter.cur);

		if (job->job.misfire_grace >= 0 && entry->run.trigger == TRIGGER_SCHEDULE &&
			entry->run.attempt == 1 && now - entry->run.due_at > job->job.misfire_grace)
			late = lappend(late, entry);
	}
	foreach(lc, late)
		miss(lfirst(lc));
	MemoryContextSwitchTo(context);
	run_queue_release(job);
}

static void
collect_dispatched_requests(RunEntry *entry, void *arg)
{
	List	  **list = arg;

	if (entry->state == RUN_STATE_DISPATCHED && entry->role_queue->role == HTTP_QUEUE)
		*list = lappend(*list, entry);
}

/* A run that the HTTP worker had in hand when it ended is done again. */
static void
settle_dropped_request(RunEntry *entry)
{
	PendingRun	pending;
	Outcome		outcome;

	StartTransactionCommand();
	if (!ended_before_death(&entry->run, &outcome))
	{
		memset(&outcome, 0, sizeof(outcome));
		outcome.run = entry->run;
		outcome.kind = OUTCOME_HELD;
		if (store_read_pending(entry->run_id, &pending) &&
			pending.started_at != DT_NOBEGIN)
			fail_attempt(&entry->run, RUN_LOST, ERRCODE_OPERATOR_INTERVENTION,
						 "the HTTP worker ended before the answer came",
						 NULL, pending.started_at, &outcome);
	}
	CommitTransactionCommand();
	apply_outcome(&outcome);
}

void
settle_http_worker(Database *db)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *dropped = NIL;
	ListCell   *lc;

	if (!db->http_left)
		return;
	while (settle_outcomes(db))
		;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	db->http_left = false;
	LWLockRelease(scheduler_shared->lock);
	dispatch_withdraw();
	run_queue_foreach(collect_dispatched_requests, &dropped);
	if (dropped != NIL)
		recovery_event_note("http_worker_died", SUBJECT_SCHEDULER, 0, InvalidOid, true,
							psprintf("it had %d requests in hand; another one sends them again",
									 list_length(dropped)));
	foreach(lc, dropped)
		settle_dropped_request(lfirst(lc));
	MemoryContextSwitchTo(context);
}

/*
 * Start
 */

/* The HTTP runs in flight when we began to look, in order */
static int64 *flights = NULL;
static int	nflights = 0;

static int
compare_ids(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

static void
note_flights(Database *db)
{
	int			flight = -1;

	if (flights == NULL)
		flights = MemoryContextAlloc(TopMemoryContext, HTTP_FLIGHTS * sizeof(int64));
	nflights = 0;
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	while (nflights < db->http_nflights &&
		   (flight = http_flight_next(db->oid, flight)) >= 0)
		flights[nflights++] = http_flight_at(flight)->run_id;
	LWLockRelease(scheduler_shared->lock);
	qsort(flights, nflights, sizeof(int64), compare_ids);
}

typedef struct PendingList
{
	List	   *rows;			/* PendingRun */
	MemoryContext context;
} PendingList;

static void
collect_pending(const PendingRun *pending, void *arg)
{
	PendingList *list = arg;
	MemoryContext oldcontext = MemoryContextSwitchTo(list->context);
	PendingRun *copy = palloc(sizeof(PendingRun));

	*copy = *pending;
	copy->args = NULL;
	list->rows = lappend(list->rows, copy);
	MemoryContextSwitchTo(oldcontext);
}

/* Is this run in the hands of a worker? */
static bool
at_worker(int64 run_id)
{
	bool		result = bsearch(&run_id, flights, nflights, sizeof(int64), compare_ids) != NULL;

	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	for (int i = 0; i < scheduler_shared->nworkers; i++)
	{
		const WorkerSlot *slot = &scheduler_shared->workers[i];

		if ((slot->state == WORKER_RUNNING || slot->state == WORKER_DEAD) &&
			slot->has_run && slot->run.run_id == run_id &&
			slot->database == MyDatabaseId)
			result = true;
	}
	LWLockRelease(scheduler_shared->lock);
	return result;
}

static bool
is_among(int64 id, const int64 *ids, int n)
{
	for (int i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/*
 * A job whose run was part of too many crashes is paused: it must not keep
 * the server from coming up.
 */
static void
suspect(PendingRun *pending, JobEntry *job)
{
	pending->run.crashes++;
	store_count_crash(&pending->run);
	/* it may crash again before an asynchronous commit is on disk */
	ForceSyncCommit();
	if (pending->run.crashes < pg_scheduler_crash_limit)
		return;
	job->job.active = false;	/* before the change is noticed */
	recovery_pause_job(job->job_id, psprintf("its runs were part of %d server crashes",
											 pending->run.crashes));
	recovery_event_of_job("pause", job->job_id, job->job.owner, true,
						  psprintf("its runs were part of %d server crashes",
								   pending->run.crashes));
	alert_raise("crash_limit", "critical", job->job.job_name, job->job_id,
				job->job.owner,
				psprintf("job \"%s\" is paused: its runs were part of %d server crashes",
						 job->job.job_name, pending->run.crashes));
}

/* Settle one pending run.  In a transaction; the outcome is applied later. */
static void
settle_pending(PendingRun *pending, bool crashed)
{
	JobEntry   *job = job_cache_get(pending->run.job_id);
	RunEntry   *entry;
	Outcome		outcome;

	if (job == NULL)
	{
		/* a worker that executes it has the row in hand: do not wait for that */
		if (!at_worker(pending->run.run_id))
			store_delete_pending(&pending->run);
		return;
	}
	if (crashed)
		suspect(pending, job);
	if (pending->started_at != DT_NOBEGIN && !at_worker(pending->run.run_id))
	{
		fail_attempt(&pending->run, RUN_LOST, ERRCODE_CRASH_SHUTDOWN,
					 "the server stopped after the run had committed a part of its work",
					 NULL, pending->started_at, &outcome);
		if (outcome.kind != OUTCOME_RETRY)
			return;				/* counted with what history has */
		pending->run = outcome.next;
	}
	entry = run_queue_add(&pending->run, job);
	if (entry != NULL && at_worker(pending->run.run_id))
		run_queue_adopt(entry);
	else if (entry != NULL && entry->run.owner != job->job.owner)
		(void) run_owner_follow(entry);
}

void
settle_start(Database *db)
{
	PendingList list = {.context = CurrentMemoryContext};
	int64	   *crashed;
	int			ncrashed;
	ListCell   *lc;

	dispatch_withdraw();
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	db->http_left = false;		/* what it had in hand is simply pending */
	LWLockRelease(scheduler_shared->lock);
	note_flights(db);
	StartTransactionCommand();
	store_scan_pending(collect_pending, &list);
	CommitTransactionCommand();
	MemoryContextSwitchTo(list.context);
	ncrashed = flight_recorder_take(&crashed);
	if (ncrashed > 0)
	{
		enqueue_durably();
		recovery_event_note("crash", SUBJECT_SCHEDULER, 0, InvalidOid, true,
							psprintf("the server crashed with %d %s in hand", ncrashed,
									 ncrashed == 1 ? "run" : "runs"));
	}

	foreach(lc, list.rows)
	{
		PendingRun *pending = lfirst(lc);

		if (foreach_current_index(lc) % 1000 == 0)
			StartTransactionCommand();
		settle_pending(pending, is_among(pending->run.run_id, crashed, ncrashed));
		if (foreach_current_index(lc) % 1000 == 999 ||
			foreach_current_index(lc) == list_length(list.rows) - 1)
			CommitTransactionCommand();
	}
	MemoryContextSwitchTo(list.context);
}

static void
count_run(const CountedRun *counted, void *arg)
{
	JobEntry   *job = job_cache_get(counted->job_id);

	if (job == NULL)
		return;
	job_state_count(&job->state, counted->status, counted->started_at,
					counted->finished_at, counted->occurrences, counted->final);
	job_cache_touch(job);
	(*(int64 *) arg)++;
}

int64
settle_uncounted(TimestampTz before)
{
	ControlState control;
	MemoryContext context = CurrentMemoryContext;
	int64		count = 0;

	StartTransactionCommand();
	catalog_read_control(&control);
	catalog_scan_uncounted_runs(control.counted_run_id, before, count_run, &count);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return count;
}

/*
 * Changes of pending_run that others have made
 */

void
settle_changed_run(int64 run_id)
{
	RunEntry   *entry = run_queue_find(run_id);
	PendingRun	pending;

	StartTransactionCommand();
	if (!store_read_pending(run_id, &pending))
	{
		/* taken away; a worker that has it finds out by itself */
		chain_note_run(run_id);
		if (entry != NULL &&
			(entry->state != RUN_STATE_DISPATCHED || dispatch_withdraw_run(&entry->run)))
			apply_gone(&entry->run);
	}
	else if (entry == NULL)
	{
		JobEntry   *job = job_cache_get(pending.run.job_id);

		if (job != NULL)
		{
			job->state.runs++;
			job_cache_touch(job);
			run_queue_add(&pending.run, job);
		}
	}
	CommitTransactionCommand();
}

static void
check_entry(RunEntry *entry, void *arg)
{
	List	  **missing = arg;
	PendingRun	pending;

	if (entry->state != RUN_STATE_DISPATCHED &&
		!store_read_pending(entry->run_id, &pending))
		*missing = lappend(*missing, entry);
}

/* In both directions; returns the number of differences found. */
int
settle_compare(void)
{
	PendingList list = {.context = CurrentMemoryContext};
	List	   *missing = NIL;
	ListCell   *lc;
	int			result = 0;

	note_flights(shmem_find_database(MyDatabaseId));
	StartTransactionCommand();
	MemoryContextSwitchTo(list.context);
	store_scan_pending(collect_pending, &list);
	run_queue_foreach(check_entry, &missing);
	foreach(lc, missing)
	{
		RunEntry   *entry = lfirst(lc);

		apply_gone(&entry->run);
		result++;
	}
	foreach(lc, list.rows)
	{
		PendingRun *pending = lfirst(lc);

		if (run_queue_find(pending->run.run_id) != NULL)
			continue;
		/* it may have been finished since it was read */
		if (!store_read_pending(pending->run.run_id, pending))
			continue;
		settle_pending(pending, false);
		result++;
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(list.context);
	return result;
}

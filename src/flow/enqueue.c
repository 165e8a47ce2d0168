/*-------------------------------------------------------------------------
 *
 * enqueue.c
 *	  From due jobs to pending runs.
 *
 * The life of an occurrence, up to the run queue:
 *
 *	job_state.next_run_at, due_heap.c
 *		|	its time comes
 *		v
 *	due: all times of the schedule up to now		catch_up.c
 *		|---> the calendar is closed				skipped
 *		|---> misfire "run_once", "skip": all but	missed
 *		|	  the last
 *		|---> older than misfire_grace				missed
 *		|---> the overlap rule, because of			skipped
 *		|	  runs that are under way
 *		v
 *	a row of pending_run							write_occurrences()
 *		|	commit
 *		v
 *	the run queue									publish_batch()
 *
 * Jitter, and a calendar with the action "defer", only move the time at which
 * an occurrence is due (job_due_at).  What is skipped or missed has a row in
 * history, one for all that are due together.
 *
 * An entry of the heap is no more than a hint to look at a job: whether it is
 * due is for its state to say (enqueue_job).
 *
 * One transaction takes a batch of jobs from due to pending: it inserts their
 * runs and advances their states.  Only after its commit does anything of it
 * enter the run queue.  The commit is asynchronous: if it is lost, so is the
 * advanced state, and the job is due again.  If the transaction fails, the
 * states in memory go back (undo_batch), and the jobs of the batch are tried
 * one by one.  The one that is to blame is set aside for 5 s.
 *
 * Jobs that run after others come in by enqueue_triggered(), called by chain.c.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "base/process.h"
#include "flow/catch_up.h"
#include "flow/enqueue.h"
#include "flow/role_limit.h"
#include "flow/worker_pool.h"
#include "record/run_end.h"
#include "shared/worker_slot.h"
#include "state/alert.h"
#include "state/due_heap.h"
#include "state/job_metrics.h"
#include "state/run_queue.h"
#include "table/job.h"
#include "table/query.h"
#include "table/row.h"
#include "table/store.h"

/* Why an occurrence was skipped that somebody said was not wanted */
#define SKIP_REASON		"it was to be skipped: skip_next(), or resume_job() without catching up"

/* A pause that is over, of a job whose row is locked: 1 s. */
#define PAUSE_RETRY		USECS_PER_SEC

/*
 * Jobs that are taken at once.  A role is not split between two batches without
 * need: its worker would find itself out of work in between, and make room.
 */
#define BATCH_SIZE			1000
#define BATCH_ENOUGH		(BATCH_SIZE / 2)

/* Occurrences that are looked at in one batch: some milliseconds. */
#define MAX_OCCURRENCES		10000

/* Most runs of one job that are made in one batch. */
#define MAX_RUN_ALL			100

/* A job whose due occurrence cannot be enqueued is tried again after: 5 s. */
#define ERROR_DELAY			(5 * USECS_PER_SEC)

/* After a crash, runs are enqueued durably for: 60 s. */
#define DURABLE_TIME		(60 * USECS_PER_SEC)

typedef struct Batch
{
	TimestampTz now;
	const int64 *job_ids;		/* what is looked at ... */
	const TimestampTz *due_at;
	int			count;
	JobEntry  **entries;		/* ... some are NULL */
	JobState   *before;			/* their states, to go back to */
	int			nentries;
	JobEntry  **jobs;			/* whose state has advanced */
	int			njobs;
	Run		   *runs;
	int			nruns;
	int			max_runs;
	int64	   *cancel;			/* jobs whose running run makes way */
	int			ncancel;
	int64		budget;			/* occurrences that may be looked at */
	RunTrigger	trigger;
	int64		not_run;		/* the last run_id of what was not run */
} Batch;

/* Jobs that could not be enqueued, oldest first */
#define MAX_ASIDE	64
static struct
{
	int64		job_id;
	TimestampTz retry_at;
}			aside[MAX_ASIDE];
static int	naside = 0;

static TimestampTz durable_until = DT_NOBEGIN;

/*
 * The server has crashed.  A run that crashes it at once would take its own
 * row along, and the count of its crashes with it.
 */
void
enqueue_durably(void)
{
	durable_until = clock_now() + DURABLE_TIME;
}

static void
put_due(const JobEntry *entry, TimestampTz due_at)
{
	due_heap_put(entry->job_id,
				 entry->job.kind == JOB_HTTP ? InvalidOid : entry->job.owner, due_at);
}

void
enqueue_when_due(const JobEntry *entry)
{
	if (entry->job.active)
		put_due(entry, job_due_at(&entry->job, entry->schedule, entry->state.next_run_at));
	else
		put_due(entry, entry->job.paused_until);
}

static void
add_occurrence(Batch *batch, JobEntry *entry, TimestampTz scheduled_at, RunTrigger trigger)
{
	Run		   *run;

	if (batch->nruns == batch->max_runs)
	{
		batch->max_runs *= 2;
		batch->runs = repalloc(batch->runs, batch->max_runs * sizeof(Run));
	}
	run = &batch->runs[batch->nruns++];
	memset(run, 0, sizeof(*run));
	run->job_id = entry->job_id;
	run->owner = entry->job.owner;
	run->attempt = 1;
	run->priority = entry->job.priority;
	run->scheduled_at = scheduled_at;
	run->due_at = job_due_at(&entry->job, entry->schedule, scheduled_at);
	run->trigger = trigger;
	entry->state.runs++;
	role_limit_add(run->owner);
}

/* Put on record that occurrences were not run, in one row. */
static void
record_not_run(Batch *batch, JobEntry *entry, RunStatus status,
			   TimestampTz first, int64 count, const char *reason)
{
	Run			run = {0};
	RunRecord	record;

	run.run_id = nextval_internal(row_relation("run_id_seq"), false);
	run.job_id = entry->job_id;
	run.owner = entry->job.owner;
	run.attempt = 1;
	run.scheduled_at = first;
	run.trigger = batch->trigger;
	batch->not_run = run.run_id;
	run_end_init_record(&record, &run, entry->job.job_name, status,
						DT_NOBEGIN, batch->now);
	record.occurrences = count;
	record.error_message = reason;
	store_insert_history(&record);
	job_state_count(&entry->state, status, DT_NOBEGIN, batch->now, count, true);
	job_metrics_passed_over(entry, status, count);
}

static void
record_missed(Batch *batch, JobEntry *entry, TimestampTz first, int64 count, bool uncounted)
{
	record_not_run(batch, entry, RUN_MISSED, first, count,
				   count == 1 ? "the occurrence could not be run in time" :
				   psprintf("%s" INT64_FORMAT " occurrences could not be run in time",
							uncounted ? "more than " : "", count));
}

static void
record_closed(Batch *batch, JobEntry *entry, TimestampTz first, int64 count)
{
	record_not_run(batch, entry, RUN_SKIPPED, first, count,
				   psprintf("calendar \"%s\" is closed", entry->job.calendar));
}

/* Is an occurrence so late that the job does not want it any more? */
static bool
too_late(const JobEntry *entry, TimestampTz scheduled_at, TimestampTz now)
{
	int64		grace = job_grace(&entry->job);

	return grace > 0 &&
		now - job_due_at(&entry->job, entry->schedule, scheduled_at) > grace;
}

/* How many runs of a job may be under way, by its overlap rule. */
static int
max_live(const JobEntry *entry)
{
	switch (entry->job.overlap)
	{
		case OVERLAP_SKIP:
			return 1;
		case OVERLAP_QUEUE:
		case OVERLAP_CANCEL:
			return 2;
		case OVERLAP_ALLOW:
			return entry->job.max_instances;
	}
	return 1;
}

/*
 * Of the runs of a job that are dispatched, how many are over by what is
 * committed, or wait for their next attempt, and have yet to be reported.
 */
static int
count_ended(JobEntry *job)
{
	TimestampTz now = clock_now();
	int			n = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &job->dispatched)
	{
		RunEntry   *entry = dlist_container(RunEntry, job_node, iter.cur);
		PendingRun	pending;

		if (!store_read_pending(entry->run_id, &pending) ||
			(pending.run.attempt != entry->run.attempt && pending.run.due_at > now))
			n++;
	}
	return n;
}

/*
 * One more run of a job: does its overlap rule let it in?  Before it is turned
 * away, those in its way are looked up: a run is over when that is committed,
 * and we are told of it a moment later.
 */
static bool
admit(Batch *batch, JobEntry *entry)
{
	int			nlive = entry->nruns - entry->nwaiting;

	if (nlive >= max_live(entry))
		nlive -= count_ended(entry);
	if (nlive >= max_live(entry))
		return false;
	if (entry->job.overlap == OVERLAP_CANCEL && nlive == 1)
		batch->cancel[batch->ncancel++] = entry->job_id;
	return true;
}

/* Why there is no run for an occurrence that is due, or NULL. */
static const char *
refusal(Batch *batch, JobEntry *entry)
{
	if (role_limit_is_full(entry->job.owner, batch->now))
		return ROLE_LIMIT_REFUSAL;
	return admit(batch, entry) ? NULL : "an earlier run of the job has not finished";
}

/* Enqueue the run of an occurrence, unless something is in its way.  True: there is one. */
static bool
add_or_skip(Batch *batch, JobEntry *entry, TimestampTz at, RunTrigger trigger)
{
	const char *reason = refusal(batch, entry);

	if (reason == NULL)
		add_occurrence(batch, entry, at, trigger);
	else
		record_not_run(batch, entry, RUN_SKIPPED, at, 1, reason);
	return reason == NULL;
}

/* Did somebody say beforehand that an occurrence is not wanted? */
static bool
to_be_skipped(const JobEntry *entry, TimestampTz at)
{
	return at <= entry->job.skip_through;
}

/* misfire "run_all": each occurrence gets its run; they go one by one. */
static void
enqueue_all(Batch *batch, JobEntry *entry, const DueRange *range)
{
	TimestampTz at = range->first;

	while (!job_cache_is_exhausted(entry))
	{
		if (job_skips(&entry->job, at))
			 /* on record already */ ;
		else if (to_be_skipped(entry, at))
			record_not_run(batch, entry, RUN_SKIPPED, at, 1, SKIP_REASON);
		else if (too_late(entry, at, batch->now))
			record_missed(batch, entry, at, 1, false);
		else if (role_limit_is_full(entry->job.owner, batch->now))
			record_not_run(batch, entry, RUN_SKIPPED, at, 1, ROLE_LIMIT_REFUSAL);
		else
			add_occurrence(batch, entry, at, TRIGGER_SCHEDULE);
		if (at == range->last)
			break;
		at = job_next_occurrence(&entry->job, entry->schedule, at);
	}
}

/* One run for all that is due, or none. */
static void
enqueue_last(Batch *batch, JobEntry *entry, const DueRange *range)
{
	int64		missed = range->count - 1;
	bool		run_last = range->complete && !too_late(entry, range->last, batch->now);

	if (to_be_skipped(entry, range->last))
	{
		record_not_run(batch, entry, RUN_SKIPPED, range->first, range->count, SKIP_REASON);
		return;
	}
	if (!run_last)
		missed++;
	if (missed > 0)
		record_missed(batch, entry, range->first, missed, range->uncounted);
	if (run_last && add_or_skip(batch, entry, range->last, TRIGGER_SCHEDULE))
		return;
	job_metrics_not_run(entry, batch->now);
}

/*
 * The next time after what has just been enqueued.  "idle": no run of the job
 * has come of it, and there is no other.
 */
static void
advance(JobEntry *entry, TimestampTz last, TimestampTz now, bool idle)
{
	JobState   *state = &entry->state;
	bool		from_end = schedule_is(entry->schedule, SCHEDULE_FROM_END);

	state->next_run_at = DT_NOEND;
	if (!job_cache_is_exhausted(entry))
	{
		/* set when the run is over, or by the next start of the server */
		if ((from_end && !idle) || schedule_is(entry->schedule, SCHEDULE_AT_BOOT))
			return;
		state->next_run_at = job_next_occurrence(&entry->job, entry->schedule,
												 from_end ? now : last);
	}
	state->finished = (state->next_run_at == DT_NOEND);
}

/* The pause of a job may be over; if its row is locked, that is seen to later. */
static void
end_pause(JobEntry *entry, TimestampTz now)
{
	if (entry->job.paused_until <= now && !query_end_pause(entry->job_id, now))
		put_due(entry, now + PAUSE_RETRY);
}

/* Enqueue one job.  False: this entry of the heap does not hold any more. */
static bool
enqueue_job(Batch *batch, JobEntry *entry, TimestampTz due_at)
{
	TimestampTz next = entry->state.next_run_at;
	bool		run_all = entry->job.misfire == MISFIRE_RUN_ALL;
	int			nruns = batch->nruns;
	DueRange	range;

	if (!entry->job.active)
		end_pause(entry, batch->now);
	if (!entry->job.active || entry->schedule == NULL || next == DT_NOEND)
		return false;
	if (due_at != next && due_at != job_due_at(&entry->job, entry->schedule, next) &&
		entry->catch_up == NULL)
		return false;
	if (job_due_at(&entry->job, entry->schedule, next) > batch->now)
	{
		enqueue_when_due(entry);
		return false;
	}

	if (run_all)
		range = catch_up_some(entry, batch->now, MAX_RUN_ALL);
	else if (!catch_up_all(entry, batch->now, &batch->budget, &range))
	{
		put_due(entry, batch->now); /* after what has become due meanwhile */
		return false;
	}
	if (range.nclosed > 0)
		record_closed(batch, entry, range.first_closed, range.nclosed);
	if (run_all && range.count > 1)
		enqueue_all(batch, entry, &range);
	else if (range.count > 0)
		enqueue_last(batch, entry, &range);
	advance(entry, range.end, batch->now,
			batch->nruns == nruns && entry->nruns == 0);
	job_cache_touch(entry);
	batch->jobs[batch->njobs++] = entry;
	return true;
}

/* The part of a batch that is a transaction. */
static void
write_occurrences(void *arg)
{
	Batch	   *batch = arg;

	Assert(IsTransactionState());
	job_cache_get_many(batch->job_ids, batch->count, batch->entries);
	for (int i = 0; i < batch->count; i++)
	{
		JobEntry   *entry = batch->entries[i];

		batch->nentries++;
		if (entry == NULL)
			continue;
		batch->before[i] = entry->state;
		enqueue_job(batch, entry, batch->due_at[i]);
	}
	if (batch->nruns > 0)
		store_insert_pending(batch->runs, batch->nruns);
	job_cache_write_these(batch->jobs, batch->njobs);
	if (batch->nruns > 0 && batch->now < durable_until)
		ForceSyncCommit();
}

/* What follows from a committed batch. */
static void
publish_batch(Batch *batch)
{
	for (int i = 0; i < batch->ncancel; i++)
		(void) worker_slot_cancel_job(batch->cancel[i], DT_NOBEGIN,
									  (CancelReason) {CANCEL_OVERLAP});
	for (int i = 0; i < batch->nruns; i++)
		(void) run_queue_add(&batch->runs[i], job_cache_peek(batch->runs[i].job_id));
	for (int i = 0; i < batch->njobs; i++)
		enqueue_when_due(batch->jobs[i]);
}

/* Undo in memory what the aborted transaction has done there. */
static void
undo_batch(Batch *batch)
{
	Assert(!IsTransactionState());
	job_cache_written(false);
	for (int i = batch->nentries - 1; i >= 0; i--)
		if (batch->entries[i] != NULL)
			batch->entries[i]->state = batch->before[i];
}

static void
init_batch(Batch *batch, int size)
{
	memset(batch, 0, sizeof(*batch));
	batch->now = clock_now();
	batch->max_runs = size;
	batch->budget = MAX_OCCURRENCES;
	batch->entries = palloc(size * sizeof(JobEntry *));
	batch->before = palloc(size * sizeof(JobState));
	batch->jobs = palloc(size * sizeof(JobEntry *));
	batch->runs = palloc(size * sizeof(Run));
	batch->cancel = palloc(size * sizeof(int64));
}

/* True when the jobs have been enqueued. */
static bool
try_batch(const int64 *job_ids, const TimestampTz *due_at, int count)
{
	Batch		batch;

	init_batch(&batch, count);
	batch.job_ids = job_ids;
	batch.due_at = due_at;
	batch.count = count;
	if (!cycle_try_transaction(write_occurrences, &batch, NULL))
	{
		undo_batch(&batch);
		return false;
	}
	job_cache_written(true);
	publish_batch(&batch);
	return true;
}

/*
 * A job that cannot be enqueued must not stop the others.  It is tried again
 * after a while; should too many be waiting for that, the oldest is left to
 * the repair.
 */
static void
set_aside(int64 job_id)
{
	const char *subject = job_subject(job_id);

	if (naside == MAX_ASIDE)
		memmove(aside, aside + 1, --naside * sizeof(aside[0]));
	aside[naside].job_id = job_id;
	aside[naside++].retry_at = clock_now() + ERROR_DELAY;
	alert_raise(ALERT_ENQUEUE_FAILED, subject, job_id, InvalidOid,
				"the job is due, and could not be enqueued; see the server log");
}

/* Give jobs that were set aside another chance. */
static void
take_aside(TimestampTz now)
{
	while (naside > 0 && aside[0].retry_at <= now)
	{
		JobEntry   *entry = job_cache_peek(aside[0].job_id);

		if (entry != NULL && !entry->dropped)
			put_due(entry, entry->state.next_run_at);
		memmove(aside, aside + 1, --naside * sizeof(aside[0]));
	}
}

TimestampTz
enqueue_next_time(void)
{
	TimestampTz result = due_heap_next();

	return naside > 0 ? Min(result, aside[0].retry_at) : result;
}

bool
enqueue_due(void)
{
	static int64 job_ids[BATCH_SIZE];
	static TimestampTz due_at[BATCH_SIZE];
	TimestampTz now = clock_now();
	int			n = 0;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	take_aside(now);
	while (n < BATCH_SIZE && !(n >= BATCH_ENOUGH && due_heap_role_ends()) &&
		   due_heap_take(now, &job_ids[n], &due_at[n]))
		n++;
	if (n == 0)
		return false;
	if (!try_batch(job_ids, due_at, n))
	{
		for (int i = 0; i < n; i++)
		{
			if (n > 1 && try_batch(&job_ids[i], &due_at[i], 1))
				continue;
			set_aside(job_ids[i]);
		}
	}
	job_cache_trim();
	return n >= BATCH_ENOUGH;
}

/* Enqueue a @reboot job, as its calendar and its overlap rule let it. */
static void
enqueue_reboot(Batch *batch, JobEntry *entry)
{
	if (job_skips(&entry->job, batch->now) ||
		job_due_at(&entry->job, entry->schedule, batch->now) == DT_NOEND)
		record_closed(batch, entry, batch->now, 1);
	else
		(void) add_or_skip(batch, entry, batch->now, TRIGGER_SCHEDULE);
	entry->state.finished = job_cache_is_exhausted(entry);
	job_cache_touch(entry);
}

bool
enqueue_triggered(JobEntry *entry, PendingRun *pending, bool *cancel)
{
	TimestampTz at = pending->run.scheduled_at;
	Batch		batch;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	if (job_cache_is_exhausted(entry) || at < entry->job.starts_at || at > entry->job.ends_at)
		return false;
	init_batch(&batch, 1);
	batch.trigger = TRIGGER_CHAIN;
	if (job_skips(&entry->job, at) || job_due_at(&entry->job, entry->schedule, at) == DT_NOEND)
		record_closed(&batch, entry, at, 1);
	else if (too_late(entry, at, batch.now))
		record_missed(&batch, entry, at, 1, false);
	else
		(void) add_or_skip(&batch, entry, at, TRIGGER_CHAIN);
	job_cache_touch(entry);
	*cancel = batch.ncancel > 0;
	pending->run.run_id = batch.not_run;
	if (batch.nruns == 0)
		return false;
	if (job_cache_is_exhausted(entry))
	{
		entry->state.next_run_at = DT_NOEND;
		entry->state.finished = true;
	}
	pending->run = batch.runs[0];
	pending->started_at = DT_NOBEGIN;
	store_insert_pending_run(pending);
	if (batch.now < durable_until)
		ForceSyncCommit();
	return true;
}

void
enqueue_reboot_jobs(void)
{
	int64	   *job_ids;
	int			n = query_find_reboot_jobs(&job_ids);
	Batch		batch;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	init_batch(&batch, Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		JobEntry   *entry = job_cache_get(job_ids[i]);

		if (entry == NULL || entry->schedule == NULL || job_cache_is_exhausted(entry) ||
			!schedule_is(entry->schedule, SCHEDULE_AT_BOOT) ||
			batch.now < entry->job.starts_at || batch.now > entry->job.ends_at)
			continue;
		enqueue_reboot(&batch, entry);
	}
	if (batch.nruns > 0)
		store_insert_pending(batch.runs, batch.nruns);
	for (int i = 0; i < batch.nruns; i++)
		(void) run_queue_add(&batch.runs[i], job_cache_peek(batch.runs[i].job_id));
}

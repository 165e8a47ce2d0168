/*-------------------------------------------------------------------------
 *
 * hook.c
 *	  SQL that serves a job: at its start and its stop, after a failure, and to
 *	  check its health.
 *
 * A hook is a job of its own, without a schedule: an event adds a run to it.
 * So it is executed by a worker, with the rights of its owner and no others,
 * it is recorded, timed out and retried as any run is.  A job and its hooks
 * are a family (hook_family.h), which says whose runs may begin.
 *
 * A job is live while it is enabled, not paused, its queue and the scheduler
 * not stopped.  job_hook.live is what a hook was told last; it changes in the
 * transaction that adds the run, which is why no change is lost or told
 * twice, whoever dies.  While one is under way the next is not told: a job
 * that is paused, resumed and paused again is stopped and started in turns.
 *
 * The clean-up after an attempt is added in the transaction that puts the end
 * of the attempt on record (run_end.c).
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "base/process.h"
#include "flow/hook.h"
#include "rules/health_rules.h"
#include "state/alert.h"
#include "state/hook_family.h"
#include "state/job_metrics.h"
#include "state/recovery_event.h"
#include "state/run_queue.h"
#include "table/job.h"
#include "table/query_hook.h"

/* A hook that was locked is told after: 1 s. */
#define LOCKED_DELAY	USECS_PER_SEC

/* One that could not be told is tried again after: 60 s. */
#define FAILED_DELAY	USECS_PER_MINUTE

static bool all_changed = false;
static bool stale_checks = false;
static TimestampTz next_hook_run = DT_NOEND;
static TimestampTz retry_at = DT_NOEND; /* of those that could not be told */

/*
 * Load
 */

static void
load_hook(int64 job_id, HookEvent event, int64 hook_job_id, const char *last_status, void *arg)
{
	HookFamily *family = hook_family_add(job_id, event, hook_job_id);

	/* what waits may wait for a hook that is gone */
	hook_family_set_dirty(family);
	if (event == HOOK_HEALTH_CHECK)
	{
		RunStatus	status = last_status ? run_status_from_name(last_status) : RUN_SUCCEEDED;

		family->check_failed = status == RUN_FAILED || status == RUN_TIMED_OUT ||
			status == RUN_LOST;
		family->check_stale = stale_checks = true;
	}
}

/* The runs that waited in a family that may be none any more go their ways. */
static void
release_family(const HookFamily *family)
{
	JobEntry   *entry = job_cache_peek(family->job_id);

	if (entry != NULL)
		run_queue_release(entry);
	for (int i = 0; i < HOOK_EVENTS; i++)
	{
		entry = family->hooks[i] ? job_cache_peek(family->hooks[i]) : NULL;
		if (entry != NULL)
			run_queue_release(entry);
	}
}

/* The check may be there no more; if it is, it has its say again. */
static void
forget_check(const HookFamily *family)
{
	JobMetrics *metrics = job_metrics_find(family->job_id);

	if (family->check_reason[0] == '\0')
		return;
	if (metrics != NULL)
		job_metrics_touch(metrics);
}

void
hook_load(void)
{
	int			n;
	HookFamily **families = hook_family_list(&n);

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	for (int i = 0; i < n; i++)
	{
		release_family(families[i]);
		forget_check(families[i]);
	}
	hook_family_reset();
	stale_checks = false;
	cycle_start_transaction();
	query_scan_hooks(load_hook, NULL);
	cycle_commit_transaction();
	all_changed = hook_family_any();
	next_hook_run = retry_at = DT_NOEND;
}

void
hook_changed(int64 job_id)
{
	HookFamily *family = hook_family_find(job_id);

	if (job_id == 0)
		all_changed = hook_family_any();
	else if (family != NULL)
	{
		family->changed = true;
		hook_family_set_dirty(family);
	}
}

/*
 * Start and stop
 */

typedef struct NewRun
{
	Run			run;
	JobEntry   *entry;
} NewRun;

/* A run of a hook.  In a transaction. */
static bool
add_hook_run(int64 hook_job_id, NewRun *new)
{
	PendingRun	pending = {.started_at = DT_NOBEGIN};

	Assert(IsTransactionState());
	new->entry = job_cache_get(hook_job_id);
	if (new->entry == NULL)
		return false;
	job_init_run(&new->entry->job, TRIGGER_HOOK, clock_now(), &pending.run);
	store_insert_pending_run(&pending);
	new->run = pending.run;
	return true;
}

/* What is told to one hook, and whether that takes a run */
typedef struct Telling
{
	const HookChange *change;
	NewRun	   *new;
	bool		runs;
} Telling;

static bool
tell(const HookChange *change, NewRun *new)
{
	HookFamily *family = hook_family_find(change->job_id);
	bool		was_live;
	int			dispatched;

	if (family == NULL || hook_family_runs(family, HOOK_START, &dispatched) > 0 ||
		hook_family_runs(family, HOOK_STOP, &dispatched) > 0)
		return false;			/* told when that is over */
	if (!query_tell_hook(change, &was_live))
	{
		all_changed = true;
		next_hook_run = clock_now() + LOCKED_DELAY;
		return false;
	}
	if (change->event == HOOK_START ? !change->live : !was_live)
		return false;
	return add_hook_run(change->hook_job_id, new);
}

static void
tell_one(void *arg)
{
	Telling    *telling = arg;

	telling->runs = tell(telling->change, telling->new);
}

/* A hook that cannot be told keeps no other from being told: it is left for later. */
static bool
try_to_tell(const HookChange *change, NewRun *new)
{
	Telling		telling = {change, new, false};

	if (cycle_try_part(tell_one, &telling,
					   psprintf("telling the hook \"%s\" of job " INT64_FORMAT,
								hook_kind_name(change->event), change->job_id)))
		return telling.runs;
	alert_raise(ALERT_HOOK_FAILED, psprintf("job " INT64_FORMAT " %s", change->job_id,
											hook_kind_name(change->event)),
				change->job_id, InvalidOid, "the hook could not be called; see the server log");
	retry_at = clock_now() + FAILED_DELAY;
	return false;
}

/* Only after the commit does a run enter the queue. */
static void
tell_changes(const int64 *job_ids, int n)
{
	HookChange *changes;
	NewRun	   *runs;
	int			nchanges;
	int			nruns = 0;

	cycle_start_transaction();
	MemoryContextSwitchTo(cycle_context);
	nchanges = query_find_hook_changes(job_ids, n, &changes);
	runs = palloc(Max(nchanges, 1) * sizeof(NewRun));
	for (int i = 0; i < nchanges; i++)
		if (try_to_tell(&changes[i], &runs[nruns]))
			nruns++;
	cycle_commit_transaction();
	for (int i = 0; i < nruns; i++)
	{
		runs[i].entry->state.runs++;
		job_cache_touch(runs[i].entry);
		(void) run_queue_add(&runs[i].run, runs[i].entry);
	}
}

TimestampTz
hook_step(TimestampTz now)
{
	int			ndirty;
	HookFamily **dirty = hook_family_take_dirty(&ndirty);
	int64	   *job_ids;
	int			n = 0;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	if (retry_at <= now)
	{
		retry_at = DT_NOEND;
		all_changed = hook_family_any();
	}
	if (ndirty == 0 && !all_changed)
		return retry_at;
	job_ids = palloc(Max(ndirty, 1) * sizeof(int64));
	for (int i = 0; i < ndirty; i++)
	{
		release_family(dirty[i]);
		if (dirty[i]->changed && !hook_family_waits(dirty[i]))
		{
			dirty[i]->changed = false;
			job_ids[n++] = dirty[i]->job_id;
		}
	}
	if (all_changed && next_hook_run != DT_NOEND && next_hook_run > now)
		return Min(next_hook_run, retry_at);
	next_hook_run = DT_NOEND;
	if (all_changed)
	{
		all_changed = false;
		tell_changes(NULL, 0);
	}
	else if (n > 0)
		tell_changes(job_ids, n);
	return Min(next_hook_run, retry_at);
}

/*
 * What became of hooks
 */

static void
report_hook(const HookMember *member, const JobEntry *entry, const Outcome *outcome)
{
	char		subject[96];
	char		message[256];

	snprintf(subject, sizeof(subject), "job " INT64_FORMAT " %s", member->serves,
			 hook_kind_name(member->event));
	if (outcome->status == RUN_SUCCEEDED)
	{
		alert_resolve(ALERT_HOOK_FAILED, subject);
		return;
	}
	snprintf(message, sizeof(message),
			 "the %s of job " INT64_FORMAT " did not succeed: run " INT64_FORMAT " %s",
			 hook_kind_serves(member->event), member->serves, outcome->run.run_id,
			 run_status_name(outcome->status));
	alert_raise(ALERT_HOOK_FAILED, subject, member->serves, entry->job.owner, message);
	recovery_event_of_job("hook", member->serves, entry->job.owner, false, message);
}

void
hook_outcome(const JobEntry *entry, const Outcome *outcome)
{
	HookMember *member = hook_family_find_member(entry->job_id);
	HookFamily *family;

	if (member == NULL || outcome->kind != OUTCOME_FINAL)
		return;
	family = hook_family_find(member->serves);
	if (member->event != HOOK_HEALTH_CHECK)
	{
		/* what has changed meanwhile is told now */
		family->changed = true;
		hook_family_set_dirty(family);
		report_hook(member, entry, outcome);
	}
	else if (outcome->status != RUN_CANCELLED)
	{
		family->check_failed = outcome->status != RUN_SUCCEEDED;
		family->check_stale = stale_checks = true;
	}
}

/*
 * Health checks
 */

/* Of the error of a check; a reason has room for that, and what surrounds it */
#define MAX_ERROR	120

static void
set_check(int64 job_id, const bool *healthy, const char *error, void *arg)
{
	HookFamily *family = hook_family_find(job_id);
	JobEntry   *entry = job_cache_get(job_id);
	JobMetrics *metrics;
	char		reason[HEALTH_REASON_LENGTH] = "";

	if (family == NULL || entry == NULL)
		return;
	if (error != NULL)
		snprintf(reason, sizeof(reason), "the health check failed: %s",
				 job_clip_text(error, MAX_ERROR));
	else if (healthy != NULL && !*healthy)
		strlcpy(reason, "the health check returned false", sizeof(reason));
	if (family->check_known && strcmp(reason, family->check_reason) == 0)
		return;
	family->check_known = true;
	strlcpy(family->check_reason, reason, sizeof(family->check_reason));
	family->check_changed = true;
	metrics = job_metrics_get(job_id, entry->job.owner, entry->job.queue);
	if (metrics != NULL)
		job_metrics_touch(metrics);
}

/* Checks to be read together */
typedef struct Checks
{
	int64	   *job_ids;
	bool	   *failed;
	int			n;
} Checks;

static void
read_checks(void *arg)
{
	const Checks *checks = arg;

	query_scan_checks(checks->job_ids, checks->failed, checks->n, set_check, NULL);
}

/* What can be said of a check whose record cannot be read. */
static void
set_unreadable(int64 job_id)
{
	set_check(job_id, NULL, "its result cannot be read; see the server log", NULL);
}

static void
read_each(const Checks *checks)
{
	for (int i = 0; i < checks->n; i++)
	{
		Checks		one = {&checks->job_ids[i], &checks->failed[i], 1};

		if (!cycle_try_part(read_checks, &one,
							psprintf("reading the health check of job " INT64_FORMAT,
									 one.job_ids[0])))
			set_unreadable(one.job_ids[0]);
	}
}

void
hook_read_checks(void)
{
	HookFamily **families;
	Checks		checks = {0};
	int			nfamilies;

	Assert(IsTransactionState());
	if (!stale_checks)
		return;
	families = hook_family_list(&nfamilies);
	checks.job_ids = palloc(Max(nfamilies, 1) * sizeof(int64));
	checks.failed = palloc(Max(nfamilies, 1) * sizeof(bool));
	for (int i = 0; i < nfamilies; i++)
	{
		if (!families[i]->check_stale)
			continue;
		families[i]->check_stale = false;
		checks.job_ids[checks.n] = families[i]->job_id;
		checks.failed[checks.n++] = families[i]->check_failed;
	}
	stale_checks = false;
	if (!cycle_try_part(read_checks, &checks, "reading what health checks have found"))
		read_each(&checks);
}

const char *
hook_check_reason(int64 job_id, bool *changed)
{
	HookFamily *family = hook_family_find(job_id);

	*changed = family != NULL && family->check_changed;
	if (family == NULL)
		return NULL;
	family->check_changed = false;
	return family->check_reason[0] ? family->check_reason : NULL;
}

/*-------------------------------------------------------------------------
 *
 * hook.c
 *	  SQL that serves a job: at its start and its stop, after a failure, and to
 *	  check its health.
 *
 * A hook is a job of its own, without a schedule: an event adds a run to it.
 * So it is executed by a worker, with the rights of its owner and no others,
 * it is recorded, timed out and retried as any run is.  A job and its hooks
 * are a family.
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
 * A job and its hooks never run at the same time, and a hook goes first.  The
 * health check alone minds nobody and is minded by nobody.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "flow/hook.h"
#include "rules/health_rules.h"
#include "state/alert.h"
#include "state/meter.h"
#include "state/recovery_event.h"
#include "state/run_queue.h"
#include "table/catalog_hook.h"
#include "table/job.h"

/* A hook that was locked is told after: 1 s. */
#define LOCKED_DELAY	USECS_PER_SEC

typedef struct Family
{
	int64		job_id;			/* hash key: the job that is served */
	int64		hooks[HOOK_EVENTS]; /* ids of their jobs; 0: none */
	bool		dirty;			/* in dirty_families: some run has moved */
	bool		changed;		/* the job may be live now, or not any more */
	dlist_node	node;
	bool		check_failed;	/* the last run of the check was no success */
	bool		check_stale;	/* what it has found has not been read */
	bool		check_known;	/* check_reason has been read */
	bool		check_changed;
	char		check_reason[HEALTH_REASON_LENGTH]; /* empty: nothing */
} Family;

typedef struct Member
{
	int64		job_id;			/* hash key: the job of a hook */
	int64		serves;			/* job_id of its family */
	HookEvent	event;
} Member;

static MemoryContext hook_context = NULL;
static HTAB *families = NULL;	/* NULL: there are no hooks */
static HTAB *members = NULL;
static dlist_head dirty_families;
static bool all_changed = false;
static bool stale_checks = false;
static TimestampTz next_step = DT_NOEND;

static Family *
find_family(int64 job_id)
{
	return families == NULL ? NULL : hash_search(families, &job_id, HASH_FIND, NULL);
}

static Member *
find_member(int64 job_id)
{
	return members == NULL ? NULL : hash_search(members, &job_id, HASH_FIND, NULL);
}

static Family *
family_of(int64 job_id)
{
	Member	   *member = find_member(job_id);

	return find_family(member != NULL ? member->serves : job_id);
}

static void
set_dirty(Family *family)
{
	if (family->dirty)
		return;
	family->dirty = true;
	dlist_push_tail(&dirty_families, &family->node);
}

/*
 * Load
 */

static void
make_tables(void)
{
	HASHCTL		ctl = {.keysize = sizeof(int64), .entrysize = sizeof(Family)};

	if (hook_context == NULL)
		hook_context = AllocSetContextCreate(TopMemoryContext, "pg_scheduler hooks",
											 ALLOCSET_DEFAULT_SIZES);
	ctl.hcxt = hook_context;
	families = hash_create("pg_scheduler families", 64, &ctl,
						   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	ctl.entrysize = sizeof(Member);
	members = hash_create("pg_scheduler hooks", 64, &ctl,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void
load_hook(int64 job_id, HookEvent event, int64 hook_job_id, const char *last_status, void *arg)
{
	Family	   *family;
	Member	   *member;
	bool		found;

	if (families == NULL)
		make_tables();
	family = hash_search(families, &job_id, HASH_ENTER, &found);
	if (!found)
		memset((char *) family + sizeof(int64), 0, sizeof(Family) - sizeof(int64));
	family->hooks[event] = hook_job_id;
	set_dirty(family);			/* what waits may wait for a hook that is gone */
	member = hash_search(members, &hook_job_id, HASH_ENTER, NULL);
	member->serves = job_id;
	member->event = event;
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
release_family(const Family *family)
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
forget_check(const Family *family)
{
	JobMeter   *meter = meter_find(family->job_id);
	const char *subject = job_subject(family->job_id);

	if (family->check_reason[0] == '\0')
		return;
	alert_resolve(ALERT_HEALTH_CHECK, subject);
	if (meter != NULL)
		meter_touch(meter);
}

void
hook_load(void)
{
	HASH_SEQ_STATUS status;
	Family	   *family;

	if (families != NULL)
	{
		hash_seq_init(&status, families);
		while ((family = hash_seq_search(&status)) != NULL)
		{
			release_family(family);
			forget_check(family);
		}
		MemoryContextReset(hook_context);
	}
	families = members = NULL;
	dlist_init(&dirty_families);
	stale_checks = false;
	cycle_start_transaction();
	catalog_scan_hooks(load_hook, NULL);
	cycle_commit_transaction();
	all_changed = families != NULL;
	next_step = DT_NOEND;
}

bool
hook_any(void)
{
	return families != NULL;
}

bool
hook_is(int64 job_id)
{
	return find_member(job_id) != NULL;
}

/*
 * Who may run
 */

/* Runs of a hook that are not over, and those that a worker has. */
static int
hook_runs(const Family *family, HookEvent event, int *dispatched)
{
	JobEntry   *entry = family->hooks[event] ? job_cache_peek(family->hooks[event]) : NULL;

	*dispatched = entry ? entry->ndispatched : 0;
	return entry ? entry->nruns : 0;
}

static bool
hooks_wait(const Family *family)
{
	int			dispatched;

	return hook_runs(family, HOOK_START, &dispatched) > 0 ||
		hook_runs(family, HOOK_STOP, &dispatched) > 0 ||
		hook_runs(family, HOOK_CLEANUP, &dispatched) > 0;
}

/* Neither the job nor another hook of it may be under way. */
static bool
hook_may_run(const Family *family, HookEvent event)
{
	JobEntry   *job = job_cache_peek(family->job_id);
	int			dispatched;

	if (event == HOOK_HEALTH_CHECK)
		return true;
	if (job != NULL && job->ndispatched > 0)
		return false;
	for (int i = 0; i < HOOK_HEALTH_CHECK; i++)
	{
		(void) hook_runs(family, i, &dispatched);
		if (i != (int) event && dispatched > 0)
			return false;
	}
	return true;
}

bool
hook_admits(const JobEntry *entry)
{
	Member	   *member;
	Family	   *family;

	if (families == NULL)
		return true;
	member = find_member(entry->job_id);
	family = find_family(member ? member->serves : entry->job_id);
	if (family == NULL)
		return true;
	return member ? hook_may_run(family, member->event) : !hooks_wait(family);
}

void
hook_moved(int64 job_id)
{
	Family	   *family;

	if (families == NULL)
		return;
	family = family_of(job_id);
	if (family != NULL)
		set_dirty(family);
}

void
hook_changed(int64 job_id)
{
	Family	   *family = find_family(job_id);

	if (job_id == 0)
		all_changed = families != NULL;
	else if (family != NULL)
	{
		family->changed = true;
		set_dirty(family);
	}
}

bool
hook_pending(void)
{
	HASH_SEQ_STATUS status;
	Family	   *family;
	bool		result = false;

	if (families == NULL)
		return false;
	hash_seq_init(&status, families);
	while ((family = hash_seq_search(&status)) != NULL)
		result |= hooks_wait(family);
	return result;
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
add_run(int64 hook_job_id, NewRun *new)
{
	PendingRun	pending = {.started_at = DT_NOBEGIN};

	new->entry = job_cache_get(hook_job_id);
	if (new->entry == NULL)
		return false;
	job_init_run(&new->entry->job, TRIGGER_HOOK, clock_now(), &pending.run);
	store_insert_pending_run(&pending);
	new->run = pending.run;
	return true;
}

/* Tell one hook.  True when that takes a run. */
static bool
tell(const HookChange *change, NewRun *new)
{
	Family	   *family = find_family(change->job_id);
	bool		was_live;
	int			dispatched;

	if (family == NULL || hook_runs(family, HOOK_START, &dispatched) > 0 ||
		hook_runs(family, HOOK_STOP, &dispatched) > 0)
		return false;			/* told when that is over */
	if (!catalog_tell_hook(change, &was_live))
	{
		all_changed = true;
		next_step = clock_now() + LOCKED_DELAY;
		return false;
	}
	if (change->event == HOOK_START ? !change->live : !was_live)
		return false;
	return add_run(change->hook_job_id, new);
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
	nchanges = catalog_find_hook_changes(job_ids, n, &changes);
	runs = palloc(Max(nchanges, 1) * sizeof(NewRun));
	for (int i = 0; i < nchanges; i++)
		if (tell(&changes[i], &runs[nruns]))
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
	int64	   *job_ids;
	int			n = 0;
	dlist_mutable_iter iter;

	if (families == NULL || (dlist_is_empty(&dirty_families) && !all_changed))
		return DT_NOEND;
	job_ids = palloc(hash_get_num_entries(families) * sizeof(int64));
	dlist_foreach_modify(iter, &dirty_families)
	{
		Family	   *family = dlist_container(Family, node, iter.cur);

		dlist_delete(&family->node);
		family->dirty = false;
		release_family(family);
		if (family->changed && !hooks_wait(family))
		{
			family->changed = false;
			job_ids[n++] = family->job_id;
		}
	}
	if (all_changed && next_step != DT_NOEND && next_step > now)
		return next_step;
	next_step = DT_NOEND;
	if (all_changed)
	{
		all_changed = false;
		tell_changes(NULL, 0);
	}
	else if (n > 0)
		tell_changes(job_ids, n);
	return next_step;
}

/*
 * What became of hooks
 */

static void
report_hook(const Member *member, const JobEntry *entry, const Outcome *outcome)
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
	Member	   *member = find_member(entry->job_id);
	Family	   *family;

	if (member == NULL || outcome->kind != OUTCOME_FINAL)
		return;
	family = find_family(member->serves);
	if (member->event != HOOK_HEALTH_CHECK)
	{
		/* what has changed meanwhile is told now */
		family->changed = true;
		set_dirty(family);
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
	Family	   *family = find_family(job_id);
	JobEntry   *entry = job_cache_get(job_id);
	JobMeter   *meter;
	char		reason[HEALTH_REASON_LENGTH] = "";

	if (family == NULL || entry == NULL)
		return;
	if (error != NULL)
		snprintf(reason, sizeof(reason), "the health check failed: %s",
				 text_clip(error, MAX_ERROR));
	else if (healthy != NULL && !*healthy)
		strlcpy(reason, "the health check returned false", sizeof(reason));
	if (family->check_known && strcmp(reason, family->check_reason) == 0)
		return;
	family->check_known = true;
	strlcpy(family->check_reason, reason, sizeof(family->check_reason));
	family->check_changed = true;
	meter = meter_get(job_id, entry->job.owner, entry->job.queue);
	if (meter != NULL)
		meter_touch(meter);
}

void
hook_read_checks(void)
{
	HASH_SEQ_STATUS status;
	Family	   *family;
	int64	   *job_ids;
	bool	   *failed;
	int			n = 0;

	if (!stale_checks || families == NULL)
		return;
	job_ids = palloc(hash_get_num_entries(families) * sizeof(int64));
	failed = palloc(hash_get_num_entries(families) * sizeof(bool));
	hash_seq_init(&status, families);
	while ((family = hash_seq_search(&status)) != NULL)
	{
		if (!family->check_stale)
			continue;
		family->check_stale = false;
		job_ids[n] = family->job_id;
		failed[n++] = family->check_failed;
	}
	stale_checks = false;
	catalog_scan_checks(job_ids, failed, n, set_check, NULL);
}

const char *
hook_check_reason(int64 job_id, bool *changed)
{
	Family	   *family = find_family(job_id);

	*changed = family != NULL && family->check_changed;
	if (family == NULL)
		return NULL;
	family->check_changed = false;
	return family->check_reason[0] ? family->check_reason : NULL;
}

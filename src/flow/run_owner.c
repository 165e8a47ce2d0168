/*-------------------------------------------------------------------------
 *
 * run_owner.c
 *	  Runs of jobs that change hands, or whose owner has gone.
 *
 * A run carries the role that it is executed as.  When its job is given to
 * another role (alter_job() with run_as, REASSIGN OWNED), what has begun ends
 * as the role it began as, and all else goes with the job.  A worker that
 * meets such a run leaves it alone; only the scheduler moves it.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "nodes/pg_list.h"

#include "base/clock.h"
#include "base/process.h"
#include "flow/run_owner.h"
#include "state/alert.h"
#include "state/recovery_event.h"
#include "table/query.h"

bool
run_owner_follow(RunEntry *entry)
{
	Run			next = entry->run;
	Job			job;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	/* the cache may not have heard of it yet */
	if (!store_read_job(entry->run.job_id, NULL, &job) || job.owner == entry->run.owner)
		return false;
	next.owner = job.owner;
	if (store_retry_pending(&entry->run, &next) != ROW_DONE)
		return false;
	run_queue_put_back(entry, &next);
	return true;
}

/* Runs that follow their job in one go: more would hold up those of others. */
#define MAX_RUNS		200

typedef struct Search
{
	const JobEntry *job;
	List	   *found;
	bool		more;
} Search;

static void
collect(RunEntry *entry, void *arg)
{
	Search	   *search = arg;

	if (entry->job != search->job || entry->state == RUN_STATE_DISPATCHED ||
		entry->run.owner == entry->job->job.owner)
		return;
	if (list_length(search->found) < MAX_RUNS)
		search->found = lappend(search->found, entry);
	else
		search->more = true;
}

bool
run_owner_follow_all(const JobEntry *job)
{
	Search		search = {.job = job};
	ListCell   *lc;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	if (job->nruns == job->ndispatched)
		return true;
	run_queue_foreach(collect, &search);
	foreach(lc, search.found)
		(void) run_owner_follow(lfirst(lc));
	return !search.more;
}

void
run_owner_turn_off(Oid role)
{
	char		subject[64];
	char		message[128];

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	snprintf(subject, sizeof(subject), "role %u", role);
	snprintf(message, sizeof(message), "the jobs of the role with OID %u are paused: it does not exist any more", role);
	(void) query_pause_jobs_of(role, clock_now(), "its owner does not exist any more");
	alert_raise(ALERT_OWNER_DROPPED, subject, 0, role, message);
	recovery_event_note("pause", subject, 0, role, true, message);
}

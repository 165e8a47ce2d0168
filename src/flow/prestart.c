/*-------------------------------------------------------------------------
 *
 * prestart.c
 *	  Workers for roles whose jobs will be due in a moment.
 *
 * A process takes some 5 ms to start (WORKER_START_TIME).  The first run of a role
 * would be late by that, so its worker is started 20 ms ahead (LEAD).
 *
 * In each cycle prestart_look() asks the due heap for the roles that come next:
 * those with jobs due by LEAD after the first one.  Roles that have a worker keep
 * it until then (worker_pool_expect).  Of the others those are "missing" whose
 * jobs are due within LEAD; if it is not time yet, the scheduler wakes up when it
 * is.  dispatch.c then starts their workers (prestart_launch), after those for
 * runs that are ready.
 *
 * Nothing here is promised.  A role that cannot run jobs gets no worker; after one
 * that could not be started, nobody tries ahead for 5 s.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "base/guc.h"
#include "base/process.h"
#include "flow/prestart.h"
#include "flow/worker_pool.h"
#include "state/due_heap.h"
#include "table/rights.h"

/* So long before they are needed workers are started: 20 ms. */
#define LEAD				(4 * WORKER_START_TIME)

/* After a worker that could not be started, none is started ahead for: 5 s. */
#define RETRY_DELAY			(5 * USECS_PER_SEC)

/* Whether a role can run its jobs is asked again after: 100 ms. */
#define REMEMBERED_TIME		(100 * 1000)
#define REMEMBERED_ROLES	64

/* The roles that are next; the search takes long, and does not change often */
static DueRole *next_roles = NULL;
static int	nnext = 0;
static TimestampTz looked_until = DT_NOBEGIN;

/* Those of them that have no worker */
static DueRole *missing = NULL;
static int	nmissing = 0;
static TimestampTz not_before = DT_NOBEGIN;

/* If not, it is said when the runs are ready. */
static bool
can_run(Oid role)
{
	static struct
	{
		Oid			role;
		bool		can_run;
		TimestampTz asked_at;
	}			remembered[REMEMBERED_ROLES];
	int			place = role % REMEMBERED_ROLES;
	TimestampTz now = clock_now();
	RightsProblem problem;

	if (remembered[place].role == role && remembered[place].asked_at <= now &&
		now < remembered[place].asked_at + REMEMBERED_TIME)
		return remembered[place].can_run;
	cycle_start_transaction();
	MemoryContextSwitchTo(cycle_context);
	remembered[place].can_run = rights_can_run(role, &problem);
	cycle_commit_transaction();
	remembered[place].role = role;
	remembered[place].asked_at = now;
	return remembered[place].can_run;
}

/* Nobody makes way for roles that cannot run their jobs. */
static void
forget_unable(void)
{
	int			left = 0;

	for (int i = 0; i < nmissing; i++)
		if (can_run(missing[i].role))
			missing[left++] = missing[i];
	nmissing = left;
}

static void
find_next_roles(TimestampTz until)
{
	if (next_roles == NULL)
	{
		Size		size = scheduler_shared->nworkers * sizeof(DueRole);

		next_roles = MemoryContextAlloc(TopMemoryContext, size);
		missing = MemoryContextAlloc(TopMemoryContext, size);
	}
	if (until == looked_until && !due_heap_changed(until))
		return;
	nnext = due_heap_roles(until, next_roles, scheduler_shared->nworkers);
	looked_until = until;
}

TimestampTz
prestart_look(TimestampTz now)
{
	TimestampTz due = due_heap_next();
	bool		soon = due <= now + LEAD;
	int			n;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	nmissing = 0;
	/* one that leaves as soon as it is there is of no use */
	if (due == DT_NOEND || now < not_before ||
		(int64) pg_scheduler_worker_idle_timeout * 1000 <= 2 * LEAD)
		return DT_NOEND;
	find_next_roles(Max(due, now) + LEAD);
	n = worker_pool_expect(next_roles, nnext, soon ? LEAD : 0, missing);
	if (n > 0 && !soon)
		return due - LEAD;
	nmissing = n;
	forget_unable();
	return DT_NOEND;
}

int
prestart_missing(void)
{
	return nmissing;
}

void
prestart_launch(void)
{
	int			n = 0;

	while (n < nmissing && worker_pool_prestart(missing[n].role))
		n++;
	if (n == 0)
		return;
	nmissing -= n;
	memmove(missing, missing + n, nmissing * sizeof(DueRole));
}

void
prestart_forget(void)
{
	nmissing = 0;
}

void
prestart_delay(void)
{
	not_before = clock_now() + RETRY_DELAY;
}

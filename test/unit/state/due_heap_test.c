/*-------------------------------------------------------------------------
 *
 * due_heap_test.c
 *	  The heap of due times against a list that is searched from end to end.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "random.h"
#include "stand_in/server.h"
#include "state/due_heap.h"
#include "tap.h"

#define MAX_JOBS		4000	/* fewer than due_heap_roles() looks at */
#define MANY_JOBS		50000
#define MAX_ROLES		64

/* by job_id */
static DueRole jobs[MANY_JOBS];

/* Role 0 stands for jobs that need no worker. */
static void
fill(int njobs, int nroles, int ninstants)
{
	due_heap_reset();
	for (int i = 0; i < njobs; i++)
	{
		jobs[i].role = random_below(nroles + 1);
		jobs[i].due_at = 1000 + random_below(ninstants);
		due_heap_put(i, jobs[i].role, jobs[i].due_at);
	}
}

/* Replace some of what is in the heap, as the jobs of a batch that was taken. */
static void
turn_over(int n, int ninstants)
{
	int64		job_id;
	TimestampTz due_at;

	while (n-- > 0 && due_heap_take(DT_NOEND - 1, &job_id, &due_at))
	{
		jobs[job_id].due_at = due_at + random_below(ninstants);
		due_heap_put(job_id, jobs[job_id].role, jobs[job_id].due_at);
	}
}

static bool
is_listed(const DueRole *roles, int n, Oid role)
{
	for (int i = 0; i < n; i++)
		if (roles[i].role == role)
			return true;
	return false;
}

/*
 * Empty the heap.  The roles of what is due by "until" in the order in which it
 * comes out; -1, if that is not by time, role by role, and job by job.
 */
static int
drain(int njobs, TimestampTz until, DueRole *roles, int max)
{
	static DueRole ended[MAX_ROLES + 1];	/* roles that had their turn at this instant */
	int			nended = 0;
	int			n = 0;
	int			count = 0;
	int64		last = -1;
	int64		job_id;
	TimestampTz due_at;

	for (; due_heap_take(DT_NOEND - 1, &job_id, &due_at); last = job_id, count++)
	{
		const DueRole *job = &jobs[job_id];

		if (due_at != job->due_at || (last >= 0 && due_at < jobs[last].due_at))
			return -1;
		if (last < 0 || due_at != jobs[last].due_at)
			nended = 0;
		else if (job->role != jobs[last].role)
			ended[nended++].role = jobs[last].role;
		else if (job_id < last)
			return -1;
		if (is_listed(ended, nended, job->role))
			return -1;
		if (OidIsValid(job->role) && due_at <= until && n < max &&
			!is_listed(roles, n, job->role))
			roles[n++] = *job;
	}
	return count == njobs ? n : -1;
}

static bool
test_one(int njobs, int nroles, int ninstants, int max)
{
	DueRole		found[MAX_ROLES];
	DueRole		expected[MAX_ROLES];
	TimestampTz until;
	int			nfound;
	int			nexpected;

	fill(njobs, nroles, ninstants);
	turn_over(random_below(njobs + 1), ninstants);
	until = 999 + random_below(2 * ninstants + 2);
	nfound = due_heap_roles(until, found, max);
	nexpected = drain(njobs, until, expected, max);
	if (nfound != nexpected)
		return false;
	for (int i = 0; i < nfound; i++)
		if (found[i].role != expected[i].role || found[i].due_at != expected[i].due_at)
			return false;
	return true;
}

static void
test_roles(void)
{
	int			failed = 0;

	for (int i = 0; i < 3000; i++)
	{
		int			njobs = random_below(i % 100 == 0 ? MAX_JOBS : 60);
		int			nroles = 1 + random_below(MAX_ROLES);
		int			ninstants = 1 + random_below(i % 2 == 0 ? 3 : 100);

		if (!test_one(njobs, nroles, ninstants, random_below(1 + random_below(MAX_ROLES + 1))))
			failed++;
	}
	is_number(failed, 0, "the roles that are next, in the order in which they come out");
}

static void
test_many(void)
{
	DueRole		found[MAX_ROLES];
	DueRole		expected[MAX_ROLES];
	int			n;
	bool		twice = false;

	fill(MANY_JOBS, MAX_ROLES, 1);
	n = due_heap_roles(1000, found, MAX_ROLES);
	for (int i = 0; i < n; i++)
		twice |= is_listed(found, i, found[i].role);
	ok(n > 0 && !twice, "of very many jobs: some roles, each once");
	is_number(drain(MANY_JOBS, 1000, expected, MAX_ROLES), MAX_ROLES, "all came out in order");
}

static void
test_role_ends(void)
{
	int64		job_id;
	TimestampTz due_at;

	due_heap_reset();
	due_heap_put(1, 7, 1000);
	due_heap_put(2, 7, 1000);
	due_heap_put(3, 8, 2000);
	due_heap_put(4, 8, DT_NOEND);
	ok(due_heap_take(1000, &job_id, &due_at) && !due_heap_role_ends(), "more of the same role");
	ok(due_heap_take(1000, &job_id, &due_at) && due_heap_role_ends(), "another role is next");
	ok(!due_heap_take(1999, &job_id, &due_at), "which is not due yet");
	is_number(due_heap_next(), 2000, "but then");
	ok(due_heap_take(2000, &job_id, &due_at) && due_heap_role_ends(), "nothing is next");
	ok(due_heap_next() == DT_NOEND, "what is never due is not in the heap");
}

static void
test_changed(void)
{
	DueRole		found;
	int64		job_id;
	TimestampTz due_at;

	due_heap_reset();
	ok(due_heap_changed(1), "what was reset has changed");
	due_heap_put(1, 7, 1000);
	due_heap_put(2, 7, 2000);
	is_number(due_heap_roles(1500, &found, 1), 1, "one role is next");
	ok(!due_heap_changed(1500), "nothing has changed since");
	due_heap_put(3, 8, 1501);
	ok(!due_heap_changed(1500) && due_heap_changed(1501), "something later has");
	due_heap_put(4, 8, 1500);
	ok(due_heap_changed(1500), "something was put in");
	is_number(due_heap_roles(1500, &found, 1), 1, "one role is looked for, again");
	ok(due_heap_take(1000, &job_id, &due_at) && due_heap_changed(1500), "something was taken out");
}

int
main(void)
{
	due_heap_init();
	test_roles();
	test_many();
	test_role_ends();
	test_changed();
	memory_free_all();
	return done_testing();
}

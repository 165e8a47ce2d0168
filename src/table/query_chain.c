/*-------------------------------------------------------------------------
 *
 * query_chain.c
 *	  The SQL of job chains: who runs after whom.
 *
 * The flags job.leads and job.follows tell the rest of the library whether
 * there is anything to look for in scheduler.run_after.  A leads that is set
 * without need costs a look; one that is missing would cost a run.  So it is
 * set under a lock on the leader's row, and taken back only from leaders that
 * nobody else has locked.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "table/query_chain.h"
#include "table/query_exec.h"

int
query_find_job_of_others(Oid role, const char *name, int64 *job_ids)
{
	Params		params = {0};
	int64	   *found;
	int			n;

	query_add_oid(&params, role);
	query_add_text(&params, name);
	n = query_ids("SELECT j.job_id FROM pg_catalog.pg_roles r"
				  " JOIN scheduler.job j ON j.owner = r.oid::regrole AND j.job_name = $2"
				  " WHERE r.oid <> $1 AND pg_catalog.pg_has_role($1, r.oid, 'USAGE')"
				  " LIMIT 2", &params, &found);
	for (int i = 0; i < n; i++)
		job_ids[i] = found[i];
	return n;
}

/*
 * Lock jobs, by a statement that returns their ids.  What is to be decided of
 * them takes another statement: only that sees what others have committed
 * before they let go of the locks.
 */
static int
lock_jobs(const char *sql, const int64 *job_ids, int n, int64 *locked)
{
	QueryFrame	frame;
	Params		params = {0};
	int			result;

	if (n == 0)
		return 0;
	query_add_int64s(&params, job_ids, n);
	query_enter(&frame);
	result = query_execute(sql, &params);
	for (int row = 0; row < result; row++)
		locked[row] = query_int64(row, 1);
	query_leave(&frame);
	return result;
}

int
query_lock_leaders(const int64 *job_ids, int n)
{
	return lock_jobs("SELECT job_id FROM scheduler.job WHERE job_id = ANY ($1)"
					 " AND (request ->> 'one_off') IS NULL"
					 " ORDER BY job_id FOR NO KEY UPDATE",
					 job_ids, n, palloc(Max(n, 1) * sizeof(int64)));
}

void
query_lock_followers(int64 job_id)
{
	int64	   *followers;
	int			n = query_find_followers(job_id, &followers);

	(void) lock_jobs("SELECT job_id FROM scheduler.job WHERE job_id = ANY ($1)"
					 " ORDER BY job_id FOR NO KEY UPDATE",
					 followers, n, palloc(Max(n, 1) * sizeof(int64)));
}

bool
query_lock_leader(int64 job_id)
{
	QueryFrame	frame;
	Params		params = {0};
	bool		leads = false;
	bool		isnull;

	query_add_int64(&params, job_id);
	query_enter(&frame);
	if (query_execute("SELECT leads FROM scheduler.job WHERE job_id = $1 FOR UPDATE",
					  &params) > 0)
		leads = DatumGetBool(query_column(0, 1, &isnull));
	query_leave(&frame);
	return leads;
}

/*
 * Take a mark from jobs that have lost an edge, and may have none left: by a
 * statement that locks those that have the mark, and one that updates them.
 */
static void
unset_mark(const char *lock, const char *update, const int64 *job_ids, int n)
{
	Params		params = {0};
	int64	   *locked = palloc(Max(n, 1) * sizeof(int64));
	int			nlocked = lock_jobs(lock, job_ids, n, locked);

	if (nlocked == 0)
		return;
	query_add_int64s(&params, locked, nlocked);
	query_run(update, &params);
}

static void
unset_leads(const int64 *leaders, int n)
{
	unset_mark("SELECT job_id FROM scheduler.job WHERE job_id = ANY ($1) AND leads"
			   " ORDER BY job_id FOR NO KEY UPDATE SKIP LOCKED",
			   "UPDATE scheduler.job j SET leads = false WHERE j.job_id = ANY ($1)"
			   " AND NOT EXISTS (SELECT FROM scheduler.run_after a"
			   " WHERE a.leader_id = j.job_id)", leaders, n);
}

static void
unset_follows(const int64 *followers, int n)
{
	unset_mark("SELECT job_id FROM scheduler.job WHERE job_id = ANY ($1) AND follows"
			   " ORDER BY job_id FOR NO KEY UPDATE",
			   "UPDATE scheduler.job j SET follows = false WHERE j.job_id = ANY ($1)"
			   " AND NOT EXISTS (SELECT FROM scheduler.run_after a"
			   " WHERE a.job_id = j.job_id)", followers, n);
}

static void
delete_edges_to(int64 job_id)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	query_run("DELETE FROM scheduler.run_after WHERE job_id = $1", &params);
}

static void
set_follows(int64 job_id, bool follows)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	query_add(&params, BOOLOID, BoolGetDatum(follows), false);
	query_run("UPDATE scheduler.job SET follows = $2 WHERE job_id = $1 AND follows <> $2",
			  &params);
}

void
query_set_leaders(int64 job_id, const int64 *leaders, int n, const char *after_on)
{
	Params		params = {0};
	int64	   *old;
	int			nold = query_find_leaders(job_id, &old);

	delete_edges_to(job_id);
	query_add_int64(&params, job_id);
	query_add_int64s(&params, leaders, n);
	query_add_text(&params, after_on);
	query_run("INSERT INTO scheduler.run_after (job_id, leader_id, position, after_on)"
			  " SELECT $1, l.leader_id, l.position, $3"
			  " FROM pg_catalog.unnest($2) WITH ORDINALITY AS l (leader_id, position)",
			  &params);
	memset(&params, 0, sizeof(params));
	query_add_int64s(&params, leaders, n);
	query_run("UPDATE scheduler.job SET leads = true WHERE job_id = ANY ($1) AND NOT leads",
			  &params);
	set_follows(job_id, true);
	unset_leads(old, nold);
}

void
query_clear_leaders(int64 job_id)
{
	int64	   *old;
	int			nold = query_find_leaders(job_id, &old);

	delete_edges_to(job_id);
	set_follows(job_id, false);
	unset_leads(old, nold);
}

void
query_set_after_on(int64 job_id, const char *after_on)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	query_add_text(&params, after_on);
	query_run("UPDATE scheduler.run_after SET after_on = $2"
			  " WHERE job_id = $1 AND after_on <> $2", &params);
}

char *
query_after_on(int64 job_id)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	return query_string("SELECT after_on FROM scheduler.run_after"
						" WHERE job_id = $1 LIMIT 1", &params);
}

int
query_find_leaders(int64 job_id, int64 **job_ids)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	return query_ids("SELECT leader_id FROM scheduler.run_after WHERE job_id = $1"
					 " ORDER BY position", &params, job_ids);
}

int
query_find_followers(int64 job_id, int64 **job_ids)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	return query_ids("SELECT job_id FROM scheduler.run_after WHERE leader_id = $1"
					 " ORDER BY job_id", &params, job_ids);
}

int
query_find_downstream(int64 job_id, int64 **job_ids)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	return query_ids("WITH RECURSIVE down (job_id) AS (SELECT $1 UNION"
					 " SELECT a.job_id FROM down"
					 " JOIN scheduler.run_after a ON a.leader_id = down.job_id)"
					 " SELECT job_id FROM down ORDER BY job_id", &params, job_ids);
}

void
query_drop_edges(int64 job_id)
{
	Params		params = {0};
	int64	   *followers;
	int			nfollowers = query_find_followers(job_id, &followers);

	query_clear_leaders(job_id);
	query_add_int64(&params, job_id);
	query_run("DELETE FROM scheduler.run_after WHERE leader_id = $1", &params);
	unset_follows(followers, nfollowers);
}

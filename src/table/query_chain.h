/*-------------------------------------------------------------------------
 *
 * query_chain.h
 *	  The SQL of job chains: who runs after whom.
 *
 * See query.h.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_QUERY_CHAIN_H
#define PG_SCHEDULER_QUERY_CHAIN_H

#include "postgres_ext.h"

/*
 * Jobs of a name whose owners a role has the privileges of, up to two, leaving
 * out those of the role itself; how many.
 */
extern int	query_find_job_of_others(Oid role, const char *name, int64 *job_ids);

/*
 * Lock jobs against being dropped, in order of their ids, to the end of the
 * transaction.  The number of those that are there still and are not removed
 * with their only run.
 */
extern int	query_lock_leaders(const int64 *job_ids, int n);

/* Lock the jobs that run after a job. */
extern void query_lock_followers(int64 job_id);

/* Lock a job that is to be dropped.  Do others run after it? */
extern bool query_lock_leader(int64 job_id);

/* Set, in order, or take away the leaders of a job. */
extern void query_set_leaders(int64 job_id, const int64 *leaders, int n,
							  const char *after_on);
extern void query_clear_leaders(int64 job_id);
extern void query_set_after_on(int64 job_id, const char *after_on);

/* The after_on of the present leaders of a job, or NULL. */
extern char *query_after_on(int64 job_id);

extern int	query_find_leaders(int64 job_id, int64 **job_ids);
extern int	query_find_followers(int64 job_id, int64 **job_ids);

/* The job and all that run after it, directly or not, in order of their ids. */
extern int	query_find_downstream(int64 job_id, int64 **job_ids);

/* A job that led or followed others has gone. */
extern void query_drop_edges(int64 job_id);

#endif							/* PG_SCHEDULER_QUERY_CHAIN_H */

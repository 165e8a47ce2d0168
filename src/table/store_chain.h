/*-------------------------------------------------------------------------
 *
 * store_chain.h
 *	  The tables of job chains, read and written tuple by tuple.
 *
 * scheduler.run_after says who runs after whom, and is written by the API.
 * scheduler.leader_end has the ends of runs that followers have not taken up;
 * whoever ends a run inserts into it, and the scheduler deletes.
 * scheduler.run_trigger keeps which runs have brought about a run.
 *
 * As in store.h, all functions must be called in a transaction.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_STORE_CHAIN_H
#define PG_SCHEDULER_STORE_CHAIN_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "rules/run.h"

/* Which ends of a leader a follower runs after */
typedef enum AfterOn
{
	AFTER_SUCCESS,
	AFTER_FAILURE,
	AFTER_ANY
} AfterOn;

/* A row of scheduler.run_after */
typedef struct ChainEdge
{
	int64		job_id;			/* the follower */
	int64		leader_id;
	int			position;		/* among the leaders of the follower */
	AfterOn		after_on;
} ChainEdge;

/* A row of scheduler.leader_end */
typedef struct LeaderEnd
{
	int64		run_id;			/* of the leader */
	int64		job_id;			/* the follower */
	int64		leader_id;
	Oid			leader_owner;
	RunStatus	status;
	TimestampTz ended_at;
	Jsonb	   *args;			/* of the leader's run; NULL: none, or not read */
	bool		has_args;		/* when read */
} LeaderEnd;

/* -1: unknown */
extern int	store_after_on_from_name(const char *name);

/* The edges from a leader, or to a follower by position; how many.  palloc'd. */
extern int	store_read_followers(int64 leader_id, ChainEdge **edges);
extern int	store_read_leaders(int64 job_id, ChainEdge **edges);

extern void store_insert_leader_end(const LeaderEnd *end);

/*
 * Call "callback" for the ends of runs greater than "after", up to "upto"; args
 * are not read.
 */
typedef void (*LeaderEndCallback) (const LeaderEnd *end, void *arg);
extern void store_scan_leader_ends(int64 after, int64 upto, LeaderEndCallback callback,
								   void *arg);

extern Jsonb *store_read_leader_end_args(int64 run_id, int64 job_id);
extern void store_delete_leader_end(int64 run_id, int64 job_id);

/* The run "trigger_run_id" has brought about the run "run_id". */
extern void store_insert_run_trigger(int64 run_id, int64 trigger_run_id, Oid owner);

#endif							/* PG_SCHEDULER_STORE_CHAIN_H */

/*-------------------------------------------------------------------------
 *
 * chain_end.c
 *	  The end of a run that other jobs wait for.
 *
 * Whoever records the end of a run leaves word of it for its followers in
 * scheduler.leader_end, in the same transaction: a worker, the HTTP worker,
 * the scheduler, or a client that cancels a run.  Rows are only ever inserted
 * here, so nobody waits for anybody.  What comes of them is decided by the
 * scheduler alone (chain.c).
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"

#include "record/chain_end.h"

bool
chain_end_matches(AfterOn after_on, RunStatus status)
{
	switch (status)
	{
		case RUN_SUCCEEDED:
			return after_on != AFTER_FAILURE;
		case RUN_FAILED:
		case RUN_TIMED_OUT:
		case RUN_LOST:
			return after_on != AFTER_SUCCESS;
		case RUN_CANCELLED:
			return after_on == AFTER_ANY;
		default:
			return false;
	}
}

bool
chain_end_record(const RunRecord *record, Jsonb *args)
{
	const Run  *run = record->run;
	ChainEdge  *edges;
	int			n = store_read_followers(run->job_id, &edges);
	bool		result = false;

	Assert(IsTransactionState());
	for (int i = 0; i < n; i++)
	{
		LeaderEnd	end = {
			.run_id = run->run_id,
			.job_id = edges[i].job_id,
			.leader_id = run->job_id,
			.leader_owner = run->owner,
			.status = record->status,
			.ended_at = record->finished_at,
			.args = args
		};

		if (!chain_end_matches(edges[i].after_on, record->status))
			continue;
		store_insert_leader_end(&end);
		result = true;
	}
	return result;
}

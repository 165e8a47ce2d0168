/*-------------------------------------------------------------------------
 *
 * chain_end.h
 *	  The end of a run that other jobs wait for.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_CHAIN_END_H
#define PG_SCHEDULER_CHAIN_END_H

#include "table/store.h"
#include "table/store_chain.h"

/* Is this an end that a follower waits for? */
extern bool chain_end_matches(AfterOn after_on, RunStatus status);

/*
 * A run is over: leave word for each follower that waits for such an end, in
 * the transaction that records it.  "args" are those of the run.  Callers
 * look at Job.leads first.  False: nobody waits for it.
 */
extern bool chain_end_record(const RunRecord *record, Jsonb *args);

#endif							/* PG_SCHEDULER_CHAIN_END_H */

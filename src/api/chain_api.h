/*-------------------------------------------------------------------------
 *
 * chain_api.h
 *	  What a job runs after, as a user gives it.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_CHAIN_API_H
#define PG_SCHEDULER_CHAIN_API_H

#include "access/htup.h"
#include "fmgr.h"
#include "utils/relcache.h"

struct JobDefinition;

/* The options after and after_on */
typedef struct ChainOptions
{
	char	   *after;			/* NULL: as it is; "": none */
	char	   *after_on;		/* NULL: as it is */
	bool		after_on_reset;	/* it is the default, also of what runs after none */
} ChainOptions;

/*
 * Take the options from the arguments of a call.  With "alter", NULL leaves
 * one as it is.
 */
extern void chain_api_get(ChainOptions *options, FunctionCallInfo fcinfo, bool alter);

/* Say in the definition whether the job follows others, for it to be checked. */
extern void chain_api_define(const ChainOptions *options, struct JobDefinition *def);

/* The job has been stored: store its leaders. */
extern void chain_api_store(const ChainOptions *options, const struct JobDefinition *def,
							int64 job_id);

/*
 * A job is about to be dropped.  Jobs that run after it are an error, or, with
 * "cascade", do so no more.
 */
extern void chain_api_release_followers(int64 job_id, bool cascade);

/* A row of scheduler.job has been deleted. */
extern void chain_api_job_dropped(Relation rel, HeapTuple tuple);

#endif							/* PG_SCHEDULER_CHAIN_API_H */

/*-------------------------------------------------------------------------
 *
 * api.h
 *	  What the SQL-callable functions of several files share.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_API_H
#define PG_SCHEDULER_API_H

#include "datatype/timestamp.h"
#include "fmgr.h"

/*
 * Is the job that the first argument of a function names given by its name?
 * Functions that take a job exist twice in SQL, for text and for bigint.
 */
extern bool api_takes_name(FunctionCallInfo fcinfo);

/*
 * An error (22004) if an argument is NULL; before that, one if the library does not
 * fit the extension's tables.
 */
extern void api_require(FunctionCallInfo fcinfo, int arg, const char *name);

/*
 * The id of the job that the first argument of a call names: one of the
 * caller's own by its name, or any that the caller may manage by its id.  An
 * error if there is none: what the caller may not see does not exist.
 */
extern int64 api_job(FunctionCallInfo fcinfo);

/*
 * Store a new job, or the new definition of one; its id.  An error if it is
 * not valid, or can never run.
 */
struct JobDefinition;
extern int64 api_store_job(struct JobDefinition *def, bool replace);

/*
 * When what runs is to be cancelled or stopped, by an argument "timeout";
 * NULL: pg_scheduler.shutdown_grace from now.
 */
extern TimestampTz api_stop_deadline(FunctionCallInfo fcinfo, int arg);

/* Add a run of a job, due at once; its id. */
extern int64 api_run_now(int64 job_id);

/* Raise an error if there is no such run that the caller may manage. */
extern void api_check_run(int64 run_id);

#endif							/* PG_SCHEDULER_API_H */

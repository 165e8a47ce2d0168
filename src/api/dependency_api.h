/*-------------------------------------------------------------------------
 *
 * dependency_api.h
 *	  What a job or a queue depends on, as a user says it: depends_on.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_DEPENDENCY_API_H
#define PG_SCHEDULER_DEPENDENCY_API_H

#include "fmgr.h"
#include "utils/array.h"

/* The argument "depends_on" of a function, empty if it is reset, or NULL */
extern ArrayType *dependency_argument(FunctionCallInfo fcinfo);

/*
 * Replace what a job, or a queue, depends on, after it has been written.
 * NULL is nothing.  Errors: what does not exist, and what depends on the job
 * or queue itself.
 */
extern void dependency_set_of_job(int64 job_id, Oid owner, ArrayType *depends_on);
extern void dependency_set_of_queue(const char *queue, ArrayType *depends_on);

/*
 * A job has been changed, its dependencies have not: an error if they cannot
 * stay because of its new queue or owner.
 */
extern void dependency_check_job(int64 job_id, Oid owner);

/* Raise an error if something depends on a job, or a queue. */
extern void dependency_refuse_drop_of_job(int64 job_id);
extern void dependency_refuse_drop_of_queue(const char *queue);

#endif							/* PG_SCHEDULER_DEPENDENCY_API_H */

/*-------------------------------------------------------------------------
 *
 * job_definition.h
 *	  A job's definition as a user gives it: defaults, checks, errors.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_JOB_DEFINITION_H
#define PG_SCHEDULER_JOB_DEFINITION_H

#include "fmgr.h"

#include "table/job_row.h"

/* A new definition: everything that has a default has it. */
extern void job_definition_init(JobDefinition *def, JobKind kind);

/*
 * Set the options that a function call gives.  Those that it has no argument
 * for, or for which that is NULL, stay as they are.
 */
extern void job_definition_set(JobDefinition *def, FunctionCallInfo fcinfo);

/*
 * Take the options that the argument "reset" names back to their defaults.
 * Those that are kept elsewhere (after, after_on, depends_on) are for others
 * to take back.  Errors: what is no option, or is given as well.
 */
extern void job_definition_reset(JobDefinition *def, FunctionCallInfo fcinfo);

/* The error about one of the names of "reset". */
extern void job_definition_bad_reset(const char *detail, const char *hint);

/*
 * For a definition that has been read and that the caller may change: unless it
 * may SET ROLE to the owner, raise an error if the call says anything about what
 * the job runs, or as whom.
 */
extern void job_definition_guard(JobDefinition *def, FunctionCallInfo fcinfo);

/* The same error for one option, and that if it is given or reset. */
extern _Noreturn void job_definition_deny(Oid owner, const char *option);
extern void job_definition_deny_given(FunctionCallInfo fcinfo, Oid owner, const char *option);

/*
 * Raise an error for anything that cannot be.  What an empty value takes away
 * is NULL afterwards.
 */
extern void job_definition_check(JobDefinition *def);

/*
 * Raise an error when a job as it has been stored, with a schedule that is new
 * or has changed, can never run.
 */
extern void job_definition_check_future(const JobDefinition *def, const Job *job);

#endif							/* PG_SCHEDULER_JOB_DEFINITION_H */

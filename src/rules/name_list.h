/*-------------------------------------------------------------------------
 *
 * name_list.h
 *	  Reading the names of jobs and queues that users give: "after",
 *	  "depends_on".
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_NAME_LIST_H
#define PG_SCHEDULER_NAME_LIST_H

/* What is wrong with a list, in sentences */
typedef struct NameProblem
{
	const char *detail;
	const char *hint;
} NameProblem;

/*
 * The next of some names that are separated by commas; those that have commas
 * in them are in double quotes.  palloc'd; *text moves on behind it, and is NULL
 * when it was the last.  NULL: *problem says what is wrong.
 */
extern char *name_list_next(const char **text, NameProblem *problem);

/* What an element of depends_on names */
typedef enum TargetKind
{
	TARGET_UNSAID,				/* by a name without a prefix */
	TARGET_JOB,
	TARGET_JOB_ID,
	TARGET_QUEUE
} TargetKind;

/* Take the prefix off an element of depends_on. */
extern TargetKind name_list_target(const char **text);

/* The id of a job; false: it is none. */
extern bool name_list_job_id(const char *text, int64 *job_id);

#endif							/* PG_SCHEDULER_NAME_LIST_H */

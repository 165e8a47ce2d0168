/*-------------------------------------------------------------------------
 *
 * job_row.h
 *	  Rows of scheduler.job: their columns, and the options of jobs.
 *
 * What is known of an option stands in job_column_list.h.  Definitions, their
 * checks and errors, the SQL that writes them, and a Job that is read follow
 * from it.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_JOB_ROW_H
#define PG_SCHEDULER_JOB_ROW_H

#include "table/job.h"

/* Columns of scheduler.job, in order */
typedef enum JobColumn
{
	JOB_NO_COLUMN,
#define JOB_COLUMN(symbol, ...) symbol,
#define JOB_OPTION(symbol, ...) symbol,
#include "table/job_column_list.h"
#undef JOB_COLUMN
#undef JOB_OPTION
	JOB_LEADS,					/* kept with the edges of chains */
	JOB_FOLLOWS,
	JOB_COLUMNS = JOB_LEADS - 1 /* of a definition */
} JobColumn;

#define JOB_MAX_CHOICES	4

/* What is known of a column.  Most members are zero for most columns. */
typedef struct JobColumnInfo
{
	const char *name;
	Oid			type;
	const char *option;			/* what users call it, as an argument; or NULL */
	const char *initial;		/* the default of an option; NULL: it is NULL */
	const char *initial_http;	/* that of HTTP jobs, if it is another */
	const char *choices[JOB_MAX_CHOICES + 1];	/* its values, as in the enum of
												 * its field */
	int64		minimum;		/* of numbers, and of intervals in microseconds */
	bool		required;		/* there is no default */
	bool		sql_only;		/* HTTP jobs have none */
	bool		times;			/* another value is another schedule */
	bool		content;		/* of any size: only who executes a run reads it */
	bool		key;			/* a definition is found by it */
	bool		kept;			/* another definition does not replace it */
	size_t		field;			/* place in Job; 0: none, or not of this kind */
	size_t		field_size;
	int64		null_value;		/* of the field; NULL of pointers */
} JobColumnInfo;

extern const JobColumnInfo job_columns[JOB_COLUMNS];

/* What is known of column c. */
#define job_column(c)	(&job_columns[(c) - 1])

/* A row of scheduler.job in the making; column c is at [c - 1] */
typedef struct JobDefinition
{
	Datum		values[JOB_COLUMNS];
	bool		nulls[JOB_COLUMNS];
	bool		schedule_given; /* and not taken over from what was stored */
	bool		follows;		/* it runs after others, and needs no schedule */
	bool		had_leaders;	/* what it replaces did so */
	bool		runs_as_before; /* owner and settings were checked, for others than the caller */
} JobDefinition;

/* The place of a value among the choices of a column; -1: it is none of them. */
extern int	job_column_choice(JobColumn column, const char *value);

/* The default of an option, palloc'd. */
extern Datum job_column_default(JobColumn column, JobKind kind, bool *isnull);

/*
 * Fill a Job from all columns of a row, with a snapshot for what is not in line.
 * Without "content" the fields of those columns are NULL.
 */
extern void job_row_read(Job *job, const Datum *values, const bool *nulls, bool content);

#endif							/* PG_SCHEDULER_JOB_ROW_H */

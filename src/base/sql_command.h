/*-------------------------------------------------------------------------
 *
 * sql_command.h
 *	  The SQL text of a job: what is in it, how it has to be run.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SQL_COMMAND_H
#define PG_SCHEDULER_SQL_COMMAND_H

#include "executor/spi.h"
#include "nodes/pg_list.h"

typedef enum SqlMode
{
	SQL_TRANSACTION,			/* effects and record in one transaction */
	SQL_PROCEDURE,				/* CALL or DO: may commit on its way */
	SQL_TOP_LEVEL				/* refuses a transaction block */
} SqlMode;

typedef struct SqlCommand
{
	char	   *text;
	SqlMode		mode;
	bool		has_args;		/* $1 occurs in it */
	bool		plannable;		/* one statement whose plan can be kept */
	List	   *statements;		/* RawStmt */
	int			nfirst;			/* of these, SETs that go before any query */
	char	   *first;			/* their text; valid when there are some */
	char	   *body;			/* the text of the others */
	SPIPlanPtr	plan;			/* kept plan, made at the first execution */
} SqlCommand;

/*
 * Parse the text of a job.  Raises the syntax error, or says why a statement
 * cannot be the work of a job.  The result, and all it points to, is
 * allocated in the current memory context.
 */
extern SqlCommand *sql_command_parse(const char *text);

/*
 * The same with a cache for the life of the process.  The result is valid
 * until the next call.
 */
extern SqlCommand *sql_command_lookup(const char *text);

#endif							/* PG_SCHEDULER_SQL_COMMAND_H */

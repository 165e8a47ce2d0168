/*-------------------------------------------------------------------------
 *
 * sql_execute.h
 *	  Execute a job's command: through SPI, or as a client's would be.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SQL_EXECUTE_H
#define PG_SCHEDULER_SQL_EXECUTE_H

#include "utils/jsonb.h"

#include "base/sql_command.h"

/*
 * What kind of transaction the command wants must be said before the row of
 * pending_run is looked for, which takes a snapshot or a transaction id.
 */
extern void sql_execute_first(SqlCommand *command);

/*
 * Execute the command through SPI, with "args" as $1 if it has one.  The rows
 * that it returns are dropped; how many there were, or how many it affected.
 */
extern int64 sql_execute_plan(SqlCommand *command, Jsonb *args);

/* Execute one statement as a client's simple query would be; the same. */
extern int64 sql_execute_top_level(const char *text, RawStmt *stmt, bool has_args,
								   Jsonb *args);

#endif							/* PG_SCHEDULER_SQL_EXECUTE_H */

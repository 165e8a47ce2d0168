/*-------------------------------------------------------------------------
 *
 * db_command.h
 *	  Make way for commands on databases, on the extension, and on roles.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_DB_COMMAND_H
#define PG_SCHEDULER_DB_COMMAND_H

/* from _PG_init, when preloaded */
extern void db_command_init(void);

#endif							/* PG_SCHEDULER_DB_COMMAND_H */

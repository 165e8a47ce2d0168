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

/*
 * Jobs, or their states, come out of a dump: jobs must not run before the rest
 * of the database is there, nor be planned anew before their states are.  The
 * processes of this database leave until the restore is over, see restorer.h.
 * For sessions of clients, and when the library has been preloaded.
 */
extern void db_command_restore(void);

/* When this transaction commits, no restore keeps the database quiet any more. */
extern void db_command_end_restores(void);

#endif							/* PG_SCHEDULER_DB_COMMAND_H */

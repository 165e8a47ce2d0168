/*-------------------------------------------------------------------------
 *
 * extension.h
 *	  The extension in this database: is it there, and who owns it?
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_EXTENSION_H
#define PG_SCHEDULER_EXTENSION_H

/* The extension is installed in this database.  In a transaction. */
extern bool extension_exists(void);

/* The same, outside of a transaction. */
extern bool extension_is_installed(void);

/* The role that owns it; an error if it is not installed. */
extern Oid	extension_owner(void);

/*
 * True while a command is the scheduler's own doing.  It counts as a part of
 * another then, so event triggers have no say, not even those that are always
 * enabled: they may have been made to refuse whatever is not a user's doing.
 */
extern bool extension_own_command;

#endif							/* PG_SCHEDULER_EXTENSION_H */

/*-------------------------------------------------------------------------
 *
 * restorer.h
 *	  Sessions that restore the jobs of a database.
 *
 * Jobs must not run before the rest of a dump is there, nor be planned anew
 * before their states are, and a restore is many transactions.  As long as a
 * session restores, its database is quiesced.  That ends with the session, with
 * its DISCARD ALL, with its transaction if all of it was one, with
 * scheduler.start(), or when the session, and whoever works for the same restore,
 * has been idle for RESTORER_IDLE_TIME: a pool may keep a connection for ever.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RESTORER_H
#define PG_SCHEDULER_RESTORER_H

#include "shared/shmem.h"

/* A session that has nothing to do for so long restores no more: 5 s. */
#define RESTORER_IDLE_TIME		(5 * USECS_PER_SEC)

/* This session restores; false: it has been noted before.  Lock held. */
extern bool restorer_enter(Database *db);

/* It restores no more, if it did.  Lock held. */
extern void restorer_leave(Database *db, int pid);

/* Nobody restores any more.  Lock held. */
extern void restorer_leave_all(Database *db);

/* Who restores, one of them; 0: nobody.  Lock held. */
extern int	restorer_pid(const Database *db);

/*
 * For the launcher: those that have been idle for long leave.  When to look
 * again, or DT_NOEND.
 */
extern TimestampTz restorer_look(TimestampTz now);

#endif							/* PG_SCHEDULER_RESTORER_H */

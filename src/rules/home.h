/*-------------------------------------------------------------------------
 *
 * home.h
 *	  Is this database the one that its jobs belong to, or a copy?
 *
 * A database remembers its home: the system and the database that its jobs run
 * in.  A row of that memory that does not fit says how it got here: with a
 * backup, with a template, with a dump, or over a subscription.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RULES_HOME_H
#define PG_SCHEDULER_RULES_HOME_H

#include "datatype/timestamp.h"

/* What is remembered of a home, and what is so of this place */
typedef struct Home
{
	uint64		system_identifier;
	Oid			database;
	char		database_name[NAMEDATALEN];
	TimestampTz restored_at;	/* when a backup became this data directory; 0: never */
	bool		physical;		/* the row is the one that was written, not a restored one */
	uint64		key_system;		/* what idempotency keys begin with */
	Oid			key_database;
} Home;

typedef enum HomeVerdict
{
	HOME_NEW,					/* nothing is remembered: this becomes the home */
	HOME_HERE,					/* at home */
	HOME_MOVED,					/* the home itself has moved: it is here now */
	HOME_COPY					/* a copy of a home that may go on elsewhere */
} HomeVerdict;

/*
 * Judge the rows that are remembered.  *which is the one that decides, for
 * HOME_MOVED and HOME_COPY; -1 for HOME_NEW.
 */
extern HomeVerdict home_judge(const Home *rows, int n, const Home *here, int *which);

#endif							/* PG_SCHEDULER_RULES_HOME_H */

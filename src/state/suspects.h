/*-------------------------------------------------------------------------
 *
 * suspects.h
 *	  What looked wrong, and is to be looked at again.
 *
 * A change can be seen in the tables as soon as it is committed, and the
 * scheduler is told of it a moment later.  What differs from what it knows is
 * suspect; only what differs still after a while is wrong.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SUSPECTS_H
#define PG_SCHEDULER_SUSPECTS_H

/* More than this are left to a later look. */
#define MAX_SUSPECTS	10000

typedef struct Suspect
{
	int64		id;
	int64		version;		/* of what was seen; another one is another matter */
} Suspect;

typedef struct Suspects
{
	Suspect    *items;
	int			count;
	int			capacity;
} Suspects;

extern void suspects_add(Suspects *suspects, int64 id, int64 version);
extern void suspects_clear(Suspects *suspects);

#endif							/* PG_SCHEDULER_SUSPECTS_H */

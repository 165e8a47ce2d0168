/*-------------------------------------------------------------------------
 *
 * scheduler_load.h
 *	  The scheduler reads everything from the tables, after a start or an error.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SCHEDULER_LOAD_H
#define PG_SCHEDULER_SCHEDULER_LOAD_H

#include "shared/shmem.h"

/* All are called outside a transaction. */
extern void scheduler_load(Database *db);

/*
 * Take what others have told of, and do at once what they want cancelled; how
 * many changes there are.  They are valid until the next call, which
 * scheduler_load() is, too.
 */
extern int	scheduler_take_changes(Database *db, const Change **changes, bool *overflow);

/* The limits of queues */
extern void scheduler_load_queues(void);

/* The next times of all jobs */
extern void scheduler_load_next_runs(void);

/*
 * Jobs that a calendar, given by the hash of its name, puts off may be due at
 * another time now.  Each is looked at when it would be due without, and what
 * it finds then is put in again.  Other days are working days.
 */
extern void scheduler_load_calendar(int64 calendar);

#endif							/* PG_SCHEDULER_SCHEDULER_LOAD_H */

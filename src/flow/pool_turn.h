/*-------------------------------------------------------------------------
 *
 * pool_turn.h
 *	  How many slots can be used, and whose turn it is.
 *
 * The slots of workers are shared by the databases of the cluster.  Two
 * sentences say who gets one:
 *
 *	There are as many as pg_scheduler.max_workers, or, for 6 s after the server
 *	refused a process, as many as there were processes then.
 *
 *	A slot that is free is for the database that has waited longest, by its
 *	ticket; 100 ms after it was freed, it is for anyone.
 *
 * The first one makes turns hold where processes are short, and not only
 * slots.  6 s is longer than anybody waits who tries again to start a process
 * that is no worker.  The second has an end because the holder of the oldest
 * ticket may be held up, by a lock on its tables for instance.
 *
 * The caller of each function but the first holds scheduler_shared->lock,
 * exclusively if it changes something.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_POOL_TURN_H
#define PG_SCHEDULER_POOL_TURN_H

#include "shared/shmem.h"

/* For so long there are no more slots than processes: 6 s. */
#define SHORTAGE_TIME		(6 * USECS_PER_SEC)

/* A worker that has died is a process no more after: 100 ms. */
#define EXIT_TIME			(100 * 1000)

/*
 * A scheduler that has not seen to a worker that has died is held up, or has
 * gone, after: 5 s.  Others may then have the slot.
 */
#define NEGLECT_TIME		(5 * USECS_PER_SEC)

/*
 * A slot that is free for this database, or -1: there is none, or it is the
 * turn of others, until *again, which is DT_NOEND if that is not known.
 */
extern int	pool_turn_free_slot(TimestampTz *again);

/*
 * Wait for a slot: with this ticket, which was not used, or, if it is 0, with
 * the one that this database has, or a new one.
 */
extern void pool_turn_wait(uint64 ticket);

/* A slot has been got; the ticket that was used, or 0. */
extern uint64 pool_turn_served(void);

/* No slot is wanted any more: it is the turn of others. */
extern void pool_turn_withdraw(void);

/* Does this database wait for a slot?  Nobody else gives or takes its ticket: no lock needed. */
extern bool pool_turn_has_ticket(void);

/* The server has no room for more processes than those of so many slots. */
extern void pool_turn_note_shortage(int slots);

/* Slots that have a worker, dead or alive. */
extern int	pool_turn_count_taken(void);

/*
 * Slots that can be had, or soon can be; less than none, where processes are
 * short.
 */
extern int	pool_turn_count_coming(void);

#endif							/* PG_SCHEDULER_POOL_TURN_H */

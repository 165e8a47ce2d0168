/*-------------------------------------------------------------------------
 *
 * worker_slot.h
 *	  The slots of workers: who has one, who leaves, who is cancelled.
 *
 * What a slot is, and how it moves from state to state, is in shmem.h.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_WORKER_SLOT_H
#define PG_SCHEDULER_WORKER_SLOT_H

#include "shared/shmem.h"

/* A worker serves its role at least this long when others wait: 200 ms. */
#define TIME_SLICE			(200 * 1000)

/* Handed to a worker in bgw_extra. */
typedef struct WorkerStart
{
	int			slot;
	uint64		generation;
	Oid			database;
	Oid			role;
} WorkerStart;

/* Whom an idle worker has to make way for */
typedef enum NewcomerKind
{
	FOR_READY,					/* a role that has runs, and no worker */
	FOR_MORE,					/* a role that has some, and could use one more */
	FOR_AHEAD					/* a role whose jobs will be due in a moment */
} NewcomerKind;

/* The slot of this process, or NULL in any process but a worker. */
extern WorkerSlot *worker_slot_mine;

/* Go through all slots.  Lock held, or the caller says why it need not be. */
#define foreach_worker_slot(slot) \
	for (WorkerSlot *slot = scheduler_shared->workers; \
		 slot < scheduler_shared->workers + scheduler_shared->nworkers; slot++)

static inline int
worker_slot_number(const WorkerSlot *slot)
{
	return slot - scheduler_shared->workers;
}

/* Has the slot a process, or will it have one in a moment? */
static inline bool
worker_slot_is_alive(const WorkerSlot *slot)
{
	return slot->state != WORKER_FREE && slot->state != WORKER_DEAD;
}

/* The same, and it has not been asked to leave. */
static inline bool
worker_slot_stays(const WorkerSlot *slot)
{
	return worker_slot_is_alive(slot) && !slot->leave;
}

/*
 * The caller of the next five holds scheduler_shared->lock exclusively.
 */

/* The worker has gone.  A lane that loses its last one must be empty. */
extern void worker_slot_free(WorkerSlot *slot);

/* Ask a worker to leave after the run in hand. */
extern void worker_slot_ask_to_leave(WorkerSlot *slot);

/*
 * The same; "force": the run in hand is stopped now, and will be done again.
 */
extern void worker_slot_send_away(WorkerSlot *slot, bool force);

/* Wake the schedulers that wait for a slot. */
extern void worker_slot_wake_ticket_holders(void);

/*
 * A worker has ended its run, and room is wanted: it leaves, unless others of
 * its role wait for it and it has just begun with them.
 */
extern void worker_slot_relieve(WorkerSlot *slot);

/*
 * When work was last expected of a worker, and until when it makes way for
 * nobody of that kind.  Lock held.
 */
extern TimestampTz worker_slot_expected_until(const WorkerSlot *slot, TimestampTz now);
extern TimestampTz worker_slot_spared_until(const WorkerSlot *slot, NewcomerKind newcomer,
											TimestampTz now);

/*
 * Ask whoever executes a run of this database, an HTTP worker too, to cancel
 * it.  False: nobody does.  Lock not held.
 */
extern bool worker_slot_cancel_run(int64 run_id, CancelReason why);

/*
 * The same for all runs of a job: at a time, which may have come, and not if
 * the time is DT_NOEND.  How many there are.
 */
extern int	worker_slot_cancel_job(int64 job_id, TimestampTz at, CancelReason why);

/* Cancel what is to be cancelled by now.  The next time, or DT_NOEND.  Lock held. */
extern TimestampTz worker_slot_cancel_due(Database *db, TimestampTz now);

/* Does somebody execute this run of this database?  Lock not held. */
extern bool worker_slot_has_run(int64 run_id);

#endif							/* PG_SCHEDULER_WORKER_SLOT_H */

/*-------------------------------------------------------------------------
 *
 * prestart.h
 *	  Workers for roles whose jobs will be due in a moment.
 *
 * So that the first run of a role need not wait until a process has started.
 * All of this is a matter of speed: a role whose worker could not be started
 * ahead gets one when its runs are ready, see dispatch.c.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_PRESTART_H
#define PG_SCHEDULER_PRESTART_H

#include "datatype/timestamp.h"

/*
 * See which roles will need a worker, and keep those that there are.  Once in a
 * cycle that enqueues, outside of a transaction.  The time to look again, or
 * DT_NOEND.
 */
extern TimestampTz prestart_look(TimestampTz now);

/* How many roles will need a worker in a moment, and have none. */
extern int	prestart_missing(void);

/* Start those, as far as there are free slots. */
extern void prestart_launch(void);

/* Nothing is to be enqueued. */
extern void prestart_forget(void);

/* A worker has ended before it had begun: try no other ahead for a while. */
extern void prestart_delay(void);

#endif							/* PG_SCHEDULER_PRESTART_H */

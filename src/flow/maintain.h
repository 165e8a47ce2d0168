/*-------------------------------------------------------------------------
 *
 * maintain.h
 *	  What a scheduler does now and then: partitions, retention, and repair.c.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_MAINTAIN_H
#define PG_SCHEDULER_MAINTAIN_H

#include "datatype/timestamp.h"

/*
 * See that history can take what ends today; nothing is begun otherwise.
 * False: it cannot, and that has been logged.
 */
extern bool maintain_partition(TimestampTz now);

/*
 * Do what is due; each part has an error of its own to itself.  What can be
 * much to look at is begun here, and walk_step() goes on with it.
 */
extern void maintain(TimestampTz now);

/* When there is something to begin next. */
extern TimestampTz maintain_next_time(void);

/* Do everything at the next call; no walk is under way. */
extern void maintain_reset(void);

#endif							/* PG_SCHEDULER_MAINTAIN_H */

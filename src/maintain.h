/*-------------------------------------------------------------------------
 *
 * maintain.h
 *	  What a scheduler does now and then: partitions, retention, repair.
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

/* Do what is due; each part has an error of its own to itself. */
extern void maintain(TimestampTz now);

/* When there is something to do next. */
/* Have the records checked soon. */
extern void maintain_request(void);

extern TimestampTz maintain_next_time(void);

/* Do everything at the next call. */
extern void maintain_reset(void);

#endif							/* PG_SCHEDULER_MAINTAIN_H */

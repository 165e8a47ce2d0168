/*-------------------------------------------------------------------------
 *
 * restored.h
 *	  Has a backup been restored into this data directory?
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RESTORED_H
#define PG_SCHEDULER_RESTORED_H

#include "datatype/timestamp.h"

/*
 * Look whether the server is about to start from a backup, and keep it in mind.
 * In the postmaster, while libraries are preloaded: later the files that tell
 * have gone.
 */
extern void restored_init(void);

/* When that was the last time; 0: never. */
extern TimestampTz restored_at(void);

#endif							/* PG_SCHEDULER_RESTORED_H */

/*-------------------------------------------------------------------------
 *
 * hold.h
 *	  Reasons why a scheduler starts no run although nobody has stopped it.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HOLD_H
#define PG_SCHEDULER_HOLD_H

#include "shared/shmem.h"

/*
 * Look whether runs are held here, and why; publish it, and say it in the log
 * when it has changed.  Outside a transaction.
 */
extern bool hold_look(Database *db);

#endif							/* PG_SCHEDULER_HOLD_H */

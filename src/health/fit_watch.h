/*-------------------------------------------------------------------------
 *
 * fit_watch.h
 *	  The scheduler begins nothing unless library and tables fit together.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_FIT_WATCH_H
#define PG_SCHEDULER_FIT_WATCH_H

#include "shared/shmem.h"

/*
 * Look whether they do (table/fit.h).  If not, the log says so, status(), and
 * an alert, which is over when they do.  Outside a transaction.
 */
extern bool fit_watch(Database *db);

#endif							/* PG_SCHEDULER_FIT_WATCH_H */

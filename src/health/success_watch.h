/*-------------------------------------------------------------------------
 *
 * success_watch.h
 *	  Jobs none of whose runs has succeeded for as long as they allow.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SUCCESS_WATCH_H
#define PG_SCHEDULER_SUCCESS_WATCH_H

#include "utils/timestamp.h"

#include "state/job_cache.h"

/*
 * Find the jobs whose last success is longer ago than their success_within, for
 * the monitor to judge.  In a transaction.
 */
extern void success_watch(TimestampTz now);

/* When the next of them may be; DT_NOEND: no job has a success_within. */
extern TimestampTz success_watch_next_time(void);

/* A job has come or changed, or gone (NULL). */
extern void success_watch_job_changed(const JobEntry *entry);

/* Look at the next call, however lately that was done. */
extern void success_watch_look_again(void);

#endif							/* PG_SCHEDULER_SUCCESS_WATCH_H */

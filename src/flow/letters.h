/*-------------------------------------------------------------------------
 *
 * letters.h
 *	  Of a job the newest dead letters are kept.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_LETTERS_H
#define PG_SCHEDULER_LETTERS_H

#include "datatype/timestamp.h"

/* A run of this job has become a dead letter.  Must not fail. */
extern void letters_note(int64 job_id);

/*
 * Drop what is too old of the jobs that were noted, in a transaction of its
 * own, once a second.  When to do so next, or DT_NOEND.
 */
extern TimestampTz letters_trim(TimestampTz now);

#endif							/* PG_SCHEDULER_LETTERS_H */

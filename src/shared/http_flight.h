/*-------------------------------------------------------------------------
 *
 * http_flight.h
 *	  HTTP runs that an HTTP worker has in hand.
 *
 * A flight begins when the worker takes a run out of the lane, and ends when
 * it has told the scheduler what became of it, or when the worker ends.
 *
 * The table is in shared memory, one for the cluster.  The caller of each
 * function holds scheduler_shared->lock, exclusively unless it only looks.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HTTP_FLIGHT_H
#define PG_SCHEDULER_HTTP_FLIGHT_H

#include "base/limits.h"
#include "shared/shmem.h"

typedef struct HttpFlight
{
	Oid			database;		/* InvalidOid: free */
	Oid			owner;
	int64		run_id;
	int64		job_id;
	int32		attempt;
	bool		cancel;			/* asked to be given up */
	TimestampTz cancel_at;		/* the scheduler is to ask for that then; DT_NOEND: not */
	CancelReason why;			/* valid when "cancel" or cancel_at is */
	int			next_free;		/* of a free one */
	TimestampTz started_at;
} HttpFlight;

extern Size http_flight_shmem_size(void);
extern void http_flight_shmem_init(void *address);

/* Begin one; its index, or -1 if the table is full. */
extern int	http_flight_begin(Database *db, const Run *run, TimestampTz started_at);

/*
 * End one.  "over": so is the run; else a cancellation that has come too late
 * for this attempt is meant for what follows, and the scheduler is told.
 */
extern void http_flight_end(Database *db, int flight, bool over);
extern void http_flight_end_all(Database *db);

extern HttpFlight *http_flight_at(int flight);

/* Why it was cancelled; takes the lock. */
extern CancelReason http_flight_why(int flight);

/* The next flight of a database after "flight"; start with -1; -1: none. */
extern int	http_flight_next(Oid database, int flight);

/* The flight of a run of this database, or -1. */
extern int	http_flight_find(int64 run_id);

/*
 * Ask for a run, or all of a job, to be given up; those of a job at a time,
 * which may have come.  How many there are.  Lock held exclusively.
 */
extern bool http_flight_cancel(int64 run_id, CancelReason why);
extern int	http_flight_cancel_job(int64 job_id, TimestampTz at, CancelReason why);

/* Give up those whose time has come.  The next time, or DT_NOEND. */
extern TimestampTz http_flight_cancel_due(Database *db, TimestampTz now);

#endif							/* PG_SCHEDULER_HTTP_FLIGHT_H */

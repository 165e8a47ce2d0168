/*-------------------------------------------------------------------------
 *
 * flight_recorder.h
 *	  Which runs were being executed when the server crashed.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_FLIGHT_RECORDER_H
#define PG_SCHEDULER_FLIGHT_RECORDER_H

/* In the postmaster, each time that shared memory is made. */
extern void flight_recorder_startup(void);

/* In a worker.  "slot" is its number.  Neither can fail. */
extern void flight_recorder_begin(int slot, int64 run_id, int attempt);
extern void flight_recorder_end(int slot);

/*
 * In a scheduler: the runs of this database that were in flight when this
 * server crashed last; the answer is given once.  *run_ids is palloc'd.
 */
extern int	flight_recorder_take(int64 **run_ids);

#endif							/* PG_SCHEDULER_FLIGHT_RECORDER_H */

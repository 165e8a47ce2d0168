/*-------------------------------------------------------------------------
 *
 * run_timeout.h
 *	  The timeouts of the run in hand: a soft one, which the job may catch and end
 *	  in good order, and a hard one.  Both cancel the run's statement.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RUN_TIMEOUT_H
#define PG_SCHEDULER_RUN_TIMEOUT_H

typedef enum RunTimeout
{
	RUN_TIMEOUT_NONE,
	RUN_TIMEOUT_SOFT,
	RUN_TIMEOUT_HARD			/* also if the soft one came before it */
} RunTimeout;

/* Once in the life of a worker. */
extern void run_timeout_init(void);

/* Begin to count, from now, in microseconds; 0: there is none. */
extern void run_timeout_start(int64 soft, int64 hard);

/* They come no more.  Raises the cancellation that has come last, if any. */
extern void run_timeout_stop(void);

/* Before the next run: none has expired. */
extern void run_timeout_clear(void);

/* Which one has expired? */
extern RunTimeout run_timeout_expired(void);

/* What a record says of that, palloc'd. */
extern char *run_timeout_message(RunTimeout which, int64 length);

#endif							/* PG_SCHEDULER_RUN_TIMEOUT_H */

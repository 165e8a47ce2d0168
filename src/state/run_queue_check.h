/*-------------------------------------------------------------------------
 *
 * run_queue_check.h
 *	  Do the invariants of the run queue hold?
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RUN_QUEUE_CHECK_H
#define PG_SCHEDULER_RUN_QUEUE_CHECK_H

/*
 * Count everything anew, between two calls of the run queue.  In a server that
 * checks assertions; the more runs there are, the less often.
 */
#ifdef USE_ASSERT_CHECKING
extern void run_queue_check(void);
#else
#define run_queue_check()	((void) 0)
#endif

#endif							/* PG_SCHEDULER_RUN_QUEUE_CHECK_H */

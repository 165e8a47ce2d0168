/*-------------------------------------------------------------------------
 *
 * shim.h
 *	  What the schedule code needs of the server, for programs without one.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_TEST_SHIM_H
#define PG_SCHEDULER_TEST_SHIM_H

/* No program of the tests may hold more memory at once. */
#define SHIM_MAX_MEMORY		(256 * 1024)

/* Free everything that palloc() gave and that is not freed. */
extern void shim_free_all(void);

#endif							/* PG_SCHEDULER_TEST_SHIM_H */

/*-------------------------------------------------------------------------
 *
 * memory.h
 *	  Memory contexts, for programs without a server.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_TEST_MEMORY_H
#define PG_SCHEDULER_TEST_MEMORY_H

/* What may be allocated at once; more ends the program.  As much as there is. */
extern size_t memory_limit;

/* Bytes that were allocated and not freed. */
extern size_t memory_used(void);

/* Free whatever is allocated, in whatever context. */
extern void memory_free_all(void);

#endif							/* PG_SCHEDULER_TEST_MEMORY_H */

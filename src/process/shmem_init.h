/*-------------------------------------------------------------------------
 *
 * shmem_init.h
 *	  Ask for shared memory, and lay it out.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SHMEM_INIT_H
#define PG_SCHEDULER_SHMEM_INIT_H

/* from _PG_init, while shared libraries are preloaded */
extern void shmem_init(void);

#endif							/* PG_SCHEDULER_SHMEM_INIT_H */

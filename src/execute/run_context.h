/*-------------------------------------------------------------------------
 *
 * run_context.h
 *	  The settings by which a job's SQL learns about its own run.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RUN_CONTEXT_H
#define PG_SCHEDULER_RUN_CONTEXT_H

/* from _PG_init */
extern void run_context_define_settings(void);

#endif							/* PG_SCHEDULER_RUN_CONTEXT_H */

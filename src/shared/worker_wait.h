/*-------------------------------------------------------------------------
 *
 * worker_wait.h
 *	  What workers wait for.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_WORKER_WAIT_H
#define PG_SCHEDULER_WORKER_WAIT_H

/* What a process waits for, as pg_stat_activity has it; 0: for nothing.  No lock held. */
extern uint32 worker_wait_event(int pid);

/*
 * How many workers and HTTP workers of this database wait for a synchronous
 * standby, if there are fewer of those than synchronous_standby_names asks for;
 * else 0.  What they wait with is committed here: only the word of that is late.
 */
extern int	worker_wait_standby(void);

/* What most of the busy workers wait for, "IPC: SyncRep" say; NULL: for nothing. */
extern char *worker_wait_common(int *n);

#endif							/* PG_SCHEDULER_WORKER_WAIT_H */

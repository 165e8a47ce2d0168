/*-------------------------------------------------------------------------
 *
 * connection_count.h
 *	  How many connections of clients the server has, and may have.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_CONNECTION_COUNT_H
#define PG_SCHEDULER_CONNECTION_COUNT_H

typedef struct ConnectionCount
{
	int			used;			/* of max */
	int			max;			/* max_connections */
	int			reserved;		/* of max: not for everybody */
} ConnectionCount;

/* As of now, without a lock: off by what comes and goes meanwhile. */
extern void connection_count(ConnectionCount *count);

#endif							/* PG_SCHEDULER_CONNECTION_COUNT_H */

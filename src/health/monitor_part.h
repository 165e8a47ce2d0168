/*-------------------------------------------------------------------------
 *
 * monitor_part.h
 *	  One part of a judgement, which keeps no other from being done.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_MONITOR_PART_H
#define PG_SCHEDULER_MONITOR_PART_H

#include "datatype/timestamp.h"

typedef struct MonitorPart
{
	const char *what;			/* "judging queues", for instance */
	void		(*judge) (TimestampTz now);
	TimestampTz not_before;		/* after an error */
	bool		known;			/* whether its alert is open */
	bool		raised;
} MonitorPart;

/*
 * Do it, in a transaction of the caller's.  An error is logged, and undoes this
 * part alone; an alert says so until it succeeds, and it is tried again after
 * 10 s.  False: it has failed.
 */
extern bool monitor_part(MonitorPart *part, TimestampTz now);

#endif							/* PG_SCHEDULER_MONITOR_PART_H */

/*-------------------------------------------------------------------------
 *
 * job_row.h
 *	  A row of scheduler.job in the making.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_JOB_ROW_H
#define PG_SCHEDULER_JOB_ROW_H

#include "table/store.h"

/* A row of scheduler.job in the making; column c is at [c - 1] */
typedef struct JobDefinition
{
	Datum		values[JOB_COLUMNS];
	bool		nulls[JOB_COLUMNS];
	bool		schedule_given; /* and not taken over from what was stored */
	bool		follows;		/* it runs after others, and needs no schedule */
	bool		had_leaders;	/* what it replaces did so */
} JobDefinition;

#endif							/* PG_SCHEDULER_JOB_ROW_H */

/*-------------------------------------------------------------------------
 *
 * catalog_recovery.h
 *	  The SQL behind circuit breakers; one function a statement.
 *
 * What catalog.h says of its functions holds for these.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_CATALOG_RECOVERY_H
#define PG_SCHEDULER_CATALOG_RECOVERY_H

#include "datatype/timestamp.h"

/* Is there any job that has a policy? */
extern bool catalog_has_recovery(void);

/* closed -> open: jobs that failed too often are paused. */
extern int64 catalog_open_circuits(TimestampTz now);

/* open -> probing: the jobs whose delay is over, which are to run once. */
extern int	catalog_find_probes(TimestampTz now, int64 **job_ids);

/* probing -> open or given_up: the probe did not succeed. */
extern int64 catalog_fail_probes(TimestampTz now);

/* any -> closed: the probe succeeded, or somebody has resumed the job. */
extern int64 catalog_close_circuits(TimestampTz now);

/* When the next delay is over, or DT_NOEND. */
extern TimestampTz catalog_next_probe(void);

extern void catalog_upsert_recovery(int64 job_id, int error_threshold,
									const Interval *restart_delay, int max_restarts);
extern bool catalog_delete_recovery(int64 job_id);

/* A probe now, for one job.  False: its circuit is closed. */
extern bool catalog_hasten_probe(int64 job_id, TimestampTz now);

#endif							/* PG_SCHEDULER_CATALOG_RECOVERY_H */

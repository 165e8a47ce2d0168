/*-------------------------------------------------------------------------
 *
 * role_limit_api.h
 *	  Limits of roles: what they may define and run.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_ROLE_LIMIT_API_H
#define PG_SCHEDULER_ROLE_LIMIT_API_H

/* After a job was stored for a role, or before it gets a run: an error (53400). */
extern void role_limit_check_jobs(Oid role);
extern void role_limit_check_runs(Oid role);

#endif							/* PG_SCHEDULER_ROLE_LIMIT_API_H */

/*-------------------------------------------------------------------------
 *
 * role_limit.h
 *	  How many workers a role may have, and how many runs.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_ROLE_LIMIT_H
#define PG_SCHEDULER_ROLE_LIMIT_H

#include "datatype/timestamp.h"

/* Read the limits of roles.  In a transaction. */
extern void role_limit_load(void);

/* The workers that a role may have; where a limit is -1, all but one. */
extern int	role_limit_workers(Oid role);
extern int	role_limit_all_but_one(void);

/* Why an occurrence has no run, if it has */
#define ROLE_LIMIT_REFUSAL \
	"the role has as many runs as it may have: see scheduler.role_limits"

/*
 * Has the role as many runs as it may have?  Runs that are over count for a
 * tenth of a second more.  role_limit_add() counts one that is about to be added.
 */
extern bool role_limit_is_full(Oid role, TimestampTz now);
extern void role_limit_add(Oid role);

#endif							/* PG_SCHEDULER_ROLE_LIMIT_H */

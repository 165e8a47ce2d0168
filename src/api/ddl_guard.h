/*-------------------------------------------------------------------------
 *
 * ddl_guard.h
 *	  Refuse DDL that would break the extension.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_DDL_GUARD_H
#define PG_SCHEDULER_DDL_GUARD_H

#include "nodes/nodes.h"

/* An error for a utility command on a part of the extension that would break it. */
extern void ddl_guard_check(Node *stmt);

#endif							/* PG_SCHEDULER_DDL_GUARD_H */

/*-------------------------------------------------------------------------
 *
 * edge_check.h
 *	  What jobs and queues wait for must not form a cycle: the last look.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_EDGE_CHECK_H
#define PG_SCHEDULER_EDGE_CHECK_H

#include "table/query_dependency.h"

/* Raise an error if what is given is part of a cycle; of no such thing it is not. */
typedef void (*EdgeCheck) (const DependencyVertex *end);

/* Have this looked at when the transaction commits, too. */
extern void edge_check_at_commit(EdgeCheck check, const DependencyVertex *end);

#endif							/* PG_SCHEDULER_EDGE_CHECK_H */

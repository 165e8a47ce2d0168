/*-------------------------------------------------------------------------
 *
 * connection_count.c
 *	  How many connections of clients the server has, and may have.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"

#include "base/compat.h"
#include "shared/connection_count.h"

void
connection_count(ConnectionCount *count)
{
	count->used = 0;
	count->max = MaxConnections;
	count->reserved = COMPAT_RESERVED_CONNECTIONS;
	/* the entries that are kept for clients come first; a pid outlives its process */
	for (int i = 0; i < MaxConnections; i++)
		count->used += ProcGlobal->allProcs[i].procLatch.owner_pid != 0;
}

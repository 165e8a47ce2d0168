/*-------------------------------------------------------------------------
 *
 * hook_event.h
 *	  The event that is told to a hook in the transaction in which it happens.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HOOK_EVENT_H
#define PG_SCHEDULER_HOOK_EVENT_H

#include "table/store.h"

/*
 * An attempt has ended on record, in the current transaction: have the hook of
 * its job clean up, if it did not succeed.
 */
extern void hook_event_cleanup(const Job *job, const RunRecord *record);

#endif							/* PG_SCHEDULER_HOOK_EVENT_H */

/*-------------------------------------------------------------------------
 *
 * alert_handler.h
 *	  Tell those who want to know of an alert that was opened.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_ALERT_HANDLER_H
#define PG_SCHEDULER_ALERT_HANDLER_H

/*
 * Call the handlers for alerts that the current transaction has opened: one
 * run of a handler's job for all of them, one notification for each.
 */
extern void alert_handler_call(const int64 *alert_ids, int n);

#endif							/* PG_SCHEDULER_ALERT_HANDLER_H */

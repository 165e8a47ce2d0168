/*-------------------------------------------------------------------------
 *
 * alert_handler.h
 *	  Tell those who want to know of an alert that was opened, or is over.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_ALERT_HANDLER_H
#define PG_SCHEDULER_ALERT_HANDLER_H

typedef enum AlertEvent
{
	ALERT_RAISED,
	ALERT_RESOLVED				/* for good: it will not be opened again */
} AlertEvent;

/*
 * An alert that resolved itself less than so many microseconds ago is opened
 * again, and nobody is told anew: what comes and goes makes one alert.  Nobody
 * has been told of its end either.
 */
extern int64 alert_handler_window(void);

/*
 * Call the handlers for alerts that the current transaction has opened, or
 * whose end it is the time to tell of: one run of a handler's job for all of
 * them, one notification for each.
 */
extern bool alert_handler_call(const int64 *alert_ids, int n, AlertEvent event);

#endif							/* PG_SCHEDULER_ALERT_HANDLER_H */

/*-------------------------------------------------------------------------
 *
 * limits.h
 *	  Limits that are no settings.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_LIMITS_H
#define PG_SCHEDULER_LIMITS_H

/* All databases together have at most this many HTTP runs in hand. */
#define HTTP_FLIGHTS		16384

#endif							/* PG_SCHEDULER_LIMITS_H */

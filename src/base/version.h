/*-------------------------------------------------------------------------
 *
 * version.h
 *	  The version of the extension that this library belongs to.
 *
 * It is default_version of pg_scheduler.control.  The first two numbers say
 * what the tables look like; a third one, of a correction, changes no table
 * and no function that is written in C.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_VERSION_H
#define PG_SCHEDULER_VERSION_H

#define PG_SCHEDULER_VERSION	"1.0"

#endif							/* PG_SCHEDULER_VERSION_H */

/*-------------------------------------------------------------------------
 *
 * zone.h
 *	  Time zones: the mapping between local time and UTC.
 *
 * UTC and local times are seconds since 1970-01-01 00:00, a local time
 * counted as if its zone's clock had always run like UTC.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_ZONE_H
#define PG_SCHEDULER_ZONE_H

#include "pgtime.h"

typedef struct pg_tz Zone;

/* Longest name zone_name() can give, with its terminating zero. */
#define ZONE_NAME_SIZE		(TZ_STRLEN_MAX + 1)

/*
 * No clock is changed by more than this, nor is any offset larger: how far
 * before an instant its surroundings have to be looked at.
 */
#define ZONE_REACH			((int64) 2 * 86400)

/* A stretch of time in which the offset does not change. */
typedef struct ZoneSpan
{
	int64		start;			/* the change of offset that opened it */
	int64		end;			/* first second after it, or PG_INT64_MAX */
	int64		offset;			/* local time minus UTC */
	int64		offset_before;	/* the offset up to start */
} ZoneSpan;

/*
 * Find a zone by its name, in any case, or by an offset such as "+02:00".
 * Returns NULL when there is none.  A zone is never freed.
 */
extern Zone *zone_find(const char *name);

/* The name by which zone_find() finds the zone again. */
extern const char *zone_name(Zone *zone, char buffer[ZONE_NAME_SIZE]);

/*
 * The stretch around "utc".  When no change of offset lies within ZONE_REACH
 * before it, start is just some instant that far back, and offset_before
 * equals offset.
 */
extern void zone_span(const Zone *zone, int64 utc, ZoneSpan *span);

extern int64 zone_to_local(const Zone *zone, int64 utc);

/*
 * The instant of a local time.  A time that the clock skips is taken as late
 * as it would have been without the change, so it is shifted by the length
 * of the gap; of a time that the clock shows twice, the first is taken.
 */
extern int64 zone_to_utc(const Zone *zone, int64 local);

#endif							/* PG_SCHEDULER_ZONE_H */

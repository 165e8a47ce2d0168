/*-------------------------------------------------------------------------
 *
 * zone.c
 *	  Time zones: the mapping between local time and UTC.
 *
 * This is the only file of the schedule code that uses the server's
 * time-zone database, and the only function it needs to understand a zone is
 * pg_next_dst_boundary(): the rest follows from the changes of the offset.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/zone.h"

/* Offsets are limited as the server limits them. */
#define MAX_OFFSET_HOURS	15

/* The offsets in use are multiples of this; others would be zones for ever. */
#define OFFSET_STEP_MINUTES	15

/*
 * Read an offset such as "+2", "-0330", "+05:45" or "Z", in seconds east.
 */
static bool
parse_offset(const char *name, long *offset)
{
	const char *p = name + 1;
	int			digits = 0;
	int			number = 0;
	int			hours;
	int			minutes;

	if (pg_strcasecmp(name, "z") == 0)
	{
		*offset = 0;
		return true;
	}
	if (*name != '+' && *name != '-')
		return false;

	for (; *p >= '0' && *p <= '9' && digits < 5; p++, digits++)
		number = number * 10 + (*p - '0');
	if (*p == ':')
	{
		if (digits < 1 || digits > 2 ||
			p[1] < '0' || p[1] > '9' || p[2] < '0' || p[2] > '9' || p[3] != '\0')
			return false;
		hours = number;
		minutes = (p[1] - '0') * 10 + (p[2] - '0');
	}
	else if (*p != '\0')
		return false;
	else if (digits == 1 || digits == 2)
	{
		hours = number;
		minutes = 0;
	}
	else if (digits == 4)
	{
		hours = number / 100;
		minutes = number % 100;
	}
	else
		return false;

	if (hours > MAX_OFFSET_HOURS || minutes > 59 ||
		minutes % OFFSET_STEP_MINUTES != 0)
		return false;
	*offset = hours * 3600 + minutes * 60;
	if (*name == '-')
		*offset = -*offset;
	return true;
}

/*
 * Did the server read a name that is not in its database as a POSIX
 * specification, such as "FOO5BAR"?
 *
 * Specifications are refused: most are misspelt names or offsets, such as
 * "Europe/Berlin2" or "+25"; and the server keeps what it has read once, so
 * there must not be an endless number of zones.  The server puts them in
 * upper case, while it spells the zones of its database as they are spelt
 * there.
 */
static bool
is_specification(const char *name)
{
	static const char *const zones[] = {
		"EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT", "GMT0", "GMT+0", "GMT-0"
	};

	if (strpbrk(name, "0123456789") == NULL ||
		strpbrk(name, "abcdefghijklmnopqrstuvwxyz") != NULL)
		return false;
	for (int i = 0; i < lengthof(zones); i++)
	{
		if (strcmp(name, zones[i]) == 0)
			return false;
	}
	return true;
}

Zone *
zone_find(const char *name)
{
	Zone	   *zone;
	long		offset;

	if (name[0] == '\0' || strlen(name) > TZ_STRLEN_MAX)
		return NULL;

	/* The server counts the offsets of unnamed zones as POSIX does. */
	if (parse_offset(name, &offset))
		return offset == 0 ? pg_tzset("UTC") : pg_tzset_offset(-offset);

	zone = pg_tzset(name);
	if (zone == NULL || !pg_tz_acceptable(zone) ||
		is_specification(pg_get_timezone_name(zone)))
		return NULL;
	return zone;
}

const char *
zone_name(Zone *zone, char buffer[ZONE_NAME_SIZE])
{
	const char *name = pg_get_timezone_name(zone);
	long		offset;

	/* The server's spelling of an unnamed zone, "<+02>-02", is for machines. */
	if (name[0] == '<' && pg_get_timezone_offset(zone, &offset))
		snprintf(buffer, ZONE_NAME_SIZE, "%c%02ld:%02ld",
				 offset < 0 ? '-' : '+',
				 labs(offset) / 3600, labs(offset) / 60 % 60);
	else
		strlcpy(buffer, name, ZONE_NAME_SIZE);
	return buffer;
}

/*
 * The first change of the zone after "utc", which may leave the offset as it
 * was.  Returns false when there is none; *before is always set.
 */
static bool
next_change(const Zone *zone, int64 utc,
			int64 *before, int64 *change, int64 *after)
{
	pg_time_t	time = utc;
	pg_time_t	boundary;
	long int	before_offset;
	long int	after_offset;
	int			before_isdst;
	int			after_isdst;
	int			result;

	result = pg_next_dst_boundary(&time, &before_offset, &before_isdst,
								  &boundary, &after_offset, &after_isdst,
								  zone);
	if (result < 0)
	{
		/* cannot happen with an acceptable zone */
		*before = 0;
		return false;
	}
	*before = before_offset;
	if (result == 0)
		return false;
	*change = boundary;
	*after = after_offset;
	return true;
}

void
zone_span(const Zone *zone, int64 utc, ZoneSpan *span)
{
	int64		from = utc - ZONE_REACH;
	int64		before;
	int64		change;
	int64		after;

	span->start = from;
	span->end = PG_INT64_MAX;
	if (!next_change(zone, from, &before, &change, &after))
	{
		span->offset = span->offset_before = before;
		return;
	}
	span->offset = span->offset_before = before;
	while (change <= utc)
	{
		if (after != before)
		{
			span->start = change;
			span->offset_before = before;
			span->offset = after;
		}
		if (!next_change(zone, change, &before, &change, &after))
			return;
	}
	span->end = change;
}

int64
zone_to_local(const Zone *zone, int64 utc)
{
	int64		offset;
	int64		change;
	int64		after;

	(void) next_change(zone, utc, &offset, &change, &after);
	return utc + offset;
}

int64
zone_to_utc(const Zone *zone, int64 local)
{
	int64		from = local - ZONE_REACH;
	int64		before;
	int64		change;
	int64		after;

	/*
	 * A local time belongs to the first stretch that ends later than it.
	 * What a gap swallows belongs to the stretch before the gap, which is
	 * what shifts it.
	 */
	while (next_change(zone, from, &before, &change, &after) &&
		   local - Max(before, after) >= change)
		from = change;
	return local - before;
}

/*-------------------------------------------------------------------------
 *
 * zones.c
 *	  Time zones, for programs without a server.
 *
 * They are read from the system's compiled zone files; unlike the server's they
 * know no change of the clock behind the last one that is listed, in 2037.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "pgtime.h"

#define ZONE_DIRECTORY	"/usr/share/zoneinfo/"
#define MAX_ZONES		64

struct pg_tz
{
	char		name[TZ_STRLEN_MAX + 1];
	long		first_offset;	/* up to the first change */
	int			num_changes;
	int64	   *changes;
	long	   *offsets;		/* from each change on */
};

static pg_tz zones[MAX_ZONES];
static int	num_zones;

/* The zones that can be named: a fuzzer must not name files. */
static const char *const known_zones[] = {
	"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
	"Pacific/Apia", "Africa/Casablanca", "America/Havana", "Asia/Beirut",
	"America/Asuncion", "Asia/Kathmandu", "Europe/Dublin",
	"America/Sao_Paulo"
};

static int64
big_endian(const unsigned char *p, int bytes)
{
	int64		value = (signed char) p[0];

	for (int i = 1; i < bytes; i++)
		value = value * 256 + p[i];
	return value;
}

/* Read the 64-bit part of a compiled zone file, which is trusted. */
static bool
read_zone_file(pg_tz *zone, const char *name)
{
	static unsigned char data[65536];
	char		path[TZ_STRLEN_MAX + 64];
	FILE	   *file;
	unsigned char *p = data;
	unsigned char *types;
	unsigned char *infos;
	int64		counts[6];
	size_t		size;

	snprintf(path, sizeof(path), "%s%s", ZONE_DIRECTORY, name);
	file = fopen(path, "rb");
	if (file == NULL)
		return false;
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	if (size < 44 || memcmp(data, "TZif", 4) != 0)
		return false;

	for (int part = 0; part < 2; part++)
	{
		for (int i = 0; i < 6; i++)
			counts[i] = big_endian(p + 20 + 4 * i, 4);
		/* isutcnt isstdcnt leapcnt timecnt typecnt charcnt */
		if (part == 0)
			p += 44 + counts[3] * 5 + counts[4] * 6 + counts[5] +
				counts[2] * 8 + counts[1] + counts[0];
	}
	p += 44;
	types = p + counts[3] * 8;
	infos = types + counts[3];

	strlcpy(zone->name, name, sizeof(zone->name));
	zone->first_offset = big_endian(infos, 4);
	zone->num_changes = (int) counts[3];
	zone->changes = malloc((counts[3] + 1) * sizeof(int64));
	zone->offsets = malloc((counts[3] + 1) * sizeof(long));
	for (int i = 0; i < zone->num_changes; i++)
	{
		zone->changes[i] = big_endian(p + 8 * i, 8);
		zone->offsets[i] = big_endian(infos + 6 * types[i], 4);
	}
	return true;
}

static pg_tz *
find_or_add(const char *name, long offset, bool is_file)
{
	pg_tz	   *zone;

	for (int i = 0; i < num_zones; i++)
	{
		if (strcmp(zones[i].name, name) == 0)
			return &zones[i];
	}
	if (num_zones == MAX_ZONES)
		return NULL;
	zone = &zones[num_zones];
	if (is_file && !read_zone_file(zone, name))
		return NULL;
	if (!is_file)
	{
		strlcpy(zone->name, name, sizeof(zone->name));
		zone->first_offset = offset;
	}
	num_zones++;
	return zone;
}

pg_tz *
pg_tzset(const char *name)
{
	for (int i = 0; i < lengthof(known_zones); i++)
	{
		if (pg_strcasecmp(name, known_zones[i]) == 0)
			return find_or_add(known_zones[i], 0, true);
	}
	return NULL;
}

pg_tz *
pg_tzset_offset(long gmtoffset)
{
	char		name[64];

	/* like the server's, this counts west of Greenwich */
	snprintf(name, sizeof(name), "<%ld>", -gmtoffset);
	return find_or_add(name, -gmtoffset, false);
}

const char *
pg_get_timezone_name(pg_tz *tz)
{
	return tz->name;
}

bool
pg_tz_acceptable(pg_tz *tz)
{
	return true;
}

bool
pg_get_timezone_offset(const pg_tz *tz, long int *gmtoff)
{
	*gmtoff = tz->first_offset;
	return tz->num_changes == 0;
}

int
pg_next_dst_boundary(const pg_time_t *timep, long int *before_gmtoff,
					 int *before_isdst, pg_time_t *boundary,
					 long int *after_gmtoff, int *after_isdst,
					 const pg_tz *tz)
{
	int			low = 0;
	int			high = tz->num_changes;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (tz->changes[middle] > *timep)
			high = middle;
		else
			low = middle + 1;
	}
	*before_isdst = *after_isdst = 0;
	*before_gmtoff = low == 0 ? tz->first_offset : tz->offsets[low - 1];
	if (low == tz->num_changes)
		return 0;
	*boundary = tz->changes[low];
	*after_gmtoff = tz->offsets[low];
	return 1;
}

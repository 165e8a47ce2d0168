/*-------------------------------------------------------------------------
 *
 * reference.c
 *	  Compare next times with a reference that walks over local time.
 *
 *	  reference [number of schedules [seed]]
 *
 * The reference shares nothing with the code it judges.  Schedules are made
 * at random as lists of values, from which both their text and the sets the
 * reference uses are derived.  The offsets of a zone come from the C
 * library.  What clocks show is found out by walking: a minute whose local
 * time has been shown before is repeated, and when the clock jumps, the
 * local minutes it skips are dealt out to the minutes after the jump.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "stand_in/memory.h"
#include "rules/schedule.h"

/* The walked years, in minutes of UTC. */
#define FIRST_YEAR		2009
#define LAST_YEAR		2032
#define SAMPLE			15		/* offsets change at multiples of this */

#define EPOCH_SECONDS	INT64CONST(946684800)
#define NONE			PG_INT32_MAX
#define NEVER			PG_INT64_MAX

static const char *const zone_names[] = {
	"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
	"Pacific/Apia", "Africa/Casablanca", "America/Havana", "Asia/Beirut",
	"America/Asuncion", "Asia/Kathmandu", "Europe/Dublin",
	"America/Sao_Paulo"
};

/* What the clocks of the current zone show, by minutes from "first". */
static int64 first;
static int	num_minutes;
static int16 *offsets;			/* minutes east */
static bool *repeated;
static int *skipped;			/* local minute that moved here, from "first" */
static int	changes[1000];
static int	num_changes;

static uint64 random_state;

static uint32
random_below(uint32 n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32) ((random_state >> 16) % n);
}

static bool
chance(int percent)
{
	return random_below(100) < (uint32) percent;
}

static int64
year_start(int year)
{
	struct tm	tm = {0};

	tm.tm_year = year - 1900;
	tm.tm_mday = 1;
	return (int64) timegm(&tm) / 60;
}

static void
load_zone(const char *name)
{
	int			seen = -100000; /* the latest local minute shown */

	setenv("TZ", name, 1);
	tzset();
	first = year_start(FIRST_YEAR);
	num_minutes = (int) (year_start(LAST_YEAR + 1) - first);
	if (offsets == NULL)
	{
		offsets = malloc(num_minutes * sizeof(int16));
		repeated = malloc(num_minutes * sizeof(bool));
		skipped = malloc(num_minutes * sizeof(int));
	}
	num_changes = 0;
	for (int m = 0; m < num_minutes; m++)
	{
		if (m % SAMPLE == 0)
		{
			time_t		t = (time_t) (first + m) * 60;
			struct tm	tm;

			localtime_r(&t, &tm);
			offsets[m] = (int16) (tm.tm_gmtoff / 60);
		}
		else
			offsets[m] = offsets[m - 1];
		skipped[m] = NONE;
	}
	for (int m = 0; m < num_minutes; m++)
	{
		int			local = m + offsets[m];

		repeated[m] = local <= seen;
		if (m > 0 && local > seen + 1)
		{
			for (int k = 0; seen + 1 + k < local && m + k < num_minutes; k++)
				skipped[m + k] = seen + 1 + k;
		}
		if (m > 0 && offsets[m] != offsets[m - 1])
			changes[num_changes++] = m;
		seen = Max(seen, local);
	}
}

/* An item of a day field that depends on the month. */
typedef struct DayItem
{
	enum
	{
		LAST_DAY, LAST_WORKDAY, NTH_WORKDAY, NEAREST, LAST_WDAY, NTH_WDAY
	}			kind;
	int			a;
	int			b;
} DayItem;

typedef struct Field
{
	bool		values[256];	/* years from 1970 */
	DayItem		items[4];
	int			num_items;
	bool		star;
	bool		both;			/* an "&" before it */
} Field;

enum
{
	SECOND, MINUTE, HOUR, MDAY, MONTH, WDAY, YEAR, NUM_FIELDS
};

static const int field_min[] = {0, 0, 0, 1, 1, 0, 1970};
static const int field_max[] = {59, 59, 23, 31, 12, 7, 2200};

typedef struct Cron
{
	Field		fields[NUM_FIELDS];
	bool		any_year;
	bool		all_hours;
	char		text[SCHEDULE_MAX_LENGTH];

	/* the days looked at last, even and odd */
	int64		known_day[2];
	bool		known_matches[2];
} Cron;

static void
set_value(Field *field, int which, int value)
{
	if (which == WDAY)
		value %= 7;
	if (which == YEAR)
		value -= 1970;
	field->values[value] = true;
}

static void
append_value(char *text, int which, int value)
{
	static const char *const months[] = {"jan", "Feb", "MAR", "april", "may",
	"jun", "july", "aug", "sep", "oct", "november", "Dec"};
	static const char *const wdays[] = {"sun", "Mon", "TUE", "wednesday", "thu",
	"fri", "Saturday"};

	if (which == MONTH && chance(30))
		strcat(text, months[value - 1]);
	else if (which == WDAY && value < 7 && chance(30))
		strcat(text, wdays[value]);
	else
		sprintf(text + strlen(text), "%d", value);
}

static int
random_value(int which)
{
	if (which == YEAR)
		return FIRST_YEAR + random_below(LAST_YEAR - FIRST_YEAR + 1);
	return field_min[which] +
		random_below(field_max[which] - field_min[which] + 1);
}

static void
add_day_item(Field *field, int which, char *text)
{
	DayItem    *item = &field->items[field->num_items++];

	if (which == MDAY)
	{
		item->kind = LAST_DAY + random_below(4);
		item->a = item->kind == NEAREST ? 1 + random_below(31) :
			item->kind == NTH_WORKDAY ? 1 + random_below(23) :
			chance(50) ? 0 : 1 + random_below(item->kind == LAST_DAY ? 30 : 22);
		if (item->kind == LAST_WORKDAY && item->a == 0)
			strcat(text, "LW");
		else if (item->kind == LAST_WORKDAY)
			sprintf(text + strlen(text), "lw-%d", item->a);
		else if (item->kind == NTH_WORKDAY)
			sprintf(text + strlen(text), "W#%d", item->a);
		else if (item->kind == NEAREST)
			sprintf(text + strlen(text), "%dW", item->a);
		else if (item->a == 0)
			strcat(text, "l");
		else
			sprintf(text + strlen(text), "L-%d", item->a);
	}
	else
	{
		item->kind = LAST_WDAY + random_below(2);
		item->a = random_below(8);
		item->b = 1 + random_below(5);
		append_value(text, which, item->a);
		if (item->kind == LAST_WDAY && item->b == 1)
			strcat(text, "L");
		else if (item->kind == LAST_WDAY)
			sprintf(text + strlen(text), "L-%d", item->b - 1);
		else
			sprintf(text + strlen(text), "#%d", item->b);
		item->a %= 7;
	}
}

static void
add_item(Field *field, int which, char *text)
{
	int			size = which == WDAY ? 7 : field_max[which] - field_min[which] + 1;
	int			from;
	int			to;
	int			step = 1;

	if ((which == MDAY || which == WDAY) && field->num_items < 4 && chance(30))
	{
		add_day_item(field, which, text);
		return;
	}
	from = random_value(which);
	append_value(text, which, from);
	if (chance(50))
	{
		set_value(field, which, from);
		return;
	}
	to = random_value(which);
	if (which == YEAR && to < from)
		to = from;
	strcat(text, "-");
	append_value(text, which, to);
	if (chance(40))
	{
		step = 1 + random_below(5);
		if (chance(10))
			step = 1 + random_below(size);
		sprintf(text + strlen(text), "/%d", step);
	}
	/* count from the first value until the last one has been passed */
	if (which == WDAY && from == 7 && to != 7)
		from = 0;
	for (int value = from, left = step;; left++)
	{
		if (left == step)
		{
			set_value(field, which, value);
			left = 0;
		}
		if (value == to || (which == WDAY && value % 7 == to % 7 && to != 7))
			break;
		value++;
		if (value > field_max[which] || (which == WDAY && value == 7 && to != 7))
			value = field_min[which];
	}
}

static void
make_field(Field *field, int which, char *text)
{
	int			star_chance = which == SECOND ? 20 : which == HOUR ? 40 :
	which == MINUTE ? 30 : 55;

	if (which == WDAY && chance(20))
	{
		strcat(text, "&");
		field->both = true;
	}
	if ((which == MDAY || which == WDAY) && chance(10))
	{
		strcat(text, "?");
		field->star = true;
		memset(field->values, true, sizeof(field->values));
		return;
	}
	if (chance(star_chance))
	{
		int			size = which == WDAY ? 7 :
		field_max[which] - field_min[which] + 1;
		int			step = chance(50) ? 1 : 1 + random_below(size);

		strcat(text, "*");
		if (step > 1)
			sprintf(text + strlen(text), "/%d", step);
		field->star = true;
		for (int n = 0; n < size; n += step)
			set_value(field, which, field_min[which] + n);
		if (chance(80))
			return;
		strcat(text, ",");
	}
	for (int count = 1 + random_below(3); count > 0; count--)
	{
		add_item(field, which, text);
		if (count > 1)
			strcat(text, ",");
	}
}

static void
make_cron(Cron *cron)
{
	bool		seconds = chance(25);
	bool		years = seconds && chance(30);

	memset(cron, 0, sizeof(Cron));
	cron->any_year = !years;
	cron->all_hours = true;
	for (int which = seconds ? SECOND : MINUTE;
		 which < (years ? NUM_FIELDS : YEAR); which++)
	{
		strcat(cron->text, chance(95) ? " " : "  \t");
		make_field(&cron->fields[which], which, cron->text);
	}
	if (!seconds)
		cron->fields[SECOND].values[0] = true;
	for (int hour = 0; hour < 24; hour++)
		cron->all_hours &= cron->fields[HOUR].values[hour];
}

static bool
day_item_matches(const DayItem *item, int day, int wday, int length)
{
	int			first_wday = (wday - (day - 1) % 7 + 7) % 7;
	int			target;

	switch (item->kind)
	{
		case LAST_DAY:
			return day == length - item->a;
		case LAST_WDAY:
			return wday == item->a && (length - day) / 7 == item->b - 1;
		case NTH_WDAY:
			return wday == item->a && (day + 6) / 7 == item->b;
		case LAST_WORKDAY:
			if (wday == 0 || wday == 6)
				return false;
			target = 0;
			for (int d = day + 1; d <= length; d++)
				target += (wday + d - day) % 7 != 0 && (wday + d - day) % 7 != 6;
			return target == item->a;
		case NTH_WORKDAY:
			if (wday == 0 || wday == 6)
				return false;
			target = 0;
			for (int d = 1; d <= day; d++)
				target += (first_wday + d + 34) % 7 != 0 && (first_wday + d + 34) % 7 != 6;
			return target == item->a;
		case NEAREST:
			target = item->a;
			if (target > length)
				return false;
			for (int distance = 0; distance < 3; distance++)
			{
				for (int sign = -1; sign <= 1; sign += 2)
				{
					int			d = target + sign * distance;
					int			w = (first_wday + d + 34) % 7;

					if (d >= 1 && d <= length && w != 0 && w != 6)
						return d == day;
				}
			}
	}
	return false;
}

static bool
field_has_day(const Field *field, int value, int day, int wday, int length)
{
	if (field->values[value])
		return true;
	for (int i = 0; i < field->num_items; i++)
	{
		if (day_item_matches(&field->items[i], day, wday, length))
			return true;
	}
	return false;
}

/* Does a date match?  "days" is counted from 1970-01-01. */
static bool
day_matches(const Cron *cron, int64 days)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	time_t		t = (time_t) days * 86400;
	struct tm	tm;
	int			year;
	int			length;
	bool		mday;
	bool		wday;

	gmtime_r(&t, &tm);
	year = tm.tm_year + 1900;
	length = lengths[tm.tm_mon];
	if (tm.tm_mon == 1 &&
		((year % 4 == 0 && year % 100 != 0) || year % 400 == 0))
		length = 29;
	if (!cron->fields[MONTH].values[tm.tm_mon + 1])
		return false;
	if (!cron->any_year &&
		(year < 1970 || year > 2200 || !cron->fields[YEAR].values[year - 1970]))
		return false;

	mday = field_has_day(&cron->fields[MDAY], tm.tm_mday,
						 tm.tm_mday, tm.tm_wday, length);
	wday = field_has_day(&cron->fields[WDAY], tm.tm_wday,
						 tm.tm_mday, tm.tm_wday, length);
	if (cron->fields[MDAY].star || cron->fields[WDAY].star || cron->fields[WDAY].both)
		return mday && wday;
	return mday || wday;
}

/* Does a local minute, counted from "first", match but for its seconds? */
static bool
minute_matches(Cron *cron, int local)
{
	int64		minute = first + local;
	int			of_day = (int) (minute % 1440);
	int64		day = minute / 1440;
	int			slot = (int) (day & 1);

	if (!cron->fields[MINUTE].values[of_day % 60] ||
		!cron->fields[HOUR].values[of_day / 60])
		return false;
	if (cron->known_day[slot] != day)
	{
		cron->known_day[slot] = day;
		cron->known_matches[slot] = day_matches(cron, day);
	}
	return cron->known_matches[slot];
}

/* The reference: the first occurrence after "after", in seconds of UTC. */
static int64
walk(Cron *cron, int64 after, int limit)
{
	int			start = (int) ((after + 1) / 60 - first);

	for (int m = start; m < limit; m++)
	{
		bool		matches;

		matches = minute_matches(cron, m + offsets[m]) &&
			(cron->all_hours || !repeated[m]);
		if (!matches && !cron->all_hours && skipped[m] != NONE)
			matches = minute_matches(cron, skipped[m]);
		if (!matches)
			continue;
		for (int second = 0; second < 60; second++)
		{
			int64		utc = (first + m) * 60 + second;

			if (cron->fields[SECOND].values[second] && utc > after)
				return utc;
		}
	}
	return NEVER;
}

static int
random_start(void)
{
	int			m = random_below(num_minutes - 3000);

	if (num_changes > 0 && chance(60))
		m = changes[random_below(num_changes)] - 2880 + random_below(4320);
	return Max(Min(m, num_minutes - 3000), 3000);
}

static int	zones_passed = 0;

static _Noreturn void
stop(void)
{
	printf("%d passed, 1 failed\n", zones_passed);
	exit(1);
}

static void
fail(const char *zone, const char *text, int64 after, int64 expected,
	 int64 found)
{
	printf("zone %s, schedule \"%s\", after %lld: expected %lld, found %lld\n",
		   zone, text, (long long) after, (long long) expected,
		   (long long) found);
	stop();
}

/* Is a schedule that was refused one that never fires? */
static void
check_refused(const Cron *cron, const char *zone, const ScheduleError *error)
{
	if (strstr(error->detail, "never") == NULL)
	{
		printf("schedule \"%s\" refused: %s\n", cron->text, error->detail);
		stop();
	}
	/* from 1970 on, a whole cycle of the calendar */
	for (int64 day = 0; day < 146097; day++)
	{
		if (day_matches(cron, day))
			fail(zone, cron->text, 0, day * 86400, NEVER);
	}
}

static int64 occurrences;
static int64 refused;

static void
check_cron(const char *zone)
{
	Cron		cron;
	ScheduleError error;
	Schedule   *schedule;
	TimestampTz after;
	int			m;
	int			limit;

	make_cron(&cron);
	schedule = schedule_parse(cron.text, zone, 0, &error);
	if (schedule == NULL)
	{
		check_refused(&cron, zone, &error);
		refused++;
		memory_free_all();
		return;
	}
	m = random_start();
	limit = m + 1440 * (chance(10) ? 1500 : 70);
	limit = Min(limit, num_minutes);
	after = ((first + m) * 60 + random_below(60) - EPOCH_SECONDS) *
		USECS_PER_SEC + (chance(50) ? random_below(1000000) : 0);

	for (int i = 0; i < 4; i++)
	{
		int64		seconds = after / USECS_PER_SEC + EPOCH_SECONDS;
		int64		expected = walk(&cron, seconds, limit);
		TimestampTz next;
		int64		found = NEVER;

		if (schedule_next(schedule, &(ScheduleBase) {0}, after, &next))
		{
			found = next / USECS_PER_SEC + EPOCH_SECONDS;
			if (next % USECS_PER_SEC != 0 || next <= after)
				fail(zone, cron.text, seconds, expected, found);
		}
		if (expected == NEVER)
		{
			if (found < (first + limit) * 60)
				fail(zone, cron.text, seconds, expected, found);
			break;
		}
		if (found != expected)
			fail(zone, cron.text, seconds, expected, found);
		occurrences++;
		after = next;
	}
	memory_free_all();
}

/* The first minute whose clock shows a local minute, or would but for a gap. */
static int
find_local(int64 local)
{
	int			around = (int) (local - first);

	for (int m = Max(around - 1600, 0);
		 m < Min(around + 1600, num_minutes); m++)
	{
		if (m + offsets[m] == around || skipped[m] == around)
			return m;
	}
	return NONE;
}

/* One multiple of a period, by the calendar of the C library. */
static int64
walk_period(int months, int days, int64 seconds, int64 anchor, int64 n)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int			start = (int) (anchor / 60 - first);
	time_t		t = (time_t) (anchor + offsets[start] * 60);
	struct tm	tm;
	int			length;
	int			m;

	gmtime_r(&t, &tm);
	for (int64 i = 0; i < n * months; i++)
	{
		if (++tm.tm_mon == 12)
		{
			tm.tm_mon = 0;
			tm.tm_year++;
		}
	}
	length = lengths[tm.tm_mon];
	if (tm.tm_mon == 1 && tm.tm_year % 4 == 0)
		length = 29;
	tm.tm_mday = Min(tm.tm_mday, length);
	tm.tm_mday += (int) (n * days);
	t = timegm(&tm);
	if (t / 60 - first > num_minutes - 3000)
		return NEVER;
	m = find_local(t / 60);
	if (m == NONE)
		return NEVER;
	return (first + m) * 60 + t % 60 + n * seconds;
}

static void
check_period(const char *zone)
{
	int			months = chance(40) ? random_below(15) : 0;
	int			days = chance(60) ? random_below(40) : 0;
	int64		seconds = chance(40) ? random_below(200000) : 0;
	char		text[200];
	ScheduleError error;
	Schedule   *schedule;
	int64		anchor;
	TimestampTz after;

	if (months == 0 && days == 0)
		days = 1;
	anchor = (first + random_start()) * 60 + random_below(60);
	after = (anchor + random_below(3 * 365 * 86400) - EPOCH_SECONDS) *
		USECS_PER_SEC + random_below(1000000);
	sprintf(text, "%d months %d days %lld s", months, days, (long long) seconds);
	schedule = schedule_parse(text, zone, 0, &error);
	if (schedule == NULL)
		fail(zone, text, 0, 0, 0);

	for (int64 n = 1; n < 5000; n++)
	{
		int64		expected = walk_period(months, days, seconds, anchor, n);
		TimestampTz next;

		if (expected == NEVER)
			break;
		if ((expected - EPOCH_SECONDS) * USECS_PER_SEC <= after)
			continue;
		if (!schedule_next(schedule,
						   &(ScheduleBase) {(anchor - EPOCH_SECONDS) * USECS_PER_SEC},
						   after, &next))
			fail(zone, text, after, expected, NEVER);
		if (next != (expected - EPOCH_SECONDS) * USECS_PER_SEC)
			fail(zone, text, after, expected,
				 next / USECS_PER_SEC + EPOCH_SECONDS);
		occurrences++;
		break;
	}
	memory_free_all();
}

int
main(int argc, char **argv)
{
	int			count = argc > 1 ? atoi(argv[1]) : 120000;
	int			seed = argc > 2 ? atoi(argv[2]) : 1;

	random_state = (uint64) seed * UINT64CONST(0x9E3779B97F4A7C15) + 1;
	printf("%d random schedules, seed %d\n", count, seed);
	for (int z = 0; z < (int) lengthof(zone_names); z++)
	{
		int			share = count / lengthof(zone_names) + 1;

		load_zone(zone_names[z]);
		for (int i = 0; i < share; i++)
			check_cron(zone_names[z]);
		for (int i = 0; i < share / 10; i++)
			check_period(zone_names[z]);
		zones_passed++;
	}
	printf("%lld occurrences agree, %lld schedules that never fire refused\n",
		   (long long) occurrences, (long long) refused);
	printf("%d passed, 0 failed\n", zones_passed);
	return 0;
}

/*-------------------------------------------------------------------------
 *
 * schedule_fuzzer.c
 *	  libFuzzer target: the whole of schedule.h on arbitrary texts.
 *
 * The input is the text.  What else is needed (hash, anchor, start time, the
 * zone that holds where the text names none) is derived from it, so that a
 * corpus can be read.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/schedule.h"
#include "stand_in/memory.h"
#include "fuzz.h"

static const char *const zones[] = {
	"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
	"Pacific/Apia", "Africa/Casablanca", "+05:45", "America/Havana"
};

static uint64
mix(const char *text)
{
	uint64		h = 1469598103934665603U;

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char) *text) * 1099511628211U;
	h ^= h >> 29;
	return h * 0x9E3779B97F4A7C15U;
}

static void
check_error(const char *text, const ScheduleError *error)
{
	CHECK(error->detail != NULL);
	CHECK(error->position >= 0);
	CHECK((size_t) error->position <= strlen(text) + 1);
	CHECK(strlen(error->detail) < 256);
	for (const char *p = error->detail; *p != '\0'; p++)
		CHECK(*p >= ' ' && *p < 0x7F);
}

/* Both schedules must find the same times, and these must be minimal. */
static void
check_times(const char *text, const Schedule *schedule, const Schedule *same,
			TimestampTz anchor, TimestampTz after)
{
	ScheduleBase base = {.anchor = anchor};

	for (int i = 0; i < 3; i++)
	{
		TimestampTz next = 0;
		TimestampTz other = 0;
		bool		found = schedule_next(schedule, &base, after, &next);

		CHECK(found == schedule_next(same, &base, after, &other));
		if (!found)
			break;
		CHECK(next == other);
		CHECK(next > after);
		if (!schedule_is(schedule, SCHEDULE_FROM_END))
		{
			/* "after" may be the smallest integer */
			TimestampTz middle = next / 2 + after / 2;

			middle = Min(Max(middle, after), next - 1);
			CHECK(schedule_next(schedule, &base, middle, &other));
			CHECK(next == other);
			CHECK(schedule_next(schedule, &base, next - 1, &other));
			CHECK(next == other);
		}
		after = next;
	}
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	char	   *text = malloc(size + 1);
	uint64		h;
	ScheduleError error;
	Schedule   *schedule;

	memory_limit = FUZZ_MEMORY;
	memcpy(text, data, size);
	text[size] = '\0';
	h = mix(text);

	schedule = schedule_parse(text, zones[h % lengthof(zones)], h, &error);
	if (schedule == NULL)
		check_error(text, &error);
	else
	{
		char	   *normal = schedule_normal_form(schedule);
		char	   *description = schedule_describe(schedule);
		Schedule   *same;
		TimestampTz after = (int64) (h % (UINT64CONST(60) * 365 * 86400 * 1000000)) -
		INT64CONST(25) * 365 * 86400 * 1000000;
		TimestampTz anchor = after -
			(int64) (h / 7 % (UINT64CONST(5) * 365 * 86400 * 1000000));

		same = schedule_parse(normal, zones[(h + 1) % lengthof(zones)], h + 1,
							  &error);
		CHECK(same != NULL);
		CHECK(strcmp(normal, schedule_normal_form(same)) == 0);
		if (!schedule_is(schedule, SCHEDULE_FIXED) && schedule_count(schedule) == 1)
			CHECK(strcmp(description, schedule_describe(same)) == 0);
		CHECK(strlen(description) > 0);
		check_times(text, schedule, same, anchor, after);
		if (h % 16 == 0)
		{
			check_times(text, schedule, same, anchor, PG_INT64_MIN);
			check_times(text, schedule, same, PG_INT64_MAX, (int64) h);
			check_times(text, schedule, same, PG_INT64_MIN, PG_INT64_MAX - 1);
		}
	}
	memory_free_all();
	free(text);
	return 0;
}

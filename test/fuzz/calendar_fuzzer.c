/*-------------------------------------------------------------------------
 *
 * calendar_fuzzer.c
 *	  libFuzzer target: windows of calendars, and the spelling of weekdays.
 *
 * The input is a text of lines.  The first has the zone's number, "i" for a
 * calendar that includes, and a number from which the instant is made.  Each
 * of the others is a window: first day, last day, from, to (numbers, * for no
 * limit), weekdays.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "rules/calendar_rules.h"
#include "stand_in/memory.h"
#include "fuzz.h"

#define MAX_WINDOWS		8
#define PROBES			50

static const char *const zones[] = {
	"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
	"Pacific/Apia", "Africa/Casablanca", "+05:45", "America/Havana"
};

/* A number in a range, or what stands for none. */
static int32
take_number(char **text, int32 low, int32 high, int32 none)
{
	char	   *word = strsep(text, " ");
	int64		number;

	if (word == NULL || word[0] == '*' || word[0] == '\0')
		return none;
	number = strtol(word, NULL, 10);
	return Min(Max(number, low), high);
}

static void
check_weekdays(const char *text, int *mask)
{
	char	   *normal;
	int			again;

	if (!calendar_parse_weekdays(text, mask))
	{
		*mask = CALENDAR_ALL_WEEKDAYS;
		return;
	}
	CHECK(*mask > 0 && *mask <= CALENDAR_ALL_WEEKDAYS);
	if (*mask == CALENDAR_ALL_WEEKDAYS)
		return;					/* is not spelled */
	normal = calendar_format_weekdays(*mask);
	CHECK(calendar_parse_weekdays(normal, &again) && again == *mask);
}

/* Days are those from 1990 to 2037, for which zones.c knows all zones. */
static void
read_window(char *line, CalendarWindow *window)
{
	window->first_day = take_number(&line, 7305, 24837, PG_INT32_MIN);
	window->last_day = take_number(&line, 7305, 24837, PG_INT32_MAX);
	window->from = take_number(&line, 0, SECS_PER_DAY - 1, 0);
	window->to = take_number(&line, 1, SECS_PER_DAY, SECS_PER_DAY);
	check_weekdays(line ? line : "*", &window->weekdays);
}

/* No instant before the one that was found is open, as far as we look. */
static void
check_next_open(const Calendar *calendar, TimestampTz at)
{
	TimestampTz next = calendar_next_open(calendar, at);
	TimestampTz end = next == DT_NOEND ? at + 400 * USECS_PER_DAY : next;

	CHECK(next >= at);
	if (next != DT_NOEND)
		CHECK(calendar_is_open(calendar, next));
	CHECK((next == at) == calendar_is_open(calendar, at));
	for (int i = 0; i < PROBES && at < end; i++)
		CHECK(!calendar_is_open(calendar, at + (end - at) / PROBES * i));
	if (next != DT_NOEND && next > at)
		CHECK(!calendar_is_open(calendar, next - 1));
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	char	   *text = malloc(size + 1);
	char	   *rest = text;
	char	   *line;
	Calendar   *calendar = malloc(offsetof(Calendar, windows) +
								  MAX_WINDOWS * sizeof(CalendarWindow));
	TimestampTz at;

	memory_limit = FUZZ_MEMORY;
	memcpy(text, data, size);
	text[size] = '\0';
	line = strsep(&rest, "\n");
	calendar->zone = zone_find(zones[take_number(&line, 0, lengthof(zones) - 1, 0)]);
	calendar->include = line != NULL && line[0] == 'i';
	if (line != NULL)
		(void) strsep(&line, " ");
	/* a second of the years 1995 to 2025, which the windows surround */
	at = (take_number(&line, 0, 946080000, 0) - INT64CONST(157766400)) * USECS_PER_SEC;
	calendar->nwindows = 0;
	while (calendar->nwindows < MAX_WINDOWS && (line = strsep(&rest, "\n")) != NULL)
		read_window(line, &calendar->windows[calendar->nwindows++]);

	check_next_open(calendar, at);
	check_next_open(calendar, at + 123456);
	memory_free_all();
	free(calendar);
	free(text);
	return 0;
}

/*-------------------------------------------------------------------------
 *
 * calendar_rules.h
 *	  Named calendars: when jobs may run, and when they may not.
 *
 * Pure like the schedule code: no clock, no catalogue, no setting.
 *
 * A window is a set of local times: a range of dates, of weekdays, and of
 * times of day, all of which must match.  An instant is in it when the clock
 * on the wall of the calendar's zone shows such a time.  So a window that
 * the clock skips does not exist on that day, and one that it shows twice is
 * there twice.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_CALENDAR_RULES_H
#define PG_SCHEDULER_CALENDAR_RULES_H

#include "datatype/timestamp.h"

#include "rules/zone.h"

#define CALENDAR_ALL_WEEKDAYS	0x7f

/* For every occurrence of a job each of them may be looked at. */
#define CALENDAR_MAX_WINDOWS	10000

typedef struct CalendarWindow
{
	int32		first_day;		/* days since 1970-01-01; PG_INT32_MIN: always */
	int32		last_day;		/* inclusive; PG_INT32_MAX: for ever */
	int32		from;			/* seconds since midnight, 0 to 86399 */
	int32		to;				/* exclusive, 1 to 86400; <= from: tomorrow */
	int			weekdays;		/* bit 0 is Sunday */
} CalendarWindow;

typedef struct Calendar
{
	Zone	   *zone;
	bool		include;		/* open inside of windows, else outside */
	int			nwindows;
	CalendarWindow windows[FLEXIBLE_ARRAY_MEMBER];
} Calendar;

/*
 * Is some of a day (since 1970-01-01) open, as far as one window can tell?  In
 * the mode exclude one that covers the whole day closes it; in the mode
 * include one that has any part of it opens it.
 */
extern bool calendar_has_day(const Calendar *calendar, int32 day);

extern bool calendar_is_open(const Calendar *calendar, TimestampTz at);

/*
 * The earliest open instant that is not earlier than "at": "at" itself when
 * it is open, else the end of the closed time.  DT_NOEND when there is none
 * within ten years, or so many windows on the way that it is not found.
 */
extern TimestampTz calendar_next_open(const Calendar *calendar, TimestampTz at);

/*
 * Read weekdays as cron spells them, such as "mon-fri" or "sat,sun", into a
 * mask.  False: it is no such text.
 */
extern bool calendar_parse_weekdays(const char *text, int *mask);

/* The shortest spelling of a mask; palloc'd. */
extern char *calendar_format_weekdays(int mask);

#endif							/* PG_SCHEDULER_CALENDAR_RULES_H */

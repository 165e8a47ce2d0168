/*-------------------------------------------------------------------------
 *
 * clock.c
 *	  The only clock.
 *
 * Everything that asks for the time asks here, so that a test can move it:
 * pg_scheduler.clock_offset is added to the clock of the machine.
 *
 * A latch wait has a resolution of a millisecond.  To wake at the due
 * microsecond, the alarm goes through the server's timeout module instead,
 * whose signal handler sets the process latch.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/resource.h>

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"

/* A clock that has jumped ahead is believed after: 1 day. */
#define DOUBT_TIME		USECS_PER_DAY

static TimestampTz doubted_from = DT_NOEND; /* before the jump; DT_NOEND: there was none */
static int64 doubted_at = 0;	/* monotonic */
static TimeoutId alarm_timeout = MAX_TIMEOUTS;

static int64
clock_offset(void)
{
	return (int64) pg_scheduler_clock_offset * USECS_PER_SEC;
}

TimestampTz
clock_now(void)
{
	return GetCurrentTimestamp() + clock_offset();
}

void
clock_doubt(TimestampTz before)
{
	doubted_from = before;
	doubted_at = clock_monotonic();
}

TimestampTz
clock_minutes_ago(int minutes)
{
	TimestampTz now = clock_now();
	int64		since = clock_monotonic() - doubted_at;

	if (doubted_from != DT_NOEND && since < DOUBT_TIME)
		now = Min(now, doubted_from + since);
	return now - (int64) minutes * USECS_PER_MINUTE;
}

int64
clock_monotonic(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

int64
clock_cpu_time(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * USECS_PER_SEC +
		usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* The signal handler of the timeout module has set the latch already. */
static void
alarm_handler(void)
{
}

void
clock_init(void)
{
	alarm_timeout = RegisterTimeout(USER_TIMEOUT, alarm_handler);
}

void
clock_set_alarm(TimestampTz when)
{
	disable_timeout(alarm_timeout, false);
	if (when == DT_NOEND)
		return;
	when -= clock_offset();
	if (when <= GetCurrentTimestamp())
		SetLatch(MyLatch);
	else
		enable_timeout_at(alarm_timeout, when);
}

/*-------------------------------------------------------------------------
 *
 * schedule.c
 *	  Time to parse a schedule and find its next time.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "stand_in/memory.h"
#include "rules/schedule.h"

#define ROUNDS		20000
#define REPEATS		5

static const char *const common[] = {
	"* * * * *", "*/5 * * * *", "0 * * * *", "30 2 * * *",
	"30 2 * * mon-fri", "*/10 * * * * *", "0 0 1 * *", "0 0 L * *",
	"0 8-18/2 * * 1-5", "H H * * *", "@daily", "CRON_TZ=America/New_York 30 2 * * *",
	"30 seconds", "every 1 day", "1 month", "@after 10 minutes",
	"@at 2026-12-24 18:00 Europe/Berlin"
};

/* Rare times, long lists, and the longest search that finds something. */
static const char *const worst[] = {
	"0 0 29 2 */7", "0 0 */31 2 fri#1", "0 0 29 2 fri#5", "0 0 31W 12 ?",
	"59 59 23 29 2 */7 2100/4", "0 0 0 31 12 ? 2200",
	"1 month 1 day 1 second", "1 ms",
	"1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31,33,35,37,39,41,43,45,47,49,51,53,55,57,59 "
	"0,2,4,6,8,10,12,14,16,18,20,22 1W,2W,3W,4W,5W,6W,7W,8W,9W,10W,11W,12W,13W,14W,15W,L,L-1,L-2,LW "
	"jan,feb,mar,apr,may,jun mon#1,tue#2,wed#3,thu#4,friL"
};

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* Nanoseconds for one parse and one next, the best of some repeats. */
static void
measure(const char *text)
{
	/* 2026-03-28 12:34:56.789, the anchor two years earlier */
	const TimestampTz after = INT64CONST(828016496789000);
	const TimestampTz anchor = after - INT64CONST(63072000) * USECS_PER_SEC;
	double		parse_best = 1e18;
	double		next_best = 1e18;

	for (int repeat = 0; repeat < REPEATS; repeat++)
	{
		ScheduleBase base = {.anchor = anchor};
		ScheduleError error;
		Schedule   *schedule;
		TimestampTz next;
		double		start = now_ns();

		for (int i = 0; i < ROUNDS; i++)
		{
			schedule = schedule_parse(text, "Europe/Berlin", i, &error);
			if (schedule == NULL)
			{
				printf("%s: %s\n", text, error.detail);
				exit(1);
			}
			pfree(schedule);
		}
		parse_best = Min(parse_best, (now_ns() - start) / ROUNDS);

		schedule = schedule_parse(text, "Europe/Berlin", 0, &error);
		start = now_ns();
		for (int i = 0; i < ROUNDS; i++)
			(void) schedule_next(schedule, &base, after + i, &next);
		next_best = Min(next_best, (now_ns() - start) / ROUNDS);
		pfree(schedule);
	}
	printf("%8.0f %8.0f %8.0f  %.60s\n", parse_best, next_best,
		   parse_best + next_best, text);
}

int
main(void)
{
	printf("nanoseconds\n   parse     next     both  common schedules\n");
	for (int i = 0; i < (int) lengthof(common); i++)
		measure(common[i]);
	printf("   parse     next     both  worst schedules\n");
	for (int i = 0; i < (int) lengthof(worst); i++)
		measure(worst[i]);
	return 0;
}

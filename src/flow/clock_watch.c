/*-------------------------------------------------------------------------
 *
 * clock_watch.c
 *	  The clock of the server was set.
 *
 * A clock that drifts, or is set by some minutes, is nobody's business: times stay
 * as they are, so nothing runs twice.  One that was ahead by more than an hour has
 * left times in the tables that nobody meant: next times, retries, what counts from
 * the end of a run.  When it is set right they are, too.  While it is ahead, and it
 * may be right after all, retention goes on as if it were not (clock.c).
 *
 * That the clock was set is seen by what the monotonic clock says; or at a start by
 * the time that the last scheduler has left in scheduler_mark.  That is written at
 * once when the clock jumps.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "base/process.h"
#include "flow/clock_watch.h"
#include "flow/plan.h"
#include "state/alert.h"
#include "state/job_cache.h"
#include "state/recovery_event.h"
#include "state/run_list.h"
#include "table/query.h"

/* What drift and leap seconds do not explain: 1 h, and what measuring takes. */
#define CLOCK_JUMP		(USECS_PER_HOUR + USECS_PER_SEC)

/* A scheduler that comes after a longer time does not know what the clock did: 1 day. */
#define LONG_ABSENCE	USECS_PER_DAY

static TimestampTz last_time = DT_NOBEGIN;
static int64 last_monotonic;
static int64 ahead = 0;			/* by how much the clock was, us; 0: it was not */

/* Leave word at once: five seconds of a wrong clock are enough. */
static void
note_time(TimestampTz now)
{
	cycle_start_transaction();
	query_mark_counted(run_list_oldest(), now);
	cycle_commit_transaction();
}

static void
tell_of_jump(int64 step, TimestampTz before)
{
	char	   *reason = psprintf("the clock was set back from %s by " INT64_FORMAT
								  " minutes: next times and retries were set anew",
								  timestamptz_to_str(before), -step / USECS_PER_MINUTE);

	ereport(LOG, (errmsg("%s", reason)));
	recovery_event_note("clock", SUBJECT_SCHEDULER, 0, InvalidOid, true, reason);
	alert_raise(ALERT_CLOCK_CHANGED, SUBJECT_SCHEDULER, 0, InvalidOid, reason);
}

bool
clock_watch(TimestampTz now)
{
	int64		monotonic = clock_monotonic();
	TimestampTz before = last_time == DT_NOBEGIN ? now : last_time + (monotonic - last_monotonic);
	int64		step = now - before;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	last_time = now;
	last_monotonic = monotonic;
	if (step > CLOCK_JUMP)
	{
		ereport(LOG,
				(errmsg("the clock has jumped ahead by " INT64_FORMAT " minutes",
						step / USECS_PER_MINUTE),
				 errdetail("History that is too old by it is kept for a day.")));
		clock_doubt(before);
		note_time(now);
	}
	else if (step < -CLOCK_JUMP)
	{
		tell_of_jump(step, before);
		ahead = -step;
	}
	return ahead > 0;
}

/* At a start: what does the last scheduler say? */
static void
compare_with_last(TimestampTz now)
{
	SchedulerMarks marks;

	cycle_start_transaction();
	query_read_marks(&marks);
	cycle_commit_transaction();
	if (marks.seen_at == DT_NOBEGIN)
		return;
	if (marks.seen_at - now > CLOCK_JUMP)
	{
		ahead = marks.seen_at - now;
		tell_of_jump(-ahead, marks.seen_at);
	}
	else if (now - marks.seen_at > LONG_ABSENCE)
		clock_doubt(marks.seen_at);
}

void
clock_watch_load(void)
{
	static bool compared = false;
	TimestampTz now = clock_now();

	Assert(!IsTransactionState());
	if (!compared)
		compare_with_last(now);
	compared = true;
	cycle_start_transaction();
	query_set_clocks_right(now, ahead > 0 ? now : now + CLOCK_JUMP, ahead);
	cycle_commit_transaction();
}

void
clock_watch_plan(void)
{
	/* what is counted is so whatever the times of its end are */
	cycle_start_transaction();
	(void) job_cache_write();
	query_mark_counted(run_list_oldest(), clock_now());
	cycle_commit_transaction();
	job_cache_written(true);
	plan_after_clock(ahead);
	ahead = 0;
}

/*-------------------------------------------------------------------------
 *
 * letters.c
 *	  Of a job the newest dead letters are kept.
 *
 * Every run that is over without success becomes a dead letter, so a job that
 * fails each second would fill the disk.  Workers only insert; what is too old
 * is dropped here, and counted (dead_letter_dropped).  Jobs that are noted and
 * not yet seen to when the scheduler dies are seen to with their next letter.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "flow/letters.h"
#include "table/query_exec.h"
#include "table/query_upkeep.h"

/* Letters of one job */
#define MAX_LETTERS		1000

/* Jobs that are noted; of more, some wait for their next letter. */
#define MAX_NOTED		1000

#define TRIM_INTERVAL	USECS_PER_SEC

static int64 noted[MAX_NOTED];
static int	nnoted = 0;
static TimestampTz next_trim = DT_NOBEGIN;

void
letters_note(int64 job_id)
{
	/* a job that fails all the time is the last one, most often */
	if (nnoted == MAX_NOTED || (nnoted > 0 && noted[nnoted - 1] == job_id))
		return;
	noted[nnoted++] = job_id;
}

static void
trim(void *arg)
{
	query_limit_lock_wait();
	query_trim_dead_letters(noted, nnoted, MAX_LETTERS);
}

TimestampTz
letters_trim(TimestampTz now)
{
	if (nnoted == 0)
		return DT_NOEND;
	/* later than the interval: the clock was set back */
	if (now < next_trim && next_trim - now <= TRIM_INTERVAL)
		return next_trim;
	next_trim = now + TRIM_INTERVAL;
	(void) cycle_try_transaction(trim, NULL, "dropping old dead letters");
	nnoted = 0;
	return DT_NOEND;
}

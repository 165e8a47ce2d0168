/*-------------------------------------------------------------------------
 *
 * run_timeout.c
 *	  The timeouts of the run in hand.
 *
 * They cover all of a run.  statement_timeout, if the role or the job has set
 * one, covers the command as it does for a client, and is started here, too.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/process.h"
#include "execute/run_timeout.h"

static TimeoutId hard_timeout = MAX_TIMEOUTS;
static TimeoutId soft_timeout = MAX_TIMEOUTS;
static volatile sig_atomic_t hard_expired = false;
static volatile sig_atomic_t soft_expired = false;

static void
expire_hard(void)
{
	hard_expired = true;
	kill(MyProcPid, SIGINT);
}

static void
expire_soft(void)
{
	soft_expired = true;
	kill(MyProcPid, SIGINT);
}

void
run_timeout_init(void)
{
	hard_timeout = RegisterTimeout(USER_TIMEOUT, expire_hard);
	soft_timeout = RegisterTimeout(USER_TIMEOUT, expire_soft);
}

void
run_timeout_clear(void)
{
	hard_expired = soft_expired = false;
}

void
run_timeout_start(int64 soft, int64 hard)
{
	Assert(process_is(PROCESS_WORKER));
	Assert(!hard_expired && !soft_expired);
	if (soft > 0)
		enable_timeout_at(soft_timeout, GetCurrentTimestamp() + soft);
	if (hard > 0)
		enable_timeout_at(hard_timeout, GetCurrentTimestamp() + hard);
	if (StatementTimeout > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, StatementTimeout);
}

void
run_timeout_stop(void)
{
	Assert(process_is(PROCESS_WORKER));
	disable_timeout(STATEMENT_TIMEOUT, false);
	disable_timeout(hard_timeout, false);
	disable_timeout(soft_timeout, false);
	CHECK_FOR_INTERRUPTS();
}

RunTimeout
run_timeout_expired(void)
{
	if (hard_expired)
		return RUN_TIMEOUT_HARD;
	return soft_expired ? RUN_TIMEOUT_SOFT : RUN_TIMEOUT_NONE;
}

char *
run_timeout_message(RunTimeout which, int64 length)
{
	return psprintf("the run exceeded its %stimeout of " INT64_FORMAT " ms",
					which == RUN_TIMEOUT_SOFT ? "soft " : "", length / 1000);
}

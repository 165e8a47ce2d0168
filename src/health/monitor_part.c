/*-------------------------------------------------------------------------
 *
 * monitor_part.c
 *	  One part of a judgement, which keeps no other from being done.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/cycle.h"
#include "health/monitor_part.h"
#include "state/alert.h"

/* After an error: 10 s. */
#define ERROR_DELAY		(10 * USECS_PER_SEC)

typedef struct Call
{
	const MonitorPart *part;
	TimestampTz now;
} Call;

static void
call_part(void *arg)
{
	const Call *call = arg;

	call->part->judge(call->now);
}

bool
monitor_part(MonitorPart *part, TimestampTz now)
{
	Call		call = {part, now};
	bool		done;

	if (part->not_before > now)
		return true;
	done = cycle_try_part(call_part, &call, part->what);
	part->not_before = done ? DT_NOBEGIN : now + ERROR_DELAY;
	if (!done)
		alert_raise(ALERT_JUDGEMENT_FAILED, part->what, 0, InvalidOid,
					psprintf("%s failed; see the server log", part->what));
	else if (part->raised || !part->known)
		alert_resolve(ALERT_JUDGEMENT_FAILED, part->what);
	part->raised = !done;
	part->known = true;
	return done;
}

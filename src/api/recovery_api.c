/*-------------------------------------------------------------------------
 *
 * recovery_api.c
 *	  SQL-callable functions: policies of recovery, and asking for one.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/argument.h"
#include "base/clock.h"
#include "shared/change.h"
#include "table/job.h"
#include "table/query.h"
#include "table/query_recovery.h"
#include "table/rights.h"

PG_FUNCTION_INFO_V1(pg_scheduler_set_recovery);
PG_FUNCTION_INFO_V1(pg_scheduler_drop_recovery);
PG_FUNCTION_INFO_V1(pg_scheduler_recover);
PG_FUNCTION_INFO_V1(pg_scheduler_recover_queue);

/* No policy waits longer. */
#define MAX_DELAY_DAYS	36500

static void
invalid_policy(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid policy of recovery"),
			 errdetail("\"error_threshold\" must be at least 1, \"restart_delay\" longer than zero and at most %d days, and \"max_restarts\" not negative.",
					   MAX_DELAY_DAYS)));
}

Datum
pg_scheduler_set_recovery(PG_FUNCTION_ARGS)
{
	static const char *const names[] =
	{"error_threshold", "restart_delay", "max_restarts", "enabled"};
	int64		job_id = api_job(fcinfo);
	int64		delay;

	for (int i = 1; i <= 4; i++)
		argument_require(fcinfo, i, names[i - 1]);
	delay = job_interval_usecs(PG_GETARG_INTERVAL_P(2));
	if (PG_GETARG_INT32(1) < 1 || PG_GETARG_INT32(3) < 0 ||
		delay <= 0 || delay > MAX_DELAY_DAYS * USECS_PER_DAY)
		invalid_policy();
	query_upsert_recovery(job_id, PG_GETARG_INT32(1), PG_GETARG_INTERVAL_P(2),
						  PG_GETARG_INT32(3), PG_GETARG_BOOL(4));
	PG_RETURN_VOID();
}

Datum
pg_scheduler_drop_recovery(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(query_delete_recovery(api_job(fcinfo)));
}

Datum
pg_scheduler_recover(PG_FUNCTION_ARGS)
{
	int64		job_id = api_job(fcinfo);
	Oid			owner = InvalidOid;
	int64		event_id;

	(void) query_find_job_owner(job_id, &owner);
	event_id = query_request_recovery(job_subject(job_id), job_id,
									  owner, NULL, clock_now());
	change_note(CHANGE_RULES, 0);
	PG_RETURN_INT64(event_id);
}

Datum
pg_scheduler_recover_queue(PG_FUNCTION_ARGS)
{
	char	   *queue;
	int64		event_id;

	argument_require(fcinfo, 0, "queue_name");
	rights_require_admin("recover_queue");
	queue = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!query_queue_exists(queue))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("queue \"%s\" does not exist", job_clip_text(queue, 64))));
	event_id = query_request_recovery(psprintf("queue %s", queue), 0, InvalidOid, queue,
									  clock_now());
	change_note(CHANGE_QUEUES, 0);	/* what waits in it is looked at again */
	change_note(CHANGE_RULES, 0);
	PG_RETURN_INT64(event_id);
}

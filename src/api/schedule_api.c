/*-------------------------------------------------------------------------
 *
 * schedule_api.c
 *	  SQL-callable functions about the text of a schedule.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "api/schedule_api.h"

/* How many bytes of a bad schedule its error shows. */
#define MAX_SHOWN		80

/*
 * A text that belongs to no job has no hash; its H fields are those of this
 * one.
 */
#define NO_JOB_HASH		UINT64CONST(0)

PG_FUNCTION_INFO_V1(pg_scheduler_next_runs);
PG_FUNCTION_INFO_V1(pg_scheduler_schedule_is);
PG_FUNCTION_INFO_V1(pg_scheduler_describe_schedule);
PG_FUNCTION_INFO_V1(pg_scheduler_normalize_schedule);

/* State of one call of next_runs(). */
typedef struct NextRuns
{
	Schedule   *schedule;
	ScheduleBase base;
	TimestampTz last;			/* the occurrence returned last */
	int64		left;			/* how many are still to be returned */
} NextRuns;

/* The start of a text, as an error message shows it. */
static const char *
clip(const char *text)
{
	int			length = strlen(text);
	int			clipped = pg_mbcliplen(text, length, MAX_SHOWN);

	return clipped == length ? text :
		psprintf("%.*s...", clipped, text);
}

void
schedule_report_error(const char *text, const ScheduleError *error)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid schedule \"%s\"", clip(text)),
			 error->position > 0 ?
			 errdetail("Position %d: %s", error->position, error->detail) :
			 errdetail("%s", error->detail),
			 error->hint != NULL ? errhint("%s", error->hint) : 0));
	pg_unreachable();
}

void
schedule_report_over(const char *text)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid schedule \"%s\"", clip(text)),
			 errdetail("The last time it names is over, so the schedule can never fire."),
			 errhint("Use a time in the future, or \"now\".")));
	pg_unreachable();
}

/* Parse a schedule of a function call, or raise an error. */
static Schedule *
parse_or_report(const char *text, const char *zone)
{
	ScheduleError error;
	Schedule   *schedule;

	if (zone == NULL)
		zone = GetConfigOption("pg_scheduler.timezone", true, false);
	if (zone == NULL)
		zone = "UTC";
	schedule = schedule_parse(text, zone, NO_JOB_HASH, &error);
	if (schedule == NULL)
		schedule_report_error(text, &error);
	return schedule;
}

static NextRuns *
begin_next_runs(FunctionCallInfo fcinfo)
{
	NextRuns   *runs = palloc0(sizeof(NextRuns));
	int			count = PG_ARGISNULL(1) ? 5 : PG_GETARG_INT32(1);
	char	   *zone;

	if (count < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("count must not be negative")));
	if (PG_ARGISNULL(0))
		return runs;

	zone = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));
	runs->schedule = parse_or_report(text_to_cstring(PG_GETARG_TEXT_PP(0)),
									 zone);
	runs->left = count;
	runs->last = PG_ARGISNULL(2) ? GetCurrentTransactionStartTimestamp() :
		PG_GETARG_TIMESTAMPTZ(2);
	runs->base.anchor = PG_ARGISNULL(4) ? runs->last : PG_GETARG_TIMESTAMPTZ(4);

	/* "now" fires at its anchor, not after it */
	if (schedule_is(runs->schedule, SCHEDULE_FROM_NOW) && !TIMESTAMP_NOT_FINITE(runs->last))
		runs->last--;
	return runs;
}

/*
 * next_runs(schedule text, count int, after timestamptz, timezone text,
 *			 anchor timestamptz)
 */
Datum
pg_scheduler_next_runs(PG_FUNCTION_ARGS)
{
	FuncCallContext *context;
	NextRuns   *runs;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;

		context = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(context->multi_call_memory_ctx);
		context->user_fctx = begin_next_runs(fcinfo);
		MemoryContextSwitchTo(old);
	}

	CHECK_FOR_INTERRUPTS();
	context = SRF_PERCALL_SETUP();
	runs = context->user_fctx;
	if (runs->left > 0 &&
		schedule_next(runs->schedule, &runs->base, runs->last, &runs->last))
	{
		runs->left--;
		SRF_RETURN_NEXT(context, TimestampTzGetDatum(runs->last));
	}
	SRF_RETURN_DONE(context);
}

/*
 * schedule_is(schedule text, property text).  NULL: it is no schedule.
 */
Datum
pg_scheduler_schedule_is(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	ScheduleFlag flag = schedule_flag_from_name(name);
	ScheduleError error;
	Schedule   *schedule;
	bool		result;

	if (flag == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid property of schedules \"%s\"", clip(name)),
				 errhint("Properties are %s.", schedule_flag_list())));
	schedule = schedule_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)), "UTC", NO_JOB_HASH,
							  &error);
	if (schedule == NULL)
		PG_RETURN_NULL();
	result = schedule_is(schedule, flag);
	pfree(schedule);
	PG_RETURN_BOOL(result);
}

/*
 * describe_schedule(schedule text)
 */
Datum
pg_scheduler_describe_schedule(PG_FUNCTION_ARGS)
{
	Schedule   *schedule;

	schedule = parse_or_report(text_to_cstring(PG_GETARG_TEXT_PP(0)), NULL);
	PG_RETURN_TEXT_P(cstring_to_text(schedule_describe(schedule)));
}

/*
 * normalize_schedule(schedule text)
 */
Datum
pg_scheduler_normalize_schedule(PG_FUNCTION_ARGS)
{
	Schedule   *schedule;

	schedule = parse_or_report(text_to_cstring(PG_GETARG_TEXT_PP(0)), NULL);
	PG_RETURN_TEXT_P(cstring_to_text(schedule_normal_form(schedule)));
}

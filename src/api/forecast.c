/*-------------------------------------------------------------------------
 *
 * forecast.c
 *	  The runs to come, from the definitions and states of jobs.
 *
 * A forecast takes runs to need no time, and to succeed.  The occurrences of
 * all jobs are merged through a heap, so that no more than one of each is in
 * memory, whatever the horizon.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "funcapi.h"
#include "lib/binaryheap.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/argument.h"
#include "base/clock.h"
#include "table/fit.h"
#include "table/job.h"
#include "table/query.h"
#include "table/rights.h"

/* A calendar that is closed for this long at every occurrence is for ever. */
#define REACH	(INT64CONST(3653) * USECS_PER_DAY)

/* So many occurrences can be skipped by one call. */
#define MAX_SKIP	1000

PG_FUNCTION_INFO_V1(pg_scheduler_forecast);
PG_FUNCTION_INFO_V1(pg_scheduler_next_job_runs);
PG_FUNCTION_INFO_V1(pg_scheduler_next_run_at);
PG_FUNCTION_INFO_V1(pg_scheduler_skip_next);

/* The runs to come of one job */
typedef struct JobForecast
{
	Job			job;
	Schedule   *schedule;		/* NULL: it will not run */
	TimestampTz now;
	TimestampTz occurrence;		/* to be looked at next; DT_NOEND: none */
	int64		left;			/* of max_runs */
	TimestampTz next;			/* what next_run() has found */
} JobForecast;

/*
 * Begin with a job, as the tables know it.  False: there is no such job.  In a
 * transaction; all memory is of the current context.
 */
static bool
open_job(JobForecast *forecast, int64 job_id, TimestampTz now)
{
	Job		   *job = &forecast->job;
	JobState	state;
	ScheduleError error;

	Assert(IsTransactionState());
	memset(forecast, 0, sizeof(*forecast));
	forecast->now = now;
	forecast->occurrence = DT_NOEND;
	if (!store_read_job(job_id, NULL, job))
		return false;
	if (job->calendar != NULL)
		job->open_times = query_read_calendar(job->calendar);
	forecast->schedule = job->active ? job_parse_schedule(job, &error) : NULL;
	if (forecast->schedule == NULL ||
		schedule_is(forecast->schedule, SCHEDULE_AT_BOOT))
		return true;

	if (!store_read_job_state(job_id, &state))
		job_state_init(&state, job_id);
	forecast->left = job->max_runs > 0 ? job->max_runs - state.runs : PG_INT64_MAX;
	if (state.schedule_version != job->schedule_version)
		forecast->occurrence = job_first_occurrence(job, forecast->schedule);
	else if (!state.finished && state.next_run_at == DT_NOEND)
		/* @after, while it runs */
		forecast->occurrence = job_next_occurrence(job, forecast->schedule, now);
	else
		forecast->occurrence = state.next_run_at;
	return true;
}

/*
 * When an occurrence runs: at its time, at the end of closed time, or never
 * (DT_NOEND).  Then the occurrence to go on with is moved behind all that
 * shares its fate.
 */
static TimestampTz
run_time(JobForecast *forecast, TimestampTz at)
{
	const Job  *job = &forecast->job;
	bool		one_for_all = job->misfire != MISFIRE_RUN_ALL;
	TimestampTz open = at;
	TimestampTz behind = at;

	if (at <= job->skip_through)
	{
		forecast->occurrence = job_next_occurrence(job, forecast->schedule, job->skip_through);
		return DT_NOEND;
	}
	if (job->open_times != NULL)
		open = calendar_next_open(job->open_times, at);
	if (open > at && job->calendar_action == CALENDAR_SKIP)
	{
		forecast->occurrence = open == DT_NOEND ? DT_NOEND :
			job_next_occurrence(job, forecast->schedule, open - 1);
		return DT_NOEND;
	}
	if (one_for_all)
		behind = Max(open, forecast->now);
	if (open == DT_NOEND || behind == DT_NOEND)
		forecast->occurrence = DT_NOEND;
	else
		forecast->occurrence = job_next_occurrence(job, forecast->schedule, behind);
	return open;
}

/* Set forecast->next to the next run, jitter aside.  False: there is none. */
static bool
next_run(JobForecast *forecast)
{
	TimestampTz first = forecast->occurrence;

	while (forecast->left > 0 && forecast->occurrence != DT_NOEND &&
		   forecast->occurrence - REACH <= first)
	{
		forecast->next = run_time(forecast, forecast->occurrence);
		if (forecast->next != DT_NOEND)
		{
			forecast->left--;
			return true;
		}
		CHECK_FOR_INTERRUPTS();
	}
	return false;
}

/*
 * forecast(horizon)
 */

typedef struct Forecast
{
	binaryheap *jobs;			/* JobForecast, the one that runs next on top */
	TimestampTz end;
} Forecast;

static int
compare_next(Datum a, Datum b, void *arg)
{
	const JobForecast *fa = (const JobForecast *) DatumGetPointer(a);
	const JobForecast *fb = (const JobForecast *) DatumGetPointer(b);

	if (fa->next != fb->next)
		return fa->next < fb->next ? 1 : -1;
	return fa->job.job_id < fb->job.job_id ? 1 : -1;
}

static Forecast *
begin_forecast(const Interval *horizon)
{
	Forecast   *result = palloc(sizeof(Forecast));
	TimestampTz now = clock_now();
	int64	   *job_ids;
	int			n = query_find_active_jobs(&job_ids);

	result->end = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
														  TimestampTzGetDatum(now),
														  IntervalPGetDatum(horizon)));
	result->jobs = binaryheap_allocate(Max(n, 1), compare_next, NULL);
	for (int i = 0; i < n; i++)
	{
		JobForecast *forecast = palloc(sizeof(JobForecast));

		if (open_job(forecast, job_ids[i], now) &&
			rights_can_see(forecast->job.owner) &&
			next_run(forecast) && forecast->next <= result->end)
			binaryheap_add_unordered(result->jobs, PointerGetDatum(forecast));
		else
			pfree(forecast);
	}
	binaryheap_build(result->jobs);
	return result;
}

/* The row for the run on top of the heap, which is then moved on. */
static Datum
take_row(Forecast *forecast, TupleDesc desc)
{
	JobForecast *top = (JobForecast *) DatumGetPointer(binaryheap_first(forecast->jobs));
	Datum		values[3];
	bool		nulls[3] = {0};
	HeapTuple	tuple;

	values[0] = Int64GetDatum(top->job.job_id);
	values[1] = CStringGetTextDatum(top->job.job_name);
	values[2] = TimestampTzGetDatum(top->next);
	tuple = heap_form_tuple(desc, values, nulls);
	if (next_run(top) && top->next <= forecast->end)
		binaryheap_replace_first(forecast->jobs, PointerGetDatum(top));
	else
		(void) binaryheap_remove_first(forecast->jobs);
	return HeapTupleGetDatum(tuple);
}

Datum
pg_scheduler_forecast(PG_FUNCTION_ARGS)
{
	FuncCallContext *context;
	Forecast   *forecast;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext oldcontext;
		TupleDesc	desc;

		argument_require(fcinfo, 0, "horizon");
		context = SRF_FIRSTCALL_INIT();
		oldcontext = MemoryContextSwitchTo(context->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		fit_require_result(desc, 3);
		context->tuple_desc = BlessTupleDesc(desc);
		context->user_fctx = begin_forecast(PG_GETARG_INTERVAL_P(0));
		MemoryContextSwitchTo(oldcontext);
	}

	CHECK_FOR_INTERRUPTS();
	context = SRF_PERCALL_SETUP();
	forecast = context->user_fctx;
	if (!binaryheap_empty(forecast->jobs))
		SRF_RETURN_NEXT(context, take_row(forecast, context->tuple_desc));
	SRF_RETURN_DONE(context);
}

/*
 * next_job_runs(job, count)
 */

typedef struct NextJobRuns
{
	JobForecast forecast;
	int64		left;
} NextJobRuns;

/* What the caller may not see does not exist. */
static NextJobRuns *
begin_next_job_runs(FunctionCallInfo fcinfo)
{
	bool		by_name = api_takes_name(fcinfo);
	NextJobRuns *runs = palloc(sizeof(NextJobRuns));
	char	   *name = NULL;
	int64		job_id = 0;
	bool		found;

	argument_require(fcinfo, 0, "job");
	runs->left = PG_ARGISNULL(1) ? 5 : PG_GETARG_INT32(1);
	if (runs->left < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("count must not be negative")));
	if (by_name)
	{
		name = text_to_cstring(PG_GETARG_TEXT_PP(0));
		found = query_find_job(GetUserId(), name, &job_id);
	}
	else
	{
		job_id = PG_GETARG_INT64(0);
		found = true;
	}
	if (!found || !open_job(&runs->forecast, job_id, clock_now()) ||
		!rights_can_see(runs->forecast.job.owner))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 by_name ? errmsg("job \"%s\" does not exist", job_clip_text(name, JOB_NAME_LENGTH)) :
				 errmsg("job " INT64_FORMAT " does not exist", job_id)));
	return runs;
}

Datum
pg_scheduler_next_job_runs(PG_FUNCTION_ARGS)
{
	FuncCallContext *context;
	NextJobRuns *runs;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext oldcontext;

		context = SRF_FIRSTCALL_INIT();
		oldcontext = MemoryContextSwitchTo(context->multi_call_memory_ctx);
		context->user_fctx = begin_next_job_runs(fcinfo);
		MemoryContextSwitchTo(oldcontext);
	}

	CHECK_FOR_INTERRUPTS();
	context = SRF_PERCALL_SETUP();
	runs = context->user_fctx;
	if (runs->left > 0 && next_run(&runs->forecast))
	{
		runs->left--;
		SRF_RETURN_NEXT(context, TimestampTzGetDatum(runs->forecast.next));
	}
	SRF_RETURN_DONE(context);
}

/* For the view: the next time of one job. */
Datum
pg_scheduler_next_run_at(PG_FUNCTION_ARGS)
{
	JobForecast forecast;

	if (!open_job(&forecast, PG_GETARG_INT64(0), clock_now()) ||
		!rights_can_see(forecast.job.owner) || !next_run(&forecast))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(forecast.next);
}

/*
 * skip_next(job, count)
 */

/* What a job would run next, but for calendars that skip; DT_NOEND: nothing. */
static TimestampTz
next_to_skip(const JobForecast *forecast, TimestampTz at)
{
	while (at != DT_NOEND && job_skips(&forecast->job, at))
	{
		CHECK_FOR_INTERRUPTS();
		at = job_next_occurrence(&forecast->job, forecast->schedule, at);
	}
	return at;
}

/* The last of so many occurrences; DT_NOEND: there is none. */
static TimestampTz
last_to_skip(const JobForecast *forecast, int count)
{
	TimestampTz at = forecast->occurrence;
	TimestampTz last = DT_NOEND;

	if (at <= forecast->job.skip_through)
		at = job_next_occurrence(&forecast->job, forecast->schedule, forecast->job.skip_through);
	for (int i = 0; i < count && (at = next_to_skip(forecast, at)) != DT_NOEND; i++)
	{
		last = at;
		at = job_next_occurrence(&forecast->job, forecast->schedule, at);
	}
	return last;
}

Datum
pg_scheduler_skip_next(PG_FUNCTION_ARGS)
{
	int64		job_id = api_job(fcinfo);
	int32		count;
	TimestampTz last;
	JobForecast forecast;

	argument_require(fcinfo, 1, "count");
	count = PG_GETARG_INT32(1);
	if (count < 0 || count > MAX_SKIP)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for \"count\""),
				 errdetail("It must be between 0 and %d.", MAX_SKIP)));
	if (count == 0)
	{
		query_set_skip_through(job_id, DT_NOBEGIN);
		PG_RETURN_NULL();
	}
	last = DT_NOEND;
	if (open_job(&forecast, job_id, clock_now()) && forecast.schedule != NULL)
		last = last_to_skip(&forecast, count);
	if (last == DT_NOEND)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("job " INT64_FORMAT " has no next time", job_id),
				 errdetail("It is paused, runs after something else, or its schedule is over.")));
	query_set_skip_through(job_id, last);
	PG_RETURN_TIMESTAMPTZ(last);
}

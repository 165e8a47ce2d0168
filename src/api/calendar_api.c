/*-------------------------------------------------------------------------
 *
 * calendar_api.c
 *	  SQL-callable functions: calendars.
 *
 * Calendars are shared: every role sees them, and may have its jobs refer to
 * them.  A calendar is changed by the role that created it.  The triggers of
 * the tables tell the scheduler.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"

#include "api/argument.h"
#include "base/clock.h"
#include "table/fit.h"
#include "table/query.h"
#include "table/rights.h"

#define MAX_NAME_LENGTH		128

PG_FUNCTION_INFO_V1(pg_scheduler_create_calendar);
PG_FUNCTION_INFO_V1(pg_scheduler_alter_calendar);
PG_FUNCTION_INFO_V1(pg_scheduler_drop_calendar);
PG_FUNCTION_INFO_V1(pg_scheduler_add_calendar_dates);
PG_FUNCTION_INFO_V1(pg_scheduler_remove_calendar_dates);
PG_FUNCTION_INFO_V1(pg_scheduler_add_calendar_window);
PG_FUNCTION_INFO_V1(pg_scheduler_remove_calendar_window);
PG_FUNCTION_INFO_V1(pg_scheduler_calendar_next_open);
PG_FUNCTION_INFO_V1(pg_scheduler_weekdays);

static char *
text_arg(FunctionCallInfo fcinfo, int arg)
{
	argument_check_sizes(fcinfo);
	fit_require_version();
	return PG_ARGISNULL(arg) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

static void
bad_value(const char *argument, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for \"%s\"", argument),
			 errdetail("%s", detail),
			 hint ? errhint("%s", hint) : 0));
}

static void
unknown_calendar(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("calendar \"%s\" does not exist", job_clip_text(name, MAX_NAME_LENGTH)),
			 errhint("Use scheduler.create_calendar(), or see the view scheduler.calendars.")));
}

/* The caller must be allowed to change what this role owns. */
static void
check_manage(const char *name, Oid owner)
{
	if (!rights_can_manage(owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of calendar \"%s\"", name)));
}

/* The first argument: a calendar that the caller may change. */
static char *
calendar_arg(FunctionCallInfo fcinfo)
{
	char	   *name = text_arg(fcinfo, 0);
	Oid			owner;

	argument_not_null(name == NULL, "calendar_name");
	if (!query_find_calendar_owner(name, &owner))
		unknown_calendar(name);
	check_manage(name, owner);
	return name;
}

static void
check_options(const char *mode, const char *timezone)
{
	if (mode != NULL && strcmp(mode, "exclude") != 0 && strcmp(mode, "include") != 0)
		bad_value("mode", psprintf("There is no \"%s\".", job_clip_text(mode, 64)),
				  "Use exclude for a calendar of closed times, include for one of open times.");
	if (timezone != NULL && zone_find(timezone) == NULL)
		bad_value("timezone", psprintf("There is no time zone \"%s\".", job_clip_text(timezone, 64)),
				  "See the view pg_timezone_names.");
}

/* create_calendar(calendar_name, mode, timezone, description, replace) */
Datum
pg_scheduler_create_calendar(PG_FUNCTION_ARGS)
{
	char	   *name = text_arg(fcinfo, 0);
	char	   *mode = text_arg(fcinfo, 1);
	char	   *timezone = text_arg(fcinfo, 2);
	char	   *description = text_arg(fcinfo, 3);
	bool		replace = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);
	Oid			owner;

	argument_not_null(name == NULL, "calendar_name");
	argument_not_null(mode == NULL, "mode");
	if (name[0] == '\0' || strlen(name) >= MAX_NAME_LENGTH)
		bad_value("calendar_name",
				  psprintf("A calendar's name has 1 to %d bytes.", MAX_NAME_LENGTH - 1), NULL);
	check_options(mode, timezone);
	if (!query_find_calendar_owner(name, &owner))
		query_insert_calendar(name, GetUserId(), mode, timezone, description, clock_now());
	else if (replace)
	{
		check_manage(name, owner);
		query_replace_calendar(name, mode, timezone, description);
	}
	else
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("calendar \"%s\" already exists", name),
				 errhint("Use replace => true to start it anew.")));
	PG_RETURN_VOID();
}

/* alter_calendar(calendar_name, mode, timezone, description) */
Datum
pg_scheduler_alter_calendar(PG_FUNCTION_ARGS)
{
	char	   *name = calendar_arg(fcinfo);
	char	   *mode = text_arg(fcinfo, 1);
	char	   *timezone = text_arg(fcinfo, 2);

	check_options(mode, timezone);
	query_update_calendar(name, mode, timezone, text_arg(fcinfo, 3));
	PG_RETURN_VOID();
}

/* Names those of the jobs that the caller sees. */
static char *
describe_jobs(const int64 *job_ids, int count)
{
	for (int i = 0; i < count; i++)
	{
		Oid			owner;

		if (query_find_job_owner(job_ids[i], &owner) && rights_can_see(owner))
			return psprintf("Number of jobs: %d; one of them is \"%s\".", count,
							query_job_name(job_ids[i]));
	}
	return psprintf("Number of jobs: %d, all of other roles.", count);
}

Datum
pg_scheduler_drop_calendar(PG_FUNCTION_ARGS)
{
	char	   *name = calendar_arg(fcinfo);
	int64	   *job_ids;
	int			count = query_find_jobs_of_calendar(name, &job_ids);

	if (count > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop calendar \"%s\" because jobs use it", name),
				 errdetail("%s", describe_jobs(job_ids, count)),
				 errhint("Schedule these jobs without the calendar first.")));
	query_delete_calendar(name);
	PG_RETURN_VOID();
}

static void
check_date(const char *argument, DateADT date)
{
	if (DATE_NOT_FINITE(date))
		bad_value(argument, "A date must be finite.", "NULL means no limit.");
}

static Datum
dates_arg(FunctionCallInfo fcinfo, int arg)
{
	Datum	   *dates;
	bool	   *nulls;
	int			n;

	argument_require(fcinfo, arg, "dates");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), DATEOID, sizeof(DateADT), true,
					  TYPALIGN_INT, &dates, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			bad_value("dates", "A date must not be null.", NULL);
		check_date("dates", DatumGetDateADT(dates[i]));
	}
	return PG_GETARG_DATUM(arg);
}

/* A calendar has been added to. */
static void
check_size(const char *name)
{
	if (query_count_calendar_windows(name) > CALENDAR_MAX_WINDOWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("calendar \"%s\" is too large", name),
				 errdetail("A calendar has at most %d dates and windows.",
						   CALENDAR_MAX_WINDOWS),
				 errhint("Add a range of dates as one window, with first_date and last_date.")));
}

/* add_calendar_dates(calendar_name, dates, description) */
Datum
pg_scheduler_add_calendar_dates(PG_FUNCTION_ARGS)
{
	char	   *name = calendar_arg(fcinfo);
	int64		result = query_insert_calendar_dates(name, dates_arg(fcinfo, 1),
													 text_arg(fcinfo, 2));

	check_size(name);
	PG_RETURN_INT64(result);
}

/* remove_calendar_dates(calendar_name, dates) */
Datum
pg_scheduler_remove_calendar_dates(PG_FUNCTION_ARGS)
{
	char	   *name = calendar_arg(fcinfo);

	PG_RETURN_INT64(query_delete_calendar_dates(name, dates_arg(fcinfo, 1)));
}

static NullableDatum
weekdays_arg(FunctionCallInfo fcinfo, int arg)
{
	NullableDatum result = fcinfo->args[arg];
	char	   *text = text_arg(fcinfo, arg);
	int			mask;

	if (text == NULL)
		return result;
	if (!calendar_parse_weekdays(text, &mask))
		bad_value("weekdays", psprintf("\"%s\" is no list of weekdays.", job_clip_text(text, 64)),
				  "Use names, lists and ranges, such as mon-fri or sat,sun.");
	result.value = Int32GetDatum(mask);
	return result;
}

static NullableDatum
time_arg(FunctionCallInfo fcinfo, int arg, const char *name)
{
	NullableDatum result = fcinfo->args[arg];

	if (!result.isnull && DatumGetTimeADT(result.value) % USECS_PER_SEC != 0)
		bad_value(name, "It must be a whole second.", NULL);
	return result;
}

static void
check_window(const CalendarWindowRow *row)
{
	if (row->weekdays.isnull && row->from_time.isnull && row->to_time.isnull &&
		row->first_date.isnull && row->last_date.isnull)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a calendar window without any limit is all of time"),
				 errhint("Give at least one of weekdays, from_time, to_time, first_date, last_date.")));
	if (!row->from_time.isnull && DatumGetTimeADT(row->from_time.value) == USECS_PER_DAY)
		bad_value("from_time", "It must be earlier than 24:00.", NULL);
	if (!row->first_date.isnull)
		check_date("first_date", DatumGetDateADT(row->first_date.value));
	if (!row->last_date.isnull)
		check_date("last_date", DatumGetDateADT(row->last_date.value));
	if (!row->first_date.isnull && !row->last_date.isnull &&
		DatumGetDateADT(row->first_date.value) > DatumGetDateADT(row->last_date.value))
		bad_value("last_date", "It must not be earlier than first_date.", NULL);
}

/*
 * add_calendar_window(calendar_name, weekdays, from_time, to_time,
 *					   first_date, last_date, description)
 */
Datum
pg_scheduler_add_calendar_window(PG_FUNCTION_ARGS)
{
	char	   *name = calendar_arg(fcinfo);
	CalendarWindowRow row;
	int64		result;

	row.weekdays = weekdays_arg(fcinfo, 1);
	row.from_time = time_arg(fcinfo, 2, "from_time");
	row.to_time = time_arg(fcinfo, 3, "to_time");
	row.first_date = fcinfo->args[4];
	row.last_date = fcinfo->args[5];
	row.description = fcinfo->args[6];
	check_window(&row);
	result = query_insert_calendar_window(name, &row);
	check_size(name);
	PG_RETURN_INT64(result);
}

Datum
pg_scheduler_remove_calendar_window(PG_FUNCTION_ARGS)
{
	int64		window_id;
	char	   *name;
	Oid			owner;

	argument_require(fcinfo, 0, "window_id");
	window_id = PG_GETARG_INT64(0);
	name = query_find_calendar_of_window(window_id);
	if (name == NULL || !query_find_calendar_owner(name, &owner))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("calendar window " INT64_FORMAT " does not exist", window_id),
				 errhint("See the view scheduler.calendar_windows.")));
	check_manage(name, owner);
	query_delete_calendar_window(window_id);
	PG_RETURN_VOID();
}

/* calendar_next_open(calendar_name, at) */
Datum
pg_scheduler_calendar_next_open(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Calendar   *calendar = query_read_calendar(name);
	TimestampTz result;

	if (calendar == NULL)
		unknown_calendar(name);
	result = calendar_next_open(calendar, PG_GETARG_TIMESTAMPTZ(1));
	if (result == DT_NOEND)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(result);
}

/* For the view. */
Datum
pg_scheduler_weekdays(PG_FUNCTION_ARGS)
{
	int			mask = PG_GETARG_INT32(0) & CALENDAR_ALL_WEEKDAYS;

	PG_RETURN_TEXT_P(cstring_to_text(calendar_format_weekdays(mask)));
}

/*-------------------------------------------------------------------------
 *
 * query_calendar.c
 *	  The SQL about calendars; one function a statement.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "table/query.h"
#include "table/query_exec.h"

/* Days from 1970-01-01 to 2000-01-01, where dates count from */
#define EPOCH_DAYS		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE)

bool
query_find_calendar_owner(const char *name, Oid *owner)
{
	QueryFrame	frame;
	Params		params = {0};
	bool		found;
	bool		isnull;

	query_add_text(&params, name);
	query_enter(&frame);
	found = query_read("SELECT owner::oid FROM scheduler.calendar"
					   " WHERE calendar_name = $1", &params) > 0;
	if (found)
		*owner = DatumGetObjectId(query_column(0, 1, &isnull));
	query_leave(&frame);
	return found;
}

void
query_insert_calendar(const char *name, Oid owner, const char *mode,
					  const char *timezone, const char *description,
					  TimestampTz now)
{
	Params		params = {0};

	query_add_text(&params, name);
	query_add_oid(&params, owner);
	query_add_text(&params, mode);
	query_add_text(&params, timezone);
	query_add_text(&params, description);
	query_add_time(&params, now);
	query_run("INSERT INTO scheduler.calendar"
			  " (calendar_name, owner, mode, timezone, description, created_at)"
			  " VALUES ($1, $2::regrole, $3, $4, $5, $6)", &params);
}

void
query_replace_calendar(const char *name, const char *mode,
					   const char *timezone, const char *description)
{
	Params		params = {0};

	query_add_text(&params, name);
	query_add_text(&params, mode);
	query_add_text(&params, timezone);
	query_add_text(&params, description);
	query_run("WITH emptied AS (DELETE FROM scheduler.calendar_window"
			  " WHERE calendar_name = $1)"
			  " UPDATE scheduler.calendar SET mode = $2, timezone = $3,"
			  " description = $4 WHERE calendar_name = $1", &params);
}

void
query_update_calendar(const char *name, const char *mode,
					  const char *timezone, const char *description)
{
	Params		params = {0};

	query_add_text(&params, name);
	query_add_text(&params, mode);
	query_add_text(&params, timezone);
	query_add_text(&params, description);
	query_run("UPDATE scheduler.calendar SET mode = COALESCE($2, mode),"
			  " timezone = COALESCE($3, timezone),"
			  " description = COALESCE($4, description)"
			  " WHERE calendar_name = $1", &params);
}

void
query_delete_calendar(const char *name)
{
	Params		params = {0};

	query_add_text(&params, name);
	query_run("DELETE FROM scheduler.calendar WHERE calendar_name = $1", &params);
}

int
query_find_jobs_of_calendar(const char *name, int64 **job_ids)
{
	Params		params = {0};

	query_add_text(&params, name);
	return query_ids("SELECT job_id FROM scheduler.job WHERE calendar = $1"
					 " ORDER BY job_id", &params, job_ids);
}

int64
query_insert_calendar_dates(const char *name, Datum dates, const char *description)
{
	Params		params = {0};

	query_add_text(&params, name);
	query_add(&params, DATEARRAYOID, dates, false);
	query_add_text(&params, description);
	return query_run("INSERT INTO scheduler.calendar_window"
					 " (calendar_name, first_date, last_date, description)"
					 " SELECT $1, d, d, $3"
					 " FROM (SELECT DISTINCT d FROM pg_catalog.unnest($2) AS d) AS given"
					 " WHERE NOT EXISTS (SELECT FROM scheduler.calendar_window w"
					 " WHERE w.calendar_name = $1 AND w.first_date = d"
					 " AND w.last_date = d AND w.weekdays IS NULL"
					 " AND w.from_time IS NULL AND w.to_time IS NULL)"
					 " ORDER BY d", &params);
}

int64
query_delete_calendar_dates(const char *name, Datum dates)
{
	Params		params = {0};

	query_add_text(&params, name);
	query_add(&params, DATEARRAYOID, dates, false);
	return query_run("DELETE FROM scheduler.calendar_window"
					 " WHERE calendar_name = $1 AND first_date = ANY ($2)"
					 " AND last_date = first_date AND weekdays IS NULL"
					 " AND from_time IS NULL AND to_time IS NULL", &params);
}

int64
query_insert_calendar_window(const char *name, const CalendarWindowRow *row)
{
	Params		params = {0};

	query_add_text(&params, name);
	query_add(&params, DATEOID, row->first_date.value, row->first_date.isnull);
	query_add(&params, DATEOID, row->last_date.value, row->last_date.isnull);
	query_add(&params, INT4OID, row->weekdays.value, row->weekdays.isnull);
	query_add(&params, TIMEOID, row->from_time.value, row->from_time.isnull);
	query_add(&params, TIMEOID, row->to_time.value, row->to_time.isnull);
	query_add(&params, TEXTOID, row->description.value, row->description.isnull);
	return query_number("INSERT INTO scheduler.calendar_window (calendar_name,"
						" first_date, last_date, weekdays, from_time, to_time, description)"
						" VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING window_id", &params);
}

char *
query_find_calendar_of_window(int64 window_id)
{
	Params		params = {0};

	query_add_int64(&params, window_id);
	return query_string("SELECT calendar_name FROM scheduler.calendar_window"
						" WHERE window_id = $1", &params);
}

int64
query_count_calendar_windows(const char *name)
{
	Params		params = {0};

	query_add_text(&params, name);
	return query_number("SELECT count(*) FROM scheduler.calendar_window"
						" WHERE calendar_name = $1", &params);
}

void
query_delete_calendar_window(int64 window_id)
{
	Params		params = {0};

	query_add_int64(&params, window_id);
	query_run("DELETE FROM scheduler.calendar_window WHERE window_id = $1", &params);
}

/*
 * Reading a calendar
 */

static int32
day_column(int row, int attribute, int32 null_value)
{
	bool		isnull;
	Datum		value = query_column(row, attribute, &isnull);

	return isnull ? null_value : DatumGetDateADT(value) + EPOCH_DAYS;
}

static int32
time_of_day_column(int row, int attribute, int32 null_value)
{
	bool		isnull;
	Datum		value = query_column(row, attribute, &isnull);

	return isnull ? null_value : (int32) (DatumGetTimeADT(value) / USECS_PER_SEC);
}

static void
fill_window(int row, CalendarWindow *window)
{
	bool		isnull;
	Datum		weekdays = query_column(row, 5, &isnull);

	window->weekdays = isnull ? CALENDAR_ALL_WEEKDAYS : DatumGetInt32(weekdays);
	window->first_day = day_column(row, 3, PG_INT32_MIN);
	window->last_day = day_column(row, 4, PG_INT32_MAX);
	window->from = time_of_day_column(row, 6, 0);
	window->to = time_of_day_column(row, 7, SECS_PER_DAY);
	if (window->to == 0)
		window->to = SECS_PER_DAY;
}

/* A zone that the server has lost since leaves UTC. */
static Zone *
calendar_zone(Datum name, bool isnull)
{
	Zone	   *zone = zone_find(isnull ? pg_scheduler_timezone : TextDatumGetCString(name));

	return zone ? zone : zone_find("UTC");
}

/* One row for each window, or one without a window */
Calendar *
query_read_calendar(const char *name)
{
	MemoryContext caller = CurrentMemoryContext;
	QueryFrame	frame;
	Params		params = {0};
	Calendar   *calendar = NULL;
	int			nrows;
	bool		isnull;

	query_add_text(&params, name);
	query_enter(&frame);
	nrows = query_read("SELECT c.mode = 'include', c.timezone, w.first_date,"
					   " w.last_date, w.weekdays, w.from_time, w.to_time, w.window_id"
					   " FROM scheduler.calendar c"
					   " LEFT JOIN scheduler.calendar_window w"
					   " ON w.calendar_name = c.calendar_name"
					   " WHERE c.calendar_name = $1", &params);
	if (nrows > 0)
	{
		Datum		zone = query_column(0, 2, &isnull);

		calendar = MemoryContextAlloc(caller, offsetof(Calendar, windows) +
									  nrows * sizeof(CalendarWindow));
		calendar->zone = calendar_zone(zone, isnull);
		calendar->include = DatumGetBool(query_column(0, 1, &isnull));
		calendar->nwindows = 0;
		(void) query_column(0, 8, &isnull);
		for (int row = 0; row < nrows && !isnull; row++)
			fill_window(row, &calendar->windows[calendar->nwindows++]);
	}
	query_leave(&frame);
	return calendar;
}

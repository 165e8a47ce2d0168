/*-------------------------------------------------------------------------
 *
 * job_definition.c
 *	  A job's definition as a user gives it: defaults, checks, errors.
 *
 * A definition is a row of scheduler.job in the making.  Functions that make or
 * change a job take these steps:
 *
 *	job_definition_init()			defaults; alter_job() reads the row instead
 *	job_definition_set()			what the caller has given
 *	job_definition_check()			everything that can be wrong with it
 *	(the row is stored)
 *	job_definition_check_future()	a schedule that never fires is refused
 *
 * Everything is checked here, so that a worker need not expect nonsense: the
 * command is parsed, settings are tried, the owner must be able to run jobs and
 * the caller to SET ROLE to it.  Workers check rights again, for those can change.
 *
 * Which options there are, and their defaults, is in job_columns.  An error names
 * the option, not the column.
 * For alter_job() NULL is "no change": an empty string takes the calendar away,
 * or the schedule of a job that runs after others.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "api/argument.h"
#include "api/job_definition.h"
#include "api/schedule_api.h"
#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/sql_command.h"
#include "rules/period.h"
#include "rules/zone.h"
#include "table/http_definition.h"
#include "table/query.h"
#include "table/rights.h"

static void
set_column(JobDefinition *def, JobColumn column, Datum value)
{
	def->values[column - 1] = value;
	def->nulls[column - 1] = false;
}

static bool
is_null(const JobDefinition *def, JobColumn column)
{
	return def->nulls[column - 1];
}

static char *
get_text(const JobDefinition *def, JobColumn column)
{
	return is_null(def, column) ? NULL : TextDatumGetCString(def->values[column - 1]);
}

static JobKind
get_kind(const JobDefinition *def)
{
	return job_column_choice(JOB_KIND, get_text(def, JOB_KIND));
}

static void
set_default(JobDefinition *def, JobColumn column)
{
	if (column == JOB_OWNER)
		set_column(def, JOB_OWNER, ObjectIdGetDatum(GetUserId()));
	else
		def->values[column - 1] = job_column_default(column, get_kind(def),
													 &def->nulls[column - 1]);
}

void
job_definition_init(JobDefinition *def, JobKind kind)
{
	memset(def, 0, sizeof(*def));
	memset(def->nulls, true, sizeof(def->nulls));
	def->schedule_given = true;
	set_column(def, JOB_KIND, CStringGetTextDatum(job_column(JOB_KIND)->choices[kind]));
	set_column(def, JOB_SCHEDULE_VERSION, Int32GetDatum(1));
	set_column(def, JOB_ANCHOR, TimestampTzGetDatum(clock_now()));
	set_column(def, JOB_CREATED_AT, TimestampTzGetDatum(clock_now()));
	for (int i = 0; i < JOB_COLUMNS; i++)
		if (job_columns[i].option != NULL)
			set_default(def, (JobColumn) (i + 1));
}

void
job_definition_set(JobDefinition *def, FunctionCallInfo fcinfo)
{
	for (int i = 0; i < JOB_COLUMNS; i++)
	{
		const JobColumnInfo *info = &job_columns[i];
		Datum		value;

		if (info->option == NULL || !argument_get(fcinfo, info->option, info->type, &value))
			continue;
		set_column(def, (JobColumn) (i + 1), value);
		def->schedule_given |= i + 1 == JOB_SCHEDULE;
	}
}

void
job_definition_bad_reset(const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for \"%s\"", "reset"),
			 errdetail("%s", detail),
			 hint ? errhint("%s", hint) : 0));
}

static JobColumn
find_option(const char *name)
{
	for (int i = 0; i < JOB_COLUMNS; i++)
		if (job_columns[i].option != NULL && strcmp(job_columns[i].option, name) == 0)
			return (JobColumn) (i + 1);
	return JOB_NO_COLUMN;
}

/* Options that are kept with what a job runs after, and depends on */
static bool
is_kept_elsewhere(const char *name)
{
	return strcmp(name, "after") == 0 || strcmp(name, "after_on") == 0 ||
		strcmp(name, "depends_on") == 0;
}

void
job_definition_reset(JobDefinition *def, FunctionCallInfo fcinfo)
{
	ListCell   *lc;

	foreach(lc, argument_texts(fcinfo, "reset"))
	{
		const char *name = lfirst(lc);
		JobColumn	column = find_option(name);

		if (argument_is_given(fcinfo, name))
			job_definition_bad_reset(psprintf("\"%s\" is given as well.", job_clip_text(name, 64)),
									 NULL);
		if (column != JOB_NO_COLUMN)
		{
			set_default(def, column);
			def->schedule_given |= column == JOB_SCHEDULE;
		}
		else if (!is_kept_elsewhere(name))
			job_definition_bad_reset(psprintf("There is no option \"%s\".", job_clip_text(name, 64)),
									 "Use the names of options of scheduler.schedule_job().");
	}
}

/*
 * Checks
 */

static void
bad_option(JobColumn column, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for \"%s\"", job_column(column)->option),
			 errdetail("%s", detail),
			 hint ? errhint("%s", hint) : 0));
}

static void
check_name(const JobDefinition *def)
{
	char	   *name = get_text(def, JOB_JOB_NAME);

	if (name[0] == '\0')
		bad_option(JOB_JOB_NAME, "A job's name must not be empty.", NULL);
	if (strlen(name) >= JOB_NAME_LENGTH)
		bad_option(JOB_JOB_NAME,
				   psprintf("A job's name has at most %d bytes; this one has %zu.",
							JOB_NAME_LENGTH - 1, strlen(name)), NULL);
}

static void
check_choice(const JobDefinition *def, JobColumn column)
{
	const char *const *choices = job_column(column)->choices;
	char	   *name = get_text(def, column);
	StringInfoData list;

	if (choices[0] == NULL || job_column_choice(column, name) >= 0)
		return;
	initStringInfo(&list);
	for (int i = 0; choices[i] != NULL; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", choices[i]);
	bad_option(column, psprintf("There is no \"%s\".", job_clip_text(name, 64)),
			   psprintf("Use one of %s.", list.data));
}

static void
check_number(JobColumn column, int64 value)
{
	int64		minimum = job_column(column)->minimum;

	if (value < minimum)
		bad_option(column, minimum == 0 ? "It must not be negative." :
				   psprintf("It must be at least " INT64_FORMAT ".", minimum), NULL);
}

static void
check_interval(JobColumn column, const Interval *value)
{
	int64		minimum = job_column(column)->minimum;
	int64		usecs = job_interval_usecs(value);

	if (usecs < minimum)
		bad_option(column, minimum > 0 ? "It must be greater than zero." :
				   "It must not be negative.", NULL);
	if (usecs > INTERVAL_MAX_USECS)
		bad_option(column, "It must not be longer than 100 years.", NULL);
}

/* What the list of columns says of an option by itself */
static void
check_option(const JobDefinition *def, JobColumn column)
{
	const JobColumnInfo *info = job_column(column);
	Datum		value = def->values[column - 1];

	argument_not_null(is_null(def, column) && info->required, info->option);
	if (is_null(def, column))
		return;
	if (info->sql_only && get_kind(def) != JOB_SQL)
		bad_option(column, "An HTTP job has none.",
				   "Use scheduler.alter_http_job() to change its request.");
	if (info->type == TEXTOID)
		check_choice(def, column);
	else if (info->type == INT4OID)
		check_number(column, DatumGetInt32(value));
	else if (info->type == INT8OID)
		check_number(column, DatumGetInt64(value));
	else if (info->type == INTERVALOID)
		check_interval(column, DatumGetIntervalP(value));
	else if (info->type == TIMESTAMPTZOID && TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(value)))
		bad_option(column, "It must be a finite time.",
				   "For no limit, leave it out, or name it in \"reset\".");
}

static void
check_options(const JobDefinition *def)
{
	for (int i = 0; i < JOB_COLUMNS; i++)
		if (job_columns[i].option != NULL)
			check_option(def, (JobColumn) (i + 1));
}

/* What options say together */
static void
check_combinations(const JobDefinition *def)
{
	if (DatumGetInt32(def->values[JOB_MAX_INSTANCES - 1]) > 1 &&
		job_column_choice(JOB_OVERLAP, get_text(def, JOB_OVERLAP)) != OVERLAP_ALLOW)
		bad_option(JOB_MAX_INSTANCES,
				   "More than one instance runs only where overlap is \"allow\".",
				   "Add overlap => 'allow'.");
	if (!is_null(def, JOB_STARTS_AT) && !is_null(def, JOB_ENDS_AT) &&
		DatumGetTimestampTz(def->values[JOB_STARTS_AT - 1]) >=
		DatumGetTimestampTz(def->values[JOB_ENDS_AT - 1]))
		bad_option(JOB_ENDS_AT, "It must be later than starts_at.", NULL);
	if (!is_null(def, JOB_SOFT_TIMEOUT) && !is_null(def, JOB_TIMEOUT) &&
		job_interval_usecs(DatumGetIntervalP(def->values[JOB_SOFT_TIMEOUT - 1])) >=
		job_interval_usecs(DatumGetIntervalP(def->values[JOB_TIMEOUT - 1])))
		bad_option(JOB_SOFT_TIMEOUT, "It must be shorter than timeout.", NULL);
}

/*
 * A job that is being made has no id yet.  Its H fields are checked as those
 * of id 0, and once more in job_definition_check_future().
 */
static void
check_schedule(JobDefinition *def)
{
	char	   *text = get_text(def, JOB_SCHEDULE);
	char	   *zone = get_text(def, JOB_TIMEZONE);
	ScheduleError error;
	Schedule   *schedule;

	if (zone != NULL && zone_find(zone) == NULL)
		bad_option(JOB_TIMEZONE, psprintf("There is no time zone \"%s\".",
										  job_clip_text(zone, 64)),
				   "See the view pg_timezone_names.");
	if (text != NULL && text[0] == '\0' && def->follows)
	{
		/* the way to take it away with alter_job(), where NULL means no change */
		def->nulls[JOB_SCHEDULE - 1] = true;
		return;
	}
	if (text == NULL && def->follows)
		return;
	if (text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not be null", "schedule"),
				 errhint("Only a job that runs after others needs none: give them with \"after\".")));
	schedule = schedule_parse(text, zone ? zone : pg_scheduler_timezone,
							  job_hash(DatumGetInt64(def->values[JOB_JOB_ID - 1])), &error);
	if (schedule == NULL)
		schedule_report_error(text, &error);
}

static bool
counts_from_start(const Schedule *schedule)
{
	for (int i = 0; i < schedule_count(schedule); i++)
		if (schedule_is(schedule_part(schedule, i), SCHEDULE_ANCHORED))
			return true;
	return false;
}

void
job_definition_check_future(const JobDefinition *def, const Job *job)
{
	TimestampTz set_at = DatumGetTimestampTz(def->values[JOB_ANCHOR - 1]);
	Job			unlimited = *job;
	ScheduleError error;
	Schedule   *schedule;
	TimestampTz first;

	/* the schedule is as it was: its times may well be over */
	if (job->anchor != set_at)
		return;
	if (job->schedule == NULL)
		return;
	schedule = job_parse_schedule(job, &error);
	if (schedule == NULL)
		schedule_report_error(job->schedule, &error);
	if (schedule_is(schedule, SCHEDULE_AT_BOOT))
	{
		if (job->ends_at < set_at)
			bad_option(JOB_ENDS_AT, "It is over, so the schedule can never fire.", NULL);
		return;
	}
	if (counts_from_start(schedule) && job->starts_at != DT_NOBEGIN &&
		(job->starts_at < SCHEDULE_MIN_TIME || job->starts_at >= SCHEDULE_END_TIME))
		bad_option(JOB_STARTS_AT,
				   "An interval counts from it, so it must be in the years 2 to 9999.", NULL);
	unlimited.starts_at = DT_NOBEGIN;
	unlimited.ends_at = DT_NOEND;
	first = job_first_occurrence(&unlimited, schedule);
	if (first == DT_NOEND ||
		(schedule_is(schedule, SCHEDULE_FIXED) && first < set_at))
		schedule_report_over(job->schedule);
	if (job_first_occurrence(job, schedule) != DT_NOEND)
		return;
	if (first > job->ends_at)
		bad_option(JOB_ENDS_AT, "The schedule has no time before it.", NULL);
	if (job->ends_at == DT_NOEND)
		bad_option(JOB_STARTS_AT, "The schedule has no time after it.", NULL);
	bad_option(JOB_STARTS_AT, "The schedule has no time between it and ends_at.", NULL);
}

/* A syntax error is one in the command, not in the call that has it. */
static void
command_error_callback(void *arg)
{
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery((const char *) arg);
	}
}

static void
check_command(const JobDefinition *def)
{
	char	   *text = get_text(def, JOB_COMMAND);
	ErrorContextCallback callback;

	argument_not_null(text == NULL, "command");
	callback.callback = command_error_callback;
	callback.arg = text;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	(void) sql_command_parse(text);
	error_context_stack = callback.previous;
}

/* One setting of a job: may its owner set it to that? */
static void
check_setting(const char *name, const char *value)
{
	static const char *const forbidden[] = {"role", "session_authorization"};

	for (int i = 0; i < lengthof(forbidden); i++)
		if (pg_strcasecmp(name, forbidden[i]) == 0)
			bad_option(JOB_SETTINGS,
					   psprintf("\"%s\" cannot be set by a job.", name),
					   "Use run_as to choose the role that a job runs as.");
	(void) set_config_option(name, value, superuser() ? PGC_SUSET : PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SET, false, ERROR, false);
}

static char *
setting_value(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return value->val.boolean ? "on" : "off";
		default:
			bad_option(JOB_SETTINGS, "Each value must be a string, a number or a boolean.",
					   NULL);
	}
	return NULL;
}

/* Check settings, and store all values as strings. */
static void
check_settings(JobDefinition *def)
{
	Jsonb	   *settings;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbParseState *state = NULL;
	JsonbValue	value;
	JsonbValue *result;
	char	   *name = NULL;

	if (is_null(def, JOB_SETTINGS))
		return;
	settings = DatumGetJsonbP(def->values[JOB_SETTINGS - 1]);
	if (!JB_ROOT_IS_OBJECT(settings))
		bad_option(JOB_SETTINGS, "It must be a JSON object of names and values.",
				   "Example: settings => '{\"work_mem\": \"64MB\"}'.");
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	it = JsonbIteratorInit(&settings->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			name = pnstrdup(value.val.string.val, value.val.string.len);
			pushJsonbValue(&state, WJB_KEY, &value);
		}
		else if (token == WJB_VALUE)
		{
			char	   *text = setting_value(&value);

			check_setting(name, text);
			value.type = jbvString;
			value.val.string.val = text;
			value.val.string.len = strlen(text);
			pushJsonbValue(&state, WJB_VALUE, &value);
		}
	}
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	set_column(def, JOB_SETTINGS, JsonbPGetDatum(JsonbValueToJsonb(result)));
	/* the way to take them away */
	if (name == NULL)
		def->nulls[JOB_SETTINGS - 1] = true;
}

static void
check_request(const JobDefinition *def)
{
	HttpDefinition request;

	http_definition_read(DatumGetJsonbP(def->values[JOB_REQUEST - 1]), &request);
	http_definition_check(&request, DatumGetObjectId(def->values[JOB_OWNER - 1]));
}

static void
check_retry_on(const JobDefinition *def)
{
	Datum	   *names;
	bool	   *nulls;
	int			n;

	if (is_null(def, JOB_RETRY_ON))
		return;
	deconstruct_array(DatumGetArrayTypeP(def->values[JOB_RETRY_ON - 1]),
					  TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *name = nulls[i] ? "" : TextDatumGetCString(names[i]);

		if (!retry_condition_is_known(name))
			bad_option(JOB_RETRY_ON,
					   psprintf("There is no error \"%s\".", job_clip_text(name, 64)),
					   "Use SQLSTATEs such as \"40001\", classes such as \"40\", condition names such as \"deadlock_detected\", or \"all\".");
	}
}

static void
check_queue(const JobDefinition *def)
{
	char	   *name = get_text(def, JOB_QUEUE);

	if (!query_queue_exists(name))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("queue \"%s\" does not exist", job_clip_text(name, 64)),
				 errhint("Use scheduler.create_queue().")));
}

static void
check_calendar(JobDefinition *def)
{
	char	   *name = get_text(def, JOB_CALENDAR);
	Oid			owner;

	/* the way to take it away with alter_job(), where NULL means no change */
	if (name != NULL && name[0] == '\0')
	{
		def->nulls[JOB_CALENDAR - 1] = true;
		return;
	}
	if (name != NULL && !query_find_calendar_owner(name, &owner))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("calendar \"%s\" does not exist", job_clip_text(name, 64)),
				 errhint("Use scheduler.create_calendar(), or see the view scheduler.calendars.")));
}

void
job_definition_deny(Oid owner, const char *option)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to choose what a job of role \"%s\" runs",
					GetUserNameFromId(owner, false)),
			 errdetail("\"%s\" is given.", option),
			 errhint("Who manages jobs may change when they run, and within which limits; the rest is for roles that may SET ROLE to their owner.")));
}

void
job_definition_deny_given(FunctionCallInfo fcinfo, Oid owner, const char *option)
{
	if (argument_is_given(fcinfo, option) ||
		argument_names(argument_texts(fcinfo, "reset"), option))
		job_definition_deny(owner, option);
}

/* What decides on the effects of a job; the leaders of a chain give it args. */
static const char *const run_options[] = {"command", "args", "settings", "run_as", "after"};

void
job_definition_guard(JobDefinition *def, FunctionCallInfo fcinfo)
{
	Oid			owner = DatumGetObjectId(def->values[JOB_OWNER - 1]);

	def->runs_as_before = !rights_can_run_as(owner);
	if (!def->runs_as_before)
		return;
	for (int i = 0; i < lengthof(run_options); i++)
		job_definition_deny_given(fcinfo, owner, run_options[i]);
}

static void
check_owner(const JobDefinition *def)
{
	Oid			owner = DatumGetObjectId(def->values[JOB_OWNER - 1]);
	RightsProblem problem;

	if (!rights_can_run(owner, &problem))
		rights_raise(&problem);
	if (!def->runs_as_before && !rights_can_run_as(owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to run jobs as role \"%s\"",
						GetUserNameFromId(owner, false)),
				 errhint("Only roles that you may SET ROLE to can be given as run_as.")));
}

void
job_definition_check(JobDefinition *def)
{
	check_options(def);
	check_name(def);
	check_owner(def);
	if (get_kind(def) == JOB_SQL)
		check_command(def);
	else
		check_request(def);
	check_combinations(def);
	check_schedule(def);
	if (!def->runs_as_before)
		check_settings(def);
	check_retry_on(def);
	check_queue(def);
	check_calendar(def);
}

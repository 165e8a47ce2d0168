/*-------------------------------------------------------------------------
 *
 * job_column_list.h
 *	  The columns of scheduler.job, in the order of the table; and with them
 *	  the options of jobs.
 *
 * A line a column, for whoever defines the two macros before including this:
 *
 *	JOB_COLUMN(symbol, column, type, ...)	what no user gives
 *	JOB_OPTION(symbol, option, type, ...)	an option and its column
 *
 * The symbol is that of JobColumn.  What follows the type are members of
 * JobColumnInfo that are not zero: see job_row.h.  docs/contributing.md shows
 * how to add an option.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */

/* there is deliberately not an #ifndef PG_SCHEDULER_JOB_COLUMN_LIST_H here */

JOB_COLUMN(JOB_JOB_ID, "job_id", INT8OID, .kept = true)
JOB_OPTION(JOB_JOB_NAME, "job_name", TEXTOID, .required = true, .key = true)
JOB_COLUMN(JOB_OWNER, "owner", REGROLEOID, FIELD(owner), .option = "run_as", .key = true)
JOB_COLUMN(JOB_KIND, "kind", TEXTOID, FIELD(kind), .choices = {"sql", "http"})
JOB_OPTION(JOB_SCHEDULE, "schedule", TEXTOID, FIELD(schedule), .times = true)
JOB_COLUMN(JOB_SCHEDULE_VERSION, "schedule_version", INT4OID, FIELD(schedule_version), .kept = true)
JOB_COLUMN(JOB_ANCHOR, "anchor", TIMESTAMPTZOID, FIELD(anchor), .kept = true)
JOB_OPTION(JOB_TIMEZONE, "timezone", TEXTOID, FIELD(timezone), .times = true)
JOB_OPTION(JOB_STARTS_AT, "starts_at", TIMESTAMPTZOID, FIELD(starts_at), .times = true,
		   .null_value = DT_NOBEGIN)
JOB_OPTION(JOB_ENDS_AT, "ends_at", TIMESTAMPTZOID, FIELD(ends_at), .times = true,
		   .null_value = DT_NOEND)
JOB_OPTION(JOB_MAX_RUNS, "max_runs", INT8OID, FIELD(max_runs), .times = true, .minimum = 1)
JOB_OPTION(JOB_JITTER, "jitter", INTERVALOID, FIELD(jitter), .times = true)
JOB_OPTION(JOB_COMMAND, "command", TEXTOID, FIELD(command), .sql_only = true,
		   .content = true)
JOB_OPTION(JOB_ARGS, "args", JSONBOID, FIELD(args), .content = true)
JOB_OPTION(JOB_SETTINGS, "settings", JSONBOID, FIELD(settings), .sql_only = true,
		   .content = true)
JOB_COLUMN(JOB_REQUEST, "request", JSONBOID, FIELD(request), .content = true)
JOB_OPTION(JOB_QUEUE, "queue", TEXTOID, FIELD(queue), .initial = "default")
JOB_OPTION(JOB_PRIORITY, "priority", INT4OID, FIELD(priority), .initial = "0",
		   .minimum = PG_INT32_MIN)
JOB_OPTION(JOB_OVERLAP, "overlap", TEXTOID, FIELD(overlap), .initial = "skip",
		   .choices = {"skip", "queue", "allow", "cancel"})
JOB_OPTION(JOB_MAX_INSTANCES, "max_instances", INT4OID, FIELD(max_instances), .initial = "1",
		   .minimum = 1)
JOB_OPTION(JOB_MISFIRE, "misfire", TEXTOID, FIELD(misfire), .initial = "run_once",
		   .choices = {"run_once", "run_all", "skip"})
JOB_OPTION(JOB_MISFIRE_GRACE, "misfire_grace", INTERVALOID, FIELD(misfire_grace), .null_value = -1)
JOB_OPTION(JOB_TIMEOUT, "timeout", INTERVALOID, FIELD(timeout), .minimum = 1)
JOB_OPTION(JOB_MAX_RETRIES, "max_retries", INT4OID, FIELD(retry.max_retries), .initial = "0")
JOB_OPTION(JOB_BACKOFF, "backoff", TEXTOID, FIELD(retry.backoff), .initial = "exponential",
		   .choices = {"exponential", "linear", "fixed"})
JOB_OPTION(JOB_RETRY_DELAY, "retry_delay", INTERVALOID, FIELD(retry.delay), .initial = "1 second")
JOB_OPTION(JOB_MAX_RETRY_DELAY, "max_retry_delay", INTERVALOID, FIELD(retry.max_delay),
		   .initial = "1 hour")
JOB_OPTION(JOB_RETRY_JITTER, "retry_jitter", BOOLOID, FIELD(retry.jitter), .initial = "true")
JOB_OPTION(JOB_RETRY_ON, "retry_on", TEXTARRAYOID, FIELD(retry_on))
JOB_OPTION(JOB_ON_LOST, "on_lost", TEXTOID, FIELD(on_lost), .initial = "fail",
		   .initial_http = "retry", .choices = {"fail", "retry"})
JOB_OPTION(JOB_ENABLED, "enabled", BOOLOID, .initial = "true")
JOB_COLUMN(JOB_PAUSED_AT, "paused_at", TIMESTAMPTZOID, .kept = true)
JOB_COLUMN(JOB_PAUSED_REASON, "paused_reason", TEXTOID, .kept = true)
JOB_OPTION(JOB_DESCRIPTION, "description", TEXTOID)
JOB_OPTION(JOB_CALENDAR, "calendar", TEXTOID, FIELD(calendar), .times = true)
JOB_OPTION(JOB_CALENDAR_ACTION, "calendar_action", TEXTOID, FIELD(calendar_action),
		   .times = true, .initial = "skip", .choices = {"skip", "defer"})
JOB_OPTION(JOB_DEAD_LETTERS, "dead_letters", BOOLOID, FIELD(dead_letters), .initial = "true")
JOB_OPTION(JOB_KILL_AFTER, "kill_after", INTERVALOID, FIELD(kill_after), .sql_only = true,
		   .null_value = -1)
JOB_OPTION(JOB_SOFT_TIMEOUT, "soft_timeout", INTERVALOID, FIELD(soft_timeout), .sql_only = true,
		   .minimum = 1)
JOB_OPTION(JOB_SUCCESS_WITHIN, "success_within", INTERVALOID, FIELD(success_within), .minimum = 1)
JOB_COLUMN(JOB_PAUSED_UNTIL, "paused_until", TIMESTAMPTZOID, FIELD(paused_until), .kept = true,
		   .null_value = DT_NOEND)
JOB_COLUMN(JOB_SKIP_THROUGH, "skip_through", TIMESTAMPTZOID, FIELD(skip_through), .kept = true,
		   .null_value = DT_NOBEGIN)
JOB_COLUMN(JOB_CREATED_AT, "created_at", TIMESTAMPTZOID, .kept = true)

/*-------------------------------------------------------------------------
 *
 * guc.c
 *	  Settings.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/guc.h"
#include "base/limits.h"
#include "http/http_guard.h"
#include "rules/zone.h"

bool		pg_scheduler_enabled = true;
int			pg_scheduler_on_copy = ON_COPY_HOLD;
int			pg_scheduler_max_workers = 4;
int			pg_scheduler_max_databases = 64;
int			pg_scheduler_max_workers_per_role = -1;
int			pg_scheduler_max_waiting_runs_per_role = 0;
int			pg_scheduler_max_jobs_per_role = 0;
int			pg_scheduler_max_bytes_per_role = 0;
char	   *pg_scheduler_timezone = NULL;
int			pg_scheduler_worker_idle_timeout = 60 * 1000;
int			pg_scheduler_worker_max_runs = 100000;
int			pg_scheduler_worker_memory_limit = 256 * 1024;
int			pg_scheduler_history_retention = 30 * 24 * 60;
int			pg_scheduler_dead_letter_retention = 90 * 24 * 60;
int			pg_scheduler_log_runs = LOG_RUNS_FAILURES;
int			pg_scheduler_max_timeout = 0;
int			pg_scheduler_kill_after = 10 * 1000;
int			pg_scheduler_shutdown_grace = 30 * 1000;
int			pg_scheduler_crash_limit = 3;
int			pg_scheduler_repair_interval = 300;
bool		pg_scheduler_monitoring = true;
bool		pg_scheduler_recovery = true;
int			pg_scheduler_recovery_retention = 30 * 24 * 60;
int			pg_scheduler_monitor_interval = 1000;
int			pg_scheduler_alert_reopen_window = 600;
int			pg_scheduler_job_metrics_rows = 1000000;
int			pg_scheduler_metrics_interval = 60;
int			pg_scheduler_metrics_retention = 24 * 60;
char	   *pg_scheduler_admin_role = NULL;
int			pg_scheduler_clock_offset = 0;
int			pg_scheduler_http_max_in_flight = 1000;
int			pg_scheduler_http_max_in_flight_per_host = 100;
int			pg_scheduler_http_max_response_size = 1024;
int			pg_scheduler_max_value_size = 1024;
int			pg_scheduler_max_body_size = 16 * 1024;
int			pg_scheduler_max_message_size = 10;
int			pg_scheduler_http_max_memory = 256 * 1024;
int			pg_scheduler_http_timeout = 30 * 1000;
int			pg_scheduler_http_max_timeout = 10 * 60 * 1000;
int			pg_scheduler_http_connect_timeout = 10 * 1000;
char	   *pg_scheduler_http_allowed_networks = NULL;
char	   *pg_scheduler_http_ca_file = NULL;
char	   *pg_scheduler_http_proxy = NULL;
char	   *pg_scheduler_secret_key_file = NULL;

static const struct config_enum_entry log_runs_options[] = {
	{"none", LOG_RUNS_NONE, false},
	{"failures", LOG_RUNS_FAILURES, false},
	{"all", LOG_RUNS_ALL, false},
	{NULL, 0, false}
};

static const struct config_enum_entry on_copy_options[] = {
	{"hold", ON_COPY_HOLD, false},
	{"run", ON_COPY_RUN, false},
	{NULL, 0, false}
};

static bool
check_timezone(char **newval, void **extra, GucSource source)
{
	if (zone_find(*newval) == NULL)
	{
		GUC_check_errdetail("Time zone \"%s\" is not known.", *newval);
		return false;
	}
	return true;
}

static bool
check_allowed_networks(char **newval, void **extra, GucSource source)
{
	HttpNetworks *networks = malloc(http_networks_size(*newval));
	char		detail[160];
	bool		result;

	if (networks == NULL)
		return false;
	result = http_networks_parse(*newval, networks, detail, sizeof(detail));
	free(networks);
	if (!result)
		GUC_check_errdetail("%s", detail);
	return result;
}

static bool
check_proxy(char **newval, void **extra, GucSource source)
{
	HttpUrl		url;
	const char *problem;

	if ((*newval)[0] == '\0')
		return true;
	problem = http_url_parse(*newval, &url);
	if (problem == NULL)
		http_url_free(&url);
	else
		GUC_check_errdetail("%s", problem);
	return problem == NULL;
}

/*
 * The sizes of shared memory.  They can be set at server start only, so they
 * exist only when the library is preloaded.
 */
static void
define_preload_settings(void)
{
	DefineCustomIntVariable("pg_scheduler.max_workers",
							"Number of processes that run SQL jobs, in the whole cluster.",
							"Each takes one of max_worker_processes while it lives.",
							&pg_scheduler_max_workers,
							4, 1, 1024, PGC_POSTMASTER, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.max_databases",
							"Number of databases that can have jobs.",
							NULL,
							&pg_scheduler_max_databases,
							64, 1, 10000, PGC_POSTMASTER, 0,
							NULL, NULL, NULL);
}

static void
define_worker_settings(void)
{
	DefineCustomIntVariable("pg_scheduler.max_workers_per_role",
							"Number of processes that run jobs of one role in one database; 0 is no limit.",
							"With -1, all but one: long runs of one role leave a worker to the others.",
							&pg_scheduler_max_workers_per_role,
							-1, -1, 1024, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.max_waiting_runs_per_role",
							"Number of runs of one role that wait or are executed; 0 is no limit.",
							NULL,
							&pg_scheduler_max_waiting_runs_per_role,
							0, 0, INT_MAX, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.max_jobs_per_role",
							"Number of jobs of one role; 0 is no limit.",
							NULL,
							&pg_scheduler_max_jobs_per_role,
							0, 0, INT_MAX, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.max_bytes_per_role",
							"Size of the definitions of one role's jobs, as stored; 0 is no limit.",
							NULL,
							&pg_scheduler_max_bytes_per_role,
							0, 0, MAX_KILOBYTES, PGC_SIGHUP, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.worker_idle_timeout",
							"A worker without work leaves after this time.",
							NULL,
							&pg_scheduler_worker_idle_timeout,
							60 * 1000, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.worker_max_runs",
							"A worker is replaced after this number of runs.",
							NULL,
							&pg_scheduler_worker_max_runs,
							100000, 1, INT_MAX, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.worker_memory_limit",
							"A worker whose memory stays above this after a run is replaced.",
							NULL,
							&pg_scheduler_worker_memory_limit,
							256 * 1024, 8 * 1024, MAX_KILOBYTES, PGC_SIGHUP, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.shutdown_grace",
							"How long scheduler.stop() lets running runs go on when it is given no timeout.",
							NULL,
							&pg_scheduler_shutdown_grace,
							30 * 1000, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);
}

static void
define_run_settings(void)
{
	DefineCustomIntVariable("pg_scheduler.max_timeout",
							"Longest time any run may take; 0 is no limit.",
							NULL,
							&pg_scheduler_max_timeout,
							0, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.kill_after",
							"A run that has not stopped this long after it was cancelled has its worker terminated.",
							NULL,
							&pg_scheduler_kill_after,
							10 * 1000, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.crash_limit",
							"A job is paused when its runs were part of this number of server crashes in a row.",
							NULL,
							&pg_scheduler_crash_limit,
							3, 1, INT_MAX, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomEnumVariable("pg_scheduler.log_runs",
							 "Which runs are written to the server log.",
							 NULL,
							 &pg_scheduler_log_runs,
							 LOG_RUNS_FAILURES, log_runs_options, PGC_SUSET, 0,
							 NULL, NULL, NULL);
}

static void
define_database_settings(void)
{
	DefineCustomBoolVariable("pg_scheduler.enabled",
							 "Runs jobs.",
							 "Off, no run is started; those under way get pg_scheduler.shutdown_grace.",
							 &pg_scheduler_enabled,
							 true, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomEnumVariable("pg_scheduler.on_copy",
							 "Whether the jobs of a database that is a copy run before scheduler.start().",
							 "A copy comes from a restored backup, a template, a dump or a subscription.",
							 &pg_scheduler_on_copy,
							 ON_COPY_HOLD, on_copy_options, PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	DefineCustomStringVariable("pg_scheduler.timezone",
							   "Time zone of schedules that name none.",
							   NULL,
							   &pg_scheduler_timezone,
							   "UTC", PGC_SIGHUP, 0,
							   check_timezone, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.history_retention",
							"Finished runs are kept for this time.",
							"They are removed a day at a time.",
							&pg_scheduler_history_retention,
							30 * 24 * 60, 1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MIN,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.dead_letter_retention",
							"Dead letters are kept for this time.",
							NULL,
							&pg_scheduler_dead_letter_retention,
							90 * 24 * 60, 1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MIN,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.repair_interval",
							"Time between two checks of a scheduler's own records.",
							NULL,
							&pg_scheduler_repair_interval,
							300, 1, INT_MAX / 1000, PGC_SIGHUP, GUC_UNIT_S,
							NULL, NULL, NULL);
	DefineCustomStringVariable("pg_scheduler.admin_role",
							   "Members of this role see and manage the jobs of all roles.",
							   "Superusers always do.",
							   &pg_scheduler_admin_role,
							   "", PGC_SIGHUP, 0,
							   NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.clock_offset",
							"Moves the clock of pg_scheduler, for tests.",
							NULL,
							&pg_scheduler_clock_offset,
							0, INT_MIN, INT_MAX, PGC_SIGHUP,
							GUC_UNIT_S | GUC_NOT_IN_SAMPLE | GUC_NO_SHOW_ALL,
							NULL, NULL, NULL);
}

static void
define_monitor_settings(void)
{
	DefineCustomBoolVariable("pg_scheduler.monitoring",
							 "Judges the health of jobs, and raises alerts by the rules in scheduler.alert_rules.",
							 "Metrics are collected in any case.",
							 &pg_scheduler_monitoring,
							 true, PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.monitor_interval",
							"Shortest time between two looks at the health of jobs.",
							NULL,
							&pg_scheduler_monitor_interval,
							1000, 10, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.alert_reopen_window",
							"An alert that has resolved itself is opened again when its cause comes back within this time.",
							"After it, handlers that asked for that are told of the end.",
							&pg_scheduler_alert_reopen_window,
							600, 0, INT_MAX / 1000, PGC_SIGHUP, GUC_UNIT_S,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.metrics_interval",
							"Time between two rows of metrics.",
							NULL,
							&pg_scheduler_metrics_interval,
							60, 1, INT_MAX / 1000, PGC_SIGHUP, GUC_UNIT_S,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.metrics_retention",
							"Rows of metrics are kept for this time.",
							NULL,
							&pg_scheduler_metrics_retention,
							24 * 60, 1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MIN,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.job_metrics_rows",
							"Of the rows of metrics of single jobs the newest are kept, about this many.",
							"0 keeps none.",
							&pg_scheduler_job_metrics_rows,
							1000000, 0, INT_MAX, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
}

static void
define_recovery_settings(void)
{
	DefineCustomBoolVariable("pg_scheduler.recovery",
							 "Holds jobs back that keep failing, and tries them again, as scheduler.set_recovery() has set it.",
							 NULL,
							 &pg_scheduler_recovery,
							 true, PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.recovery_retention",
							"Events of recovery are kept for this time.",
							NULL,
							&pg_scheduler_recovery_retention,
							30 * 24 * 60, 1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MIN,
							NULL, NULL, NULL);
}

static void
define_size_settings(void)
{
	DefineCustomIntVariable("pg_scheduler.max_value_size",
							"Longest command, arguments, settings, URL and other value of a definition.",
							"It is checked when a value is given, not when a dump is restored.",
							&pg_scheduler_max_value_size,
							1024, 1, MAX_KILOBYTES, PGC_SUSET, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.max_body_size",
							"Longest body of an HTTP request.",
							NULL,
							&pg_scheduler_max_body_size,
							16 * 1024, 1, MAX_KILOBYTES, PGC_SUSET, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.max_message_size",
							"Longest reason and message.",
							NULL,
							&pg_scheduler_max_message_size,
							10, 1, MAX_KILOBYTES, PGC_SUSET, GUC_UNIT_KB,
							NULL, NULL, NULL);
}

static void
define_http_settings(void)
{
	DefineCustomIntVariable("pg_scheduler.http_max_in_flight",
							"Number of HTTP requests of one database that are under way at once.",
							NULL,
							&pg_scheduler_http_max_in_flight,
							1000, 1, HTTP_FLIGHTS / 2, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.http_max_in_flight_per_host",
							"Number of HTTP requests to one host and port that are under way at once.",
							NULL,
							&pg_scheduler_http_max_in_flight_per_host,
							100, 1, HTTP_FLIGHTS / 2, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.http_max_response_size",
							"Of the body of an HTTP answer this much is kept.",
							NULL,
							&pg_scheduler_http_max_response_size,
							1024, 0, 512 * 1024, PGC_SIGHUP, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.http_max_memory",
							"Memory for all HTTP requests and answers of one database.",
							"Bodies are cut short, and new requests wait, while there is not enough.",
							&pg_scheduler_http_max_memory,
							256 * 1024, 1024, MAX_KILOBYTES, PGC_SIGHUP, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.http_timeout",
							"Longest time of an HTTP request whose job has no timeout; 0 is no limit.",
							NULL,
							&pg_scheduler_http_timeout,
							30 * 1000, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.http_max_timeout",
							"Longest time any HTTP request may take; 0 is no limit.",
							NULL,
							&pg_scheduler_http_max_timeout,
							10 * 60 * 1000, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pg_scheduler.http_connect_timeout",
							"Longest time to connect, for a job that has no connect_timeout.",
							NULL,
							&pg_scheduler_http_connect_timeout,
							10 * 1000, 1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);
}

static void
define_http_network_settings(void)
{
	DefineCustomStringVariable("pg_scheduler.http_allowed_networks",
							   "Networks that HTTP requests may go to although they are not public.",
							   "A comma-separated list, such as \"10.20.0.0/16, 127.0.0.1, fd00:1::/32\".",
							   &pg_scheduler_http_allowed_networks,
							   "", PGC_SIGHUP, 0,
							   check_allowed_networks, NULL, NULL);
	DefineCustomStringVariable("pg_scheduler.http_ca_file",
							   "File of certificate authorities to trust, instead of the system's.",
							   NULL,
							   &pg_scheduler_http_ca_file,
							   "", PGC_SIGHUP, 0,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("pg_scheduler.secret_key_file",
							   "File of keys that secrets are encrypted with.",
							   "Outside the data directory; empty: secrets are not encrypted.",
							   &pg_scheduler_secret_key_file,
							   "", PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("pg_scheduler.http_proxy",
							   "URL of a proxy for all HTTP requests.",
							   "Proxies of the environment are not used.",
							   &pg_scheduler_http_proxy,
							   "", PGC_SIGHUP, 0,
							   check_proxy, NULL, NULL);
}

void
guc_define(void)
{
	if (process_shared_preload_libraries_in_progress)
		define_preload_settings();
	define_worker_settings();
	define_run_settings();
	define_database_settings();
	define_monitor_settings();
	define_recovery_settings();
	define_size_settings();
	define_http_settings();
	define_http_network_settings();
}

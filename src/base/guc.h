/*-------------------------------------------------------------------------
 *
 * guc.h
 *	  Settings.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_GUC_H
#define PG_SCHEDULER_GUC_H

typedef enum LogRuns
{
	LOG_RUNS_NONE,
	LOG_RUNS_FAILURES,
	LOG_RUNS_ALL
} LogRuns;

typedef enum OnCopy
{
	ON_COPY_HOLD,
	ON_COPY_RUN
} OnCopy;

extern bool pg_scheduler_enabled;
extern int	pg_scheduler_on_copy;	/* OnCopy */
extern int	pg_scheduler_max_workers;
extern int	pg_scheduler_max_databases;
extern int	pg_scheduler_max_waiting_runs_per_role;	/* 0: no limit */
extern int	pg_scheduler_max_jobs_per_role;	/* 0: no limit */
extern int	pg_scheduler_max_bytes_per_role;	/* kB; 0: no limit */
extern int	pg_scheduler_max_workers_per_role;	/* 0: no limit; -1: all but one */
extern char *pg_scheduler_timezone;
extern int	pg_scheduler_worker_idle_timeout;	/* ms */
extern int	pg_scheduler_worker_max_runs;
extern int	pg_scheduler_worker_memory_limit;	/* kB */
extern int	pg_scheduler_history_retention; /* minutes */
extern int	pg_scheduler_dead_letter_retention; /* minutes */
extern int	pg_scheduler_log_runs;	/* LogRuns */
extern int	pg_scheduler_max_timeout;	/* ms, 0: none */
extern int	pg_scheduler_kill_after;	/* ms */
extern int	pg_scheduler_shutdown_grace;	/* ms */
extern int	pg_scheduler_crash_limit;
extern int	pg_scheduler_repair_interval;	/* s */
extern bool pg_scheduler_monitoring;
extern bool pg_scheduler_recovery;
extern int	pg_scheduler_recovery_retention;	/* minutes */
extern int	pg_scheduler_monitor_interval;	/* ms */
extern int	pg_scheduler_job_metrics_rows;
extern int	pg_scheduler_alert_reopen_window;	/* s */
extern int	pg_scheduler_metrics_interval;	/* s */
extern int	pg_scheduler_metrics_retention; /* minutes */
extern char *pg_scheduler_admin_role;
extern int	pg_scheduler_clock_offset;	/* s */
extern int	pg_scheduler_http_max_in_flight;
extern int	pg_scheduler_http_max_in_flight_per_host;
extern int	pg_scheduler_http_max_response_size;	/* kB */
extern int	pg_scheduler_max_value_size;	/* kB */
extern int	pg_scheduler_max_body_size; /* kB */
extern int	pg_scheduler_max_message_size;	/* kB */
extern int	pg_scheduler_http_max_memory;	/* kB */
extern int	pg_scheduler_http_timeout;
extern int	pg_scheduler_http_max_timeout;	/* ms, 0: none */
extern int	pg_scheduler_http_connect_timeout;	/* ms */
extern char *pg_scheduler_http_allowed_networks;
extern char *pg_scheduler_http_ca_file;
extern char *pg_scheduler_http_proxy;
extern char *pg_scheduler_secret_key_file;

extern void guc_define(void);

#endif							/* PG_SCHEDULER_GUC_H */

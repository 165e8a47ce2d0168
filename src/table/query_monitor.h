/*-------------------------------------------------------------------------
 *
 * query_monitor.h
 *	  The SQL behind health, alerts and metrics; one function a statement.
 *
 * What query.h says of its functions holds for these.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_QUERY_MONITOR_H
#define PG_SCHEDULER_QUERY_MONITOR_H

#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "rules/alert_kind.h"
#include "rules/health_rules.h"
#include "shared/connection_count.h"
#include "table/events.h"

/*
 * Alerts (query_alert.c)
 *
 * None of these functions waits for a row that somebody has locked: who may
 * resolve an alert can leave that uncommitted for as long as he likes.
 */

typedef struct AlertRow
{
	char	   *kind;
	char	   *severity;
	char	   *subject;
	int64		job_id;			/* 0: none */
	Oid			owner;			/* InvalidOid: the scheduler */
	char	   *message;
	int64		count;
} AlertRow;

/*
 * Lock those of these alerts that are open: locked[] says which could not be
 * locked, and are to be left for later; the result is how many these are.
 */
extern int	query_lock_alerts(const AlertRow *rows, int n, bool *locked);

/*
 * To the end of the transaction nobody else raises the alert of this check: two
 * who insert the same alert would have to wait for each other.
 */
extern bool query_try_lock_check(int64 check_id);

/*
 * Open alerts, or say of open ones, which have been locked, that they still
 * hold; ids of those opened.
 */
extern int	query_open_alerts(const AlertRow *rows, int n, TimestampTz now,
							  int64 **opened);

/* Open again what has resolved itself since a time. */
extern void query_reopen_alerts(const AlertRow *rows, int n, TimestampTz since);

/* Resolve open alerts, which have been locked. */
extern void query_resolve_alerts(const AlertRow *rows, int n, TimestampTz now);

/*
 * Alerts that have resolved themselves before a time and whose end handlers
 * are to be told of, some at a time: ids; they are not returned again.  When
 * the first of the rest resolved itself: DT_NOEND if there is none.
 */
extern int	query_take_ended_alerts(TimestampTz before, int64 **alert_ids);
extern TimestampTz query_next_ended_alert(void);

/* Resolve what lasts only as long as a job, or a dead letter, exists. */
extern int64 query_resolve_gone_alerts(TimestampTz now);
extern void query_resolve_gone_queue_alerts(TimestampTz now);

/* Those of jobs that were given up, and are not any more */
extern int64 query_resolve_given_up(TimestampTz now);

/* The open alerts that have jobs as their subject */
typedef void (*OpenAlertCallback) (const char *kind, int64 job_id, Oid owner,
								   const char *queue, void *arg);
extern void query_scan_open_alerts(OpenAlertCallback callback, void *arg);

/* What 95 in 100 of the attempts of a job took at most, in microseconds; 0: not known. */
extern int64 query_job_p95(int64 job_id);

/*
 * Jobs with a success_within that are neither paused nor over; how many.  *rows is
 * palloc'd.
 */
typedef struct SuccessWithin
{
	int64		job_id;
	TimestampTz since;			/* the last success, or when the job was made */
	int64		within;			/* us */
} SuccessWithin;
extern int	query_success_within(SuccessWithin **rows);

/* Those that have not */
typedef void (*OpenSubjectCallback) (const char *kind, const char *subject, void *arg);
extern void query_scan_open_alerts_of_no_job(OpenSubjectCallback callback, void *arg);

typedef void (*AlertRuleCallback) (const char *kind, const AlertRule *rule, void *arg);
extern void query_scan_alert_rules(AlertRuleCallback callback, void *arg);

/* A handler and what it is to be told */
typedef struct AlertCall
{
	int64		job_id;			/* of a handler that is a job */
	Jsonb	   *alerts;			/* its argument */
	char	   *channel;		/* NULL: it is a job */
	char	   *payload;
} AlertCall;
typedef void (*AlertCallCallback) (const AlertCall *call, void *arg);
extern void query_scan_alert_calls(const int64 *alert_ids, int n, bool resolved,
								   AlertCallCallback callback, void *arg);

/*
 * For alert_api.c (query_alert_api.c)
 */

/* Whose an alert is; InvalidOid: the scheduler's.  False: there is none open. */
extern bool query_find_open_alert(int64 alert_id, Oid *owner);
extern void query_resolve_by_hand(int64 alert_id, Oid by, TimestampTz now);

/* All of a kind (NULL: any) that the role sees: ids, and how many. */
extern int	query_resolve_all_by_hand(const char *kind, Oid by, TimestampTz now,
									  int64 **alert_ids);

/* NULL, or an option that is NULL: as it is.  False: there is no such rule. */
extern bool query_update_alert_rule(const char *kind, const bool *enabled,
									const double *threshold, const char *severity,
									const Interval *interval);
extern bool query_alert_rule_exists(const char *kind);

/* Back to the preset. */
extern void query_delete_alert_rule(const char *kind);

typedef struct AlertCheck
{
	int64		check_id;
	char	   *name;
	Oid			owner;
	char	   *severity;
	char	   *message;		/* may be NULL */
	char	   *predicate;
} AlertCheck;

extern int64 query_upsert_alert_check(const AlertCheck *check, int64 job_id);
extern bool query_find_alert_check(int64 job_id, AlertCheck *check);

extern int64 query_upsert_alert_handler(const char *name, Oid owner, int64 job_id,
										const char *channel, ArrayType *kinds,
										const char *min_severity, bool resolved,
										TimestampTz now);

/* The job of a handler, or 0. */
extern int64 query_find_handler_job(const char *name, Oid owner);

/* False: there is none.  *job_id: its job, or 0. */
extern bool query_delete_alert_handler(const char *name, Oid owner, int64 *job_id);

/*
 * Health
 */

typedef struct JobHealthRow
{
	int64		job_id;
	Health		health;
	HealthState own;			/* all dependencies left aside */
	const char *waits_for;		/* NULL: nothing */
} JobHealthRow;

extern void query_write_job_health(const JobHealthRow *rows, int n, TimestampTz now);

/* Jobs whose last state was not healthy */
typedef void (*JobHealthCallback) (int64 job_id, Oid owner, const char *queue,
								   const char *state, void *arg);
extern void query_scan_unhealthy_jobs(JobHealthCallback callback, void *arg);

typedef struct QueueHealthRow
{
	const char *queue;
	Health		health;
	int64		backlog;
	int64		running;
	const char *waits_for;		/* why no runs begin; NULL: they do */
} QueueHealthRow;
extern void query_write_queue_health(const QueueHealthRow *rows, int n, TimestampTz now);

/*
 * Every queue; "count": how many of its jobs are unhealthy, and how many it
 * has if some are; else 0.
 */
typedef void (*QueueJobsCallback) (const char *queue, int64 jobs, int64 unhealthy,
								   void *arg);
extern void query_scan_queue_jobs(bool count, QueueJobsCallback callback, void *arg);

/* The same of the jobs in a range of ids, by queue, whether some are unhealthy or not */
extern void query_count_queue_jobs(int64 after, int64 upto, QueueJobsCallback callback,
								   void *arg);
extern bool query_has_unhealthy_jobs(void);

/*
 * Metrics
 */

typedef struct MinuteRow
{
	Oid			owner;
	char	   *queue;
	Tally		tally;
} MinuteRow;

/* The error of the last attempt of a job that did not succeed, palloc'd; NULL: none. */
extern char *query_last_error(int64 job_id);

extern void query_insert_minutes(const MinuteRow *rows, int n, TimestampTz minute);

/* Add to the totals of jobs, and keep as a minute of each unless DT_NOBEGIN. */
extern void query_add_job_metrics(const JobTally *jobs, int n, TimestampTz minute);

typedef struct SchedulerMinute
{
	int64		backlog;
	int64		running;
	int64		waiting;
	int64		workers;
	int64		workers_busy;
	int64		max_workers;
	int64		restarts;		/* of workers, since the last row */
	int64		memory;			/* of all workers, bytes */
	int64		http_in_flight;
	ConnectionCount connections;
} SchedulerMinute;
extern void query_insert_scheduler_minute(const SchedulerMinute *row, TimestampTz minute);
extern void query_delete_old_minutes(TimestampTz before);

#endif							/* PG_SCHEDULER_QUERY_MONITOR_H */

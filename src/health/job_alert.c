/*-------------------------------------------------------------------------
 *
 * job_alert.c
 *	  Alerts of jobs: what is raised, kept up and resolved when one is judged.
 *
 * JobMetrics.raised has a bit for each alert of a job that is open, so that one is
 * written when something changes and not at each look.  What somebody has
 * resolved by hand, and what is old when the scheduler starts, is "calm": it is
 * not raised again before another attempt has ended (JobMetrics.news).  A kind
 * that lasts (AlertKindInfo.lasts) goes on without that, and knows no calm.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#include "health/job_alert.h"
#include "state/alert.h"
#include "state/alert_rule.h"
#include "table/query_monitor.h"
#include "table/job.h"

/* Of an alert that lasts, the count is written every: 60 s. */
#define TOUCH_INTERVAL	USECS_PER_MINUTE

/* Of the last error an alert has so many bytes. */
#define LAST_ERROR_LENGTH	300

/* Failures of a job: their alerts end with the last error. */
#define FAILURE_KINDS	(ALERT_BIT(ALERT_JOB_FAILED) | ALERT_BIT(ALERT_JOB_FAILING) | \
						 ALERT_BIT(ALERT_FAILURE_RATE) | ALERT_BIT(ALERT_TIMEOUTS) | \
						 ALERT_BIT(ALERT_DEAD_LETTER))

/*
 * Raise, keep up or resolve one alert of a job.  The message is put together
 * only when there is something to say.
 */
static void
append_last_error(StringInfo message, int64 job_id)
{
	char	   *error = query_last_error(job_id);

	if (error != NULL)
		appendStringInfo(message, ": %s", job_clip_text(error, LAST_ERROR_LENGTH));
}

static void set_job_alert(JobMetrics *metrics, AlertKind kind, bool holds, bool touch,
						  int64 count, const char *format,...) pg_attribute_printf(6, 7);

static void
set_job_alert(JobMetrics *metrics, AlertKind kind, bool holds, bool touch,
			  int64 count, const char *format,...)
{
	const char *subject = job_subject(metrics->job_id);
	uint64		bit = ALERT_BIT(kind);

	if (!holds)
		metrics->calm &= ~bit;
	if (holds ? (metrics->calm & bit) != 0 && !metrics->news : (metrics->raised & bit) == 0)
		return;
	metrics->calm &= ~bit;
	if (!holds)
		alert_resolve(kind, subject);
	else if (touch || !(metrics->raised & bit))
	{
		StringInfoData message;
		va_list		args;
		int			needed;

		initStringInfo(&message);
		do
		{
			va_start(args, format);
			needed = appendStringInfoVA(&message, format, args);
			va_end(args);
			if (needed > 0)
				enlargeStringInfo(&message, needed);
		} while (needed > 0);
		if (bit & FAILURE_KINDS)
			append_last_error(&message, metrics->job_id);
		alert_raise_counted(kind, subject, metrics->job_id, metrics->owner, message.data,
							Max(count, 1));
	}
	metrics->raised = holds ? metrics->raised | bit : metrics->raised & ~bit;
}

/* It lasts until a run succeeds, or the failures are forgiven. */
static void
alert_of_failed_run(JobMetrics *metrics, const JobFacts *facts, const char *name, bool touch)
{
	bool		raised = (metrics->raised & ALERT_BIT(ALERT_JOB_FAILED)) != 0;
	bool		holds = alert_rule(ALERT_JOB_FAILED)->enabled &&
		(raised ? facts->consecutive_failures > 0 : metrics->failed_runs > 0);

	touch &= metrics->failed_runs > 0;
	set_job_alert(metrics, ALERT_JOB_FAILED, holds, touch, metrics->failed_runs,
				  "a run of job \"%s\" is over without success", name);
	if (!raised || touch || !holds)
		metrics->failed_runs = 0;
}

void
job_alert_judge(JobMetrics *metrics, const JobFacts *facts, const HealthLimits *limits,
				const Job *job, TimestampTz now)
{
	const char *name = job->job_name;
	bool		retries = job->retry.max_retries > 0;
	bool		touch = metrics->new_failures > 0 &&
		(metrics->alerted_at == DT_NOBEGIN || now - metrics->alerted_at >= TOUCH_INTERVAL);

	alert_of_failed_run(metrics, facts, name, touch);
	set_job_alert(metrics, ALERT_JOB_FAILING,
				  limits->error_threshold > 0 &&
				  facts->consecutive_failures >= limits->error_threshold,
				  touch, metrics->new_failures,
				  "job \"%s\" failed %d times in a row", name,
				  facts->consecutive_failures);
	set_job_alert(metrics, ALERT_FAILURE_RATE, health_rate_exceeded(facts, limits),
				  touch, 1, "%d of the last %d attempts of job \"%s\" failed",
				  facts->failures, facts->attempts, name);
	set_job_alert(metrics, ALERT_TIMEOUTS,
				  limits->timeouts > 0 && facts->timeouts >= limits->timeouts,
				  touch, facts->timeouts,
				  "%d of the last %d attempts of job \"%s\" timed out",
				  facts->timeouts, facts->attempts, name);
	set_job_alert(metrics, ALERT_LATE_START,
				  limits->lateness > 0 && facts->lateness > limits->lateness, false, 1,
				  "job \"%s\" started " INT64_FORMAT " seconds late", name,
				  facts->lateness / USECS_PER_SEC);
	set_job_alert(metrics, ALERT_LONG_RUNNING, facts->runs_long, false, 1,
				  "a run of job \"%s\" has gone on since %s", name,
				  facts->runs_long ? timestamptz_to_str(metrics->long_since) : "");
	set_job_alert(metrics, ALERT_NO_SUCCESS, facts->no_success, false, 1,
				  "no run of job \"%s\" has succeeded since %s", name,
				  facts->no_success ? timestamptz_to_str(metrics->overdue_since) : "");
	set_job_alert(metrics, ALERT_NOT_RUN, health_not_run(facts, limits), false, 1,
				  "%d occurrences in a row of job \"%s\" were skipped or missed",
				  facts->not_run, name);
	set_job_alert(metrics, ALERT_DEPENDENCY_UNHEALTHY, facts->waits_for != NULL, false, 1,
				  "job \"%s\" %s", name, facts->waits_for ? facts->waits_for : "");
	set_job_alert(metrics, ALERT_HEALTH_CHECK, facts->check_failed, facts->check_changed, 1,
				  "job \"%s\" is unhealthy: %s", name,
				  facts->check_failed ? facts->check_reason : "");
	/* of a job without retries job_failed says it all */
	if (metrics->dead_letter && retries && alert_rule(ALERT_DEAD_LETTER)->enabled)
		set_job_alert(metrics, ALERT_DEAD_LETTER, true, true, 1,
					  "a run of job \"%s\" is out of attempts, and a dead letter", name);
	/* it lasts as long as the dead letter, whatever becomes of later runs */
	metrics->raised &= ~ALERT_BIT(ALERT_DEAD_LETTER);
	metrics->dead_letter = false;
	if (touch || metrics->alerted_at == DT_NOBEGIN)
	{
		metrics->alerted_at = now;
		metrics->new_failures = 0;
	}
	metrics->news = false;
}

void
job_alert_note_judged(JobMetrics *metrics, bool judged)
{
	set_job_alert(metrics, ALERT_JUDGEMENT_FAILED, !judged, false, 1,
				  "job " INT64_FORMAT " could not be judged; see the server log", metrics->job_id);
}

void
job_alert_forget(JobMetrics *metrics)
{
	for (int kind = 0; kind < ALERT_KINDS; kind++)
		if (alert_kind(kind)->subject == ALERT_OF_JOB)
			set_job_alert(metrics, kind, false, false, 0, NULL);
}

/*
 * Which are open
 */

/* Kinds that are raised again only when something happens */
static uint64
passing_kinds(void)
{
	uint64		result = 0;

	for (int kind = 0; kind < ALERT_KINDS; kind++)
		if (!alert_kind(kind)->lasts)
			result |= ALERT_BIT(kind);
	return result;
}

void
job_alert_calm(JobMetrics *metrics)
{
	metrics->calm |= passing_kinds() & ~metrics->raised;
}

/* The metrics of an open alert's job, with its bit; NULL: it is not of that sort. */
static JobMetrics *
note_open(const char *kind, int64 job_id, Oid owner, const char *queue)
{
	int			i = alert_kind_from_name(kind);
	JobMetrics *metrics;

	if (i < 0 || i == ALERT_DEAD_LETTER || alert_kind(i)->subject != ALERT_OF_JOB)
		return NULL;
	metrics = job_metrics_get(job_id, owner, queue);
	if (metrics != NULL)
		metrics->raised |= ALERT_BIT(i);
	return metrics;
}

static void
load_alert(const char *kind, int64 job_id, Oid owner, const char *queue, void *arg)
{
	JobMetrics *metrics = note_open(kind, job_id, owner, queue);

	if (metrics == NULL)
		return;
	job_alert_calm(metrics);
	job_metrics_touch(metrics);
}

void
job_alert_load(void)
{
	query_scan_open_alerts(load_alert, NULL);
}

static void
doubt(JobMetrics *metrics, void *arg)
{
	metrics->raised_before = metrics->raised;
	metrics->raised = 0;
}

static void
confirm(const char *kind, int64 job_id, Oid owner, const char *queue, void *arg)
{
	(void) note_open(kind, job_id, owner, queue);
}

static void
see_lost(JobMetrics *metrics, void *arg)
{
	uint64		lost = metrics->raised_before & ~metrics->raised;

	if (lost == 0)
		return;
	metrics->calm |= lost & passing_kinds();
	job_metrics_touch(metrics);
}

void
job_alert_compare(void)
{
	job_metrics_foreach(doubt, NULL);
	query_scan_open_alerts(confirm, NULL);
	job_metrics_foreach(see_lost, NULL);
}

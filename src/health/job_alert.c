/*-------------------------------------------------------------------------
 *
 * job_alert.c
 *	  Alerts of jobs: what is raised, kept up and resolved when one is judged.
 *
 * JobMeter.raised has a bit for each alert of a job that is open, so that one is
 * written when something changes and not at each look.  What somebody has
 * resolved by hand, and what is old when the scheduler starts, is "calm": it is
 * not raised again before another attempt has ended (JobMeter.news).  A kind
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

static void set_job_alert(JobMeter *meter, AlertKind kind, bool holds, bool touch,
						  int64 count, const char *format,...) pg_attribute_printf(6, 7);

static void
set_job_alert(JobMeter *meter, AlertKind kind, bool holds, bool touch,
			  int64 count, const char *format,...)
{
	const char *subject = job_subject(meter->job_id);
	uint64		bit = ALERT_BIT(kind);

	if (!holds)
		meter->calm &= ~bit;
	if (holds ? (meter->calm & bit) != 0 && !meter->news : (meter->raised & bit) == 0)
		return;
	meter->calm &= ~bit;
	if (!holds)
		alert_resolve(kind, subject);
	else if (touch || !(meter->raised & bit))
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
			append_last_error(&message, meter->job_id);
		alert_raise_counted(kind, subject, meter->job_id, meter->owner, message.data,
							Max(count, 1));
	}
	meter->raised = holds ? meter->raised | bit : meter->raised & ~bit;
}

/* It lasts until a run succeeds, or the failures are forgiven. */
static void
alert_of_failed_run(JobMeter *meter, const JobFacts *facts, const char *name, bool touch)
{
	bool		raised = (meter->raised & ALERT_BIT(ALERT_JOB_FAILED)) != 0;
	bool		holds = alert_rule(ALERT_JOB_FAILED)->enabled &&
		(raised ? facts->consecutive_failures > 0 : meter->failed_runs > 0);

	touch &= meter->failed_runs > 0;
	set_job_alert(meter, ALERT_JOB_FAILED, holds, touch, meter->failed_runs,
				  "a run of job \"%s\" is over without success", name);
	if (!raised || touch || !holds)
		meter->failed_runs = 0;
}

void
job_alert_judge(JobMeter *meter, const JobFacts *facts, const HealthLimits *limits,
				const Job *job, TimestampTz now)
{
	const char *name = job->job_name;
	bool		retries = job->retry.max_retries > 0;
	bool		touch = meter->new_failures > 0 &&
		(meter->alerted_at == DT_NOBEGIN || now - meter->alerted_at >= TOUCH_INTERVAL);

	alert_of_failed_run(meter, facts, name, touch);
	set_job_alert(meter, ALERT_JOB_FAILING,
				  limits->error_threshold > 0 &&
				  facts->consecutive_failures >= limits->error_threshold,
				  touch, meter->new_failures,
				  "job \"%s\" failed %d times in a row", name,
				  facts->consecutive_failures);
	set_job_alert(meter, ALERT_FAILURE_RATE, health_rate_exceeded(facts, limits),
				  touch, 1, "%d of the last %d attempts of job \"%s\" failed",
				  facts->failures, facts->attempts, name);
	set_job_alert(meter, ALERT_TIMEOUTS,
				  limits->timeouts > 0 && facts->timeouts >= limits->timeouts,
				  touch, facts->timeouts,
				  "%d of the last %d attempts of job \"%s\" timed out",
				  facts->timeouts, facts->attempts, name);
	set_job_alert(meter, ALERT_LATE_START,
				  limits->lateness > 0 && facts->lateness > limits->lateness, false, 1,
				  "job \"%s\" started " INT64_FORMAT " seconds late", name,
				  facts->lateness / USECS_PER_SEC);
	set_job_alert(meter, ALERT_LONG_RUNNING, facts->runs_long, false, 1,
				  "a run of job \"%s\" has gone on since %s", name,
				  facts->runs_long ? timestamptz_to_str(meter->long_since) : "");
	set_job_alert(meter, ALERT_NOT_RUN, health_not_run(facts, limits), false, 1,
				  "%d occurrences in a row of job \"%s\" were skipped or missed",
				  facts->not_run, name);
	set_job_alert(meter, ALERT_DEPENDENCY_UNHEALTHY, facts->waits_for != NULL, false, 1,
				  "job \"%s\" %s", name, facts->waits_for ? facts->waits_for : "");
	set_job_alert(meter, ALERT_HEALTH_CHECK, facts->check_failed, facts->check_changed, 1,
				  "job \"%s\" is unhealthy: %s", name,
				  facts->check_failed ? facts->check_reason : "");
	/* of a job without retries job_failed says it all */
	if (meter->dead_letter && retries && alert_rule(ALERT_DEAD_LETTER)->enabled)
		set_job_alert(meter, ALERT_DEAD_LETTER, true, true, 1,
					  "a run of job \"%s\" is out of attempts, and a dead letter", name);
	/* it lasts as long as the dead letter, whatever becomes of later runs */
	meter->raised &= ~ALERT_BIT(ALERT_DEAD_LETTER);
	meter->dead_letter = false;
	if (touch || meter->alerted_at == DT_NOBEGIN)
	{
		meter->alerted_at = now;
		meter->new_failures = 0;
	}
	meter->news = false;
}

void
job_alert_note_judged(JobMeter *meter, bool judged)
{
	set_job_alert(meter, ALERT_JUDGEMENT_FAILED, !judged, false, 1,
				  "job " INT64_FORMAT " could not be judged; see the server log", meter->job_id);
}

void
job_alert_forget(JobMeter *meter)
{
	for (int kind = 0; kind < ALERT_KINDS; kind++)
		if (alert_kind(kind)->subject == ALERT_OF_JOB)
			set_job_alert(meter, kind, false, false, 0, NULL);
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
job_alert_calm(JobMeter *meter)
{
	meter->calm |= passing_kinds() & ~meter->raised;
}

/* The meter of an open alert's job, with its bit; NULL: it is not of that sort. */
static JobMeter *
note_open(const char *kind, int64 job_id, Oid owner, const char *queue)
{
	int			i = alert_kind_from_name(kind);
	JobMeter   *meter;

	if (i < 0 || i == ALERT_DEAD_LETTER || alert_kind(i)->subject != ALERT_OF_JOB)
		return NULL;
	meter = meter_get(job_id, owner, queue);
	if (meter != NULL)
		meter->raised |= ALERT_BIT(i);
	return meter;
}

static void
load_alert(const char *kind, int64 job_id, Oid owner, const char *queue, void *arg)
{
	JobMeter   *meter = note_open(kind, job_id, owner, queue);

	if (meter == NULL)
		return;
	job_alert_calm(meter);
	meter_touch(meter);
}

void
job_alert_load(void)
{
	query_scan_open_alerts(load_alert, NULL);
}

static void
doubt(JobMeter *meter, void *arg)
{
	meter->raised_before = meter->raised;
	meter->raised = 0;
}

static void
confirm(const char *kind, int64 job_id, Oid owner, const char *queue, void *arg)
{
	(void) note_open(kind, job_id, owner, queue);
}

static void
see_lost(JobMeter *meter, void *arg)
{
	uint64		lost = meter->raised_before & ~meter->raised;

	if (lost == 0)
		return;
	meter->calm |= lost & passing_kinds();
	meter_touch(meter);
}

void
job_alert_compare(void)
{
	meter_foreach(doubt, NULL);
	query_scan_open_alerts(confirm, NULL);
	meter_foreach(see_lost, NULL);
}

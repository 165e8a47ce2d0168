/*-------------------------------------------------------------------------
 *
 * alert_rule.c
 *	  When the scheduler raises an alert by itself: rows of alert_rule.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"

#include <math.h>

#include "state/alert_rule.h"
#include "table/query_monitor.h"

/* Fewer attempts give no rate of failures. */
#define MIN_ATTEMPTS	5

static AlertRule rules[ALERT_KINDS];

const AlertRule *
alert_rule(AlertKind kind)
{
	return &rules[kind];
}

static double
threshold(AlertKind kind)
{
	return rules[kind].enabled ? rules[kind].threshold : 0;
}

void
alert_rule_limits(HealthLimits *limits)
{
	limits->error_threshold = (int) threshold(ALERT_JOB_FAILING);
	limits->failure_rate = threshold(ALERT_FAILURE_RATE);
	limits->min_attempts = MIN_ATTEMPTS;
	limits->lateness = (int64) rint(threshold(ALERT_LATE_START) * USECS_PER_SEC);
	limits->timeouts = (int) threshold(ALERT_TIMEOUTS);
	limits->not_run = (int) threshold(ALERT_NOT_RUN);
	limits->not_run_time = rules[ALERT_NOT_RUN].interval;
	limits->backlog = (int64) threshold(ALERT_QUEUE_BACKLOG);
}

static void
set_rule(const char *kind, const AlertRule *rule, void *arg)
{
	int			i = alert_kind_from_name(kind);

	if (i >= 0)
		rules[i] = *rule;
}

void
alert_rule_load(void)
{
	Assert(IsTransactionState());
	memset(rules, 0, sizeof(rules));
	query_scan_alert_rules(set_rule, NULL);
}

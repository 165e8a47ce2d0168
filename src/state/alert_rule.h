/*-------------------------------------------------------------------------
 *
 * alert_rule.h
 *	  When the scheduler raises an alert by itself: rows of alert_rule.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_ALERT_RULE_H
#define PG_SCHEDULER_ALERT_RULE_H

#include "rules/alert_kind.h"
#include "rules/health_rules.h"

/* The rule in force; those that have no row are not enabled. */
extern const AlertRule *alert_rule(AlertKind kind);

/* What the rules say is too much. */
extern void alert_rule_limits(HealthLimits *limits);

/* Read all rules.  In a transaction. */
extern void alert_rule_load(void);

#endif							/* PG_SCHEDULER_ALERT_RULE_H */

/*-------------------------------------------------------------------------
 *
 * alert_kind.h
 *	  The kinds of alerts, by number and by name.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_ALERT_KIND_H
#define PG_SCHEDULER_ALERT_KIND_H

/* Those up to ALERT_LAST_OF_JOB have a job as their subject. */
typedef enum AlertKind
{
	ALERT_JOB_FAILING,
	ALERT_FAILURE_RATE,
	ALERT_TIMEOUTS,
	ALERT_LATE_START,
	ALERT_DEPENDENCY_UNHEALTHY, /* of queues, too */
	ALERT_DEAD_LETTER,
#define ALERT_LAST_OF_JOB ALERT_DEAD_LETTER
	ALERT_JOB_WITHOUT_NEXT_TIME,
	ALERT_QUEUE_BACKLOG,
	ALERT_WORKERS_EXHAUSTED,
	ALERT_CONNECTIONS,
	ALERT_WORKER_RESTARTS,
	ALERT_MEMORY_GROWTH,
	ALERT_SCHEDULER_STOPPED,
#define ALERT_KINDS (ALERT_SCHEDULER_STOPPED + 1)
} AlertKind;

/* When an alert of a kind is raised: a row of alert_rule. */
typedef struct AlertRule
{
	bool		enabled;
	double		threshold;
	char		severity[16];
	int64		interval;		/* us; 0: none */
} AlertRule;

extern const char *alert_kind_name(AlertKind kind);

/* -1: it is none of those. */
extern int	alert_kind_from_name(const char *name);

/* Is there such a kind, of alerts that have no rule as well? */
extern bool alert_kind_is_known(const char *name);

/* The names of all kinds, separated by commas; palloc'd. */
extern char *alert_kind_list(void);

#endif							/* PG_SCHEDULER_ALERT_KIND_H */

/*-------------------------------------------------------------------------
 *
 * alert_kind.h
 *	  The kinds of alerts, and the rules they have before anybody alters them.
 *
 * A new kind is a name here, a row in alert_kind.c, a call of alert_raise()
 * where its cause is met, and a line in docs/monitoring.md.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_ALERT_KIND_H
#define PG_SCHEDULER_ALERT_KIND_H

typedef enum AlertKind
{
	ALERT_JOB_FAILED,
	ALERT_JOB_FAILING,
	ALERT_LONG_RUNNING,
	ALERT_NOT_RUN,
	ALERT_NO_SUCCESS,
	ALERT_FAILURE_RATE,
	ALERT_TIMEOUTS,
	ALERT_LATE_START,
	ALERT_DEPENDENCY_UNHEALTHY, /* of queues, too */
	ALERT_DEAD_LETTER,
	ALERT_JOB_WITHOUT_NEXT_TIME,
	ALERT_QUEUE_BACKLOG,
	ALERT_WORKERS_EXHAUSTED,
	ALERT_CONNECTIONS,
	ALERT_WORKER_RESTARTS,
	ALERT_MEMORY_GROWTH,
	ALERT_SCHEDULER_STOPPED,
	ALERT_CHECK,
	ALERT_CLOCK_CHANGED,
	ALERT_CRASH_LIMIT,
	ALERT_ENQUEUE_FAILED,
	ALERT_GIVEN_UP,
	ALERT_HEALTH_CHECK,
	ALERT_HOOK_FAILED,
	ALERT_OWNER_DROPPED,
	ALERT_RECORDING_FAILED,
	ALERT_REPAIRED,
	ALERT_WORKER_SLOTS_EXHAUSTED,
	ALERT_HISTORY_UPKEEP,
	ALERT_SCHEDULER_UNHEALTHY,
	ALERT_JUDGEMENT_FAILED,
	ALERT_VERSION_MISMATCH,
#define ALERT_KINDS (ALERT_VERSION_MISMATCH + 1)
} AlertKind;

/* Who judges whether an alert holds, and so what its subject is */
typedef enum AlertSubject
{
	ALERT_OF_JOB,				/* the monitor: a job, by its facts */
	ALERT_OF_QUEUE,				/* the monitor: a queue, by its facts */
	ALERT_OF_SERVER,			/* the watch of the server: the scheduler */
	ALERT_OF_CAUSE				/* who meets the cause: what that is about */
} AlertSubject;

/* A kind as a bit of a set */
#define ALERT_BIT(kind)	(UINT64CONST(1) << (kind))

typedef struct AlertKindInfo
{
	const char *name;
	AlertSubject subject;
	const char *severity;		/* the rule's, or of a kind without a rule */
	const char *rule;			/* when it is raised; NULL: it has no rule */
	double		threshold;		/* < 0: none */
	int			period;			/* seconds; 0: none */
	bool		lasts;			/* it goes on without anything that happens again */
} AlertKindInfo;

/* The rule of a kind as it is in force */
typedef struct AlertRule
{
	bool		enabled;
	double		threshold;
	int64		interval;		/* us; 0: none */
} AlertRule;

extern const AlertKindInfo *alert_kind(AlertKind kind);

/* -1: there is no such kind. */
extern int	alert_kind_from_name(const char *name);

/* The names of all kinds, separated by commas; palloc'd. */
extern char *alert_kind_list(void);

#endif							/* PG_SCHEDULER_ALERT_KIND_H */

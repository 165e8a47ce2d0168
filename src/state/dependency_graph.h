/*-------------------------------------------------------------------------
 *
 * dependency_graph.h
 *	  What depends on what, and who has to wait.
 *
 * The jobs and queues that have a dependency, or are one, are nodes in the
 * memory of the scheduler.  When the state of one changes, all are evaluated
 * anew, targets before those who depend on them.
 *
 * A job waits for as long as something that it depends on is neither healthy
 * nor degraded.  A queue does, too, but not for longer than its start_timeout:
 * then its runs go, and it is degraded.
 *
 *						dependency lost			 timeout
 *		(not blocked) ----------------> blocked ---------> gone on
 *			  ^			  or start		  |					  |
 *			  |							  | all healthy		  | all healthy
 *			  +---------------------------+-------------------+
 *
 * The graph says who waits; dependency.c holds their runs.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_DEPENDENCY_GRAPH_H
#define PG_SCHEDULER_DEPENDENCY_GRAPH_H

#include "nodes/pg_list.h"

#include "rules/health_rules.h"
#include "table/query_dependency.h"

typedef enum WaitState
{
	NOT_BLOCKED,
	BLOCKED,
	GONE_ON						/* of a queue that has waited long enough */
} WaitState;

typedef struct DependencyNode
{
	DependencyVertex end;			/* hash key */
	bool		present;		/* still in the tables, while they are read */
	char	   *job_name;
	Oid			owner;
	char	   *queue;			/* that the job is in */
	bool		enabled;		/* of a queue */
	int64		start_timeout;
	HealthState administrative;
	HealthState own;
	List	   *targets;		/* DependencyNode */
	List	   *dependents;		/* DependencyNode */
	int			nunknown;		/* targets that are not evaluated yet */

	WaitState	wait;
	bool		starting;
	TimestampTz blocked_since;
	char		reason[HEALTH_REASON_LENGTH];	/* empty: nothing to wait for */
	bool		changed;		/* wait or reason, by the last evaluation */
	HealthState state;
} DependencyNode;

typedef void (*DependencyVisitor) (DependencyNode *node);

static inline bool
dependency_is_job(const DependencyNode *node)
{
	return node->end.job_id != 0;
}

/* Once in the life of a scheduler. */
extern void dependency_graph_init(void);

/* Read all again at the next step; after a start of the scheduler, too. */
extern void dependency_graph_reload(void);

/* The same, if it has a dependency at all. */
extern void dependency_graph_job_changed(int64 job_id);
extern void dependency_graph_queues_changed(void);

/* scheduler.start(): queues wait for what they depend on from now on. */
extern void dependency_graph_start(void);

/*
 * Read all again, if that was asked for, and call for what waits for nothing
 * any more, since it is no node any more.  True: there are nodes, or were.
 * Outside of a transaction.
 */
extern bool dependency_graph_load(DependencyVisitor gone);

/* Evaluate all, if need be, and call for each node. */
extern void dependency_graph_evaluate(TimestampTz now, DependencyVisitor evaluated);

/* When to do both, or DT_NOEND. */
extern TimestampTz dependency_graph_next_time(void);

/* May runs of this job, which has just been read, not begin? */
extern bool dependency_graph_holds_job(int64 job_id);

/*
 * What the rules of health have found, all dependencies left aside.  For a
 * job that will not run again, HEALTH_UNHEALTHY when its last run failed.
 */
extern void dependency_graph_note_job(int64 job_id, HealthState own);
extern void dependency_graph_note_queue(const char *queue, HealthState own);

/* Why a job is held: "depends on ..."; NULL: it is not. */
extern const char *dependency_graph_of_job(int64 job_id);

/* How a queue waits for what it depends on */
typedef struct QueueWait
{
	const char *waits_for;		/* "depends on ..."; NULL: for nothing */
	bool		starting;		/* since it was started */
	bool		held;			/* no runs begin; else it has waited long enough */
} QueueWait;

extern void dependency_graph_of_queue(const char *queue, QueueWait *wait);

#endif							/* PG_SCHEDULER_DEPENDENCY_GRAPH_H */

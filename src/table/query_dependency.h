/*-------------------------------------------------------------------------
 *
 * query_dependency.h
 *	  The SQL about dependencies; one function a statement.
 *
 * What query.h says of its functions holds for these.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_QUERY_DEPENDENCY_H
#define PG_SCHEDULER_QUERY_DEPENDENCY_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "rules/health_rules.h"
#include "rules/run.h"

/* A job, by its id, or a queue, by its name */
typedef struct DependencyVertex
{
	int64		job_id;			/* 0: a queue */
	char		queue[NAMEDATALEN];
} DependencyVertex;

/* False: there is no dependency at all, and none was ever made. */
extern bool query_has_dependencies(void);

/* Is a job at an end of one? */
extern bool query_job_has_dependencies(int64 job_id);

/* Does anything depend on a job, or on the queue that it is in? */
extern bool query_job_is_needed(int64 job_id);

extern void query_delete_dependencies(const DependencyVertex *dependent);
extern void query_insert_dependency(const DependencyVertex *dependent,
									const DependencyVertex *target);

/*
 * Find a job as a target, and keep it from being dropped or moved to another
 * queue.  By the owner and name, or by its id when there is no name;
 * false: there is none.
 */
extern bool query_lock_target(Oid owner, const char *job_name, int64 *job_id,
							  Oid *job_owner);

/* The same for a queue, which may change, and may not be dropped. */
extern bool query_lock_target_queue(const char *name);

/* Keep others from making a job or a queue a target, or wait until they have. */
extern void query_lock_vertex(const DependencyVertex *end);

/* Lists of DependencyVertex: what one depends on; what depends on one. */
extern List *query_dependency_targets(const DependencyVertex *dependent);
extern List *query_dependency_dependents(const DependencyVertex *target);

/* Jobs of a queue that depend on something. */
extern List *query_dependents_in_queue(const char *queue);

/* False: the job has gone.  Strings are palloc'd. */
extern bool query_job_label(int64 job_id, char **name, Oid *owner, char **queue);

/* One end of a dependency, as the scheduler wants to know it */
typedef struct DependencyNodeRow
{
	DependencyVertex end;
	char	   *job_name;
	Oid			owner;
	char	   *queue;			/* that the job is in */
	bool		enabled;		/* of a queue */
	int64		start_timeout;	/* of a queue, us */
	HealthState administrative; /* of a job that is paused; else healthy */
	HealthState own;			/* as dependency_note_job() says it */
} DependencyNodeRow;

typedef void (*DependencyNodeCallback) (const DependencyNodeRow *row, void *arg);
extern void query_scan_dependency_nodes(DependencyNodeCallback callback, void *arg);

typedef void (*DependencyCallback) (const DependencyVertex *dependent,
									const DependencyVertex *target, void *arg);
extern void query_scan_dependencies(DependencyCallback callback, void *arg);


#endif							/* PG_SCHEDULER_QUERY_DEPENDENCY_H */

/*-------------------------------------------------------------------------
 *
 * health.c
 *	  SQL-callable functions behind the views of health and metrics.
 *
 * They read shared memory, and never wait for a scheduler.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "rules/health_rules.h"
#include "rules/histogram.h"
#include "shared/connection_count.h"
#include "shared/lane.h"
#include "shared/restorer.h"
#include "shared/worker_slot.h"
#include "shared/worker_wait.h"
#include "table/fit.h"
#include "table/rights.h"
#include "table/row.h"

PG_FUNCTION_INFO_V1(pg_scheduler_scheduler_health);
PG_FUNCTION_INFO_V1(pg_scheduler_can_read_jobs);
PG_FUNCTION_INFO_V1(pg_scheduler_monitoring_is_on);
PG_FUNCTION_INFO_V1(pg_scheduler_add_buckets);
PG_FUNCTION_INFO_V1(pg_scheduler_quantile);

/* Runs that may wait while all workers are busy, before that is a matter of health */
#define BACKLOG_LIMIT	1000

/* Columns of _scheduler_health() */
enum HealthColumn
{
	HEALTH_STATE,
	HEALTH_REASON,
	HEALTH_SINCE,
	HEALTH_PID,
	HEALTH_PENDING,
	HEALTH_READY,
	HEALTH_WORKERS,
	HEALTH_WORKERS_BUSY,
	HEALTH_MAX_WORKERS,
	HEALTH_WORKER_MEMORY,
	HEALTH_HTTP_IN_FLIGHT,
	HEALTH_NEXT_RUN,
	HEALTH_COPY,
	HEALTH_CONNECTIONS,
	HEALTH_MAX_CONNECTIONS,
	HEALTH_RESERVED_CONNECTIONS,
	HEALTH_MONITORING,
	HEALTH_COLUMNS
};

typedef struct SchedulerView
{
	SchedulerFacts facts;
	TimestampTz since;
	int			pid;
	int64		pending;
	int64		ready;
	int			workers;
	int64		worker_memory;	/* bytes */
	int			http_in_flight;
	TimestampTz next_run;		/* DT_NOEND: nothing is due */
	bool		copy;
	bool		monitoring;
} SchedulerView;

/* Lock held. */
static void
look_at_database(const Database *db, SchedulerView *view)
{
	SchedulerFacts *facts = &view->facts;
	TimestampTz now = GetCurrentTimestamp();

	Assert(shmem_locked());
	facts->process = db->scheduler.pid != 0;
	facts->ready = db->ready;
	facts->stop_requested = db->stop_requested && db->ready;
	facts->stopped = db->stopped && db->ready;
	if (db->error[0] != '\0' && (db->ready || now - db->error_since >= STARTING_TIME))
		facts->error = rights_is_admin() ? pstrdup(db->error) : "see the server log";
	/* absent: CREATE EXTENSION has not been committed */
	facts->missing = db->state == DATABASE_PRESENT && now - db->missing_since >= STARTING_TIME;
	facts->restorer = restorer_pid(db);
	facts->quiesced = db->quiesced > 0;
	facts->memory_growing = db->ready && db->memory_growing;
	facts->unfit = db->unfit[0] != '\0' ? pstrdup(db->unfit) : NULL;
	if (db->ready && db->hold_reason[0] != '\0')
		facts->held = pstrdup(db->hold_reason);
	view->http_in_flight = db->http_nflights;
	view->copy = db->copy;
	view->since = facts->stop_requested ? db->stopped_at : db->ready_since;
	view->pid = db->scheduler.pid;
}

/* Lock held. */
static void
look_at_workers(SchedulerView *view)
{
	Assert(shmem_locked());
	view->facts.max_workers = scheduler_shared->nworkers;
	foreach_worker_slot(slot)
	{
		if (!worker_slot_is_alive(slot))
			continue;
		view->workers++;
		view->worker_memory += slot->memory;
		if (slot->state == WORKER_RUNNING)
			view->facts.workers_running++;
	}
}

/* What the scheduler says, which may know of a change before this session does. */
static bool
monitoring_is_on(void)
{
	const Database *db;
	bool		result = pg_scheduler_monitoring;

	if (!shmem_available())
		return result;
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	db = shmem_find_database(MyDatabaseId);
	if (db != NULL && db->ready)
		result = db->monitoring;
	LWLockRelease(scheduler_shared->lock);
	return result;
}

static void
look_at_scheduler(SchedulerView *view)
{
	Database   *db;
	int			in_lanes;

	memset(view, 0, sizeof(*view));
	view->next_run = DT_NOEND;
	view->monitoring = monitoring_is_on();
	view->facts.preloaded = shmem_available();
	view->facts.in_recovery = RecoveryInProgress();
	if (!view->facts.preloaded)
		return;
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	db = shmem_find_database(MyDatabaseId);
	in_lanes = db != NULL ? lane_count_waiting(db) : 0;
	if (db != NULL)
		look_at_database(db, view);
	else if (scheduler_shared->full)
		view->facts.error = "there are more databases than pg_scheduler.max_databases";
	else
		view->facts.missing = scheduler_shared->launcher.pid == 0;
	look_at_workers(view);
	LWLockRelease(scheduler_shared->lock);
	view->facts.waiting_for_standby = worker_wait_standby();
	if (db != NULL)
	{
		view->pending = pg_atomic_read_u64(&db->npending);
		view->ready = pg_atomic_read_u64(&db->nready) + in_lanes;
		view->facts.backlog = view->ready;
		view->next_run = pg_atomic_read_u64(&db->next_run);
	}
}

/* How much there is of everybody's is for admins. */
static void
hide_counts(bool *nulls)
{
	for (int i = HEALTH_PENDING; i < HEALTH_COLUMNS; i++)
		nulls[i] |= i != HEALTH_MAX_WORKERS && i != HEALTH_COPY &&
			i != HEALTH_MAX_CONNECTIONS && i != HEALTH_RESERVED_CONNECTIONS &&
			i != HEALTH_MONITORING;
}

Datum
pg_scheduler_scheduler_health(PG_FUNCTION_ARGS)
{
	HealthLimits limits = {.backlog = BACKLOG_LIMIT};
	SchedulerView view;
	Health		health;
	TupleDesc	desc;
	ConnectionCount connections;
	Datum		values[HEALTH_COLUMNS];
	bool		nulls[HEALTH_COLUMNS] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	fit_require_result(desc, lengthof(values));
	look_at_scheduler(&view);
	health_of_scheduler(&view.facts, &limits, &health);
	connection_count(&connections);
	values[HEALTH_STATE] = CStringGetTextDatum(health_state_name(health.state));
	values[HEALTH_REASON] = CStringGetTextDatum(health.reason);
	nulls[HEALTH_SINCE] = view.since == 0;
	values[HEALTH_SINCE] = TimestampTzGetDatum(view.since);
	nulls[HEALTH_PID] = view.pid == 0;
	values[HEALTH_PID] = Int32GetDatum(view.pid);
	values[HEALTH_PENDING] = Int64GetDatum(view.pending);
	values[HEALTH_READY] = Int64GetDatum(view.ready);
	values[HEALTH_WORKERS] = Int32GetDatum(view.workers);
	values[HEALTH_WORKERS_BUSY] = Int32GetDatum(view.facts.workers_running);
	values[HEALTH_MAX_WORKERS] = Int32GetDatum(view.facts.max_workers);
	values[HEALTH_WORKER_MEMORY] = Int64GetDatum(view.worker_memory);
	values[HEALTH_HTTP_IN_FLIGHT] = Int32GetDatum(view.http_in_flight);
	nulls[HEALTH_NEXT_RUN] = view.next_run == DT_NOEND;
	values[HEALTH_NEXT_RUN] = TimestampTzGetDatum(view.next_run);
	values[HEALTH_COPY] = BoolGetDatum(view.copy);
	values[HEALTH_CONNECTIONS] = Int32GetDatum(connections.used);
	values[HEALTH_MAX_CONNECTIONS] = Int32GetDatum(connections.max);
	values[HEALTH_RESERVED_CONNECTIONS] = Int32GetDatum(connections.reserved);
	values[HEALTH_MONITORING] = BoolGetDatum(view.monitoring);
	if (!rights_is_admin())
		hide_counts(nulls);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

Datum
pg_scheduler_monitoring_is_on(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(monitoring_is_on());
}

/*
 * status() answers whatever is locked.  What it reads of tables it reads only if
 * that needs no waiting; the locks are kept, so that it does not come to it.
 */
Datum
pg_scheduler_can_read_jobs(PG_FUNCTION_ARGS)
{
	static const char *const tables[] = {
		"job", "job_state", "job_health_state", "job_recovery", "pending_run", "scheduler_state"
	};

	for (int i = 0; i < lengthof(tables); i++)
		if (!ConditionalLockRelationOid(row_relation(tables[i]), AccessShareLock))
			PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(true);
}

/*
 * Histograms
 */

static int64 *
buckets_of(ArrayType *array, int *n)
{
	if (ARR_NDIM(array) != 1 || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != INT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("a histogram must be a one-dimensional array without nulls")));
	*n = ARR_DIMS(array)[0];
	return (int64 *) ARR_DATA_PTR(array);
}

Datum
pg_scheduler_add_buckets(PG_FUNCTION_ARGS)
{
	int			na;
	int			nb;
	int64	   *a = buckets_of(PG_GETARG_ARRAYTYPE_P(0), &na);
	int64	   *b = buckets_of(PG_GETARG_ARRAYTYPE_P(1), &nb);
	int			n = Max(na, nb);
	Datum	   *sums = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		sums[i] = Int64GetDatum((i < na ? a[i] : 0) + (i < nb ? b[i] : 0));
	PG_RETURN_ARRAYTYPE_P(construct_array(sums, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
}

Datum
pg_scheduler_quantile(PG_FUNCTION_ARGS)
{
	int			n;
	int64	   *counts = buckets_of(PG_GETARG_ARRAYTYPE_P(0), &n);
	double		usecs = histogram_quantile(counts, n, PG_GETARG_FLOAT8(1));
	Interval   *result;

	if (usecs < 0)
		PG_RETURN_NULL();
	result = palloc0(sizeof(Interval));
	result->time = (TimeOffset) rint(usecs);
	PG_RETURN_INTERVAL_P(result);
}

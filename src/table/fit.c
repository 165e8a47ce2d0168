/*-------------------------------------------------------------------------
 *
 * fit.c
 *	  Do this library and the tables of the extension fit together?
 *
 * See fit.h.
 *
 * A table is looked at when it is opened for the first time.  That it fits is
 * remembered by its OID, until the relation cache is told of a change: whoever
 * opens a table locks it, and learns of all changes before.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/version.h"
#include "table/fit.h"

typedef struct Column
{
	const char *name;
	Oid			type;
} Column;

typedef struct Shape
{
	const char *table;
	const Column *columns;
	int			ncolumns;
	Oid			fits;			/* this table, or partition, does */
} Shape;

static const Column job_columns[] = {
#define JOB_COLUMN(symbol, column, type, ...) {column, type},
#define JOB_OPTION(symbol, column, type, ...) {column, type},
#include "table/job_column_list.h"
#undef JOB_COLUMN
#undef JOB_OPTION
	{"leads", BOOLOID},
	{"follows", BOOLOID},
	{"serves", TEXTOID}
};

static const Column job_state_columns[] = {
	{"job_id", INT8OID},
	{"schedule_version", INT4OID},
	{"next_run_at", TIMESTAMPTZOID},
	{"finished", BOOLOID},
	{"runs", INT8OID},
	{"succeeded", INT8OID},
	{"failed", INT8OID},
	{"timed_out", INT8OID},
	{"cancelled", INT8OID},
	{"lost", INT8OID},
	{"skipped", INT8OID},
	{"missed", INT8OID},
	{"retries", INT8OID},
	{"consecutive_failures", INT4OID},
	{"last_run_at", TIMESTAMPTZOID},
	{"last_finished_at", TIMESTAMPTZOID},
	{"last_success_at", TIMESTAMPTZOID},
	{"last_status", TEXTOID},
	{"total_duration", INT8OID},
	{"open_runs", INT8ARRAYOID},
	{"open_attempts", INT4ARRAYOID}
};

static const Column pending_run_columns[] = {
	{"run_id", INT8OID},
	{"job_id", INT8OID},
	{"owner", OIDOID},
	{"attempt", INT4OID},
	{"priority", INT4OID},
	{"scheduled_at", TIMESTAMPTZOID},
	{"due_at", TIMESTAMPTZOID},
	{"triggered_by", TEXTOID},
	{"started_at", TIMESTAMPTZOID},
	{"crashes", INT4OID},
	{"args", JSONBOID},
	{"redriven_from", INT8OID}
};

static const Column run_history_columns[] = {
	{"run_id", INT8OID},
	{"job_id", INT8OID},
	{"job_name", TEXTOID},
	{"owner", OIDOID},
	{"attempt", INT4OID},
	{"status", TEXTOID},
	{"scheduled_at", TIMESTAMPTZOID},
	{"next_attempt_at", TIMESTAMPTZOID},
	{"started_at", TIMESTAMPTZOID},
	{"finished_at", TIMESTAMPTZOID},
	{"worker_pid", INT4OID},
	{"rows_affected", INT8OID},
	{"error_message", TEXTOID},
	{"error_detail", TEXTOID},
	{"error_hint", TEXTOID},
	{"error_context", TEXTOID},
	{"sqlstate", TEXTOID},
	{"http_status", INT4OID},
	{"triggered_by", TEXTOID},
	{"occurrences", INT8OID},
	{"redriven_from", INT8OID},
	{"cpu_time", INT8OID},
	{"buffers_hit", INT8OID},
	{"buffers_read", INT8OID},
	{"temp_bytes", INT8OID},
	{"wal_bytes", INT8OID},
	{"args", JSONBOID}
};

static const Column run_after_columns[] = {
	{"job_id", INT8OID},
	{"leader_id", INT8OID},
	{"position", INT4OID},
	{"after_on", TEXTOID}
};

static const Column leader_end_columns[] = {
	{"run_id", INT8OID},
	{"job_id", INT8OID},
	{"leader_id", INT8OID},
	{"leader_owner", OIDOID},
	{"status", TEXTOID},
	{"ended_at", TIMESTAMPTZOID},
	{"args", JSONBOID}
};

static const Column run_trigger_columns[] = {
	{"run_id", INT8OID},
	{"trigger_run_id", INT8OID},
	{"owner", OIDOID}
};

static const Column job_hook_columns[] = {
	{"job_id", INT8OID},
	{"event", TEXTOID},
	{"hook_job_id", INT8OID},
	{"query", TEXTOID},
	{"live", BOOLOID},
	{"healthy", BOOLOID},
	{"checked_at", TIMESTAMPTZOID}
};

static const Column http_response_columns[] = {
	{"run_id", INT8OID},
	{"job_id", INT8OID},
	{"job_name", TEXTOID},
	{"owner", OIDOID},
	{"attempt", INT4OID},
	{"finished_at", TIMESTAMPTZOID},
	{"idempotency_key", TEXTOID},
	{"http_status", INT4OID},
	{"http_version", INT4OID},
	{"headers", JSONBOID},
	{"content_type", TEXTOID},
	{"body", BYTEAOID},
	{"truncated", BOOLOID},
	{"total_size", INT8OID},
	{"failure", TEXTOID},
	{"error", TEXTOID},
	{"final_url", TEXTOID},
	{"redirects", INT4OID},
	{"remote_address", TEXTOID},
	{"remote_port", INT4OID},
	{"reused_connection", BOOLOID},
	{"name_lookup", INT8OID},
	{"connect", INT8OID},
	{"tls", INT8OID},
	{"first_byte", INT8OID},
	{"total", INT8OID}
};

static const Column secret_columns[] = {
	{"owner", REGROLEOID},
	{"name", TEXTOID},
	{"value", TEXTOID},
	{"created_at", TIMESTAMPTZOID},
	{"changed_at", TIMESTAMPTZOID},
	{"key_id", TEXTOID}
};

#define SHAPE(table)	{#table, table##_columns, lengthof(table##_columns), InvalidOid}

/* The tables that are opened in C */
static Shape shapes[] = {
	SHAPE(job),
	SHAPE(job_state),
	SHAPE(pending_run),
	SHAPE(run_history),
	SHAPE(run_after),
	SHAPE(leader_end),
	SHAPE(run_trigger),
	SHAPE(job_hook),
	SHAPE(http_response),
	SHAPE(secret)
};

/*
 * Versions
 */

/* That of the extension in this database, palloc'd; NULL: there is none. */
static char *
extension_version(void)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	char	   *result = NULL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	Assert(IsTransactionState());
	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("pg_scheduler"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		version = heap_getattr(tuple, Anum_pg_extension_extversion,
										   RelationGetDescr(rel), &isnull);

		result = TextDatumGetCString(version);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* The first two numbers of a version; what is none counts as 0. */
static void
parse_version(const char *version, int *major, int *minor)
{
	*major = *minor = 0;
	(void) sscanf(version, "%d.%d", major, minor);
}

/* Less than, equal to, or greater than 0: the library is older, or newer. */
static int
compare_library(const char *extension)
{
	int			major,
				minor,
				my_major,
				my_minor;

	parse_version(extension, &major, &minor);
	parse_version(PG_SCHEDULER_VERSION, &my_major, &my_minor);
	return my_major != major ? my_major - major : my_minor - minor;
}

/* What to do about a library that is older, or newer. */
static const char *
advice(int order)
{
	if (order < 0)
		return "Restart the server, so that it loads the new library.";
	if (order > 0)
		return "Use ALTER EXTENSION pg_scheduler UPDATE.";
	return "Undo that: tables of pg_scheduler are not to be altered.";
}

/* True: the versions do not fit. */
static bool
find_other_version(FitProblem *problem)
{
	char	   *version = extension_version();
	int			order = version ? compare_library(version) : 0;

	if (order == 0)
		return false;
	snprintf(problem->message, FIT_TEXT_LENGTH,
			 "the library of pg_scheduler is of version %s, the extension in this database of %s",
			 PG_SCHEDULER_VERSION, version);
	strlcpy(problem->hint, advice(order), FIT_TEXT_LENGTH);
	return true;
}

/*
 * Tables
 */

/* NULL: it fits; else what does not, palloc'd. */
static char *
compare_columns(const Shape *shape, TupleDesc desc)
{
	if (desc->natts != shape->ncolumns)
		return psprintf("it has %d columns, not %d", desc->natts, shape->ncolumns);
	for (int i = 0; i < shape->ncolumns; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (attribute->attisdropped || attribute->atttypid != shape->columns[i].type ||
			strcmp(NameStr(attribute->attname), shape->columns[i].name) != 0)
			return psprintf("column %d is not \"%s\", or not of its type", i + 1,
							shape->columns[i].name);
	}
	return NULL;
}

/* Relation cache callback: forget what may have changed. */
static void
forget_table(Datum arg, Oid relation)
{
	for (int i = 0; i < lengthof(shapes); i++)
		if (relation == InvalidOid || shapes[i].fits == relation)
			shapes[i].fits = InvalidOid;
}

/* NULL: no row of it is read or written in C, but by SQL. */
static Shape *
find_shape(const char *table)
{
	for (int i = 0; i < lengthof(shapes); i++)
		if (strcmp(shapes[i].table, table) == 0)
			return &shapes[i];
	return NULL;
}

/* NULL: it fits; else what does not, palloc'd. */
static char *
look_at_table(Relation rel, Shape *shape)
{
	static bool registered = false;
	char	   *difference = compare_columns(shape, RelationGetDescr(rel));

	if (!registered)
		CacheRegisterRelcacheCallback(forget_table, (Datum) 0);
	registered = true;
	if (difference == NULL)
		shape->fits = RelationGetRelid(rel);
	return difference;
}

/* This is for each time that a table is opened: some comparisons. */
static bool
is_known_to_fit(Relation rel)
{
	for (int i = 0; i < lengthof(shapes); i++)
		if (shapes[i].fits == RelationGetRelid(rel))
			return true;
	return false;
}

static void
describe_table(const Shape *shape, const char *difference, FitProblem *problem)
{
	if (find_other_version(problem))
		return;
	snprintf(problem->message, FIT_TEXT_LENGTH,
			 "table \"scheduler.%s\" was altered: %s",
			 shape->table, difference);
	strlcpy(problem->hint, advice(0), FIT_TEXT_LENGTH);
}

static void
report_misfit(const FitProblem *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s", problem->message),
			 errhint("%s", problem->hint)));
}

bool
fit_table(Relation rel, const char *table)
{
	Shape	   *shape;

	Assert(IsTransactionState());
	if (is_known_to_fit(rel))
		return true;
	shape = find_shape(table);
	return shape == NULL || look_at_table(rel, shape) == NULL;
}

void
fit_require_table(Relation rel, const char *table)
{
	FitProblem	problem;
	Shape	   *shape;
	char	   *difference;

	if (is_known_to_fit(rel))
		return;
	shape = find_shape(table);
	difference = shape == NULL ? NULL : look_at_table(rel, shape);
	if (difference == NULL)
		return;
	describe_table(shape, difference, &problem);
	report_misfit(&problem);
}

void
fit_require_version(void)
{
	FitProblem	problem;

	/* a script makes the tables, or changes them, under a version that is set before */
	if (!creating_extension && find_other_version(&problem))
		report_misfit(&problem);
}

void
fit_require_result(TupleDesc desc, int columns)
{
	FitProblem	problem;

	if (desc->natts == columns)
		return;
	if (!find_other_version(&problem))
	{
		snprintf(problem.message, FIT_TEXT_LENGTH,
				 "a function of pg_scheduler was altered: it returns other columns");
		strlcpy(problem.hint, advice(0), FIT_TEXT_LENGTH);
	}
	report_misfit(&problem);
}

bool
fit_find_problem(FitProblem *problem)
{
	Oid			schema = get_namespace_oid("scheduler", false);

	Assert(IsTransactionState());
	if (find_other_version(problem))
		return true;
	for (int i = 0; i < lengthof(shapes); i++)
	{
		Oid			oid = get_relname_relid(shapes[i].table, schema);
		Relation	rel = OidIsValid(oid) ? try_table_open(oid, AccessShareLock) : NULL;
		char	   *difference = rel == NULL ? "it does not exist" :
			look_at_table(rel, &shapes[i]);

		if (rel != NULL)
			table_close(rel, AccessShareLock);
		if (difference != NULL)
		{
			describe_table(&shapes[i], difference, problem);
			return true;
		}
	}
	return false;
}

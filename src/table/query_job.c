/*-------------------------------------------------------------------------
 *
 * query_job.c
 *	  The SQL that writes definitions of jobs, made from the list of columns.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "table/job_row.h"
#include "table/query.h"
#include "table/query_exec.h"

typedef bool (*ColumnFilter) (const JobColumnInfo *info);

static bool
any_column(const JobColumnInfo *info)
{
	return true;
}

static bool
of_times(const JobColumnInfo *info)
{
	return info->times;
}

static bool
is_replaced(const JobColumnInfo *info)
{
	return !info->key && !info->kept;
}

/*
 * Append columns of a table, separated by commas: "a.x, a.y", or as what they
 * are set to: "x = a.x, y = a.y".
 */
static void
append_columns(StringInfo sql, ColumnFilter wanted, const char *table, bool assign)
{
	const char *separator = "";

	for (int i = 0; i < JOB_COLUMNS; i++)
	{
		const JobColumnInfo *info = &job_columns[i];

		if (!wanted(info))
			continue;
		appendStringInfoString(sql, separator);
		if (assign)
			appendStringInfo(sql, "%s = ", info->name);
		if (table != NULL)
			appendStringInfo(sql, "%s.", table);
		appendStringInfoString(sql, info->name);
		separator = ", ";
	}
}

/* Append the parameters of a definition from a column on. */
static void
append_params(StringInfo sql, JobColumn first)
{
	for (int i = first; i <= JOB_COLUMNS; i++)
		appendStringInfo(sql, "%s$%d", i == first ? "" : ", ", i);
}

/*
 * Append whether the definitions "old" and "new" give a job different times.
 * "now" is another time each time it is said: that is when the schedule is
 * "given".
 */
static void
append_differs(StringInfo sql, const char *new, const char *given)
{
	appendStringInfoString(sql, "((");
	append_columns(sql, of_times, "old", false);
	appendStringInfoString(sql, ") IS DISTINCT FROM (");
	append_columns(sql, of_times, new, false);
	appendStringInfo(sql, ") OR %s AND scheduler.schedule_is(%s.schedule, 'from_now'))",
					 given, new);
}

/* Append what an UPDATE sets when "new" replaces "old". */
static void
append_replacement(StringInfo sql, const char *new, const char *given)
{
	appendStringInfoString(sql, "schedule_version = old.schedule_version + CASE WHEN ");
	append_differs(sql, new, given);
	appendStringInfoString(sql, " THEN 1 ELSE 0 END, anchor = CASE WHEN ");
	append_differs(sql, new, given);
	appendStringInfo(sql, " AND (%s OR scheduler.schedule_is(%s.schedule, 'from_now') IS NOT TRUE)"
					 " THEN %s.anchor ELSE old.anchor END, ", given, new, new);
	append_columns(sql, is_replaced, new, true);
}

/*
 * The parameters: a definition, and what decides about it.
 *
 * They are made here, not handed in.  GCC 12 takes the access to "values" in
 * this loop, which it computes from the address in "nulls", for one through a
 * null pointer.  A function without any other effect then counts as pure, and
 * where it is not inlined the call is removed.
 */
static Params *
make_params(const JobDefinition *def, bool last)
{
	Params	   *params = palloc0(sizeof(Params));

	for (int i = 0; i < JOB_COLUMNS; i++)
		query_add(params, job_columns[i].type, def->values[i], def->nulls[i]);
	query_add(params, BOOLOID, BoolGetDatum(last), false);
	return params;
}

static SPIPlanPtr
prepare_upsert(void)
{
	Oid			types[JOB_COLUMNS + 1];
	StringInfoData sql;
	SPIPlanPtr	plan;

	for (int i = 0; i < JOB_COLUMNS; i++)
		types[i] = job_columns[i].type;
	types[JOB_COLUMNS] = BOOLOID;
	initStringInfo(&sql);
	appendStringInfoString(&sql, "WITH new AS (SELECT COALESCE($1,"
						   " pg_catalog.nextval('scheduler.job_id_seq')) AS new_job_id)"
						   " INSERT INTO scheduler.job AS old (");
	append_columns(&sql, any_column, NULL, false);
	appendStringInfoString(&sql, ") SELECT new_job_id, ");
	append_params(&sql, JOB_JOB_ID + 1);
	appendStringInfoString(&sql, " FROM new ON CONFLICT (owner, job_name) DO UPDATE SET ");
	append_replacement(&sql, "EXCLUDED", "true");
	appendStringInfo(&sql, " WHERE $%d RETURNING job_id, follows", JOB_COLUMNS + 1);
	plan = SPI_prepare(sql.data, lengthof(types), types);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	SPI_keepplan(plan);
	return plan;
}

/*
 * Insert a job, or replace the one of the same owner and name.  The times of
 * a job whose schedule stays as it is are not touched: a script of
 * schedule_job() calls can be run again.  The plan is kept, for such scripts
 * can be long.
 */
int64
query_upsert_job(JobDefinition *def, bool replace)
{
	static SPIPlanPtr plan = NULL;
	QueryFrame	frame;
	int64		result;
	bool		isnull;

	query_enter(&frame);
	if (plan == NULL)
		plan = prepare_upsert();
	if (query_execute_plan(plan, make_params(def, replace)) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("job \"%s\" already exists",
						TextDatumGetCString(def->values[JOB_JOB_NAME - 1])),
				 errhint("Use replace => true to replace its definition.")));
	result = query_int64(0, 1);
	def->had_leaders = DatumGetBool(query_column(0, 2, &isnull));
	query_leave(&frame);
	return result;
}

/* The definition of a job, locked; an error if it has gone. */
void
query_read_definition(int64 job_id, JobDefinition *def)
{
	MemoryContext caller = CurrentMemoryContext;
	QueryFrame	frame;
	Params		params = {0};
	MemoryContext oldcontext;
	StringInfoData sql;
	bool		isnull;

	query_add_int64(&params, job_id);
	query_enter(&frame);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	append_columns(&sql, any_column, NULL, false);
	appendStringInfoString(&sql, ", follows FROM scheduler.job WHERE job_id = $1 FOR UPDATE");
	if (query_execute(sql.data, &params) != 1)
		job_not_found(job_id);
	oldcontext = MemoryContextSwitchTo(caller);
	for (int i = 0; i < JOB_COLUMNS; i++)
	{
		int16		typlen;
		bool		typbyval;
		Datum		value = query_column(0, i + 1, &def->nulls[i]);

		get_typlenbyval(job_columns[i].type, &typlen, &typbyval);
		def->values[i] = def->nulls[i] ? (Datum) 0 : datumCopy(value, typbyval, typlen);
	}
	def->schedule_given = false;
	def->follows = def->had_leaders =
		DatumGetBool(query_column(0, JOB_COLUMNS + 1, &isnull));
	MemoryContextSwitchTo(oldcontext);
	query_leave(&frame);
}

void
query_update_job(int64 job_id, const JobDefinition *def)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "UPDATE scheduler.job AS old SET"
						   " job_name = new.job_name, owner = new.owner, ");
	append_replacement(&sql, "new", psprintf("$%d", JOB_COLUMNS + 1));
	appendStringInfoString(&sql, " FROM (VALUES (");
	append_params(&sql, JOB_JOB_ID);
	appendStringInfoString(&sql, ")) AS new (");
	append_columns(&sql, any_column, NULL, false);
	appendStringInfoString(&sql, ") WHERE old.job_id = new.job_id");
	query_run(sql.data, make_params(def, def->schedule_given));
}

/*-------------------------------------------------------------------------
 *
 * catalog_api.c
 *	  The SQL behind the functions of api.c; one function a statement.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "table/catalog.h"
#include "table/catalog_exec.h"
#include "table/job_row.h"

/* Types of the columns of scheduler.job */
static const Oid job_types[JOB_COLUMNS] = {
	[JOB_JOB_ID - 1] = INT8OID,
	[JOB_JOB_NAME - 1] = TEXTOID,
	[JOB_OWNER - 1] = REGROLEOID,
	[JOB_KIND - 1] = TEXTOID,
	[JOB_SCHEDULE - 1] = TEXTOID,
	[JOB_SCHEDULE_VERSION - 1] = INT4OID,
	[JOB_ANCHOR - 1] = TIMESTAMPTZOID,
	[JOB_TIMEZONE - 1] = TEXTOID,
	[JOB_STARTS_AT - 1] = TIMESTAMPTZOID,
	[JOB_ENDS_AT - 1] = TIMESTAMPTZOID,
	[JOB_MAX_RUNS - 1] = INT8OID,
	[JOB_JITTER - 1] = INTERVALOID,
	[JOB_COMMAND - 1] = TEXTOID,
	[JOB_ARGS - 1] = JSONBOID,
	[JOB_SETTINGS - 1] = JSONBOID,
	[JOB_REQUEST - 1] = JSONBOID,
	[JOB_QUEUE - 1] = TEXTOID,
	[JOB_PRIORITY - 1] = INT4OID,
	[JOB_OVERLAP - 1] = TEXTOID,
	[JOB_MAX_INSTANCES - 1] = INT4OID,
	[JOB_MISFIRE - 1] = TEXTOID,
	[JOB_MISFIRE_GRACE - 1] = INTERVALOID,
	[JOB_TIMEOUT - 1] = INTERVALOID,
	[JOB_MAX_RETRIES - 1] = INT4OID,
	[JOB_BACKOFF - 1] = TEXTOID,
	[JOB_RETRY_DELAY - 1] = INTERVALOID,
	[JOB_MAX_RETRY_DELAY - 1] = INTERVALOID,
	[JOB_RETRY_JITTER - 1] = BOOLOID,
	[JOB_RETRY_ON - 1] = TEXTARRAYOID,
	[JOB_ON_LOST - 1] = TEXTOID,
	[JOB_ENABLED - 1] = BOOLOID,
	[JOB_PAUSED_AT - 1] = TIMESTAMPTZOID,
	[JOB_PAUSED_REASON - 1] = TEXTOID,
	[JOB_DESCRIPTION - 1] = TEXTOID,
	[JOB_CALENDAR - 1] = TEXTOID,
	[JOB_CALENDAR_ACTION - 1] = TEXTOID,
	[JOB_CREATED_AT - 1] = TIMESTAMPTZOID,
};

/*
 * Whether two definitions give a job different times.  "now" is another time
 * each time it is said: that is when the schedule is "given".
 */
#define SCHEDULE_DIFFERS(old, new, given) \
	"((" old ".schedule, " old ".timezone, " old ".starts_at, " old ".ends_at, " \
	old ".max_runs, " old ".jitter, " old ".calendar, " old ".calendar_action) " \
	"IS DISTINCT FROM " \
	"(" new ".schedule, " new ".timezone, " new ".starts_at, " new ".ends_at, " \
	new ".max_runs, " new ".jitter, " new ".calendar, " new ".calendar_action) " \
	"OR " given " AND pg_catalog.lower(" new ".schedule) OPERATOR(pg_catalog.=) 'now')"

/* What the times of the new definition count from */
#define NEW_ANCHOR(old, new, given) \
	"CASE WHEN " SCHEDULE_DIFFERS(old, new, given) " AND (" given \
	" OR pg_catalog.lower(" new ".schedule) IS DISTINCT FROM 'now')" \
	" THEN " new ".anchor ELSE " old ".anchor END"

#define JOB_COLUMN_LIST \
	"job_id, job_name, owner, kind, schedule, schedule_version, " \
	"anchor, timezone, starts_at, ends_at, max_runs, jitter, " \
	"command, args, settings, request, queue, priority, overlap, " \
	"max_instances, misfire, misfire_grace, timeout, max_retries, " \
	"backoff, retry_delay, max_retry_delay, retry_jitter, " \
	"retry_on, on_lost, enabled, paused_at, paused_reason, " \
	"description, calendar, calendar_action, created_at"

#define JOB_PARAM_LIST \
	"$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, " \
	"$15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, " \
	"$27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37"

/* All that a new definition replaces, but the times */
#define JOB_UPDATE_LIST(new) \
	"kind = " new ".kind, " \
	"schedule = " new ".schedule, " \
	"timezone = " new ".timezone, " \
	"starts_at = " new ".starts_at, " \
	"ends_at = " new ".ends_at, " \
	"max_runs = " new ".max_runs, " \
	"jitter = " new ".jitter, " \
	"command = " new ".command, " \
	"args = " new ".args, " \
	"settings = " new ".settings, " \
	"request = " new ".request, " \
	"queue = " new ".queue, " \
	"priority = " new ".priority, " \
	"overlap = " new ".overlap, " \
	"max_instances = " new ".max_instances, " \
	"misfire = " new ".misfire, " \
	"misfire_grace = " new ".misfire_grace, " \
	"timeout = " new ".timeout, " \
	"max_retries = " new ".max_retries, " \
	"backoff = " new ".backoff, " \
	"retry_delay = " new ".retry_delay, " \
	"max_retry_delay = " new ".max_retry_delay, " \
	"retry_jitter = " new ".retry_jitter, " \
	"retry_on = " new ".retry_on, " \
	"on_lost = " new ".on_lost, " \
	"enabled = " new ".enabled, " \
	"description = " new ".description, " \
	"calendar = " new ".calendar, " \
	"calendar_action = " new ".calendar_action"

static void
add_definition(Params *params, const JobDefinition *def)
{
	for (int i = 0; i < JOB_COLUMNS; i++)
		catalog_add(params, job_types[i], def->values[i], def->nulls[i]);
}

/*
 * Insert a job, or replace the one of the same owner and name.  The times of
 * a job whose schedule stays as it is are not touched: a script of
 * schedule_job() calls can be run again.  The plan is kept, for such scripts
 * can be long.
 */
int64
catalog_upsert_job(JobDefinition *def, bool replace)
{
	static SPIPlanPtr plan = NULL;
	CatalogState state;
	Params		params = {0};
	int64		result;
	bool		isnull;

	catalog_enter(&state);
	if (plan == NULL)
	{
		Oid			upsert_types[JOB_COLUMNS + 1];

		memcpy(upsert_types, job_types, sizeof(job_types));
		upsert_types[JOB_COLUMNS] = BOOLOID;
		plan = SPI_prepare("WITH new AS (SELECT COALESCE($1,"
						   " pg_catalog.nextval('scheduler.job_id_seq')) AS new_job_id)"
						   " INSERT INTO scheduler.job AS old (" JOB_COLUMN_LIST ")"
						   " SELECT new_job_id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37"
						   " FROM new"
						   " ON CONFLICT (owner, job_name) DO UPDATE SET"
						   " schedule_version = old.schedule_version +"
						   " CASE WHEN " SCHEDULE_DIFFERS("old", "EXCLUDED", "true") " THEN 1 ELSE 0 END,"
						   " anchor = " NEW_ANCHOR("old", "EXCLUDED", "true") ", "
						   JOB_UPDATE_LIST("EXCLUDED")
						   " WHERE $38 RETURNING job_id, follows",
						   lengthof(upsert_types), upsert_types);
		if (plan == NULL)
			elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
		SPI_keepplan(plan);
	}
	add_definition(&params, def);
	catalog_add(&params, BOOLOID, BoolGetDatum(replace), false);
	if (catalog_execute_plan(plan, &params) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("job \"%s\" already exists",
						TextDatumGetCString(def->values[JOB_JOB_NAME - 1])),
				 errhint("Use replace => true to replace its definition.")));
	result = catalog_int64(0, 1);
	def->had_leaders = DatumGetBool(catalog_column(0, 2, &isnull));
	catalog_leave(&state);
	return result;
}

/* The definition of a job, locked; an error if it has gone. */
void
catalog_read_definition(int64 job_id, JobDefinition *def)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogState state;
	Params		params = {0};
	MemoryContext oldcontext;
	bool		isnull;

	catalog_add_int64(&params, job_id);
	catalog_enter(&state);
	if (catalog_execute("SELECT " JOB_COLUMN_LIST ", follows FROM scheduler.job"
						" WHERE job_id = $1 FOR UPDATE", &params) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job " INT64_FORMAT " does not exist", job_id)));
	oldcontext = MemoryContextSwitchTo(caller);
	for (int i = 0; i < JOB_COLUMNS; i++)
	{
		int16		typlen;
		bool		typbyval;
		Datum		value = catalog_column(0, i + 1, &def->nulls[i]);

		get_typlenbyval(job_types[i], &typlen, &typbyval);
		def->values[i] = def->nulls[i] ? (Datum) 0 : datumCopy(value, typbyval, typlen);
	}
	def->schedule_given = false;
	def->follows = def->had_leaders =
		DatumGetBool(catalog_column(0, JOB_COLUMNS + 1, &isnull));
	MemoryContextSwitchTo(oldcontext);
	catalog_leave(&state);
}

void
catalog_update_job(int64 job_id, const JobDefinition *def)
{
	Params		params = {0};

	add_definition(&params, def);
	catalog_add(&params, BOOLOID, BoolGetDatum(def->schedule_given), false);
	catalog_run("UPDATE scheduler.job AS old SET"
				" job_name = new.job_name, owner = new.owner,"
				" schedule_version = old.schedule_version +"
				" CASE WHEN " SCHEDULE_DIFFERS("old", "new", "$38") " THEN 1 ELSE 0 END,"
				" anchor = " NEW_ANCHOR("old", "new", "$38") ", "
				JOB_UPDATE_LIST("new")
				" FROM (VALUES (" JOB_PARAM_LIST ")) AS new (" JOB_COLUMN_LIST ")"
				" WHERE old.job_id = new.job_id",
				&params);
}

void
catalog_delete_job(int64 job_id)
{
	Params		params = {0};

	catalog_add_int64(&params, job_id);
	catalog_run("DELETE FROM scheduler.job WHERE job_id = $1", &params);
}

void
catalog_resume_job(int64 job_id)
{
	Params		params = {0};

	catalog_add_int64(&params, job_id);
	catalog_run("UPDATE scheduler.job SET paused_at = NULL, paused_reason = NULL,"
				" enabled = true WHERE job_id = $1", &params);
}

/* One value of one row.  False: there is no row, or it is NULL. */
static bool
find_value(const char *sql, const Params *params, Datum *value)
{
	CatalogState state;
	bool		isnull = true;

	*value = (Datum) 0;
	catalog_enter(&state);
	if (catalog_query(sql, params) > 0)
		*value = catalog_column(0, 1, &isnull);
	catalog_leave(&state);
	return !isnull;
}

/* The same for a text, which is copied; NULL if there is none. */
static char *
find_text(const char *sql, const Params *params)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogState state;
	char	   *result = NULL;
	bool		isnull = true;
	Datum		value = (Datum) 0;

	catalog_enter(&state);
	if (catalog_query(sql, params) > 0)
		value = catalog_column(0, 1, &isnull);
	if (!isnull)
		result = MemoryContextStrdup(caller, TextDatumGetCString(value));
	catalog_leave(&state);
	return result;
}

bool
catalog_find_job(Oid owner, const char *job_name, int64 *job_id)
{
	Params		params = {0};
	Datum		value;

	catalog_add_oid(&params, owner);
	catalog_add_text(&params, job_name);
	if (!find_value("SELECT job_id FROM scheduler.job"
					" WHERE owner = $1::regrole AND job_name = $2", &params, &value))
		return false;
	*job_id = DatumGetInt64(value);
	return true;
}

bool
catalog_find_job_owner(int64 job_id, Oid *owner)
{
	Params		params = {0};
	Datum		value;

	catalog_add_int64(&params, job_id);
	if (!find_value("SELECT owner::oid FROM scheduler.job WHERE job_id = $1",
					&params, &value))
		return false;
	*owner = DatumGetObjectId(value);
	return true;
}

char *
catalog_job_name(int64 job_id)
{
	Params		params = {0};
	char	   *result;

	catalog_add_int64(&params, job_id);
	result = find_text("SELECT job_name FROM scheduler.job WHERE job_id = $1", &params);
	return result ? result : pstrdup("");
}

bool
catalog_queue_exists(const char *queue_name)
{
	Params		params = {0};
	Datum		value;

	catalog_add_text(&params, queue_name);
	return find_value("SELECT true FROM scheduler.queue WHERE queue_name = $1",
					  &params, &value);
}

int
catalog_find_active_jobs(int64 **job_ids)
{
	return catalog_ids("SELECT job_id FROM scheduler.job"
					   " WHERE enabled AND paused_at IS NULL", NULL, job_ids);
}

/*
 * Runs
 */

int
catalog_find_pending_of(int64 job_id, int64 **run_ids)
{
	Params		params = {0};

	catalog_add_int64(&params, job_id);
	return catalog_ids("SELECT run_id FROM scheduler.pending_run"
					   " WHERE job_id = $1 ORDER BY run_id", &params, run_ids);
}

/* Lock a pending run.  False: somebody has it in hand, or it is gone. */
bool
catalog_lock_pending(int64 run_id)
{
	CatalogState state;
	Params		params = {0};
	bool		result;

	catalog_add_int64(&params, run_id);
	catalog_enter(&state);
	result = catalog_execute("SELECT FROM scheduler.pending_run WHERE run_id = $1"
							 " FOR UPDATE SKIP LOCKED", &params) > 0;
	catalog_leave(&state);
	return result;
}

/* Was the row of this run added by the current transaction? */
bool
catalog_pending_is_mine(int64 run_id)
{
	Params		params = {0};
	Datum		value;

	catalog_add_int64(&params, run_id);
	return find_value("SELECT xmin FROM scheduler.pending_run WHERE run_id = $1",
					  &params, &value) &&
		TransactionIdIsCurrentTransactionId(DatumGetTransactionId(value));
}

bool
catalog_find_run_owner(int64 run_id, Oid *owner)
{
	Params		params = {0};
	Datum		value;

	catalog_add_int64(&params, run_id);
	if (!find_value("SELECT owner FROM scheduler.pending_run WHERE run_id = $1",
					&params, &value) &&
		!find_value("SELECT owner FROM scheduler.run_history WHERE run_id = $1 LIMIT 1",
					&params, &value))
		return false;
	*owner = DatumGetObjectId(value);
	return true;
}

/* The status of the last attempt in history, or NULL. */
char *
catalog_last_status(int64 run_id)
{
	Params		params = {0};

	catalog_add_int64(&params, run_id);
	return find_text("SELECT status FROM scheduler.run_history WHERE run_id = $1"
					 " ORDER BY attempt DESC, finished_at DESC LIMIT 1", &params);
}

/*
 * Dead letters
 */

bool
catalog_read_dead_letter(int64 dead_letter_id, DeadLetter *letter)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogState state;
	Params		params = {0};
	bool		found;
	bool		isnull;

	catalog_add_int64(&params, dead_letter_id);
	catalog_enter(&state);
	found = catalog_execute("SELECT dead_letter_id, run_id, job_id, owner, scheduled_at,"
							" args, redriven_at IS NOT NULL"
							" FROM scheduler.dead_letter WHERE dead_letter_id = $1"
							" FOR UPDATE", &params) > 0;
	if (found)
	{
		Datum		args;

		letter->dead_letter_id = catalog_int64(0, 1);
		letter->run_id = catalog_int64(0, 2);
		letter->job_id = catalog_int64(0, 3);
		letter->owner = DatumGetObjectId(catalog_column(0, 4, &isnull));
		letter->scheduled_at = catalog_time(0, 5, DT_NOBEGIN);
		args = catalog_column(0, 6, &isnull);
		letter->args = NULL;
		if (!isnull)
		{
			MemoryContext oldcontext = MemoryContextSwitchTo(caller);

			letter->args = DatumGetJsonbPCopy(args);
			MemoryContextSwitchTo(oldcontext);
		}
		letter->redriven = DatumGetBool(catalog_column(0, 7, &isnull));
	}
	catalog_leave(&state);
	return found;
}

int
catalog_find_dead_letters(int64 job_id, int64 **ids)
{
	Params		params = {0};

	catalog_add_int64(&params, job_id);
	return catalog_ids("SELECT dead_letter_id FROM scheduler.dead_letter"
					   " WHERE job_id = $1 AND redriven_at IS NULL"
					   " ORDER BY dead_letter_id", &params, ids);
}

void
catalog_mark_redriven(int64 dead_letter_id, TimestampTz now)
{
	Params		params = {0};

	catalog_add_int64(&params, dead_letter_id);
	catalog_add_time(&params, now);
	catalog_run("UPDATE scheduler.dead_letter SET redriven_at = $2"
				" WHERE dead_letter_id = $1", &params);
}

void
catalog_delete_dead_letter(int64 dead_letter_id)
{
	Params		params = {0};

	catalog_add_int64(&params, dead_letter_id);
	catalog_run("DELETE FROM scheduler.dead_letter WHERE dead_letter_id = $1", &params);
}

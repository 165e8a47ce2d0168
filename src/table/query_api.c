/*-------------------------------------------------------------------------
 *
 * query_api.c
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

#include "table/query.h"
#include "table/query_exec.h"

void
query_delete_job(int64 job_id)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	query_run("DELETE FROM scheduler.job WHERE job_id = $1", &params);
}

void
query_resume_job(int64 job_id, TimestampTz skip_through)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	query_add_time(&params, skip_through);
	query_run("UPDATE scheduler.job SET paused_at = NULL, paused_reason = NULL,"
			  " paused_until = NULL, skip_through = GREATEST(skip_through, $2),"
			  " enabled = true WHERE job_id = $1", &params);
}

void
query_set_skip_through(int64 job_id, TimestampTz skip_through)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	query_add_time(&params, skip_through);
	query_run("UPDATE scheduler.job SET skip_through = $2 WHERE job_id = $1", &params);
}

/* One value of one row.  False: there is no row, or it is NULL. */
static bool
find_value(const char *sql, const Params *params, Datum *value)
{
	QueryFrame	frame;
	bool		isnull = true;

	*value = (Datum) 0;
	query_enter(&frame);
	if (query_read(sql, params) > 0)
		*value = query_column(0, 1, &isnull);
	query_leave(&frame);
	return !isnull;
}

bool
query_find_job(Oid owner, const char *job_name, int64 *job_id)
{
	Params		params = {0};
	Datum		value;

	query_add_oid(&params, owner);
	query_add_text(&params, job_name);
	if (!find_value("SELECT job_id FROM scheduler.job"
					" WHERE owner = $1::regrole AND job_name = $2", &params, &value))
		return false;
	*job_id = DatumGetInt64(value);
	return true;
}

bool
query_find_job_owner(int64 job_id, Oid *owner)
{
	Params		params = {0};
	Datum		value;

	query_add_int64(&params, job_id);
	if (!find_value("SELECT owner::oid FROM scheduler.job WHERE job_id = $1",
					&params, &value))
		return false;
	*owner = DatumGetObjectId(value);
	return true;
}

char *
query_job_name(int64 job_id)
{
	Params		params = {0};
	char	   *result;

	query_add_int64(&params, job_id);
	result = query_string("SELECT job_name FROM scheduler.job WHERE job_id = $1", &params);
	return result ? result : pstrdup("");
}

bool
query_queue_exists(const char *queue_name)
{
	Params		params = {0};
	Datum		value;

	query_add_text(&params, queue_name);
	return find_value("SELECT true FROM scheduler.queue WHERE queue_name = $1",
					  &params, &value);
}

int
query_find_active_jobs(int64 **job_ids)
{
	return query_ids("SELECT job_id FROM scheduler.job"
					 " WHERE enabled AND paused_at IS NULL", NULL, job_ids);
}

/*
 * Runs
 */

int
query_find_pending_of(int64 job_id, int64 **run_ids)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	return query_ids("SELECT run_id FROM scheduler.pending_run"
					 " WHERE job_id = $1 ORDER BY run_id", &params, run_ids);
}

/* Lock a pending run.  False: somebody has it in hand, or it is gone. */
bool
query_lock_pending(int64 run_id)
{
	static SPIPlanPtr plan = NULL;
	QueryFrame	frame;
	Params		params = {0};
	bool		result;

	query_add_int64(&params, run_id);
	query_enter(&frame);
	result = query_execute_kept(&plan, "SELECT FROM scheduler.pending_run WHERE run_id = $1"
								" FOR UPDATE SKIP LOCKED", &params) > 0;
	query_leave(&frame);
	return result;
}

/* Was the row of this run added by the current transaction? */
bool
query_pending_is_mine(int64 run_id)
{
	Params		params = {0};
	Datum		value;

	query_add_int64(&params, run_id);
	return find_value("SELECT xmin FROM scheduler.pending_run WHERE run_id = $1",
					  &params, &value) &&
		TransactionIdIsCurrentTransactionId(DatumGetTransactionId(value));
}

bool
query_find_run_owner(int64 run_id, Oid *owner)
{
	Params		params = {0};
	Datum		value;

	query_add_int64(&params, run_id);
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
query_last_status(int64 run_id)
{
	Params		params = {0};

	query_add_int64(&params, run_id);
	return query_string("SELECT status FROM scheduler.run_history WHERE run_id = $1"
					 " ORDER BY attempt DESC, finished_at DESC LIMIT 1", &params);
}

/*
 * Dead letters
 */

/* The one row of a statement whose columns are those of DeadLetter. */
static bool
read_letter(const char *statement, Params *params, DeadLetter *letter)
{
	MemoryContext caller = CurrentMemoryContext;
	QueryFrame	frame;
	bool		found;
	bool		isnull;

	query_enter(&frame);
	found = query_execute(statement, params) > 0;
	if (found)
	{
		Datum		args;

		letter->dead_letter_id = query_int64(0, 1);
		letter->run_id = query_int64(0, 2);
		letter->job_id = query_int64(0, 3);
		letter->owner = DatumGetObjectId(query_column(0, 4, &isnull));
		letter->scheduled_at = query_time(0, 5, DT_NOBEGIN);
		args = query_column(0, 6, &isnull);
		letter->args = NULL;
		if (!isnull)
		{
			MemoryContext oldcontext = MemoryContextSwitchTo(caller);

			letter->args = DatumGetJsonbPCopy(args);
			MemoryContextSwitchTo(oldcontext);
		}
		letter->redriven = DatumGetBool(query_column(0, 7, &isnull));
	}
	query_leave(&frame);
	return found;
}

bool
query_read_dead_letter(int64 dead_letter_id, DeadLetter *letter)
{
	Params		params = {0};

	query_add_int64(&params, dead_letter_id);
	return read_letter("SELECT dead_letter_id, run_id, job_id, owner, scheduled_at,"
					   " args, redriven_at IS NOT NULL"
					   " FROM scheduler.dead_letter WHERE dead_letter_id = $1"
					   " FOR UPDATE", &params, letter);
}

bool
query_read_finished_run(int64 run_id, DeadLetter *run)
{
	Params		params = {0};

	query_add_int64(&params, run_id);
	return read_letter("SELECT COALESCE(d.dead_letter_id, 0), h.run_id, h.job_id, h.owner,"
					   " h.scheduled_at, COALESCE(d.args, h.args), false"
					   " FROM scheduler.run_history h"
					   " LEFT JOIN scheduler.dead_letter d ON d.run_id = h.run_id"
					   " AND d.redriven_at IS NULL"
					   " WHERE h.run_id = $1 ORDER BY h.attempt DESC LIMIT 1", &params, run);
}

bool
query_occurrence_pending(int64 job_id, TimestampTz scheduled_at)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	query_add_time(&params, scheduled_at);
	return query_exists("SELECT FROM scheduler.pending_run"
						" WHERE job_id = $1 AND scheduled_at = $2", &params);
}

int
query_find_dead_letters(int64 job_id, int64 **ids)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	return query_ids("SELECT dead_letter_id FROM scheduler.dead_letter"
					 " WHERE job_id = $1 AND redriven_at IS NULL"
					 " ORDER BY dead_letter_id", &params, ids);
}

void
query_mark_redriven(int64 dead_letter_id, TimestampTz now)
{
	Params		params = {0};

	query_add_int64(&params, dead_letter_id);
	query_add_time(&params, now);
	query_run("UPDATE scheduler.dead_letter SET redriven_at = $2"
			  " WHERE dead_letter_id = $1", &params);
}

void
query_delete_dead_letter(int64 dead_letter_id)
{
	Params		params = {0};

	query_add_int64(&params, dead_letter_id);
	query_run("DELETE FROM scheduler.dead_letter WHERE dead_letter_id = $1", &params);
}

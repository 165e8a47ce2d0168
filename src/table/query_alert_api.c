/*-------------------------------------------------------------------------
 *
 * query_alert_api.c
 *	  The SQL behind the functions of alert_api.c; one function a statement.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "table/query_exec.h"
#include "table/query_monitor.h"

bool
query_find_open_alert(int64 alert_id, Oid *owner)
{
	QueryFrame	frame;
	Params		params = {0};
	bool		result;
	bool		isnull;

	*owner = InvalidOid;
	query_add_int64(&params, alert_id);
	query_enter(&frame);
	result = query_execute("SELECT owner FROM scheduler.alert"
						   " WHERE alert_id = $1 AND resolved_at IS NULL", &params) > 0;
	if (result)
	{
		Datum		value = query_column(0, 1, &isnull);

		*owner = isnull ? InvalidOid : DatumGetObjectId(value);
	}
	query_leave(&frame);
	return result;
}

void
query_resolve_by_hand(int64 alert_id, Oid by, TimestampTz now)
{
	Params		params = {0};

	query_add_int64(&params, alert_id);
	query_add_oid(&params, by);
	query_add_time(&params, now);
	query_run("UPDATE scheduler.alert SET resolved_at = $3, resolved_by = $2,"
			  " end_told = true WHERE alert_id = $1 AND resolved_at IS NULL", &params);
}

int
query_resolve_all_by_hand(const char *kind, Oid by, TimestampTz now, int64 **alert_ids)
{
	Params		params = {0};

	query_add_text(&params, kind);
	query_add_oid(&params, by);
	query_add_time(&params, now);
	return query_changed_ids("UPDATE scheduler.alert SET resolved_at = $3,"
							 " resolved_by = $2, end_told = true"
							 " WHERE resolved_at IS NULL AND kind = COALESCE($1, kind)"
							 " AND scheduler._role_sees($2, owner) RETURNING alert_id",
							   &params, alert_ids);
}

bool
query_update_alert_rule(const char *kind, const bool *enabled, const double *threshold,
						  const char *severity, const Interval *interval)
{
	Params		params = {0};

	query_add_text(&params, kind);
	query_add(&params, BOOLOID, enabled ? BoolGetDatum(*enabled) : (Datum) 0,
				enabled == NULL);
	query_add(&params, FLOAT8OID, threshold ? Float8GetDatum(*threshold) : (Datum) 0,
				threshold == NULL);
	query_add_text(&params, severity);
	query_add(&params, INTERVALOID, IntervalPGetDatum(interval), interval == NULL);
	return query_run("INSERT INTO scheduler.alert_rule AS r"
					 " (kind, enabled, threshold, severity, \"interval\")"
					 " SELECT p.kind, $2, $3, $4, $5 FROM scheduler.alert_rule_preset p"
					 " WHERE p.kind = $1"
					 " ON CONFLICT (kind) DO UPDATE SET"
					 " enabled = COALESCE(EXCLUDED.enabled, r.enabled),"
					 " threshold = COALESCE(EXCLUDED.threshold, r.threshold),"
					 " severity = COALESCE(EXCLUDED.severity, r.severity),"
					 " \"interval\" = COALESCE(EXCLUDED.\"interval\", r.\"interval\")",
					   &params) > 0;
}

bool
query_alert_rule_exists(const char *kind)
{
	QueryFrame	frame;
	Params		params = {0};
	bool		result;

	query_add_text(&params, kind);
	query_enter(&frame);
	result = query_execute("SELECT FROM scheduler.alert_rule_preset WHERE kind = $1",
							 &params) > 0;
	query_leave(&frame);
	return result;
}

void
query_delete_alert_rule(const char *kind)
{
	Params		params = {0};

	query_add_text(&params, kind);
	query_run("DELETE FROM scheduler.alert_rule WHERE kind = $1", &params);
}

int64
query_upsert_alert_check(const AlertCheck *check, int64 job_id)
{
	Params		params = {0};

	query_add_text(&params, check->name);
	query_add_oid(&params, check->owner);
	query_add_int64(&params, job_id);
	query_add_text(&params, check->predicate);
	query_add_text(&params, check->severity);
	query_add_text(&params, check->message);
	return query_number("INSERT INTO scheduler.alert_check"
						" (check_name, owner, job_id, predicate, severity, message)"
						" VALUES ($1, $2, $3, $4, $5, $6)"
						" ON CONFLICT (owner, check_name) DO UPDATE SET"
						" job_id = EXCLUDED.job_id, predicate = EXCLUDED.predicate,"
						" severity = EXCLUDED.severity, message = EXCLUDED.message"
						" RETURNING check_id", &params);
}

bool
query_find_alert_check(int64 job_id, AlertCheck *check)
{
	MemoryContext caller = CurrentMemoryContext;
	QueryFrame	frame;
	Params		params = {0};
	bool		result;

	query_add_int64(&params, job_id);
	query_enter(&frame);
	result = query_execute("SELECT check_id, check_name, owner, severity,"
						   " COALESCE(message, 'check \"' || check_name || '\" is true')"
						   " FROM scheduler.alert_check WHERE job_id = $1", &params) > 0;
	if (result)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(caller);
		bool		isnull;

		check->check_id = query_int64(0, 1);
		check->name = TextDatumGetCString(query_column(0, 2, &isnull));
		check->owner = DatumGetObjectId(query_column(0, 3, &isnull));
		check->severity = TextDatumGetCString(query_column(0, 4, &isnull));
		check->message = TextDatumGetCString(query_column(0, 5, &isnull));
		MemoryContextSwitchTo(oldcontext);
	}
	query_leave(&frame);
	return result;
}

int64
query_upsert_alert_handler(const char *name, Oid owner, int64 job_id, const char *channel,
							 ArrayType *kinds, const char *min_severity, bool resolved,
							 TimestampTz now)
{
	Params		params = {0};

	query_add_text(&params, name);
	query_add_oid(&params, owner);
	query_add(&params, INT8OID, Int64GetDatum(job_id), job_id == 0);
	query_add_text(&params, channel);
	query_add(&params, TEXTARRAYOID, PointerGetDatum(kinds), kinds == NULL);
	query_add_text(&params, min_severity);
	query_add(&params, BOOLOID, BoolGetDatum(resolved), false);
	query_add_time(&params, now);
	return query_number("INSERT INTO scheduler.alert_handler (handler_name, owner, job_id,"
						" channel, kinds, min_severity, resolved, created_at)"
						" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
						" ON CONFLICT (owner, handler_name) DO UPDATE SET"
						" job_id = EXCLUDED.job_id, channel = EXCLUDED.channel,"
						" kinds = EXCLUDED.kinds, min_severity = EXCLUDED.min_severity,"
						" resolved = EXCLUDED.resolved"
						" RETURNING handler_id", &params);
}

int64
query_find_handler_job(const char *name, Oid owner)
{
	Params		params = {0};

	query_add_text(&params, name);
	query_add_oid(&params, owner);
	return query_number("SELECT job_id FROM scheduler.alert_handler"
						" WHERE handler_name = $1 AND owner = $2 AND job_id IS NOT NULL",
						&params);
}

bool
query_delete_alert_handler(const char *name, Oid owner, int64 *job_id)
{
	QueryFrame	frame;
	Params		params = {0};
	bool		result;

	query_add_text(&params, name);
	query_add_oid(&params, owner);
	query_enter(&frame);
	result = query_execute("DELETE FROM scheduler.alert_handler"
						   " WHERE handler_name = $1 AND owner = $2 RETURNING job_id",
							 &params) > 0;
	*job_id = result ? query_int64(0, 1) : 0;
	query_leave(&frame);
	return result;
}

/*-------------------------------------------------------------------------
 *
 * alert_api.c
 *	  SQL-callable functions: alerts, their rules, checks and handlers.
 *
 * A check and a handler are jobs of the role that makes them: whatever they
 * execute has the rights of that role and no others.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/argument.h"
#include "base/clock.h"
#include "base/guc.h"
#include "record/alert_handler.h"
#include "rules/alert_kind.h"
#include "shared/change.h"
#include "table/fit.h"
#include "table/job.h"
#include "table/query.h"
#include "table/query_hook.h"
#include "table/query_monitor.h"
#include "table/rights.h"

PG_FUNCTION_INFO_V1(pg_scheduler_required);
PG_FUNCTION_INFO_V1(pg_scheduler_admin);
PG_FUNCTION_INFO_V1(pg_scheduler_role_sees);
PG_FUNCTION_INFO_V1(pg_scheduler_resolve_alert);
PG_FUNCTION_INFO_V1(pg_scheduler_resolve_alerts);
PG_FUNCTION_INFO_V1(pg_scheduler_clear_alerts);
PG_FUNCTION_INFO_V1(pg_scheduler_alert_rule_presets);
PG_FUNCTION_INFO_V1(pg_scheduler_alter_alert_rule);
PG_FUNCTION_INFO_V1(pg_scheduler_reset_alert_rule);
PG_FUNCTION_INFO_V1(pg_scheduler_add_alert_check);
PG_FUNCTION_INFO_V1(pg_scheduler_report_alert_check);
PG_FUNCTION_INFO_V1(pg_scheduler_add_alert_handler);
PG_FUNCTION_INFO_V1(pg_scheduler_handler_command);
PG_FUNCTION_INFO_V1(pg_scheduler_drop_alert_handler);

static char *
text_or_null(FunctionCallInfo fcinfo, int arg)
{
	argument_check_sizes(fcinfo);
	return PG_ARGISNULL(arg) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

/* Names of checks and handlers; those that have a job are in its name. */
static void
check_name(const char *name, const char *argument)
{
	if (name[0] == '\0' || strlen(name) >= JOB_NAME_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must have 1 to %d bytes", argument, JOB_NAME_LENGTH - 1)));
}

static void
check_kinds(ArrayType *kinds)
{
	Datum	   *names;
	int			n;

	if (kinds == NULL)
		return;
	if (array_contains_nulls(kinds))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"kinds\" must not contain nulls")));
	deconstruct_array(kinds, TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *name = TextDatumGetCString(names[i]);

		if (alert_kind_from_name(name) < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid kind of alert \"%s\"", job_clip_text(name, 64)),
					 errhint("Kinds are %s.", alert_kind_list())));
	}
}

static void
check_severity(const char *severity)
{
	static const char *const names[] = {"info", "warning", "error", "critical"};

	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(names[i], severity) == 0)
			return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid severity \"%s\"", job_clip_text(severity, 64)),
			 errhint("Severities are info, warning, error and critical.")));
}

/* For functions in SQL: the first argument, which the second one names */
Datum
pg_scheduler_required(PG_FUNCTION_ARGS)
{
	argument_require(fcinfo, 0,
					 PG_ARGISNULL(1) ? "value" : text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

Datum
pg_scheduler_admin(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(rights_is_admin());
}

/* Not STRICT: an alert may belong to no role. */
Datum
pg_scheduler_role_sees(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	if (!PG_ARGISNULL(1) &&
		has_privs_of_role(PG_GETARG_OID(0), PG_GETARG_OID(1)))
		PG_RETURN_BOOL(true);
	PG_RETURN_BOOL(rights_role_is_admin(PG_GETARG_OID(0)));
}

/*
 * Alerts
 */

Datum
pg_scheduler_resolve_alert(PG_FUNCTION_ARGS)
{
	int64		alert_id;
	Oid			owner;

	api_require(fcinfo, 0, "id");
	alert_id = PG_GETARG_INT64(0);
	if (!query_find_open_alert(alert_id, &owner) ||
		!(OidIsValid(owner) ? rights_can_manage(owner) : rights_is_admin()))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("alert " INT64_FORMAT " does not exist, or is resolved", alert_id)));
	query_resolve_by_hand(alert_id, GetUserId(), clock_now());
	change_note(CHANGE_ALERTS, 0);
	alert_handler_call(&alert_id, 1, ALERT_RESOLVED);
	PG_RETURN_VOID();
}

/* Of a kind, or all of them; how many. */
static int64
resolve_all(const char *kind)
{
	int64	   *alert_ids;
	int			n = query_resolve_all_by_hand(kind, GetUserId(), clock_now(), &alert_ids);

	if (n > 0)
	{
		change_note(CHANGE_ALERTS, 0);
		alert_handler_call(alert_ids, n, ALERT_RESOLVED);
	}
	return n;
}

Datum
pg_scheduler_resolve_alerts(PG_FUNCTION_ARGS)
{
	api_require(fcinfo, 0, "kind");
	PG_RETURN_INT64(resolve_all(text_or_null(fcinfo, 0)));
}

Datum
pg_scheduler_clear_alerts(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(resolve_all(NULL));
}

/*
 * Rules
 */

/* The kinds of alerts that have a rule, and what that is before it is altered. */
Datum
pg_scheduler_alert_rule_presets(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < ALERT_KINDS; i++)
	{
		const AlertKindInfo *kind = alert_kind(i);
		Interval	interval = {.time = kind->period * USECS_PER_SEC};
		Datum		values[6];
		bool		nulls[6] = {0};

		if (kind->rule == NULL)
			continue;
		values[0] = CStringGetTextDatum(kind->name);
		values[1] = BoolGetDatum(true);
		values[2] = Float8GetDatum(kind->threshold);
		nulls[2] = kind->threshold < 0;
		values[3] = CStringGetTextDatum(kind->severity);
		values[4] = IntervalPGetDatum(&interval);
		nulls[4] = kind->period == 0;
		values[5] = CStringGetTextDatum(kind->rule);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

static void
no_such_rule(const char *kind)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("there is no rule for alerts of the kind \"%s\"", kind),
			 errhint("See the view scheduler.alert_rules.")));
}

static bool
is_positive(const Interval *interval)
{
	Interval	nothing = {0};

	return DatumGetBool(DirectFunctionCall2(interval_gt, IntervalPGetDatum(interval),
											IntervalPGetDatum(&nothing)));
}

/*
 * The argument "period", or "interval", which it was called first, and which
 * cannot be written by name without quotes; NULL: neither is given.
 */
static Interval *
get_period(FunctionCallInfo fcinfo)
{
	bool		by_old_name = PG_NARGS() > 5 && !PG_ARGISNULL(5);
	const char *name = by_old_name ? "interval" : "period";
	Interval   *period;

	if (by_old_name && !PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"period\" and \"interval\" must not both be given"),
				 errdetail("They are two names of the same.")));
	if (!by_old_name && PG_ARGISNULL(4))
		return NULL;
	period = PG_GETARG_INTERVAL_P(by_old_name ? 5 : 4);
	if (!is_positive(period))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be greater than 0", name)));
	if (job_interval_usecs(period) > INTERVAL_MAX_USECS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must not be longer than 100 years", name)));
	return period;
}

Datum
pg_scheduler_alter_alert_rule(PG_FUNCTION_ARGS)
{
	char	   *kind;
	char	   *severity = text_or_null(fcinfo, 3);
	bool		enabled = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	double		threshold = PG_ARGISNULL(2) ? 0 : PG_GETARG_FLOAT8(2);
	Interval   *period = get_period(fcinfo);

	api_require(fcinfo, 0, "kind");
	kind = text_or_null(fcinfo, 0);
	rights_require_admin("alter_alert_rule");
	if (severity != NULL)
		check_severity(severity);
	if (!(threshold >= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"threshold\" must not be negative")));
	if (!query_update_alert_rule(kind, PG_ARGISNULL(1) ? NULL : &enabled,
								 PG_ARGISNULL(2) ? NULL : &threshold, severity,
								 period))
		no_such_rule(kind);
	PG_RETURN_VOID();
}

Datum
pg_scheduler_reset_alert_rule(PG_FUNCTION_ARGS)
{
	char	   *kind;

	api_require(fcinfo, 0, "kind");
	kind = text_or_null(fcinfo, 0);
	rights_require_admin("reset_alert_rule");
	if (!query_alert_rule_exists(kind))
		no_such_rule(kind);
	query_delete_alert_rule(kind);
	PG_RETURN_VOID();
}

/*
 * Checks
 */

/* The owner of a job that the caller may manage. */
static Oid
owner_of_job(int64 job_id)
{
	Oid			owner;

	if (!query_find_job_owner(job_id, &owner) || !rights_can_manage(owner))
		job_not_found(job_id);
	return owner;
}

Datum
pg_scheduler_add_alert_check(PG_FUNCTION_ARGS)
{
	AlertCheck	check = {0};

	api_require(fcinfo, 0, "check_name");
	api_require(fcinfo, 1, "job_id");
	api_require(fcinfo, 2, "predicate");
	api_require(fcinfo, 3, "severity");
	check.name = text_or_null(fcinfo, 0);
	check.owner = owner_of_job(PG_GETARG_INT64(1));
	check.predicate = text_or_null(fcinfo, 2);
	check.severity = text_or_null(fcinfo, 3);
	check.message = text_or_null(fcinfo, 4);
	check_name(check.name, "check_name");
	check_severity(check.severity);
	query_set_serves(PG_GETARG_INT64(1), "alert check");
	PG_RETURN_INT64(query_upsert_alert_check(&check, PG_GETARG_INT64(1)));
}

/*
 * Called by the job of a check: what it has found takes effect with the run,
 * and not when it fails.  NULL is neither true nor false: nothing changes.
 */
Datum
pg_scheduler_report_alert_check(PG_FUNCTION_ARGS)
{
	AlertCheck	check = {0};
	AlertRow	row = {.count = 1};
	TimestampTz now = clock_now();
	int64	   *opened;
	bool		locked;

	api_require(fcinfo, 0, "job_id");
	row.kind = pstrdup(alert_kind(ALERT_CHECK)->name);
	row.job_id = PG_GETARG_INT64(0);
	row.owner = owner_of_job(row.job_id);
	if (!query_find_alert_check(row.job_id, &check))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job " INT64_FORMAT " is not that of a check", row.job_id)));
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	row.subject = psprintf("check " INT64_FORMAT, check.check_id);
	row.severity = check.severity;
	row.message = job_clip_text(check.message, pg_scheduler_max_message_size * 1024);
	/* what somebody else has in hand is left to the next run of the check */
	if (!query_try_lock_check(check.check_id) || query_lock_alerts(&row, 1, &locked) > 0)
		PG_RETURN_BOOL(PG_GETARG_BOOL(1));
	if (PG_GETARG_BOOL(1))
	{
		int			n;

		query_reopen_alerts(&row, 1, now - alert_handler_window());
		n = query_open_alerts(&row, 1, now, &opened);
		if (n > 0)
			alert_handler_call(opened, n, ALERT_RAISED);
	}
	else
		query_resolve_alerts(&row, 1, now);
	PG_RETURN_BOOL(PG_GETARG_BOOL(1));
}

/*
 * Handlers
 */

/* Can a function be called with one jsonb?  An aggregate or a procedure cannot. */
static bool
takes_jsonb(Form_pg_proc function)
{
	Oid			jsonb = JSONBOID;

	return function->prokind == PROKIND_FUNCTION && function->pronargs >= 1 &&
		function->pronargs - function->pronargdefaults <= 1 &&
		can_coerce_type(1, &jsonb, function->proargtypes.values, COERCION_IMPLICIT);
}

static bool
may_call(Oid function_id, Form_pg_proc function)
{
	Datum		role = ObjectIdGetDatum(GetUserId());

	return DatumGetBool(DirectFunctionCall3(has_function_privilege_id_id, role,
											ObjectIdGetDatum(function_id),
											CStringGetTextDatum("EXECUTE"))) &&
		DatumGetBool(DirectFunctionCall3(has_schema_privilege_id_id, role,
										 ObjectIdGetDatum(function->pronamespace),
										 CStringGetTextDatum("USAGE")));
}

Datum
pg_scheduler_handler_command(PG_FUNCTION_ARGS)
{
	Oid			function_id;
	Form_pg_proc function;
	HeapTuple	tuple;
	char	   *name;

	api_require(fcinfo, 0, "function");
	function_id = PG_GETARG_OID(0);
	argument_not_null(!OidIsValid(function_id), "function");
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function_id));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function with OID %u does not exist", function_id)));
	function = (Form_pg_proc) GETSTRUCT(tuple);
	name = quote_qualified_identifier(get_namespace_name(function->pronamespace),
									  NameStr(function->proname));
	if (!takes_jsonb(function))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("%s cannot be called with one argument of type jsonb", name),
				 errhint("A handler is a function that takes alerts as a jsonb array.")));
	if (!may_call(function_id, function))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for function %s", name),
				 errdetail("Role \"%s\" needs EXECUTE on it and USAGE on its schema to handle alerts.",
						   GetUserNameFromId(GetUserId(), false))));
	ReleaseSysCache(tuple);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("SELECT %s($1)", name)));
}

Datum
pg_scheduler_add_alert_handler(PG_FUNCTION_ARGS)
{
	int64		job_id = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1);
	char	   *channel = text_or_null(fcinfo, 2);
	char	   *severity;
	char	   *name;
	Oid			owner;
	int64		old_job_id;
	int64		result;

	api_require(fcinfo, 0, "handler_name");
	api_require(fcinfo, 4, "min_severity");
	api_require(fcinfo, 5, "resolved");
	severity = text_or_null(fcinfo, 4);
	check_severity(severity);
	if (job_id == 0 && (channel == NULL || channel[0] == '\0' ||
						strlen(channel) >= NAMEDATALEN))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"channel\" must have 1 to %d bytes", NAMEDATALEN - 1)));
	name = text_or_null(fcinfo, 0);
	check_name(name, "handler_name");
	check_kinds(PG_ARGISNULL(3) ? NULL : PG_GETARG_ARRAYTYPE_P(3));
	owner = job_id ? owner_of_job(job_id) : GetUserId();
	old_job_id = query_find_handler_job(name, owner);
	if (job_id != 0)
		query_set_serves(job_id, "alert handler");
	result = query_upsert_alert_handler(name, owner,
										job_id, channel,
										PG_ARGISNULL(3) ? NULL : PG_GETARG_ARRAYTYPE_P(3),
										severity, PG_GETARG_BOOL(5), clock_now());
	/* one that was a job, and is none any more */
	if (old_job_id != 0 && old_job_id != job_id)
		query_delete_job(old_job_id);
	PG_RETURN_INT64(result);
}

Datum
pg_scheduler_drop_alert_handler(PG_FUNCTION_ARGS)
{
	char	   *name;
	int64		job_id;

	api_require(fcinfo, 0, "handler_name");
	name = text_or_null(fcinfo, 0);
	if (!query_delete_alert_handler(name, GetUserId(), &job_id))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("alert handler \"%s\" does not exist", name),
				 errhint("A handler is found among those that \"%s\" owns.",
						 GetUserNameFromId(GetUserId(), false))));
	if (job_id != 0)
		query_delete_job(job_id);
	PG_RETURN_VOID();
}

/*-------------------------------------------------------------------------
 *
 * query_alert.c
 *	  The SQL behind alerts that are raised and resolved; one function a
 *	  statement.
 *
 * Roles may resolve the alerts that they see, and leave the transaction open
 * that does so.  Nobody here waits for that: a row that somebody has locked is
 * left for later.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "table/query_exec.h"
#include "table/query_monitor.h"
#include "table/row.h"

/* kind, subject, severity, job_id, owner, message, count: $1 to $7 */
static void
add_alerts(Params *params, const AlertRow *rows, int n)
{
	Datum	   *values[7];
	bool	   *no_job = palloc(n * sizeof(bool));
	bool	   *no_owner = palloc(n * sizeof(bool));

	for (int i = 0; i < lengthof(values); i++)
		values[i] = palloc(n * sizeof(Datum));
	for (int i = 0; i < n; i++)
	{
		const AlertRow *row = &rows[i];

		values[0][i] = CStringGetTextDatum(row->kind);
		values[1][i] = CStringGetTextDatum(row->subject);
		values[2][i] = CStringGetTextDatum(row->severity ? row->severity : "");
		values[3][i] = Int64GetDatum(row->job_id);
		values[4][i] = ObjectIdGetDatum(row->owner);
		values[5][i] = CStringGetTextDatum(row->message ? row->message : "");
		values[6][i] = Int64GetDatum(row->count);
		no_job[i] = row->job_id == 0;
		no_owner[i] = !OidIsValid(row->owner);
	}
	query_add_text_array(params, values[0], NULL, n);
	query_add_text_array(params, values[1], NULL, n);
	query_add_text_array(params, values[2], NULL, n);
	query_add_int64_array(params, values[3], no_job, n);
	query_add_oid_array(params, values[4], no_owner, n);
	query_add_text_array(params, values[5], NULL, n);
	query_add_int64_array(params, values[6], NULL, n);
}

#define ALERT_PARAMS \
	" ROWS FROM (unnest($1::text[]), unnest($2::text[]), unnest($3::text[])," \
	" unnest($4::bigint[]), unnest($5::oid[]), unnest($6::text[]), unnest($7::bigint[]))" \
	" WITH ORDINALITY AS n (kind, subject, severity, job_id, owner, message, count, position) "

/*
 * Which of these alerts are open, and somebody else has in hand?  The other
 * ones that are open are locked.
 */
int
query_lock_alerts(const AlertRow *rows, int n, bool *locked)
{
	QueryFrame	frame;
	Params		params = {0};
	int			nlocked;

	memset(locked, 0, n * sizeof(bool));
	add_alerts(&params, rows, n);
	query_enter(&frame);
	nlocked = query_execute("SELECT n.position FROM" ALERT_PARAMS
							" JOIN scheduler.alert a ON a.kind = n.kind"
							" AND a.subject = n.subject AND a.resolved_at IS NULL"
							" LEFT JOIN LATERAL (SELECT b.alert_id FROM scheduler.alert b"
							" WHERE b.alert_id = a.alert_id AND b.resolved_at IS NULL"
							" FOR UPDATE SKIP LOCKED) free ON true"
							" WHERE free.alert_id IS NULL", &params);
	for (int row = 0; row < nlocked; row++)
		locked[query_int64(row, 1) - 1] = true;
	query_leave(&frame);
	return nlocked;
}

bool
query_try_lock_check(int64 check_id)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, row_relation("alert_check"), (uint32) check_id, 0);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

/* A rule that is not enabled keeps its kind from being raised. */
int
query_open_alerts(const AlertRow *rows, int n, TimestampTz now, int64 **opened)
{
	MemoryContext caller = CurrentMemoryContext;
	QueryFrame	frame;
	Params		params = {0};
	int			nrows;
	int			nopened = 0;

	add_alerts(&params, rows, n);
	query_add_time(&params, now);
	query_enter(&frame);
	nrows = query_execute("INSERT INTO scheduler.alert AS a (kind, severity, subject,"
						  " job_id, owner, message, first_seen, last_seen, count)"
						  " SELECT n.kind, COALESCE(r.severity, n.severity), n.subject,"
						  " n.job_id, n.owner, n.message, $8, $8, n.count"
						  " FROM" ALERT_PARAMS
						  " LEFT JOIN scheduler.alert_rules r ON r.kind = n.kind"
						  " WHERE r.enabled IS NOT FALSE"
						  " ON CONFLICT (kind, subject) WHERE resolved_at IS NULL"
						  " DO UPDATE SET severity = EXCLUDED.severity,"
						  " message = EXCLUDED.message,"
						  " last_seen = EXCLUDED.last_seen, count = a.count + EXCLUDED.count"
						  " RETURNING alert_id, (first_seen = last_seen)::int::bigint",
						  &params);
	*opened = MemoryContextAlloc(caller, Max(nrows, 1) * sizeof(int64));
	for (int row = 0; row < nrows; row++)
		if (query_int64(row, 2) == 1)
			(*opened)[nopened++] = query_int64(row, 1);
	query_leave(&frame);
	return nopened;
}

void
query_reopen_alerts(const AlertRow *rows, int n, TimestampTz since)
{
	Params		params = {0};

	add_alerts(&params, rows, n);
	query_add_time(&params, since);
	query_run("UPDATE scheduler.alert a SET resolved_at = NULL"
			  " FROM" ALERT_PARAMS
			  " CROSS JOIN LATERAL (SELECT b.alert_id FROM scheduler.alert b"
			  " WHERE b.kind = n.kind AND b.subject = n.subject"
			  " ORDER BY b.alert_id DESC LIMIT 1) last"
			  " CROSS JOIN LATERAL (SELECT b.alert_id FROM scheduler.alert b"
			  " WHERE b.alert_id = last.alert_id FOR UPDATE SKIP LOCKED) free"
			  " WHERE a.alert_id = free.alert_id AND a.resolved_at > $8"
			  " AND a.resolved_by IS NULL AND NOT a.end_told",
			  &params);
}

void
query_resolve_alerts(const AlertRow *rows, int n, TimestampTz now)
{
	Params		params = {0};

	add_alerts(&params, rows, n);
	query_add_time(&params, now);
	query_run("UPDATE scheduler.alert a SET resolved_at = $8 FROM" ALERT_PARAMS
			  " WHERE a.kind = n.kind AND a.subject = n.subject AND a.resolved_at IS NULL",
			  &params);
}

#define WITH_AN_END_TO_TELL \
	" WHERE resolved_at IS NOT NULL AND NOT end_told" \
	" AND EXISTS (SELECT FROM scheduler.alert_handler h WHERE h.resolved AND h.enabled)"

int
query_take_ended_alerts(TimestampTz before, int64 **alert_ids)
{
	Params		params = {0};

	query_add_time(&params, before);
	return query_changed_ids("UPDATE scheduler.alert SET end_told = true WHERE alert_id IN"
							 " (SELECT alert_id FROM scheduler.alert" WITH_AN_END_TO_TELL
							 " AND resolved_at <= $1 ORDER BY resolved_at LIMIT 1000"
							 " FOR UPDATE SKIP LOCKED)"
							 " RETURNING alert_id", &params, alert_ids);
}

TimestampTz
query_next_ended_alert(void)
{
	QueryFrame	frame;
	TimestampTz result = DT_NOEND;

	query_enter(&frame);
	if (query_execute("SELECT min(resolved_at) FROM scheduler.alert" WITH_AN_END_TO_TELL,
					  NULL) > 0)
		result = query_time(0, 1, DT_NOEND);
	query_leave(&frame);
	return result;
}

/* Resolve those that a condition on "a" picks, but for those that are locked. */
#define RESOLVE_FREE \
	"UPDATE scheduler.alert SET resolved_at = $1 WHERE alert_id IN" \
	" (SELECT a.alert_id FROM scheduler.alert a"
#define RESOLVE_FREE_END \
	" FOR UPDATE OF a SKIP LOCKED)"

int64
query_resolve_gone_alerts(TimestampTz now)
{
	Params		params = {0};

	query_add_time(&params, now);
	return query_run(RESOLVE_FREE
					 " WHERE a.resolved_at IS NULL AND a.job_id IS NOT NULL"
					 " AND (NOT EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = a.job_id)"
					 " OR (a.kind = 'dead_letter' AND NOT EXISTS"
					 " (SELECT FROM scheduler.dead_letter d WHERE d.job_id = a.job_id"
					 " AND d.redriven_at IS NULL))"
					 " OR (a.kind = 'job_failed' AND EXISTS"
					 " (SELECT FROM scheduler.dead_letter d WHERE d.job_id = a.job_id"
					 " AND d.redriven_at >= a.last_seen)"
					 " AND NOT EXISTS (SELECT FROM scheduler.dead_letter d"
					 " WHERE d.job_id = a.job_id AND d.redriven_at IS NULL"
					 " AND d.died_at >= a.first_seen)))" RESOLVE_FREE_END,
					 &params);
}

void
query_resolve_gone_queue_alerts(TimestampTz now)
{
	Params		params = {0};

	query_add_time(&params, now);
	query_run(RESOLVE_FREE
			  " WHERE a.resolved_at IS NULL AND a.job_id IS NULL"
			  " AND a.kind = 'dependency_unhealthy'"
			  " AND NOT EXISTS (SELECT FROM scheduler.queue q"
			  " WHERE a.subject = 'queue ' || q.queue_name)" RESOLVE_FREE_END, &params);
}

int64
query_resolve_given_up(TimestampTz now)
{
	Params		params = {0};

	query_add_time(&params, now);
	return query_run(RESOLVE_FREE
					 " WHERE a.kind = 'given_up' AND a.resolved_at IS NULL AND NOT EXISTS"
					 " (SELECT FROM scheduler.job_recovery r WHERE r.job_id = a.job_id"
					 " AND r.state = 'given_up')" RESOLVE_FREE_END, &params);
}

typedef struct RowScan
{
	void		(*callback) (void);
	void	   *arg;
} RowScan;

static void
open_alert_row(int row, void *arg)
{
	RowScan	   *scan = arg;

	((OpenAlertCallback) scan->callback) (query_text(row, 1), query_int64(row, 2),
										  query_oid(row, 3), query_text(row, 4), scan->arg);
}

void
query_scan_open_alerts(OpenAlertCallback callback, void *arg)
{
	RowScan		scan = {(void (*) (void)) callback, arg};

	query_scan("SELECT a.kind, a.job_id, j.owner::oid, j.queue"
			   " FROM scheduler.alert a JOIN scheduler.job j ON j.job_id = a.job_id"
			   " WHERE a.resolved_at IS NULL",
			   NULL, open_alert_row, &scan);
}

static void
open_subject_row(int row, void *arg)
{
	RowScan	   *scan = arg;

	((OpenSubjectCallback) scan->callback) (query_text(row, 1), query_text(row, 2), scan->arg);
}

void
query_scan_open_alerts_of_no_job(OpenSubjectCallback callback, void *arg)
{
	RowScan		scan = {(void (*) (void)) callback, arg};

	query_scan("SELECT kind, subject FROM scheduler.alert"
			   " WHERE resolved_at IS NULL AND job_id IS NULL",
			   NULL, open_subject_row, &scan);
}

static void
alert_rule_row(int row, void *arg)
{
	RowScan	   *scan = arg;
	AlertRule	rule = {0};
	bool		isnull;

	rule.enabled = DatumGetBool(query_column(row, 2, &isnull));
	rule.threshold = DatumGetFloat8(query_column(row, 3, &isnull));
	if (isnull)
		rule.threshold = 0;
	rule.interval = query_int64(row, 4);
	((AlertRuleCallback) scan->callback) (query_text(row, 1), &rule, scan->arg);
}

void
query_scan_alert_rules(AlertRuleCallback callback, void *arg)
{
	RowScan		scan = {(void (*) (void)) callback, arg};

	query_scan("SELECT kind, enabled, threshold,"
			   " COALESCE(extract(epoch FROM \"interval\") * 1000000, 0)::bigint"
			   " FROM scheduler.alert_rules",
			   NULL, alert_rule_row, &scan);
}

static void
alert_call_row(int row, void *arg)
{
	RowScan	   *scan = arg;
	AlertCall	call = {0};
	bool		isnull;
	Datum		alerts;

	call.job_id = query_int64(row, 1);
	call.channel = query_text(row, 2);
	call.payload = query_text(row, 3);
	alerts = query_column(row, 4, &isnull);
	call.alerts = isnull ? NULL : DatumGetJsonbPCopy(alerts);
	((AlertCallCallback) scan->callback) (&call, scan->arg);
}

void
query_scan_alert_calls(const int64 *alert_ids, int n, bool resolved,
					   AlertCallCallback callback, void *arg)
{
	RowScan		scan = {(void (*) (void)) callback, arg};
	Params		params = {0};
	Datum	   *ids = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		ids[i] = Int64GetDatum(alert_ids[i]);
	query_add_int64_array(&params, ids, NULL, n);
	query_add(&params, BOOLOID, BoolGetDatum(resolved), false);

	/*
	 * The alerts of a handler's own job are for others to handle, and the end
	 * of an alert for those who were there at its beginning.
	 */
	query_scan("WITH told AS (SELECT h.handler_id, h.job_id, h.channel, a.alert_id,"
			   " jsonb_build_object('event', CASE WHEN $2 THEN 'resolved' ELSE 'raised' END,"
			   " 'alert_id', a.alert_id, 'kind', a.kind, 'severity', a.severity,"
			   " 'subject', a.subject, 'job_id', a.job_id, 'job_name', j.job_name,"
			   " 'database', current_database(), 'message', a.message,"
			   " 'first_seen', a.first_seen, 'last_seen', a.last_seen, 'count', a.count,"
			   " 'resolved_at', a.resolved_at, 'resolved_by', a.resolved_by::regrole) AS alert"
			   " FROM scheduler.alert_handler h JOIN scheduler.alert a ON h.enabled"
			   " AND (h.resolved AND a.first_seen >= h.created_at OR NOT $2)"
			   " AND (h.kinds IS NULL OR a.kind = ANY (h.kinds))"
			   " AND scheduler._severity_rank(a.severity) >="
			   " scheduler._severity_rank(h.min_severity)"
			   " AND a.job_id IS DISTINCT FROM h.job_id"
			   " AND scheduler._role_sees(h.owner, a.owner)"
			   " LEFT JOIN scheduler.job j ON j.job_id = a.job_id"
			   " WHERE a.alert_id = ANY ($1))"
			   " SELECT job_id, NULL::text, NULL::text, jsonb_agg(alert ORDER BY alert_id)"
			   " FROM told WHERE channel IS NULL GROUP BY handler_id, job_id"
			   " UNION ALL"
			   " SELECT 0, channel, jsonb_build_object('event', alert -> 'event',"
			   " 'alert_id', alert_id, 'kind', alert -> 'kind',"
			   " 'severity', alert -> 'severity')::text, NULL"
			   " FROM told WHERE channel IS NOT NULL",
			   &params, alert_call_row, &scan);
}

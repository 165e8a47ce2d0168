/*-------------------------------------------------------------------------
 *
 * catalog_monitor.c
 *	  The SQL behind health, alerts and metrics; one function a statement.
 *
 * What is written often is written in batches: each column is an array.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "table/catalog_exec.h"
#include "table/catalog_monitor.h"

/*
 * Arrays as parameters
 */

static void
add_array(Params *params, Oid array_type, Oid type, Datum *values, bool *nulls, int n,
		  int16 typlen, char typalign)
{
	int			dims[1] = {n};
	int			lbs[1] = {1};

	catalog_add(params, array_type,
				PointerGetDatum(construct_md_array(values, nulls, 1, dims, lbs, type,
												   typlen, typlen > 0, typalign)),
				false);
}

static void
add_texts(Params *params, Datum *values, bool *nulls, int n)
{
	add_array(params, TEXTARRAYOID, TEXTOID, values, nulls, n, -1, TYPALIGN_INT);
}

static void
add_int64s(Params *params, Datum *values, bool *nulls, int n)
{
	add_array(params, INT8ARRAYOID, INT8OID, values, nulls, n, 8, TYPALIGN_DOUBLE);
}

static void
add_oids(Params *params, Datum *values, bool *nulls, int n)
{
	add_array(params, OIDARRAYOID, OIDOID, values, nulls, n, 4, TYPALIGN_INT);
}

/*
 * Alerts
 */

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
	add_texts(params, values[0], NULL, n);
	add_texts(params, values[1], NULL, n);
	add_texts(params, values[2], NULL, n);
	add_int64s(params, values[3], no_job, n);
	add_oids(params, values[4], no_owner, n);
	add_texts(params, values[5], NULL, n);
	add_int64s(params, values[6], NULL, n);
}

#define ALERT_PARAMS \
	" ROWS FROM (unnest($1::text[]), unnest($2::text[]), unnest($3::text[])," \
	" unnest($4::bigint[]), unnest($5::oid[]), unnest($6::text[]), unnest($7::bigint[]))" \
	" AS n (kind, subject, severity, job_id, owner, message, count) "

/* A rule that is not enabled keeps its kind from being raised. */
int
catalog_open_alerts(const AlertRow *rows, int n, TimestampTz now, int64 **opened)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogState state;
	Params		params = {0};
	int			nrows;
	int			nopened = 0;

	add_alerts(&params, rows, n);
	catalog_add_time(&params, now);
	catalog_enter(&state);
	nrows = catalog_execute("INSERT INTO scheduler.alert AS a (kind, severity, subject,"
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
		if (catalog_int64(row, 2) == 1)
			(*opened)[nopened++] = catalog_int64(row, 1);
	catalog_leave(&state);
	return nopened;
}

void
catalog_reopen_alerts(const AlertRow *rows, int n, TimestampTz since)
{
	Params		params = {0};

	add_alerts(&params, rows, n);
	catalog_add_time(&params, since);
	catalog_run("UPDATE scheduler.alert a SET resolved_at = NULL"
				" FROM" ALERT_PARAMS
				" CROSS JOIN LATERAL (SELECT b.alert_id FROM scheduler.alert b"
				" WHERE b.kind = n.kind AND b.subject = n.subject"
				" ORDER BY b.alert_id DESC LIMIT 1) last"
				" WHERE a.alert_id = last.alert_id AND a.resolved_at > $8"
				" AND a.resolved_by IS NULL AND NOT a.end_told",
				&params);
}

void
catalog_resolve_alerts(const AlertRow *rows, int n, TimestampTz now)
{
	Params		params = {0};

	add_alerts(&params, rows, n);
	catalog_add_time(&params, now);
	catalog_run("UPDATE scheduler.alert a SET resolved_at = $8 FROM" ALERT_PARAMS
				" WHERE a.kind = n.kind AND a.subject = n.subject AND a.resolved_at IS NULL",
				&params);
}

#define WITH_AN_END_TO_TELL \
	" WHERE resolved_at IS NOT NULL AND NOT end_told" \
	" AND EXISTS (SELECT FROM scheduler.alert_handler h WHERE h.resolved AND h.enabled)"

int
catalog_take_ended_alerts(TimestampTz before, int64 **alert_ids)
{
	Params		params = {0};

	catalog_add_time(&params, before);
	return catalog_changed_ids("UPDATE scheduler.alert SET end_told = true WHERE alert_id IN"
							   " (SELECT alert_id FROM scheduler.alert" WITH_AN_END_TO_TELL
							   " AND resolved_at <= $1 ORDER BY resolved_at LIMIT 1000)"
							   " RETURNING alert_id", &params, alert_ids);
}

TimestampTz
catalog_next_ended_alert(void)
{
	CatalogState state;
	TimestampTz result = DT_NOEND;

	catalog_enter(&state);
	if (catalog_execute("SELECT min(resolved_at) FROM scheduler.alert" WITH_AN_END_TO_TELL,
						NULL) > 0)
		result = catalog_time(0, 1, DT_NOEND);
	catalog_leave(&state);
	return result;
}

int64
catalog_resolve_gone_alerts(TimestampTz now)
{
	Params		params = {0};

	catalog_add_time(&params, now);
	return catalog_run("UPDATE scheduler.alert a SET resolved_at = $1"
					   " WHERE a.resolved_at IS NULL AND a.job_id IS NOT NULL"
					   " AND (NOT EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = a.job_id)"
					   " OR (a.kind = 'dead_letter' AND NOT EXISTS"
					   " (SELECT FROM scheduler.dead_letter d WHERE d.job_id = a.job_id"
					   " AND d.redriven_at IS NULL)))",
					   &params);
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

	((OpenAlertCallback) scan->callback) (catalog_text(row, 1), catalog_int64(row, 2),
										  catalog_oid(row, 3), catalog_text(row, 4), scan->arg);
}

void
catalog_scan_open_alerts(OpenAlertCallback callback, void *arg)
{
	RowScan		scan = {(void (*) (void)) callback, arg};

	catalog_scan("SELECT a.kind, a.job_id, j.owner::oid, j.queue"
				 " FROM scheduler.alert a JOIN scheduler.job j ON j.job_id = a.job_id"
				 " WHERE a.resolved_at IS NULL",
				 NULL, open_alert_row, &scan);
}

static void
alert_rule_row(int row, void *arg)
{
	RowScan	   *scan = arg;
	AlertRule	rule = {0};
	bool		isnull;

	rule.enabled = DatumGetBool(catalog_column(row, 2, &isnull));
	rule.threshold = DatumGetFloat8(catalog_column(row, 3, &isnull));
	if (isnull)
		rule.threshold = 0;
	rule.interval = catalog_int64(row, 4);
	((AlertRuleCallback) scan->callback) (catalog_text(row, 1), &rule, scan->arg);
}

void
catalog_scan_alert_rules(AlertRuleCallback callback, void *arg)
{
	RowScan		scan = {(void (*) (void)) callback, arg};

	catalog_scan("SELECT kind, enabled, threshold,"
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

	call.job_id = catalog_int64(row, 1);
	call.channel = catalog_text(row, 2);
	call.payload = catalog_text(row, 3);
	alerts = catalog_column(row, 4, &isnull);
	call.alerts = isnull ? NULL : DatumGetJsonbPCopy(alerts);
	((AlertCallCallback) scan->callback) (&call, scan->arg);
}

void
catalog_scan_alert_calls(const int64 *alert_ids, int n, bool resolved,
						 AlertCallCallback callback, void *arg)
{
	RowScan		scan = {(void (*) (void)) callback, arg};
	Params		params = {0};
	Datum	   *ids = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		ids[i] = Int64GetDatum(alert_ids[i]);
	add_int64s(&params, ids, NULL, n);
	catalog_add(&params, BOOLOID, BoolGetDatum(resolved), false);

	/*
	 * The alerts of a handler's own job are for others to handle, and the end
	 * of an alert for those who were there at its beginning.
	 */
	catalog_scan("WITH told AS (SELECT h.handler_id, h.job_id, h.channel, a.alert_id,"
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

/*
 * Health
 */

void
catalog_write_job_health(const JobHealthRow *rows, int n, TimestampTz now)
{
	Params		params = {0};
	Datum	   *ids = palloc(n * sizeof(Datum));
	Datum	   *states = palloc(n * sizeof(Datum));
	Datum	   *reasons = palloc(n * sizeof(Datum));
	Datum	   *own_states = palloc(n * sizeof(Datum));
	Datum	   *waits = palloc0(n * sizeof(Datum));
	bool	   *no_wait = palloc(n * sizeof(bool));

	for (int i = 0; i < n; i++)
	{
		own_states[i] = CStringGetTextDatum(health_state_name(rows[i].own));
		no_wait[i] = rows[i].waits_for == NULL;
		if (!no_wait[i])
			waits[i] = CStringGetTextDatum(rows[i].waits_for);
		ids[i] = Int64GetDatum(rows[i].job_id);
		states[i] = CStringGetTextDatum(health_state_name(rows[i].health.state));
		reasons[i] = CStringGetTextDatum(rows[i].health.reason);
	}
	add_int64s(&params, ids, NULL, n);
	add_texts(&params, states, NULL, n);
	add_texts(&params, reasons, NULL, n);
	catalog_add_time(&params, now);
	add_texts(&params, own_states, NULL, n);
	add_texts(&params, waits, no_wait, n);
	catalog_run("INSERT INTO scheduler.job_health_state AS h"
				" (job_id, state, reason, since, own_state, waits_for)"
				" SELECT n.job_id, n.state, n.reason, $4, n.own_state, n.waits_for FROM ROWS FROM"
				" (unnest($1::bigint[]), unnest($2::text[]), unnest($3::text[]),"
				" unnest($5::text[]), unnest($6::text[]))"
				" AS n (job_id, state, reason, own_state, waits_for)"
				" ON CONFLICT (job_id) DO UPDATE SET state = EXCLUDED.state,"
				" reason = EXCLUDED.reason, own_state = EXCLUDED.own_state,"
				" waits_for = EXCLUDED.waits_for,"
				" since = CASE WHEN h.state = EXCLUDED.state THEN h.since"
				" ELSE EXCLUDED.since END",
				&params);
}

static void
unhealthy_row(int row, void *arg)
{
	RowScan	   *scan = arg;

	((JobHealthCallback) scan->callback) (catalog_int64(row, 1), catalog_oid(row, 2),
										  catalog_text(row, 3), catalog_text(row, 4), scan->arg);
}

void
catalog_scan_unhealthy_jobs(JobHealthCallback callback, void *arg)
{
	RowScan		scan = {(void (*) (void)) callback, arg};

	catalog_scan("SELECT h.job_id, j.owner::oid, j.queue, h.state"
				 " FROM scheduler.job_health_state h"
				 " JOIN scheduler.job j ON j.job_id = h.job_id"
				 " WHERE h.state <> 'healthy'",
				 NULL, unhealthy_row, &scan);
}

void
catalog_write_queue_health(const QueueHealthRow *rows, int n, TimestampTz now)
{
	Params		params = {0};
	Datum	   *values[6];
	bool	   *no_wait = palloc(n * sizeof(bool));

	for (int i = 0; i < lengthof(values); i++)
		values[i] = palloc0(n * sizeof(Datum));
	for (int i = 0; i < n; i++)
	{
		no_wait[i] = rows[i].waits_for == NULL;
		if (!no_wait[i])
			values[5][i] = CStringGetTextDatum(rows[i].waits_for);
		values[0][i] = CStringGetTextDatum(rows[i].queue);
		values[1][i] = CStringGetTextDatum(health_state_name(rows[i].health.state));
		values[2][i] = CStringGetTextDatum(rows[i].health.reason);
		values[3][i] = Int64GetDatum(rows[i].backlog);
		values[4][i] = Int64GetDatum(rows[i].running);
	}
	add_texts(&params, values[0], NULL, n);
	add_texts(&params, values[1], NULL, n);
	add_texts(&params, values[2], NULL, n);
	add_int64s(&params, values[3], NULL, n);
	add_int64s(&params, values[4], NULL, n);
	catalog_add_time(&params, now);
	add_texts(&params, values[5], no_wait, n);
	catalog_run("INSERT INTO scheduler.queue_health_state AS h"
				" (queue_name, state, reason, since, backlog, running, waits_for)"
				" SELECT n.queue_name, n.state, n.reason, $6, n.backlog, n.running, n.waits_for"
				" FROM ROWS FROM (unnest($1::text[]), unnest($2::text[]), unnest($3::text[]),"
				" unnest($4::bigint[]), unnest($5::bigint[]), unnest($7::text[]))"
				" AS n (queue_name, state, reason, backlog, running, waits_for)"
				" ON CONFLICT (queue_name) DO UPDATE SET state = EXCLUDED.state,"
				" reason = EXCLUDED.reason, backlog = EXCLUDED.backlog,"
				" running = EXCLUDED.running, waits_for = EXCLUDED.waits_for,"
				" since = CASE WHEN h.state = EXCLUDED.state THEN h.since"
				" ELSE EXCLUDED.since END"
				" WHERE (h.state, h.reason, h.backlog, h.running, h.waits_for) IS DISTINCT FROM"
				" (EXCLUDED.state, EXCLUDED.reason, EXCLUDED.backlog, EXCLUDED.running,"
				" EXCLUDED.waits_for)",
				&params);
}

static void
queue_jobs_row(int row, void *arg)
{
	RowScan	   *scan = arg;

	((QueueJobsCallback) scan->callback) (catalog_text(row, 1), catalog_int64(row, 2),
										  catalog_int64(row, 3), scan->arg);
}

#define LIVE_JOB " AND j.enabled AND j.paused_at IS NULL AND j.serves IS NULL"

/* "count": to count the jobs of a queue takes a look at all: only where it matters. */
void
catalog_scan_queue_jobs(bool count, QueueJobsCallback callback, void *arg)
{
	RowScan		scan = {(void (*) (void)) callback, arg};

	if (!count)
		catalog_scan("SELECT queue_name, 0::bigint, 0::bigint FROM scheduler.queue",
					 NULL, queue_jobs_row, &scan);
	else
		catalog_scan("SELECT q.queue_name, CASE WHEN u.unhealthy > 0 THEN"
					 " (SELECT count(*) FROM scheduler.job j"
					 " WHERE j.queue = q.queue_name" LIVE_JOB ")"
					 " ELSE 0 END, COALESCE(u.unhealthy, 0)"
					 " FROM scheduler.queue q"
					 " LEFT JOIN (SELECT j.queue, count(*) AS unhealthy"
					 " FROM scheduler.job_health_state h"
					 " JOIN scheduler.job j ON j.job_id = h.job_id"
					 " WHERE h.state = 'unhealthy'" LIVE_JOB " GROUP BY j.queue) u"
					 " ON u.queue = q.queue_name",
					 NULL, queue_jobs_row, &scan);
}

bool
catalog_has_unhealthy_jobs(void)
{
	return catalog_exists("SELECT FROM scheduler.job_health_state"
						  " WHERE state = 'unhealthy' LIMIT 1", NULL);
}

void
catalog_count_queue_jobs(int64 after, int64 upto, QueueJobsCallback callback, void *arg)
{
	RowScan		scan = {(void (*) (void)) callback, arg};
	Params		params = {0};

	catalog_add_int64(&params, after);
	catalog_add_int64(&params, upto);
	catalog_scan("SELECT j.queue, count(*), count(h.job_id) FROM scheduler.job j"
				 " LEFT JOIN (SELECT job_id FROM scheduler.job_health_state"
				 " WHERE job_id > $1 AND job_id <= $2 AND state = 'unhealthy') h"
				 " ON h.job_id = j.job_id"
				 " WHERE j.job_id > $1 AND j.job_id <= $2" LIVE_JOB " GROUP BY j.queue",
				 &params, queue_jobs_row, &scan);
}

/*
 * Metrics
 */

/* A histogram as text of an array, so that rows of them can be an array. */
static Datum
buckets_text(const Tally *tally)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoChar(&text, '{');
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		appendStringInfo(&text, i ? ",%u" : "%u", tally->buckets[i]);
	appendStringInfoChar(&text, '}');
	return PointerGetDatum(cstring_to_text_with_len(text.data, text.len));
}

/* The figures of a tally, as their columns are named in the tables */
#define TALLY_COLUMNS \
	"succeeded, failed, timed_out, cancelled, lost, retries, timed, duration, max_duration," \
	" lateness, max_lateness, http_2xx, http_3xx, http_4xx, http_5xx, http_errors," \
	" http_reused, http_bytes"
#define TALLY_FIGURES	18

static void
fill_tally(Datum *values[TALLY_FIGURES], int i, const Tally *tally)
{
	const int64 figures[TALLY_FIGURES] = {
		tally->succeeded, tally->failed, tally->timed_out, tally->cancelled, tally->lost,
		tally->retries, tally->timed, tally->duration, tally->max_duration,
		tally->lateness, tally->max_lateness,
		tally->http_answers[0], tally->http_answers[1], tally->http_answers[2],
		tally->http_answers[3], tally->http_errors, tally->http_reused, tally->http_bytes
	};

	for (int j = 0; j < TALLY_FIGURES; j++)
		values[j][i] = Int64GetDatum(figures[j]);
}

/* $3 to $20: TALLY_FIGURES arrays of figures, $21: the histograms */
static void
add_tallies(Params *params, Datum *values[TALLY_FIGURES], Datum *buckets, int n)
{
	for (int j = 0; j < TALLY_FIGURES; j++)
		add_int64s(params, values[j], NULL, n);
	add_texts(params, buckets, NULL, n);
}

#define TALLY_PARAMS \
	" unnest($3::bigint[]), unnest($4::bigint[]), unnest($5::bigint[])," \
	" unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::bigint[])," \
	" unnest($9::bigint[]), unnest($10::bigint[]), unnest($11::bigint[])," \
	" unnest($12::bigint[]), unnest($13::bigint[]), unnest($14::bigint[])," \
	" unnest($15::bigint[]), unnest($16::bigint[]), unnest($17::bigint[])," \
	" unnest($18::bigint[]), unnest($19::bigint[]), unnest($20::bigint[])," \
	" unnest($21::text[]))"

#define MINUTE_PARAMS \
	" FROM ROWS FROM (unnest($1::oid[]), unnest($2::text[])," TALLY_PARAMS \
	" AS n (owner, queue, " TALLY_COLUMNS ", buckets)"

void
catalog_insert_minutes(const MinuteRow *rows, int n, TimestampTz minute)
{
	Params		params = {0};
	Datum	   *owners = palloc(n * sizeof(Datum));
	Datum	   *queues = palloc(n * sizeof(Datum));
	Datum	   *buckets = palloc(n * sizeof(Datum));
	Datum	   *values[TALLY_FIGURES];

	for (int j = 0; j < TALLY_FIGURES; j++)
		values[j] = palloc(n * sizeof(Datum));
	for (int i = 0; i < n; i++)
	{
		owners[i] = ObjectIdGetDatum(rows[i].owner);
		queues[i] = CStringGetTextDatum(rows[i].queue);
		buckets[i] = buckets_text(&rows[i].tally);
		fill_tally(values, i, &rows[i].tally);
	}
	add_oids(&params, owners, NULL, n);
	add_texts(&params, queues, NULL, n);
	add_tallies(&params, values, buckets, n);
	catalog_add_time(&params, minute);
	catalog_run("INSERT INTO scheduler.metric_minute (minute, owner, queue, "
				TALLY_COLUMNS ", buckets)"
				" SELECT $22, n.owner, n.queue, " TALLY_COLUMNS ", n.buckets::bigint[]"
				MINUTE_PARAMS, &params);
	catalog_run("INSERT INTO scheduler.metric_total AS m (owner, queue, "
				TALLY_COLUMNS ", buckets)"
				" SELECT n.owner, n.queue, " TALLY_COLUMNS ", n.buckets::bigint[]"
				MINUTE_PARAMS " WHERE $22 IS NOT NULL"
				" ON CONFLICT (owner, queue) DO UPDATE SET"
				" succeeded = m.succeeded + EXCLUDED.succeeded,"
				" failed = m.failed + EXCLUDED.failed,"
				" timed_out = m.timed_out + EXCLUDED.timed_out,"
				" cancelled = m.cancelled + EXCLUDED.cancelled,"
				" lost = m.lost + EXCLUDED.lost,"
				" retries = m.retries + EXCLUDED.retries,"
				" timed = m.timed + EXCLUDED.timed,"
				" duration = m.duration + EXCLUDED.duration,"
				" max_duration = GREATEST(m.max_duration, EXCLUDED.max_duration),"
				" lateness = m.lateness + EXCLUDED.lateness,"
				" max_lateness = GREATEST(m.max_lateness, EXCLUDED.max_lateness),"
				" http_2xx = m.http_2xx + EXCLUDED.http_2xx,"
				" http_3xx = m.http_3xx + EXCLUDED.http_3xx,"
				" http_4xx = m.http_4xx + EXCLUDED.http_4xx,"
				" http_5xx = m.http_5xx + EXCLUDED.http_5xx,"
				" http_errors = m.http_errors + EXCLUDED.http_errors,"
				" http_reused = m.http_reused + EXCLUDED.http_reused,"
				" http_bytes = m.http_bytes + EXCLUDED.http_bytes,"
				" buckets = scheduler._add_buckets(m.buckets, EXCLUDED.buckets)",
				&params);
}

/* A job that has gone since is left out. */
#define JOB_PARAMS \
	" FROM ROWS FROM (unnest($1::bigint[]), unnest($2::oid[])," TALLY_PARAMS \
	" AS n (job_id, owner, " TALLY_COLUMNS ", buckets)" \
	" JOIN scheduler.job j ON j.job_id = n.job_id"

/* What is kept of each job by the minute */
#define JOB_MINUTE_COLUMNS \
	"succeeded, failed, timed_out, cancelled, lost, retries, timed, duration, max_duration," \
	" lateness, max_lateness"

void
catalog_add_job_metrics(const JobTally *jobs, int n, TimestampTz minute)
{
	Params		params = {0};
	Datum	   *ids = palloc(n * sizeof(Datum));
	Datum	   *owners = palloc(n * sizeof(Datum));
	Datum	   *buckets = palloc(n * sizeof(Datum));
	Datum	   *values[TALLY_FIGURES];

	for (int j = 0; j < TALLY_FIGURES; j++)
		values[j] = palloc(n * sizeof(Datum));
	for (int i = 0; i < n; i++)
	{
		ids[i] = Int64GetDatum(jobs[i].job_id);
		owners[i] = ObjectIdGetDatum(jobs[i].owner);
		buckets[i] = buckets_text(&jobs[i].tally);
		fill_tally(values, i, &jobs[i].tally);
	}
	add_int64s(&params, ids, NULL, n);
	add_oids(&params, owners, NULL, n);
	add_tallies(&params, values, buckets, n);
	catalog_run("INSERT INTO scheduler.job_metric AS m (job_id, timed, duration, max_duration,"
				" lateness, max_lateness, buckets)"
				" SELECT n.job_id, n.timed, n.duration, n.max_duration,"
				" n.lateness, n.max_lateness, n.buckets::bigint[]" JOB_PARAMS
				" ON CONFLICT (job_id) DO UPDATE SET timed = m.timed + EXCLUDED.timed,"
				" duration = m.duration + EXCLUDED.duration,"
				" max_duration = GREATEST(m.max_duration, EXCLUDED.max_duration),"
				" lateness = m.lateness + EXCLUDED.lateness,"
				" max_lateness = GREATEST(m.max_lateness, EXCLUDED.max_lateness),"
				" buckets = scheduler._add_buckets(m.buckets, EXCLUDED.buckets)",
				&params);
	if (minute == DT_NOBEGIN)
		return;
	catalog_add_time(&params, minute);
	catalog_run("INSERT INTO scheduler.job_minute (minute, job_id, owner, " JOB_MINUTE_COLUMNS ")"
				" SELECT $22, n.job_id, n.owner, " JOB_MINUTE_COLUMNS JOB_PARAMS
				" WHERE $22 IS NOT NULL", &params);
}

void
catalog_insert_scheduler_minute(const SchedulerMinute *row, TimestampTz minute)
{
	Params		params = {0};
	Params		restarts = {0};

	catalog_add_time(&params, minute);
	catalog_add_int64(&params, row->backlog);
	catalog_add_int64(&params, row->running);
	catalog_add_int64(&params, row->waiting);
	catalog_add_int64(&params, row->workers);
	catalog_add_int64(&params, row->workers_busy);
	catalog_add_int64(&params, row->max_workers);
	catalog_add_int64(&params, row->restarts);
	catalog_add_int64(&params, row->memory);
	catalog_add_int64(&params, row->http_in_flight);
	catalog_run("INSERT INTO scheduler.scheduler_minute (minute, backlog, running, waiting,"
				" workers, workers_busy, max_workers, worker_restarts, worker_memory,"
				" http_in_flight)"
				" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", &params);
	catalog_add_int64(&restarts, row->restarts);
	catalog_run("UPDATE scheduler.scheduler_metric"
				" SET worker_restarts = worker_restarts + $1", &restarts);
}

void
catalog_delete_old_minutes(TimestampTz before)
{
	Params		params = {0};

	catalog_add_time(&params, before);
	catalog_run("DELETE FROM scheduler.metric_minute WHERE minute < $1", &params);
	catalog_run("DELETE FROM scheduler.scheduler_minute WHERE minute < $1", &params);
}

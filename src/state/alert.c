/*-------------------------------------------------------------------------
 *
 * alert.c
 *	  Alerts that a scheduler raises.
 *
 * Of all that is said about one kind and subject before the next write, the
 * last word counts; it is written with all others by a few statements, in a
 * transaction of their own.  If that fails, each is written alone, and one that
 * fails then is left out.  A role may resolve alerts of its own in a
 * transaction that it leaves open: an alert whose row is locked stays here, and
 * is written when the lock has gone.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "base/process.h"
#include "record/alert_handler.h"
#include "state/alert.h"
#include "table/query_exec.h"
#include "table/query_monitor.h"

/* More than this wait to be written: the database has other troubles. */
#define MAX_PENDING		10000

#define KEY_LENGTH		192

/* What is locked, or could not be written, is tried again after: 1 s, up to 64 s. */
#define LOCKED_DELAY	USECS_PER_SEC
#define MAX_DOUBLINGS	6

/* Alerts written in one transaction */
#define MAX_BATCH		200

/* While none can be written, one after the other is tried for: 500 ms. */
#define MAX_TRYING		(500 * 1000)

typedef struct PendingAlert
{
	char		key[KEY_LENGTH];	/* kind, blank, subject */
	AlertRow	row;
} PendingAlert;

static MemoryContext alert_context = NULL;
static HTAB *pending = NULL;
static TimestampTz next_end = DT_NOBEGIN;
static TimestampTz next_write = DT_NOBEGIN; /* not before */
static bool handlers_failed = false;	/* one could not be called: to be said */

static char *
copy(const char *string)
{
	return string ? MemoryContextStrdup(alert_context, string) : NULL;
}

static void
prepare(void)
{
	HASHCTL		ctl = {.keysize = KEY_LENGTH, .entrysize = sizeof(PendingAlert)};

	if (alert_context == NULL)
		alert_context = AllocSetContextCreate(TopMemoryContext, "pg_scheduler alerts",
											  ALLOCSET_SMALL_SIZES);
	ctl.hcxt = alert_context;
	pending = hash_create("pg_scheduler alerts", 64, &ctl,
						  HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

static void
remember(const char *kind, const char *severity, const char *subject,
		 int64 job_id, Oid owner, const char *message, int64 count)
{
	PendingAlert *alert;
	char		key[KEY_LENGTH];
	bool		found;

	if (pending == NULL)
		prepare();
	if (hash_get_num_entries(pending) >= MAX_PENDING)
		return;
	snprintf(key, sizeof(key), "%s %s", kind, subject);
	alert = hash_search(pending, key, HASH_ENTER, &found);
	if (!found)
	{
		memset(&alert->row, 0, sizeof(AlertRow));
		next_write = Min(next_write, clock_now() + LOCKED_DELAY);
	}
	alert->row.kind = copy(kind);
	alert->row.severity = copy(severity);
	alert->row.subject = copy(subject);
	alert->row.job_id = job_id;
	alert->row.owner = owner;
	alert->row.message = copy(message);
	alert->row.count += count;
}

void
alert_raise(AlertKind kind, const char *subject,
			int64 job_id, Oid owner, const char *message)
{
	alert_raise_counted(kind, subject, job_id, owner, message, 1);
}

void
alert_raise_counted(AlertKind kind, const char *subject, int64 job_id,
					Oid owner, const char *message, int64 count)
{
	Assert(process_is(PROCESS_SCHEDULER));
	remember(alert_kind(kind)->name, alert_kind(kind)->severity, subject, job_id, owner, message,
			 count);
}

void
alert_raise_as(const char *severity, AlertKind kind, const char *subject,
			   int64 job_id, Oid owner, const char *message)
{
	remember(alert_kind(kind)->name, severity, subject, job_id, owner, message, 1);
}

void
alert_resolve(AlertKind kind, const char *subject)
{
	Assert(process_is(PROCESS_SCHEDULER));
	remember(alert_kind(kind)->name, NULL, subject, 0, InvalidOid, NULL, 0);
}

TimestampTz
alert_next_write(void)
{
	return pending == NULL ? DT_NOEND : next_write;
}

/* Those that wait to be written; how many. */
static int
collect_pending(AlertRow **rows)
{
	HASH_SEQ_STATUS status;
	PendingAlert *alert;
	int			n = 0;

	*rows = palloc(hash_get_num_entries(pending) * sizeof(AlertRow));
	hash_seq_init(&status, pending);
	while ((alert = hash_seq_search(&status)) != NULL)
		(*rows)[n++] = alert->row;
	return n;
}

/* Take those out that are raised, or those that are resolved; how many. */
static int
choose(const AlertRow *rows, int n, const bool *locked, bool raised, AlertRow *chosen)
{
	int			nchosen = 0;

	for (int i = 0; i < n; i++)
		if (!locked[i] && (rows[i].severity != NULL) == raised)
			chosen[nchosen++] = rows[i];
	return nchosen;
}

typedef struct Batch
{
	AlertRow   *rows;
	int			n;
	bool	   *kept;			/* locked, or not written: left for later */
} Batch;

typedef struct Call
{
	const int64 *alert_ids;
	int			n;
	AlertEvent	event;
	bool		called;
} Call;

static void
call_handlers(void *arg)
{
	Call	   *call = arg;

	call->called = alert_handler_call(call->alert_ids, call->n, call->event);
}

/* Whatever is wrong with handlers, the alerts are there. */
static void
try_handlers(const int64 *alert_ids, int n, AlertEvent event)
{
	Call		call = {alert_ids, n, event, false};

	if (n > 0 && !(cycle_try_part(call_handlers, &call, "calling the handlers of alerts") &&
				   call.called))
		handlers_failed = true;
}

static void
write_alerts(void *arg)
{
	Batch	   *batch = arg;
	AlertRow   *chosen = palloc(batch->n * sizeof(AlertRow));
	TimestampTz now = clock_now();
	int			n;

	query_limit_lock_wait();
	(void) query_lock_alerts(batch->rows, batch->n, batch->kept);
	n = choose(batch->rows, batch->n, batch->kept, false, chosen);
	if (n > 0)
	{
		query_resolve_alerts(chosen, n, now);
		next_end = Min(next_end, now + alert_handler_window());
	}
	n = choose(batch->rows, batch->n, batch->kept, true, chosen);
	if (n > 0)
	{
		int64	   *opened;
		int			nopened;

		query_reopen_alerts(chosen, n, now - alert_handler_window());
		nopened = query_open_alerts(chosen, n, now, &opened);
		try_handlers(opened, nopened, ALERT_RAISED);
	}
}

/* Only what is left of a batch is still to be written. */
static void
keep(const Batch *batch)
{
	MemoryContext written = alert_context;

	pending = NULL;
	alert_context = NULL;
	for (int i = 0; i < batch->n; i++)
	{
		const AlertRow *row = &batch->rows[i];

		if (batch->kept[i])
			remember(row->kind, row->severity, row->subject, row->job_id, row->owner,
					 row->message, row->count);
	}
	MemoryContextDelete(written);
}

/*
 * Each alone.  If none can be written, that is not for what is in them: all are
 * kept, and after a while no more are tried.
 */
static bool
write_each(Batch *batch, TimestampTz until)
{
	bool	   *failed = palloc0(batch->n * sizeof(bool));
	bool		any = false;

	for (int i = 0; i < batch->n; i++)
	{
		const AlertRow *row = &batch->rows[i];
		Batch		one = {&batch->rows[i], 1, &batch->kept[i]};

		failed[i] = (!any && clock_now() > until) ||
			!cycle_try_transaction(write_alerts, &one,
								   psprintf("writing the alert \"%s %s\", which is left out",
											row->kind, row->subject));
		any |= !failed[i];
	}
	if (!any)
		memcpy(batch->kept, failed, batch->n * sizeof(bool));
	return any;
}

static bool
write_all(Batch *all)
{
	TimestampTz until = clock_now() + MAX_TRYING;
	bool		result = true;

	for (int first = 0; first < all->n; first += MAX_BATCH)
	{
		Batch		batch = {all->rows + first, Min(all->n - first, MAX_BATCH),
		all->kept + first};

		if (!cycle_try_transaction(write_alerts, &batch, "writing alerts"))
			result &= write_each(&batch, until);
	}
	return result;
}

void
alert_write(void)
{
	static int	failures = 0;
	Batch		batch;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	if (pending == NULL)
		return;
	batch.n = collect_pending(&batch.rows);
	batch.kept = palloc0(batch.n * sizeof(bool));
	failures = write_all(&batch) ? 0 : Min(failures + 1, MAX_DOUBLINGS + 1);
	next_write = clock_now() + (LOCKED_DELAY << Max(failures - 1, 0));
	keep(&batch);
	if (pending == NULL)
		next_write = DT_NOBEGIN;
	if (handlers_failed)
		alert_raise(ALERT_HOOK_FAILED, "alert handlers", 0, InvalidOid,
					"a handler of alerts could not be called; see the server log");
	handlers_failed = false;
}

void
alert_tell_ends(TimestampTz now)
{
	TimestampTz resolved_at;
	int64	   *ended;
	int			n;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	if (next_end > now)
		return;
	n = query_take_ended_alerts(now - alert_handler_window(), &ended);
	try_handlers(ended, n, ALERT_RESOLVED);
	resolved_at = query_next_ended_alert();
	/* what is due still is locked */
	next_end = resolved_at == DT_NOEND ? DT_NOEND :
		Max(resolved_at + alert_handler_window(), now + LOCKED_DELAY);
}

TimestampTz
alert_next_end(void)
{
	return next_end;
}

void
alert_look_for_ends(void)
{
	next_end = DT_NOBEGIN;
}

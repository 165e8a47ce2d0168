/*-------------------------------------------------------------------------
 *
 * alert.c
 *	  Alerts that a scheduler raises.
 *
 * Of all that is said about one kind and subject before the next write, the
 * last word counts; it is written with all others by a few statements.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "record/alert_handler.h"
#include "state/alert.h"
#include "table/catalog_monitor.h"

/* More than this wait to be written: the database has other troubles. */
#define MAX_PENDING		10000

#define KEY_LENGTH		192

typedef struct PendingAlert
{
	char		key[KEY_LENGTH];	/* kind, blank, subject */
	AlertRow	row;
} PendingAlert;

static MemoryContext alert_context = NULL;
static HTAB *pending = NULL;
static TimestampTz next_end = DT_NOBEGIN;

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
remember(AlertKind kind, const char *severity, const char *subject,
		 int64 job_id, Oid owner, const char *message, int64 count)
{
	PendingAlert *alert;
	char		key[KEY_LENGTH];
	bool		found;

	if (pending == NULL)
		prepare();
	if (hash_get_num_entries(pending) >= MAX_PENDING)
		return;
	snprintf(key, sizeof(key), "%s %s", alert_kind(kind)->name, subject);
	alert = hash_search(pending, key, HASH_ENTER, &found);
	if (!found)
		memset(&alert->row, 0, sizeof(AlertRow));
	alert->row.kind = copy(alert_kind(kind)->name);
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
	remember(kind, alert_kind(kind)->severity, subject, job_id, owner, message, 1);
}

void
alert_raise_counted(AlertKind kind, const char *subject, int64 job_id,
					Oid owner, const char *message, int64 count)
{
	remember(kind, alert_kind(kind)->severity, subject, job_id, owner, message, count);
}

void
alert_raise_as(const char *severity, AlertKind kind, const char *subject,
			   int64 job_id, Oid owner, const char *message)
{
	remember(kind, severity, subject, job_id, owner, message, 1);
}

void
alert_resolve(AlertKind kind, const char *subject)
{
	remember(kind, NULL, subject, 0, InvalidOid, NULL, 0);
}

bool
alert_pending(void)
{
	return pending != NULL;
}

void
alert_write(void)
{
	AlertRow   *raised;
	AlertRow   *resolved;
	int			nraised = 0;
	int			nresolved = 0;
	HASH_SEQ_STATUS status;
	PendingAlert *alert;
	TimestampTz now = clock_now();

	if (pending == NULL)
		return;
	raised = palloc(hash_get_num_entries(pending) * sizeof(AlertRow));
	resolved = palloc(hash_get_num_entries(pending) * sizeof(AlertRow));
	hash_seq_init(&status, pending);
	while ((alert = hash_seq_search(&status)) != NULL)
	{
		if (alert->row.severity == NULL)
			resolved[nresolved++] = alert->row;
		else
			raised[nraised++] = alert->row;
	}
	if (nresolved > 0)
	{
		catalog_resolve_alerts(resolved, nresolved, now);
		next_end = Min(next_end, now + alert_handler_window());
	}
	if (nraised > 0)
	{
		int64	   *opened;
		int			nopened;

		catalog_reopen_alerts(raised, nraised, now - alert_handler_window());
		nopened = catalog_open_alerts(raised, nraised, now, &opened);
		if (nopened > 0)
			alert_handler_call(opened, nopened, ALERT_RAISED);
	}
}

void
alert_written(void)
{
	pending = NULL;
	if (alert_context != NULL)
		MemoryContextReset(alert_context);
}

void
alert_tell_ends(TimestampTz now)
{
	TimestampTz resolved_at;
	int64	   *ended;
	int			n;

	if (next_end > now)
		return;
	n = catalog_take_ended_alerts(now - alert_handler_window(), &ended);
	if (n > 0)
		alert_handler_call(ended, n, ALERT_RESOLVED);
	resolved_at = catalog_next_ended_alert();
	next_end = resolved_at == DT_NOEND ? DT_NOEND : resolved_at + alert_handler_window();
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

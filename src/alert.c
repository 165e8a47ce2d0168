/*-------------------------------------------------------------------------
 *
 * alert.c
 *	  Alerts that a scheduler raises.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "alert.h"
#include "catalog.h"
#include "clock.h"

/* More than this wait to be written: the database has other troubles. */
#define MAX_PENDING		1000

typedef struct PendingAlert
{
	char	   *kind;
	char	   *severity;		/* NULL: resolve it */
	char	   *subject;
	int64		job_id;
	Oid			owner;
	char	   *message;
	TimestampTz at;
} PendingAlert;

static MemoryContext alert_context = NULL;
static List *pending = NIL;

static char *
copy(const char *string)
{
	return string ? MemoryContextStrdup(alert_context, string) : NULL;
}

static void
remember(const char *kind, const char *severity, const char *subject,
		 int64 job_id, Oid owner, const char *message)
{
	PendingAlert *alert;
	MemoryContext oldcontext;

	if (list_length(pending) >= MAX_PENDING)
		return;
	if (alert_context == NULL)
		alert_context = AllocSetContextCreate(TopMemoryContext, "pg_scheduler alerts",
											  ALLOCSET_SMALL_SIZES);
	oldcontext = MemoryContextSwitchTo(alert_context);
	alert = palloc0(sizeof(PendingAlert));
	alert->kind = copy(kind);
	alert->severity = copy(severity);
	alert->subject = copy(subject);
	alert->job_id = job_id;
	alert->owner = owner;
	alert->message = copy(message);
	alert->at = clock_now();
	pending = lappend(pending, alert);
	MemoryContextSwitchTo(oldcontext);
}

void
alert_raise(const char *kind, const char *severity, const char *subject,
			int64 job_id, Oid owner, const char *message)
{
	remember(kind, severity, subject, job_id, owner, message);
}

void
alert_resolve(const char *kind, const char *subject)
{
	remember(kind, NULL, subject, 0, InvalidOid, NULL);
}

bool
alert_pending(void)
{
	return pending != NIL;
}

void
alert_write(void)
{
	ListCell   *lc;

	foreach(lc, pending)
	{
		PendingAlert *alert = lfirst(lc);

		if (alert->severity == NULL)
			catalog_resolve_alert(alert->kind, alert->subject, alert->at);
		else
			catalog_open_alert(alert->kind, alert->severity, alert->subject,
							   alert->job_id, alert->owner, alert->message, alert->at);
	}
}

void
alert_written(void)
{
	pending = NIL;
	if (alert_context != NULL)
		MemoryContextReset(alert_context);
}

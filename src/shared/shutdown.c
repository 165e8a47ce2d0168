/*-------------------------------------------------------------------------
 *
 * shutdown.c
 *	  Tell a smart shutdown from a fast one.
 *
 * In both, the postmaster sends SIGTERM to background workers; but a smart
 * one lets runs be finished, and a fast one does not wait for them.  Which it
 * is, the postmaster says in its log only.  As the library is loaded into the
 * postmaster, it can listen: a message is recognized by its untranslated
 * text.  Should log_min_messages keep the message from the log, a shutdown
 * counts as fast.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "shared/shmem.h"
#include "shared/shutdown.h"

static emit_log_hook_type prev_emit_log_hook = NULL;

/* A store or two, no more: this may run in the postmaster's signal handler. */
static void
listen_to_postmaster(ErrorData *edata)
{
	if (!IsUnderPostmaster && scheduler_shared != NULL && edata->message_id != NULL)
	{
		if (strcmp(edata->message_id, "received smart shutdown request") == 0)
			scheduler_shared->smart_shutdown = true;
		else if (strcmp(edata->message_id, "received fast shutdown request") == 0)
			scheduler_shared->smart_shutdown = false;
	}
	if (prev_emit_log_hook)
		prev_emit_log_hook(edata);
}

void
shutdown_init(void)
{
	prev_emit_log_hook = emit_log_hook;
	emit_log_hook = listen_to_postmaster;
}

bool
shutdown_is_smart(void)
{
	return ((volatile SchedulerShared *) scheduler_shared)->smart_shutdown;
}

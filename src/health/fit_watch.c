/*-------------------------------------------------------------------------
 *
 * fit_watch.c
 *	  The scheduler begins nothing unless library and tables fit together.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"

#include "base/cycle.h"
#include "base/process.h"
#include "health/fit_watch.h"
#include "state/alert.h"
#include "table/fit.h"

#define SUBJECT		"pg_scheduler"

static char told[UNFIT_LENGTH]; /* the alert that was written; empty: none */

static void
publish_misfit(Database *db, const char *unfit)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	strlcpy(db->unfit, unfit, UNFIT_LENGTH);
	if (unfit[0] != '\0')
		db->ready = false;
	LWLockRelease(scheduler_shared->lock);
}

/* The tables of alerts may be those that do not fit: then the log has to do. */
static void
tell(const FitProblem *problem, const char *unfit)
{
	if (strcmp(told, unfit) == 0)
		return;
	ereport(WARNING,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("no job runs: %s", problem->message),
			 errhint("%s", problem->hint)));
	alert_raise(ALERT_VERSION_MISMATCH, SUBJECT, 0, InvalidOid, unfit);
	alert_write();
	strlcpy(told, unfit, UNFIT_LENGTH);
}

bool
fit_watch(Database *db)
{
	FitProblem	problem;
	char		unfit[UNFIT_LENGTH] = "";
	bool		result;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(!IsTransactionState());
	cycle_start_transaction();
	result = !fit_find_problem(&problem);
	cycle_commit_transaction();
	if (result)
	{
		/* one from before a start may be open still */
		alert_resolve(ALERT_VERSION_MISMATCH, SUBJECT);
		told[0] = '\0';
		publish_misfit(db, "");
		return true;
	}
	snprintf(unfit, UNFIT_LENGTH, "%s: %s", problem.message, problem.hint);
	publish_misfit(db, unfit);
	tell(&problem, unfit);
	return false;
}

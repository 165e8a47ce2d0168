/*-------------------------------------------------------------------------
 *
 * hook_event.c
 *	  The event that is told to a hook in the transaction in which it happens.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "record/hook_event.h"
#include "rules/hook_kind.h"
#include "shared/change.h"
#include "table/row.h"

/* Columns of scheduler.job_hook that we need */
#define JOB_HOOK_JOB_ID			1
#define JOB_HOOK_EVENT			2
#define JOB_HOOK_HOOK_JOB_ID	3

/*
 * The job of the hook of a job, or 0.  This is looked up for each attempt that
 * fails, so it is no SQL.
 */
static int64
find_hook(int64 job_id, HookEvent event)
{
	Relation	rel = row_open_table("job_hook", AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	int64		result = 0;

	ScanKeyInit(&key, JOB_HOOK_JOB_ID, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(job_id));
	scan = systable_beginscan(rel, row_relation("job_hook_pkey"), true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		TupleDesc	desc = RelationGetDescr(rel);
		bool		isnull;
		char	   *name = TextDatumGetCString(heap_getattr(tuple, JOB_HOOK_EVENT, desc, &isnull));

		if (strcmp(name, hook_kind_name(event)) == 0)
			result = DatumGetInt64(heap_getattr(tuple, JOB_HOOK_HOOK_JOB_ID, desc, &isnull));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

static void
push_key(JsonbParseState **state, const char *key)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = (char *) key;
	value.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &value);
}

static void
push_text(JsonbParseState **state, const char *key, const char *text)
{
	JsonbValue	value = {.type = text ? jbvString : jbvNull};

	push_key(state, key);
	if (text != NULL)
	{
		value.val.string.val = (char *) text;
		value.val.string.len = strlen(text);
	}
	pushJsonbValue(state, WJB_VALUE, &value);
}

static void
push_int64(JsonbParseState **state, const char *key, int64 number)
{
	JsonbValue	value = {.type = jbvNumeric};

	push_key(state, key);
	value.val.numeric = int64_to_numeric(number);
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* What the hook gets as $1 */
static Jsonb *
describe_attempt(const RunRecord *record)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_int64(&state, "job_id", record->run->job_id);
	push_int64(&state, "run_id", record->run->run_id);
	push_int64(&state, "attempt", record->run->attempt);
	push_text(&state, "status", run_status_name(record->status));
	push_text(&state, "sqlstate", record->sqlstate);
	push_text(&state, "error_message", record->error_message);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

void
hook_event_cleanup(const Job *job, const RunRecord *record)
{
	PendingRun	pending = {.started_at = DT_NOBEGIN};
	int64		hook_job_id;
	Job			hook;

	Assert(IsTransactionState());
	if (record->started_at == DT_NOBEGIN || record->status == RUN_SUCCEEDED)
		return;
	hook_job_id = find_hook(job->job_id, HOOK_CLEANUP);
	if (hook_job_id == 0 || !store_read_job(hook_job_id, NULL, &hook))
		return;
	job_init_run(&hook, TRIGGER_HOOK, record->finished_at, &pending.run);
	pending.args = describe_attempt(record);
	store_insert_pending_run(&pending);
	change_note(CHANGE_RUN, pending.run.run_id);
}

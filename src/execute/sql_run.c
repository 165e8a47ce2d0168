/*-------------------------------------------------------------------------
 *
 * sql_run.c
 *	  Execute one SQL run and put it on record.
 *
 * The three modes of sql_command.h differ in when the row of pending_run,
 * the proof that the run has yet to be done, goes away:
 *
 * SQL_TRANSACTION: first.  The row is deleted, the job's SQL executed, the
 * history row inserted, all in one transaction.  Whoever dies, at whichever
 * instruction, either all of it has happened or nothing.
 *
 * SQL_PROCEDURE: last.  Should the procedure commit on its way, then just
 * before its first commit the row is marked as started, in the very
 * transaction that makes the first effects durable.  A run that dies before
 * it has not happened; one that dies after it is lost, and known to be.
 *
 * SQL_TOP_LEVEL: last, and the mark is a transaction of its own before the
 * first statement.
 *
 * An error aborts the transaction; a second one records the failure and
 * either replaces the row by the next attempt or removes it.
 *
 * Nothing here runs with more rights than the role that the worker connected
 * as.  The records are written through store.c, which needs none.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "access/xact.h"
#include "executor/instrument.h"
#include "jit/jit.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/process.h"
#include "base/sql_command.h"
#include "execute/run_timeout.h"
#include "execute/session_reset.h"
#include "execute/sql_execute.h"
#include "execute/sql_run.h"
#include "record/chain_end.h"
#include "record/run_cancel.h"
#include "record/run_end.h"
#include "table/rights.h"
#include "table/store.h"

/* The run in hand */
typedef struct CurrentRun
{
	WorkerSlot *slot;
	Run			run;
	Job			job;
	bool		job_known;		/* job is filled */
	Jsonb	   *args;
	Jsonb	   *own_args;		/* that this run was given, or NULL */
	int64		redriven_from;
	int64		timeout;		/* microseconds, 0: none */
	TimestampTz started_at;
	int64		rows;
	bool		in_procedure;	/* its next commit is the job's own doing */
	bool		marked;			/* the durable start has been written */
	OutcomeKind kind;			/* when the run was not executed */
	const char *error_message;	/* what the record of a failure says */
	int64		cpu_time;		/* of this process, at the start */
	BufferUsage buffers;
	WalUsage	wal;
} CurrentRun;

static CurrentRun current;
static MemoryContext run_context = NULL;

/* A job that swallows its cancellation, or that of its own timeout, has still failed. */
static void
stop_timeouts(void)
{
	run_timeout_stop();
	if (current.slot->cancel)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("the run was cancelled")));
	if (run_timeout_expired() == RUN_TIMEOUT_HARD)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("the run exceeded its timeout")));
}

/*
 * Set the job's own settings for the session; session_reset() undoes them.
 * This takes a transaction of its own, so that defaults of the transaction
 * itself (isolation, read only) hold for the run.
 */
static void
apply_settings(Jsonb *settings)
{
	JsonbIterator *it = JsonbIteratorInit(&settings->root);
	JsonbValue	value;
	JsonbIteratorToken token;
	char	   *name = NULL;

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
			(void) set_config_option(name,
									 pnstrdup(value.val.string.val, value.val.string.len),
									 superuser() ? PGC_SUSET : PGC_USERSET,
									 PGC_S_SESSION, GUC_ACTION_SET, true, 0, false);
	}
}

/*
 * Show the run to pg_stat_activity and to the log.  Every role reads
 * application_name, and not every role may know the job by its name.
 */
static void
announce(const char *command)
{
	char		name[NAMEDATALEN];

	snprintf(name, sizeof(name), "pg_scheduler: job " INT64_FORMAT, current.run.job_id);
	pgstat_report_appname(name);
	debug_query_string = command;
	pgstat_report_activity(STATE_RUNNING, command);
}

/*
 * Records
 */

/* Microseconds of CPU that this process, which has one thread, has used. */
static int64
cpu_time(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0)
		return 0;
	return (int64) now.tv_sec * USECS_PER_SEC + now.tv_nsec / 1000;
}

static void
fill_record(RunRecord *record, RunStatus status)
{
	BufferUsage buffers = {0};
	WalUsage	wal = {0};

	BufferUsageAccumDiff(&buffers, &pgBufferUsage, &current.buffers);
	WalUsageAccumDiff(&wal, &pgWalUsage, &current.wal);

	run_end_init_record(record, &current.run, current.job.job_name, status,
						current.started_at, clock_now());
	record->worker_pid = MyProcPid;
	record->rows_affected = current.rows;
	record->redriven_from = current.redriven_from;
	record->args = current.own_args;
	record->cpu_time = cpu_time() - current.cpu_time;
	record->buffers_hit = buffers.shared_blks_hit;
	record->buffers_read = buffers.shared_blks_read;
	record->temp_bytes = (buffers.temp_blks_written + buffers.local_blks_written) * BLCKSZ;
	record->wal_bytes = wal.wal_bytes;
}

/* It was cancelled by its soft timeout, has caught that and come to an end. */
static void
record_soft_end(Outcome *outcome)
{
	RunRecord	record;

	fill_record(&record, RUN_TIMED_OUT);
	record.sqlstate = unpack_sql_state(ERRCODE_QUERY_CANCELED);
	record.error_message = run_timeout_message(RUN_TIMEOUT_SOFT, current.job.soft_timeout);
	record.error_detail = "It ended in good order; what it has done is kept.";
	current.error_message = record.error_message;
	run_end_in_order(&current.job, &record, current.args, outcome);
}

static void
record_success(Outcome *outcome)
{
	RunRecord	record;

	if (run_timeout_expired() == RUN_TIMEOUT_SOFT)
	{
		record_soft_end(outcome);
		return;
	}
	fill_record(&record, RUN_SUCCEEDED);
	store_insert_history(&record);
	if (current.job.leads)
		outcome->chained = chain_end_record(&record, current.args);
	outcome->status = RUN_SUCCEEDED;
	outcome->finished_at = record.finished_at;
}

/*
 * The run's own row has gone while it was being executed, or somebody is about
 * to cancel it.  In that case nothing has been committed, for the mark would
 * have failed, too: the run is done again, unless it is cancelled.
 */
static void
require_row(RowResult result)
{
	if (result == ROW_DONE)
		return;
	if (result == ROW_LOCKED)
		current.kind = OUTCOME_LOCKED;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("run " INT64_FORMAT " was cancelled while it was being executed",
					current.run.run_id)));
}

/* Before anything is done for the run.  False: it is not to be done now. */
static bool
may_begin(RowResult result)
{
	if (result == ROW_DONE)
		return true;
	current.kind = result == ROW_LOCKED ? OUTCOME_LOCKED : OUTCOME_GONE;
	AbortCurrentTransaction();
	return false;
}

static void
run_transaction(SqlCommand *command, Outcome *outcome)
{
	if (!may_begin(store_delete_pending(&current.run)))
		return;
	run_timeout_start(current.job.soft_timeout, current.timeout);
	current.rows = sql_execute_plan(command, current.args);
	stop_timeouts();
	record_success(outcome);
	CommitTransactionCommand();
}

static void
run_procedure(SqlCommand *command, Outcome *outcome)
{
	ListCell   *lc;
	PendingRun	pending;

	/* the end could not be put on record */
	if (store_read_pending(current.run.run_id, &pending) && pending.locked &&
		!may_begin(ROW_LOCKED))
		return;
	run_timeout_start(current.job.soft_timeout, current.timeout);
	current.in_procedure = true;
	for_each_from(lc, command->statements, command->nfirst)
	{
		current.rows = sql_execute_top_level(command->text, lfirst_node(RawStmt, lc),
												command->has_args, current.args);
		CommandCounterIncrement();
	}
	current.in_procedure = false;
	stop_timeouts();
	require_row(store_delete_pending(&current.run));
	record_success(outcome);
	CommitTransactionCommand();
}

static void
run_top_level(SqlCommand *command, Outcome *outcome)
{
	ListCell   *lc;

	if (!may_begin(store_mark_started(&current.run, current.started_at)))
		return;
	current.marked = true;
	CommitTransactionCommand();

	run_timeout_start(current.job.soft_timeout, current.timeout);
	foreach(lc, command->statements)
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		MemoryContextSwitchTo(run_context);
		current.rows = sql_execute_top_level(command->text, lfirst_node(RawStmt, lc),
												command->has_args, current.args);
		CommitTransactionCommand();
	}
	StartTransactionCommand();
	stop_timeouts();
	require_row(store_delete_pending(&current.run));
	record_success(outcome);
	CommitTransactionCommand();
}

/*
 * A procedure commits for the first time: what it has done becomes durable,
 * so that it has been started must become durable too.  The commit may fail
 * yet, and the procedure catch the error: the next one is the first then.
 */
static void
mark_before_commit(XactEvent event, void *arg)
{
	if (!current.in_procedure || current.marked)
		return;
	if (event == XACT_EVENT_PRE_COMMIT)
		require_row(store_mark_started(&current.run, current.started_at));
	if (event == XACT_EVENT_COMMIT)
		current.marked = true;
}

/* Read the job, the arguments of this run, and who may not run them. */
static bool
load_run(void)
{
	PendingRun	pending;

	current.job_known = store_read_whole_job(current.run.job_id, &current.run.job_tid,
												 &current.job);
	if (!current.job_known)
		current.kind = OUTCOME_GONE;
	else if (current.job.kind != JOB_SQL)
		current.kind = OUTCOME_HELD; /* was replaced by one of another kind */
	else if (!current.job.active && run_waits_for_resume(&current.run))
		current.kind = OUTCOME_HELD;
	else if (current.job.owner != current.run.owner)
		current.kind = OUTCOME_GONE; /* has changed hands: not ours to run */
	if (current.kind != OUTCOME_FINAL)
		return false;

	current.args = current.job.args;
	if (current.run.trigger != TRIGGER_SCHEDULE)
	{
		if (!store_read_pending(current.run.run_id, &pending))
		{
			current.kind = OUTCOME_GONE;
			return false;
		}
		if (pending.stored_args != NULL)
			current.args = current.own_args = store_read_args(current.run.job_id, &pending);
		current.redriven_from = pending.redriven_from;
	}
	if (current.run.was_started)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the run had committed a part of its work, and its end could not be recorded"),
				 errhint("The server log says why.")));
	return true;
}

/* Publish what the slot shows of the run. */
static void
publish_deadline(void)
{
	WorkerSlot *slot = current.slot;

	current.timeout = current.job.timeout;
	if (pg_scheduler_max_timeout > 0)
	{
		int64		cap = (int64) pg_scheduler_max_timeout * 1000;

		if (current.timeout == 0 || current.timeout > cap)
			current.timeout = cap;
	}
	/* without the lock, so the byte that shows the name is written last */
	strlcpy(slot->job_name + 1, current.job.job_name + 1, JOB_NAME_LENGTH - 1);
	pg_write_barrier();
	slot->job_name[0] = current.job.job_name[0];
	if (current.timeout > 0 || current.job.kill_after >= 0)
	{
		LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
		slot->kill_after = current.job.kill_after;
		if (current.timeout > 0)
			slot->deadline = Min(slot->deadline, current.started_at + current.timeout);
		LWLockRelease(scheduler_shared->lock);
	}
}

static void
execute(Outcome *outcome)
{
	SqlCommand *command;
	RightsProblem problem;

	SetCurrentStatementStartTimestamp();	/* now() in the run */
	StartTransactionCommand();
	MemoryContextSwitchTo(run_context);
	if (!load_run())
	{
		AbortCurrentTransaction();
		return;
	}
	publish_deadline();

	/* not earlier: until here it could not be recorded */
	RESUME_CANCEL_INTERRUPTS();
	announce(current.job.command);
	if (!rights_can_run(current.run.owner, &problem))
	{
		/* nothing more to do for this role: let the scheduler see to it */
		current.slot->leave = true;
		rights_raise(&problem);
	}
	command = sql_command_lookup(current.job.command);
	if (current.job.settings != NULL)
		apply_settings(current.job.settings);
	if (current.job.settings != NULL || command->nfirst > 0)
	{
		CommitTransactionCommand();
		StartTransactionCommand();
		MemoryContextSwitchTo(run_context);
	}
	sql_execute_first(command);

	switch (command->mode)
	{
		case SQL_TRANSACTION:
			run_transaction(command, outcome);
			break;
		case SQL_PROCEDURE:
			run_procedure(command, outcome);
			break;
		case SQL_TOP_LEVEL:
			run_top_level(command, outcome);
			break;
	}
	HOLD_CANCEL_INTERRUPTS();
}

/*
 * Failure
 */

/*
 * What the job says to the server log, as with RAISE NOTICE, is said to be its.
 * The record of an error has columns for that: there the line is taken away.
 */
static const char *
context_line(void)
{
	return psprintf("job \"%s\", run " INT64_FORMAT ", attempt %d",
					current.job.job_name, current.run.run_id, current.run.attempt);
}

static void
add_context(void *arg)
{
	if (current.job_known)
		errcontext("%s", context_line());
}

static void
remove_context(ErrorData *error)
{
	const char *line = context_line();
	size_t		length = error->context ? strlen(error->context) : 0;

	if (length < strlen(line) || strcmp(error->context + length - strlen(line), line) != 0)
		return;
	if (length == strlen(line))
		error->context = NULL;
	else
		error->context[length - strlen(line) - 1] = '\0';
}

/* After an error: abort the transaction, and return what went wrong. */
static ErrorData *
abort_run(void)
{
	ErrorData  *error;

	HOLD_INTERRUPTS();
	HOLD_CANCEL_INTERRUPTS();	/* the error has let go of it */
	disable_all_timeouts(false);
	QueryCancelPending = false;
	current.in_procedure = false;
	MemoryContextSwitchTo(run_context);
	error = CopyErrorData();
	remove_context(error);
	FlushErrorState();
	AbortCurrentTransaction();
	PortalErrorCleanup();
	jit_reset_after_error();
	MemoryContextSwitchTo(run_context);
	RESUME_INTERRUPTS();
	return error;
}

/* Whatever error a job makes of its cancellation, that was the cause. */
static RunStatus
failure_status(void)
{
	if (current.run.was_started)
		return RUN_LOST;
	if (current.slot->cancel)
		return RUN_CANCELLED;
	if (run_timeout_expired() != RUN_TIMEOUT_NONE)
		return RUN_TIMED_OUT;
	return RUN_FAILED;
}

static void
describe_failure(RunRecord *record, const ErrorData *error)
{
	RunTimeout	expired = run_timeout_expired();

	record->rows_affected = -1;
	record->sqlstate = unpack_sql_state(error->sqlerrcode);
	record->error_message = error->message;
	record->error_detail = error->detail;
	record->error_hint = error->hint;
	record->error_context = error->context;
	if (record->status != RUN_TIMED_OUT && record->status != RUN_CANCELLED)
		return;
	if (error->sqlerrcode != ERRCODE_QUERY_CANCELED)
		record->error_detail = psprintf("Its end was the error: %s", error->message);
	record->sqlstate = unpack_sql_state(ERRCODE_QUERY_CANCELED);
	if (record->status == RUN_TIMED_OUT)
		record->error_message = expired == RUN_TIMEOUT_SOFT ?
			run_timeout_message(expired, current.job.soft_timeout) :
			run_timeout_message(expired, current.timeout);
	else
	{
		char	   *why = run_cancel_detail(current.slot->why, current.job.queue);

		record->error_message = "the run was cancelled";
		if (why != NULL)
			record->error_detail = record->error_detail == NULL ? why :
				psprintf("%s %s", why, record->error_detail);
	}
}

/*
 * The transaction that puts a failed attempt on record; "problem" is why that
 * was not possible, when it is to be a small record.  Of what is durable in
 * part, and has lost its record, it is not known what became of it.
 */
static void
record_failure(const ErrorData *error, const ErrorData *problem, Outcome *outcome)
{
	RunRecord	record;
	RunStatus	status = failure_status();

	if (problem != NULL && current.marked)
		status = RUN_LOST;
	fill_record(&record, status);
	StartTransactionCommand();
	MemoryContextSwitchTo(run_context);
	describe_failure(&record, error);
	current.error_message = record.error_message;
	if (problem == NULL)
		run_end_failure(&current.job, &record, current.args, DT_NOBEGIN, outcome);
	else
		run_end_failure_small(&current.job, &record, problem->message, DT_NOBEGIN, outcome);
	CommitTransactionCommand();
}

static void
log_run(const Outcome *outcome, const ErrorData *error)
{
	if (outcome->kind != OUTCOME_FINAL && outcome->kind != OUTCOME_RETRY)
		return;
	if (pg_scheduler_log_runs == LOG_RUNS_NONE ||
		(pg_scheduler_log_runs == LOG_RUNS_FAILURES && error == NULL))
		return;
	ereport(LOG,
			(errmsg("job \"%s\" run " INT64_FORMAT " attempt %d %s after " INT64_FORMAT " ms",
					current.job.job_name, current.run.run_id, current.run.attempt,
					run_status_name(outcome->status),
					(outcome->finished_at - outcome->started_at) / 1000),
			 error ? errdetail_log("%s", run_end_log_text(current.error_message)) : 0,
			 errhidestmt(true), errhidecontext(true)));
}

/*
 * No record could be written: the run stays pending, and the scheduler backs
 * off before it offers it again.  What is durable in part is not done again:
 * only its record is tried.
 */
static void
report_unrecorded(const ErrorData *error, Outcome *outcome)
{
	outcome->kind = OUTCOME_UNRECORDED;
	outcome->was_started = current.marked || current.run.was_started;
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("could not record run " INT64_FORMAT " of job \"%s\": %s",
					current.run.run_id, current.job.job_name, run_end_log_text(error->message)),
			 outcome->was_started ?
			 errhint("Its record is tried again until it can be written; the run is not.") :
			 errhint("The run is tried again until its record can be written."),
			 errhidestmt(true)));
}

/* The error of that, or NULL. */
static ErrorData *
try_to_record(const ErrorData *error, const ErrorData *problem, Outcome *outcome)
{
	ErrorData  *volatile result = NULL;

	PG_TRY();
	{
		session_reset(current.run.owner);
		record_failure(error, problem, outcome);
	}
	PG_CATCH();
	{
		result = abort_run();
	}
	PG_END_TRY();
	return result;
}

/* Record a failure: what cannot be written in two tries is written in short. */
static void
conclude_failure(ErrorData *error, Outcome *outcome)
{
	ErrorData  *problem = NULL;

	for (int i = 0; i < 2; i++)
		if ((problem = try_to_record(error, NULL, outcome)) == NULL)
			return;
	problem = try_to_record(error, problem, outcome);
	if (problem != NULL)
		report_unrecorded(problem, outcome);
}

void
sql_run_init(void)
{
	run_context = AllocSetContextCreate(TopMemoryContext, "pg_scheduler run",
										ALLOCSET_DEFAULT_SIZES);
	run_timeout_init();
	RegisterXactCallback(mark_before_commit, NULL);
}

void
sql_run_execute(WorkerSlot *slot, const Run *run, Outcome *outcome)
{
	ErrorData  *volatile error = NULL;
	ErrorContextCallback callback = {error_context_stack, add_context, NULL};

	Assert(process_is(PROCESS_WORKER));
	Assert(!IsTransactionState());
	memset(&current, 0, sizeof(current));
	run_timeout_clear();
	current.slot = slot;
	current.run = *run;
	current.started_at = slot->started_at;
	current.kind = OUTCOME_FINAL;
	current.buffers = pgBufferUsage;
	current.wal = pgWalUsage;
	current.cpu_time = cpu_time();

	memset(outcome, 0, sizeof(*outcome));
	outcome->run = *run;
	outcome->started_at = current.started_at;

	MemoryContextSwitchTo(run_context);
	error_context_stack = &callback;
	PG_TRY();
	{
		execute(outcome);
	}
	PG_CATCH();
	{
		error = abort_run();
	}
	PG_END_TRY();

	outcome->kind = current.kind;
	if (error != NULL && current.kind == OUTCOME_LOCKED)
		error = NULL;			/* nothing has happened */
	else if (error != NULL && current.job_known)
		conclude_failure(error, outcome);
	else if (error != NULL)
		report_unrecorded(error, outcome);
	log_run(outcome, error);
	error_context_stack = callback.previous;

	debug_query_string = NULL;
	pgstat_report_activity(STATE_IDLE, NULL);
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextReset(run_context);
}

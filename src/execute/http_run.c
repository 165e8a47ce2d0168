/*-------------------------------------------------------------------------
 *
 * http_run.c
 *	  One HTTP run: from its job to a request, from an answer to its record.
 *
 * No transaction is open between the two.  What happens to a run whose
 * process dies in between follows from its row of pending_run, which is
 * still there: it is done again, with the same key.  Only a job whose on_lost
 * is "fail" has its row marked before the request is sent.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/cycle.h"
#include "base/guc.h"
#include "base/process.h"
#include "execute/http_run.h"
#include "record/chain_end.h"
#include "record/run_cancel.h"
#include "record/run_end.h"
#include "shared/http_flight.h"
#include "table/http_definition.h"
#include "table/http_jsonb.h"
#include "table/http_store.h"
#include "table/query.h"
#include "table/rights.h"

/* Seconds between 1970 and 2000 */
#define EPOCH_OFFSET	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* A request is there so many times while it is sent: as stored, as built, as sent. */
#define COPIES			3

static int64
unix_usecs(TimestampTz time)
{
	return time + EPOCH_OFFSET * USECS_PER_SEC;
}

static int64
unix_seconds(TimestampTz time)
{
	return unix_usecs(time) / USECS_PER_SEC;
}

HttpRun *
http_run_create(MemoryContext context, const Run *run, int flight, TimestampTz started_at)
{
	HttpRun    *http = MemoryContextAllocZero(context, sizeof(HttpRun));
	Database   *db;
	uint64		system;
	Oid			database;

	http->flight = flight;
	http->run = *run;
	http->started_at = started_at;
	http->outcome.kind = OUTCOME_FINAL;
	http->outcome.run = *run;
	http->outcome.started_at = started_at;
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	db = shmem_find_database(MyDatabaseId);
	system = db->key_system;
	database = db->key_database;
	LWLockRelease(scheduler_shared->lock);
	http_idempotency_key(system, database, run->job_id, unix_usecs(run->scheduled_at), http->key);
	return http;
}

void
http_run_free(HttpRun *http)
{
	if (http->error != NULL)
		FreeErrorData(http->error);
	if (http->job.retry_on != NULL)
		pfree(http->job.retry_on);
	if (http->job.args != NULL)
		pfree(http->job.args);
	pfree(http);
}

/*
 * From the job to the request
 */

static void
too_large(int64 size)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the request does not fit into the memory for HTTP"),
			 errdetail("It takes " INT64_FORMAT " bytes, %d times, of %d kB.",
					   size, COPIES, pg_scheduler_http_max_memory),
			 errhint("See pg_scheduler.http_max_memory.")));
}

/*
 * Is there memory for the request?  If there is not yet, the run is left for
 * later; if there will never be, that is an error.
 */
static bool
has_memory(HttpRun *http, HttpClient *client, int64 size)
{
	if (size > (int64) pg_scheduler_http_max_memory * 1024 / COPIES)
		too_large(size);
	if (http_client_has_memory(client, http->run.owner, COPIES * size))
		return true;
	http->outcome.kind = OUTCOME_LOCKED;
	return false;
}

/* Keep of the job what is needed when the answer comes. */
static void
keep_job(HttpRun *http, const Job *job)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(GetMemoryChunkContext(http));

	http->job = *job;
	http->job.schedule = http->job.timezone = http->job.command = NULL;
	http->job.settings = http->job.request = NULL;
	http->job.queue = http->job.calendar = NULL;
	http->job.retry_on = NULL;
	http->job.args = NULL;
	if (job->retry_on != NULL)
		http->job.retry_on = DatumGetArrayTypePCopy(PointerGetDatum(job->retry_on));
	MemoryContextSwitchTo(oldcontext);
}

/* The same of the arguments, which may be those of the run. */
static void
keep_args(HttpRun *http, const Job *job)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(GetMemoryChunkContext(http));

	if (job->args != NULL && (http->own_args || run_end_needs_args(job)))
		http->job.args = DatumGetJsonbPCopy(PointerGetDatum(job->args));
	MemoryContextSwitchTo(oldcontext);
}

/* Read the job and the arguments of this run.  False: there is nothing to do. */
static bool
load(HttpRun *http, HttpClient *client, Job *job)
{
	int64		limit = (int64) pg_scheduler_http_max_memory * 1024 / COPIES;
	PendingRun	pending;

	if (!store_read_pending(http->run.run_id, &pending) ||
		pending.run.attempt != http->run.attempt ||
		!store_read_job_within(http->run.job_id, limit, job) ||
		job->owner != http->run.owner)
		http->outcome.kind = OUTCOME_GONE;
	else if (job->kind != JOB_HTTP ||
			 (!job->active && run_waits_for_resume(&http->run)))
		http->outcome.kind = OUTCOME_HELD;
	else if (pending.locked)
		http->outcome.kind = OUTCOME_LOCKED;	/* its record would keep all others waiting */
	if (http->outcome.kind != OUTCOME_FINAL)
		return false;
	keep_job(http, job);
	if (!has_memory(http, client, job->content_size + store_args_size(&pending)))
		return false;
	if (pending.stored_args != NULL)
		job->args = store_read_args(http->run.job_id, &pending);
	http->own_args = pending.stored_args != NULL;
	http->redriven_from = pending.redriven_from;
	keep_args(http, job);
	return true;
}

/* Milliseconds; libcurl takes 0 for no limit. */
static int
timeout_of(const Job *job)
{
	int64		timeout = job->timeout > 0 ?
		Max(job->timeout / 1000, 1) : pg_scheduler_http_timeout;

	if (pg_scheduler_max_timeout > 0 &&
		(timeout == 0 || timeout > pg_scheduler_max_timeout))
		timeout = pg_scheduler_max_timeout;
	if (pg_scheduler_http_max_timeout > 0 &&
		(timeout == 0 || timeout > pg_scheduler_http_max_timeout))
		timeout = pg_scheduler_http_max_timeout;
	return Min(timeout, PG_INT32_MAX);
}

/* ISO 8601, UTC: 2026-01-31T12:00:00Z, with a fraction if it has one. */
static char *
format_time(TimestampTz time)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (timestamp2tm(time, NULL, &tm, &fsec, NULL, NULL) != 0)
		elog(ERROR, "timestamp out of range");
	return psprintf(fsec ? "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ" :
					"%04d-%02d-%02dT%02d:%02d:%02dZ",
					tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min,
					tm.tm_sec, (int) fsec);
}

static void
build(HttpRun *http, const Job *job, const HttpDefinition *def, HttpRequest *request)
{
	HttpJob		what;
	HttpProblem problem;
	HttpAttempt attempt = {
		.values = {
			.job_name = http_to_utf8(job->job_name),
			.run_id = http->run.run_id,
			.scheduled_at = format_time(http->run.scheduled_at),
			.attempt = http->run.attempt,
			.lookup_arg = http_args_look_up,
			.lookup_state = job->args
		},
		.key = http->key,
		.timestamp = unix_seconds(http->started_at)
	};

	http_definition_job(def, job->owner, &what);
	what.timeout_ms = timeout_of(job);
	if (what.connect_timeout_ms == 0)
		what.connect_timeout_ms = pg_scheduler_http_connect_timeout;
	what.response_limit = (size_t) pg_scheduler_http_max_response_size * 1024;
	if (!http_request_build(&what, &attempt, request, &problem))
		http_raise_problem(&problem);
	request->group = http->run.owner;
}

/* It is not known what became of a request: it is not sent again. */
static void
refuse_started(HttpRun *http)
{
	if (!http->run.was_started)
		return;
	http->marked = true;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the request had been sent, and what came of it could not be recorded"),
			 errhint("The server log says why.")));
}

/* What a change of the run's row leads to: FINAL if it was made. */
static OutcomeKind
outcome_of_row(RowResult result)
{
	return result == ROW_DONE ? OUTCOME_FINAL :
		result == ROW_LOCKED ? OUTCOME_LOCKED : OUTCOME_GONE;
}

/* In a transaction.  False: as for http_run_send(). */
static bool
prepare(HttpRun *http, HttpClient *client)
{
	Job			job;
	HttpDefinition def;
	HttpRequest request;
	RightsProblem problem;
	int			position;

	Assert(IsTransactionState());
	if (!load(http, client, &job))
		return false;
	http_definition_read(job.request, &def);
	http->one_off = def.one_off;
	refuse_started(http);
	if (http_status_set_parse(def.success_codes, &http->success_codes, &position) != NULL)
		elog(ERROR, "invalid success codes \"%s\"", def.success_codes);
	if (!rights_can_run(http->run.owner, &problem))
	{
		http->outcome.owner_gone = problem.sqlerrcode == ERRCODE_UNDEFINED_OBJECT;
		rights_raise(&problem);
	}
	build(http, &job, &def, &request);
	if (job.on_lost == ON_LOST_FAIL)
	{
		http->outcome.kind = outcome_of_row(store_mark_started(&http->run, http->started_at));
		if (http->outcome.kind != OUTCOME_FINAL)
			return false;
	}
	http->marked = job.on_lost == ON_LOST_FAIL;
	http->transfer = http_client_add(client, &request, http);
	if (http->transfer == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	return true;
}

bool
http_run_send(HttpRun *http, HttpClient *client)
{
	MemoryContext context = AllocSetContextCreate(cycle_context, "pg_scheduler request",
												  ALLOCSET_DEFAULT_SIZES);
	volatile bool result = false;

	Assert(process_is(PROCESS_HTTP_WORKER));
	Assert(!IsTransactionState());
	PG_TRY();
	{
		cycle_start_transaction();
		MemoryContextSwitchTo(cycle_context);
		MemoryContextSwitchTo(context);
		result = prepare(http, client);
		cycle_commit_transaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(GetMemoryChunkContext(http));
		http->error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		http->marked = http->run.was_started;
		/* the job could not even be read: somebody else may have more luck */
		if (http->job.job_id == 0)
			http->outcome.kind = OUTCOME_UNRECORDED;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cycle_context);
	MemoryContextDelete(context);	/* the next request may be as large */
	return result;
}

/*
 * From the answer to the record
 */

static RunStatus
failure_status(const HttpRun *http)
{
	if (http->run.was_started)
		return RUN_LOST;
	if (http->response == NULL)
		return RUN_FAILED;
	switch (http->response->failure)
	{
		case HTTP_FAILURE_TIMEOUT:
			return RUN_TIMED_OUT;
		case HTTP_FAILURE_CANCELLED:
			return RUN_CANCELLED;
		default:
			return RUN_FAILED;
	}
}

static const char *
failure_hint(HttpFailure failure)
{
	switch (failure)
	{
		case HTTP_FAILURE_REFUSED_ADDRESS:
			return "A superuser can allow networks with pg_scheduler.http_allowed_networks.";
		case HTTP_FAILURE_TLS:
			return "Certificates are verified; pg_scheduler.http_ca_file names other authorities to trust.";
		default:
			return NULL;
	}
}

/* What an answer that is no success says. */
static void
describe_answer(RunRecord *record, const HttpResponse *response, const HttpVerdict *verdict,
				CancelReason why)
{
	record->http_status = response->status;
	record->http_retryable = verdict->retryable;
	if (response->failure == HTTP_FAILURE_NONE)
	{
		record->error_message = psprintf("the server answered with status %d", response->status);
		return;
	}
	record->sqlstate = http_failure_sqlstate(response->failure);
	record->error_message = response->failure == HTTP_FAILURE_CANCELLED ?
		"the run was cancelled" : http_clean_text(response->error);
	if (response->failure == HTTP_FAILURE_CANCELLED)
		record->error_detail = run_cancel_detail(why, NULL);
	record->error_hint = failure_hint(response->failure);
}

static void
record_failure(HttpRun *http, RunRecord *record, const HttpVerdict *verdict,
			   const char *problem)
{
	TimestampTz not_before = DT_NOBEGIN;

	record->status = failure_status(http);
	record->http_failed = true;
	if (http->response != NULL)
		describe_answer(record, http->response, verdict, http_flight_why(http->flight));
	else
	{
		/* what is wrong with a definition stays wrong */
		record->http_retryable =
			ERRCODE_TO_CATEGORY(http->error->sqlerrcode) == ERRCODE_INSUFFICIENT_RESOURCES;
		record->sqlstate = pstrdup(unpack_sql_state(http->error->sqlerrcode));
		record->error_message = http->error->message;
		record->error_detail = http->error->detail;
		record->error_hint = http->error->hint;
	}
	http->error_message = record->error_message;
	if (verdict->retry_after >= 0)
		not_before = record->finished_at + verdict->retry_after * USECS_PER_SEC;
	if (problem == NULL)
		run_end_failure(&http->job, record, http->job.args, not_before, &http->outcome);
	else
		run_end_failure_small(&http->job, record, problem, not_before, &http->outcome);
}

static void
record_success(HttpRun *http, RunRecord *record, const char *problem)
{
	if (problem != NULL)
		record->error_message = psprintf("the answer could not be recorded: %s",
										 run_end_log_text(problem));
	record->http_status = http->response->status;
	http->outcome.status = RUN_SUCCEEDED;
	http->outcome.finished_at = record->finished_at;
	http->outcome.kind = outcome_of_row(store_delete_pending(&http->run));
	if (http->outcome.kind != OUTCOME_FINAL)
		return;
	store_insert_history(record);
	if (http->job.leads && problem == NULL)
		http->outcome.chained = chain_end_record(record, http->job.args);
}

/* For the metrics; an answer that was cut off is none. */
static void
note_answer(Outcome *outcome, const HttpResponse *response)
{
	outcome->http_sent = true;
	outcome->http_reused = response->reused_connection;
	outcome->http_status = response->failure == HTTP_FAILURE_NONE ? response->status : 0;
	outcome->http_bytes = Max(response->total_size, (int64) response->body_length);
}

void
http_run_record(HttpRun *http, const char *problem)
{
	HttpVerdict verdict = {.retry_after = -1};
	RunRecord	record;

	Assert(process_is(PROCESS_HTTP_WORKER));
	Assert(IsTransactionState());
	run_end_init_record(&record, &http->run, http->job.job_name, RUN_SUCCEEDED,
						http->started_at, clock_now());
	record.worker_pid = MyProcPid;
	http->outcome.kind = OUTCOME_FINAL;
	http->outcome.dead_letter = false;
	http->outcome.chained = false;
	record.redriven_from = http->redriven_from;
	record.args = http->own_args ? http->job.args : NULL;
	if (http->response != NULL)
	{
		note_answer(&http->outcome, http->response);
		verdict = http_response_judge(http->response, &http->success_codes,
									  unix_seconds(record.finished_at),
									  http->job.retry.max_delay / USECS_PER_SEC);
	}
	if (verdict.succeeded)
		record_success(http, &record, problem);
	else
		record_failure(http, &record, &verdict, problem);
	if (http->outcome.kind == OUTCOME_GONE || http->outcome.kind == OUTCOME_LOCKED ||
		problem != NULL)
		return;
	if (http->response != NULL)
		http_store_insert_response(&http->run, http->job.job_name, http->response,
								   http->key, record.finished_at);
	if (http->one_off && http->outcome.kind == OUTCOME_FINAL && !http->outcome.dead_letter)
		query_delete_request(http->run.job_id);
}

void
http_run_log(const HttpRun *http)
{
	const Outcome *outcome = &http->outcome;
	bool		failed = outcome->status != RUN_SUCCEEDED;

	Assert(process_is(PROCESS_HTTP_WORKER));
	Assert(!IsTransactionState());
	if (outcome->kind != OUTCOME_FINAL && outcome->kind != OUTCOME_RETRY)
		return;
	if (pg_scheduler_log_runs == LOG_RUNS_NONE ||
		(pg_scheduler_log_runs == LOG_RUNS_FAILURES && !failed))
		return;
	ereport(LOG,
			(errmsg("job \"%s\" run " INT64_FORMAT " attempt %d %s after " INT64_FORMAT " ms",
					http->job.job_name, http->run.run_id, http->run.attempt,
					run_status_name(outcome->status),
					(outcome->finished_at - outcome->started_at) / 1000),
			 !failed ? 0 :
			 http->response == NULL ? errdetail_log("%s", run_end_log_text(http->error->message)) :
			 http->response->failure != HTTP_FAILURE_NONE ?
			 errdetail_log("%s", run_end_log_text(http->error_message)) :
			 errdetail_log("The server answered with status %d.", http->response->status)));
}

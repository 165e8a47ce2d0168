/*-------------------------------------------------------------------------
 *
 * run_end.c
 *	  Put the end of an attempt on record, and decide what follows.
 *
 * Shared by all who can end an attempt: a worker whose run has failed, the
 * HTTP worker, and the scheduler that finds out that a worker has died.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "record/chain_end.h"
#include "record/hook_event.h"
#include "record/run_end.h"
#include "table/query.h"

void
run_end_init_record(RunRecord *record, const Run *run, const char *job_name,
					RunStatus status, TimestampTz started_at, TimestampTz finished_at)
{
	memset(record, 0, sizeof(*record));
	record->run = run;
	record->job_name = job_name;
	record->status = status;
	record->next_attempt_at = DT_NOEND;
	record->started_at = started_at;
	record->finished_at = finished_at;
	record->rows_affected = -1;
	record->occurrences = 1;
	record->cpu_time = -1;
}

/*
 * Of each of the four texts of an error this much is kept: 256 kB, 1 MB in all.
 * A longer one says in its last words that it was clipped.
 */
#define MAX_ERROR_TEXT	(256 * 1024)

/* In a record that is to fit in any case, and in the server log: 1 kB, 10 kB */
#define SMALL_ERROR_TEXT	1024
#define LOG_ERROR_TEXT		(10 * 1024)

static const char *
clip(const char *text, int max)
{
	size_t		length = text ? strlen(text) : 0;
	char		word[64];
	int			word_length;

	if (length <= max)
		return text;
	word_length = snprintf(word, sizeof(word), " ... (clipped: it has %zu bytes)", length);
	return psprintf("%s%s", job_clip_text(text, max - word_length), word);
}

static void
clip_error(RunRecord *record, int max)
{
	record->error_message = clip(record->error_message, max);
	record->error_detail = clip(record->error_detail, max);
	record->error_hint = clip(record->error_hint, max);
	record->error_context = clip(record->error_context, max);
}

char *
run_end_log_text(const char *text)
{
	return (char *) clip(text, LOG_ERROR_TEXT);
}

static bool
matches_retry_on(const Job *job, const char *sqlstate)
{
	Datum	   *names;
	int			n;
	const char **conditions;

	deconstruct_array(job->retry_on, TEXTOID, -1, false, TYPALIGN_INT,
					  &names, NULL, &n);
	conditions = palloc(Max(n, 1) * sizeof(char *));
	for (int i = 0; i < n; i++)
		conditions[i] = TextDatumGetCString(names[i]);
	return retry_matches(sqlstate, conditions, n);
}

/*
 * Whether a lost run is tried again is for on_lost to say, not for
 * max_retries: it may have been lost through no fault of the job.
 */
static bool
should_retry(const Job *job, const RunRecord *record)
{
	switch (record->status)
	{
		case RUN_LOST:
			return job->on_lost == ON_LOST_RETRY;
		case RUN_FAILED:
			if (record->run->attempt > job->retry.max_retries)
				return false;
			if (record->http_failed && (job->retry_on == NULL || record->sqlstate == NULL))
				return record->http_retryable;
			if (record->sqlstate == NULL)
				return true;
			return job->retry_on ? matches_retry_on(job, record->sqlstate) :
				retry_is_worthwhile(record->sqlstate);
		case RUN_TIMED_OUT:
			return record->run->attempt <= job->retry.max_retries;
		default:
			return false;
	}
}

static void
plan_next_attempt(const Job *job, RunRecord *record, TimestampTz not_before,
				  Outcome *outcome)
{
	int64		delay = retry_delay(&job->retry, record->run->attempt,
									pg_prng_double(&pg_global_prng_state));

	outcome->kind = OUTCOME_RETRY;
	outcome->next = *record->run;
	outcome->next.attempt++;
	outcome->next.was_started = false;
	if (record->status != RUN_LOST)
		outcome->next.crashes = 0;
	outcome->next.due_at = record->finished_at + delay;
	if (not_before != DT_NOBEGIN)
		outcome->next.due_at = Max(not_before, record->finished_at);
	record->next_attempt_at = outcome->next.due_at;
}

/* False: there is no such run any more, or somebody has it in hand; outcome.kind says so. */
static bool
end_attempt(const Job *job, RunRecord *record, TimestampTz not_before, Outcome *outcome)
{
	RowResult	result;

	outcome->kind = OUTCOME_FINAL;
	outcome->status = record->status;
	outcome->finished_at = record->finished_at;
	outcome->dead_letter = false;
	outcome->chained = false;
	if (should_retry(job, record))
	{
		plan_next_attempt(job, record, not_before, outcome);
		result = store_retry_pending(record->run, &outcome->next);
	}
	else
		result = store_delete_pending(record->run);

	if (result == ROW_DONE)
		store_insert_history(record);
	else
		outcome->kind = result == ROW_LOCKED ? OUTCOME_LOCKED : OUTCOME_GONE;
	return result == ROW_DONE;
}

bool
run_end_needs_args(const Job *job)
{
	return job->leads || job->dead_letters;
}

/* What an attempt that has not succeeded brings about besides its record. */
static void
tell_of_end(const Job *job, RunRecord *record, Jsonb *args, Outcome *outcome)
{
	hook_event_cleanup(job, record);
	if (outcome->kind == OUTCOME_FINAL && job->leads)
		outcome->chained = chain_end_record(record, args);
	if (outcome->kind == OUTCOME_FINAL && record->status != RUN_CANCELLED &&
		job->dead_letters)
	{
		CommandCounterIncrement();	/* the last attempt goes with the others */
		query_insert_dead_letter(record, args);
		outcome->dead_letter = true;
	}
}

void
run_end_failure(const Job *job, RunRecord *record, Jsonb *args,
				TimestampTz not_before, Outcome *outcome)
{
	Assert(IsTransactionState());
	clip_error(record, MAX_ERROR_TEXT);
	if (end_attempt(job, record, not_before, outcome))
		tell_of_end(job, record, args, outcome);
}

void
run_end_in_order(const Job *job, RunRecord *record, Jsonb *args, Outcome *outcome)
{
	Assert(IsTransactionState());
	outcome->kind = OUTCOME_FINAL;
	outcome->status = record->status;
	outcome->finished_at = record->finished_at;
	store_insert_history(record);
	tell_of_end(job, record, args, outcome);
}

void
run_end_failure_small(const Job *job, RunRecord *record, const char *problem,
					  TimestampTz not_before, Outcome *outcome)
{
	Assert(IsTransactionState());
	clip_error(record, SMALL_ERROR_TEXT);
	record->error_detail = psprintf("The whole of it could not be recorded: %s",
									clip(problem, SMALL_ERROR_TEXT));
	record->error_hint = "Neither hooks nor jobs that run after this one were told, and there is no dead letter.";
	record->error_context = NULL;
	(void) end_attempt(job, record, not_before, outcome);
}

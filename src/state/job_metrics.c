/*-------------------------------------------------------------------------
 *
 * job_metrics.c
 *	  What a scheduler remembers of the runs that have just ended.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "state/job_metrics.h"

/* Jobs above this number are counted in job_state, and have no metrics. */
#define MAX_JOB_METRICS		100000

/* Deaths of workers that are remembered */
#define MAX_DEATHS		64

static HTAB *metrics_of_jobs = NULL;
static dlist_head dirty_metrics;
static int	ndirty = 0;
static bool tallied = false;
static int64 slot_width = USECS_PER_MINUTE;
static int64 late_limit = USECS_PER_MINUTE;
static TimestampTz deaths[MAX_DEATHS];	/* a ring */
static int	last_death = 0;
static int64 ndeaths = 0;		/* since they were last asked for */

void
job_metrics_init(void)
{
	HASHCTL		ctl = {.keysize = sizeof(int64), .entrysize = sizeof(JobMetrics)};

	ctl.hcxt = AllocSetContextCreate(TopMemoryContext, "pg_scheduler metrics",
									 ALLOCSET_DEFAULT_SIZES);
	metrics_of_jobs = hash_create("pg_scheduler metrics", 256, &ctl,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	dlist_init(&dirty_metrics);
	for (int i = 0; i < MAX_DEATHS; i++)
		deaths[i] = DT_NOBEGIN;
}

JobMetrics *
job_metrics_find(int64 job_id)
{
	return hash_search(metrics_of_jobs, &job_id, HASH_FIND, NULL);
}

int64
job_metrics_count(void)
{
	return hash_get_num_entries(metrics_of_jobs);
}

JobMetrics *
job_metrics_get(int64 job_id, Oid owner, const char *queue)
{
	JobMetrics *metrics = job_metrics_find(job_id);

	if (metrics == NULL)
	{
		if (hash_get_num_entries(metrics_of_jobs) >= MAX_JOB_METRICS)
			return NULL;
		metrics = hash_search(metrics_of_jobs, &job_id, HASH_ENTER, NULL);
		memset((char *) metrics + sizeof(int64), 0, sizeof(JobMetrics) - sizeof(int64));
		metrics->state = HEALTH_HEALTHY;
		metrics->alerted_at = metrics->long_since = metrics->overdue_since = DT_NOBEGIN;
	}
	metrics->owner = owner;
	strlcpy(metrics->queue, queue ? queue : "default", sizeof(metrics->queue));
	return metrics;
}

void
job_metrics_touch(JobMetrics *metrics)
{
	if (metrics->dirty)
		return;
	metrics->dirty = true;
	dlist_push_tail(&dirty_metrics, &metrics->dirty_node);
	ndirty++;
}

int
job_metrics_dirty_count(void)
{
	return ndirty;
}

JobMetrics *
job_metrics_take_dirty(void)
{
	JobMetrics *metrics;

	if (ndirty == 0)
		return NULL;
	metrics = dlist_head_element(JobMetrics, dirty_node, &dirty_metrics);
	dlist_delete(&metrics->dirty_node);
	metrics->dirty = false;
	ndirty--;
	return metrics;
}

/* Move the window on to a time: what has slid out of it is forgotten. */
static void
slide(JobMetrics *metrics, TimestampTz now)
{
	int64		slot = now / slot_width;

	if (slot - metrics->window_start >= METRICS_SLOTS || slot < metrics->window_start)
		memset(metrics->window, 0, sizeof(metrics->window));
	else
		for (int64 i = metrics->window_start + 1; i <= slot; i++)
			memset(&metrics->window[i % METRICS_SLOTS], 0, sizeof(WindowSlot));
	metrics->window_start = slot;
}

void
job_metrics_set_width(int64 width)
{
	slot_width = Max(width, 1);
}

WindowSlot
job_metrics_window(JobMetrics *metrics, TimestampTz now)
{
	WindowSlot	sum = {0};

	slide(metrics, now);
	for (int i = 0; i < METRICS_SLOTS; i++)
	{
		sum.attempts += metrics->window[i].attempts;
		sum.failures += metrics->window[i].failures;
		sum.timeouts += metrics->window[i].timeouts;
		sum.recycled += metrics->window[i].recycled;
	}
	return sum;
}

/* Count a status; true: it speaks against the job. */
static bool
tally_status(Tally *tally, RunStatus status)
{
	switch (status)
	{
		case RUN_SUCCEEDED:
			tally->succeeded++;
			return false;
		case RUN_FAILED:
			tally->failed++;
			return true;
		case RUN_TIMED_OUT:
			tally->timed_out++;
			return true;
		case RUN_LOST:
			tally->lost++;
			return true;
		case RUN_CANCELLED:
			tally->cancelled++;
			return false;
		case RUN_MISSED:
			tally->missed++;
			return false;
		default:
			return false;
	}
}

static void
tally_times(JobMetrics *metrics, const Outcome *outcome)
{
	Tally	   *tally = &metrics->tally;
	int64		duration = Max(outcome->finished_at - outcome->started_at, 0);

	metrics->lateness = Max(outcome->started_at - outcome->run.due_at, 0);
	tally->timed++;
	tally->duration += duration;
	tally->max_duration = Max(tally->max_duration, duration);
	tally->lateness += metrics->lateness;
	tally->late += metrics->lateness > late_limit;
	tally->max_lateness = Max(tally->max_lateness, metrics->lateness);
	tally->buckets[histogram_bucket(duration)]++;
}

static void
tally_http(Tally *tally, const Outcome *outcome)
{
	int			answer = outcome->http_status / 100 - 2;

	if (answer >= 0 && answer < lengthof(tally->http_answers))
		tally->http_answers[answer]++;
	else
		tally->http_errors++;
	if (outcome->http_reused)
		tally->http_reused++;
	tally->http_bytes += outcome->http_bytes;
}

void
job_metrics_outcome(const JobEntry *job, const Outcome *outcome)
{
	JobMetrics *metrics;
	WindowSlot *slot;

	if (outcome->kind != OUTCOME_FINAL && outcome->kind != OUTCOME_RETRY)
		return;
	metrics = job_metrics_get(job->job_id, job->job.owner, job->job.queue);
	if (metrics == NULL)
		return;
	slide(metrics, Max(outcome->finished_at, metrics->window_start * slot_width));
	slot = &metrics->window[metrics->window_start % METRICS_SLOTS];
	slot->attempts++;
	if (tally_status(&metrics->tally, outcome->status))
	{
		slot->failures++;
		metrics->new_failures++;
		if (outcome->kind == OUTCOME_FINAL)
			metrics->failed_runs++;
	}
	if (outcome->status == RUN_TIMED_OUT)
		slot->timeouts++;
	if (outcome->kind == OUTCOME_RETRY)
		metrics->tally.retries++;
	if (outcome->started_at != DT_NOBEGIN)
		metrics->not_run = 0;
	else if (outcome->status == RUN_MISSED)
		job_metrics_not_run(job, outcome->finished_at);
	if (outcome->started_at != DT_NOBEGIN)
		tally_times(metrics, outcome);
	if (outcome->http_sent)
		tally_http(&metrics->tally, outcome);
	metrics->dead_letter |= outcome->dead_letter;
	metrics->news = true;
	tallied = true;
	job_metrics_touch(metrics);
}

void
job_metrics_counted(const JobEntry *job, RunStatus status, bool final)
{
	JobMetrics *metrics = job_metrics_get(job->job_id, job->job.owner, job->job.queue);

	if (metrics == NULL)
		return;
	if (final && run_status_is_failure(status))
		metrics->failed_runs++;
	metrics->news = true;
	job_metrics_touch(metrics);
}

void
job_metrics_passed_over(const JobEntry *job, RunStatus status, int64 occurrences)
{
	JobMetrics *metrics = job_metrics_get(job->job_id, job->job.owner, job->job.queue);

	Assert(status == RUN_SKIPPED || status == RUN_MISSED);
	if (metrics == NULL)
		return;
	if (status == RUN_SKIPPED)
		metrics->tally.skipped += occurrences;
	else
		metrics->tally.missed += occurrences;
	tallied = true;
}

void
job_metrics_not_run(const JobEntry *job, TimestampTz now)
{
	JobMetrics *metrics = job_metrics_get(job->job_id, job->job.owner, job->job.queue);

	if (metrics == NULL)
		return;
	if (metrics->not_run++ == 0)
		metrics->not_run_since = now;
	metrics->news = true;
	job_metrics_touch(metrics);
}

void
job_metrics_recycled(int64 job_id, TimestampTz now)
{
	JobMetrics *metrics = job_metrics_find(job_id);

	if (metrics == NULL)
		return;
	slide(metrics, Max(now, metrics->window_start * slot_width));
	metrics->window[metrics->window_start % METRICS_SLOTS].recycled++;
	job_metrics_touch(metrics);
}

void
job_metrics_worker_died(TimestampTz now)
{
	last_death = (last_death + 1) % MAX_DEATHS;
	deaths[last_death] = now;
	ndeaths++;
}

int64
job_metrics_take_deaths(void)
{
	int64		result = ndeaths;

	ndeaths = 0;
	return result;
}

int
job_metrics_deaths_since(TimestampTz since)
{
	int			n = 0;

	for (int i = 0; i < MAX_DEATHS; i++)
		if (deaths[i] > since)
			n++;
	return n;
}

void
job_metrics_set_late(int64 limit)
{
	late_limit = limit;
}

void
job_metrics_foreach(void (*callback) (JobMetrics *metrics, void *arg), void *arg)
{
	HASH_SEQ_STATUS status;
	JobMetrics *metrics;

	hash_seq_init(&status, metrics_of_jobs);
	while ((metrics = hash_seq_search(&status)) != NULL)
		callback(metrics, arg);
}

void
job_metrics_forget(JobMetrics *metrics)
{
	if (metrics->dirty)
	{
		dlist_delete(&metrics->dirty_node);
		ndirty--;
	}
	hash_search(metrics_of_jobs, &metrics->job_id, HASH_REMOVE, NULL);
}

bool
job_metrics_tallied(void)
{
	return tallied;
}

bool
job_metrics_tally_is_empty(const Tally *tally)
{
	return tally->succeeded + tally->failed + tally->timed_out + tally->cancelled +
		tally->lost + tally->skipped + tally->missed == 0;
}

void
job_metrics_clear_tally(JobMetrics *metrics)
{
	memset(&metrics->tally, 0, sizeof(Tally));
}

void
job_metrics_tallies_written(void)
{
	tallied = false;
}

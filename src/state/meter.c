/*-------------------------------------------------------------------------
 *
 * meter.c
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

#include "state/meter.h"

/* Jobs above this number are counted in job_state, and not metered. */
#define MAX_METERS		100000

/* Deaths of workers that are remembered */
#define MAX_DEATHS		64

static HTAB *meters = NULL;
static dlist_head dirty_meters;
static int	ndirty = 0;
static bool tallied = false;
static int64 slot_width = USECS_PER_MINUTE;
static TimestampTz deaths[MAX_DEATHS];	/* a ring */
static int	last_death = 0;
static int64 ndeaths = 0;		/* since they were last asked for */

void
meter_init(void)
{
	HASHCTL		ctl = {.keysize = sizeof(int64), .entrysize = sizeof(JobMeter)};

	ctl.hcxt = AllocSetContextCreate(TopMemoryContext, "pg_scheduler meters",
									 ALLOCSET_DEFAULT_SIZES);
	meters = hash_create("pg_scheduler meters", 256, &ctl,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	dlist_init(&dirty_meters);
	for (int i = 0; i < MAX_DEATHS; i++)
		deaths[i] = DT_NOBEGIN;
}

JobMeter *
meter_find(int64 job_id)
{
	return hash_search(meters, &job_id, HASH_FIND, NULL);
}

int64
meter_count(void)
{
	return hash_get_num_entries(meters);
}

JobMeter *
meter_get(int64 job_id, Oid owner, const char *queue)
{
	JobMeter   *meter = meter_find(job_id);

	if (meter == NULL)
	{
		if (hash_get_num_entries(meters) >= MAX_METERS)
			return NULL;
		meter = hash_search(meters, &job_id, HASH_ENTER, NULL);
		memset((char *) meter + sizeof(int64), 0, sizeof(JobMeter) - sizeof(int64));
		meter->state = HEALTH_HEALTHY;
		meter->alerted_at = meter->long_since = DT_NOBEGIN;
	}
	meter->owner = owner;
	strlcpy(meter->queue, queue ? queue : "default", sizeof(meter->queue));
	return meter;
}

void
meter_touch(JobMeter *meter)
{
	if (meter->dirty)
		return;
	meter->dirty = true;
	dlist_push_tail(&dirty_meters, &meter->dirty_node);
	ndirty++;
}

int
meter_dirty_count(void)
{
	return ndirty;
}

JobMeter *
meter_take_dirty(void)
{
	JobMeter   *meter;

	if (ndirty == 0)
		return NULL;
	meter = dlist_head_element(JobMeter, dirty_node, &dirty_meters);
	dlist_delete(&meter->dirty_node);
	meter->dirty = false;
	ndirty--;
	return meter;
}

/* Move the window on to a time: what has slid out of it is forgotten. */
static void
slide(JobMeter *meter, TimestampTz now)
{
	int64		slot = now / slot_width;

	if (slot - meter->window_start >= METER_SLOTS || slot < meter->window_start)
		memset(meter->window, 0, sizeof(meter->window));
	else
		for (int64 i = meter->window_start + 1; i <= slot; i++)
			memset(&meter->window[i % METER_SLOTS], 0, sizeof(WindowSlot));
	meter->window_start = slot;
}

void
meter_set_width(int64 width)
{
	slot_width = Max(width, 1);
}

WindowSlot
meter_window(JobMeter *meter, TimestampTz now)
{
	WindowSlot	sum = {0};

	slide(meter, now);
	for (int i = 0; i < METER_SLOTS; i++)
	{
		sum.attempts += meter->window[i].attempts;
		sum.failures += meter->window[i].failures;
		sum.timeouts += meter->window[i].timeouts;
		sum.recycled += meter->window[i].recycled;
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
		default:
			return false;
	}
}

static void
tally_times(JobMeter *meter, const Outcome *outcome)
{
	Tally	   *tally = &meter->tally;
	int64		duration = Max(outcome->finished_at - outcome->started_at, 0);

	meter->lateness = Max(outcome->started_at - outcome->run.due_at, 0);
	tally->timed++;
	tally->duration += duration;
	tally->max_duration = Max(tally->max_duration, duration);
	tally->lateness += meter->lateness;
	tally->max_lateness = Max(tally->max_lateness, meter->lateness);
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
meter_outcome(const JobEntry *job, const Outcome *outcome)
{
	JobMeter   *meter;
	WindowSlot *slot;

	if (outcome->kind != OUTCOME_FINAL && outcome->kind != OUTCOME_RETRY)
		return;
	meter = meter_get(job->job_id, job->job.owner, job->job.queue);
	if (meter == NULL)
		return;
	slide(meter, Max(outcome->finished_at, meter->window_start * slot_width));
	slot = &meter->window[meter->window_start % METER_SLOTS];
	slot->attempts++;
	if (tally_status(&meter->tally, outcome->status))
	{
		slot->failures++;
		meter->new_failures++;
		if (outcome->kind == OUTCOME_FINAL)
			meter->failed_runs++;
	}
	if (outcome->status == RUN_TIMED_OUT)
		slot->timeouts++;
	if (outcome->kind == OUTCOME_RETRY)
		meter->tally.retries++;
	if (outcome->started_at != DT_NOBEGIN)
		meter->not_run = 0;
	else if (outcome->status == RUN_MISSED)
		meter_not_run(job, outcome->finished_at);
	if (outcome->started_at != DT_NOBEGIN)
		tally_times(meter, outcome);
	if (outcome->http_sent)
		tally_http(&meter->tally, outcome);
	meter->dead_letter |= outcome->dead_letter;
	meter->news = true;
	tallied = true;
	meter_touch(meter);
}

void
meter_counted(const JobEntry *job, RunStatus status, bool final)
{
	JobMeter   *meter = meter_get(job->job_id, job->job.owner, job->job.queue);

	if (meter == NULL)
		return;
	if (final && run_status_is_failure(status))
		meter->failed_runs++;
	meter->news = true;
	meter_touch(meter);
}

void
meter_not_run(const JobEntry *job, TimestampTz now)
{
	JobMeter   *meter = meter_get(job->job_id, job->job.owner, job->job.queue);

	if (meter == NULL)
		return;
	if (meter->not_run++ == 0)
		meter->not_run_since = now;
	meter->news = true;
	meter_touch(meter);
}

void
meter_recycled(int64 job_id, TimestampTz now)
{
	JobMeter   *meter = meter_find(job_id);

	if (meter == NULL)
		return;
	slide(meter, Max(now, meter->window_start * slot_width));
	meter->window[meter->window_start % METER_SLOTS].recycled++;
	meter_touch(meter);
}

void
meter_worker_died(TimestampTz now)
{
	last_death = (last_death + 1) % MAX_DEATHS;
	deaths[last_death] = now;
	ndeaths++;
}

int64
meter_take_deaths(void)
{
	int64		result = ndeaths;

	ndeaths = 0;
	return result;
}

int
meter_deaths_since(TimestampTz since)
{
	int			n = 0;

	for (int i = 0; i < MAX_DEATHS; i++)
		if (deaths[i] > since)
			n++;
	return n;
}

void
meter_foreach(void (*callback) (JobMeter *meter, void *arg), void *arg)
{
	HASH_SEQ_STATUS status;
	JobMeter   *meter;

	hash_seq_init(&status, meters);
	while ((meter = hash_seq_search(&status)) != NULL)
		callback(meter, arg);
}

void
meter_forget(JobMeter *meter)
{
	if (meter->dirty)
	{
		dlist_delete(&meter->dirty_node);
		ndirty--;
	}
	hash_search(meters, &meter->job_id, HASH_REMOVE, NULL);
}

bool
meter_tallied(void)
{
	return tallied;
}

bool
meter_tally_is_empty(const Tally *tally)
{
	return tally->succeeded + tally->failed + tally->timed_out + tally->cancelled +
		tally->lost == 0;
}

void
meter_clear_tally(JobMeter *meter)
{
	memset(&meter->tally, 0, sizeof(Tally));
}

void
meter_tallies_written(void)
{
	tallied = false;
}

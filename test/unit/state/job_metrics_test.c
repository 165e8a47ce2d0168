/*-------------------------------------------------------------------------
 *
 * job_metrics_test.c
 *	  Meters against a list of all that has ended.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "random.h"
#include "stand_in/server.h"
#include "state/job_metrics.h"
#include "tap.h"

#define JOBS			8
#define STEPS			20000
#define MAX_ENDS		STEPS
#define WIDTH			(10 * USECS_PER_SEC)
#define MAX_JOB_METRICS		100000	/* job_metrics.c */

/* What has ended, with the number of the slot that it counts in */
typedef struct End
{
	int64		job_id;
	int64		slot;
	Outcome		outcome;
} End;

static End	ends[MAX_ENDS];
static int	nends = 0;
static JobEntry jobs[JOBS];
static int64 newest_slot[JOBS];
static int64 tallied_from[JOBS];	/* index into ends: what is not written */
static bool dirty[JOBS];

static void
set_up(void)
{
	job_metrics_init();
	job_metrics_set_width(WIDTH);
	for (int i = 0; i < JOBS; i++)
	{
		jobs[i].job_id = i;
		jobs[i].job.owner = 100 + i;
		jobs[i].job.queue = i % 2 == 0 ? "default" : "mail";
	}
}

static Outcome
some_outcome(TimestampTz now)
{
	static const RunStatus statuses[] = {
		RUN_SUCCEEDED, RUN_FAILED, RUN_TIMED_OUT, RUN_CANCELLED, RUN_LOST
	};
	Outcome		outcome = {.kind = random_below(4) == 0 ? OUTCOME_RETRY : OUTCOME_FINAL};

	outcome.status = statuses[random_below(lengthof(statuses))];
	outcome.finished_at = now - random_below(100) * (USECS_PER_SEC / 10);
	outcome.started_at = random_below(5) == 0 ? DT_NOBEGIN :
		outcome.finished_at - (int64) random_below(1000000);
	outcome.run.due_at = outcome.started_at - (int64) random_below(1000) + 10;
	outcome.http_sent = random_below(3) == 0;
	outcome.http_status = 100 * random_below(6);
	outcome.http_reused = random_below(2) == 0;
	outcome.http_bytes = random_below(1000);
	return outcome;
}

static void
end_run(int64 job_id, TimestampTz now)
{
	Outcome		outcome = some_outcome(now);
	End		   *end = &ends[nends++];

	job_metrics_outcome(&jobs[job_id], &outcome);
	/* what is older than the newest slot counts in that */
	newest_slot[job_id] = Max(newest_slot[job_id], outcome.finished_at / WIDTH);
	*end = (End) {job_id, newest_slot[job_id], outcome};
	dirty[job_id] = true;
}

static bool
speaks_against(RunStatus status)
{
	return status == RUN_FAILED || status == RUN_TIMED_OUT || status == RUN_LOST;
}

static bool
window_is_like_ends(int64 job_id, TimestampTz now)
{
	JobMetrics *metrics = job_metrics_find(job_id);
	WindowSlot	window;
	WindowSlot	expected = {0};

	if (metrics == NULL)
		return true;
	newest_slot[job_id] = now / WIDTH;
	window = job_metrics_window(metrics, now);
	for (int i = 0; i < nends; i++)
	{
		if (ends[i].job_id != job_id || ends[i].slot <= now / WIDTH - METRICS_SLOTS)
			continue;
		expected.attempts++;
		expected.failures += speaks_against(ends[i].outcome.status);
		expected.timeouts += ends[i].outcome.status == RUN_TIMED_OUT;
	}
	return window.attempts == expected.attempts && window.failures == expected.failures &&
		window.timeouts == expected.timeouts;
}

static void
count_status(Tally *tally, RunStatus status)
{
	tally->succeeded += status == RUN_SUCCEEDED;
	tally->failed += status == RUN_FAILED;
	tally->timed_out += status == RUN_TIMED_OUT;
	tally->cancelled += status == RUN_CANCELLED;
	tally->lost += status == RUN_LOST;
}

static void
count_end(Tally *tally, const Outcome *outcome)
{
	count_status(tally, outcome->status);
	tally->retries += outcome->kind == OUTCOME_RETRY;
	if (outcome->started_at != DT_NOBEGIN)
	{
		int64		duration = outcome->finished_at - outcome->started_at;
		int64		lateness = Max(outcome->started_at - outcome->run.due_at, 0);

		tally->timed++;
		tally->duration += duration;
		tally->max_duration = Max(tally->max_duration, duration);
		tally->lateness += lateness;
		tally->max_lateness = Max(tally->max_lateness, lateness);
		tally->buckets[histogram_bucket(duration)]++;
	}
	if (outcome->http_sent)
	{
		if (outcome->http_status >= 200)
			tally->http_answers[outcome->http_status / 100 - 2]++;
		else
			tally->http_errors++;
		tally->http_reused += outcome->http_reused;
		tally->http_bytes += outcome->http_bytes;
	}
}

static bool
tally_is_like_ends(int64 job_id)
{
	JobMetrics *metrics = job_metrics_find(job_id);
	Tally		expected = {0};

	if (metrics == NULL)
		return true;
	for (int i = tallied_from[job_id]; i < nends; i++)
		if (ends[i].job_id == job_id)
			count_end(&expected, &ends[i].outcome);
	return memcmp(&metrics->tally, &expected, sizeof(Tally)) == 0;
}

/* The dirty one that is taken has been dirty; each is taken once. */
static bool
dirty_is_like_model(void)
{
	int			n = 0;
	JobMetrics *metrics;

	for (int i = 0; i < JOBS; i++)
		n += dirty[i];
	if (job_metrics_dirty_count() != n)
		return false;
	metrics = job_metrics_take_dirty();
	if (metrics == NULL)
		return n == 0;
	if (!dirty[metrics->job_id])
		return false;
	dirty[metrics->job_id] = false;
	return true;
}

static void
test_random(void)
{
	TimestampTz now = 1000 * WIDTH;
	int			unlike = 0;

	for (int step = 0; step < STEPS; step++)
	{
		int64		job_id = random_below(JOBS);

		now += random_below(3 * USECS_PER_SEC);
		switch (random_below(20))
		{
			case 0:
				unlike += !window_is_like_ends(job_id, now);
				break;
			case 1:
				unlike += !tally_is_like_ends(job_id);
				if (job_metrics_find(job_id) != NULL && random_below(2) == 0)
				{
					job_metrics_clear_tally(job_metrics_find(job_id));
					tallied_from[job_id] = nends;
				}
				break;
			case 2:
				unlike += !dirty_is_like_model();
				break;
			default:
				end_run(job_id, now);
				break;
		}
	}
	is_number(unlike, 0, "windows, tallies and what is to be judged");
	is_number(job_metrics_count(), JOBS, "each job has one metrics");
	for (int i = 0; i < JOBS; i++)
		job_metrics_forget(job_metrics_find(i));
	ok(job_metrics_count() == 0 && job_metrics_dirty_count() == 0 &&
	   job_metrics_take_dirty() == NULL,
	   "what is forgotten is not judged");
}

static void
test_window_moves(void)
{
	TimestampTz now = 1000 * WIDTH;
	Outcome		outcome = {.kind = OUTCOME_FINAL,.status = RUN_FAILED,
	.finished_at = now,.started_at = DT_NOBEGIN};
	JobMetrics *metrics;

	job_metrics_outcome(&jobs[1], &outcome);
	metrics = job_metrics_find(1);
	is_number(job_metrics_window(metrics, now + (METRICS_SLOTS - 1) * WIDTH).failures, 1,
			  "a failure is in the window until it has slid out");
	is_number(job_metrics_window(metrics, now + METRICS_SLOTS * WIDTH).failures, 0, "and then not");
	job_metrics_outcome(&jobs[1], &outcome);
	is_number(job_metrics_window(metrics, now + METRICS_SLOTS * WIDTH).failures, 1,
			  "one that is told of late counts as of now");
	is_number(job_metrics_window(metrics, now - 100 * WIDTH).failures, 0,
			  "a clock that was set back empties the window");
	job_metrics_recycled(1, now);
	is_number(job_metrics_window(metrics, now).recycled, 1, "workers that left for their memory");
	job_metrics_recycled(2, now);
	ok(job_metrics_find(2) == NULL, "without metrics there is nothing to count in");
	is_number(metrics->new_failures, 2, "failures since the alert was written");
}

static void
test_what_is_no_end(void)
{
	static const OutcomeKind kinds[] = {
		OUTCOME_GONE, OUTCOME_HELD, OUTCOME_LOCKED, OUTCOME_UNRECORDED
	};

	job_metrics_tallies_written();
	for (int i = 0; i < lengthof(kinds); i++)
	{
		Outcome		outcome = {.kind = kinds[i],.status = RUN_FAILED};

		job_metrics_outcome(&jobs[3], &outcome);
	}
	ok(job_metrics_find(3) == NULL && !job_metrics_tallied(), "what has not ended is not counted");
	job_metrics_counted(&jobs[3], RUN_SUCCEEDED, true);
	ok(job_metrics_find(3) != NULL && job_metrics_find(3)->dirty && !job_metrics_tallied() &&
	   job_metrics_tally_is_empty(&job_metrics_find(3)->tally),
	   "what history has counted is judged, and not counted again");
}

static void
test_deaths(void)
{
	is_number(job_metrics_deaths_since(DT_NOBEGIN), 0, "no worker has died");
	for (int i = 0; i < 100; i++)
		job_metrics_worker_died(1000 + i);
	is_number(job_metrics_deaths_since(1089), 10, "deaths since a time");
	is_number(job_metrics_deaths_since(0), 64, "a limited number is known");
	is_number(job_metrics_take_deaths(), 100, "all are counted");
	is_number(job_metrics_take_deaths(), 0, "once");
}

static void
test_too_many(void)
{
	for (int64 i = 0; i < MAX_JOB_METRICS; i++)
		(void) job_metrics_get(i, 1, NULL);
	is_number(job_metrics_count(), MAX_JOB_METRICS, "there is a limit of metrics");
	ok(job_metrics_get(MAX_JOB_METRICS, 1, NULL) == NULL, "above it a job gets none");
	is_string(job_metrics_get(17, 2, NULL)->queue, "default", "one that has metrics keeps it");
	is_number(job_metrics_find(17)->owner, 2, "with the owner of now");
	job_metrics_forget(job_metrics_find(17));
	ok(job_metrics_get(MAX_JOB_METRICS, 1, "mail") != NULL, "where one is forgotten there is room");
}

int
main(void)
{
	set_up();
	test_random();
	test_window_moves();
	test_what_is_no_end();
	test_deaths();
	test_too_many();
	memory_free_all();
	return done_testing();
}

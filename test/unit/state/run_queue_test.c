/*-------------------------------------------------------------------------
 *
 * run_queue_test.c
 *	  The run queue: its invariants (run_queue.h) under random operations, and
 *	  turns and limits.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "random.h"
#include "stand_in/server.h"
#include "state/hook_family.h"
#include "state/run_grace.h"
#include "state/run_list.h"
#include "state/run_queue.h"
#include "state/run_queue_check.h"
#include "tap.h"

#define JOBS		12
#define ROLES		3
#define RUNS		60
#define STEPS		60000
#define FIRST_ROLE	100

/* What the run queue asks others */
int			pg_scheduler_crash_limit = 3;
static TimestampTz now = 1000 * USECS_PER_SEC;

TimestampTz
clock_now(void)
{
	return now;
}

int
job_cache_concurrency(const JobEntry *entry)
{
	return entry->job.max_instances;
}

int64
job_grace(const Job *job)
{
	return Max(job->misfire_grace, 0);
}

TimestampTz
job_due_at(const Job *job, const Schedule *schedule, TimestampTz scheduled_at)
{
	return scheduled_at;
}

bool
hook_family_is_hook(int64 job_id)
{
	return job_id == 0;
}

bool
hook_family_admits(const JobEntry *job)
{
	return true;
}

void
hook_family_moved(int64 job_id)
{
}

static JobEntry jobs[JOBS];

JobEntry *
job_cache_peek(int64 job_id)
{
	return &jobs[job_id];
}

static char queue_names[][8] = {"default", "mail", "reports"};
static int64 runs[RUNS];		/* ids of those that are in; 0: none */
static int64 last_id = 0;
static bool hooks_only = false;
static int	wrong[10];			/* by the number of the invariant */

static void
set_up(void)
{
	QueueLimits limits = {.enabled = true,.stop_deadline = DT_NOEND};

	run_queue_reset();
	memset(jobs, 0, sizeof(jobs));
	for (int i = 0; i < JOBS; i++)
	{
		jobs[i].job_id = i;
		jobs[i].job.owner = FIRST_ROLE + i % ROLES;
		jobs[i].job.kind = i % 5 == 4 ? JOB_HTTP : JOB_SQL;
		jobs[i].job.queue = queue_names[i % lengthof(queue_names)];
		jobs[i].job.active = true;
		jobs[i].job.max_instances = 1 + i % 3;
		dlist_init(&jobs[i].held);
		dlist_init(&jobs[i].dispatched);
	}
	for (int i = 0; i < lengthof(queue_names); i++)
		run_queue_set_limits(queue_names[i], &limits);
	run_queue_hooks_only(hooks_only = false);
}

static Run
new_run(int job, int priority, int64 delay)
{
	Run			run = {.run_id = ++last_id,.job_id = job,.attempt = 1};

	run.owner = jobs[job].job.owner;
	run.priority = priority;
	run.scheduled_at = now;
	run.due_at = now + delay;
	run.trigger = random_below(4) == 0 ? TRIGGER_MANUAL : TRIGGER_SCHEDULE;
	return run;
}

static int
list_length_of(dlist_head *list)
{
	dlist_iter	iter;
	int			n = 0;

	dlist_foreach(iter, list)
		n++;
	return n;
}

/* How many runs there are of a job (or of all: NULL) in a state. */
static int
count_runs(const JobEntry *job, RunState state, bool held_by_job)
{
	int			n = 0;

	for (int i = 0; i < RUNS; i++)
	{
		RunEntry   *entry = runs[i] ? run_queue_find(runs[i]) : NULL;

		if (entry != NULL && (job == NULL || entry->job == job) && entry->state == state &&
			!(held_by_job && entry->held_by_queue))
			n++;
	}
	return n;
}

static void
check_jobs(void)
{
	for (int i = 0; i < JOBS; i++)
	{
		JobEntry   *job = &jobs[i];
		int			held = count_runs(job, RUN_STATE_HELD, true);
		int			dispatched = count_runs(job, RUN_STATE_DISPATCHED, false);
		int			waiting = count_runs(job, RUN_STATE_WAITING, false);
		int			total = waiting + dispatched + count_runs(job, RUN_STATE_READY, false) +
			count_runs(job, RUN_STATE_HELD, false);

		wrong[3] += list_length_of(&job->held) != held;
		wrong[3] += list_length_of(&job->dispatched) != dispatched;
		wrong[4] += job->nruns != total || job->nwaiting != waiting ||
			job->ndispatched != dispatched;
	}
}

static void
count_in_queue(JobQueue *queue, void *arg)
{
	int			nready = 0;
	int			ndispatched = 0;

	for (int i = 0; i < RUNS; i++)
	{
		RunEntry   *entry = runs[i] ? run_queue_find(runs[i]) : NULL;

		if (entry == NULL || entry->queue != queue)
			continue;
		nready += entry->state == RUN_STATE_READY || entry->state == RUN_STATE_HELD;
		ndispatched += entry->state == RUN_STATE_DISPATCHED;
	}
	wrong[5] += queue->nready != nready || queue->ndispatched != ndispatched;
	*(int64 *) arg += queue->nready;
}

static void
check_roles(void)
{
	int			listed = 0;

	for (RoleRuns *queue = run_queue_next_role(NULL); queue; queue = run_queue_next_role(queue))
	{
		wrong[6] += queue->nready <= 0 || !queue->listed;
		listed += queue->nready;
	}
	wrong[6] += listed != count_runs(NULL, RUN_STATE_READY, false);
}

static void
check_oldest(void)
{
	int64		oldest = last_id;
	int			n = 0;

	for (int i = 0; i < RUNS; i++)
		if (runs[i])
		{
			oldest = Min(oldest, runs[i]);
			wrong[3] += run_queue_find(runs[i]) == NULL;
			n++;
		}
	wrong[3] += run_queue_count() != n || (n > 0 && run_list_oldest() != oldest);
}

static void
check_all(void)
{
	int64		nready = 0;

	check_jobs();
	run_queue_foreach_queue(count_in_queue, &nready);
	wrong[5] += run_queue_ready_count() != nready;
	check_roles();
	check_oldest();
	run_queue_check();
}

/* A run was taken: could it be? */
static void
check_taken(const RunEntry *entry)
{
	const JobEntry *job = entry->job;
	const QueueLimits *limits = &entry->queue->limits;

	wrong[7] += entry->state != RUN_STATE_DISPATCHED || entry->run.due_at > now;
	wrong[7] += job->ndispatched > job->job.max_instances;
	wrong[7] += !job->job.active && run_waits_for_resume(&entry->run);
	wrong[7] += job->depends && entry->run.trigger != TRIGGER_MANUAL;
	wrong[7] += hooks_only && !hook_family_is_hook(job->job_id);
	wrong[7] += !limits->enabled || entry->queue->blocked;
	wrong[7] += limits->max_concurrency > 0 &&
		entry->queue->ndispatched > limits->max_concurrency;
	if (entry->run.crashes == 0)
		return;
	wrong[8] += entry->run.crashes >= pg_scheduler_crash_limit;
	for (int i = 0; i < RUNS; i++)
	{
		RunEntry   *other = runs[i] ? run_queue_find(runs[i]) : NULL;

		wrong[8] += other != NULL && other != entry && other->run.crashes > 0 &&
			other->state == RUN_STATE_DISPATCHED;
	}
}

static RoleRuns *
some_role(void)
{
	int			role = random_below(ROLES + 1);

	return run_queue_of_role(role == ROLES ? HTTP_QUEUE : FIRST_ROLE + role);
}

/* Before and after a change of a job the scheduler looks at its runs. */
static void
change_job(JobEntry *job)
{
	if (random_below(2) == 0)
		job->job.active = !job->job.active;
	else
		job->depends = !job->depends;
	run_queue_release(job);
}

static void
change_queue(void)
{
	const char *name = queue_names[random_below(lengthof(queue_names))];
	QueueLimits limits = {.stop_deadline = DT_NOEND};

	if (random_below(3) == 0)
	{
		(void) run_queue_set_blocked(name, random_below(3) == 0);
		return;
	}
	limits.enabled = random_below(5) > 0;
	limits.max_concurrency = random_below(4);
	limits.rate_limit = random_below(3) == 0 ? 1 + random_below(5) : 0;
	limits.rate_period = USECS_PER_SEC;
	limits.priority = random_below(2);
	run_queue_set_limits(name, &limits);
}

static void
change_run(int place)
{
	RunEntry   *entry = run_queue_find(runs[place]);
	JobEntry   *job = entry->job;
	Run			next = entry->run;

	next.attempt++;
	next.due_at = now + random_below(3) * USECS_PER_SEC;
	switch (random_below(5))
	{
		case 0:
			run_queue_put_back(entry, &next);
			break;
		case 1:
			if (entry->state == RUN_STATE_DISPATCHED && random_below(2) == 0)
				run_queue_untake(entry);
			break;
		case 2:
			if (entry->state != RUN_STATE_DISPATCHED && random_below(4) == 0)
				run_queue_adopt(entry);
			break;
		default:
			run_queue_remove(entry);
			runs[place] = 0;
			break;
	}
	run_queue_release(job);
}

static void
random_step(void)
{
	int			place = random_below(RUNS);
	RunEntry   *taken;
	Run			run;

	switch (random_below(12))
	{
		case 0:
			change_job(&jobs[random_below(JOBS)]);
			break;
		case 1:
			change_queue();
			break;
		case 2:
			if (random_below(20) == 0)
				run_queue_hooks_only(hooks_only = !hooks_only);
			break;
		case 3:
			now += random_below(USECS_PER_SEC);
			wrong[9] += run_queue_wake(now) <= now;
			break;
		case 4:
		case 5:
		case 6:
			taken = run_queue_take(some_role());
			if (taken != NULL)
				check_taken(taken);
			break;
		default:
			if (runs[place])
			{
				change_run(place);
				break;
			}
			run = new_run(random_below(JOBS), random_below(2),
						  (int64) random_below(3) * USECS_PER_SEC);
			run.crashes = random_below(10) == 0 ? 1 + random_below(3) : 0;
			wrong[3] += run_queue_add(&run, &jobs[run.job_id]) == NULL;
			wrong[3] += run_queue_add(&run, &jobs[run.job_id]) != NULL;
			runs[place] = run.run_id;
			break;
	}
}

/* Everything may go on: does all come out? */
static void
drain(void)
{
	QueueLimits limits = {.enabled = true,.stop_deadline = DT_NOEND};

	for (int i = 0; i < lengthof(queue_names); i++)
	{
		run_queue_set_limits(queue_names[i], &limits);
		(void) run_queue_set_blocked(queue_names[i], false);
	}
	run_queue_hooks_only(hooks_only = false);
	for (int i = 0; i < JOBS; i++)
	{
		jobs[i].job.active = true;
		jobs[i].depends = false;
		run_queue_release(&jobs[i]);
	}
	for (int round = 0; round < 2 * RUNS; round++)
	{
		now += USECS_PER_SEC;
		(void) run_queue_wake(now);
		for (RoleRuns *queue; (queue = run_queue_next_role(NULL)) != NULL;)
			if (run_queue_take(queue) == NULL)
				break;
		for (int i = 0; i < RUNS; i++)
		{
			RunEntry   *entry = runs[i] ? run_queue_find(runs[i]) : NULL;

			if (entry == NULL || entry->state != RUN_STATE_DISPATCHED)
				continue;
			run_queue_remove(entry);
			run_queue_release(&jobs[entry->run.job_id]);
			runs[i] = 0;
		}
	}
	wrong[9] += run_queue_count() != 0;
}

static void
test_invariants(void)
{
	static const char *const names[] = {
		[3] = "a run is in one place",
		[4] = "jobs count their runs",
		[5] = "queues count their runs",
		[6] = "roles with ready runs are listed",
		[7] = "limits are kept",
		[8] = "runs with crashes go one at a time",
		[9] = "no run waits for ever",
	};

	for (int step = 0; step < STEPS; step++)
	{
		if (step % 3000 == 0)
			drain();
		random_step();
		check_all();
	}
	drain();
	for (int i = 3; i < lengthof(names); i++)
		is_number(wrong[i], 0, names[i]);
}

/* A queue with many runs delays one with few by one run for each of these. */
static void
test_turns(void)
{
	RoleRuns  *role;
	int			last_of_few = 0;
	int			n = 0;
	RunEntry   *entry;

	set_up();
	role = run_queue_of_role(FIRST_ROLE);
	jobs[0].job.max_instances = jobs[3].job.max_instances = 1000;
	jobs[3].job.queue = queue_names[1];
	for (int i = 0; i < 105; i++)
	{
		Run			run = new_run(i < 100 ? 6 : 3, 0, 0);

		jobs[6].job.max_instances = 1000;
		(void) run_queue_add(&run, &jobs[run.job_id]);
	}
	while ((entry = run_queue_take(role)) != NULL)
	{
		n++;
		if (entry->job == &jobs[3])
			last_of_few = n;
	}
	is_number(n, 105, "all are taken");
	ok(last_of_few <= 10, "two queues take turns");
}

static void
test_rate(void)
{
	QueueLimits limits = {.enabled = true,.rate_limit = 2,.rate_period = USECS_PER_SEC,
	.stop_deadline = DT_NOEND};
	TimestampTz next;
	RoleRuns  *role;

	set_up();
	role = run_queue_of_role(FIRST_ROLE);
	run_queue_set_limits("default", &limits);
	for (int i = 0; i < 4; i++)
	{
		Run			run = new_run(3, 0, 0);

		jobs[3].job.max_instances = 10;
		jobs[3].job.queue = queue_names[0];
		(void) run_queue_add(&run, &jobs[3]);
	}
	ok(run_queue_take(role) && run_queue_take(role) && !run_queue_take(role),
	   "a rate of two lets two runs go");
	(void) run_queue_wake(now);
	next = run_queue_wake(now);
	ok(next > now && next <= now + USECS_PER_SEC / 2 + 1, "it is known when the next may");
	ok(run_queue_take(role) == NULL, "and not before");
	now = next;
	(void) run_queue_wake(now);
	ok(run_queue_take(role) != NULL && run_queue_take(role) == NULL, "then it goes, alone");
}

/* A run of a job with a grace of so many seconds, as it is scheduled. */
static RunEntry *
add_scheduled(int job, int64 grace)
{
	Run			run = new_run(job, 0, 0);

	run.trigger = TRIGGER_SCHEDULE;
	jobs[job].job.misfire_grace = grace * USECS_PER_SEC;
	return run_queue_add(&run, &jobs[job]);
}

static void
test_grace(void)
{
	RunEntry   *late;
	RunEntry   *later;
	RunEntry   *retried;
	RunEntry   *gone;
	Run			attempt;

	set_up();
	(void) add_scheduled(0, 0);
	ok(run_grace_next() == DT_NOEND, "without a limit no run is watched");
	later = add_scheduled(1, 20);
	late = add_scheduled(2, 10);
	retried = add_scheduled(3, 5);
	gone = add_scheduled(5, 1);
	ok(run_grace_next() == now + USECS_PER_SEC, "the first to be late is known");
	run_queue_remove(gone);
	attempt = retried->run;
	attempt.attempt = 2;
	run_queue_put_back(retried, &attempt);
	ok(run_grace_next() == now + 10 * USECS_PER_SEC, "nor is one watched that has gone, or a retry");
	ok(run_grace_take(now + 10 * USECS_PER_SEC) == NULL, "in time a run is not late");
	now += 11 * USECS_PER_SEC;
	ok(run_grace_take(now) == late, "then it is");
	ok(run_grace_take(now) == NULL, "once");
	attempt = late->run;
	attempt.due_at = now + USECS_PER_SEC;
	run_queue_put_back(late, &attempt);
	ok(run_grace_next() == now + USECS_PER_SEC, "one that is put off is looked at then");
	jobs[1].job.misfire_grace = USECS_PER_SEC;
	run_grace_watch(later);
	ok(run_grace_take(now) == later, "a shorter limit holds at once");
}

int
main(void)
{
	run_queue_init();
	set_up();
	test_invariants();
	test_turns();
	test_rate();
	test_grace();
	memory_free_all();
	return done_testing();
}

/*-------------------------------------------------------------------------
 *
 * repair.c
 *	  Compare what a scheduler knows with its tables, and repair what differs.
 *
 *		every pg_scheduler.repair_interval		  after a second
 *	(resting) ------------------------> looking -----------------> repairing
 *		^									| nothing doubtful	  |
 *		+-----------------------------------+-------------------------+
 *
 * A change can be seen in the tables as soon as it is committed, and the
 * scheduler is told of it a moment later.  So looking, which is a walk over
 * everything, only notes what differs: it is in doubt.  Repairing looks at that
 * again.  What differs still is repaired, and that is reported.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/process.h"
#include "flow/chain.h"
#include "flow/enqueue.h"
#include "flow/repair.h"
#include "flow/settle.h"
#include "shared/own_change.h"
#include "state/alert.h"
#include "state/job_cache.h"
#include "state/walk.h"
#include "table/query.h"
#include "table/query_upkeep.h"

/* What is in doubt is looked at again after: 1 s. */
#define SECOND_LOOK		USECS_PER_SEC

/* By then a run that has finished has been counted, if ever: 60 s. */
#define COUNT_DELAY		(60 * USECS_PER_SEC)

/* Repaired in one slice: fewer than there is room for changes. */
#define REPAIR_BATCH		100

/* Differences that are told of one by one; of more there is the number. */
#define MAX_DETAILS		10

/* More than this are left to a later look. */
#define MAX_DOUBTS		10000

/* A difference that has been seen once: it may be none. */
typedef struct Doubt
{
	int64		id;
	int64		version;		/* of what was seen; another one is another matter */
} Doubt;

typedef struct Doubts
{
	Doubt	   *items;
	int			count;
	int			capacity;
} Doubts;

/* Runs that have got their ids by a time */
typedef struct Mark
{
	int64		run_id;
	TimestampTz at;
} Mark;

static TimestampTz next_look = DT_NOBEGIN;
static TimestampTz next_repair = DT_NOEND;
static Doubts jobs;
static Doubts runs;
static int64 uncounted = 0;
static int64 unplanned = 0;
static int64 stalled = 0;
static int64 differing = 0;
static char details[MAX_DETAILS * 128]; /* of those: sentences */
static Mark older;				/* of two looks, a minute or more apart */
static Mark newer;
static TimestampTz count_since; /* for this look: the end of a run ... */
static int64 count_upto = 0;	/* ... and its id */

static void
add_doubt(Doubts *doubts, int64 id, int64 version)
{
	if (doubts->count == MAX_DOUBTS)
		return;
	if (doubts->count == doubts->capacity)
	{
		doubts->capacity = Max(64, 2 * doubts->capacity);
		doubts->items = doubts->items == NULL ?
			MemoryContextAlloc(TopMemoryContext, doubts->capacity * sizeof(Doubt)) :
			repalloc(doubts->items, doubts->capacity * sizeof(Doubt));
	}
	doubts->items[doubts->count].id = id;
	doubts->items[doubts->count++].version = version;
}

static void
clear_doubts(Doubts *doubts)
{
	if (doubts->items != NULL)
		pfree(doubts->items);
	memset(doubts, 0, sizeof(*doubts));
}

/*
 * Looking
 */

static void
note_job(int64 job_id, JobFault fault, int64 schedule_version, void *arg)
{
	if (fault == JOB_DROPPED)
		*(bool *) arg = true;
	else
		add_doubt(&jobs, job_id, fault == JOB_UNPLANNED ? schedule_version : 0);
}

static bool
look_at_jobs(Walk *walk)
{
	WalkRange	range = walk_range_of_jobs(walk);
	bool		dropped = false;

	query_scan_job_faults(&range, note_job, &dropped);
	if (dropped)
		query_delete_gone_states(&range);
	return walk_to(walk, &range);
}

static void
note_run(int64 run_id)
{
	add_doubt(&runs, run_id, 0);
}

static bool
look_at_pending(Walk *walk)
{
	WalkRange	range = walk_range(walk, "pending_run", "pending_run_pkey");

	settle_find_unknown(range.after, range.upto, note_run);
	return walk_to(walk, &range);
}

static bool
look_at_known(Walk *walk)
{
	bool		anew = walk->at == PG_INT64_MIN;

	walk->at = 0;
	return settle_find_gone(anew, walk->rows, note_run);
}

/*
 * Runs whose id existed two passes ago, and which ended more than a minute
 * before the last pass, are counted already.
 */
static void
begin_count(Walk *walk)
{
	SchedulerMarks marks;
	TimestampTz now = clock_now();

	query_read_marks(&marks);
	walk->at = Max(marks.counted_run_id - 1, older.run_id);
	count_since = older.at - COUNT_DELAY;
	count_upto = query_newest_run();
	if (now - newer.at >= COUNT_DELAY)
	{
		older = newer;
		newer.run_id = count_upto;
		newer.at = now;
	}
}

static bool
look_at_history(Walk *walk)
{
	int64		upto;

	if (walk->at == PG_INT64_MIN)
	{
		begin_count(walk);
		/* what has been counted is to be in the tables by the next slice */
		(void) job_cache_write();
		return true;
	}
	if (walk->at >= count_upto)
		return false;
	upto = Min(walk->at + walk->rows, count_upto);
	uncounted += settle_uncounted_of(walk->at, upto, count_since, clock_now() - COUNT_DELAY);
	walk->at = upto;
	return upto < count_upto;
}

static bool
look_at_ends(Walk *walk)
{
	WalkRange	range = walk_range(walk, "leader_end", "leader_end_pkey");

	chain_look(range.after, range.upto);
	return walk_to(walk, &range);
}

/* Say what was repaired. */
static void
report_repair(int64 count, const char *what, const char *detail)
{
	char	   *message;

	if (count == 0)
	{
		alert_resolve(ALERT_REPAIRED, what);
		return;
	}
	message = psprintf("repaired " INT64_FORMAT " %s", count, what);
	ereport(LOG,
			(errmsg("pg_scheduler repair: %s", message),
			 detail[0] ? errdetail_log("%s", detail) : 0));
	alert_raise(ALERT_REPAIRED, what, 0, InvalidOid, message);
}

static void
report_repairs(void)
{
	report_repair(unplanned, "jobs that had not been planned", "");
	report_repair(stalled, "jobs without a next time", "");
	report_repair(differing, "pending runs that the scheduler did not know or that had gone", details);
	unplanned = stalled = differing = 0;
	details[0] = '\0';
}

static void
end_look(Walk *walk)
{
	report_repair(uncounted, "runs that had not been counted", "");
	uncounted = 0;
	next_look = walk_next_time(walk, (int64) pg_scheduler_repair_interval * USECS_PER_SEC);
	if (jobs.count > 0 || runs.count > 0)
	{
		ereport(DEBUG1,
				(errmsg_internal("pg_scheduler repair: %d jobs and %d runs are in doubt",
								 jobs.count, runs.count)));
		next_repair = clock_now() + SECOND_LOOK;
	}
	else
		report_repairs();
}

static const WalkPart look_parts[] = {
	{"looking at jobs", look_at_jobs},
	{"looking for runs that are not known", look_at_pending},
	{"looking for runs that have gone", look_at_known},
	{"looking for runs that have not been counted", look_at_history},
	{"reading the ends of leaders", look_at_ends}
};
static Walk looking = {look_parts, lengthof(look_parts), end_look};

/*
 * Repairing
 */

/* The scheduler is told of the change again, and does all that follows. */
static void
tell_again(const JobEntry *entry, int64 version)
{
	if (entry->job.schedule_version != version || entry->state.schedule_version == version)
		return;
	own_change_put(CHANGE_JOB, entry->job_id);
	unplanned++;
}

static void
revive(JobEntry *entry)
{
	if (entry->schedule == NULL || entry->nruns > 0 || !entry->job.active ||
		entry->state.next_run_at != DT_NOEND || entry->state.finished ||
		schedule_is(entry->schedule, SCHEDULE_AT_BOOT))
		return;
	entry->state.next_run_at =
		job_next_occurrence(&entry->job, entry->schedule,
							entry->state.last_finished_at == DT_NOBEGIN ?
							clock_now() : entry->state.last_finished_at);
	entry->state.finished = entry->state.next_run_at == DT_NOEND;
	job_cache_touch(entry);
	enqueue_when_due(entry);
	stalled++;
}

static void
repair_doubtful_job(const Doubt *doubt)
{
	JobEntry   *entry = job_cache_get(doubt->id);

	if (entry == NULL || !job_cache_reload(entry))
		return;
	if (doubt->version > 0)
		tell_again(entry, doubt->version);
	else
		revive(entry);
}

/* The doubts of a slice; walk->at is where it begins. */
static bool
next_doubts(Walk *walk, const Doubts *doubts, int *from, int *to)
{
	*from = walk->at == PG_INT64_MIN ? 0 : (int) walk->at;
	*to = Min(*from + Min(walk->rows, REPAIR_BATCH), doubts->count);
	walk->at = *to;
	return *to < doubts->count;
}

static bool
repair_jobs(Walk *walk)
{
	int			from;
	int			to;
	bool		more = next_doubts(walk, &jobs, &from, &to);

	for (int i = from; i < to; i++)
		repair_doubtful_job(&jobs.items[i]);
	(void) job_cache_write();
	return more;
}

static void
add_detail(const char *what)
{
	if (details[0] != '\0')
		strlcat(details, " ", sizeof(details));
	strlcat(details, what, sizeof(details));
}

static bool
repair_runs(Walk *walk)
{
	int			from;
	int			to;
	bool		more = next_doubts(walk, &runs, &from, &to);

	for (int i = from; i < to; i++)
	{
		StringInfoData what;

		initStringInfo(&what);
		if (!settle_repair(runs.items[i].id, &what))
			continue;
		if (differing++ < MAX_DETAILS)
			add_detail(what.data);
	}
	return more;
}

/* What there was no room for is looked for again. */
static void
end_repair(Walk *walk)
{
	if (jobs.count == MAX_DOUBTS || runs.count == MAX_DOUBTS)
		next_look = DT_NOBEGIN;
	clear_doubts(&jobs);
	clear_doubts(&runs);
	report_repairs();
}

static const WalkPart repair_parts[] = {
	{"repairing jobs", repair_jobs},
	{"repairing runs", repair_runs}
};
static Walk repairing = {repair_parts, lengthof(repair_parts), end_repair};

/*
 * The whole
 */

void
repair(TimestampTz now)
{
	if (looking.under_way || repairing.under_way)
		return;
	if (next_repair <= now)
	{
		next_repair = DT_NOEND;
		walk_begin(&repairing);
	}
	else if (next_repair == DT_NOEND && next_look <= now)
		walk_begin(&looking);
}

TimestampTz
repair_next_time(void)
{
	if (looking.under_way || repairing.under_way)
		return DT_NOEND;
	return next_repair == DT_NOEND ? next_look : next_repair;
}

/*
 * Whoever asks for this has looked: it is repaired at once, and its runs are
 * in doubt.
 */
void
repair_job(int64 job_id)
{
	JobEntry   *entry = job_cache_get(job_id);
	int64	   *run_ids;
	int			n;

	Assert(process_is(PROCESS_SCHEDULER));
	Assert(IsTransactionState());
	if (entry == NULL)
		return;
	revive(entry);
	n = query_find_pending_of(job_id, &run_ids);
	for (int i = 0; i < n; i++)
		note_run(run_ids[i]);
	next_repair = Min(next_repair, clock_now() + SECOND_LOOK);
}

void
repair_reset(void)
{
	next_look = DT_NOBEGIN;
	next_repair = DT_NOEND;
	clear_doubts(&jobs);
	clear_doubts(&runs);
	uncounted = unplanned = stalled = differing = 0;
	details[0] = '\0';
	older.run_id = newer.run_id = 0;
	older.at = newer.at = clock_now();
}

/*-------------------------------------------------------------------------
 *
 * job_cache.c
 *	  The jobs that a scheduler has to do with right now.
 *
 * An entry has three parts:
 *
 *	job, schedule	the definition, less what only workers need.  Read with the
 *					entry, and again when we are told of a change.
 *	state			the row of job_state.  Nobody else writes that row while a
 *					job runs, so the entry is the truth and the row follows.
 *	held,			the runs of the job, which run_queue.c keeps here.
 *	dispatched
 *
 * A state that has changed is dirty (job_cache_touch).  It is written in the
 * transaction of who calls job_cache_write() or job_cache_write_these();
 * job_cache_written() says how that ended.  After an abort it is dirty still.
 *
 * An entry stays while it has runs, is dirty or catches up.  Above CACHE_LIMIT entries
 * job_cache_trim() forgets the others, so no pointer to an entry is kept across
 * it, except by runs.
 *
 * After an error job_cache_reset() forgets everything, dirty states too.  The
 * tables make up for that: settle_uncounted() counts again what they lack, and a
 * job whose next time was not written is still due at the old one.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "state/dependency_graph.h"
#include "state/job_cache.h"
#include "state/run_queue.h"
#include "table/query.h"
#include "table/store.h"

/* above this, entries that are idle are forgotten */
#define CACHE_LIMIT		10000

/* A calendar that some job in the cache refers to */
typedef struct CachedCalendar
{
	char	   *name;
	Calendar   *calendar;
} CachedCalendar;

static MemoryContext cache_context = NULL;
static MemoryContext calendar_context = NULL;
static List *calendars = NIL;
static HTAB *cache = NULL;
static dlist_head dirty_entries;	/* oldest first */
static int	ndirty = 0;
static int	trim_at = CACHE_LIMIT;	/* look for idle entries above this */
static JobEntry **writing = NULL;	/* written, not yet committed */
static int	nwriting = 0;

void
job_cache_init(void)
{
	HASHCTL		ctl = {.keysize = sizeof(int64), .entrysize = sizeof(JobEntry)};

	cache_context = AllocSetContextCreate(TopMemoryContext, "pg_scheduler jobs",
										  ALLOCSET_DEFAULT_SIZES);
	calendar_context = AllocSetContextCreate(cache_context, "pg_scheduler calendars",
											 ALLOCSET_SMALL_SIZES);
	ctl.hcxt = cache_context;
	cache = hash_create("pg_scheduler jobs", 256, &ctl,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	dlist_init(&dirty_entries);
	ndirty = 0;
	writing = NULL;
	nwriting = 0;
	calendars = NIL;
}

void
job_cache_reset(void)
{
	MemoryContextDelete(cache_context);
	job_cache_init();
}

static char *
keep_string(const char *string)
{
	return string ? MemoryContextStrdup(cache_context, string) : NULL;
}

static void
free_definition(JobEntry *entry)
{
	if (entry->schedule)
		pfree(entry->schedule);
	if (entry->catch_up)
		pfree(entry->catch_up);
	if (entry->job.queue)
		pfree(entry->job.queue);
	if (entry->job.calendar)
		pfree(entry->job.calendar);
	entry->schedule = NULL;
	entry->catch_up = NULL;
	entry->job.queue = NULL;
	entry->job.calendar = NULL;
}

/* A calendar by its name.  It is kept until some calendar changes. */
static const Calendar *
find_calendar(const char *name)
{
	MemoryContext oldcontext;
	CachedCalendar *cached;
	Calendar   *calendar;
	ListCell   *lc;

	if (name == NULL)
		return NULL;
	foreach(lc, calendars)
	{
		cached = lfirst(lc);
		if (strcmp(cached->name, name) == 0)
			return cached->calendar;
	}
	oldcontext = MemoryContextSwitchTo(calendar_context);
	calendar = query_read_calendar(name);
	cached = palloc(sizeof(CachedCalendar));
	cached->name = pstrdup(name);
	cached->calendar = calendar;
	calendars = lappend(calendars, cached);
	MemoryContextSwitchTo(oldcontext);
	return calendar;
}

/*
 * Keep of a definition what a scheduler needs.  A schedule that is valid no
 * longer leaves the job without a next time; repair reports it.
 */
static void
keep_definition(JobEntry *entry, const Job *job)
{
	const Calendar *open_times = find_calendar(job->calendar);
	MemoryContext oldcontext = MemoryContextSwitchTo(cache_context);
	ScheduleError error;

	free_definition(entry);
	entry->job = *job;
	entry->job.open_times = open_times;
	entry->schedule = job_parse_schedule(job, &error);
	entry->job.schedule = NULL;
	entry->job.timezone = NULL;
	entry->job.command = NULL;
	entry->job.args = NULL;
	entry->job.settings = NULL;
	entry->job.request = NULL;
	entry->job.retry_on = NULL;
	entry->job.queue = keep_string(job->queue);
	entry->job.calendar = keep_string(job->calendar);
	MemoryContextSwitchTo(oldcontext);
}

JobEntry *
job_cache_peek(int64 job_id)
{
	return hash_search(cache, &job_id, HASH_FIND, NULL);
}

static JobEntry *
add_entry(const Job *job, const JobState *state)
{
	JobEntry   *entry = hash_search(cache, &job->job_id, HASH_ENTER, NULL);

	memset((char *) entry + sizeof(int64), 0, sizeof(JobEntry) - sizeof(int64));
	dlist_init(&entry->held);
	dlist_init(&entry->dispatched);
	entry->state = *state;
	entry->depends = dependency_graph_holds_job(job->job_id);
	keep_definition(entry, job);
	return entry;
}

/* Are these in ascending order, and at least a tenth of all in their range? */
static bool
is_dense(const int64 *job_ids, int count)
{
	for (int i = 1; i < count; i++)
		if (job_ids[i] < job_ids[i - 1])
			return false;
	return count > 1 && job_ids[count - 1] - job_ids[0] <= 10 * (int64) count;
}

void
job_cache_get_many(const int64 *job_ids, int count, JobEntry **entries)
{
	StoreReader *reader = NULL;

	Assert(IsTransactionState());
	for (int i = 0; i < count; i++)
	{
		Job			job;
		JobState	state;

		entries[i] = job_cache_peek(job_ids[i]);
		if (entries[i] != NULL)
		{
			if (entries[i]->dropped)
				entries[i] = NULL;
			continue;
		}
		if (reader == NULL)
			reader = store_begin_read(is_dense(job_ids, count));
		if (store_read_both(reader, job_ids[i], &job, &state))
			entries[i] = add_entry(&job, &state);
	}
	if (reader != NULL)
		store_end_read(reader);
}

JobEntry *
job_cache_get(int64 job_id)
{
	JobEntry   *entry;

	job_cache_get_many(&job_id, 1, &entry);
	return entry;
}

bool
job_cache_reload(JobEntry *entry)
{
	Job			job;

	Assert(IsTransactionState());
	entry->dropped = !store_read_job(entry->job_id, NULL, &job);
	if (!entry->dropped)
		keep_definition(entry, &job);
	return !entry->dropped;
}

void
job_cache_reload_calendars(void)
{
	HASH_SEQ_STATUS status;
	JobEntry   *entry;

	Assert(IsTransactionState());
	calendars = NIL;
	MemoryContextReset(calendar_context);
	hash_seq_init(&status, cache);
	while ((entry = hash_seq_search(&status)) != NULL)
		entry->job.open_times = NULL;
	hash_seq_init(&status, cache);
	while ((entry = hash_seq_search(&status)) != NULL)
		entry->job.open_times = find_calendar(entry->job.calendar);
}

int
job_cache_concurrency(const JobEntry *entry)
{
	return entry->job.overlap == OVERLAP_ALLOW ? entry->job.max_instances : 1;
}

bool
job_cache_is_exhausted(const JobEntry *entry)
{
	return entry->job.max_runs > 0 && entry->state.runs >= entry->job.max_runs;
}

void
job_cache_touch(JobEntry *entry)
{
	if (entry->dirty || entry->dropped)
		return;
	entry->dirty = true;
	dlist_push_tail(&dirty_entries, &entry->dirty_node);
	ndirty++;
}

int
job_cache_dirty_count(void)
{
	return ndirty;
}

static void
clean(JobEntry *entry)
{
	if (!entry->dirty)
		return;
	entry->dirty = false;
	dlist_delete(&entry->dirty_node);
	ndirty--;
}

/*
 * Make room to note what is being written.  What was written before in the
 * same transaction is dirty still, and counts again if it is written again.
 */
static void
begin_write(int max)
{
	job_cache_written(false);
	if (writing != NULL)
		pfree(writing);
	writing = MemoryContextAlloc(cache_context, Max(max, 1) * sizeof(JobEntry *));
	nwriting = 0;
}

static void
add_write(JobEntry *entry)
{
	if (entry->writing)
		return;
	entry->writing = true;
	writing[nwriting++] = entry;
}

/*
 * The ids of the runs of a job that are dispatched, and the numbers of their
 * attempts, palloc'd; NULL when there are none.
 */
static void
list_open_attempts(JobEntry *job, ArrayType **run_ids, ArrayType **attempts)
{
	Datum	   *ids;
	Datum	   *numbers;
	int			n = 0;
	dlist_iter	iter;

	*run_ids = *attempts = NULL;
	if (job->ndispatched == 0)
		return;
	ids = palloc(job->ndispatched * sizeof(Datum));
	numbers = palloc(job->ndispatched * sizeof(Datum));
	dlist_foreach(iter, &job->dispatched)
	{
		RunEntry   *entry = dlist_container(RunEntry, job_node, iter.cur);

		ids[n] = Int64GetDatum(entry->run_id);
		numbers[n++] = Int32GetDatum(entry->run.attempt);
	}
	*run_ids = construct_array(ids, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
							   TYPALIGN_DOUBLE);
	*attempts = construct_array(numbers, n, INT4OID, sizeof(int32), true, TYPALIGN_INT);
}

static void
write_noted(void)
{
	JobState  **states = palloc(Max(nwriting, 1) * sizeof(JobState *));

	for (int i = 0; i < nwriting; i++)
	{
		JobEntry   *entry = writing[i];

		states[i] = &entry->state;
		/* the only run of a job ends later than those that are counted */
		if (entry->ndispatched > 1 || job_cache_concurrency(entry) > 1)
			list_open_attempts(entry, &entry->state.open_runs,
							   &entry->state.open_attempts);
	}
	if (nwriting > 0)
		store_write_job_states(states, nwriting);
	for (int i = 0; i < nwriting; i++)
		states[i]->open_runs = states[i]->open_attempts = NULL;
	pfree(states);
}

int
job_cache_write(void)
{
	dlist_iter	iter;

	Assert(IsTransactionState());
	begin_write(ndirty);
	dlist_foreach(iter, &dirty_entries)
		add_write(dlist_container(JobEntry, dirty_node, iter.cur));
	write_noted();
	return nwriting;
}

void
job_cache_write_these(JobEntry **entries, int count)
{
	Assert(IsTransactionState());
	begin_write(count);
	for (int i = 0; i < count; i++)
		add_write(entries[i]);
	write_noted();
}

void
job_cache_written(bool committed)
{
	Assert(!committed || !IsTransactionState());
	for (int i = 0; i < nwriting; i++)
	{
		writing[i]->writing = false;
		if (committed)
			clean(writing[i]);
	}
	nwriting = 0;
}

void
job_cache_trim(void)
{
	HASH_SEQ_STATUS status;
	JobEntry   *entry;

	if (hash_get_num_entries(cache) <= trim_at)
		return;
	hash_seq_init(&status, cache);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->nruns > 0 || entry->dirty || entry->catch_up != NULL)
			continue;
		free_definition(entry);
		hash_search(cache, &entry->job_id, HASH_REMOVE, NULL);
	}

	/* many may be busy: do not look again before there are twice as many */
	trim_at = Max(CACHE_LIMIT, 2 * hash_get_num_entries(cache));
}

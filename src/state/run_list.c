/*-------------------------------------------------------------------------
 *
 * run_list.c
 *	  Runs in the order of their ids.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "state/run_list.h"

/* A run is late when more than so many came that got their ids after it. */
#define MAX_STEPS	100

static dlist_head all_runs;		/* by run_id, ascending, but for ... */
static dlist_head late_runs;	/* ... those that came long after they got theirs */
static dlist_node *visit_next = NULL;	/* where run_list_visit() goes on */
static int64 newest_run = 0;	/* greatest run_id that was ever added */

void
run_list_init(void)
{
	dlist_init(&all_runs);
	dlist_init(&late_runs);
	visit_next = NULL;
}

static RunEntry *
listed_run(dlist_node *node)
{
	return dlist_container(RunEntry, all_node, node);
}

/*
 * Runs that clients add come in about the order of their ids, as transactions
 * commit.
 */
void
run_list_add(RunEntry *entry)
{
	dlist_node *before = &all_runs.head;	/* the end of a list that is a ring */
	int			steps = 0;

	newest_run = Max(newest_run, entry->run_id);
	while (dlist_has_prev(&all_runs, before) &&
		   listed_run(dlist_prev_node(&all_runs, before))->run_id > entry->run_id &&
		   steps++ < MAX_STEPS)
		before = dlist_prev_node(&all_runs, before);
	entry->late = steps > MAX_STEPS;
	if (entry->late)
		dlist_push_tail(&late_runs, &entry->all_node);
	else
		dlist_insert_before(before, &entry->all_node);
}

static dlist_node *
first_of(dlist_head *list)
{
	return dlist_is_empty(list) ? NULL : dlist_head_node(list);
}

static dlist_node *
first_run(void)
{
	return dlist_is_empty(&all_runs) ? first_of(&late_runs) : dlist_head_node(&all_runs);
}

/* The one after a run, or NULL */
static dlist_node *
next_run(dlist_node *node)
{
	bool		late = listed_run(node)->late;
	dlist_head *list = late ? &late_runs : &all_runs;

	if (dlist_has_next(list, node))
		return dlist_next_node(list, node);
	return late ? NULL : first_of(&late_runs);
}

void
run_list_remove(RunEntry *entry)
{
	if (visit_next == &entry->all_node)
		visit_next = next_run(visit_next);
	dlist_delete(&entry->all_node);
}

bool
run_list_visit(bool anew, int count, void (*callback) (RunEntry *entry, void *arg), void *arg)
{
	if (anew)
		visit_next = first_run();
	for (; count > 0 && visit_next != NULL; count--)
	{
		callback(listed_run(visit_next), arg);
		visit_next = next_run(visit_next);
	}
	return visit_next != NULL;
}

int64
run_list_oldest(void)
{
	int64		oldest = newest_run;
	dlist_iter	iter;

	if (!dlist_is_empty(&all_runs))
		oldest = listed_run(dlist_head_node(&all_runs))->run_id;
	dlist_foreach(iter, &late_runs)
		oldest = Min(oldest, listed_run(iter.cur)->run_id);
	return oldest;
}

/*-------------------------------------------------------------------------
 *
 * hook_family.c
 *	  Which job a hook serves, and which of them may run.
 *
 * See hook_family.h.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "state/hook_family.h"

static MemoryContext family_context = NULL;
static HTAB *families = NULL;	/* NULL: there are no hooks */
static HTAB *members = NULL;
static dlist_head dirty_families = DLIST_STATIC_INIT(dirty_families);

static void
make_tables(void)
{
	HASHCTL		ctl = {.keysize = sizeof(int64), .entrysize = sizeof(HookFamily)};

	if (family_context == NULL)
		family_context = AllocSetContextCreate(TopMemoryContext, "pg_scheduler hooks",
											   ALLOCSET_DEFAULT_SIZES);
	ctl.hcxt = family_context;
	families = hash_create("pg_scheduler families", 64, &ctl,
						   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	ctl.entrysize = sizeof(HookMember);
	members = hash_create("pg_scheduler hooks", 64, &ctl,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
hook_family_reset(void)
{
	if (families != NULL)
		MemoryContextReset(family_context);
	families = members = NULL;
	dlist_init(&dirty_families);
}

HookFamily *
hook_family_add(int64 job_id, HookEvent event, int64 hook_job_id)
{
	HookFamily *family;
	HookMember *member;
	bool		found;

	if (families == NULL)
		make_tables();
	family = hash_search(families, &job_id, HASH_ENTER, &found);
	if (!found)
		memset((char *) family + sizeof(int64), 0, sizeof(HookFamily) - sizeof(int64));
	family->hooks[event] = hook_job_id;
	member = hash_search(members, &hook_job_id, HASH_ENTER, NULL);
	member->serves = job_id;
	member->event = event;
	return family;
}

bool
hook_family_any(void)
{
	return families != NULL;
}

HookFamily **
hook_family_list(int *n)
{
	HASH_SEQ_STATUS status;
	HookFamily *family;
	HookFamily **list;

	*n = 0;
	if (families == NULL)
		return NULL;
	list = palloc(hash_get_num_entries(families) * sizeof(HookFamily *));
	hash_seq_init(&status, families);
	while ((family = hash_seq_search(&status)) != NULL)
		list[(*n)++] = family;
	return list;
}

HookFamily **
hook_family_take_dirty(int *n)
{
	HookFamily **list;

	*n = 0;
	if (dlist_is_empty(&dirty_families))
		return NULL;
	list = palloc(hash_get_num_entries(families) * sizeof(HookFamily *));
	while (!dlist_is_empty(&dirty_families))
	{
		HookFamily *family = dlist_container(HookFamily, node,
											 dlist_pop_head_node(&dirty_families));

		family->dirty = false;
		list[(*n)++] = family;
	}
	return list;
}

HookFamily *
hook_family_find(int64 job_id)
{
	return families == NULL ? NULL : hash_search(families, &job_id, HASH_FIND, NULL);
}

HookMember *
hook_family_find_member(int64 job_id)
{
	return members == NULL ? NULL : hash_search(members, &job_id, HASH_FIND, NULL);
}

bool
hook_family_is_hook(int64 job_id)
{
	return hook_family_find_member(job_id) != NULL;
}

void
hook_family_set_dirty(HookFamily *family)
{
	if (family->dirty)
		return;
	family->dirty = true;
	dlist_push_tail(&dirty_families, &family->node);
}

void
hook_family_moved(int64 job_id)
{
	HookMember *member;
	HookFamily *family;

	if (families == NULL)
		return;
	member = hook_family_find_member(job_id);
	family = hook_family_find(member != NULL ? member->serves : job_id);
	if (family != NULL)
		hook_family_set_dirty(family);
}

/*
 * Who may run
 */

int
hook_family_runs(const HookFamily *family, HookEvent event, int *dispatched)
{
	JobEntry   *entry = family->hooks[event] ? job_cache_peek(family->hooks[event]) : NULL;

	*dispatched = entry ? entry->ndispatched : 0;
	return entry ? entry->nruns : 0;
}

bool
hook_family_waits(const HookFamily *family)
{
	int			dispatched;

	return hook_family_runs(family, HOOK_START, &dispatched) > 0 ||
		hook_family_runs(family, HOOK_STOP, &dispatched) > 0 ||
		hook_family_runs(family, HOOK_CLEANUP, &dispatched) > 0;
}

/* Neither the job nor another hook of it may be under way. */
static bool
hook_may_run(const HookFamily *family, HookEvent event)
{
	JobEntry   *job = job_cache_peek(family->job_id);
	int			dispatched;

	if (event == HOOK_HEALTH_CHECK)
		return true;
	if (job != NULL && job->ndispatched > 0)
		return false;
	for (int i = 0; i < HOOK_HEALTH_CHECK; i++)
	{
		(void) hook_family_runs(family, i, &dispatched);
		if (i != (int) event && dispatched > 0)
			return false;
	}
	return true;
}

bool
hook_family_admits(const JobEntry *entry)
{
	HookMember *member;
	HookFamily *family;

	if (families == NULL)
		return true;
	member = hook_family_find_member(entry->job_id);
	family = hook_family_find(member ? member->serves : entry->job_id);
	if (family == NULL)
		return true;
	return member ? hook_may_run(family, member->event) : !hook_family_waits(family);
}

bool
hook_family_pending(void)
{
	HASH_SEQ_STATUS status;
	HookFamily *family;
	bool		result = false;

	if (families == NULL)
		return false;
	hash_seq_init(&status, families);
	while ((family = hash_seq_search(&status)) != NULL)
		result |= hook_family_waits(family);
	return result;
}

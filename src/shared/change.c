/*-------------------------------------------------------------------------
 *
 * change.c
 *	  Tell the scheduler what a transaction has changed, when it commits.
 *
 * What a rolled back subtransaction has noted is told all the same.  It does
 * no harm: the scheduler looks, and finds nothing changed.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"

#include "base/process.h"
#include "shared/change.h"
#include "shared/own_change.h"

/* A transaction with more changes has the scheduler read everything. */
#define MAX_NOTES	256

static Change notes[MAX_NOTES];
static int	nnotes = 0;
static bool everything = false;

void
change_note(ChangeKind kind, int64 id)
{
	if (!shmem_available() || everything)
		return;
	if (process_is(PROCESS_SCHEDULER))
	{
		own_change_put(kind, id);
		return;
	}
	if (nnotes > 0 && notes[nnotes - 1].kind == kind && notes[nnotes - 1].id == id)
		return;
	if (kind == CHANGE_ALL || nnotes == MAX_NOTES)
	{
		everything = true;
		return;
	}
	notes[nnotes].kind = kind;
	notes[nnotes++].id = id;
}

static void
forget_notes(void)
{
	nnotes = 0;
	everything = false;
}

static void
tell_notes(void)
{
	if (everything)
	{
		shmem_put_change(MyDatabaseId, CHANGE_ALL, 0);
		shmem_put_change(MyDatabaseId, CHANGE_CONTROL, 0);
	}
	else
	{
		/* who sees a new job must know what it depends on */
		for (int i = 0; i < nnotes; i++)
			if (notes[i].kind == CHANGE_DEPENDENCIES)
				shmem_put_change(MyDatabaseId, notes[i].kind, notes[i].id);
		for (int i = 0; i < nnotes; i++)
			if (notes[i].kind != CHANGE_DEPENDENCIES)
				shmem_put_change(MyDatabaseId, notes[i].kind, notes[i].id);
	}
}

/* Would what we have to tell be found out without us, if a little later? */
static bool
can_be_missed(void)
{
	for (int i = 0; i < nnotes; i++)
		if (notes[i].kind != CHANGE_ALERTS)
			return false;
	return !everything;
}

static void
send_changes_at_transaction_end(XactEvent event, void *arg)
{
	if (nnotes == 0 && !everything)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			tell_notes();
			forget_notes();
			break;
		case XACT_EVENT_ABORT:
			forget_notes();
			break;
		case XACT_EVENT_PREPARE:
			forget_notes();
			break;
		case XACT_EVENT_PRE_PREPARE:
			if (can_be_missed())
				break;
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot PREPARE a transaction that has changed scheduled jobs")));
			break;
		default:
			break;
	}
}

void
change_init(void)
{
	RegisterXactCallback(send_changes_at_transaction_end, NULL);
}

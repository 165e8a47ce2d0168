/*-------------------------------------------------------------------------
 *
 * session_reset.c
 *	  Make a worker's session as good as new.
 *
 * The steps are those of DISCARD ALL but one: cached plans stay.  They belong
 * to no session state, and they are what makes the next run fast.  DISCARD ALL
 * leaves what setseed() has set; the next run must not find it.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/async.h"
#include "commands/prepare.h"
#include "commands/sequence.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

#include "base/process.h"
#include "execute/session_reset.h"

/* What SET ROLE has been given, by ALTER ROLE ... SET role, at the beginning */
static Oid	first_user;
static Oid	first_role;

void
session_reset_init(void)
{
	first_user = GetUserId();
	first_role = GetCurrentRoleId();
}

/* Has the run become, or asked to be, another role? */
static bool
identity_changed(Oid role)
{
	return GetUserId() != first_user || GetSessionUserId() != role ||
		GetCurrentRoleId() != first_role;
}

void
session_reset(Oid role)
{
	Oid			temp_namespace;
	Oid			temp_toast_namespace;

	Assert(process_is(PROCESS_WORKER));
	Assert(!IsTransactionState());
	StartTransactionCommand();
	PortalHashTableDeleteAll();
	if (identity_changed(role))
	{
		SetPGVariable("session_authorization", NIL, false);
		SetPGVariable("role", NIL, false);
	}
	ResetAllOptions();
	DropAllPreparedStatements();
	Async_UnlistenAll();
	LockReleaseAll(USER_LOCKMETHOD, true);
	GetTempNamespaceState(&temp_namespace, &temp_toast_namespace);
	if (OidIsValid(temp_namespace))
	{
		/* rows of the catalog may have values out of line */
		PushActiveSnapshot(GetTransactionSnapshot());
		ResetTempTableNamespace();
		PopActiveSnapshot();
	}
	ResetSequenceCaches();
	(void) DirectFunctionCall1(setseed, Float8GetDatum(pg_prng_double(&pg_global_prng_state)));
	CommitTransactionCommand();
}

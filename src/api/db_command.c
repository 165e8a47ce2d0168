/*-------------------------------------------------------------------------
 *
 * db_command.c
 *	  Make way for commands on databases, on the extension, and on roles.
 *
 * DROP DATABASE, CREATE DATABASE ... TEMPLATE, ALTER DATABASE ... RENAME and
 * SET TABLESPACE need a database without connections; DROP EXTENSION and
 * ALTER EXTENSION ... UPDATE change the ground that our processes stand on.
 * Before such a command the database is quiesced: its processes leave, and
 * none is started until the transaction of the command is over.  When jobs are
 * restored from a dump, that is when the restore is (restorer.h).
 *
 * ALTER ROLE and ALTER DATABASE ... SET change what sessions begin with, and
 * so workers begin anew.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "api/db_command.h"
#include "api/ddl_guard.h"
#include "base/compat.h"
#include "shared/change.h"
#include "shared/restorer.h"
#include "shared/shmem.h"
#include "shared/worker_slot.h"
#include "table/extension.h"
#include "table/query.h"
#include "table/secret.h"

/* Runs may go on this long before they are stopped, to be done again: 5 s. */
#define QUIESCE_GRACE		(5 * USECS_PER_SEC)

/* After this the command goes ahead, and meets whom it meets: 15 s. */
#define QUIESCE_TIMEOUT		(15 * USECS_PER_SEC)

static ProcessUtility_hook_type prev_process_utility = NULL;
static object_access_hook_type prev_object_access = NULL;

/* Databases that this transaction has quiesced */
#define MAX_QUIESCED	8
static Oid	quiesced[MAX_QUIESCED];
static int	nquiesced = 0;

/* What else this transaction has done */
static List *extensions_created = NIL;	/* in TopTransactionContext */
static bool extension_dropped = false;	/* ours */
static bool databases_changed = false;
static bool has_restored = false;	/* in this session */
static bool restored_in_block = false;	/* the restore is this transaction */
static bool restores_ended = false; /* by scheduler.start() */

/* Settings of roles or databases changed by this transaction */
static bool session_defaults_changed = false;

/* A database whose scheduler has to begin with other settings */
static Oid	restart_scheduler_of = InvalidOid;

/*
 * Ask the processes of a database to leave; stop their runs if "force".
 * Returns how many are left.
 */
static int
ask_processes_to_leave(Oid database, bool force)
{
	Database   *db;
	int			left = 0;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	db = shmem_find_database(database);
	if (db != NULL && db->scheduler.pid != 0)
	{
		left++;
		process_wake(&db->scheduler);
	}
	if (db != NULL && db->http.pid != 0)
	{
		left++;
		db->http_drop |= force;
		process_wake(&db->http);
	}
	foreach_worker_slot(slot)
	{
		if (slot->database != database || slot->process.pid == 0 ||
			!worker_slot_is_alive(slot) || slot->process.pid == MyProcPid)
			continue;
		left++;
		worker_slot_send_away(slot, force);
	}
	LWLockRelease(scheduler_shared->lock);
	return left;
}

static void
wait_for_processes(Oid database)
{
	TimestampTz start = GetCurrentTimestamp();

	Assert(!shmem_locked());
	ConditionVariablePrepareToSleep(&scheduler_shared->process_left);
	for (;;)
	{
		int64		waited = GetCurrentTimestamp() - start;

		if (ask_processes_to_leave(database, waited >= QUIESCE_GRACE) == 0 ||
			waited >= QUIESCE_TIMEOUT)
			break;
		ConditionVariableTimedSleep(&scheduler_shared->process_left, 1000,
									compat_wait_event("PgSchedulerQuiesce"));
	}
	ConditionVariableCancelSleep();
}

static void
quiesce(Oid database)
{
	Database   *db;
	bool		known;

	if (nquiesced == MAX_QUIESCED)
		return;
	for (int i = 0; i < nquiesced; i++)
		if (quiesced[i] == database)
			return;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	db = shmem_find_database(database);
	known = (db != NULL);
	if (known)
		db->quiesced++;
	LWLockRelease(scheduler_shared->lock);
	if (!known)
		return;
	quiesced[nquiesced++] = database;
	wait_for_processes(database);
}

static void
release_quiesced(void)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < nquiesced; i++)
	{
		Database   *db = shmem_find_database(quiesced[i]);

		if (db != NULL && db->quiesced > 0)
			db->quiesced--;
	}
	LWLockRelease(scheduler_shared->lock);
	nquiesced = 0;
}

static void
end_restore(void)
{
	Database   *db;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	db = shmem_find_database(MyDatabaseId);
	if (db != NULL)
		restorer_leave(db, MyProcPid);
	LWLockRelease(scheduler_shared->lock);
	shmem_wake_launcher(true);
}

static void
end_restore_at_exit(int code, Datum arg)
{
	end_restore();
}

/* After scheduler.start(): no restore keeps the database quiet. */
static void
end_restores(void)
{
	Database   *db;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	db = shmem_find_database(MyDatabaseId);
	if (db != NULL)
		restorer_leave_all(db);
	LWLockRelease(scheduler_shared->lock);
	shmem_wake_launcher(true);
}

void
db_command_end_restores(void)
{
	restores_ended = true;
}

void
db_command_restore(void)
{
	TimestampTz give_up = GetCurrentTimestamp() + QUIESCE_TIMEOUT;
	bool		known = false;
	bool		begun = false;

	if (MyBackendType != B_BACKEND)
		return;
	do
	{
		Database   *db;

		LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
		db = shmem_find_database(MyDatabaseId);
		known = (db != NULL);
		begun = known && restorer_enter(db);
		LWLockRelease(scheduler_shared->lock);
		if (!known)
		{
			/* a new database: the launcher has not seen it yet */
			CHECK_FOR_INTERRUPTS();
			pg_usleep(10 * 1000L);
		}
	} while (!known && GetCurrentTimestamp() < give_up);
	if (!begun)
		return;
	if (!has_restored)
		before_shmem_exit(end_restore_at_exit, (Datum) 0);
	has_restored = true;
	restored_in_block |= IsTransactionBlock();
	shmem_wake_launcher(false); /* it looks whether this session is idle */
	wait_for_processes(MyDatabaseId);
}

/* Its triggers, which see to INSERTs, may be disabled for the restore. */
static bool
restores_jobs(CopyStmt *stmt)
{
	return stmt->is_from && stmt->relation != NULL &&
		stmt->relation->schemaname != NULL &&
		strcmp(stmt->relation->schemaname, "scheduler") == 0 &&
		strcmp(stmt->relation->relname, "job") == 0 &&
		superuser() && extension_exists();
}

/*
 * The extension may have come: the launcher is to look again.  It has gone:
 * its scheduler leaves, and the next one finds out.
 */
static void
reread_databases(void)
{
	Database   *db;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	db = shmem_find_database(MyDatabaseId);
	if (db != NULL && extensions_created != NIL)
	{
		db->extension_events++;
		if (db->state == DATABASE_ABSENT)
		{
			db->state = DATABASE_PRESENT;
			db->error[0] = '\0';
			db->missing_since = GetCurrentTimestamp();
		}
	}
	else if (extensions_created != NIL)
		scheduler_shared->extension_elsewhere = true;
	if (db != NULL && extension_dropped)
		shmem_forget_runs(db);
	if (db != NULL && db->scheduler.pid != 0 && extension_dropped)
		kill(db->scheduler.pid, SIGTERM);
	LWLockRelease(scheduler_shared->lock);
}

/*
 * Have all workers leave after the run in hand: a session keeps the settings
 * of its role and database that it has begun with, and jobs shall see the new
 * ones without waiting for a worker that happens to be replaced.
 */
static void
replace_workers(void)
{
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	foreach_worker_slot(slot)
	{
		if (slot->process.pid != 0 && worker_slot_is_alive(slot))
			worker_slot_ask_to_leave(slot);
	}
	LWLockRelease(scheduler_shared->lock);
}

/* A process keeps the settings of its database that it has begun with. */
static void
restart_scheduler(Oid database)
{
	Database   *db;

	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	db = shmem_find_database(database);
	if (db != NULL && db->scheduler.pid != 0)
		kill(db->scheduler.pid, SIGTERM);
	LWLockRelease(scheduler_shared->lock);
}

/*
 * Nobody would tell the launcher at COMMIT PREPARED that the extension has come
 * or gone.
 */
static void
check_prepare(void)
{
	Oid			extension = InvalidOid;

	if (extensions_created != NIL)
		extension = get_extension_oid("pg_scheduler", true);
	if (extension_dropped ||
		(OidIsValid(extension) && list_member_oid(extensions_created, extension)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot PREPARE a transaction that has created or dropped extension \"pg_scheduler\"")));
}

static void
release_at_transaction_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_PREPARE)
		check_prepare();
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;
	if (session_defaults_changed && event == XACT_EVENT_COMMIT)
		replace_workers();
	session_defaults_changed = false;
	if (OidIsValid(restart_scheduler_of) && event == XACT_EVENT_COMMIT)
		restart_scheduler(restart_scheduler_of);
	restart_scheduler_of = InvalidOid;
	if (restored_in_block)
		end_restore();
	restored_in_block = false;
	if (restores_ended && event == XACT_EVENT_COMMIT)
		end_restores();
	restores_ended = false;
	if (nquiesced == 0 && extensions_created == NIL && !extension_dropped &&
		!databases_changed)
		return;
	if (event == XACT_EVENT_COMMIT)
		reread_databases();
	release_quiesced();
	extensions_created = NIL;
	extension_dropped = false;
	databases_changed = false;
	shmem_wake_launcher(true);
}

/*
 * Which database a command needs empty, provided that the user may execute
 * the command at all: others must not be able to stop our processes with a
 * command that is going to be refused.
 */
static Oid
database_if_owned(const char *name)
{
	Oid			oid = name ? get_database_oid(name, true) : InvalidOid;

	if (OidIsValid(oid) && !compat_database_ownercheck(oid, GetUserId()))
		return InvalidOid;
	return oid;
}

static Oid
template_of(CreatedbStmt *stmt)
{
	ListCell   *lc;
	HeapTuple	tuple;
	bool		may_create;

	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	may_create = superuser() || ((Form_pg_authid) GETSTRUCT(tuple))->rolcreatedb;
	ReleaseSysCache(tuple);
	if (!may_create)
		return InvalidOid;

	foreach(lc, stmt->options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "template") == 0 && option->arg != NULL)
			return database_if_owned(defGetString(option));
	}
	return InvalidOid;
}

static bool
sets_tablespace(AlterDatabaseStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->options)
	{
		if (strcmp(lfirst_node(DefElem, lc)->defname, "tablespace") == 0)
			return true;
	}
	return false;
}

/* Is it our extension, and the user's to change? */
static bool
is_our_extension(const char *name)
{
	return strcmp(name, "pg_scheduler") == 0 &&
		OidIsValid(get_extension_oid(name, true)) &&
		has_privs_of_role(GetUserId(), extension_owner());
}

static bool
drops_our_extension(DropStmt *stmt)
{
	ListCell   *lc;

	if (stmt->removeType != OBJECT_EXTENSION)
		return false;
	foreach(lc, stmt->objects)
	{
		if (is_our_extension(strVal(lfirst(lc))))
			return true;
	}
	return false;
}

/* The server refuses others, and they shall not learn how many jobs there are. */
static bool
may_drop_role(Oid role)
{
	return superuser() ||
		(has_createrole_privilege(GetUserId()) && !superuser_arg(role) &&
		 compat_administers_role(GetUserId(), role));
}

/* A role that owns jobs here stays.  One that goes takes its secrets along. */
static void
check_drop_role(DropRoleStmt *stmt)
{
	ListCell   *lc;

	if (!extension_exists())
		return;
	foreach(lc, stmt->roles)
	{
		RoleSpec   *spec = lfirst_node(RoleSpec, lc);
		Oid			role = spec->roletype == ROLESPEC_CSTRING ?
			get_role_oid(spec->rolename, true) : InvalidOid;
		int64		count;

		if (!OidIsValid(role) || !may_drop_role(role))
			continue;
		count = query_count_jobs_of(role);
		if (count > 0)
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("role \"%s\" cannot be dropped because it owns scheduled jobs",
							spec->rolename),
					 errdetail_plural("It owns %d job in this database.",
									  "It owns %d jobs in this database.", count, (int) count),
					 errhint("Use scheduler.unschedule_job(), scheduler.alter_job() with run_as, REASSIGN OWNED or DROP OWNED.")));
		query_drop_secrets_of(role);
	}
}

/* What has to be done before a command. */
static void
before_command(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_DropdbStmt:
			{
				Oid			oid = database_if_owned(((DropdbStmt *) stmt)->dbname);

				databases_changed = true;
				if (OidIsValid(oid))
					quiesce(oid);
				break;
			}
		case T_CreatedbStmt:
			{
				Oid			oid = template_of((CreatedbStmt *) stmt);

				databases_changed = true;
				if (OidIsValid(oid))
					quiesce(oid);
				break;
			}
		case T_AlterDatabaseStmt:
			databases_changed = true;
			if (sets_tablespace((AlterDatabaseStmt *) stmt))
			{
				Oid			oid = database_if_owned(((AlterDatabaseStmt *) stmt)->dbname);

				if (OidIsValid(oid))
					quiesce(oid);
			}
			break;
		case T_RenameStmt:
			if (((RenameStmt *) stmt)->renameType == OBJECT_DATABASE)
			{
				Oid			oid = database_if_owned(((RenameStmt *) stmt)->subname);

				if (OidIsValid(oid))
					quiesce(oid);
			}
			break;
		case T_DropStmt:
			if (drops_our_extension((DropStmt *) stmt))
				quiesce(MyDatabaseId);
			break;
		case T_AlterExtensionStmt:
			if (is_our_extension(((AlterExtensionStmt *) stmt)->extname))
				quiesce(MyDatabaseId);
			break;
		case T_DropRoleStmt:
			check_drop_role((DropRoleStmt *) stmt);
			break;
		case T_CopyStmt:
			if (restores_jobs((CopyStmt *) stmt))
				db_command_restore();
			break;
		default:
			break;
	}
}

/* name: NULL for RESET ALL */
static bool
is_our_setting(const char *name)
{
	return name == NULL || pg_strncasecmp(name, "pg_scheduler.", strlen("pg_scheduler.")) == 0;
}

/* REASSIGN OWNED and DROP OWNED reach jobs too. */
static void
after_command(Node *stmt)
{
	ListCell   *lc;

	if (has_restored && IsA(stmt, DiscardStmt) && ((DiscardStmt *) stmt)->target == DISCARD_ALL)
		end_restore();
	if (IsA(stmt, AlterRoleSetStmt) || IsA(stmt, AlterDatabaseSetStmt))
		session_defaults_changed = true;
	if (IsA(stmt, AlterDatabaseSetStmt) &&
		is_our_setting(((AlterDatabaseSetStmt *) stmt)->setstmt->name))
		restart_scheduler_of = get_database_oid(((AlterDatabaseSetStmt *) stmt)->dbname, true);
	if (IsA(stmt, ReassignOwnedStmt) && extension_exists())
	{
		ReassignOwnedStmt *reassign = (ReassignOwnedStmt *) stmt;
		Oid			to = get_rolespec_oid(reassign->newrole, false);

		foreach(lc, reassign->roles)
		{
			Oid			from = get_rolespec_oid(lfirst(lc), false);

			query_reassign_jobs(from, to);
			secret_reassign(from, to);
		}
	}
	else if (IsA(stmt, DropOwnedStmt) && extension_exists())
	{
		foreach(lc, ((DropOwnedStmt *) stmt)->roles)
		{
			Oid			role = get_rolespec_oid(lfirst(lc), false);

			query_drop_jobs_of(role);
			query_drop_secrets_of(role);
		}
	}
}

static void
process_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	Node	   *stmt = pstmt->utilityStmt;

	if (extension_own_command)
		context = PROCESS_UTILITY_SUBCOMMAND;
	ddl_guard_check(stmt);
	before_command(stmt);
	if (prev_process_utility)
		prev_process_utility(pstmt, queryString, readOnlyTree, context, params,
							 queryEnv, dest, qc);
	else
		standard_ProcessUtility(pstmt, queryString, readOnlyTree, context, params,
								queryEnv, dest, qc);
	after_command(stmt);
}

static void
object_access(ObjectAccessType access, Oid classId, Oid objectId, int subId, void *arg)
{
	if (prev_object_access)
		prev_object_access(access, classId, objectId, subId, arg);
	if (classId != ExtensionRelationId)
		return;
	if (access == OAT_POST_CREATE)
	{
		/* its row cannot be seen yet: it may be ours */
		MemoryContext oldcontext = MemoryContextSwitchTo(TopTransactionContext);

		extensions_created = lappend_oid(extensions_created, objectId);
		MemoryContextSwitchTo(oldcontext);
	}
	else if (access == OAT_DROP)
	{
		char	   *name = get_extension_name(objectId);

		if (name != NULL && strcmp(name, "pg_scheduler") == 0)
			extension_dropped = true;
	}
}

void
db_command_init(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	prev_object_access = object_access_hook;
	object_access_hook = object_access;
	RegisterXactCallback(release_at_transaction_end, NULL);
}

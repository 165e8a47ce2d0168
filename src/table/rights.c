/*-------------------------------------------------------------------------
 *
 * rights.c
 *	  Who may run jobs, and who may see and manage whose.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/guc.h"
#include "table/fit.h"
#include "table/rights.h"

PG_FUNCTION_INFO_V1(pg_scheduler_visible);

bool
rights_can_run(Oid role, RightsProblem *problem)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	Form_pg_authid form;
	char	   *name;
	bool		can_login;

	Assert(IsTransactionState());
	if (!HeapTupleIsValid(tuple))
	{
		problem->sqlerrcode = ERRCODE_UNDEFINED_OBJECT;
		problem->message = psprintf("the owner of the job, the role with OID %u, does not exist", role);
		problem->hint = "Drop the job, or give it to another role with scheduler.alter_job().";
		return false;
	}
	form = (Form_pg_authid) GETSTRUCT(tuple);
	name = pstrdup(NameStr(form->rolname));
	can_login = form->rolcanlogin || !COMPAT_ROLE_NEEDS_LOGIN;
	ReleaseSysCache(tuple);

	if (!can_login)
	{
		problem->sqlerrcode = ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
		problem->message = psprintf("role \"%s\" is not permitted to log in", name);
		problem->hint = psprintf("Use ALTER ROLE %s LOGIN, or let the job run as another role.",
								 quote_identifier(name));
		return false;
	}
	if (compat_database_aclcheck(MyDatabaseId, role, ACL_CONNECT) != ACLCHECK_OK)
	{
		char	   *database = get_database_name(MyDatabaseId);

		problem->sqlerrcode = ERRCODE_INSUFFICIENT_PRIVILEGE;
		problem->message = psprintf("role \"%s\" may not connect to database \"%s\"",
									name, database);
		problem->hint = psprintf("Use GRANT CONNECT ON DATABASE %s TO %s.",
								 quote_identifier(database), quote_identifier(name));
		return false;
	}
	return true;
}

void
rights_raise(const RightsProblem *problem)
{
	ereport(ERROR,
			(errcode(problem->sqlerrcode),
			 errmsg_internal("%s", problem->message),
			 problem->hint ? errhint("%s", problem->hint) : 0));
	pg_unreachable();
}

bool
rights_role_is_admin(Oid role)
{
	Oid			admin;

	if (superuser_arg(role))
		return true;
	if (pg_scheduler_admin_role == NULL || pg_scheduler_admin_role[0] == '\0')
		return false;
	admin = get_role_oid(pg_scheduler_admin_role, true);
	return OidIsValid(admin) && has_privs_of_role(role, admin);
}

bool
rights_is_admin(void)
{
	Assert(IsTransactionState());
	return rights_role_is_admin(GetUserId());
}

void
rights_require_admin(const char *function)
{
	fit_require_version();
	if (!rights_is_admin())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for scheduler.%s()", function),
				 errhint("Only superusers and members of pg_scheduler.admin_role may do this.")));
}

bool
rights_can_see(Oid owner)
{
	Assert(IsTransactionState());
	return has_privs_of_role(GetUserId(), owner) || rights_is_admin();
}

bool
rights_can_manage(Oid owner)
{
	return rights_can_see(owner);
}

bool
rights_can_run_as(Oid owner)
{
	Assert(IsTransactionState());
	return compat_may_set_role(GetUserId(), owner);
}

/*
 * For the policies of row security.
 *
 * A query asks about row after row of the same few owners.  What was answered
 * is kept for as long as the query's expression, in a table that an owner has
 * one place in.
 */

#define REMEMBERED_OWNERS	64

typedef struct VisibleOwners
{
	Oid			user;			/* to whom */
	Oid			owners[REMEMBERED_OWNERS];
	bool		visible[REMEMBERED_OWNERS];
} VisibleOwners;

static VisibleOwners *
remembered_owners(FmgrInfo *flinfo)
{
	VisibleOwners *result = flinfo->fn_extra;

	if (result == NULL || result->user != GetUserId())
	{
		if (result == NULL)
			result = MemoryContextAlloc(flinfo->fn_mcxt, sizeof(VisibleOwners));
		memset(result, 0, sizeof(VisibleOwners));
		result->user = GetUserId();
		flinfo->fn_extra = result;
	}
	return result;
}

Datum
pg_scheduler_visible(PG_FUNCTION_ARGS)
{
	VisibleOwners *remembered = remembered_owners(fcinfo->flinfo);
	Oid			owner = PG_GETARG_OID(0);
	int			place = owner % REMEMBERED_OWNERS;

	if (remembered->owners[place] != owner || !OidIsValid(owner))
	{
		remembered->visible[place] = rights_can_see(owner);
		remembered->owners[place] = owner;
	}
	PG_RETURN_BOOL(remembered->visible[place]);
}

/*-------------------------------------------------------------------------
 *
 * extension.c
 *	  The extension in this database: is it there, and who owns it?
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "utils/syscache.h"

#include "base/cycle.h"
#include "table/extension.h"
#include "table/row.h"

bool		extension_own_command = false;

bool
extension_exists(void)
{
	Assert(IsTransactionState());
	return OidIsValid(get_extension_oid("pg_scheduler", true)) &&
		OidIsValid(row_relation("job"));
}

bool
extension_is_installed(void)
{
	bool		result;

	cycle_start_transaction();
	result = extension_exists();
	cycle_commit_transaction();
	return result;
}

Oid
extension_owner(void)
{
	Oid			table = row_relation("job");
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("extension \"pg_scheduler\" is not installed in this database")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

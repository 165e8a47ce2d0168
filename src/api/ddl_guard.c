/*-------------------------------------------------------------------------
 *
 * ddl_guard.c
 *	  Refuse DDL that would break the extension.
 *
 * The library finds the schema, the tables and their columns by name, and reads
 * and writes tuples by the order of columns.  The server keeps members of an
 * extension from being dropped, and nothing else: a schema that is renamed would
 * stop all jobs, and nobody could tell why.
 *
 * What is not refused is what changes no row: storage parameters, statistics,
 * tablespaces, replica identities, partitions, triggers that are disabled while
 * data are restored, VACUUM, REINDEX, CLUSTER.  Nor what an extension's script
 * does, and pg_upgrade.  Who has to do it all the same sets
 * allow_system_table_mods, as for the server's own tables.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "api/ddl_guard.h"
#include "table/extension.h"

/* Is it a part of our extension, and the user's to change? */
static bool
is_ours(Oid classid, Oid objectid)
{
	Oid			extension = get_extension_oid("pg_scheduler", true);

	return OidIsValid(extension) && OidIsValid(objectid) &&
		getExtensionOfObject(classid, objectid) == extension &&
		has_privs_of_role(GetUserId(), extension_owner());
}

static void
refuse(const char *kind, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot change %s \"%s\" because extension pg_scheduler requires it as it is",
					kind, name),
			 errhint("DROP EXTENSION pg_scheduler removes all of it.")));
}

/* A table, a view or a sequence of ours; an index counts as its table. */
static void
check_relation(const RangeVar *name)
{
	Oid			relation = RangeVarGetRelid(name, NoLock, true);
	char		kind = OidIsValid(relation) ? get_rel_relkind(relation) : '\0';

	if (kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX)
		relation = IndexGetRelation(relation, true);
	if (is_ours(RelationRelationId, relation))
		refuse("relation", get_rel_name(relation));
}

static void
check_schema(const char *name)
{
	if (is_ours(NamespaceRelationId, get_namespace_oid(name, true)))
		refuse("schema", name);
}

static void
check_function(ObjectType type, Node *object)
{
	Oid			function = LookupFuncWithArgs(type, castNode(ObjectWithArgs, object), true);

	if (is_ours(ProcedureRelationId, function))
		refuse("function", get_func_name(function));
}

static void
check_rename(RenameStmt *stmt)
{
	if (stmt->renameType == OBJECT_SCHEMA)
		check_schema(stmt->subname);
	else if (stmt->renameType == OBJECT_FUNCTION || stmt->renameType == OBJECT_PROCEDURE ||
			 stmt->renameType == OBJECT_ROUTINE)
		check_function(stmt->renameType, stmt->object);
	else if (stmt->relation != NULL)
		check_relation(stmt->relation);
}

static void
check_new_schema(AlterObjectSchemaStmt *stmt)
{
	if (stmt->objectType == OBJECT_FUNCTION || stmt->objectType == OBJECT_PROCEDURE ||
		stmt->objectType == OBJECT_ROUTINE)
		check_function(stmt->objectType, stmt->object);
	else if (stmt->relation != NULL)
		check_relation(stmt->relation);
}

/* Do these change what a row is, who may see it, or whose the table is? */
static bool
changes_table(AlterTableType command)
{
	switch (command)
	{
		case AT_SetStatistics:
		case AT_SetOptions:
		case AT_ResetOptions:
		case AT_SetStorage:
		case AT_SetCompression:
		case AT_ClusterOn:
		case AT_DropCluster:
		case AT_SetTableSpace:
		case AT_SetRelOptions:
		case AT_ResetRelOptions:
		case AT_EnableTrig:
		case AT_EnableAlwaysTrig:
		case AT_EnableReplicaTrig:
		case AT_DisableTrig:
		case AT_EnableTrigAll:
		case AT_DisableTrigAll:
		case AT_EnableTrigUser:
		case AT_DisableTrigUser:
		case AT_EnableRowSecurity:
		case AT_ReplicaIdentity:
		case AT_AttachPartition:
		case AT_DetachPartition:
		case AT_DetachPartitionFinalize:
		case AT_ValidateConstraint:
		case AT_SetLogged:
			return false;
		default:
			return true;
	}
}

static void
check_alter_table(AlterTableStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		if (!changes_table(lfirst_node(AlterTableCmd, lc)->subtype))
			continue;
		check_relation(stmt->relation);
		break;
	}
}

/* Tuples are put into plain indexes only, and must not collide in more. */
static void
check_index(IndexStmt *stmt)
{
	bool		plain = !stmt->unique && stmt->whereClause == NULL &&
		stmt->excludeOpNames == NIL && strcmp(stmt->accessMethod, "btree") == 0;
	ListCell   *lc;

	foreach(lc, stmt->indexParams)
		plain &= lfirst_node(IndexElem, lc)->expr == NULL;
	if (!plain)
		check_relation(stmt->relation);
}

void
ddl_guard_check(Node *stmt)
{
	if (extension_own_command || creating_extension || IsBinaryUpgrade ||
		allowSystemTableMods)
		return;
	switch (nodeTag(stmt))
	{
		case T_RenameStmt:
			check_rename((RenameStmt *) stmt);
			break;
		case T_AlterObjectSchemaStmt:
			check_new_schema((AlterObjectSchemaStmt *) stmt);
			break;
		case T_AlterTableStmt:
			check_alter_table((AlterTableStmt *) stmt);
			break;
		case T_IndexStmt:
			check_index((IndexStmt *) stmt);
			break;
		default:
			break;
	}
}

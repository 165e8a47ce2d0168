/*-------------------------------------------------------------------------
 *
 * sql_command.c
 *	  The SQL text of a job: what is in it, how it has to be run.
 *
 * Most commands run as one transaction, together with their record.  Two
 * kinds cannot: CALL and DO may commit on their way, and some utility
 * statements insist on being at top level.  Which is which follows from the
 * parse tree alone, so that it is known before anything is executed.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/ilist.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "parser/scansup.h"
#include "tcop/tcopprot.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/sql_command.h"

#define CACHE_SIZE	128

typedef struct CacheEntry
{
	uint64		hash;			/* key */
	SqlCommand *command;
	MemoryContext context;		/* owns command */
	dlist_node	node;			/* in cache_order */
} CacheEntry;

static HTAB *cache = NULL;
static dlist_head cache_order = DLIST_STATIC_INIT(cache_order); /* last used first */

static bool
has_option(List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		if (strcmp(((DefElem *) lfirst(lc))->defname, name) == 0)
			return true;
	}
	return false;
}

/* Does ALTER TABLE contain DETACH PARTITION ... CONCURRENTLY? */
static bool
detaches_concurrently(AlterTableStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_DetachPartition &&
			((PartitionCmd *) cmd->def)->concurrent)
			return true;
	}
	return false;
}

/*
 * The statements that call PreventInTransactionBlock(), and those that may
 * do so depending on what they find in the catalogues.
 */
static bool
needs_top_level(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_VacuumStmt:
			return ((VacuumStmt *) stmt)->is_vacuumcmd;
		case T_IndexStmt:
			return ((IndexStmt *) stmt)->concurrent;
		case T_DropStmt:
			return ((DropStmt *) stmt)->concurrent;
		case T_AlterTableStmt:
			return detaches_concurrently((AlterTableStmt *) stmt);
		case T_AlterDatabaseStmt:
			return has_option(((AlterDatabaseStmt *) stmt)->options, "tablespace");
		case T_ReindexStmt:
		case T_ClusterStmt:
		case T_CreatedbStmt:
		case T_DropdbStmt:
		case T_CreateTableSpaceStmt:
		case T_DropTableSpaceStmt:
		case T_AlterSystemStmt:
		case T_CreateSubscriptionStmt:
		case T_AlterSubscriptionStmt:
		case T_DropSubscriptionStmt:
			return true;
		default:
			return false;
	}
}

static void
refuse_unsuitable(Node *stmt)
{
	if (IsA(stmt, TransactionStmt))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a job's command cannot contain transaction control statements"),
				 errdetail("Each run is a transaction of its own."),
				 errhint("To commit on the way, use CALL with a procedure, or a DO block.")));
	if (IsA(stmt, CopyStmt) && ((CopyStmt *) stmt)->filename == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a job's command cannot COPY from standard input or to standard output"),
				 errhint("Name a file or a program, or use INSERT ... SELECT.")));
	if (IsA(stmt, DiscardStmt))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a job's command cannot contain DISCARD"),
				 errdetail("The session is reset after each run anyway.")));
}

static bool
is_plannable(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
			return true;
		case T_SelectStmt:
			return ((SelectStmt *) stmt)->intoClause == NULL;
		default:
			return false;
	}
}

/* Is this a SET that is refused once the transaction has a snapshot? */
static bool
sets_transaction(VariableSetStmt *set)
{
	static const char *const names[] = {"TRANSACTION", "TRANSACTION SNAPSHOT",
	"transaction_isolation", "transaction_read_only", "transaction_deferrable"};

	for (int i = 0; i < lengthof(names); i++)
		if (set->name != NULL && pg_strcasecmp(set->name, names[i]) == 0)
			return true;
	return false;
}

/*
 * The SETs that a command begins with are executed apart if one of them says
 * what kind of transaction it wants to be.
 */
static void
find_first_settings(SqlCommand *command)
{
	bool		found = false;
	int			n = 0;
	ListCell   *lc;

	command->body = command->text;
	if (command->mode == SQL_TOP_LEVEL)
		return;					/* each statement is a transaction */
	foreach(lc, command->statements)
	{
		RawStmt    *raw = lfirst_node(RawStmt, lc);

		if (!IsA(raw->stmt, VariableSetStmt))
			break;
		found |= sets_transaction((VariableSetStmt *) raw->stmt);
		n++;
	}
	if (!found)
		return;
	command->nfirst = n;
	command->body += lc == NULL ? strlen(command->text) :
		lfirst_node(RawStmt, lc)->stmt_location;
	command->first = pnstrdup(command->text, command->body - command->text);
	while (scanner_isspace(*command->body))
		command->body++;
}

SqlCommand *
sql_command_parse(const char *text)
{
	SqlCommand *command = palloc0(sizeof(SqlCommand));
	ListCell   *lc;

	command->text = pstrdup(text);
	command->mode = SQL_TRANSACTION;
	command->has_args = strstr(text, "$1") != NULL;
	command->statements = raw_parser(command->text, RAW_PARSE_DEFAULT);
	if (command->statements == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a job's command must contain a statement")));

	foreach(lc, command->statements)
	{
		Node	   *stmt = lfirst_node(RawStmt, lc)->stmt;

		refuse_unsuitable(stmt);
		if (needs_top_level(stmt))
			command->mode = SQL_TOP_LEVEL;
		else if ((IsA(stmt, CallStmt) || IsA(stmt, DoStmt)) &&
				 command->mode == SQL_TRANSACTION)
			command->mode = SQL_PROCEDURE;
	}
	find_first_settings(command);
	command->plannable = list_length(command->statements) == 1 &&
		is_plannable(linitial_node(RawStmt, command->statements)->stmt);
	return command;
}

static void
forget(CacheEntry *entry)
{
	if (entry->command != NULL && entry->command->plan != NULL)
		SPI_freeplan(entry->command->plan);
	MemoryContextDelete(entry->context);
	dlist_delete(&entry->node);
	hash_search(cache, &entry->hash, HASH_REMOVE, NULL);
}

static void
create_cache(void)
{
	HASHCTL		ctl = {.keysize = sizeof(uint64), .entrysize = sizeof(CacheEntry)};

	cache = hash_create("pg_scheduler commands", CACHE_SIZE, &ctl,
						HASH_ELEM | HASH_BLOBS);
}

SqlCommand *
sql_command_lookup(const char *text)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) text,
										   strlen(text), 0);
	CacheEntry *entry;
	bool		found;
	MemoryContext context;
	MemoryContext oldcontext;
	SqlCommand *command;

	if (cache == NULL)
		create_cache();
	entry = hash_search(cache, &hash, HASH_FIND, NULL);
	if (entry != NULL && strcmp(entry->command->text, text) == 0)
	{
		dlist_move_head(&cache_order, &entry->node);
		return entry->command;
	}
	if (entry != NULL)
		forget(entry);
	if (hash_get_num_entries(cache) >= CACHE_SIZE)
		forget(dlist_container(CacheEntry, node, dlist_tail_node(&cache_order)));

	/* parse first: an error must leave no half-made entry */
	context = AllocSetContextCreate(CurrentMemoryContext, "pg_scheduler command",
									ALLOCSET_SMALL_SIZES);
	oldcontext = MemoryContextSwitchTo(context);
	command = sql_command_parse(text);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextSetParent(context, TopMemoryContext);

	entry = hash_search(cache, &hash, HASH_ENTER, &found);
	entry->command = command;
	entry->context = context;
	dlist_push_head(&cache_order, &entry->node);
	return command;
}

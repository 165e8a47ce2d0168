/*-------------------------------------------------------------------------
 *
 * query_home.c
 *	  SQL on scheduler.home, which knows where the jobs of a database belong.
 *
 * There is one row, but for a dump or a subscription that has brought another.
 * A row names the transaction that wrote it.  It is still the one in the header
 * of its tuple if the row has come here in a file, by a backup, a template or
 * pg_upgrade; a row that was loaded has that of its loader.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "common/pg_prng.h"
#include "miscadmin.h"

#include "base/process.h"
#include "base/restored.h"
#include "table/query_exec.h"
#include "table/query_home.h"

static void
describe_here(Home *here)
{
	char	   *name = get_database_name(MyDatabaseId);

	memset(here, 0, sizeof(*here));
	here->system_identifier = here->key_system = GetSystemIdentifier();
	here->database = here->key_database = MyDatabaseId;
	here->restored_at = restored_at();
	strlcpy(here->database_name, name ? name : "", NAMEDATALEN);
}

static int
read_rows(Home **rows)
{
	MemoryContext caller = CurrentMemoryContext;
	QueryFrame	frame;
	int			n;

	query_enter(&frame);
	n = query_read("SELECT system_identifier, database, database_name, restored_at,"
				   " written_by = xmin::text::bigint, key_system, key_database"
				   " FROM scheduler.home ORDER BY system_identifier, database", NULL);
	*rows = MemoryContextAllocZero(caller, Max(n, 1) * sizeof(Home));
	for (int i = 0; i < n; i++)
	{
		Home	   *row = &(*rows)[i];
		bool		isnull;

		row->system_identifier = (uint64) query_int64(i, 1);
		row->database = query_oid(i, 2);
		strlcpy(row->database_name, query_text(i, 3), NAMEDATALEN);
		row->restored_at = query_time(i, 4, 0);
		row->physical = DatumGetBool(query_column(i, 5, &isnull));
		row->key_system = (uint64) query_int64(i, 6);
		row->key_database = query_oid(i, 7);
	}
	query_leave(&frame);
	return n;
}

HomeVerdict
query_judge_home(Home *home)
{
	Home		here;
	Home	   *rows;
	HomeVerdict result;
	int			n = read_rows(&rows);
	int			which;

	describe_here(&here);
	result = home_judge(rows, n, &here, &which);
	*home = which < 0 ? here : rows[which];
	pfree(rows);
	return result;
}

/*
 * The scheduler waits for nobody who has called start() and has not committed
 * yet.  Otherwise the rows stay as they are, until they are judged again.
 */
static bool
may_move(void)
{
	return !process_is(PROCESS_SCHEDULER) ||
		query_run("SELECT FROM scheduler.home HAVING count(*) = (SELECT count(*)"
				  " FROM (SELECT FROM scheduler.home FOR UPDATE SKIP LOCKED) free)", NULL) > 0;
}

void
query_move_home(const Home *home, bool new_keys)
{
	Params		params = {0};
	Home		here;

	if (!may_move())
		return;

	describe_here(&here);
	here.key_system = home->key_system;
	here.key_database = home->key_database;
	if (new_keys)
	{
		here.key_system = pg_prng_uint64(&pg_global_prng_state);
		here.key_database = MyDatabaseId;
	}
	query_add_int64(&params, (int64) here.system_identifier);
	query_add_oid(&params, here.database);
	query_add_text(&params, here.database_name);
	query_add_time(&params, here.restored_at == 0 ? DT_NOBEGIN : here.restored_at);
	query_add_int64(&params, GetCurrentTransactionId());
	query_add_int64(&params, (int64) here.key_system);
	query_add_oid(&params, here.key_database);
	query_run("DELETE FROM scheduler.home", NULL);
	query_run("INSERT INTO scheduler.home (system_identifier, database, database_name,"
			  " restored_at, written_by, key_system, key_database)"
			  " VALUES ($1, $2, $3, $4, $5, $6, $7)", &params);
}

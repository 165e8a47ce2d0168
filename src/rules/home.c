/*-------------------------------------------------------------------------
 *
 * home.c
 *	  Is this database the one that its jobs belong to, or a copy?
 *
 *	what has happened					row		system	database	verdict
 *	----------------------------------------------------------------------------
 *	nothing; a restart; a promotion		any		same	same		HOME_HERE
 *	ALTER DATABASE RENAME				any		same	same		HOME_MOVED
 *	a backup was restored				any		same	same		HOME_COPY
 *	CREATE DATABASE ... TEMPLATE		written	same	other		HOME_COPY
 *	pg_upgrade							written	other	same		HOME_MOVED
 *	a dump, into its own database		loaded	same	same name	HOME_MOVED
 *	a dump, into another				loaded	-		-			HOME_COPY
 *	a subscription to the home			loaded	other	-			HOME_COPY
 *
 * A row is written by this server or carried here in a file, or it is loaded:
 * by a dump's COPY, or by a subscription.  pg_upgrade keeps files and the oids
 * of databases, and gives a new system identifier.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/home.h"

static HomeVerdict
judge_row(const Home *row, const Home *here)
{
	bool		same_system = row->system_identifier == here->system_identifier;
	bool		same_database = row->database == here->database;
	bool		same_name = strcmp(row->database_name, here->database_name) == 0;

	if (same_system && same_database)
	{
		if (here->restored_at > row->restored_at)
			return HOME_COPY;
		return same_name ? HOME_HERE : HOME_MOVED;
	}
	if (row->physical)
		return !same_system && same_database ? HOME_MOVED : HOME_COPY;
	return same_system && same_name ? HOME_MOVED : HOME_COPY;
}

HomeVerdict
home_judge(const Home *rows, int n, const Home *here, int *which)
{
	HomeVerdict result = HOME_NEW;

	*which = -1;
	/* one row that makes this a copy is enough: the home may go on elsewhere */
	for (int i = 0; i < n; i++)
	{
		HomeVerdict verdict = judge_row(&rows[i], here);

		if (verdict > result)
		{
			result = verdict;
			*which = i;
		}
	}
	return result;
}

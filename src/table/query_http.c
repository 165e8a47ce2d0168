/*-------------------------------------------------------------------------
 *
 * query_http.c
 *	  The SQL behind HTTP jobs; one function a statement.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "table/query.h"
#include "table/query_exec.h"

void
query_set_secret(Oid owner, const char *name, const char *value)
{
	Params		params = {0};

	query_add_oid(&params, owner);
	query_add_text(&params, name);
	query_add_text(&params, value);
	query_run("INSERT INTO scheduler.secret AS s (owner, name, value) VALUES ($1, $2, $3)"
			  " ON CONFLICT (owner, name) DO UPDATE"
			  " SET value = EXCLUDED.value, changed_at = pg_catalog.now()",
			  &params);
}

bool
query_drop_secret(Oid owner, const char *name)
{
	Params		params = {0};

	query_add_oid(&params, owner);
	query_add_text(&params, name);
	return query_run("DELETE FROM scheduler.secret WHERE owner = $1 AND name = $2",
					 &params) > 0;
}

/*
 * Secrets go with the jobs that name them.  One of the same name must not take
 * their place.
 */
void
query_reassign_secrets(Oid from, Oid to)
{
	QueryFrame	frame;
	Params		params = {0};
	bool		isnull;

	query_add_oid(&params, from);
	query_add_oid(&params, to);
	query_enter(&frame);
	if (query_execute("SELECT a.name FROM scheduler.secret a JOIN scheduler.secret b"
					  " ON b.name = a.name WHERE a.owner = $1 AND b.owner = $2"
					  " AND $1 <> $2 LIMIT 1", &params) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("role \"%s\" has another secret \"%s\"",
						GetUserNameFromId(to, false),
						TextDatumGetCString(query_column(0, 1, &isnull))),
				 errhint("Remove one of them with scheduler.drop_secret().")));
	query_leave(&frame);
	query_run("UPDATE scheduler.secret SET owner = $2 WHERE owner = $1", &params);
}

void
query_drop_secrets_of(Oid owner)
{
	Params		params = {0};

	query_add_oid(&params, owner);
	query_run("DELETE FROM scheduler.secret WHERE owner = $1", &params);
}

/* Roles may be dropped where nothing is known of their secrets. */
void
query_delete_orphaned_secrets(void)
{
	query_run("DELETE FROM scheduler.secret s WHERE NOT EXISTS"
			  " (SELECT FROM pg_catalog.pg_roles a WHERE a.oid = s.owner)", NULL);
}

#define SPENT_REQUEST \
	"j.kind = 'http' AND (j.request ->> 'one_off')::boolean" \
	" AND NOT EXISTS (SELECT FROM scheduler.pending_run p" \
	" WHERE p.job_id = j.job_id OFFSET 0)" \
	" AND NOT EXISTS (SELECT FROM scheduler.dead_letter d" \
	" WHERE d.job_id = j.job_id AND d.redriven_at IS NULL OFFSET 0)"

/* What somebody has locked is left to the next time. */
#define DELETE_UNLOCKED(which) \
	"DELETE FROM scheduler.job WHERE ctid = ANY (ARRAY" \
	"(SELECT j.ctid FROM scheduler.job j WHERE " which " FOR UPDATE SKIP LOCKED))"

int64
query_delete_spent_requests(int64 after, int64 upto, int64 max)
{
	Params		params = {0};

	query_add_int64(&params, after);
	query_add_int64(&params, upto);
	query_add_int64(&params, max);
	return query_run(DELETE_UNLOCKED("j.job_id > $1 AND j.job_id <= $2 AND " SPENT_REQUEST
									 " LIMIT $3"), &params);
}

static void
delete_by_id(const char *statement, int64 job_id)
{
	Params		params = {0};

	query_add_int64(&params, job_id);
	query_run(statement, &params);
}

void
query_delete_spent_request(int64 job_id)
{
	delete_by_id(DELETE_UNLOCKED("j.job_id = $1 AND " SPENT_REQUEST), job_id);
}

void
query_delete_request(int64 job_id)
{
	delete_by_id(DELETE_UNLOCKED("j.job_id = $1"), job_id);
}

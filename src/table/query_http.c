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
query_set_secret(Oid owner, const char *name, const char *value, const char *key_id)
{
	Params		params = {0};

	query_add_oid(&params, owner);
	query_add_text(&params, name);
	query_add_text(&params, value);
	query_add_text(&params, key_id);
	query_run("INSERT INTO scheduler.secret AS s (owner, name, value, key_id)"
			  " VALUES ($1, $2, $3, $4) ON CONFLICT (owner, name) DO UPDATE"
			  " SET value = EXCLUDED.value, key_id = EXCLUDED.key_id,"
			  " changed_at = pg_catalog.now()",
				&params);
}

void
query_move_secret(Oid owner, const char *name, Oid to, const char *value, const char *key_id)
{
	Params		params = {0};

	query_add_oid(&params, owner);
	query_add_text(&params, name);
	query_add_oid(&params, to);
	query_add_text(&params, value);
	query_add_text(&params, key_id);
	query_run("UPDATE scheduler.secret SET owner = $3, value = $4, key_id = $5"
			  " WHERE owner = $1 AND name = $2", &params);
}

int
query_secret_names(Oid owner, const char *other_than_key, SecretName **names)
{
	MemoryContext caller = CurrentMemoryContext;
	QueryFrame frame;
	Params		params = {0};
	int			n;

	query_add_oid(&params, owner);
	query_add_text(&params, other_than_key);
	query_enter(&frame);
	n = query_execute("SELECT s.owner, s.name FROM scheduler.secret s"
					  " WHERE ($1 IS NULL OR s.owner = $1)"
					  " AND ($2 IS NULL OR s.key_id IS DISTINCT FROM $2)"
					  " ORDER BY s.owner::oid, s.name FOR UPDATE", &params);
	*names = MemoryContextAlloc(caller, Max(n, 1) * sizeof(SecretName));
	for (int i = 0; i < n; i++)
	{
		(*names)[i].owner = query_oid(i, 1);
		(*names)[i].name = MemoryContextStrdup(caller, query_text(i, 2));
	}
	query_leave(&frame);
	return n;
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

/*-------------------------------------------------------------------------
 *
 * catalog_http.c
 *	  The SQL behind HTTP jobs; one function a statement.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog.h"
#include "catalog_exec.h"

void
catalog_set_secret(Oid owner, const char *name, const char *value)
{
	Params		params = {0};

	catalog_add_oid(&params, owner);
	catalog_add_text(&params, name);
	catalog_add_text(&params, value);
	catalog_run("INSERT INTO scheduler.secret AS s (owner, name, value) VALUES ($1, $2, $3)"
				" ON CONFLICT (owner, name) DO UPDATE"
				" SET value = EXCLUDED.value, changed_at = pg_catalog.now()",
				&params);
}

bool
catalog_drop_secret(Oid owner, const char *name)
{
	Params		params = {0};

	catalog_add_oid(&params, owner);
	catalog_add_text(&params, name);
	return catalog_run("DELETE FROM scheduler.secret WHERE owner = $1 AND name = $2",
					   &params) > 0;
}

int64
catalog_delete_spent_requests(void)
{
	return catalog_run("DELETE FROM scheduler.job j WHERE j.kind = 'http'"
					   " AND (j.request ->> 'one_off')::boolean"
					   " AND NOT EXISTS (SELECT FROM scheduler.pending_run p"
					   " WHERE p.job_id = j.job_id)"
					   " AND NOT EXISTS (SELECT FROM scheduler.dead_letter d"
					   " WHERE d.job_id = j.job_id AND d.redriven_at IS NULL)",
					   NULL);
}

/*-------------------------------------------------------------------------
 *
 * retry.c
 *	  When a failed attempt is tried again.
 *
 * Pure: no clock, no catalogue, no random source of its own.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"

#include "rules/retry.h"

typedef struct Condition
{
	const char *sqlstate;
	const char *name;
} Condition;

/* Made from the server's errcodes.txt, so that names are the ones of PL/pgSQL. */
static const Condition conditions[] = {
#include "rules/condition_names.inc"
};

static const char *const backoff_names[] = {"exponential", "linear", "fixed"};

StaticAssertDecl(lengthof(backoff_names) == BACKOFF_FIXED + 1, "each backoff has a name");

int
retry_backoff_from_name(const char *name)
{
	for (int i = 0; i < lengthof(backoff_names); i++)
		if (strcmp(backoff_names[i], name) == 0)
			return i;
	return -1;
}

/* The delay before cap and jitter; PG_INT64_MAX when it does not fit. */
static int64
plain_delay(const RetryPolicy *policy, int attempt)
{
	int64		result = policy->delay;

	switch (policy->backoff)
	{
		case BACKOFF_FIXED:
			break;
		case BACKOFF_LINEAR:
			if (pg_mul_s64_overflow(policy->delay, attempt, &result))
				return PG_INT64_MAX;
			break;
		case BACKOFF_EXPONENTIAL:
			if (attempt > 62 ||
				pg_mul_s64_overflow(policy->delay, INT64CONST(1) << (attempt - 1),
									&result))
				return policy->delay == 0 ? 0 : PG_INT64_MAX;
			break;
	}
	return result;
}

int64
retry_delay(const RetryPolicy *policy, int attempt, double random)
{
	int64		result = Min(plain_delay(policy, attempt), policy->max_delay);

	if (policy->jitter)
		result = (int64) (result * random);
	return result;
}

static bool
condition_matches(const char *sqlstate, const char *condition)
{
	if (strcmp(condition, "all") == 0)
		return true;
	if (strlen(condition) == 2)
		return strncmp(sqlstate, condition, 2) == 0;
	if (strcmp(sqlstate, condition) == 0)
		return true;
	for (int i = 0; i < lengthof(conditions); i++)
		if (strcmp(conditions[i].name, condition) == 0 &&
			strcmp(conditions[i].sqlstate, sqlstate) == 0)
			return true;
	return false;
}

bool
retry_matches(const char *sqlstate, const char *const *retry_on, int count)
{
	for (int i = 0; i < count; i++)
		if (condition_matches(sqlstate, retry_on[i]))
			return true;
	return false;
}

bool
retry_condition_is_known(const char *name)
{
	if (strcmp(name, "all") == 0)
		return true;
	for (int i = 0; i < lengthof(conditions); i++)
	{
		if (strcmp(conditions[i].name, name) == 0 ||
			strcmp(conditions[i].sqlstate, name) == 0)
			return true;
		if (strlen(name) == 2 && strncmp(conditions[i].sqlstate, name, 2) == 0)
			return true;
	}
	return false;
}

/*
 * Trying again repairs neither a statement that is wrong nor a right that is
 * missing: class 42 (syntax error or access rule violation), 0A (feature not
 * supported), 28 (invalid authorization), 3D and 3F (unknown database or
 * schema).
 */
bool
retry_is_worthwhile(const char *sqlstate)
{
	static const char *const hopeless[] = {"42", "0A", "28", "3D", "3F"};

	return !retry_matches(sqlstate, hopeless, lengthof(hopeless));
}

/*-------------------------------------------------------------------------
 *
 * argument.c
 *	  Arguments of a function call by their names.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "api/argument.h"
#include "base/guc.h"

/* What pg_proc says of a function; kept in its fn_extra */
typedef struct Signature
{
	int			count;
	Oid		   *types;
	char	  **names;			/* NULL: none has one */
} Signature;

static const Signature *
signature(FunctionCallInfo fcinfo)
{
	FmgrInfo   *function = fcinfo->flinfo;
	MemoryContext oldcontext;
	HeapTuple	tuple;
	Signature  *result;
	char	   *modes;

	if (function->fn_extra != NULL)
		return function->fn_extra;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function->fn_oid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function->fn_oid);
	oldcontext = MemoryContextSwitchTo(function->fn_mcxt);
	result = palloc(sizeof(Signature));
	result->count = Min(get_func_arg_info(tuple, &result->types, &result->names, &modes),
						fcinfo->nargs);
	MemoryContextSwitchTo(oldcontext);
	ReleaseSysCache(tuple);
	function->fn_extra = result;
	return result;
}

/*
 * Sizes
 */

static const struct SizeLimit
{
	const char *argument;		/* NULL: all others */
	const char *setting;
	const int  *kilobytes;
}			limits[] =
{
	{"body", "max_body_size", &pg_scheduler_max_body_size},
	{"message", "max_message_size", &pg_scheduler_max_message_size},
	{"reason", "max_message_size", &pg_scheduler_max_message_size},
	{NULL, "max_value_size", &pg_scheduler_max_value_size}
};

/* Before the value is read: it may be out of line, and of any size. */
static void
check_size(const char *name, Oid type, Datum value)
{
	const struct SizeLimit *limit = limits;
	int64		size;

	if (get_typlen(type) != -1)
		return;
	while (limit->argument != NULL && (name == NULL || strcmp(limit->argument, name) != 0))
		limit++;
	size = (int64) toast_raw_datum_size(value) - VARHDRSZ;
	if (size > (int64) *limit->kilobytes * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("\"%s\" is too long", name ? name : "argument"),
				 errdetail("It has " INT64_FORMAT " bytes; the limit is " INT64_FORMAT ".",
						   size, (int64) *limit->kilobytes * 1024),
				 errhint("See pg_scheduler.%s.", limit->setting)));
}

void
argument_check_sizes(FunctionCallInfo fcinfo)
{
	const Signature *function = signature(fcinfo);

	for (int i = 0; i < function->count; i++)
		if (!PG_ARGISNULL(i))
			check_size(function->names ? function->names[i] : NULL, function->types[i],
					   PG_GETARG_DATUM(i));
}

bool
argument_get(FunctionCallInfo fcinfo, const char *name, Oid type, Datum *value)
{
	const Signature *function = signature(fcinfo);

	for (int i = 0; function->names != NULL && i < function->count; i++)
	{
		if (strcmp(function->names[i], name) != 0)
			continue;
		if (function->types[i] != type)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
					 errmsg("argument \"%s\" has type %s, and not %s", name,
							format_type_be(function->types[i]), format_type_be(type)),
					 errhint("The library is of another version than the extension: restart the server, or use ALTER EXTENSION pg_scheduler UPDATE.")));
		if (PG_ARGISNULL(i))
			return false;
		*value = PG_GETARG_DATUM(i);
		check_size(name, type, *value);
		return true;
	}
	return false;
}

bool
argument_is_given(FunctionCallInfo fcinfo, const char *name)
{
	const Signature *function = signature(fcinfo);

	for (int i = 0; function->names != NULL && i < function->count; i++)
		if (strcmp(function->names[i], name) == 0)
			return !PG_ARGISNULL(i);
	return false;
}

char *
argument_text(FunctionCallInfo fcinfo, const char *name)
{
	Datum		value;

	return argument_get(fcinfo, name, TEXTOID, &value) ? TextDatumGetCString(value) : NULL;
}

bool
argument_bool(FunctionCallInfo fcinfo, const char *name, bool null_value)
{
	Datum		value;

	return argument_get(fcinfo, name, BOOLOID, &value) ? DatumGetBool(value) : null_value;
}

List *
argument_texts(FunctionCallInfo fcinfo, const char *name)
{
	List	   *result = NIL;
	Datum		value;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	if (!argument_get(fcinfo, name, TEXTARRAYOID, &value))
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("\"%s\" must not have null in it", name)));
		result = lappend(result, TextDatumGetCString(elements[i]));
	}
	return result;
}

bool
argument_names(const List *texts, const char *name)
{
	ListCell   *lc;

	foreach(lc, texts)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

void
argument_not_null(bool isnull, const char *name)
{
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not be null", name)));
}

void
argument_require(FunctionCallInfo fcinfo, int arg, const char *name)
{
	argument_not_null(PG_ARGISNULL(arg), name);
}

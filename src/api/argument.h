/*-------------------------------------------------------------------------
 *
 * argument.h
 *	  Arguments of a function call by their names.
 *
 * Functions with options take them from here: the install script may add an
 * argument, or move one, and no position is written down in C.  An argument
 * that the function has not got is one that is not given: so is an option
 * that is newer than the extension in this database.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_ARGUMENT_H
#define PG_SCHEDULER_ARGUMENT_H

#include "fmgr.h"
#include "nodes/pg_list.h"

/* Is an argument given, and not NULL?  Then its value, which is of this type. */
extern bool argument_get(FunctionCallInfo fcinfo, const char *name, Oid type, Datum *value);

/* The same for some types. */
extern char *argument_text(FunctionCallInfo fcinfo, const char *name);	/* NULL: NULL */
extern bool argument_bool(FunctionCallInfo fcinfo, const char *name, bool null_value);

/*
 * An error (54000) if an argument is longer than its setting allows: max_body_size,
 * max_message_size or max_value_size.  What argument_get() returns was checked.
 */
extern void argument_check_sizes(FunctionCallInfo fcinfo);

/* An error (22004) if an argument is NULL; the same for any value. */
extern void argument_require(FunctionCallInfo fcinfo, int arg, const char *name);
extern void argument_not_null(bool isnull, const char *name);

/* Is an argument given, and not NULL, whatever its type is? */
extern bool argument_is_given(FunctionCallInfo fcinfo, const char *name);

/* The elements of a text[] as strings; NULLs among them are an error. */
extern List *argument_texts(FunctionCallInfo fcinfo, const char *name);

/* Is a string among them? */
extern bool argument_names(const List *texts, const char *name);

#endif							/* PG_SCHEDULER_ARGUMENT_H */

/*-------------------------------------------------------------------------
 *
 * fit.h
 *	  Do this library and the tables of the extension fit together?
 *
 * Tables are read and written by the position of their columns (store.h).
 * Between the installation of a new package and ALTER EXTENSION ... UPDATE,
 * or from there to the restart of the server, the library knows other tables
 * than those there are.  Then nothing runs, and whoever calls a function is
 * told what to do.
 *
 * All functions must be called in a transaction.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_FIT_H
#define PG_SCHEDULER_FIT_H

#include "access/tupdesc.h"
#include "utils/relcache.h"

#define FIT_TEXT_LENGTH		256

typedef struct FitProblem
{
	char		message[FIT_TEXT_LENGTH];
	char		hint[FIT_TEXT_LENGTH];
} FitProblem;

/*
 * Has a table that is open, and locked, the columns that we know?  "table" is
 * its name, or that of the table which it is a partition of.  It is looked at
 * once, and again when it may have changed.
 */
extern bool fit_table(Relation rel, const char *table);

/* The same; an error if not. */
extern void fit_require_table(Relation rel, const char *table);

/* An error if the extension is of another version; not in its own scripts. */
extern void fit_require_version(void);

/* An error if a function does not return so many columns. */
extern void fit_require_result(TupleDesc desc, int columns);

/* Look at the version and at all tables.  True: something does not fit. */
extern bool fit_find_problem(FitProblem *problem);

#endif							/* PG_SCHEDULER_FIT_H */

/*-------------------------------------------------------------------------
 *
 * query_home.h
 *	  SQL on scheduler.home, which knows where the jobs of a database belong.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_QUERY_HOME_H
#define PG_SCHEDULER_QUERY_HOME_H

#include "rules/home.h"

/*
 * What is remembered, judged by what is so here; both in a transaction.
 *
 * *home is the row that decides, see home_judge(); of this place for HOME_NEW.
 */
extern HomeVerdict query_judge_home(Home *home);

/*
 * Make this database the home, with the idempotency keys that home has; or with
 * keys of its own, so that no receiver takes its requests for the original's.
 * Nothing happens if the scheduler calls it and somebody has the rows locked.
 */
extern void query_move_home(const Home *home, bool new_keys);

#endif							/* PG_SCHEDULER_QUERY_HOME_H */

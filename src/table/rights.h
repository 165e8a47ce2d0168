/*-------------------------------------------------------------------------
 *
 * rights.h
 *	  Who may run jobs, and who may see and manage whose.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_RIGHTS_H
#define PG_SCHEDULER_RIGHTS_H

/* Why a role cannot run jobs in this database. */
typedef struct RightsProblem
{
	int			sqlerrcode;
	char	   *message;
	char	   *hint;			/* may be NULL */
} RightsProblem;

/*
 * May this role run jobs in this database?  Asked when a job is scheduled,
 * when a worker is launched, and again by the worker for each run.  In a
 * transaction.  *problem, palloc'd, is filled when the answer is no.
 */
extern bool rights_can_run(Oid role, RightsProblem *problem);

/* Raise the error that a problem stands for. */
extern _Noreturn void rights_raise(const RightsProblem *problem);

/* Does the current user see what belongs to this role? */
extern bool rights_can_see(Oid owner);

/* May the current user alter, cancel or drop what belongs to this role? */
extern bool rights_can_manage(Oid owner);

/*
 * May the current user have SQL of its own executed as this role?  Who manages
 * a job may not for that reason choose what it runs: an admin may not.
 */
extern bool rights_can_run_as(Oid owner);

/* Superuser, or member of pg_scheduler.admin_role. */
extern bool rights_is_admin(void);
extern bool rights_role_is_admin(Oid role);

/* Raise an error unless the current user is one. */
extern void rights_require_admin(const char *function);

#endif							/* PG_SCHEDULER_RIGHTS_H */

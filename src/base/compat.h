/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  What differs between the supported server versions (15 to 18).
 *
 * The only file with version conditionals.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_COMPAT_H
#define PG_SCHEDULER_COMPAT_H

#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "catalog/indexing.h"
#include "postmaster/postmaster.h"
#include "tcop/pquery.h"
#include "utils/acl.h"
#include "utils/wait_event.h"

#if PG_VERSION_NUM < 150000
#error "pg_scheduler needs PostgreSQL 15 or later"
#endif

/* Named wait events came with 17. */
#if PG_VERSION_NUM >= 170000
#define compat_wait_event(name)		WaitEventExtensionNew(name)
#else
#define compat_wait_event(name)		PG_WAIT_EXTENSION
#endif

/* 16 replaced the ACL checks of each object type by one. */
#if PG_VERSION_NUM >= 160000
#define compat_database_aclcheck(db, role, mode) \
	object_aclcheck(DatabaseRelationId, db, role, mode)
#define compat_database_ownercheck(db, role) \
	object_ownercheck(DatabaseRelationId, db, role)
#else
#define compat_database_aclcheck(db, role, mode) \
	pg_database_aclcheck(db, role, mode)
#define compat_database_ownercheck(db, role) \
	pg_database_ownercheck(db, role)
#endif

/* Background workers may connect as a role without LOGIN since 17. */
#if PG_VERSION_NUM >= 170000
#define COMPAT_WORKER_CONNECT_FLAGS		BGWORKER_BYPASS_ROLELOGINCHECK
#define COMPAT_ROLE_NEEDS_LOGIN			false
#else
#define COMPAT_WORKER_CONNECT_FLAGS		0
#define COMPAT_ROLE_NEEDS_LOGIN			true
#endif

/* There are two settings of connections that are kept back since 16. */
#if PG_VERSION_NUM >= 160000
#define COMPAT_RESERVED_CONNECTIONS		(SuperuserReservedConnections + ReservedConnections)
#else
#define COMPAT_RESERVED_CONNECTIONS		ReservedBackends
#endif

/* index_beginscan() counts for EXPLAIN since 18. */
#if PG_VERSION_NUM >= 180000
#define compat_index_beginscan(rel, index, snapshot, nkeys) \
	index_beginscan(rel, index, snapshot, NULL, nkeys, 0)
#else
#define compat_index_beginscan(rel, index, snapshot, nkeys) \
	index_beginscan(rel, index, snapshot, nkeys, 0)
#endif

/* PortalRun lost its run_once argument in 18. */
#if PG_VERSION_NUM >= 180000
#define compat_portal_run(portal, dest, qc) \
	PortalRun(portal, FETCH_ALL, true, dest, dest, qc)
#else
#define compat_portal_run(portal, dest, qc) \
	PortalRun(portal, FETCH_ALL, true, true, dest, dest, qc)
#endif

/* pg_noreturn stands before the declaration, since 18. */
#ifndef pg_noreturn
#define pg_noreturn		pg_attribute_noreturn()
#endif

/* Varlena macros moved to a header of their own in 16. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Sets of wait events belong to a resource owner, not a context, since 17. */
#if PG_VERSION_NUM >= 170000
#define compat_create_wait_event_set(context, n)	CreateWaitEventSet(NULL, n)
#else
#define compat_create_wait_event_set(context, n)	CreateWaitEventSet(context, n)
#endif

/* A transaction has a time limit, that ends the session, since 17. */
#if PG_VERSION_NUM >= 170000
#define compat_reset_transaction_timeout() \
	SetConfigOption("transaction_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE)
#else
#define compat_reset_transaction_timeout()	((void) 0)
#endif

/* Since 16 SET ROLE has a privilege of its own, and CREATEROLE is for own roles. */
#if PG_VERSION_NUM >= 160000
#define compat_may_set_role(member, role)	member_can_set_role(member, role)
#define compat_administers_role(member, role)	is_admin_of_role(member, role)
#else
#define compat_may_set_role(member, role)	is_member_of_role(member, role)
#define compat_administers_role(member, role)	true
#endif

/* The status of the backend at a place of the list, from 1, has another name since 16. */
#if PG_VERSION_NUM >= 160000
#define compat_backend_status(i)	pgstat_get_local_beentry_by_index(i)
#else
#define compat_backend_status(i)	pgstat_fetch_stat_local_beentry(i)
#endif

#endif							/* PG_SCHEDULER_COMPAT_H */

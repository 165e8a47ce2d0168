/*-------------------------------------------------------------------------
 *
 * pool_room.h
 *	  Workers that make way for others.
 *
 * When no slot is free, roles without a worker are served in turns: for each
 * of them a worker leaves.  Those that have idled longest go first; then
 * whoever ends a run and has nothing more to do, or is not the only one of its
 * role, or has served it for a time slice (worker_slot_relieve()).
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_POOL_ROOM_H
#define PG_SCHEDULER_POOL_ROOM_H

#include "shared/shmem.h"

/*
 * So many roles of this database are without a worker, for want of a free
 * slot, or of a process of the server; "more": a role that has some could use
 * one more; "ahead": so many have none, and will need one in a moment.  Idle
 * workers are asked to leave for them, busy ones for roles that have runs and
 * no worker only.  What is said here holds until it is said again: that nothing
 * is wanted, too, without which other databases would wait for this one.  The
 * time to say it again, when one that was spared may be no more, or DT_NOEND.
 */
extern TimestampTz pool_room_make(int starved, bool more, int ahead);

/*
 * The server has no room for a process of a database that is no worker: an idle
 * HTTP worker is to make way for it, or else one of the workers, unless it is
 * the last.  The process is kept for this database, as long as it goes on
 * asking every few seconds, unless it is kept for another; a database without a
 * scheduler comes first.
 */
extern void pool_room_want_process(Database *db);

/*
 * A process can be used for an HTTP worker of this database at that time: for
 * others have waited for it.  DT_NOBEGIN: at once.
 */
extern TimestampTz pool_room_process_time(const Database *db);

/* A process of the database that is no worker has been started. */
extern void pool_room_got_process(Oid database);

#endif							/* PG_SCHEDULER_POOL_ROOM_H */

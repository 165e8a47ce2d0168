/*-------------------------------------------------------------------------
 *
 * process.h
 *	  What all our background processes do alike: start, session, errors.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_PROCESS_H
#define PG_SCHEDULER_PROCESS_H

#include "postmaster/bgworker.h"
#include "storage/latch.h"

/* What a process is: that of a client, unless it has said something else. */
typedef enum ProcessKind
{
	PROCESS_CLIENT,
	PROCESS_LAUNCHER,
	PROCESS_SCHEDULER,
	PROCESS_WORKER,
	PROCESS_HTTP_WORKER
} ProcessKind;

extern ProcessKind process_kind;

static inline bool
process_is(ProcessKind kind)
{
	return process_kind == kind;
}

/*
 * A process as the others see it, in shared memory under the lock of what it is
 * part of.
 */
typedef struct Process
{
	int			pid;			/* 0: there is none */
	Latch	   *latch;			/* NULL: likewise */
} Process;

/* After an error a main loop waits: 1 s. */
#define ERROR_DELAY_MS		1000

/*
 * Say what process is to be started: its kind, "http worker" for instance, and
 * its entry point.  Its name is that of the kind until the caller sets one.
 */
extern void process_describe(BackgroundWorker *worker, const char *kind, const char *function);

/*
 * Start it; we are told when it starts and ends.  *handle is in TopMemoryContext.
 * False: the server has no room for one more.
 */
extern bool process_launch(BackgroundWorker *worker, BackgroundWorkerHandle **handle);

/*
 * Warn that process_launch() has found no room for "what".  It is tried time and
 * again: the first time is told at once, the others once a minute, in one.
 */
extern void process_warn_no_room(const char *what, const char *hint);

/* This process is it from now on. */
extern void process_attach(Process *process);

/* If this process is it, there is none any more; true: it was. */
extern bool process_detach(Process *process);

/* Set its latch, if there is one. */
extern void process_wake(Process *process);

/* Settings of a session that works for pg_scheduler, whatever its defaults are. */
extern void process_set_up_session(void);

/*
 * An error has reached the main loop: log it, abort its transaction, and leave
 * nothing of it behind but its message, which is in cycle_context.
 */
extern char *process_clear_error(void);

/* Before the main loop goes on, let ERROR_DELAY_MS go by. */
extern void process_wait_after_error(void);

#endif							/* PG_SCHEDULER_PROCESS_H */

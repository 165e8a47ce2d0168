/*-------------------------------------------------------------------------
 *
 * server.h
 *	  What the units under test need of the server, for programs without one.
 *
 * Functions of the server that are not in its libraries for programs have
 * plain stand-ins in server.c, with the server's names: hash tables,
 * pairing heaps, lists, and errors, which end the program unless they are
 * expected.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_TEST_SERVER_H
#define PG_SCHEDULER_TEST_SERVER_H

#include <setjmp.h>

#include "memory.h"

extern jmp_buf *server_error;	/* where ereport(ERROR) goes; NULL: nowhere */

/* True, if a statement raises an error. */
#define raises(statement) \
	__extension__ ({ \
		jmp_buf		here; \
		volatile bool raised = true; \
		server_error = &here; \
		if (setjmp(here) == 0) \
		{ \
			statement; \
			raised = false; \
		} \
		server_error = NULL; \
		raised; \
	})

#endif							/* PG_SCHEDULER_TEST_SERVER_H */

/*-------------------------------------------------------------------------
 *
 * pg_scheduler.c
 *	  Entry point of the library.
 *
 * The library does its work when it is loaded by shared_preload_libraries.
 * Loaded later, by a call of one of its functions, it can define and show
 * jobs; nothing runs them.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "api/db_command.h"
#include "base/guc.h"
#include "base/restored.h"
#include "execute/run_context.h"
#include "process/launcher.h"
#include "process/shmem_init.h"
#include "shared/change.h"
#include "shared/shmem.h"
#include "shared/shutdown.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	guc_define();
	run_context_define_settings();
	MarkGUCPrefixReserved("pg_scheduler");
	if (!process_shared_preload_libraries_in_progress)
		return;
	restored_init();
	shmem_init();
	change_init();
	db_command_init();
	shutdown_init();
	launcher_register();
}

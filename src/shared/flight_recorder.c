/*-------------------------------------------------------------------------
 *
 * flight_recorder.c
 *	  Which runs were being executed when the server crashed.
 *
 * A transactional run leaves no durable trace before it commits, and shared
 * memory does not outlive a crash.  A file that is mapped into memory does:
 * noting a run there costs a few stores, no system call and no disk access.
 * What a power failure takes away is not missed, for then no run is to blame.
 *
 * The file is read when shared memory is made again after a crash.  Contents
 * written under another postmaster are ignored: that server was stopped or
 * killed from outside.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "base/process.h"
#include "shared/flight_recorder.h"
#include "shared/shmem.h"
#include "shared/worker_slot.h"

#define RECORDER_FILE	PGSTAT_STAT_PERMANENT_DIRECTORY "/pg_scheduler.flight"

typedef struct RecorderHeader
{
	int64		postmaster_pid;
	int64		nslots;
} RecorderHeader;

typedef struct RecorderEntry
{
	int64		run_id;			/* 0: none */
	int32		attempt;
	Oid			database;
} RecorderEntry;

/* a file that an older server has left is read as this one's */
StaticAssertDecl(sizeof(RecorderHeader) == 16 && sizeof(RecorderEntry) == 16,
				 "what is in the file has no padding");

static RecorderEntry *recorder = NULL;	/* mapped, in a worker */

static Size
recorder_size(void)
{
	return sizeof(RecorderHeader) + pg_scheduler_max_workers * sizeof(RecorderEntry);
}

/*
 * Copy what was in flight, if this very server has crashed, to shared memory.
 * A server that has not got a start time yet is about to start.
 */
static void
read_previous(int fd)
{
	RecorderHeader header;
	RecorderEntry entry;

	if (PgStartTime == 0 ||
		read(fd, &header, sizeof(header)) != sizeof(header) ||
		header.postmaster_pid != PostmasterPid)
		return;
	for (int i = 0; i < Min(header.nslots, pg_scheduler_max_workers); i++)
	{
		if (read(fd, &entry, sizeof(entry)) != sizeof(entry))
			break;
		scheduler_shared->workers[i].crashed_run_id = entry.run_id;
		scheduler_shared->workers[i].crashed_database = entry.database;
	}
}

static bool
write_empty(int fd)
{
	char	   *buffer = palloc0(recorder_size());
	RecorderHeader *header = (RecorderHeader *) buffer;
	bool		result;

	header->postmaster_pid = PostmasterPid;
	header->nslots = pg_scheduler_max_workers;
	result = ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0 &&
		write(fd, buffer, recorder_size()) == (ssize_t) recorder_size();
	pfree(buffer);
	return result;
}

void
flight_recorder_startup(void)
{
	int			fd = BasicOpenFile(RECORDER_FILE, O_RDWR | O_CREAT | PG_BINARY);

	if (fd >= 0)
	{
		read_previous(fd);
		if (write_empty(fd))
		{
			close(fd);
			return;
		}
		close(fd);
	}
	ereport(LOG,
			(errcode_for_file_access(),
			 errmsg("could not write file \"%s\": %m", RECORDER_FILE),
			 errdetail("Jobs that crash the server will not be recognized.")));
}

/* Without a map, nothing is recorded, and all else works. */
static RecorderEntry *
map_recorder(void)
{
	int			fd = BasicOpenFile(RECORDER_FILE, O_RDWR | PG_BINARY);
	void	   *base;

	if (fd < 0)
		return NULL;
	base = mmap(NULL, recorder_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (base == MAP_FAILED)
		return NULL;
	return (RecorderEntry *) ((char *) base + sizeof(RecorderHeader));
}

void
flight_recorder_begin(int slot, int64 run_id, int attempt)
{
	static bool tried = false;

	Assert(process_is(PROCESS_WORKER));
	if (!tried)
	{
		recorder = map_recorder();
		tried = true;
	}
	if (recorder == NULL)
		return;
	recorder[slot].database = MyDatabaseId;
	recorder[slot].attempt = attempt;
	recorder[slot].run_id = run_id;
}

void
flight_recorder_end(int slot)
{
	Assert(process_is(PROCESS_WORKER));
	if (recorder != NULL)
		recorder[slot].run_id = 0;
}

int
flight_recorder_take(int64 **run_ids)
{
	int			n = 0;

	Assert(process_is(PROCESS_SCHEDULER));
	*run_ids = palloc(scheduler_shared->nworkers * sizeof(int64));
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	foreach_worker_slot(slot)
	{
		if (slot->crashed_run_id != 0 && slot->crashed_database == MyDatabaseId)
		{
			(*run_ids)[n++] = slot->crashed_run_id;
			slot->crashed_run_id = 0;
		}
	}
	LWLockRelease(scheduler_shared->lock);
	return n;
}

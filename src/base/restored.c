/*-------------------------------------------------------------------------
 *
 * restored.c
 *	  Has a backup been restored into this data directory?
 *
 * A server that starts with backup_label or recovery.signal starts from a
 * backup.  With standby.signal beside it, it becomes a standby: that is how
 * replicas are made, and how pg_rewind ends, and a standby that is promoted
 * goes on with the work of its primary.  Without, it is a copy that lives on
 * its own: a base backup that was put elsewhere, or point-in-time recovery.
 *
 * The server takes these files away as it recovers, so the fact is kept in a
 * file beside them.  What is in it only grows: it goes along into backups of
 * the copy, and a copy of the copy is known by a later time.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/restored.h"

#define RESTORED_FILE	"pg_scheduler.restored"

/* Read in the postmaster; other processes inherit it. */
static TimestampTz last_restored_at = 0;

static bool
file_exists(const char *name)
{
	return access(name, F_OK) == 0;
}

static void
read_file(void)
{
	FILE	   *file = AllocateFile(RESTORED_FILE, "r");
	int64		value;

	if (file == NULL)
		return;
	if (fscanf(file, INT64_FORMAT, &value) == 1 && value > 0)
		last_restored_at = value;
	FreeFile(file);
}

/* Replace the file as a whole, durably: the signs that we go by are not there again. */
static void
write_file(void)
{
	char	   *text = psprintf(INT64_FORMAT "\n", last_restored_at);
	int			fd = OpenTransientFile(RESTORED_FILE ".tmp", O_CREAT | O_TRUNC | O_WRONLY | PG_BINARY);

	if (fd < 0 || write(fd, text, strlen(text)) != strlen(text) || pg_fsync(fd) != 0 ||
		CloseTransientFile(fd) != 0 ||
		durable_rename(RESTORED_FILE ".tmp", RESTORED_FILE, LOG) != 0)
		ereport(FATAL,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", RESTORED_FILE)));
}

void
restored_init(void)
{
	if (IsUnderPostmaster || !IsPostmasterEnvironment || IsBinaryUpgrade)
		return;
	read_file();
	if (file_exists(STANDBY_SIGNAL_FILE) ||
		!(file_exists(BACKUP_LABEL_FILE) || file_exists(RECOVERY_SIGNAL_FILE)))
		return;
	last_restored_at = Max(GetCurrentTimestamp(), last_restored_at + 1);
	write_file();
}

TimestampTz
restored_at(void)
{
	return last_restored_at;
}

/*-------------------------------------------------------------------------
 *
 * secret_key.c
 *	  The file of keys that secrets are encrypted with.
 *
 * It is read each time that a secret is, so that nothing has to be told of a
 * change, and no process keeps keys in its memory.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "base/guc.h"
#include "base/secret_key.h"

/* Keys, and comments about them */
#define FILE_SIZE_MAX		(64 * 1024)

static void
file_error(const char *what)
{
	ereport(ERROR,
			(errcode_for_file_access(),
			 errmsg("could not %s secret key file \"%s\": %m", what,
					pg_scheduler_secret_key_file)));
}

static void
bad_file(const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR),
			 errmsg("cannot use secret key file \"%s\"", pg_scheduler_secret_key_file),
			 errdetail("%s", detail),
			 errhint("%s", hint)));
}

/* A backup of the data directory must not have the keys in it. */
static void
check_place(void)
{
	char	   *file = realpath(pg_scheduler_secret_key_file, NULL);
	char	   *data = realpath(DataDir, NULL);
	bool		inside = file != NULL && data != NULL &&
		strncmp(file, data, strlen(data)) == 0 && file[strlen(data)] == '/';

	free(file);
	free(data);
	if (!is_absolute_path(pg_scheduler_secret_key_file))
		bad_file("Its path is not an absolute one.", "Set pg_scheduler.secret_key_file.");
	if (inside)
		bad_file("It is in the data directory, and would be in each backup of that.",
				 "Move it out, and set pg_scheduler.secret_key_file.");
}

/* As with the key of the server's certificate. */
static void
check_rights(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		file_error("stat");
	if (!S_ISREG(st.st_mode))
		bad_file("It is not a regular file.", "Set pg_scheduler.secret_key_file.");
	if (st.st_uid != geteuid() && st.st_uid != 0)
		bad_file("It belongs neither to the user that the server runs as nor to root.",
				 "Change its owner.");
	if (st.st_mode & (st.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO))
		bad_file("Others may read or write it.",
				 "Its permissions are to be 0600, or 0640 if it belongs to root.");
}

static int
open_file(void)
{
	int			fd;

	check_place();
	fd = OpenTransientFile(pg_scheduler_secret_key_file, O_RDONLY | PG_BINARY);
	if (fd < 0)
		file_error("open");
	check_rights(fd);
	return fd;
}

/* All of it, palloc'd. */
static char *
read_file(int fd, int *length)
{
	char	   *text = palloc(FILE_SIZE_MAX + 1);

	*length = read(fd, text, FILE_SIZE_MAX + 1);
	if (*length < 0)
		file_error("read");
	if (*length > FILE_SIZE_MAX)
		bad_file("It has more than 64 kB.", "Take keys out that no secret is encrypted with.");
	text[*length] = '\0';
	return text;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = pg_tolower((unsigned char) c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The key of a line; false: it has none. */
static bool
read_key(const char *line, SecretKey *key)
{
	int			length;

	line += strspn(line, " \t\r");
	length = strcspn(line, " \t\r#");
	if (length == 0)
		return false;
	for (int i = 0; i < length && i < 2 * SEAL_KEY_SIZE; i++)
	{
		int			digit = hex_digit(line[i]);

		if (digit < 0)
			length = 0;
		else if (i % 2 == 0)
			key->bytes[i / 2] = digit << 4;
		else
			key->bytes[i / 2] |= digit;
	}
	if (length != 2 * SEAL_KEY_SIZE)
		bad_file("Each line is to have a key of 64 hexadecimal digits.",
				 "Make one with: openssl rand -hex 32");
	if (!seal_key_id(key->bytes, key->id))
		elog(ERROR, "could not compute the id of a key");
	return true;
}

static SecretKeys *
parse(char *text)
{
	SecretKeys *keys = palloc0(sizeof(SecretKeys));
	char	   *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
	{
		if (keys->count == SECRET_KEYS_MAX)
			bad_file("It has more than 100 keys.",
					 "Take keys out that no secret is encrypted with.");
		if (read_key(line, &keys->keys[keys->count]))
			keys->count++;
	}
	if (keys->count == 0)
		bad_file("It has no key.", "Make one with: openssl rand -hex 32");
	return keys;
}

SecretKeys *
secret_keys_read(void)
{
	SecretKeys *keys;
	char	   *text;
	int			length;
	int			fd;

	if (pg_scheduler_secret_key_file[0] == '\0')
		return NULL;
	fd = open_file();
	text = read_file(fd, &length);
	CloseTransientFile(fd);
	keys = parse(text);
	explicit_bzero(text, length);
	pfree(text);
	return keys;
}

void
secret_keys_free(SecretKeys *keys)
{
	if (keys == NULL)
		return;
	explicit_bzero(keys, sizeof(SecretKeys));
	pfree(keys);
}

const SecretKey *
secret_keys_find(const SecretKeys *keys, const char *id)
{
	for (int i = 0; i < keys->count; i++)
		if (strcmp(keys->keys[i].id, id) == 0)
			return &keys->keys[i];
	return NULL;
}

/* A new key, a line of its own, and what was there. */
static void
write_file(const char *path, const char *text, int length)
{
	uint8		key[SEAL_KEY_SIZE];
	char		line[2 * SEAL_KEY_SIZE + 2];
	int			fd = OpenTransientFilePerm(path, O_WRONLY | O_CREAT | O_TRUNC | PG_BINARY, 0600);
	bool		done;

	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", path),
				 errhint("Put a new key on top of the secret key file, then call scheduler.rotate_secret_key() again.")));
	if (!pg_strong_random(key, sizeof(key)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random key")));
	for (int i = 0; i < SEAL_KEY_SIZE; i++)
		snprintf(line + 2 * i, 3, "%02x", key[i]);
	line[2 * SEAL_KEY_SIZE] = '\n';
	done = write(fd, line, sizeof(line) - 1) == sizeof(line) - 1 &&
		write(fd, text, length) == length && pg_fsync(fd) == 0;
	explicit_bzero(key, sizeof(key));
	explicit_bzero(line, sizeof(line));
	if (!done)
		file_error("write a new");
	CloseTransientFile(fd);
}

/*
 * Who has the lock of the file that is there now may replace it.  It is held for
 * the writing of one file.
 */
static int
lock_file(void)
{
	for (;;)
	{
		int			fd = open_file();
		struct stat mine;
		struct stat now;

		if (flock(fd, LOCK_EX) < 0)
			file_error("lock");
		if (fstat(fd, &mine) == 0 && stat(pg_scheduler_secret_key_file, &now) == 0 &&
			mine.st_dev == now.st_dev && mine.st_ino == now.st_ino)
			return fd;
		CloseTransientFile(fd);	/* somebody has replaced it */
	}
}

void
secret_keys_renew(const char *first_id)
{
	int			fd = lock_file();
	int			length;
	char	   *text = read_file(fd, &length);
	SecretKeys *keys = parse(pstrdup(text));

	if (strcmp(keys->keys[0].id, first_id) == 0)
	{
		char	   *path = psprintf("%s.new", pg_scheduler_secret_key_file);

		write_file(path, text, length);
		(void) durable_rename(path, pg_scheduler_secret_key_file, ERROR);
	}
	explicit_bzero(text, length);
	secret_keys_free(keys);
	CloseTransientFile(fd);		/* and its lock with it */
}

/*-------------------------------------------------------------------------
 *
 * secret_key.h
 *	  The file of keys that secrets are encrypted with.
 *
 * pg_scheduler.secret_key_file has a key in each line, 64 hexadecimal digits;
 * what follows a "#" is a comment.  The first key encrypts; the others are for
 * what was encrypted before.  One file serves all databases of the server.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SECRET_KEY_H
#define PG_SCHEDULER_SECRET_KEY_H

#include "rules/seal.h"

#define SECRET_KEYS_MAX		100

typedef struct SecretKey
{
	uint8		bytes[SEAL_KEY_SIZE];
	char		id[SEAL_ID_SIZE];
} SecretKey;

typedef struct SecretKeys
{
	int			count;
	SecretKey	keys[SECRET_KEYS_MAX];
} SecretKeys;

/*
 * Read the file, palloc'd; NULL: none is set.  An error if there is something
 * wrong with it, such as that others may read it.  Free with
 * secret_keys_free(), which leaves no trace of keys.
 */
extern SecretKeys *secret_keys_read(void);
extern void secret_keys_free(SecretKeys *keys);

/* The key with an id, or NULL. */
extern const SecretKey *secret_keys_find(const SecretKeys *keys, const char *id);

/*
 * Put a new key on top of the file, unless somebody else has done so since the
 * first one was the one with this id.  All or nothing, also if the server dies.
 */
extern void secret_keys_renew(const char *first_id);

#endif							/* PG_SCHEDULER_SECRET_KEY_H */

/*-------------------------------------------------------------------------
 *
 * seal.h
 *	  Authenticated encryption of short texts: AES-256-GCM.
 *
 * Pure: the key and a nonce, which must never be used twice with one key, come
 * from the caller.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SEAL_H
#define PG_SCHEDULER_SEAL_H

#define SEAL_KEY_SIZE		32
#define SEAL_NONCE_SIZE		12
#define SEAL_TAG_SIZE		16
#define SEAL_ID_SIZE		17	/* with the terminating zero */

/* What a key is called: the first 64 bits of its SHA-256, in hexadecimal. */
extern bool seal_key_id(const uint8 *key, char *id);

/*
 * Encrypt "length" bytes to "sealed", which has room for SEAL_TAG_SIZE more.
 * "bound" is not encrypted; who opens it must have the same.  False: the
 * library has failed.
 */
extern bool seal(const uint8 *key, const uint8 *nonce, const void *bound, int bound_length,
				 const void *plain, int length, uint8 *sealed);

/*
 * The reverse; "length" is that of "plain".  False: it was sealed with another
 * key, nonce or bound, or was changed.
 */
extern bool seal_open(const uint8 *key, const uint8 *nonce, const void *bound, int bound_length,
					  const uint8 *sealed, int length, void *plain);

#endif							/* PG_SCHEDULER_SEAL_H */

/*-------------------------------------------------------------------------
 *
 * http_sign.h
 *	  Signatures as in Standard Webhooks 1.0.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HTTP_SIGN_H
#define PG_SCHEDULER_HTTP_SIGN_H

#include "lib/stringinfo.h"

/*
 * Append the value of the webhook-signature header for a message: one
 * "v1,<base64>" for each key, separated by spaces.
 *
 * "keys" are separated by spaces or commas, the newest first; each is
 * "whsec_" and base64, or taken as it is.  "id" must not contain a dot: it
 * would make what is signed ambiguous.
 *
 * Returns NULL, or what is wrong as a constant sentence that contains
 * nothing of a key.
 */
extern const char *http_sign(const char *keys, const char *id, int64 timestamp,
							 const char *body, size_t body_length,
							 StringInfo out);

/* Would http_sign() accept these keys? */
extern const char *http_sign_check_keys(const char *keys);

#endif							/* PG_SCHEDULER_HTTP_SIGN_H */

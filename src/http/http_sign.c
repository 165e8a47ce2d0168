/*-------------------------------------------------------------------------
 *
 * http_sign.c
 *	  Signatures as in Standard Webhooks 1.0.
 *
 * What is signed is "<id>.<timestamp>.<body>", with HMAC-SHA256.  The server
 * already has both the hash and base64.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/base64.h"
#include "common/hmac.h"
#include "common/sha2.h"

#include "http/http_sign.h"

#define KEY_PREFIX			"whsec_"
#define KEY_MAX_LENGTH		512
#define KEY_SEPARATORS		" ,\t\n"

typedef struct SigningKey
{
	uint8		bytes[KEY_MAX_LENGTH];
	int			length;
} SigningKey;

/* Read one key at *cursor and move behind it. */
static const char *
read_key(const char **cursor, SigningKey *key)
{
	const char *text = *cursor;
	int			length = strcspn(text, KEY_SEPARATORS);
	int			prefix = strlen(KEY_PREFIX);

	*cursor = text + length;
	if (length >= KEY_MAX_LENGTH)
		return "A signing key is longer than 511 bytes.";

	if (strncmp(text, KEY_PREFIX, prefix) == 0)
	{
		/* through void *: the type of base64 text changed in PostgreSQL 18 */
		key->length = pg_b64_decode((const void *) (text + prefix),
									length - prefix,
									(void *) key->bytes, sizeof(key->bytes));
		if (key->length <= 0)
			return "A signing key that begins with whsec_ does not go on in base64.";
	}
	else
	{
		memcpy(key->bytes, text, length);
		key->length = length;
	}
	return NULL;
}

/* Append "v1,<base64>" for one key. */
static bool
append_signature(StringInfo out, const SigningKey *key, const char *prefix,
				 const char *body, size_t body_length)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char		encoded[64];
	int			encoded_length = -1;
	pg_hmac_ctx *context = pg_hmac_create(PG_SHA256);

	if (context == NULL)
		return false;
	if (pg_hmac_init(context, key->bytes, key->length) >= 0 &&
		pg_hmac_update(context, (const uint8 *) prefix, strlen(prefix)) >= 0 &&
		pg_hmac_update(context, (const uint8 *) body, body_length) >= 0 &&
		pg_hmac_final(context, digest, sizeof(digest)) >= 0)
		encoded_length = pg_b64_encode((const void *) digest, sizeof(digest),
									   (void *) encoded, sizeof(encoded) - 1);
	pg_hmac_free(context);
	if (encoded_length < 0)
		return false;

	encoded[encoded_length] = '\0';
	if (out->len > 0 && out->data[out->len - 1] != ' ')
		appendStringInfoChar(out, ' ');
	appendStringInfo(out, "v1,%s", encoded);
	return true;
}

const char *
http_sign(const char *keys, const char *id, int64 timestamp,
		  const char *body, size_t body_length, StringInfo out)
{
	const char *cursor = keys + strspn(keys, KEY_SEPARATORS);
	const char *problem = NULL;
	SigningKey	key;
	char		prefix[256];

	if (*cursor == '\0')
		return "There is no signing key.";
	if (strchr(id, '.') != NULL ||
		snprintf(prefix, sizeof(prefix), "%s." INT64_FORMAT ".", id, timestamp) >= sizeof(prefix))
		return "The message id is too long or contains a dot.";

	while (*cursor != '\0' && problem == NULL)
	{
		problem = read_key(&cursor, &key);
		if (problem == NULL &&
			!append_signature(out, &key, prefix, body, body_length))
			problem = "The signature could not be computed.";
		cursor += strspn(cursor, KEY_SEPARATORS);
	}
	explicit_bzero(&key, sizeof(key));
	return problem;
}

const char *
http_sign_check_keys(const char *keys)
{
	const char *cursor = keys + strspn(keys, KEY_SEPARATORS);
	const char *problem = NULL;
	SigningKey	key;

	if (*cursor == '\0')
		return "There is no signing key.";
	while (*cursor != '\0' && problem == NULL)
	{
		problem = read_key(&cursor, &key);
		cursor += strspn(cursor, KEY_SEPARATORS);
	}
	explicit_bzero(&key, sizeof(key));
	return problem;
}

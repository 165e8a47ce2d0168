/*-------------------------------------------------------------------------
 *
 * secret.c
 *	  Secrets of HTTP jobs: rows of scheduler.secret.
 *
 * An encrypted value is, in base64, a header, a nonce, the ciphertext and its
 * tag.  The header says for whom it was encrypted: the owner's OID in a system,
 * and his name.  Header and name of the secret are authenticated, so that no
 * value can be moved to another row.  The owner has still to be that one by his
 * OID, which lasts when he is renamed; or by his name, which lasts when a dump is
 * restored into another system, or pg_upgrade makes one.
 *
 * A row names its key (key_id; NULL: it is not encrypted).  So a rotation that
 * has not come to its end leaves nothing that cannot be read: the file has both
 * keys before the first row changes.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "common/base64.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "base/secret_key.h"
#include "rules/run.h"
#include "table/query.h"
#include "table/row.h"
#include "table/secret.h"

/* Columns of scheduler.secret, in order */
enum
{
	SECRET_OWNER = 1,
	SECRET_NAME,
	SECRET_VALUE,
	SECRET_CREATED_AT,
	SECRET_CHANGED_AT,
	SECRET_KEY_ID
};

/* For whom a value was encrypted */
typedef struct SealHeader
{
	uint64		system;
	char		owner_name[NAMEDATALEN];
	Oid			owner;
	uint32		version;		/* of this format: 1 */
} SealHeader;

StaticAssertDecl(sizeof(SealHeader) == sizeof(uint64) + NAMEDATALEN + sizeof(Oid) + sizeof(uint32),
				 "what is encrypted for is authenticated, and has no padding");

/* What is authenticated */
typedef struct SealBound
{
	SealHeader	header;
	char		name[JOB_NAME_LENGTH];
} SealBound;

#define SEAL_OVERHEAD	(sizeof(SealHeader) + SEAL_NONCE_SIZE + SEAL_TAG_SIZE)

static void
cannot_decrypt(const char *name, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("secret \"%s\" cannot be decrypted", name),
			 errdetail("%s", detail),
			 errhint("%s", hint)));
}

/*
 * Encrypt and decrypt
 */

static char *
encrypt(const SecretKey *key, Oid owner, const char *name, const char *value)
{
	int			length = strlen(value);
	uint8	   *sealed = palloc0(SEAL_OVERHEAD + length);
	uint8	   *nonce = sealed + sizeof(SealHeader);
	SealBound	bound = {0};
	char	   *result;
	int			size;

	bound.header.version = 1;
	bound.header.system = GetSystemIdentifier();
	bound.header.owner = owner;
	strlcpy(bound.header.owner_name, GetUserNameFromId(owner, false), NAMEDATALEN);
	strlcpy(bound.name, name, JOB_NAME_LENGTH);
	memcpy(sealed, &bound.header, sizeof(SealHeader));
	if (!pg_strong_random(nonce, SEAL_NONCE_SIZE) ||
		!seal(key->bytes, nonce, &bound, sizeof(bound), value, length, nonce + SEAL_NONCE_SIZE))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not encrypt secret \"%s\"", name)));
	size = pg_b64_enc_len(SEAL_OVERHEAD + length);
	result = palloc(size + 1);
	size = pg_b64_encode((const void *) sealed, SEAL_OVERHEAD + length, result, size);
	result[size] = '\0';
	return result;
}

/* Was it encrypted for this owner? */
static bool
is_for(const SealHeader *header, Oid owner)
{
	char	   *name = GetUserNameFromId(owner, true);

	return (header->system == GetSystemIdentifier() && header->owner == owner) ||
		(name != NULL && strncmp(header->owner_name, name, NAMEDATALEN) == 0);
}

static char *
decrypt(const SecretKey *key, Oid owner, const char *name, const char *value)
{
	int			size = pg_b64_dec_len(strlen(value));
	uint8	   *sealed = palloc(size);
	uint8	   *nonce = sealed + sizeof(SealHeader);
	SealBound	bound = {0};
	char	   *result;
	int			length;

	length = pg_b64_decode(value, strlen(value), (void *) sealed, size) - (int) SEAL_OVERHEAD;
	if (length >= 0)
	{
		memcpy(&bound.header, sealed, sizeof(SealHeader));
		strlcpy(bound.name, name, JOB_NAME_LENGTH);
		result = palloc0(length + 1);
		if (seal_open(key->bytes, nonce, &bound, sizeof(bound), nonce + SEAL_NONCE_SIZE,
					  length, result) &&
			bound.header.version == 1 && is_for(&bound.header, owner))
			return result;
	}
	cannot_decrypt(name, "What is stored was not encrypted for this name and this owner, or was changed.",
				   "Set it again with scheduler.set_secret().");
	return NULL;
}

/* The value of a row; "keys" may be NULL */
static char *
open_value(const SecretKeys *keys, Oid owner, const char *name, const char *value,
		   const char *key_id)
{
	const SecretKey *key;

	if (keys == NULL)
		cannot_decrypt(name, psprintf("It was encrypted with the key %s, and there is no secret key file.", key_id),
					   "Set pg_scheduler.secret_key_file, or set the secret again with scheduler.set_secret().");
	key = secret_keys_find(keys, key_id);
	if (key == NULL)
		cannot_decrypt(name, psprintf("It was encrypted with the key %s, which is not in the secret key file.", key_id),
					   "Put that key into the file, below the first one, or set the secret again with scheduler.set_secret().");
	return decrypt(key, owner, name, value);
}

/* What is stored, or NULL; *key_id is NULL if it is not encrypted. */
static char *
read_stored(Oid owner, const char *name, char **key_id)
{
	Relation	rel = row_open_table("secret", AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	char	   *value = NULL;
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key[0], SECRET_OWNER, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(owner));
	ScanKeyInit(&key[1], SECRET_NAME, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(name));
	scan = systable_beginscan(rel, row_relation("secret_pkey"), true, NULL, 2, key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		datum = heap_getattr(tuple, SECRET_KEY_ID, desc, &isnull);

		*key_id = isnull ? NULL : TextDatumGetCString(datum);
		value = TextDatumGetCString(heap_getattr(tuple, SECRET_VALUE, desc, &isnull));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return value;
}

/* With keys that have been read. */
static char *
find_with(const SecretKeys *keys, Oid owner, const char *name)
{
	char	   *key_id = NULL;
	char	   *value = read_stored(owner, name, &key_id);

	return key_id == NULL ? value : open_value(keys, owner, name, value, key_id);
}

char *
secret_find(Oid owner, const char *name)
{
	char	   *key_id = NULL;
	char	   *value = read_stored(owner, name, &key_id);
	SecretKeys *keys;

	if (key_id == NULL)
		return value;
	keys = secret_keys_read();
	value = open_value(keys, owner, name, value, key_id);
	secret_keys_free(keys);
	return value;
}

/*
 * Changes
 */

void
secret_set(Oid owner, const char *name, const char *value)
{
	SecretKeys *keys = secret_keys_read();
	const SecretKey *key = keys != NULL ? &keys->keys[0] : NULL;

	Assert(IsTransactionState());
	if (key != NULL)
		query_set_secret(owner, name, encrypt(key, owner, name, value), key->id);
	else
	{
		query_set_secret(owner, name, value, NULL);
		ereport(WARNING,
				(errmsg("secret \"%s\" is not encrypted", name),
				 errdetail("Backups have its value, and roles that may read all tables see it."),
				 errhint("Set pg_scheduler.secret_key_file."),
				 errhidestmt(true), errhidecontext(true)));
	}
	secret_keys_free(keys);
}

void
secret_reassign(Oid from, Oid to)
{
	SecretKeys *keys;
	SecretName *names;
	int			n = from == to ? 0 : query_secret_names(from, NULL, &names);

	if (n == 0)
		return;
	keys = secret_keys_read();
	for (int i = 0; i < n; i++)
	{
		char	   *name = names[i].name;
		char	   *value = find_with(keys, from, name);
		char	   *key_id;

		if (read_stored(to, name, &key_id) != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("role \"%s\" has another secret \"%s\"",
							GetUserNameFromId(to, false), name),
					 errhint("Remove one of them with scheduler.drop_secret().")));
		if (keys != NULL)
			query_move_secret(from, name, to, encrypt(&keys->keys[0], to, name, value),
							  keys->keys[0].id);
		else
			query_move_secret(from, name, to, value, NULL);
	}
	secret_keys_free(keys);
}

int64
secret_rotate_key(void)
{
	SecretKeys *keys = secret_keys_read();
	SecretName *names;
	int			n;

	if (keys == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there is no secret key file"),
				 errhint("Set pg_scheduler.secret_key_file.")));
	n = query_secret_names(InvalidOid, keys->keys[0].id, &names);
	if (n == 0)
	{
		secret_keys_renew(keys->keys[0].id);
		secret_keys_free(keys);
		keys = secret_keys_read();
		n = query_secret_names(InvalidOid, keys->keys[0].id, &names);
	}
	for (int i = 0; i < n; i++)
	{
		const SecretName *secret = &names[i];
		char	   *value = find_with(keys, secret->owner, secret->name);

		query_move_secret(secret->owner, secret->name, secret->owner,
						  encrypt(&keys->keys[0], secret->owner, secret->name, value),
						  keys->keys[0].id);
	}
	secret_keys_free(keys);
	return n;
}

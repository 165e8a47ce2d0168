/*-------------------------------------------------------------------------
 *
 * seal.c
 *	  Authenticated encryption of short texts: AES-256-GCM.
 *
 * By OpenSSL's libcrypto, which libcurl brings along: a cipher of our own would
 * be one that nobody has looked at.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/evp.h>

#include "rules/seal.h"

bool
seal_key_id(const uint8 *key, char *id)
{
	uint8		digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(key, SEAL_KEY_SIZE, digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	for (int i = 0; i < (SEAL_ID_SIZE - 1) / 2; i++)
		snprintf(id + 2 * i, 3, "%02x", digest[i]);
	return true;
}

bool
seal(const uint8 *key, const uint8 *nonce, const void *bound, int bound_length,
	 const void *plain, int length, uint8 *sealed)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int			unused;
	bool		result = context != NULL &&
		EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
		EVP_EncryptUpdate(context, NULL, &unused, bound, bound_length) == 1 &&
		EVP_EncryptUpdate(context, sealed, &unused, plain, length) == 1 &&
		EVP_EncryptFinal_ex(context, sealed + length, &unused) == 1 &&
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, SEAL_TAG_SIZE, sealed + length) == 1;

	EVP_CIPHER_CTX_free(context);
	return result;
}

bool
seal_open(const uint8 *key, const uint8 *nonce, const void *bound, int bound_length,
		  const uint8 *sealed, int length, void *plain)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int			unused;
	bool		result = context != NULL &&
		EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
		EVP_DecryptUpdate(context, NULL, &unused, bound, bound_length) == 1 &&
		EVP_DecryptUpdate(context, plain, &unused, sealed, length) == 1 &&
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, SEAL_TAG_SIZE,
							unconstify(uint8 *, sealed) + length) == 1 &&
		EVP_DecryptFinal_ex(context, (uint8 *) plain + length, &unused) == 1;

	EVP_CIPHER_CTX_free(context);
	return result;
}

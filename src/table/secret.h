/*-------------------------------------------------------------------------
 *
 * secret.h
 *	  Secrets of HTTP jobs: rows of scheduler.secret.
 *
 * Where there is a secret key file, a value is encrypted, and bound to its name
 * and its owner.  All functions must be called in a transaction.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SECRET_H
#define PG_SCHEDULER_SECRET_H

/*
 * The value of a secret, palloc'd, or NULL if its owner has none of that name.
 * An error if it cannot be decrypted.
 */
extern char *secret_find(Oid owner, const char *name);

/* Set one; a WARNING if it is not encrypted. */
extern void secret_set(Oid owner, const char *name, const char *value);

/* REASSIGN OWNED; an error if the new owner has one of the same name. */
extern void secret_reassign(Oid from, Oid to);

/*
 * Have all secrets of this database encrypted with the first key of the file; if
 * they are, put a new one on top of it before.  How many were encrypted anew.
 */
extern int64 secret_rotate_key(void);

#endif							/* PG_SCHEDULER_SECRET_H */

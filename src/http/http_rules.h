/*-------------------------------------------------------------------------
 *
 * http_rules.h
 *	  What HTTP itself says: methods, header fields, status codes, retries.
 *
 * Pure, and safe inside a libcurl callback.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HTTP_RULES_H
#define PG_SCHEDULER_HTTP_RULES_H

#define HTTP_STATUS_MIN		100
#define HTTP_STATUS_MAX		599

/* A set of status codes, one bit each. */
typedef struct HttpStatusSet
{
	uint8		bits[(HTTP_STATUS_MAX - HTTP_STATUS_MIN) / 8 + 1];
} HttpStatusSet;

/*
 * Parse "200-299,304".  Returns NULL, or what is wrong as a constant
 * sentence, with the 1-based byte at which it is.
 */
extern const char *http_status_set_parse(const char *text, HttpStatusSet *set,
										 int *position);
extern bool http_status_set_contains(const HttpStatusSet *set, int status);

/*
 * Is an answer with this status, which is no success, worth another attempt
 * by default?  408, 425, 429 and 5xx are.
 */
extern bool http_status_is_retryable(int status);

/*
 * Seconds to wait as told by a Retry-After header: a number of seconds, or a
 * date relative to "now" (seconds since 1970, UTC); at most "maximum".  A
 * date that has passed is 0.
 *
 * Returns false when the value is neither; then it is to be ignored.
 */
extern bool http_retry_after(const char *value, int64 now, int64 maximum,
							 int64 *seconds);

/* NULL, or a constant sentence about what is wrong. */
extern const char *http_check_method(const char *method);
extern const char *http_check_header_name(const char *name);
extern const char *http_check_header_value(const char *value);

/* What a body is taken for when no header says: JSON or plain text. */
extern const char *http_default_content_type(const char *body);

/* Does the body that this content type announces consist of JSON? */
extern bool http_content_type_is_json(const char *content_type);

#endif							/* PG_SCHEDULER_HTTP_RULES_H */

/*-------------------------------------------------------------------------
 *
 * http_rules.c
 *	  What HTTP itself says: methods, header fields, status codes, retries.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "http/http_rules.h"

#define SECONDS_PER_DAY		INT64CONST(86400)

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Three digits that are a status code; moves *cursor behind them. */
static bool
read_status(const char **cursor, int *status)
{
	const char *c = *cursor;

	if (!is_digit(c[0]) || !is_digit(c[1]) || !is_digit(c[2]) || is_digit(c[3]))
		return false;
	*status = (c[0] - '0') * 100 + (c[1] - '0') * 10 + (c[2] - '0');
	*cursor = c + 3;
	return *status >= HTTP_STATUS_MIN && *status <= HTTP_STATUS_MAX;
}

const char *
http_status_set_parse(const char *text, HttpStatusSet *set, int *position)
{
	const char *cursor = text;

	memset(set, 0, sizeof(*set));
	for (;;)
	{
		int			first;
		int			last;

		cursor += strspn(cursor, " ");
		*position = cursor - text + 1;
		if (!read_status(&cursor, &first))
			return "A status code is a number from 100 to 599.";
		last = first;
		cursor += strspn(cursor, " ");
		if (*cursor == '-')
		{
			cursor++;
			cursor += strspn(cursor, " ");
			*position = cursor - text + 1;
			if (!read_status(&cursor, &last))
				return "A status code is a number from 100 to 599.";
			if (last < first)
				return "A range of status codes ends before it begins.";
		}
		for (int code = first; code <= last; code++)
			set->bits[(code - HTTP_STATUS_MIN) / 8] |= 1 << ((code - HTTP_STATUS_MIN) % 8);

		cursor += strspn(cursor, " ");
		*position = cursor - text + 1;
		if (*cursor == '\0')
			return NULL;
		if (*cursor++ != ',')
			return "Status codes and ranges are separated by commas.";
	}
}

bool
http_status_set_contains(const HttpStatusSet *set, int status)
{
	int			bit = status - HTTP_STATUS_MIN;

	return status >= HTTP_STATUS_MIN && status <= HTTP_STATUS_MAX &&
		(set->bits[bit / 8] & (1 << (bit % 8))) != 0;
}

bool
http_status_is_retryable(int status)
{
	return status == 408 || status == 425 || status == 429 ||
		(status >= 500 && status <= 599);
}

/* Days from 1970-01-01 to a day of the Gregorian calendar. */
static int64
days_from_civil(int64 year, int month, int day)
{
	int64		era;
	int64		year_of_era;
	int64		day_of_year;

	/* years that begin in March put the leap day last */
	year -= (month <= 2);
	era = year / 400;
	year_of_era = year - era * 400;
	day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 -
		year_of_era / 100 + day_of_year - 719468;
}

static int
month_number(const char *name)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
	{
		if (strncmp(name, names + i * 3, 3) == 0)
			return i + 1;
	}
	return 0;
}

/*
 * The three forms of HTTP-date (RFC 9110, 5.6.7), all of them in GMT.  The
 * name of the weekday is not compared with the date.
 */
static bool
read_http_date(const char *value, int64 now, int64 *when)
{
	char		month_name[4];
	int			day;
	int			month;
	int			year;
	int			hour;
	int			minute;
	int			second;
	int			end = 0;

	if (sscanf(value, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n",
			   &day, month_name, &year, &hour, &minute, &second, &end) == 6 && end > 0)
		 /* Sun, 06 Nov 1994 08:49:37 GMT */ ;
	else if (sscanf(value, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n",
					&day, month_name, &year, &hour, &minute, &second, &end) == 6 && end > 0)
	{
		/* Sunday, 06-Nov-94 08:49:37 GMT; never more than 50 years ahead */
		int			this_year = 1970 + (int) (now / (SECONDS_PER_DAY * 36525 / 100));

		year += this_year - this_year % 100;
		if (year > this_year + 50)
			year -= 100;
	}
	else if (sscanf(value, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n",
					month_name, &day, &hour, &minute, &second, &year, &end) == 6 && end > 0)
		 /* Sun Nov  6 08:49:37 1994 */ ;
	else
		return false;

	month = month_number(month_name);
	if (value[end] != '\0' || month == 0 || day < 1 || day > 31 ||
		year < 1601 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
		second < 0 || second > 60)
		return false;
	*when = days_from_civil(year, month, day) * SECONDS_PER_DAY +
		hour * 3600 + minute * 60 + second;
	return true;
}

bool
http_retry_after(const char *value, int64 now, int64 maximum, int64 *seconds)
{
	size_t		length;

	value += strspn(value, " \t");
	length = strlen(value);
	if (length > 0 && strspn(value, "0123456789") == length)
	{
		/* what does not fit into 18 digits is more than any maximum */
		*seconds = length > 18 ? maximum : strtoll(value, NULL, 10);
	}
	else
	{
		int64		when;

		if (!read_http_date(value, now, &when))
			return false;
		*seconds = when > now ? when - now : 0;
	}
	*seconds = Min(*seconds, maximum);
	return true;
}

/* RFC 9110 token: what method and field names are made of. */
static bool
is_token(const char *text)
{
	if (*text == '\0')
		return false;
	for (const char *c = text; *c != '\0'; c++)
	{
		if (!(is_digit(*c) || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			  strchr("!#$%&'*+-.^_`|~", *c) != NULL))
			return false;
	}
	return true;
}

const char *
http_check_method(const char *method)
{
	if (!is_token(method) || strlen(method) > 32)
		return "A method is a word such as GET, POST or PUT.";
	for (const char *c = method; *c != '\0'; c++)
	{
		if (*c >= 'a' && *c <= 'z')
			return "Methods are written in capital letters.";
	}
	if (strcmp(method, "CONNECT") == 0)
		return "CONNECT is for proxies only.";
	return NULL;
}

/*
 * Header fields that belong to the message's framing, the connection or the
 * scheduler.  To set them could smuggle a second request into a connection
 * that others use too, or forge another run's identity.
 */
const char *
http_check_header_name(const char *name)
{
	static const char *const framing[] = {
		"connection", "content-length", "expect", "host", "keep-alive",
		"proxy-authorization", "proxy-connection", "te", "trailer",
		"transfer-encoding", "upgrade", "http2-settings"
	};
	static const char *const ours[] = {
		"idempotency-key", "webhook-id", "webhook-timestamp", "webhook-signature"
	};

	if (!is_token(name) || strlen(name) > 256)
		return "A header name consists of letters, digits and some punctuation.";
	for (int i = 0; i < lengthof(framing); i++)
	{
		if (pg_strcasecmp(name, framing[i]) == 0)
			return "This header belongs to the connection and cannot be set.";
	}
	for (int i = 0; i < lengthof(ours); i++)
	{
		if (pg_strcasecmp(name, ours[i]) == 0)
			return "This header is set by pg_scheduler for each run.";
	}
	return NULL;
}

const char *
http_check_header_value(const char *value)
{
	for (const char *c = value; *c != '\0'; c++)
	{
		unsigned char byte = (unsigned char) *c;

		if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
			return "A header value cannot contain control characters.";
	}
	if (strlen(value) > 16384)
		return "A header value cannot be longer than 16384 bytes.";
	return NULL;
}

const char *
http_default_content_type(const char *body)
{
	body += strspn(body, " \t\r\n");
	return *body == '{' || *body == '[' ?
		"application/json" : "text/plain; charset=utf-8";
}

bool
http_content_type_is_json(const char *content_type)
{
	size_t		length;

	if (content_type == NULL)
		return false;
	content_type += strspn(content_type, " \t");
	length = strcspn(content_type, "; \t");
	if (length == strlen("application/json") &&
		pg_strncasecmp(content_type, "application/json", length) == 0)
		return true;
	return length > 5 &&
		pg_strncasecmp(content_type + length - 5, "+json", 5) == 0;
}

/*-------------------------------------------------------------------------
 *
 * http_fuzz.c
 *	  Fuzzing of everything in HTTP jobs that reads text from outside.
 *
 * The first byte chooses what is called, the rest is its input.  With clang:
 *
 *		make -C test/unit fuzz FUZZ_SECONDS=60
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "http/http_guard.h"
#include "http/http_request.h"
#include "http/http_rules.h"
#include "http/http_sign.h"
#include "http/http_template.h"

int			LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

static HttpValueKind
fuzz_arg(void *state, const char *path, StringInfo value)
{
	appendStringInfoString(value, path);
	return (HttpValueKind) (strlen(path) % 4);
}

static void
fuzz_template(const char *text, HttpTemplatePlace place)
{
	HttpTemplateValues values = {
		.job_name = "\"\r\n\\", .run_id = 1, .scheduled_at = ":", .attempt = 1,
		.lookup_arg = fuzz_arg
	};
	HttpTemplateError error;
	StringInfoData out;
	bool		checked = http_template_check(text, &error);

	initStringInfo(&out);
	if (http_template_expand(text, place, &values, &out, &error) && !checked)
		abort();
	pfree(out.data);
}

static void
fuzz_networks(const char *text)
{
	HttpNetworks *networks = malloc(http_networks_size(text));
	HttpAddressClass address_class;
	char		detail[128];

	if (http_networks_parse(text, networks, detail, sizeof(detail)))
	{
		if (offsetof(HttpNetworks, network) + networks->count * sizeof(HttpNetwork) >
			http_networks_size(text))
			abort();
		http_guard_allows_text("10.0.0.1", networks, &address_class);
		http_guard_allows_text("fd00::1", networks, &address_class);
	}
	free(networks);
}

static void
fuzz_url(const char *text)
{
	HttpUrl		url;
	HttpUrl		again;

	if (http_url_parse(text, &url) != NULL)
		return;
	/* what is given to libcurl must mean the same once more */
	if (http_url_parse(url.url, &again) != NULL || !http_url_same_origin(&url, &again))
		abort();
	http_url_free(&again);
	http_url_free(&url);
}

static void
fuzz_signature(const char *text)
{
	StringInfoData out;

	initStringInfo(&out);
	if ((http_sign(text, "id", 1, "body", 4, &out) == NULL) !=
		(http_sign_check_keys(text) == NULL))
		abort();
	pfree(out.data);
}

static void
fuzz_rules(const char *text)
{
	HttpStatusSet set;
	HttpAddressClass address_class;
	int64		seconds;
	int			position;

	if (http_status_set_parse(text, &set, &position) == NULL)
		http_status_set_contains(&set, 200);
	if (http_retry_after(text, INT64CONST(1700000000), 3600, &seconds) &&
		(seconds < 0 || seconds > 3600))
		abort();
	http_check_method(text);
	http_check_header_name(text);
	http_check_header_value(text);
	http_content_type_is_json(text);
	http_default_content_type(text);
	http_guard_is_literal(text);
	http_guard_allows_text(text, NULL, &address_class);
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	char	   *text;

	if (size < 1)
		return 0;
	text = malloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 8)
	{
		case 0:
		case 1:
		case 2:
		case 3:
			fuzz_template(text, (HttpTemplatePlace) (data[0] % 4));
			break;
		case 4:
			fuzz_networks(text);
			break;
		case 5:
			fuzz_url(text);
			break;
		case 6:
			fuzz_signature(text);
			break;
		default:
			fuzz_rules(text);
			break;
	}
	free(text);
	return 0;
}

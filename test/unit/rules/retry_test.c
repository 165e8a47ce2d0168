/*-------------------------------------------------------------------------
 *
 * retry_test.c
 *	  The delays of each backoff, and what is retried.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/retry.h"
#include "tap.h"

#define ATTEMPTS	10
#define NO_CAP		PG_INT64_MAX

static void
check_delays(const char *name, Backoff backoff, int64 delay, int64 max_delay,
			 const int64 *expected)
{
	RetryPolicy policy = {.max_retries = ATTEMPTS, .backoff = backoff,
	.delay = delay, .max_delay = max_delay};

	for (int i = 0; i < ATTEMPTS; i++)
	{
		char		label[100];

		snprintf(label, sizeof(label), "%s, after attempt %d", name, i + 1);
		is_number(retry_delay(&policy, i + 1, 0.5), expected[i], label);
	}
}

static void
test_backoffs(void)
{
	static const int64 fixed[ATTEMPTS] = {
		1000003, 1000003, 1000003, 1000003, 1000003,
		1000003, 1000003, 1000003, 1000003, 1000003
	};
	static const int64 linear[ATTEMPTS] = {
		1000003, 2000006, 3000009, 4000012, 5000015,
		6000018, 7000021, 8000024, 9000027, 10000030
	};
	static const int64 exponential[ATTEMPTS] = {
		1000003, 2000006, 4000012, 8000024, 16000048,
		32000096, 64000192, 128000384, 256000768, 512001536
	};
	static const int64 capped_linear[ATTEMPTS] = {
		1000003, 2000006, 2500000, 2500000, 2500000,
		2500000, 2500000, 2500000, 2500000, 2500000
	};
	static const int64 capped_exponential[ATTEMPTS] = {
		1000003, 2000006, 4000012, 8000024, 16000048,
		32000096, 60000000, 60000000, 60000000, 60000000
	};
	static const int64 capped_fixed[ATTEMPTS] = {7, 7, 7, 7, 7, 7, 7, 7, 7, 7};
	static const int64 none[ATTEMPTS] = {0};

	check_delays("fixed", BACKOFF_FIXED, 1000003, NO_CAP, fixed);
	check_delays("linear", BACKOFF_LINEAR, 1000003, NO_CAP, linear);
	check_delays("exponential", BACKOFF_EXPONENTIAL, 1000003, NO_CAP, exponential);
	check_delays("fixed with cap", BACKOFF_FIXED, 1000003, 7, capped_fixed);
	check_delays("linear with cap", BACKOFF_LINEAR, 1000003, 2500000, capped_linear);
	check_delays("exponential with cap", BACKOFF_EXPONENTIAL, 1000003, 60000000,
				 capped_exponential);
	check_delays("no delay, linear", BACKOFF_LINEAR, 0, NO_CAP, none);
	check_delays("no delay, exponential", BACKOFF_EXPONENTIAL, 0, NO_CAP, none);
	check_delays("a cap of nothing", BACKOFF_EXPONENTIAL, 1000003, 0, none);
}

/* Nothing overflows, however many attempts there are. */
static void
test_overflow(void)
{
	static const int attempts[] = {30, 62, 63, 64, 1000, PG_INT32_MAX};

	for (int i = 0; i < lengthof(attempts); i++)
	{
		RetryPolicy policy = {.backoff = BACKOFF_EXPONENTIAL, .delay = INT64CONST(3600000000),
		.max_delay = INT64CONST(86400000000)};
		RetryPolicy none = {.backoff = BACKOFF_EXPONENTIAL, .max_delay = NO_CAP};
		RetryPolicy linear = {.backoff = BACKOFF_LINEAR, .delay = PG_INT64_MAX / 2,
		.max_delay = 12345};

		is_number(retry_delay(&policy, attempts[i], 0), policy.max_delay,
				  "exponential ends at the cap");
		is_number(retry_delay(&none, attempts[i], 0), 0, "no delay stays none");
		is_number(retry_delay(&linear, attempts[i], 0), 12345, "linear ends at the cap");
	}
}

static void
test_jitter(void)
{
	RetryPolicy policy = {.backoff = BACKOFF_EXPONENTIAL, .delay = 1000000,
	.max_delay = 5000000, .jitter = true};
	bool		within = true;
	int64		last = -1;
	bool		grows = true;

	is_number(retry_delay(&policy, 2, 0.0), 0, "the least of full jitter is nothing");
	is_number(retry_delay(&policy, 2, 0.25), 500000, "a quarter");
	is_number(retry_delay(&policy, 2, 0.5), 1000000, "one half");
	is_number(retry_delay(&policy, 9, 0.5), 2500000, "jitter applies to the capped delay");
	for (int i = 0; i < 1000; i++)
	{
		int64		delay = retry_delay(&policy, 3, i / 1000.0);

		within = within && delay >= 0 && delay < 4000000;
		grows = grows && delay > last;
		last = delay;
	}
	ok(within, "within nothing and the whole delay");
	ok(grows, "evenly distributed");
	ok(retry_delay(&policy, 1, 0.9999999999999999) <= 1000000,
	   "never longer than the whole delay");
}

static void
test_conditions(void)
{
	static const char *const both[] = {"40", "lock_not_available"};
	static const char *const all[] = {"all"};
	static const char *const code[] = {"40P01"};

	is_number(retry_backoff_from_name("exponential"), BACKOFF_EXPONENTIAL, "exponential is known");
	is_number(retry_backoff_from_name("linear"), BACKOFF_LINEAR, "linear is known");
	is_number(retry_backoff_from_name("fixed"), BACKOFF_FIXED, "fixed is known");
	is_number(retry_backoff_from_name("Fixed"), -1, "names are in lower case");
	is_number(retry_backoff_from_name(""), -1, "no name is not known");

	ok(retry_matches("40001", both, 2), "a class matches its codes");
	ok(retry_matches("55P03", both, 2), "a name matches its code");
	ok(!retry_matches("55006", both, 2), "a name matches no other code of its class");
	ok(!retry_matches("22012", both, 2), "other classes do not match");
	ok(retry_matches("XX000", all, 1), "all matches everything");
	ok(retry_matches("40P01", code, 1), "a code matches itself");
	ok(!retry_matches("40001", code, 1), "a code does not match its class");
	ok(!retry_matches("40001", code, 0), "an empty list matches nothing");

	ok(retry_condition_is_known("deadlock_detected"), "a name is known");
	ok(retry_condition_is_known("40P01"), "a code is known");
	ok(retry_condition_is_known("40"), "a class is known");
	ok(retry_condition_is_known("all"), "all is known");
	ok(!retry_condition_is_known("deadlock"), "half a name is not");
	ok(!retry_condition_is_known("4"), "half a class is not");
	ok(!retry_condition_is_known("ZZ"), "a class without codes is not");
	ok(!retry_condition_is_known(""), "nothing is not");

	ok(!retry_is_worthwhile("42601"), "syntax errors are not retried");
	ok(!retry_is_worthwhile("42P01"), "undefined tables are not retried");
	ok(!retry_is_worthwhile("42501"), "missing privileges are not retried");
	ok(!retry_is_worthwhile("0A000"), "what is not supported is not retried");
	ok(!retry_is_worthwhile("28000"), "failed authorization is not retried");
	ok(!retry_is_worthwhile("3D000"), "an unknown database is not retried");
	ok(!retry_is_worthwhile("3F000"), "an unknown schema is not retried");
	ok(retry_is_worthwhile("40001"), "serialization failures are retried");
	ok(retry_is_worthwhile("22012"), "data exceptions are retried");
	ok(retry_is_worthwhile("57P01"), "an administrator's shutdown is retried");
	ok(retry_is_worthwhile("P0001"), "raised exceptions are retried");
}

int
main(void)
{
	test_backoffs();
	test_overflow();
	test_jitter();
	test_conditions();
	return done_testing();
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/time_test.c - TUF's time text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "trust/time.h"

static void known_times_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t s;
	} at[] = {
		{"1970-01-01T00:00:00Z", 0           },
		{"1970-01-01T00:00:01Z", 1           },
		{"2000-02-29T12:00:00Z", 951825600   },
		{"2027-01-15T08:00:00Z", 1800000000  },
		{"2038-01-19T03:14:08Z", 2147483648  },
		{"2100-02-28T23:59:59Z", 4107542399  },
		{"9999-12-31T23:59:59Z", 253402300799},
	};
	char text[VS_TIME_LEN];
	uint64_t s;

	(void)state;
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		assert_int_equal(vs_time_parse(at[i].text, &s), VS_OK);
		assert_int_equal(s, at[i].s);
		vs_time_format(s, text);
		assert_string_equal(text, at[i].text);
	}
}

static void other_forms_and_impossible_days_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"2027-01-15",
		"2027-01-15T08:00:00",
		"2027-01-15T08:00:00z",
		"2027-01-15 08:00:00Z",
		"2027-01-15T08:00:00.0Z",
		"2027-01-15T08:00:00+00:00",
		"2027-01-15T08:00:00ZZ",
		"+027-01-15T08:00:00Z",
		"2027-1-15T08:00:00ZZ",
		"1969-12-31T23:59:59Z",
		"2027-00-15T08:00:00Z",
		"2027-13-15T08:00:00Z",
		"2027-01-00T08:00:00Z",
		"2027-01-32T08:00:00Z",
		"2027-02-29T08:00:00Z",
		"2100-02-29T08:00:00Z",
		"2027-04-31T08:00:00Z",
		"2027-01-15T24:00:00Z",
		"2027-01-15T08:60:00Z",
		"2027-01-15T08:00:60Z",
	};
	uint64_t s;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (vs_time_parse(bad[i], &s) != VS_ERR_INPUT)
			fail_msg("%s", bad[i]);
	}
}

/* S0.4 */
static void every_day_reads_back_and_agrees_with_the_c_library(void **state)
{
	(void)state;
	for (uint64_t day = 0; day < 100000; day++) {
		uint64_t s = day * 86400 + day % 86400;
		time_t at = (time_t)s;
		char text[VS_TIME_LEN], expected[64];
		uint64_t back;
		struct tm tm;

		vs_time_format(s, text);
		assert_non_null(gmtime_r(&at, &tm));
		assert_int_equal(strftime(expected, sizeof expected,
		                          "%Y-%m-%dT%H:%M:%SZ", &tm),
		                 20);
		assert_string_equal(text, expected);
		assert_int_equal(vs_time_parse(text, &back), VS_OK);
		assert_int_equal(back, s);
	}
}

/* S0.4 */
static void times_beyond_9999_are_its_last_second(void **state)
{
	char text[VS_TIME_LEN];

	(void)state;
	vs_time_format(UINT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
	vs_time_format(253402300800, text);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_times_are_read),
		cmocka_unit_test(other_forms_and_impossible_days_are_refused),
		cmocka_unit_test(
			every_day_reads_back_and_agrees_with_the_c_library),
		cmocka_unit_test(times_beyond_9999_are_its_last_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/operate/percent_test.c - names made safe for a URL or a folder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "operate/percent.h"

static void a_name_becomes_one_component(void **state)
{
	static const char *const pairs[][2] = {
		{"fw-1.0_a~b",       "fw-1.0_a~b"            },
		{"a/b",              "a%2Fb"                 },
		{"..",               "%2E%2E"                },
		{".",                "%2E"                   },
		{"../../etc/passwd", "..%2F..%2Fetc%2Fpasswd"},
		{"a%2Fb",            "a%252Fb"               },
		{"\xc3\xa9 ",        "%C3%A9%20"             },
		{"x\n",              "x%0A"                  },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		assert_int_equal(
			vs_percent_encode(pairs[i][0], out, sizeof out), VS_OK);
		assert_string_equal(out, pairs[i][1]);
	}
}

static void what_does_not_fit_or_is_empty_is_refused(void **state)
{
	char out[8];

	(void)state;
	assert_int_equal(vs_percent_encode("", out, sizeof out), VS_ERR_INPUT);
	assert_int_equal(vs_percent_encode("/a", out, sizeof out), VS_OK);
	assert_int_equal(vs_percent_encode("///", out, sizeof out),
	                 VS_ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_becomes_one_component),
		cmocka_unit_test(what_does_not_fit_or_is_empty_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

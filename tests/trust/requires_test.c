/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/requires_test.c - what "requires" may say, and who satisfies it.
 *
 * Covers S0.23 A8 (mix and match).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "trust/json.h"
#include "trust/requires.h"

#define LONG31 "abcdefghijklmnopqrstuvwxyz01234"

static vs_status read(const char *text, struct vs_requires *out,
                      struct vs_why *why)
{
	json_t *custom = json_loads(text, 0, NULL);
	vs_status status;

	assert_non_null(custom);
	*why = (struct vs_why){0};
	status = vs_requires_read(custom, out, why);
	json_decref(custom);
	return status;
}

static void what_is_asked_for_is_read(void **state)
{
	struct vs_requires r;
	struct vs_why why;

	(void)state;
	assert_int_equal(read("{\"component\": \"gateway\", \"requires\": "
	                      "{\"controller\": \"1.4.0\", \"" LONG31
	                      "\": \"" LONG31 "\"}}",
	                      &r, &why),
	                 VS_OK);
	assert_int_equal(r.count, 2);
	assert_string_equal(r.at[0].component, "controller");
	assert_string_equal(r.at[0].least, "1.4.0");
	assert_string_equal(r.at[1].component, LONG31);
	assert_string_equal(r.at[1].least, LONG31);
}

static void nothing_is_asked_for_by_none_and_by_an_empty_object(void **state)
{
	static const char *const texts[] = {"{}", "{\"requires\": {}}"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct vs_requires r = {.count = 1};
		struct vs_why why;

		assert_int_equal(read(texts[i], &r, &why), VS_OK);
		assert_int_equal(r.count, 0);
	}
}

static void what_does_not_follow_the_format_is_refused(void **state)
{
	static const char *const texts[] = {
		"null",
		"[]",
		"\"controller 1.4.0\"",
		"{\"controller\": 1}",
		"{\"controller\": null}",
		"{\"controller\": [\"1.4.0\"]}",
		"{\"controller\": {\"least\": \"1.4.0\"}}",
		"{\"controller\": \"\"}",
		"{\"\": \"1.4.0\"}",
		"{\"controller\": \">= 1.4.0\"}",
		"{\"con troller\": \"1.4.0\"}",
		"{\"controller\": \"1.4.0\\n\"}",
		"{\"controller\": \"" LONG31 "x\"}",
		"{\"" LONG31 "x\": \"1\"}",
		"{\"meter\": \"1\", \"gateway\": \"1\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char text[256];
		struct vs_requires r;
		struct vs_why why;

		snprintf(text, sizeof text,
		         "{\"component\": \"gateway\", \"requires\": %s}",
		         texts[i]);
		if (read(text, &r, &why) != VS_ERR_INPUT)
			fail_msg("taken: %s", texts[i]);
		assert_int_equal(why.code, VS_REASON_MALFORMED);
		assert_string_equal(why.what, "requires");
	}
}

static void more_than_can_be_held_is_too_many(void **state)
{
	for (size_t n = VS_REQUIRES_MAX; n <= VS_REQUIRES_MAX + 1; n++) {
		json_t *all = json_object();
		json_t *custom = json_pack("{s:o}", "requires", all);
		struct vs_requires r;
		struct vs_why why;

		(void)state;
		for (size_t i = 0; i < n; i++) {
			char name[8];

			snprintf(name, sizeof name, "c%zu", i);
			json_object_set_new(all, name, json_string("1"));
		}
		assert_int_equal(vs_requires_read(custom, &r, &why),
		                 n > VS_REQUIRES_MAX ? VS_ERR_LIMIT : VS_OK);
		if (n > VS_REQUIRES_MAX)
			assert_int_equal(why.code, VS_REASON_TOO_LARGE);
		else
			assert_int_equal(r.count, VS_REQUIRES_MAX);
		json_decref(custom);
	}
}

/* What two components satisfy of "controller 1.4.0". */
static void a_component_satisfies_what_is_at_most_its_version(void **state)
{
	static const struct {
		struct vs_runs runs[2];
		const char *has; /* NULL: satisfied */
	} cases[] = {
		{{{"controller", "1.4.0"}, {"meter", "1"}},  NULL       },
		{{{"controller", "1.4"}, {"meter", "1"}},    NULL       },
		{{{"meter", "1"}, {"controller", "1.10"}},   NULL       },
		{{{"controller", "1.3.9"}, {"meter", "9"}},  "1.3.9"    },
		{{{"controller", "1.4.0-rc1"}, {NULL, "9"}}, "1.4.0-rc1"},
		{{{"meter", "9"}, {"safety", "9"}},          ""         },
		{{{"controller", ""}, {"meter", "9"}},       ""         },
		{{{"controller", NULL}, {"meter", "9"}},     ""         },
		{{{NULL, "9"}, {"", "9"}},                   ""         },
		{{{"controller", "2"}, {"controller", "1"}}, "1"        },
		{{{"controller", "2"}, {"controller", "3"}}, NULL       },
	};
	struct vs_requires r = {.count = 1, .at = {{"controller", "1.4.0"}}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *has = NULL;
		const struct vs_requirement *unmet =
			vs_requires_unmet(&r, cases[i].runs, 2, &has);

		assert_int_equal(unmet == NULL, cases[i].has == NULL);
		if (unmet)
			assert_string_equal(has, cases[i].has);
	}
}

static void each_requirement_must_be_satisfied(void **state)
{
	const struct vs_requires r = {
		.count = 2, .at = {{"controller", "1.4"}, {"meter", "2"}}
        };
	const struct vs_runs low = {"controller", "1.4"};
	const struct vs_runs runs[] = {
		{"controller", "1.4"},
                {"meter",      "2"  }
        };
	const struct vs_requires none = {.count = 0};

	(void)state;
	assert_null(vs_requires_unmet(&r, runs, 2, NULL));
	assert_ptr_equal(vs_requires_unmet(&r, runs + 1, 1, NULL), &r.at[0]);
	assert_ptr_equal(vs_requires_unmet(&r, &low, 1, NULL), &r.at[1]);
	assert_null(vs_requires_unmet(&none, NULL, 0, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked_for_is_read),
		cmocka_unit_test(
			nothing_is_asked_for_by_none_and_by_an_empty_object),
		cmocka_unit_test(what_does_not_follow_the_format_is_refused),
		cmocka_unit_test(more_than_can_be_held_is_too_many),
		cmocka_unit_test(
			a_component_satisfies_what_is_at_most_its_version),
		cmocka_unit_test(each_requirement_must_be_satisfied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/campaign/filter_test.c - the filter language and the order of versions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/version.h"
#include "campaign/filter.h"

static const char *const tags[] = {"dc", "north wing"};
static const struct vs_fact_component parts[] = {
	{"gateway",    "2.1.0-rc1", "gw-rev3"},
	{"controller", "1.10.0",    "ctl-a"  },
	{"site",       "3.0",       "x"      },
	{"meter",      "",          "m"      },
};
static const struct vs_facts charger = {
	.id = "CP-0007",
	.model = "ac22",
	.site = "12",
	.feeder = "",
	.region = "nord",
	.tenant = "acme",
	.zone = "Europe/Berlin",
	.tags = tags,
	.tag_count = 2,
	.components = parts,
	.component_count = 4,
};

static bool takes(const char *text)
{
	VS_AUTO(vs_filter_free) struct vs_filter *f = NULL;
	struct vs_why why = {0};

	if (vs_filter_parse(text, strlen(text), &f, &why))
		fail_msg("%s: %s at %zu", text, why.what, why.at);
	return vs_filter_match(f, &charger);
}

/* S0.26 */
static void a_filter_takes_the_chargers_it_describes(void **state)
{
	static const char *const yes[] = {
		"all",
		"model = ac22 and site in (12, 14) and gateway < 2.1.0",
		"id = CP-0007",
		"model != ac11",
		"hardware = ctl-a",
		"hardware in (a, gw-rev3)",
		"feeder = \"\"",
		"region = nord and tenant = acme and zone = Europe/Berlin",
		"tag = dc",
		"has tag \"north wing\"",
		"not has tag ac",
		"site not in (13, 14)",
		"controller > 1.9 and controller <= 1.10",
		"controller = 1.10",
		"controller in (1.9, 1.10.0)",
		"\"site\" >= 3",
		"model = x or model = ac22 and site = 12",
		"not (model = x or site = 13)",
		"not model = x and not site = 13",
		"not not all",
		"absent != 1",
		"not absent < 9",
		"meter != 1",
	};
	static const char *const no[] = {
		"not all",
		"model = AC22",
		"site = 1",
		"gateway >= 2.1.0",
		"controller < 1.9",
		"absent < 9",
		"absent = 1",
		"meter > 0",
		"tag != dc",
		"tag = north",
		"hardware != gw-rev3",
		"(model = ac22 or model = x) and site = 13",
		"model = ac22 and (site = 13 or site = 14)",
		"controller not in (1.10)",
	};

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (!takes(yes[i]))
			fail_msg("should take it: %s", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (takes(no[i]))
			fail_msg("should not take it: %s", no[i]);
}

static void an_error_names_the_place_where_reading_stopped(void **state)
{
	static const struct {
		const char *text;
		size_t at;
		const char *what;
	} wrong[] = {
		{"   ",                  0,  "empty"        },
		{"model",                5,  "after a field"},
		{"model =",              7,  "value"        },
		{"model = and",          8,  "value"        },
		{"model < ac22",         6,  "order"        },
		{"model = a site = b",   10, "end"          },
		{"model = a and",        13, "field"        },
		{"model = a and or",     14, "field"        },
		{"site in 12",           8,  "("            },
		{"site in ()",           9,  "value"        },
		{"site in (12 13)",      12, "list"         },
		{"site in (12,",         12, "value"        },
		{"site not 12",          9,  "after a field"},
		{"(model = a",           10, ")"            },
		{"model = a)",           9,  "end"          },
		{"model = \"a",          8,  "quote"        },
		{"model = \"a\\n\"",     11, "\\"           },
		{"model == a",           7,  "value"        },
		{"model = a ; site = b", 10, "character"    },
		{"has dc",               4,  "tag"          },
		{"= 3",                  0,  "field"        },
		{"\"\" = 3 x",           7,  "end"          },
		{"model = \"a\x01\"",    10, "control"      },
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct vs_filter *f;
		struct vs_why why = {0};
		vs_status st = vs_filter_parse(wrong[i].text,
		                               strlen(wrong[i].text), &f, &why);

		assert_null(f);
		assert_int_equal(st, VS_ERR_INPUT);
		if (why.at != wrong[i].at || !strstr(why.what, wrong[i].what))
			fail_msg("%s: %s at %zu", wrong[i].text, why.what,
			         why.at);
	}
}

static void an_empty_filter_is_no_filter(void **state)
{
	struct vs_filter *f;
	struct vs_why why;

	(void)state;
	assert_int_equal(vs_filter_parse("", 0, &f, &why), VS_ERR_INPUT);
	assert_non_null(strstr(why.what, "empty"));
}

static void what_is_too_large_is_refused_at_its_bound(void **state)
{
	static char text[VS_FILTER_LEN_MAX + 2];
	struct vs_filter *f;
	struct vs_why why;
	size_t n;

	(void)state;
	for (int deep = 0; deep < 2; deep++) {
		n = 0;
		for (int i = 0; i < VS_FILTER_DEPTH_MAX - 1 + deep; i++)
			text[n++] = '(';
		n += (size_t)snprintf(text + n, 8, "all");
		for (int i = 0; i < VS_FILTER_DEPTH_MAX - 1 + deep; i++)
			text[n++] = ')';
		assert_int_equal(vs_filter_parse(text, n, &f, &why),
		                 deep ? VS_ERR_LIMIT : VS_OK);
		vs_filter_free(&f);
	}
	n = 0;
	for (int i = 0; i < 1000; i++)
		n += (size_t)snprintf(text + n, 8, "not ");
	assert_int_equal(vs_filter_parse(text, n, &f, &why), VS_ERR_LIMIT);
	n = (size_t)snprintf(text, 8, "all");
	for (int i = 0; i < 128; i++)
		n += (size_t)snprintf(text + n, 10, " and all");
	assert_int_equal(vs_filter_parse(text, n, &f, &why), VS_ERR_LIMIT);
	assert_int_equal(vs_filter_parse(text, n - 8, &f, &why), VS_OK);
	vs_filter_free(&f);
	n = (size_t)snprintf(text, 10, "site in (");
	for (int i = 0; i < VS_FILTER_VALUES_MAX + 1; i++)
		n += (size_t)snprintf(text + n, 10, "%sa", i ? "," : "");
	text[n] = ')';
	assert_int_equal(vs_filter_parse(text, n + 1, &f, &why), VS_ERR_LIMIT);
	text[n - 2] = ')';
	assert_int_equal(vs_filter_parse(text, n - 1, &f, &why), VS_OK);
	vs_filter_free(&f);
	memset(text, ' ', sizeof text);
	assert_int_equal(vs_filter_parse(text, sizeof text, &f, &why),
	                 VS_ERR_LIMIT);
	memcpy(text, "id = ", 5);
	memset(text + 5, 'x', 64);
	assert_int_equal(vs_filter_parse(text, 69, &f, &why), VS_ERR_LIMIT);
	assert_int_equal(vs_filter_parse(text, 68, &f, &why), VS_OK);
	vs_filter_free(&f);
	assert_int_equal(vs_filter_parse("all\0", 4, &f, &why), VS_ERR_INPUT);
}

static void each_tree_has_one_printed_form(void **state)
{
	static const char *const pairs[][2] = {
		{" ( model=ac22 )and\tsite in(12,14)",
	         "model = ac22 and site in (12, 14)"                                },
		{"has tag x",                          "tag = x"                    },
		{"not (a < 1 and b < 2)",              "not (a < 1 and b < 2)"      },
		{"not (not all)",                      "not not all"                },
		{"a < 1 and (b < 2 and c < 3)",        "a < 1 and (b < 2 and c < 3)"},
		{"(a < 1 and b < 2) and c < 3",        "a < 1 and b < 2 and c < 3"  },
		{"(a < 1 or b < 2) and c < 3",         "(a < 1 or b < 2) and c < 3" },
		{"a < 1 or (b < 2 and c < 3)",         "a < 1 or b < 2 and c < 3"   },
		{"\"gateway\" = \"2\"",                "gateway = 2"                },
		{"\"site\" = 2",                       "\"site\" = 2"               },
		{"\"and\" = \"or\"",                   "\"and\" = \"or\""           },
		{"tag = \"a\\\"b\\\\\"",               "tag = \"a\\\"b\\\\\""       },
		{"site not in (1)",                    "site not in (1)"            },
		{"feeder != \"\"",                     "feeder != \"\""             },
	};

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		VS_AUTO(vs_filter_free) struct vs_filter *f = NULL;
		VS_AUTO(vs_filter_free) struct vs_filter *g = NULL;
		struct vs_why why;
		char *text;

		assert_int_equal(vs_filter_parse(pairs[i][0],
		                                 strlen(pairs[i][0]), &f, &why),
		                 VS_OK);
		assert_int_equal(vs_filter_print(f, &text), VS_OK);
		assert_string_equal(text, pairs[i][1]);
		assert_int_equal(vs_filter_parse(text, strlen(text), &g, &why),
		                 VS_OK);
		assert_true(vs_filter_equal(f, g));
		free(text);
	}
}

static void other_trees_are_not_equal(void **state)
{
	static const char *const texts[] = {
		"a < 1",          "a <= 1",        "a < 2",
		"b < 1",          "\"id\" = 1",    "id = 1",
		"not id = 1",     "all",           "id in (1)",
		"id in (1, 2)",   "id in (2, 1)",  "all and id = 1",
		"id = 1 and all", "id = 1 or all",
	};
	struct vs_filter *f[sizeof texts / sizeof *texts];
	size_t n = sizeof texts / sizeof *texts;
	struct vs_why why;

	(void)state;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(vs_filter_parse(texts[i], strlen(texts[i]),
		                                 &f[i], &why),
		                 VS_OK);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			assert_int_equal(vs_filter_equal(f[i], f[k]), i == k);
	for (size_t i = 0; i < n; i++)
		vs_filter_free(&f[i]);
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void versions_have_one_order(void **state)
{
	static const char *const rising[] = {
		"",
		"0-rc1",
		"0.9",
		"1-2",
		"1.2.0~beta",
		"1.2.0",
		"1.2.0+1",
		"1.2.0a",
		"1.2.1-rc9",
		"1.2.1-rc10",
		"1.2.1-rc10a",
		"1.2.1",
		"1.2.10",
		"1.10",
		"2",
		"2.0.0.1",
		"18446744073709551616",
		"99999999999999999999999",
		"v1",
	};
	static const char *const same[][2] = {
		{"2.1",    "2.1.0"  },
		{"02.1",   "2.01"   },
		{"1-rc01", "1.0-rc1"},
		{"",       "0"      },
	};
	size_t n = sizeof rising / sizeof *rising;

	(void)state;
	for (size_t i = 1; i < n; i++)
		for (size_t k = 1; k < n - 1; k++)
			if (i != n - 1 &&
			    sign(vs_version_compare(rising[i], rising[k])) !=
			            (i > k) - (i < k))
				fail_msg("%s and %s", rising[i], rising[k]);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(vs_version_compare(same[i][0], same[i][1]), 0);
	/* No number counts as 0, text after it as later. */
	assert_true(vs_version_compare("v1", "0") > 0);
	assert_true(vs_version_compare("v1", "1") < 0);
}

/* Whatever the text: a total order, or a sort would go astray. */
static void the_order_of_versions_is_total(void **state)
{
	static const char letters[] = "0019.-~ab+";
	char v[3][8];
	uint64_t x = 88172645463325252u;

	(void)state;
	for (int round = 0; round < 300000; round++) {
		for (int i = 0; i < 3; i++) {
			size_t len = 0;

			do {
				x ^= x << 13;
				x ^= x >> 7;
				x ^= x << 17;
				v[i][len] = letters[x % 10];
			} while (++len < sizeof v[0] - 1 && (x >> 20) % 6);
			v[i][len] = 0;
		}
		int ab = sign(vs_version_compare(v[0], v[1]));
		int bc = sign(vs_version_compare(v[1], v[2]));
		int ac = sign(vs_version_compare(v[0], v[2]));
		if (ab != -sign(vs_version_compare(v[1], v[0])) ||
		    (ab <= 0 && bc <= 0 && ac > (ab + bc < 0 ? -1 : 0)))
			fail_msg("'%s' '%s' '%s'", v[0], v[1], v[2]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_filter_takes_the_chargers_it_describes),
		cmocka_unit_test(
			an_error_names_the_place_where_reading_stopped),
		cmocka_unit_test(an_empty_filter_is_no_filter),
		cmocka_unit_test(what_is_too_large_is_refused_at_its_bound),
		cmocka_unit_test(each_tree_has_one_printed_form),
		cmocka_unit_test(other_trees_are_not_equal),
		cmocka_unit_test(versions_have_one_order),
		cmocka_unit_test(the_order_of_versions_is_total),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

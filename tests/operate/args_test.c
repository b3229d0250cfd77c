/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/operate/args_test.c - what a command line means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "operate/args.h"

static enum vs_exit nothing(const struct vs_args *a)
{
	(void)a;
	return VS_EXIT_OK;
}

static const struct vs_option options[] = {
	{"wave",    "N", "create", true, ""},
	{"name", "TEXT", NULL, false, ""},
	{0      },
};

static const struct vs_command commands[] = {
	{"create", "[FILE]", 0, 1, "", NULL, nothing},
	{"show",       "ID", 1, 1, "", NULL, nothing},
	{0     },
};

static const struct vs_option none[] = {{0}};

static const struct vs_command alone[] = {
	{"", "", 0, 0, "", NULL, nothing},
	{0},
};

static const struct vs_group groups[] = {
	{"campaign", "", options, commands},
	{"whoami",   "", none, alone},
	{0         },
};

static const struct vs_option globals[] = {
	{"json", NULL, NULL, false, ""},
	{"server",  "URL", NULL, false, ""},
	{0   },
};

#define PARSE(out, ...)                                                        \
	parse((char *[]){(char[]){"voltseal"}, __VA_ARGS__, NULL}, out)
#define W(text)                                                                \
	(char[])                                                               \
	{                                                                      \
		text                                                           \
	}

/* Complaints go to standard error; the test looks at the verdict alone. */
static enum vs_exit parse(char **argv, struct vs_args *out)
{
	int argc = 0, kept = dup(STDERR_FILENO), quiet[2];

	while (argv[argc])
		argc++;
	assert_int_equal(pipe(quiet), 0);
	assert_true(dup2(quiet[1], STDERR_FILENO) >= 0);
	enum vs_exit e = vs_args_parse(argc, argv, groups, globals, out);
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	(void)close(kept);
	(void)close(quiet[0]);
	(void)close(quiet[1]);
	return e;
}

static void options_may_stand_anywhere(void **state)
{
	struct vs_args a;

	(void)state;
	assert_int_equal(PARSE(&a, W("--json"), W("campaign"), W("--wave"),
	                       W("1"), W("create"), W("--wave=50%"), W("f"),
	                       W("--server"), W("x")),
	                 VS_EXIT_OK);
	assert_string_equal(a.command->name, "create");
	assert_string_equal(vs_args_nth(&a, "wave", 0), "1");
	assert_string_equal(vs_args_nth(&a, "wave", 1), "50%");
	assert_null(vs_args_nth(&a, "wave", 2));
	assert_string_equal(vs_args_get(&a, "server"), "x");
	assert_true(vs_args_has(&a, "json"));
	assert_false(vs_args_has(&a, "name"));
	assert_int_equal(a.word_count, 1);
	assert_string_equal(a.words[0], "f");
}

static void two_dashes_end_the_options(void **state)
{
	struct vs_args a;

	(void)state;
	assert_int_equal(
		PARSE(&a, W("campaign"), W("show"), W("--"), W("--json")),
		VS_EXIT_OK);
	assert_string_equal(a.words[0], "--json");
	assert_false(vs_args_has(&a, "json"));
}

static void a_group_can_be_one_command(void **state)
{
	struct vs_args a;

	(void)state;
	assert_int_equal(PARSE(&a, W("whoami"), W("--json")), VS_EXIT_OK);
	assert_string_equal(a.group->name, "whoami");
	assert_int_equal(PARSE(&a, W("whoami"), W("x")), VS_EXIT_USAGE);
}

static void what_is_not_in_a_table_is_refused(void **state)
{
	struct vs_args a;

	(void)state;
	assert_int_equal(PARSE(&a, W("bogus")), VS_EXIT_USAGE);
	assert_int_equal(PARSE(&a, W("campaign")), VS_EXIT_USAGE);
	assert_int_equal(PARSE(&a, W("campaign"), W("bogus")), VS_EXIT_USAGE);
	assert_int_equal(PARSE(&a, W("campaign"), W("show")), VS_EXIT_USAGE);
	assert_int_equal(PARSE(&a, W("campaign"), W("show"), W("1"), W("2")),
	                 VS_EXIT_USAGE);
	assert_int_equal(PARSE(&a, W("campaign"), W("show"), W("1"),
	                       W("--wave"), W("1")),
	                 VS_EXIT_USAGE);
	assert_int_equal(
		PARSE(&a, W("campaign"), W("show"), W("1"), W("--server")),
		VS_EXIT_USAGE);
	assert_int_equal(
		PARSE(&a, W("campaign"), W("show"), W("1"), W("--json=1")),
		VS_EXIT_USAGE);
	assert_int_equal(PARSE(&a, W("campaign"), W("create"), W("--name"),
	                       W("a"), W("--name"), W("b")),
	                 VS_EXIT_USAGE);
	assert_int_equal(PARSE(&a, W("whoami"), W("--wave"), W("1")),
	                 VS_EXIT_USAGE);
	assert_int_equal(PARSE(&a, W("campaign"), W("create"), W("--jso")),
	                 VS_EXIT_USAGE);
}

static void help_asks_for_nothing_more(void **state)
{
	struct vs_args a;

	(void)state;
	assert_int_equal(PARSE(&a, W("campaign"), W("show"), W("--help")),
	                 VS_EXIT_OK);
	assert_true(a.help);
	assert_int_equal(PARSE(&a, W("--version")), VS_EXIT_OK);
	assert_true(a.version);
}

static void durations_have_units_and_a_bound(void **state)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t seconds;
	} cases[] = {
		{"0",          true,  0         },
                {"90",         true,  90        },
		{"90s",        true,  90        },
                {"5m",         true,  300       },
		{"2h",         true,  7200      },
                {"1d",         true,  86400     },
		{"",           false, 0         },
                {"s",          false, 0         },
		{"-1s",        false, 0         },
                {"1.5h",       false, 0         },
		{"1 h",        false, 0         },
                {"5mm",        false, 0         },
		{"99999d",     false, 0         },
                {"4294967295", true,  4294967295},
		{"4294967296", false, 0         },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t s = 0;

		assert_int_equal(vs_args_duration(cases[i].text, &s),
		                 cases[i].good);
		if (cases[i].good)
			assert_int_equal(s, cases[i].seconds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_may_stand_anywhere),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(a_group_can_be_one_command),
		cmocka_unit_test(what_is_not_in_a_table_is_refused),
		cmocka_unit_test(help_asks_for_nothing_more),
		cmocka_unit_test(durations_have_units_and_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

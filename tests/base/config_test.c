/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/base/config_test.c - configuration files: a table decides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/config.h"

static const struct vs_config_key table[] = {
	{"server_url", VS_CONFIG_TEXT, 1,   40,    NULL,   "where"    },
	{"poll_ms",    VS_CONFIG_UINT, 100, 60000, "1000", "how often"},
	{"quiet",      VS_CONFIG_BOOL, 0,   0,     "no",   "say less" },
	{"part.*",     VS_CONFIG_TEXT, 1,   10,    NULL,   "parts"    },
};

static vs_status parse(const char *text, struct vs_config **out, char *error)
{
	return vs_config_parse("a.conf", text, strlen(text), table,
	                       sizeof table / sizeof *table, out, error);
}

static void expect_error(const char *text, const char *want)
{
	struct vs_config *c;
	char error[256];

	assert_int_equal(parse(text, &c, error), VS_ERR_INPUT);
	assert_null(c);
	assert_string_equal(error, want);
}

static void values_and_presets_are_given_by_name(void **state)
{
	struct vs_config *c;
	char error[256];
	const char *name, *value;

	(void)state;
	assert_int_equal(parse("# comment\n\n server_url = https://h:1/ \r\n"
	                       "part.b = x\npart.a = y",
	                       &c, error),
	                 VS_OK);
	assert_string_equal(vs_config_text(c, "server_url"), "https://h:1/");
	assert_int_equal(vs_config_uint(c, "poll_ms"), 1000);
	assert_false(vs_config_bool(c, "quiet"));
	assert_true(vs_config_entry(c, 0, &name, &value));
	assert_string_equal(name, "part.b");
	assert_string_equal(value, "x");
	assert_true(vs_config_entry(c, 1, &name, &value));
	assert_false(vs_config_entry(c, 2, &name, &value));
	vs_config_free(&c);
	assert_null(c);
}

static void every_fault_names_file_line_and_key(void **state)
{
	(void)state;
	expect_error("poll_ms = 200\n", "a.conf: server_url: missing");
	expect_error("server_url = a\nspeed = 1\n",
	             "a.conf:2: speed: no such key");
	expect_error("server_url = a\nserver_url = b\n",
	             "a.conf:2: server_url: set twice");
	expect_error("part.a = a\npart.a = b\n", "a.conf:2: part.a: set twice");
	expect_error("poll_ms = 99\n", "a.conf:1: poll_ms: 99 is below 100");
	expect_error("poll_ms = 60001\n",
	             "a.conf:1: poll_ms: 60001 is above 60000");
	expect_error("poll_ms = -1\n",
	             "a.conf:1: poll_ms: \"-1\" is not a whole number");
	expect_error("poll_ms = 0x80\n",
	             "a.conf:1: poll_ms: \"0x80\" is not a whole number");
	expect_error("poll_ms = 99999999999999999999\n",
	             "a.conf:1: poll_ms: \"99999999999999999999\" is not a "
	             "whole number");
	expect_error("quiet = true\n", "a.conf:1: quiet: say yes or no");
	expect_error("server_url =\n",
	             "a.conf:1: server_url: needs 1 to 40 characters");
	expect_error("hello\n", "a.conf:1: hello: not of the form key = value");
	expect_error("Quiet = yes\n",
	             "a.conf:1: Quiet: not a key: use a-z 0-9 _ . -");
	expect_error("part. = yes\n", "a.conf:1: part.: no such key");
	expect_error("\x1b[2J = yes\n",
	             "a.conf:1: \\x1b[2J: not a key: use a-z 0-9 _ . -");
}

static void a_zero_byte_is_refused(void **state)
{
	static const char text[] = "quiet = yes\0no\n";
	struct vs_config *c;
	char error[256];

	(void)state;
	assert_int_equal(vs_config_parse("a.conf", text, sizeof text - 1, table,
	                                 sizeof table / sizeof *table, &c,
	                                 error),
	                 VS_ERR_INPUT);
	assert_non_null(strstr(error, "zero byte"));
}

static void a_missing_file_is_named(void **state)
{
	struct vs_config *c;
	char error[256];

	(void)state;
	assert_int_equal(vs_config_load("/nowhere/a.conf", table, 4, &c, error),
	                 VS_ERR_ABSENT);
	assert_string_equal(error,
	                    "/nowhere/a.conf: No such file or directory");
}

static void put(const char *dir, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void drop_ins_are_read_in_order_and_count(void **state)
{
	static const struct vs_config_key some[] = {
		{"name",    VS_CONFIG_TEXT, 1, 20,  NULL, "a name"  },
		{"poll_ms", VS_CONFIG_UINT, 1, 900, "5",  "a number"},
		{"part.*",  VS_CONFIG_TEXT, 1, 20,  NULL, "parts"   },
	};
	char dir[] = "/tmp/voltseal-config-XXXXXX";
	char main_file[64], parts[64], error[256], said[128];
	const char *name, *value;
	struct vs_config *c;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(main_file, sizeof main_file, "%s/a.conf", dir);
	snprintf(parts, sizeof parts, "%s/a.conf.d", dir);
	assert_int_equal(mkdir(parts, 0700), 0);
	put(dir, "a.conf", "name = main\npoll_ms = 1\npart.x = 1\n");
	put(parts, "20-b.conf", "poll_ms = 20\npart.x = 20\n");
	put(parts, "10-a.conf", "poll_ms = 10\npart.y = 10\n");
	put(parts, ".hidden.conf", "wrong\n");
	put(parts, "note.txt", "wrong\n");
	assert_int_equal(vs_config_load(main_file, some, 3, &c, error), VS_OK);
	assert_string_equal(vs_config_text(c, "name"), "main");
	assert_int_equal(vs_config_uint(c, "poll_ms"), 20);
	assert_true(vs_config_entry(c, 0, &name, &value));
	assert_string_equal(name, "part.x");
	assert_string_equal(value, "20");
	assert_true(vs_config_entry(c, 1, &name, &value));
	assert_string_equal(value, "10");
	assert_false(vs_config_entry(c, 2, &name, &value));
	vs_config_free(&c);
	/* What is wrong is named where it stands, twice in one file too. */
	put(parts, "30-c.conf", "name = c\n\nname = d\n");
	assert_int_equal(vs_config_load(main_file, some, 3, &c, error),
	                 VS_ERR_INPUT);
	snprintf(said, sizeof said, "%s/30-c.conf:3: name: set twice", parts);
	assert_string_equal(error, said);
	put(parts, "30-c.conf", "names = c\n");
	assert_int_equal(vs_config_load(main_file, some, 3, &c, error),
	                 VS_ERR_INPUT);
	snprintf(said, sizeof said, "%s/30-c.conf:1: names: no such key",
	         parts);
	assert_string_equal(error, said);
	/* A key that only a drop-in sets is there. */
	put(dir, "a.conf", "poll_ms = 1\n");
	put(parts, "30-c.conf", "name = c\n");
	assert_int_equal(vs_config_load(main_file, some, 3, &c, error), VS_OK);
	assert_string_equal(vs_config_text(c, "name"), "c");
	vs_config_free(&c);
	for (const char *const *f =
	             (const char *const[]){
			     "a.conf.d/.hidden.conf", "a.conf.d/note.txt",
			     "a.conf.d/10-a.conf", "a.conf.d/20-b.conf",
			     "a.conf.d/30-c.conf", "a.conf", "a.conf.d", "",
			     NULL};
	     *f; f++) {
		char path[128];

		snprintf(path, sizeof path, "%s/%s", dir, *f);
		assert_int_equal(remove(path), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_and_presets_are_given_by_name),
		cmocka_unit_test(every_fault_names_file_line_and_key),
		cmocka_unit_test(a_zero_byte_is_refused),
		cmocka_unit_test(a_missing_file_is_named),
		cmocka_unit_test(drop_ins_are_read_in_order_and_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/path_test.c - which paths a role covers, what a target's file
 * and URL are called, and whether bytes are the target.
 */
#include "tests/trust/repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/digest.h"
#include "trust/tuf_state.h"

static void globs_never_cross_a_slash(void **state)
{
	/* clang-format off */
	static const struct {
		const char *pattern, *path;
		bool match;
	} at[] = {
		{"",             "",                  true},
		{"*",            "",                  true},
		{"*",            "abc",               true},
		{"*",            "a/b",               false},
		{"a/*",          "a/b",               true},
		{"a/*",          "a/b/c",             false},
		{"a/*",          "a/",                true},
		{"*/*",          "a/b",               true},
		{"*/*",          "a",                 false},
		{"?",            "/",                 false},
		{"a?b",          "a/b",               false},
		{"a?b",          "axb",               true},
		{"*.seal",       "x.seal",            true},
		{"*.seal",       "x.sea",             false},
		{"*.seal",       "a.seal.seal",       true},
		{"*ab*ab",       "aabab",             true},
		{"*ab*ab",       "aab",               false},
		{"a*/b*c",       "axx/bcbc",          true},
		{"a*/b*c",       "ax/x/bc",           false},
		{"[ab]",         "a",                 false},
		{"A*",           "abc",               false},
		{"*a*a*a*a*a*b", "aaaaaaaaaaaaaaa",   false},
		{"**",           "abc",               true},
		{"a",            "ab",                false},
		{"ab",           "a",                 false},
		{"?",            "\xc3\xa9",          true},
		{"a?c",          "a\xe2\x82\xac" "c", true},
		{"??",           "\xc3\xa9",          false},
		{"*??",          "a\xc3\xa9",         true},
		{"*???",         "a\xc3\xa9",         false},
		{"*\xa9",        "\xc3\xa9",          false},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		if (vs_tuf_glob(at[i].pattern, at[i].path) != at[i].match)
			fail_msg("%s %s", at[i].pattern, at[i].path);
	}
}

static void a_name_is_its_directory_its_hash_and_its_name(void **state)
{
	static const char hex[] = "000102030405060708090a0b0c0d0e0f"
				  "000102030405060708090a0b0c0d0e0f";
	json_t *hashes = json_pack("{s:s}", "sha256", hex);
	struct vs_target target = {.path = "a/b/c.seal", .hashes = hashes};
	char expected[128];
	char *name;

	(void)state;
	(void)snprintf(expected, sizeof expected, "a/b/%s.c.seal", hex);
	assert_int_equal(vs_target_name(&target, true, &name, NULL), VS_OK);
	assert_string_equal(name, expected);
	free(name);
	assert_int_equal(vs_target_name(&target, false, &name, NULL), VS_OK);
	assert_string_equal(name, "a/b/c.seal");
	free(name);
	target.path = "c";
	(void)snprintf(expected, sizeof expected, "%s.c", hex);
	assert_int_equal(vs_target_name(&target, true, &name, NULL), VS_OK);
	assert_string_equal(name, expected);
	free(name);
	json_object_set_new(hashes, "sha256", json_string("../../etc"));
	assert_int_equal(vs_target_name(&target, true, &name, NULL),
	                 VS_ERR_REFUSED);
	assert_null(name);
	json_decref(hashes);
}

static void a_url_escapes_every_byte_that_is_not_a_name(void **state)
{
	static const char hex[] = "000102030405060708090a0b0c0d0e0f"
				  "000102030405060708090a0b0c0d0e0f";
	static const struct {
		const char *path, *dir, *name;
	} at[] = {
		{"c.seal",       "",           "c.seal"    },
		{"a b/?#%",      "a%20b/",     "%3F%23%25" },
		{"x/\xc3\xa4~+", "x/",         "%C3%A4~%2B"},
		{"...",          "",           "..."       },
		{"a\\b/..c/\n",  "a%5Cb/..c/", "%0A"       },
		{".a/b",         ".a/",        "b"         },
	};
	json_t *hashes = json_pack("{s:s}", "sha256", hex);
	struct vs_target target = {.hashes = hashes};
	char expected[256];
	char *url;

	(void)state;
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		target.path = at[i].path;
		(void)snprintf(expected, sizeof expected, "%s%s.%s", at[i].dir,
		               hex, at[i].name);
		assert_int_equal(vs_target_url(&target, true, &url, NULL),
		                 VS_OK);
		assert_string_equal(url, expected);
		free(url);
		(void)snprintf(expected, sizeof expected, "%s%s", at[i].dir,
		               at[i].name);
		assert_int_equal(vs_target_url(&target, false, &url, NULL),
		                 VS_OK);
		assert_string_equal(url, expected);
		free(url);
	}
	json_object_clear(hashes);
	assert_int_equal(vs_target_url(&target, true, &url, NULL),
	                 VS_ERR_REFUSED);
	json_object_set_new(hashes, "sha512", json_string(hex)); /* too short */
	assert_int_equal(vs_target_url(&target, true, &url, NULL),
	                 VS_ERR_REFUSED);
	assert_null(url);
	json_decref(hashes);
}

static void a_part_that_no_url_carries_is_refused(void **state)
{
	static const char *const bad[] = {"",     "/a",   "a/",    "a//b", "..",
	                                  "../a", "a/..", "a/./b", "."};
	struct vs_target target = {0};
	struct vs_why why;
	char *url;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		target.path = bad[i];
		assert_int_equal(vs_target_url(&target, false, &url, &why),
		                 VS_ERR_INPUT);
		assert_int_equal(why.code, VS_REASON_BAD_PATH);
		assert_null(url);
	}
}

static void a_path_that_could_leave_its_directory_is_refused(void **state)
{
	static const char *const bad[] = {
		"",    "/a",    "a/",   "a//b", "..",  "../a",    "a/..",
		"a b", "a%2Fb", "a\\b", "./a",  "a/.", "\xc3\xa4"};
	struct vs_target target = {0};
	struct vs_why why;
	char *name;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		target.path = bad[i];
		assert_int_equal(vs_target_name(&target, false, &name, &why),
		                 VS_ERR_INPUT);
		assert_int_equal(why.code, VS_REASON_BAD_PATH);
		assert_null(name);
	}
}

/* Every byte a role's name may hold, as its file is called. */
static void a_role_s_name_becomes_one_part_of_a_path(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *file;
	} at[] = {
		{"AZaz09-._~",   "AZaz09-._~"},
		{"@[`{/:",       "%40%5B%60%7B%2F%3A"},
		{"\x01 \x7f",    "%01%20%7F"},
		{"\xc3\xa4",     "%C3%A4"},
		{"..",           ".."}, /* no slash: ".json" comes after */
		{"root2",        "root2"},
	};
	/* clang-format on */
	static const char *const bad[] = {"", "root", "timestamp", "snapshot",
	                                  "targets"};
	char out[VS_TUF_ROLE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		assert_int_equal(vs_tuf_role_encode(at[i].name, true, out),
		                 VS_OK);
		assert_string_equal(out, at[i].file);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(vs_tuf_role_encode(bad[i], true, out),
		                 VS_ERR_INPUT);
}

static void no_digest_at_all_promises_nothing(void **state)
{
	json_t *none = json_object();
	struct vs_why why = {0};

	(void)state;
	assert_int_equal(vs_digest_check(none, "a", 1, &why), VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_UNSUPPORTED);
	assert_int_equal(vs_digest_check(NULL, "a", 1, &why), VS_ERR_REFUSED);
	json_object_set_new(none, "sha256", json_integer(7));
	assert_int_equal(vs_digest_check(none, "a", 1, &why), VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_HASH_MISMATCH);
	json_decref(none);
}

/* Names are judged when the file that holds them enters; who comes past that
 * finds the second door shut. */
static void a_role_s_name_too_long_for_a_file_goes_nowhere(void **state)
{
	char name[VS_TUF_NAME_MAX + 1] = "";
	struct vs_tuf_listed what = {.role = name, .type = "targets"};
	struct vs_tuf_file file = {0};
	struct vs_role keys = {0};
	struct vs_tuf t = {0};
	struct vs_why why;

	(void)state;
	memset(name, 'a', VS_TUF_NAME_MAX);
	assert_int_equal(vs_tuf_load(&t, &what, &keys, &file, &why),
	                 VS_ERR_ABSENT);
	assert_int_equal(vs_tuf_fetch_listed(&t, &what, &keys, &file, &why),
	                 VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_MALFORMED);
	assert_int_equal(vs_tuf_store(&t, name, &file, &why), VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_MALFORMED);
	assert_int_equal(vs_tuf_listed_get(NULL, &what, &why), VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs_never_cross_a_slash),
		cmocka_unit_test(a_name_is_its_directory_its_hash_and_its_name),
		cmocka_unit_test(a_url_escapes_every_byte_that_is_not_a_name),
		cmocka_unit_test(a_part_that_no_url_carries_is_refused),
		cmocka_unit_test(
			a_path_that_could_leave_its_directory_is_refused),
		cmocka_unit_test(a_role_s_name_becomes_one_part_of_a_path),
		cmocka_unit_test(no_digest_at_all_promises_nothing),
		cmocka_unit_test(
			a_role_s_name_too_long_for_a_file_goes_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

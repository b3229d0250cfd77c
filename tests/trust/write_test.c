/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/write_test.c - what is written is what a client accepts.
 *
 * The other tests read what these functions write; here are the refusals.
 */
#include "tests/trust/repo.h"

#include <stdio.h>
#include <string.h>

static const uint64_t too_far = UINT64_C(9007199254740992); /* 2^53 */

static void a_root_needs_each_role_once_with_enough_keys(void **state)
{
	struct repo *r = *state;
	struct vs_write_role roles[4] = {
		{"root",      &r->keys[0], 3, 2},
		{"timestamp", &r->keys[3], 1, 1},
		{"snapshot",  &r->keys[4], 1, 1},
		{"targets",   &r->keys[5], 2, 2},
	};
	json_t *out;

	assert_int_equal(vs_write_root(1, NOW, roles, 4, &out), VS_OK);
	assert_int_equal(json_object_size(json_object_get(out, "keys")), 7);
	assert_true(json_is_true(json_object_get(out, "consistent_snapshot")));
	assert_string_equal(json_string_value(json_object_get(out, "expires")),
	                    "2027-01-15T08:00:00Z");
	json_decref(out);
	assert_int_equal(vs_write_root(0, NOW, roles, 4, &out), VS_ERR_INPUT);
	assert_int_equal(vs_write_root(too_far, NOW, roles, 4, &out),
	                 VS_ERR_INPUT);
	assert_null(out);
	roles[0].key_count = VS_ROLE_KEYS_MAX + 1;
	assert_int_equal(vs_write_root(1, NOW, roles, 4, &out), VS_ERR_INPUT);
	roles[0].key_count = 3;
	assert_int_equal(vs_write_root(1, NOW, roles, 3, &out), VS_ERR_INPUT);
	roles[0].threshold = 0;
	assert_int_equal(vs_write_root(1, NOW, roles, 4, &out), VS_ERR_INPUT);
	roles[0].threshold = 4;
	assert_int_equal(vs_write_root(1, NOW, roles, 4, &out), VS_ERR_INPUT);
	roles[0].threshold = 3;
	roles[1].name = "root";
	assert_int_equal(vs_write_root(1, NOW, roles, 4, &out), VS_ERR_INPUT);
	roles[1].name = "mirrors";
	assert_int_equal(vs_write_root(1, NOW, roles, 4, &out), VS_ERR_INPUT);
	assert_null(out);
}

static void a_role_may_not_hold_one_key_twice(void **state)
{
	struct repo *r = *state;
	struct vs_key twice[2] = {r->keys[0], r->keys[0]};
	struct vs_write_role role = {"a", twice, 2, 2};
	const char *path = "*";

	assert_int_equal(
		vs_write_add_delegation(r->targets, &role, &path, 1, false),
		VS_ERR_INPUT);
}

static void meta_names_end_in_json_and_come_once(void **state)
{
	struct vs_write_file f[2] = {
		{"targets.json", 1, "x", 1},
                {"targets.json", 1, "x", 1}
        };
	json_t *out;

	(void)state;
	assert_int_equal(vs_write_snapshot(1, NOW, f, 2, &out), VS_ERR_INPUT);
	f[1].name = "release";
	assert_int_equal(vs_write_snapshot(1, NOW, f, 2, &out), VS_ERR_INPUT);
	f[1].name = "release.json";
	f[1].version = 0;
	assert_int_equal(vs_write_snapshot(1, NOW, f, 2, &out), VS_ERR_INPUT);
	f[1].version = too_far;
	assert_int_equal(vs_write_snapshot(1, NOW, f, 2, &out), VS_ERR_INPUT);
	f[1].name = ".json";
	f[1].version = 1;
	assert_int_equal(vs_write_snapshot(1, NOW, f, 2, &out), VS_ERR_INPUT);
	f[1].name = "release.json";
	f[1].version = 1;
	assert_int_equal(vs_write_snapshot(1, NOW, f, 2, &out), VS_OK);
	json_decref(out);
	assert_int_equal(vs_write_timestamp(1, 0, NOW, f, &out), VS_ERR_INPUT);
	assert_null(out);
	f[0].name = "snapshot.json";
	assert_int_equal(vs_write_timestamp(1, 0, NOW, f, &out), VS_OK);
	json_decref(out);
}

/* A3: what the reader would pass over is not written. */
static void a_timestamp_says_when_it_was_signed(void **state)
{
	static const struct {
		uint64_t issued_s, expires_s;
		const char *text; /* NULL: not said */
		vs_status status;
	} rows[] = {
		{NOW,     NOW + 1, "2027-01-15T08:00:00Z", VS_OK       },
		{NOW - 1, NOW,     "2027-01-15T07:59:59Z", VS_OK       },
		{0,       NOW,     NULL,                   VS_OK       },
		{NOW,     NOW,     NULL,                   VS_ERR_INPUT},
		{NOW + 1, NOW,     NULL,                   VS_ERR_INPUT},
	};
	const struct vs_write_file f = {"snapshot.json", 1, "x", 1};
	const char *issued;
	json_t *out;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(vs_write_timestamp(1, rows[i].issued_s,
		                                    rows[i].expires_s, &f,
		                                    &out),
		                 rows[i].status);
		issued = json_string_value(json_object_get(out, "issued"));
		assert_int_equal(!issued, !rows[i].text);
		if (issued)
			assert_string_equal(issued, rows[i].text);
		json_decref(out);
	}
}

static void targets_follow_the_publishers_rules(void **state)
{
	static const char *const bad_paths[] = {"", "../a", "/a", "a b",
	                                        "a//b"};
	static const char *const bad_custom[] = {
		"[]",
		"{\"\xc3\xa4\":1}",
		"{\"a\":\"\\u0007\"}",
		"{\"a\":9007199254740992}",
		"{\"a\":[1.5]}",
		"{\"a\":-9007199254740992}",
		"{\"a\":\"\\u007f\"}",
		"{\"\\u007f\":1}",
		"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]}",
	};
	struct repo *r = *state;
	struct vs_write_file f = {"a", 0, "bytes", 5};

	for (size_t i = 0; i < sizeof bad_custom / sizeof *bad_custom; i++)
		assert_int_equal(
			vs_write_add_target(r->targets, &f,
		                            json_loads(bad_custom[i], 0, NULL)),
			VS_ERR_INPUT);
	for (size_t i = 0; i < sizeof bad_paths / sizeof *bad_paths; i++) {
		f.name = bad_paths[i];
		assert_int_equal(vs_write_add_target(r->targets, &f, NULL),
		                 VS_ERR_INPUT);
	}
	assert_int_equal(
		json_object_size(json_object_get(r->targets, "targets")), 0);
	f.name = "a/b";
	assert_int_equal(vs_write_add_target(NULL, &f, NULL), VS_ERR_INPUT);
	assert_int_equal(
		vs_write_add_target(r->targets, &f,
	                            json_pack("{s:s}", "name", "\xc3\xa4")),
		VS_OK);
}

static void delegations_follow_the_publishers_rules(void **state)
{
	struct repo *r = *state;
	struct vs_write_role role = {"release", r->keys, 1, 1};
	const char *path = "*";

	assert_int_equal(
		vs_write_add_delegation(r->targets, &role, &path, 0, false),
		VS_ERR_INPUT);
	assert_int_equal(
		vs_write_add_delegation(r->targets, &role, &path, 1, false),
		VS_OK);
	assert_int_equal(
		vs_write_add_delegation(r->targets, &role, &path, 1, false),
		VS_ERR_INPUT); /* twice */
	role.name = "targets";
	assert_int_equal(
		vs_write_add_delegation(r->targets, &role, &path, 1, false),
		VS_ERR_INPUT);
	role.name = "";
	assert_int_equal(
		vs_write_add_delegation(r->targets, &role, &path, 1, false),
		VS_ERR_INPUT);
	role.name = "\x7f";
	assert_int_equal(
		vs_write_add_delegation(r->targets, &role, &path, 1, false),
		VS_ERR_INPUT);
	role.name = "other";
	assert_int_equal(vs_write_add_delegation(NULL, &role, &path, 1, false),
	                 VS_ERR_INPUT);
	path = "\n";
	assert_int_equal(
		vs_write_add_delegation(r->targets, &role, &path, 1, false),
		VS_ERR_INPUT);
	role.threshold = 2;
	path = "*";
	assert_int_equal(
		vs_write_add_delegation(r->targets, &role, &path, 1, false),
		VS_ERR_INPUT);
}

#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, repo_set_up_new, repo_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_root_needs_each_role_once_with_enough_keys),
		T(a_role_may_not_hold_one_key_twice),
		T(meta_names_end_in_json_and_come_once),
		cmocka_unit_test(a_timestamp_says_when_it_was_signed),
		T(targets_follow_the_publishers_rules),
		T(delegations_follow_the_publishers_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/find_test.c - which role may vouch for which target.
 *
 * Covers S0.20 (right signature, wrong role).
 */
#include "tests/trust/repo.h"

#include <stdio.h>
#include <string.h>

#include "trust/digest.h"
#include "trust/tuf_state.h"

static struct vs_tuf *ready(struct repo *r)
{
	struct vs_tuf *t;

	repo_publish(r);
	repo_provision(r, 1);
	assert_int_equal(repo_refresh(r, NOW, &t, NULL), VS_OK);
	r->requests[0] = '\0';
	return t;
}

static void must_be_from(struct vs_tuf *t, const char *path, const char *role)
{
	struct vs_target target;
	struct vs_why why = {0};
	vs_status status = vs_tuf_find(t, path, &target, &why);

	if (status)
		print_message("%s: %s\n", vs_tuf_failed_file(t), why.what);
	assert_int_equal(status, VS_OK);
	assert_string_equal(target.role, role);
	assert_string_equal(target.path, path);
	assert_string_equal(vs_tuf_failed_file(t), "");
}

static void must_not_be(struct vs_tuf *t, const char *path, vs_status status,
                        vs_reason reason, const char *file)
{
	struct vs_target target;
	struct vs_why why = {0};

	assert_int_equal(vs_tuf_find(t, path, &target, &why), status);
	assert_string_equal(vs_reason_name(why.code), vs_reason_name(reason));
	assert_string_equal(vs_tuf_failed_file(t), file);
	assert_null(target.path);
}

static void must_be_absent(struct vs_tuf *t, const char *path)
{
	must_not_be(t, path, VS_ERR_ABSENT, VS_REASON_NOT_LISTED, path);
}

/* A role that is delegated path and lists target. */
static struct extra *role(struct repo *r, json_t *from, const char *name,
                          int key, const char *path)
{
	struct extra *x = repo_add_role(r, name, key);

	repo_delegate(r, from, name, key, path, false);
	return x;
}

static void the_top_level_file_is_asked_first(void **state)
{
	struct repo *r = *state;
	struct extra *x = role(r, NULL, "release", 7, "*");
	struct vs_tuf *t;

	repo_add_target(r->targets, "a", "top", NULL);
	repo_add_target(x->body, "a", "delegated", NULL);
	t = ready(r);
	must_be_from(t, "a", "targets");
	assert_string_equal(r->requests, "");
	vs_tuf_close(&t);
}

static void a_delegated_role_is_fetched_once(void **state)
{
	struct repo *r = *state;
	struct extra *x = role(r, NULL, "release", 7, "*");
	struct vs_tuf *t;

	repo_add_target(x->body, "a", "a", NULL);
	repo_add_target(x->body, "b", "b", NULL);
	t = ready(r);
	must_be_from(t, "a", "release");
	must_be_from(t, "b", "release");
	assert_string_equal(r->requests, " 1.release.json");
	assert_int_equal(vs_tuf_version(t, "release"), 1);
	vs_tuf_close(&t);
	assert_int_equal(repo_refresh(r, NOW, &t, NULL), VS_OK);
	must_be_from(t, "a", "release");
	assert_null(strstr(r->requests, "release")); /* the stored one */
	vs_tuf_close(&t);
	assert_memory_equal(repo_stored(r, "release")->bytes,
	                    repo_served(r, "1.release.json")->bytes,
	                    repo_stored(r, "release")->len);
}

static void role_names_are_percent_encoded(void **state)
{
	struct repo *r = *state;
	struct extra *x = role(r, NULL, "../gate/way", 7, "*");
	struct vs_tuf *t;

	repo_add_target(x->body, "a", "a", NULL);
	t = ready(r);
	must_be_from(t, "a", "../gate/way");
	assert_string_equal(r->requests, " 1...%2Fgate%2Fway.json");
	assert_non_null(repo_stored(r, "..%2Fgate%2Fway"));
	vs_tuf_close(&t);
}

/* S0.34 A1 */
static void a_role_speaks_only_for_its_paths(void **state)
{
	struct repo *r = *state;
	struct extra *x = role(r, NULL, "gateway", 7, "gateway/*");
	struct vs_tuf *t;

	repo_add_target(x->body, "gateway/1.seal", "a", NULL);
	repo_add_target(x->body, "gateway/sub/1.seal", "a", NULL);
	repo_add_target(x->body, "controller/1.seal", "a", NULL);
	t = ready(r);
	must_be_absent(t, "controller/1.seal");
	must_be_absent(t, "gateway/sub/1.seal");
	assert_string_equal(r->requests, "");
	must_be_from(t, "gateway/1.seal", "gateway");
	vs_tuf_close(&t);
}

/* A path must match at every link, not only at the last. */
static void a_role_cannot_delegate_more_than_it_has(void **state)
{
	struct repo *r = *state;
	struct extra *outer = role(r, NULL, "outer", 7, "gateway/*");
	struct extra *inner = role(r, outer->body, "inner", 8, "*/*");
	struct vs_tuf *t;

	repo_add_target(inner->body, "gateway/1", "a", NULL);
	repo_add_target(inner->body, "controller/1", "a", NULL);
	t = ready(r);
	must_be_absent(t, "controller/1");
	must_be_from(t, "gateway/1", "inner");
	vs_tuf_close(&t);
}

static void roles_are_walked_depth_first_in_their_order(void **state)
{
	struct repo *r = *state;
	struct extra *a = role(r, NULL, "a", 7, "*");
	struct extra *a1, *b;
	struct vs_tuf *t;

	a1 = role(r, a->body, "a1", 8, "*");
	role(r, a->body, "a2", 9, "*");
	b = role(r, NULL, "b", 10, "*");
	role(r, a1->body, "a11", 11, "*");
	repo_add_target(b->body, "x", "from b", NULL);
	t = ready(r);
	must_be_from(t, "x", "b");
	assert_string_equal(r->requests, " 1.a.json 1.a1.json 1.a11.json"
	                                 " 1.a2.json 1.b.json");
	vs_tuf_close(&t);
}

static void a_terminating_role_ends_the_search(void **state)
{
	struct repo *r = *state;
	struct extra *a = repo_add_role(r, "a", 7);
	struct extra *a1, *b;
	struct vs_tuf *t;

	repo_delegate(r, NULL, "a", 7, "*", true);
	b = role(r, NULL, "b", 10, "*");
	a1 = role(r, a->body, "a1", 8, "*");
	repo_add_target(b->body, "x", "from b", NULL);
	repo_add_target(a1->body, "y", "from a1", NULL);
	t = ready(r);
	must_be_absent(t, "x");
	assert_string_equal(r->requests, " 1.a.json 1.a1.json");
	must_be_from(t, "y", "a1"); /* its own delegations still count */
	vs_tuf_close(&t);
}

static void a_terminating_role_for_other_paths_ends_nothing(void **state)
{
	struct repo *r = *state;
	struct extra *b;
	struct vs_tuf *t;

	repo_add_role(r, "a", 7);
	repo_delegate(r, NULL, "a", 7, "y", true);
	b = role(r, NULL, "b", 10, "*");
	repo_add_target(b->body, "x", "from b", NULL);
	t = ready(r);
	must_be_from(t, "x", "b");
	vs_tuf_close(&t);
}

static void a_circle_of_delegations_comes_to_an_end(void **state)
{
	struct repo *r = *state;
	struct extra *a = role(r, NULL, "a", 7, "*");
	struct extra *b = role(r, a->body, "b", 8, "*");
	struct vs_tuf *t;

	repo_delegate(r, b->body, "a", 7, "*", false);
	repo_delegate(r, b->body, "b", 8, "*", false);
	t = ready(r);
	must_be_absent(t, "x");
	assert_string_equal(r->requests, " 1.a.json 1.b.json");
	vs_tuf_close(&t);
}

static void no_more_than_32_delegations_are_followed(void **state)
{
	struct repo *r = *state;
	json_t *from = NULL;
	struct vs_tuf *t;
	char name[16];

	for (int i = 1; i <= 33; i++) {
		struct extra *x;

		(void)snprintf(name, sizeof name, "r%d", i);
		x = role(r, from, name, 7, "*");
		if (i >= 32)
			repo_add_target(x->body, i == 32 ? "near" : "far", "x",
			                NULL);
		from = x->body;
	}
	t = ready(r);
	must_be_from(t, "near", "r32");
	must_not_be(t, "far", VS_ERR_REFUSED, VS_REASON_DELEGATION_LIMIT,
	            "far");
	vs_tuf_close(&t);
}

static void a_role_that_the_snapshot_does_not_list_is_refused(void **state)
{
	struct repo *r = *state;
	struct vs_tuf *t;

	role(r, NULL, "release", 7, "*")->unlisted = true;
	t = ready(r);
	must_not_be(t, "a", VS_ERR_REFUSED, VS_REASON_NOT_LISTED,
	            "1.snapshot.json");
	vs_tuf_close(&t);
}

static void a_role_signed_by_another_key_is_refused(void **state)
{
	struct repo *r = *state;
	struct extra *x = role(r, NULL, "release", 7, "*");
	struct vs_tuf *t;

	repo_add_target(x->body, "a", "a", NULL);
	x->key = 8;
	t = ready(r);
	must_not_be(t, "a", VS_ERR_REFUSED, VS_REASON_THRESHOLD,
	            "1.release.json");
	assert_null(repo_stored(r, "release"));
	vs_tuf_close(&t);
}

static void an_expired_role_is_refused(void **state)
{
	struct repo *r = *state;
	struct vs_tuf *t;

	role(r, NULL, "release", 7, "*")->expires = NOW;
	t = ready(r);
	must_not_be(t, "a", VS_ERR_REFUSED, VS_REASON_EXPIRED,
	            "1.release.json");
	vs_tuf_close(&t);
}

static void a_stored_role_runs_out_too(void **state)
{
	struct repo *r = *state;
	struct extra *x = role(r, NULL, "release", 7, "*");
	struct vs_target target;
	struct vs_why why = {0};
	struct vs_tuf *t;

	repo_add_target(x->body, "a", "a", NULL);
	x->expires = NOW + DAY;
	t = ready(r);
	must_be_from(t, "a", "release");
	vs_tuf_close(&t);
	assert_int_equal(repo_refresh(r, NOW + 2 * DAY, &t, NULL), VS_OK);
	assert_int_equal(vs_tuf_find(t, "a", &target, &why), VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_EXPIRED);
	assert_string_equal(vs_tuf_failed_file(t), "1.release.json");
	vs_tuf_close(&t);
}

/* A7 */
static void a_role_of_other_bytes_is_refused(void **state)
{
	struct repo *r = *state;
	struct vs_tuf *t;

	role(r, NULL, "release", 7, "*");
	t = ready(r);
	repo_served(r, "1.release.json")->bytes[9] ^= 1;
	must_not_be(t, "a", VS_ERR_REFUSED, VS_REASON_HASH_MISMATCH,
	            "1.release.json");
	repo_served(r, "1.release.json")->len--;
	must_not_be(t, "a", VS_ERR_REFUSED, VS_REASON_LENGTH_MISMATCH,
	            "1.release.json");
	repo_unserve(r, "1.release.json");
	must_not_be(t, "a", VS_ERR_IO, VS_REASON_UNREADABLE, "1.release.json");
	vs_tuf_close(&t);
}

/* One file, two delegators with different keys: what it may say under the
 * first says nothing about the second (rust-tuf issue 279). */
static void a_role_is_verified_anew_for_each_delegator(void **state)
{
	struct repo *r = *state;
	struct extra *one = role(r, NULL, "one", 7, "one/*");
	struct extra *two = role(r, NULL, "two", 8, "two/*");
	struct extra *shared = repo_add_role(r, "shared", 9);
	struct vs_tuf *t;

	repo_delegate(r, one->body, "shared", 9, "*/*", false);
	repo_delegate(r, two->body, "shared", 10, "*/*", false);
	repo_add_target(shared->body, "one/a", "a", NULL);
	repo_add_target(shared->body, "two/a", "a", NULL);
	t = ready(r);
	must_be_from(t, "one/a", "shared");
	must_not_be(t, "two/a", VS_ERR_REFUSED, VS_REASON_THRESHOLD,
	            "1.shared.json");
	must_be_from(t, "one/a", "shared");
	vs_tuf_close(&t);
}

/* Two delegators with the same key: the one file serves both. */
static void a_role_that_two_delegate_to_is_fetched_once(void **state)
{
	struct repo *r = *state;
	struct extra *one = role(r, NULL, "one", 7, "one/*");
	struct extra *two = role(r, NULL, "two", 8, "two/*");
	struct extra *shared = repo_add_role(r, "shared", 9);
	struct vs_tuf *t;

	repo_delegate(r, one->body, "shared", 9, "*/*", false);
	repo_delegate(r, two->body, "shared", 9, "*/*", false);
	repo_add_target(shared->body, "one/a", "a", NULL);
	repo_add_target(shared->body, "two/a", "a", NULL);
	t = ready(r);
	must_be_from(t, "one/a", "shared");
	must_be_from(t, "two/a", "shared");
	must_be_from(t, "two/a", "shared");
	assert_string_equal(r->requests,
	                    " 1.one.json 1.shared.json 1.two.json");
	vs_tuf_close(&t);
}

static void a_disk_that_fails_is_no_role_that_is_missing(void **state)
{
	struct repo *r = *state;
	struct vs_tuf *t;

	role(r, NULL, "release", 7, "*");
	t = ready(r);
	r->fail_load = true;
	must_not_be(t, "a", VS_ERR_IO, VS_REASON_UNREADABLE, "release");
	r->fail_load = false;
	r->fail_store = r->stores + 1;
	must_not_be(t, "a", VS_ERR_IO, VS_REASON_UNREADABLE, "1.release.json");
	assert_int_equal(vs_tuf_version(t, "release"), 0);
	must_be_absent(t, "a");
	vs_tuf_close(&t);
}

static void path_hash_prefixes_choose_a_role(void **state)
{
	struct repo *r = *state;
	struct extra *x = role(r, NULL, "bin", 7, "*");
	json_t *delegation = json_array_get(
		json_object_get(json_object_get(r->targets, "delegations"),
	                        "roles"),
		0);
	char hex[VS_DIGEST_HEX_MAX];
	struct vs_tuf *t;

	assert_int_equal(vs_digest_hex("sha256", "in/side", 7, hex), VS_OK);
	hex[3] = '\0';
	json_object_del(delegation, "paths");
	json_object_set_new(delegation, "path_hash_prefixes",
	                    json_pack("[s]", hex));
	repo_add_target(x->body, "in/side", "a", NULL);
	repo_add_target(x->body, "outside", "a", NULL);
	t = ready(r);
	must_be_absent(t, "outside");
	assert_string_equal(r->requests, "");
	must_be_from(t, "in/side", "bin");
	vs_tuf_close(&t);
}

/* Delegations whose form is wrong spoil the file that makes them. */
static const char *member;
static json_t *value;

static void edit_delegation(struct repo *r, const char *file, json_t *body)
{
	json_t *roles =
		json_object_get(json_object_get(body, "delegations"), "roles");

	(void)r;
	if (strcmp(file, "targets.json") == 0)
		json_object_set(json_array_get(roles, 0), member, value);
}

static void malformed_delegations_are_refused(void **state)
{
	static const struct {
		const char *member, *json;
	} bad[] = {
		{"name",               "\"\""         },
                {"name",               "\"root\""     },
		{"name",               "\"targets\""  },
                {"name",               "\"snapshot\"" },
		{"name",               "\"timestamp\""},
                {"name",               "7"            },
		{"name",               "\"b\""        },
                {"keyids",             "{}"           },
		{"keyids",             "[7]"          },
                {"threshold",          "0"            },
		{"threshold",          "-1"           },
                {"threshold",          "\"1\""        },
		{"terminating",        "0"            },
                {"paths",              "\"*\""        },
		{"paths",              "[7]"          },
                {"path_hash_prefixes", "[\"00\"]"     },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct repo *r;

		repo_set_up_new((void **)&r);
		role(r, NULL, "a", 7, "*");
		role(r, NULL, "b", 8, "*");
		r->edit = edit_delegation;
		member = bad[i].member;
		value = json_loads(bad[i].json, JSON_DECODE_ANY, NULL);
		repo_publish(r);
		repo_provision(r, 1);
		repo_must_fail(r, VS_ERR_INPUT, VS_REASON_MALFORMED,
		               "1.targets.json");
		json_decref(value);
		repo_tear_down((void **)&r);
	}
}

static void set_delegations(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (strcmp(file, "targets.json") == 0)
		json_object_set(body, "delegations", value);
}

static void delegations_need_keys_and_roles(void **state)
{
	static const char *const bad[] = {
		"7",
		"{}",
		"{\"keys\":{}}",
		"{\"roles\":[]}",
		"{\"keys\":[],\"roles\":[]}",
		"{\"keys\":{},\"roles\":{}}",
		"{\"keys\":{},\"succinct_roles\":{}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct repo *r;

		repo_set_up_new((void **)&r);
		r->edit = set_delegations;
		value = json_loads(bad[i], JSON_DECODE_ANY, NULL);
		repo_publish(r);
		repo_provision(r, 1);
		repo_must_fail(r, VS_ERR_INPUT, VS_REASON_MALFORMED,
		               "1.targets.json");
		json_decref(value);
		repo_tear_down((void **)&r);
	}
}

static void edit_target(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (strcmp(file, "targets.json") == 0)
		json_object_set(
			json_object_get(json_object_get(body, "targets"), "a"),
			member, value);
}

static void malformed_targets_are_refused(void **state)
{
	static const struct {
		const char *member, *json;
	} bad[] = {
		{"length", "-1"             },
		{"length", "\"1\""          },
		{"hashes", "{}"             },
		{"hashes", "[]"             },
		{"hashes", "{\"sha256\": 1}"},
		{"custom", "\"text\""       },
		{"custom", "null"           },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct repo *r;

		repo_set_up_new((void **)&r);
		repo_add_target(r->targets, "a", "a", NULL);
		r->edit = edit_target;
		member = bad[i].member;
		value = json_loads(bad[i].json, JSON_DECODE_ANY, NULL);
		repo_publish(r);
		repo_provision(r, 1);
		repo_must_fail(r, VS_ERR_INPUT, VS_REASON_MALFORMED,
		               "1.targets.json");
		json_decref(value);
		repo_tear_down((void **)&r);
	}
}

static void nothing_is_found_before_a_refresh(void **state)
{
	struct repo *r = *state;
	struct vs_target target;
	struct vs_tuf *t;

	repo_publish(r);
	repo_provision(r, 1);
	assert_int_equal(vs_tuf_open(&r->ops, NOW, &t, NULL), VS_OK);
	assert_int_equal(vs_tuf_find(t, "a", &target, NULL), VS_ERR_STATE);
	assert_null(vs_tuf_targets(t));
	assert_int_equal(vs_tuf_version(t, "root"), 1);
	assert_int_equal(vs_tuf_version(t, "timestamp"), 0);
	vs_tuf_close(&t);
}

static void downloaded_bytes_are_held_to_length_and_every_hash(void **state)
{
	struct repo *r = *state;
	struct vs_target target;
	struct vs_why why;
	struct vs_tuf *t;
	json_t *hashes;

	repo_add_target(r->targets, "a", "bytes", NULL);
	t = ready(r);
	assert_int_equal(vs_tuf_find(t, "a", &target, NULL), VS_OK);
	assert_int_equal(target.length, 5);
	assert_int_equal(json_object_size(target.hashes), 2);
	assert_int_equal(
		vs_target_check(&target, (const uint8_t *)"bytes", 5, &why),
		VS_OK);
	assert_int_equal(
		vs_target_check(&target, (const uint8_t *)"bytes+", 6, &why),
		VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_LENGTH_MISMATCH);
	assert_int_equal(
		vs_target_check(&target, (const uint8_t *)"Bytes", 5, &why),
		VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_HASH_MISMATCH);
	hashes = json_deep_copy(target.hashes);
	target.hashes = hashes;
	json_object_set_new(hashes, "sha512", json_string("00"));
	assert_int_equal(
		vs_target_check(&target, (const uint8_t *)"bytes", 5, &why),
		VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_HASH_MISMATCH);
	json_object_del(hashes, "sha512");
	json_object_set_new(hashes, "blake9", json_string("00"));
	assert_int_equal(
		vs_target_check(&target, (const uint8_t *)"bytes", 5, &why),
		VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_UNSUPPORTED);
	json_decref(hashes);
	vs_tuf_close(&t);
}

#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, repo_set_up_new, repo_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_top_level_file_is_asked_first),
		T(a_delegated_role_is_fetched_once),
		T(role_names_are_percent_encoded),
		T(a_role_speaks_only_for_its_paths),
		T(a_role_cannot_delegate_more_than_it_has),
		T(roles_are_walked_depth_first_in_their_order),
		T(a_terminating_role_ends_the_search),
		T(a_terminating_role_for_other_paths_ends_nothing),
		T(a_circle_of_delegations_comes_to_an_end),
		T(no_more_than_32_delegations_are_followed),
		T(a_role_that_the_snapshot_does_not_list_is_refused),
		T(a_role_signed_by_another_key_is_refused),
		T(an_expired_role_is_refused),
		T(a_stored_role_runs_out_too),
		T(a_role_of_other_bytes_is_refused),
		T(a_role_is_verified_anew_for_each_delegator),
		T(a_role_that_two_delegate_to_is_fetched_once),
		T(a_disk_that_fails_is_no_role_that_is_missing),
		T(path_hash_prefixes_choose_a_role),
		T(malformed_delegations_are_refused),
		T(delegations_need_keys_and_roles),
		T(malformed_targets_are_refused),
		T(nothing_is_found_before_a_refresh),
		T(downloaded_bytes_are_held_to_length_and_every_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

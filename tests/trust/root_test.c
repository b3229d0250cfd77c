/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/root_test.c - from one root to the next, and what goes with it.
 *
 * Covers S0.1, S3.12: stolen keys below the threshold, fast-forward, a power
 * cut in a chain of roots.
 */
#include "tests/trust/repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Root */

/* Publishes roots 2 to last, each with other root keys than the one before. */
static void rotate(struct repo *r, uint64_t last)
{
	for (uint64_t v = 2; v <= last; v++) {
		int from = (int)(v % 6) * 3 + 7;

		r->old_root = r->role[R_ROOT];
		r->role[R_ROOT] = (struct signers){
			{from, from + 1, from + 2},
                        3, 2
                };
		r->version[R_ROOT] = v;
		repo_publish_root(r);
	}
}

/* A17 */
static void a_chain_of_roots_is_followed_step_by_step(void **state)
{
	struct repo *r = *state;

	rotate(r, 8);
	repo_must_pass(r);
	assert_string_equal(r->requests,
	                    " 2.root.json 3.root.json 4.root.json 5.root.json"
	                    " 6.root.json 7.root.json 8.root.json 9.root.json"
	                    " timestamp.json 1.snapshot.json 1.targets.json");
	assert_int_equal(repo_stored_version(r, "root"), 8);
	assert_int_equal(r->stores, 7 + 3);
}

static void a_failing_store_leaves_a_client_that_goes_on_there(void **state)
{
	for (int fail = 1; fail <= 10; fail++) {
		struct repo *r;

		repo_set_up((void **)&r);
		rotate(r, 8);
		r->fail_store = fail;
		assert_int_equal(repo_refresh(r, NOW, NULL, NULL), VS_ERR_IO);
		assert_int_equal(repo_stored_version(r, "root"),
		                 fail <= 7 ? fail : 8);
		repo_must_pass(r);
		assert_int_equal(repo_stored_version(r, "root"), 8);
		assert_int_equal(repo_stored_version(r, "targets"), 1);
		repo_tear_down((void **)&r);
	}
	(void)state;
}

static void each_root_is_stored_before_the_next_is_asked_for(void **state)
{
	struct repo *r = *state;

	rotate(r, 4);
	repo_must_pass(r);
	assert_string_equal(r->events, " ?2.root.json !root ?3.root.json !root"
	                               " ?4.root.json !root ?5.root.json"
	                               " ?timestamp.json !timestamp"
	                               " ?1.snapshot.json !snapshot"
	                               " ?1.targets.json !targets");
}

/* Fifty roots; the thief of a timestamp key has set the version so high that
 * nothing can follow, and root 25 replaces one of the two keys. */
static struct repo *fifty(void)
{
	struct repo *r;

	repo_set_up((void **)&r);
	r->role[R_TIMESTAMP] = (struct signers){
		{3, 20},
                2, 1
        };
	r->version[R_TIMESTAMP] = 9007199254740991;
	repo_publish(r);
	repo_provision(r, 1);
	repo_must_pass(r);
	r->version[R_TIMESTAMP] = 2;
	rotate(r, 24);
	r->role[R_TIMESTAMP].at[0] = 21;
	for (uint64_t v = 25; v <= 50; v++) {
		r->old_root = (struct signers){0};
		r->version[R_ROOT] = v;
		repo_publish_root(r);
	}
	repo_publish_files(r);
	r->writes = 0;
	return r;
}

/* S0.2 S3.26 S0.4 A17: whichever write is the last, the client goes on from
 * there and never stays behind what the stolen key signed. */
static void a_cut_at_every_step_of_fifty_roots_is_survived(void **state)
{
	const int writes = 49 + 2 + 2; /* roots; two files gone and made */
	char first[32];

	(void)state;
	for (int cut = 1; cut <= writes; cut++) {
		struct repo *r = fifty();
		uint64_t at;

		r->cut = cut;
		assert_int_equal(repo_refresh(r, NOW, NULL, NULL), VS_ERR_IO);
		assert_int_equal(r->writes, cut);
		at = repo_stored_version(r, "root");
		assert_true(at == 50 || at == (uint64_t)cut ||
		            at == (uint64_t)cut - 1 || at == (uint64_t)cut - 2);
		r->cut = 0;
		repo_must_pass(r);
		(void)snprintf(first, sizeof first, " ?%d.root.json",
		               (int)at + 1);
		assert_memory_equal(r->events, first, strlen(first));
		assert_int_equal(repo_stored_version(r, "root"), 50);
		assert_int_equal(repo_stored_version(r, "timestamp"), 2);
		assert_int_equal(repo_stored_version(r, "targets"), 1);
		repo_tear_down((void **)&r);
	}
}

/* A17 */
static void a_root_must_be_signed_by_the_one_before(void **state)
{
	struct repo *r = *state;

	r->role[R_ROOT] = (struct signers){
		{7, 8, 9},
                3, 2
        };
	r->version[R_ROOT] = 2;
	repo_publish_root(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_THRESHOLD, "2.root.json");
	assert_int_equal(repo_stored_version(r, "root"), 1);
}

static void strip_new_keys(struct repo *r, const char *file,
                           struct vs_envelope *e)
{
	json_t *signatures = json_object_get(e->whole, "signatures");

	if (strcmp(file, "2.root.json") != 0)
		return;
	(void)r; /* the new keys signed first: 7, 8, 9, and then 0, 1, 2 */
	json_array_remove(signatures, 0);
	json_array_remove(signatures, 0);
}

/* A17 */
static void a_root_must_be_signed_by_its_own_keys_too(void **state)
{
	struct repo *r = *state;

	r->old_root = r->role[R_ROOT];
	r->role[R_ROOT] = (struct signers){
		{7, 8, 9},
                3, 2
        };
	r->version[R_ROOT] = 2;
	r->spoil = strip_new_keys;
	repo_publish_root(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_THRESHOLD, "2.root.json");
}

/* A17 */
static void a_root_that_skips_a_version_is_refused(void **state)
{
	struct repo *r = *state;

	r->version[R_ROOT] = 3;
	repo_publish_root(r);
	repo_serve_as(r, "3.root.json", "2.root.json");
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_WRONG_VERSION,
	               "2.root.json");
}

/* A2 */
static void an_old_root_under_a_new_name_is_refused(void **state)
{
	struct repo *r = *state;

	repo_serve_as(r, "1.root.json", "2.root.json");
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_ROLLBACK, "2.root.json");
}

static void only_the_last_root_has_to_be_unexpired(void **state)
{
	struct repo *r = *state;

	r->version[R_ROOT] = 2;
	r->expires[R_ROOT] = NOW - DAY;
	repo_publish_root(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_EXPIRED, "2.root.json");
	assert_string_equal(r->requests, " 2.root.json 3.root.json");
	r->version[R_ROOT] = 3;
	r->expires[R_ROOT] = NOW + DAY;
	repo_publish_root(r);
	repo_must_pass(r);
}

/* A5 A17 */
static void no_more_than_256_roots_are_taken_at_a_time(void **state)
{
	struct repo *r = *state;
	char *log = r->requests;
	struct vs_tuf *t;

	for (r->version[R_ROOT] = 2; r->version[R_ROOT] <= 258;
	     r->version[R_ROOT]++)
		repo_publish_root(r);
	assert_int_equal(repo_refresh(r, NOW, &t, NULL), VS_OK);
	assert_int_equal(vs_tuf_version(t, "root"), 257);
	assert_non_null(strstr(log, " 257.root.json timestamp.json"));
	vs_tuf_close(&t);
}

/* A14 */
static const char *consistent; /* as JSON; NULL: not said */

static void set_consistent(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (strcmp(file, "2.root.json") != 0)
		return;
	json_object_del(body, "consistent_snapshot");
	if (consistent)
		json_object_set_new(
			body, "consistent_snapshot",
			json_loads(consistent, JSON_DECODE_ANY, NULL));
}

static void consistent_snapshot_is_true_or_false(void **state)
{
	static const char *const bad[] = {"\"true\"", "1", "null"};
	struct repo *r = *state;
	struct vs_tuf *t;

	assert_int_equal(repo_refresh(r, NOW, &t, NULL), VS_OK);
	assert_true(vs_tuf_consistent(t));
	vs_tuf_close(&t);
	r->edit = set_consistent;
	r->version[R_ROOT] = 2;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		consistent = bad[i];
		repo_publish_root(r);
		repo_must_fail(r, VS_ERR_INPUT, VS_REASON_MALFORMED,
		               "2.root.json");
	}
	consistent = NULL; /* 4.3: optional, and then it is false */
	r->consistent = false;
	repo_publish(r);
	assert_int_equal(repo_refresh(r, NOW, &t, NULL), VS_OK);
	assert_false(vs_tuf_consistent(t));
	vs_tuf_close(&t);
}

/* What the next root lacks: a member, or a role of "roles". */
static const char *lacking, *lacking_role;

static void take_member(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (strcmp(file, "2.root.json") != 0)
		return;
	if (lacking)
		json_object_del(body, lacking);
	else
		json_object_del(json_object_get(body, "roles"), lacking_role);
}

static void a_root_names_keys_and_all_four_roles(void **state)
{
	static const char *const members[] = {"keys", "roles"};
	static const char *const roles[] = {"root", "timestamp", "snapshot",
	                                    "targets"};
	struct repo *r = *state;

	r->edit = take_member;
	r->version[R_ROOT] = 2;
	for (size_t i = 0; i < 2; i++) {
		lacking = members[i];
		repo_publish_root(r);
		repo_must_fail(r, VS_ERR_INPUT, VS_REASON_MALFORMED,
		               "2.root.json");
	}
	lacking = NULL;
	for (size_t i = 0; i < 4; i++) {
		lacking_role = roles[i];
		repo_publish_root(r);
		repo_must_fail(r, VS_ERR_INPUT, VS_REASON_MALFORMED,
		               "2.root.json");
	}
}

static void one_key_too_few_is_refused(void **state)
{
	struct repo *r = *state;

	r->role[R_ROOT] = (struct signers){{0}, 1, 1};
	r->version[R_ROOT] = 2;
	repo_publish_root(r); /* signed by one of the old three */
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_THRESHOLD, "2.root.json");
}

/* A4 */
static void fast_forward_is_undone_by_rotating_the_key(void **state)
{
	struct repo *r = *state;

	r->version[R_TIMESTAMP] = 9007199254740991;
	r->version[R_SNAPSHOT] = 9007199254740991;
	repo_publish_files(r);
	repo_must_pass(r);
	r->version[R_TIMESTAMP] = 2;
	r->version[R_SNAPSHOT] = 2;
	repo_publish_files(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_ROLLBACK, "timestamp.json");
	/* The stolen key stays valid beside the new one: the files go. */
	r->role[R_TIMESTAMP] = (struct signers){
		{3, 20},
                2, 1
        };
	r->version[R_ROOT] = 2;
	repo_publish(r);
	repo_must_pass(r);
	assert_int_equal(repo_stored_version(r, "timestamp"), 2);
	assert_int_equal(repo_stored_version(r, "snapshot"), 2);
}

static void rotating_the_snapshot_key_forgets_both_files(void **state)
{
	struct repo *r = *state;

	r->version[R_SNAPSHOT] = 1000;
	r->version[R_TIMESTAMP] = 1000;
	repo_publish_files(r);
	repo_must_pass(r);
	r->role[R_SNAPSHOT] = (struct signers){{21}, 1, 1};
	r->version[R_ROOT] = 2;
	r->version[R_SNAPSHOT] = 5;
	r->version[R_TIMESTAMP] = 5;
	repo_publish(r);
	repo_must_pass(r);
	assert_int_equal(repo_stored_version(r, "snapshot"), 5);
}

static void a_root_that_rotates_nothing_keeps_the_floor(void **state)
{
	struct repo *r = repo_second(state);

	repo_publish_files(r);
	repo_must_pass(r);
	r->version[R_ROOT] = 2;
	r->version[R_TIMESTAMP] = 1;
	repo_publish(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_ROLLBACK, "timestamp.json");
}

static void a_file_that_cannot_be_forgotten_stops_the_refresh(void **state)
{
	struct repo *r = *state;

	repo_must_pass(r);
	r->role[R_TIMESTAMP] = (struct signers){{22}, 1, 1};
	r->version[R_ROOT] = 2;
	repo_publish(r);
	r->fail_remove = true;
	assert_int_equal(repo_refresh(r, NOW, NULL, NULL), VS_ERR_IO);
	r->fail_remove = false;
	repo_must_pass(r); /* root 2 is in force, the old file is not good */
	assert_int_equal(repo_stored_version(r, "root"), 2);
}

#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, repo_set_up, repo_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_chain_of_roots_is_followed_step_by_step),
		T(a_failing_store_leaves_a_client_that_goes_on_there),
		T(each_root_is_stored_before_the_next_is_asked_for),
		T(a_cut_at_every_step_of_fifty_roots_is_survived),
		T(a_root_must_be_signed_by_the_one_before),
		T(a_root_must_be_signed_by_its_own_keys_too),
		T(a_root_that_skips_a_version_is_refused),
		T(an_old_root_under_a_new_name_is_refused),
		T(only_the_last_root_has_to_be_unexpired),
		T(no_more_than_256_roots_are_taken_at_a_time),
		T(consistent_snapshot_is_true_or_false),
		T(a_root_names_keys_and_all_four_roles),
		T(one_key_too_few_is_refused),
		T(fast_forward_is_undone_by_rotating_the_key),
		T(rotating_the_snapshot_key_forgets_both_files),
		T(a_root_that_rotates_nothing_keeps_the_floor),
		T(a_file_that_cannot_be_forgotten_stops_the_refresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

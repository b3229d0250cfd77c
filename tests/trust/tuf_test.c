/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/tuf_test.c - the client workflow, file by file.
 *
 * Covers S0.1, S0.20, S3.12 and the attacks of TUF 1.0.34 section 1.5.2 on
 * metadata: rollback, freeze, mix-and-match.
 */
#include "tests/trust/repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Order of requests and what is stored */

static void requests_come_in_the_order_of_the_specification(void **state)
{
	struct repo *r = *state;

	repo_must_pass(r);
	assert_string_equal(r->requests, " 2.root.json timestamp.json"
	                                 " 1.snapshot.json 1.targets.json");
	repo_must_pass(r);
	assert_string_equal(r->requests, " 2.root.json timestamp.json");
}

static void without_consistent_snapshots_names_carry_no_version(void **state)
{
	struct repo *r = *state;

	r->consistent = false;
	repo_publish(r);
	repo_provision(r, 1);
	repo_must_pass(r);
	assert_string_equal(r->requests, " 2.root.json timestamp.json"
	                                 " snapshot.json targets.json");
}

static void files_are_stored_as_they_were_received(void **state)
{
	struct repo *r = *state;

	repo_must_pass(r);
	repo_same_file(repo_stored(r, "root"), repo_served(r, "1.root.json"));
	repo_same_file(repo_stored(r, "timestamp"),
	               repo_served(r, "timestamp.json"));
	repo_same_file(repo_stored(r, "snapshot"),
	               repo_served(r, "1.snapshot.json"));
	repo_same_file(repo_stored(r, "targets"),
	               repo_served(r, "1.targets.json"));
}

static void an_invalid_initial_root_makes_no_request(void **state)
{
	struct repo *r = *state;
	struct memfile *root = repo_stored(r, "root");

	root->bytes[root->len / 2] ^= 1;
	assert_int_not_equal(repo_refresh(r, NOW, NULL, NULL), VS_OK);
	assert_string_equal(r->requests, "");
	repo_store(r, "root", "{}", 2);
	repo_must_fail(r, VS_ERR_INPUT, VS_REASON_MALFORMED, "root.json");
	assert_string_equal(r->requests, "");
}

static void without_a_root_there_is_no_client(void **state)
{
	struct repo *r = *state;
	struct vs_tuf *t;
	struct vs_why why;

	r->ops.remove(r, "root");
	assert_int_equal(vs_tuf_open(&r->ops, NOW, &t, &why), VS_ERR_ABSENT);
	assert_null(t);
	vs_tuf_close(&t);
}

static void a_repository_that_cannot_be_reached_is_no_refusal(void **state)
{
	struct repo *r = *state;

	r->unreachable = true;
	repo_must_fail(r, VS_ERR_IO, VS_REASON_UNREADABLE, "2.root.json");
}

static vs_status fetch_starved(void *ctx, const char *name, size_t max,
                               uint8_t **out, size_t *len)
{
	(void)ctx;
	(void)name;
	(void)max;
	(void)out;
	(void)len;
	return VS_ERR_NOMEM;
}

static void a_fetch_without_memory_is_no_refusal(void **state)
{
	struct repo *r = *state;

	r->ops.fetch = fetch_starved;
	repo_must_fail(r, VS_ERR_NOMEM, VS_REASON_NONE, "2.root.json");
}

static void a_missing_file_is_no_refusal(void **state)
{
	static const char *const names[] = {"timestamp.json", "1.snapshot.json",
	                                    "1.targets.json"};
	struct repo *r = *state;

	struct memfile *f;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		f = repo_served(r, names[i]);
		f->name[0] ^= 1;
		repo_must_fail(r, VS_ERR_IO, VS_REASON_UNREADABLE, names[i]);
		f->name[0] ^= 1;
	}
	repo_must_pass(r);
}

static void a_disk_that_fails_is_told_apart_from_an_empty_one(void **state)
{
	struct repo *r = *state;

	repo_must_pass(r);
	r->fail_load = true;
	assert_int_equal(repo_refresh(r, NOW, NULL, NULL), VS_ERR_IO);
}

/* Timestamp */

/* A2 */
static void an_older_timestamp_is_refused(void **state)
{
	struct repo *r = repo_second(state);
	struct memfile *f = repo_served(r, "timestamp.json");
	uint8_t *old = malloc(f->len);
	size_t old_len = f->len;

	memcpy(old, f->bytes, f->len);
	repo_publish_files(r);
	repo_must_pass(r);
	repo_serve(r, "timestamp.json", old, old_len);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_ROLLBACK, "timestamp.json");
	assert_int_equal(repo_stored_version(r, "timestamp"), 2);
	free(old);
}

static void a_timestamp_of_the_same_version_changes_nothing(void **state)
{
	struct repo *r = repo_second(state);

	r->version[R_TIMESTAMP] = 1; /* but another snapshot, a later expiry */
	r->expires[R_TIMESTAMP] = NOW + 60 * DAY;
	repo_publish_files(r);
	repo_must_pass(r);
	assert_string_equal(r->requests, " 2.root.json timestamp.json");
	assert_int_equal(repo_stored_version(r, "snapshot"), 1);
}

static void must_be_expired(struct repo *r, uint64_t now_s, const char *file)
{
	struct vs_why why = {0};
	struct vs_tuf *t;

	assert_int_equal(repo_refresh(r, now_s, &t, &why), VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_EXPIRED);
	assert_string_equal(vs_tuf_failed_file(t), file);
	vs_tuf_close(&t);
}

/* A3: the server goes on serving what the client has: each file must still run
 * out by itself (freeze). */
static void a_stored_file_runs_out_like_any_other(void **state)
{
	static const char *const served[R_COUNT] = {
		[R_TIMESTAMP] = "timestamp.json",
		[R_SNAPSHOT] = "1.snapshot.json",
		[R_TARGETS] = "1.targets.json"};

	(void)state;
	for (int i = R_TIMESTAMP; i < R_COUNT; i++) {
		struct repo *r;

		repo_set_up((void **)&r);
		for (int j = 0; j < R_COUNT; j++)
			r->expires[j] = NOW + (i == j ? 1 : 9) * DAY;
		repo_publish(r);
		repo_provision(r, 1);
		repo_must_pass(r);
		must_be_expired(r, NOW + 2 * DAY, served[i]);
		repo_tear_down((void **)&r);
	}
}

/* A2 */
static void a_timestamp_may_not_name_an_older_snapshot(void **state)
{
	struct repo *r = repo_second(state);

	repo_publish_files(r);
	repo_must_pass(r);
	r->version[R_TIMESTAMP] = 3;
	r->version[R_SNAPSHOT] = 1;
	repo_publish_files(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_ROLLBACK, "timestamp.json");
	assert_int_equal(repo_stored_version(r, "timestamp"), 2);
}

static void drop_snapshot(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (strcmp(file, "timestamp.json") == 0)
		json_object_del(json_object_get(body, "meta"), "snapshot.json");
}

static void a_timestamp_must_name_the_snapshot(void **state)
{
	struct repo *r = *state;

	r->edit = drop_snapshot;
	repo_publish_files(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_NOT_LISTED,
	               "timestamp.json");
	assert_int_equal(repo_stored_version(r, "timestamp"), 0);
}

/* Stored by a client that asked less of it: not a floor, and not in the way.
 */
static void a_stored_timestamp_without_a_snapshot_is_no_floor(void **state)
{
	struct repo *r = *state;
	struct memfile *f;

	r->edit = drop_snapshot;
	repo_publish_files(r);
	f = repo_served(r, "timestamp.json");
	repo_store(r, "timestamp", f->bytes, f->len);
	r->edit = NULL;
	r->version[R_TIMESTAMP] = 2;
	repo_publish_files(r);
	repo_must_pass(r);
	assert_int_equal(repo_stored_version(r, "timestamp"), 2);
}

/* Snapshot */

/* 5.5.2: whether or not its length and hashes are listed. */
static void a_stored_file_of_the_listed_version_is_used(void **state)
{
	(void)state;
	for (int listed = 0; listed < 2; listed++) {
		struct repo *r;

		repo_set_up((void **)&r);
		r->listed_hashes = listed;
		repo_publish_files(r);
		repo_must_pass(r);
		repo_must_pass(r);
		assert_string_equal(r->requests, " 2.root.json timestamp.json");
		repo_tear_down((void **)&r);
	}
}

static void drop_the_hashes(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (strcmp(file, "timestamp.json") == 0)
		json_object_del(json_object_get(json_object_get(body, "meta"),
		                                "snapshot.json"),
		                "hashes");
}

/* The same version is signed again; what is stored is not what is listed. */
static void a_stored_snapshot_of_other_bytes_is_not_used(void **state)
{
	static const struct {
		uint64_t expires_s;
		bool longer;
		void (*edit)(struct repo *r, const char *file, json_t *body);
	} rows[] = {
		{NOW + 31 * DAY, false, NULL           },
		{NOW + 30 * DAY, true,  NULL           },
		{NOW + 30 * DAY, true,  drop_the_hashes},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct repo *r;

		repo_set_up((void **)&r);
		repo_must_pass(r);
		r->expires[R_SNAPSHOT] = rows[i].expires_s;
		if (rows[i].longer)
			repo_add_role(r, "release", 7);
		r->version[R_TIMESTAMP] = 2;
		r->edit = rows[i].edit;
		repo_publish_files(r);
		repo_must_pass(r);
		assert_non_null(strstr(r->requests, " 1.snapshot.json"));
		repo_same_file(repo_stored(r, "snapshot"),
		               repo_served(r, "1.snapshot.json"));
		repo_tear_down((void **)&r);
	}
}

/* S0.1: what a repository announces cannot raise our own maximum. */
static void set_huge_length(struct repo *r, const char *file, json_t *body)
{
	json_t *entry =
		json_object_get(json_object_get(body, "meta"), "snapshot.json");

	if (entry && strcmp(file, "timestamp.json") == 0 && r->listed_hashes)
		json_object_set_new(entry, "length",
		                    json_integer(VS_TUF_SNAPSHOT_MAX + 1));
}

static void a_snapshot_over_its_maximum_is_not_read(void **state)
{
	struct repo *r = *state;
	char *big = calloc(1, VS_TUF_SNAPSHOT_MAX + 1);

	assert_non_null(big);
	r->edit = set_huge_length;
	for (int listed = 0; listed < 2; listed++) {
		r->listed_hashes = listed;
		repo_publish_files(r);
		repo_serve(r, "1.snapshot.json", big, VS_TUF_SNAPSHOT_MAX + 1);
		repo_must_fail(r, VS_ERR_LIMIT, VS_REASON_TOO_LARGE,
		               "1.snapshot.json");
		r->version[R_TIMESTAMP]++;
	}
	free(big);
}

static vs_status fetch_more(void *ctx, const char *name, size_t max,
                            uint8_t **out, size_t *len)
{
	struct repo *r = ctx;

	(void)name;
	(void)r;
	*len = max + 1;
	*out = calloc(1, *len);
	return *out ? VS_OK : VS_ERR_NOMEM;
}

static void a_fetch_that_gives_more_than_it_may_is_not_read(void **state)
{
	struct repo *r = *state;

	r->ops.fetch = fetch_more;
	repo_must_fail(r, VS_ERR_LIMIT, VS_REASON_TOO_LARGE, "2.root.json");
}

static void edit_snapshot_entry(json_t *body, const char *what, json_t *v)
{
	json_t *entry =
		json_object_get(json_object_get(body, "meta"), "snapshot.json");

	json_object_set_new(entry, what, v);
}

static void set_length(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (strcmp(file, "timestamp.json") == 0)
		edit_snapshot_entry(body, "length", json_integer(100));
}

/* A5 */
static void a_snapshot_longer_than_announced_is_refused(void **state)
{
	struct repo *r = *state;

	r->edit = set_length;
	repo_publish_files(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_LENGTH_MISMATCH,
	               "1.snapshot.json");
}

static void set_long_length(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (strcmp(file, "timestamp.json") == 0)
		edit_snapshot_entry(body, "length", json_integer(100000));
}

static void a_snapshot_shorter_than_announced_is_refused(void **state)
{
	struct repo *r = *state;

	r->edit = set_long_length;
	repo_publish_files(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_LENGTH_MISMATCH,
	               "1.snapshot.json");
}

static void set_hash(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (strcmp(file, "timestamp.json") == 0)
		edit_snapshot_entry(body, "hashes",
		                    json_pack("{s:s}", "sha256", "abcd"));
}

/* S0.25 */
static void a_snapshot_of_other_bytes_is_refused(void **state)
{
	struct repo *r = *state;

	r->edit = set_hash;
	repo_publish_files(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_HASH_MISMATCH,
	               "1.snapshot.json");
}

static void set_unknown_hash(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (strcmp(file, "timestamp.json") == 0)
		edit_snapshot_entry(body, "hashes",
		                    json_pack("{s:s}", "md5", "abcd"));
}

/* S0.25 */
static void a_digest_nobody_can_check_is_refused(void **state)
{
	struct repo *r = *state;

	r->edit = set_unknown_hash;
	repo_publish_files(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_UNSUPPORTED,
	               "1.snapshot.json");
}

/* A7 */
static void a_snapshot_of_another_version_is_refused(void **state)
{
	struct repo *r = *state;

	r->listed_hashes = false;
	repo_publish_files(r);
	r->version[R_SNAPSHOT] = 2;
	r->version[R_TIMESTAMP] = 2;
	repo_publish_files(r);
	repo_serve_as(r, "1.snapshot.json", "2.snapshot.json");
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_WRONG_VERSION,
	               "2.snapshot.json");
}

/* A2 A7: mix and match: files of different times in one snapshot. */
static void a_snapshot_may_not_lower_a_role(void **state)
{
	struct repo *r = repo_second(state);

	repo_publish_files(r);
	repo_must_pass(r);
	r->version[R_TIMESTAMP] = 3;
	r->version[R_SNAPSHOT] = 3;
	r->version[R_TARGETS] = 1;
	repo_publish_files(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_ROLLBACK,
	               "3.snapshot.json");
	assert_int_equal(repo_stored_version(r, "snapshot"), 2);
}

static void a_role_may_not_vanish_from_the_snapshot(void **state)
{
	struct repo *r = *state;
	struct extra *x = repo_add_role(r, "release", 7);

	repo_publish_files(r);
	r = repo_second(state);
	x->unlisted = true;
	repo_publish_files(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_VANISHED,
	               "2.snapshot.json");
}

static void drop_targets(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (strcmp(file, "snapshot.json") == 0)
		json_object_del(json_object_get(body, "meta"), "targets.json");
}

static void a_snapshot_must_name_the_targets(void **state)
{
	struct repo *r = *state;

	r->edit = drop_targets;
	repo_publish_files(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_NOT_LISTED,
	               "1.snapshot.json");
}

static void set_meta_version(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (strcmp(file, "snapshot.json") == 0)
		json_object_set_new(
			json_object_get(json_object_get(body, "meta"),
		                        "targets.json"),
			"version", json_integer(0));
}

static void a_listed_version_of_zero_is_malformed(void **state)
{
	struct repo *r = *state;

	r->edit = set_meta_version;
	repo_publish_files(r);
	repo_must_fail(r, VS_ERR_INPUT, VS_REASON_MALFORMED, "1.snapshot.json");
}

/* Targets */

/* A7 */
static void targets_of_another_version_are_refused(void **state)
{
	struct repo *r = *state;

	r->listed_hashes = false;
	repo_publish_files(r);
	r = repo_second(state);
	repo_publish_files(r);
	repo_serve_as(r, "1.targets.json", "2.targets.json");
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_WRONG_VERSION,
	               "2.targets.json");
}

/* S2.37: a root that withdraws a key withdraws what it signed, stored or not.
 */
static void targets_of_a_withdrawn_key_are_refused(void **state)
{
	struct repo *r = *state;

	repo_must_pass(r);
	r->role[R_TARGETS] = (struct signers){
		{23, 24},
                2, 2
        };
	r->version[R_ROOT] = 2;
	repo_publish_root(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_THRESHOLD,
	               "1.targets.json");
}

static void targets_of_other_bytes_are_refused(void **state)
{
	struct repo *r = *state;
	struct memfile *f = repo_served(r, "1.targets.json");

	f->bytes[10] ^= 1;
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_HASH_MISMATCH,
	               "1.targets.json");
}

static void set_threshold_zero(struct repo *r, const char *file, json_t *body)
{
	json_t *roles =
		json_object_get(json_object_get(body, "delegations"), "roles");

	(void)r;
	(void)file;
	json_object_set_new(json_array_get(roles, 0), "threshold",
	                    json_integer(0));
}

static void a_delegation_with_threshold_zero_is_refused(void **state)
{
	struct repo *r = *state;

	repo_add_role(r, "release", 7);
	repo_delegate(r, NULL, "release", 7, "*", false);
	r->edit = set_threshold_zero;
	repo_publish_files(r);
	repo_must_fail(r, VS_ERR_INPUT, VS_REASON_MALFORMED, "1.targets.json");
}

/* What is stored never wedges the client, and never lets it fall back */

/* A2 */
static void expired_stored_files_are_still_the_floor(void **state)
{
	struct repo *r = repo_second(state);
	struct vs_tuf *t;

	repo_publish_files(r);
	repo_must_pass(r);
	for (int i = R_TIMESTAMP; i < R_COUNT; i++)
		r->expires[i] = NOW + 90 * DAY;
	r->expires[R_ROOT] = NOW + 90 * DAY;
	r->version[R_ROOT] = 2;
	repo_publish_root(r);
	r->version[R_TIMESTAMP] = 1; /* fresh, but older */
	repo_publish_files(r);
	assert_int_equal(repo_refresh(r, NOW + 60 * DAY, &t, NULL),
	                 VS_ERR_REFUSED);
	assert_int_equal(vs_tuf_version(t, "timestamp"), 2);
	vs_tuf_close(&t);
	r->version[R_TIMESTAMP] = 3;
	r->version[R_SNAPSHOT] = 3;
	r->version[R_TARGETS] = 3;
	repo_publish_files(r);
	assert_int_equal(repo_refresh(r, NOW + 60 * DAY, NULL, NULL), VS_OK);
	assert_int_equal(repo_stored_version(r, "targets"), 3);
}

static void broken_stored_files_are_fetched_again(void **state)
{
	static const char *const roles[] = {"timestamp", "snapshot", "targets"};
	struct repo *r = *state;

	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
		repo_must_pass(r);
		repo_store(r, roles[i], "garbage", 7);
		repo_must_pass(r);
		assert_int_equal(repo_stored_version(r, roles[i]), 1);
	}
}

static void a_client_can_refresh_twice(void **state)
{
	struct repo *r = *state;
	struct extra *x = repo_add_role(r, "release", 7);
	struct vs_target target;
	struct vs_tuf *t;

	repo_delegate(r, NULL, "release", 7, "*/*", false);
	repo_publish_files(r);
	assert_int_equal(repo_refresh(r, NOW, &t, NULL), VS_OK);
	assert_int_equal(vs_tuf_find(t, "a", &target, NULL), VS_ERR_ABSENT);
	assert_int_equal(vs_tuf_find(t, "b/c", &target, NULL), VS_ERR_ABSENT);
	assert_int_equal(vs_tuf_version(t, "release"), 1);
	repo_add_target(r->targets, "a", "bytes", NULL);
	repo_add_target(x->body, "b/c", "bytes", NULL);
	for (int i = R_TIMESTAMP; i < R_COUNT; i++)
		r->version[i] = 2;
	x->version = 2;
	repo_publish_files(r);
	assert_int_equal(vs_tuf_find(t, "a", &target, NULL), VS_ERR_ABSENT);
	assert_int_equal(vs_tuf_refresh(t, NULL), VS_OK);
	assert_int_equal(vs_tuf_version(t, "targets"), 2);
	assert_int_equal(vs_tuf_find(t, "a", &target, NULL), VS_OK);
	assert_int_equal(vs_tuf_find(t, "b/c", &target, NULL), VS_OK);
	assert_int_equal(vs_tuf_version(t, "release"), 2);
	assert_int_equal(vs_tuf_version(t, "other"), 0);
	vs_tuf_close(&t);
}

#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, repo_set_up, repo_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(requests_come_in_the_order_of_the_specification),
		T(without_consistent_snapshots_names_carry_no_version),
		T(files_are_stored_as_they_were_received),
		T(an_invalid_initial_root_makes_no_request),
		T(without_a_root_there_is_no_client),
		T(a_repository_that_cannot_be_reached_is_no_refusal),
		T(a_fetch_without_memory_is_no_refusal),
		T(a_missing_file_is_no_refusal),
		T(a_disk_that_fails_is_told_apart_from_an_empty_one),
		T(an_older_timestamp_is_refused),
		T(a_timestamp_of_the_same_version_changes_nothing),
		T(a_stored_file_runs_out_like_any_other),
		T(a_timestamp_may_not_name_an_older_snapshot),
		T(a_timestamp_must_name_the_snapshot),
		T(a_stored_timestamp_without_a_snapshot_is_no_floor),
		T(a_stored_file_of_the_listed_version_is_used),
		T(a_stored_snapshot_of_other_bytes_is_not_used),
		T(a_snapshot_over_its_maximum_is_not_read),
		T(a_fetch_that_gives_more_than_it_may_is_not_read),
		T(a_snapshot_longer_than_announced_is_refused),
		T(a_snapshot_shorter_than_announced_is_refused),
		T(a_snapshot_of_other_bytes_is_refused),
		T(a_digest_nobody_can_check_is_refused),
		T(a_snapshot_of_another_version_is_refused),
		T(a_snapshot_may_not_lower_a_role),
		T(a_role_may_not_vanish_from_the_snapshot),
		T(a_snapshot_must_name_the_targets),
		T(a_listed_version_of_zero_is_malformed),
		T(targets_of_another_version_are_refused),
		T(targets_of_a_withdrawn_key_are_refused),
		T(targets_of_other_bytes_are_refused),
		T(a_delegation_with_threshold_zero_is_refused),
		T(expired_stored_files_are_still_the_floor),
		T(broken_stored_files_are_fetched_again),
		T(a_client_can_refresh_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/tuf_test.c - the client workflow, rule by rule.
 *
 * Covers S0.1, S0.20, S3.12 and the attacks of TUF 1.0.34 section 1.5.2 on
 * metadata: rollback, freeze, mix-and-match, endless data, stolen keys below
 * the threshold, fast-forward.
 */
#include "tests/trust/repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int set_up(void **state)
{
	struct repo *r = malloc(sizeof *r);

	assert_non_null(r);
	repo_init(r);
	repo_publish(r);
	repo_provision(r, 1);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	repo_drop(*state);
	free(*state);
	return 0;
}

/* A client that has been through version 1 of everything, and a repository
 * about to publish version 2 of all but root. */
static struct repo *second(void **state)
{
	struct repo *r = *state;

	repo_must_pass(r);
	for (int i = R_TIMESTAMP; i < R_COUNT; i++)
		r->version[i] = 2;
	return r;
}

static uint64_t stored_version(struct repo *r, const char *role)
{
	const struct memfile *f = repo_stored(r, role);
	uint64_t version;
	struct vs_envelope e;

	if (!f)
		return 0;
	assert_int_equal(
		vs_envelope_parse(f->bytes, f->len, SIZE_MAX, role, &e, NULL),
		VS_OK);
	version = vs_envelope_version(&e);
	vs_envelope_drop(&e);
	return version;
}

static void assert_same_file(const struct memfile *a, const struct memfile *b)
{
	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->bytes, b->bytes, a->len);
}

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
	assert_same_file(repo_stored(r, "root"), repo_served(r, "1.root.json"));
	assert_same_file(repo_stored(r, "timestamp"),
	                 repo_served(r, "timestamp.json"));
	assert_same_file(repo_stored(r, "snapshot"),
	                 repo_served(r, "1.snapshot.json"));
	assert_same_file(repo_stored(r, "targets"),
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

static void a_chain_of_roots_is_followed_step_by_step(void **state)
{
	struct repo *r = *state;

	rotate(r, 8);
	repo_must_pass(r);
	assert_string_equal(r->requests,
	                    " 2.root.json 3.root.json 4.root.json 5.root.json"
	                    " 6.root.json 7.root.json 8.root.json 9.root.json"
	                    " timestamp.json 1.snapshot.json 1.targets.json");
	assert_int_equal(stored_version(r, "root"), 8);
	assert_int_equal(r->stores, 7 + 3);
}

static void a_failing_store_leaves_a_client_that_goes_on_there(void **state)
{
	for (int fail = 1; fail <= 10; fail++) {
		struct repo *r;

		set_up((void **)&r);
		rotate(r, 8);
		r->fail_store = fail;
		assert_int_equal(repo_refresh(r, NOW, NULL, NULL), VS_ERR_IO);
		assert_int_equal(stored_version(r, "root"),
		                 fail <= 7 ? fail : 8);
		repo_must_pass(r);
		assert_int_equal(stored_version(r, "root"), 8);
		assert_int_equal(stored_version(r, "targets"), 1);
		tear_down((void **)&r);
	}
	(void)state;
}

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
	assert_int_equal(stored_version(r, "root"), 1);
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

static void serve_as(struct repo *r, const char *from, const char *to)
{
	struct memfile *f = repo_served(r, from);

	assert_non_null(f);
	repo_serve(r, to, f->bytes, f->len);
}

static void a_root_that_skips_a_version_is_refused(void **state)
{
	struct repo *r = *state;

	r->version[R_ROOT] = 3;
	repo_publish_root(r);
	serve_as(r, "3.root.json", "2.root.json");
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_WRONG_VERSION,
	               "2.root.json");
}

static void an_old_root_under_a_new_name_is_refused(void **state)
{
	struct repo *r = *state;

	serve_as(r, "1.root.json", "2.root.json");
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

static void one_key_too_few_is_refused(void **state)
{
	struct repo *r = *state;

	r->role[R_ROOT] = (struct signers){{0}, 1, 1};
	r->version[R_ROOT] = 2;
	repo_publish_root(r); /* signed by one of the old three */
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_THRESHOLD, "2.root.json");
}

/* Every role refuses what no role may hold */

struct bad {
	const char *file;   /* as the edit hook sees it */
	const char *served; /* as it is fetched */
};

static const struct bad bad_files[] = {
	{"2.root.json",    "2.root.json"    },
	{"timestamp.json", "timestamp.json" },
	{"snapshot.json",  "1.snapshot.json"},
	{"targets.json",   "1.targets.json" },
};
static const char *edited;

static void set_type(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (strcmp(file, edited) == 0)
		json_object_set_new(body, "_type", json_string("mirrors"));
}

static void set_spec(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (strcmp(file, edited) == 0)
		json_object_set_new(body, "spec_version", json_string("2.0.0"));
}

static void set_version_zero(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (strcmp(file, edited) == 0)
		json_object_set_new(body, "version", json_integer(0));
}

static void set_expires(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (strcmp(file, edited) == 0)
		json_object_set_new(body, "expires",
		                    json_string("2027-13-01T00:00:00Z"));
}

static void drop_body(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (strcmp(file, edited) != 0)
		return;
	json_object_del(body, "roles");
	json_object_del(body, "meta");
	json_object_del(body, "targets");
}

static void sign_twice(struct repo *r, const char *file, struct vs_envelope *e)
{
	json_t *signatures = json_object_get(e->whole, "signatures");

	(void)r;
	if (strcmp(file, edited) == 0)
		json_array_append(signatures, json_array_get(signatures, 0));
}

static void unsign(struct repo *r, const char *file, struct vs_envelope *e)
{
	(void)r;
	if (strcmp(file, edited) == 0)
		json_array_remove(json_object_get(e->whole, "signatures"), 0);
}

/* Root 2 is signed by just its threshold, so that one signature matters. */
static void in_every_role(void (*edit)(struct repo *, const char *, json_t *),
                          void (*spoil)(struct repo *, const char *,
                                        struct vs_envelope *),
                          vs_status status, vs_reason reason)
{
	for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
		struct repo *r;

		set_up((void **)&r);
		edited = bad_files[i].file;
		r->edit = edit;
		r->spoil = spoil;
		r->version[R_ROOT] = 2;
		r->role[R_ROOT] = (struct signers){
			{0, 1},
                        2, 2
                };
		r->listed_hashes = false;
		repo_publish(r);
		repo_must_fail(r, status, reason, bad_files[i].served);
		tear_down((void **)&r);
	}
}

static void a_wrong_type_is_refused_in_every_role(void **state)
{
	(void)state;
	in_every_role(set_type, NULL, VS_ERR_INPUT, VS_REASON_WRONG_TYPE);
}

static void a_foreign_specification_is_refused_in_every_role(void **state)
{
	(void)state;
	in_every_role(set_spec, NULL, VS_ERR_INPUT, VS_REASON_UNSUPPORTED);
}

static void version_zero_is_refused_in_every_role(void **state)
{
	(void)state;
	in_every_role(set_version_zero, NULL, VS_ERR_INPUT,
	              VS_REASON_MALFORMED);
}

static void an_impossible_date_is_refused_in_every_role(void **state)
{
	(void)state;
	in_every_role(set_expires, NULL, VS_ERR_INPUT, VS_REASON_MALFORMED);
}

static void an_empty_body_is_refused_in_every_role(void **state)
{
	(void)state;
	in_every_role(drop_body, NULL, VS_ERR_INPUT, VS_REASON_MALFORMED);
}

static void a_key_that_signs_twice_is_refused_in_every_role(void **state)
{
	(void)state;
	in_every_role(NULL, sign_twice, VS_ERR_INPUT,
	              VS_REASON_DUPLICATE_KEYID);
}

static void a_missing_signature_is_refused_in_every_role(void **state)
{
	(void)state;
	in_every_role(NULL, unsign, VS_ERR_REFUSED, VS_REASON_THRESHOLD);
}

static void expiry_is_refused_in_every_role(void **state)
{
	static const char *const served[R_COUNT] = {
		[R_ROOT] = "1.root.json",
		[R_TIMESTAMP] = "timestamp.json",
		[R_SNAPSHOT] = "1.snapshot.json",
		[R_TARGETS] = "1.targets.json"};

	(void)state;
	for (int i = 0; i < R_COUNT; i++) {
		struct repo *r;

		set_up((void **)&r);
		r->expires[i] = NOW; /* the first second too late */
		repo_publish(r);
		repo_provision(r, 1);
		repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_EXPIRED, served[i]);
		r->expires[i] = NOW + 1;
		for (int j = R_TIMESTAMP; j < R_COUNT; j++)
			r->version[j] = 2;
		repo_publish(r);
		repo_provision(r, 1);
		repo_must_pass(r);
		tear_down((void **)&r);
	}
}

static void a_file_over_its_maximum_is_not_read(void **state)
{
	struct repo *r = *state;
	char *big = calloc(1, VS_TUF_ROOT_MAX + 1);

	assert_non_null(big);
	memset(big, ' ', VS_TUF_ROOT_MAX + 1);
	repo_serve(r, "timestamp.json", big, VS_TUF_TIMESTAMP_MAX + 1);
	repo_must_fail(r, VS_ERR_LIMIT, VS_REASON_TOO_LARGE, "timestamp.json");
	repo_serve(r, "2.root.json", big, VS_TUF_ROOT_MAX + 1);
	repo_must_fail(r, VS_ERR_LIMIT, VS_REASON_TOO_LARGE, "2.root.json");
	free(big);
}

/* Whichever bit of whichever file an attacker flips (S0.1). */
static void any_flipped_bit_is_refused(void **state)
{
	static const char *const names[] = {"timestamp.json", "1.snapshot.json",
	                                    "1.targets.json"};
	struct repo *r = *state;

	r->listed_hashes = false;
	repo_publish(r);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct memfile *f = repo_served(r, names[i]);

		for (size_t bit = 0; bit < f->len * 8; bit++) {
			const struct memfile *stored;

			f->bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
			stored = repo_stored(r, "targets");
			if (repo_refresh(r, NOW, NULL, NULL) == VS_OK)
				fail_msg("%s: bit %zu", names[i], bit);
			assert_null(stored);
			f->bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
			r->ops.remove(r, "timestamp");
			r->ops.remove(r, "snapshot");
		}
	}
	repo_must_pass(r);
}

static void any_cut_or_appended_byte_is_refused(void **state)
{
	struct repo *r = *state;
	struct memfile *f = repo_served(r, "timestamp.json");
	size_t whole = f->len;

	for (f->len = 0; f->len < whole; f->len++)
		assert_int_not_equal(repo_refresh(r, NOW, NULL, NULL), VS_OK);
	f->bytes[f->len++] = '}'; /* repo.c keeps one byte spare */
	repo_must_fail(r, VS_ERR_INPUT, VS_REASON_MALFORMED, "timestamp.json");
	f->len = whole;
	repo_must_pass(r);
}

/* Timestamp */

static void an_older_timestamp_is_refused(void **state)
{
	struct repo *r = second(state);
	struct memfile *f = repo_served(r, "timestamp.json");
	uint8_t *old = malloc(f->len);
	size_t old_len = f->len;

	memcpy(old, f->bytes, f->len);
	repo_publish_files(r);
	repo_must_pass(r);
	repo_serve(r, "timestamp.json", old, old_len);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_ROLLBACK, "timestamp.json");
	assert_int_equal(stored_version(r, "timestamp"), 2);
	free(old);
}

static void a_timestamp_of_the_same_version_changes_nothing(void **state)
{
	struct repo *r = second(state);

	r->version[R_TIMESTAMP] = 1; /* but another snapshot, a later expiry */
	r->expires[R_TIMESTAMP] = NOW + 60 * DAY;
	repo_publish_files(r);
	repo_must_pass(r);
	assert_string_equal(r->requests, " 2.root.json timestamp.json");
	assert_int_equal(stored_version(r, "snapshot"), 1);
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

/* The server goes on serving what the client has: each file must still run
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

		set_up((void **)&r);
		for (int j = 0; j < R_COUNT; j++)
			r->expires[j] = NOW + (i == j ? 1 : 9) * DAY;
		repo_publish(r);
		repo_provision(r, 1);
		repo_must_pass(r);
		must_be_expired(r, NOW + 2 * DAY, served[i]);
		tear_down((void **)&r);
	}
}

static void a_timestamp_may_not_name_an_older_snapshot(void **state)
{
	struct repo *r = second(state);

	repo_publish_files(r);
	repo_must_pass(r);
	r->version[R_TIMESTAMP] = 3;
	r->version[R_SNAPSHOT] = 1;
	repo_publish_files(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_ROLLBACK, "timestamp.json");
	assert_int_equal(stored_version(r, "timestamp"), 2);
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
	assert_int_equal(stored_version(r, "timestamp"), 0);
}

/* Snapshot */

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

static void a_digest_nobody_can_check_is_refused(void **state)
{
	struct repo *r = *state;

	r->edit = set_unknown_hash;
	repo_publish_files(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_UNSUPPORTED,
	               "1.snapshot.json");
}

static void a_snapshot_of_another_version_is_refused(void **state)
{
	struct repo *r = *state;

	r->listed_hashes = false;
	repo_publish_files(r);
	r->version[R_SNAPSHOT] = 2;
	r->version[R_TIMESTAMP] = 2;
	repo_publish_files(r);
	serve_as(r, "1.snapshot.json", "2.snapshot.json");
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_WRONG_VERSION,
	               "2.snapshot.json");
}

/* Mix and match: files of different times in one snapshot. */
static void a_snapshot_may_not_lower_a_role(void **state)
{
	struct repo *r = second(state);

	repo_publish_files(r);
	repo_must_pass(r);
	r->version[R_TIMESTAMP] = 3;
	r->version[R_SNAPSHOT] = 3;
	r->version[R_TARGETS] = 1;
	repo_publish_files(r);
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_ROLLBACK,
	               "3.snapshot.json");
	assert_int_equal(stored_version(r, "snapshot"), 2);
}

static void a_role_may_not_vanish_from_the_snapshot(void **state)
{
	struct repo *r = *state;
	struct extra *x = repo_add_role(r, "release", 7);

	repo_publish_files(r);
	r = second(state);
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

static void targets_of_another_version_are_refused(void **state)
{
	struct repo *r = *state;

	r->listed_hashes = false;
	repo_publish_files(r);
	r = second(state);
	repo_publish_files(r);
	serve_as(r, "1.targets.json", "2.targets.json");
	repo_must_fail(r, VS_ERR_REFUSED, VS_REASON_WRONG_VERSION,
	               "2.targets.json");
}

/* A root that withdraws a key withdraws what it signed, stored or not. */
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

static void expired_stored_files_are_still_the_floor(void **state)
{
	struct repo *r = second(state);
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
	assert_int_equal(stored_version(r, "targets"), 3);
}

static void broken_stored_files_are_fetched_again(void **state)
{
	static const char *const roles[] = {"timestamp", "snapshot", "targets"};
	struct repo *r = *state;

	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
		repo_must_pass(r);
		repo_store(r, roles[i], "garbage", 7);
		repo_must_pass(r);
		assert_int_equal(stored_version(r, roles[i]), 1);
	}
}

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
	assert_int_equal(stored_version(r, "timestamp"), 2);
	assert_int_equal(stored_version(r, "snapshot"), 2);
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
	assert_int_equal(stored_version(r, "snapshot"), 5);
}

static void a_root_that_rotates_nothing_keeps_the_floor(void **state)
{
	struct repo *r = second(state);

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
	assert_int_equal(stored_version(r, "root"), 2);
}

static long allocations_left;

static void *scarce(size_t size)
{
	return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* Whichever allocation of the JSON library fails: no harm, no verdict. */
static void a_failing_allocation_is_never_a_yes(void **state)
{
	struct repo *r = *state;
	long n = 0;
	vs_status status;

	repo_add_role(r, "release", 7);
	repo_delegate(r, NULL, "release", 7, "*", false);
	repo_publish_files(r);
	do {
		struct vs_target target;
		struct vs_why why = {0};
		struct vs_tuf *t;

		allocations_left = n++;
		json_set_alloc_funcs(scarce, free);
		status = repo_refresh(r, NOW, &t, &why);
		if (!status)
			status = vs_tuf_find(t, "a", &target, &why);
		vs_tuf_close(&t);
		json_set_alloc_funcs(malloc, free);
		if (allocations_left < 0) /* jansson tells most, not all */
			assert_true(status == VS_ERR_NOMEM ||
			            status == VS_ERR_INPUT);
	} while (allocations_left < 0);
	assert_int_equal(status, VS_ERR_ABSENT);
	assert_true(n > 100);
	repo_must_pass(r);
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

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(requests_come_in_the_order_of_the_specification),
		T(without_consistent_snapshots_names_carry_no_version),
		T(files_are_stored_as_they_were_received),
		T(an_invalid_initial_root_makes_no_request),
		T(without_a_root_there_is_no_client),
		T(a_repository_that_cannot_be_reached_is_no_refusal),
		T(a_missing_file_is_no_refusal),
		T(a_disk_that_fails_is_told_apart_from_an_empty_one),
		T(a_chain_of_roots_is_followed_step_by_step),
		T(a_failing_store_leaves_a_client_that_goes_on_there),
		T(a_root_must_be_signed_by_the_one_before),
		T(a_root_must_be_signed_by_its_own_keys_too),
		T(a_root_that_skips_a_version_is_refused),
		T(an_old_root_under_a_new_name_is_refused),
		T(only_the_last_root_has_to_be_unexpired),
		T(no_more_than_256_roots_are_taken_at_a_time),
		T(one_key_too_few_is_refused),
		T(a_wrong_type_is_refused_in_every_role),
		T(a_foreign_specification_is_refused_in_every_role),
		T(version_zero_is_refused_in_every_role),
		T(an_impossible_date_is_refused_in_every_role),
		T(an_empty_body_is_refused_in_every_role),
		T(a_key_that_signs_twice_is_refused_in_every_role),
		T(a_missing_signature_is_refused_in_every_role),
		T(expiry_is_refused_in_every_role),
		T(a_file_over_its_maximum_is_not_read),
		T(any_flipped_bit_is_refused),
		T(any_cut_or_appended_byte_is_refused),
		T(an_older_timestamp_is_refused),
		T(a_timestamp_of_the_same_version_changes_nothing),
		T(a_stored_file_runs_out_like_any_other),
		T(a_timestamp_may_not_name_an_older_snapshot),
		T(a_timestamp_must_name_the_snapshot),
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
		T(fast_forward_is_undone_by_rotating_the_key),
		T(rotating_the_snapshot_key_forgets_both_files),
		T(a_root_that_rotates_nothing_keeps_the_floor),
		T(a_file_that_cannot_be_forgotten_stops_the_refresh),
		T(a_failing_allocation_is_never_a_yes),
		T(a_client_can_refresh_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

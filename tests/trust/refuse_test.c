/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/refuse_test.c - what no role may hold, in every role.
 *
 * Covers S0.1, S0.20: altered bytes, endless data, freeze.
 */
#include "tests/trust/repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

		repo_set_up((void **)&r);
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
		repo_tear_down((void **)&r);
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

/* A3 */
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

		repo_set_up((void **)&r);
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
		repo_tear_down((void **)&r);
	}
}

/* A5 */
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

/* A1: whichever bit of whichever file an attacker flips (S0.1). */
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

#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, repo_set_up, repo_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/envelope_test.c - thresholds count keys, not signatures.
 *
 * Covers S0.1, S0.20 and the threshold bugs of other clients
 * (CVE-2020-15093, CVE-2020-6174, GHSA-fphv-w9fq-2525).
 */
#include "tests/trust/repo.h"

#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct repo *r; /* for its keys */

static int group_set_up(void **state)
{
	(void)state;
	r = malloc(sizeof *r);
	assert_non_null(r);
	repo_init(r);
	return 0;
}

static int group_tear_down(void **state)
{
	(void)state;
	repo_drop(r);
	free(r);
	return 0;
}

/* The role of keys 0 to count-1. */
static void make_role(size_t count, uint64_t threshold, struct vs_role *out)
{
	json_t *ids = json_array(), *keys = json_object();
	json_t *role = json_pack("{s:o, s:I}", "keyids", ids, "threshold",
	                         (json_int_t)threshold);

	for (size_t i = 0; i < count; i++) {
		json_array_append_new(ids, json_string(r->keys[i].id));
		json_object_set(keys, r->keys[i].id, r->keys[i].object);
	}
	assert_int_equal(vs_role_parse(role, keys, out, NULL), VS_OK);
	json_decref(role);
	json_decref(keys);
}

/* A targets file signed by these keys. */
static void make(const struct signers *by, struct vs_envelope *out)
{
	struct memfile made;
	json_t *body;

	assert_int_equal(vs_write_targets(1, NOW, &body), VS_OK);
	repo_sign(r, "targets.json", body, by, &made);
	assert_int_equal(vs_envelope_parse(made.bytes, made.len, made.len,
	                                   "targets", out, NULL),
	                 VS_OK);
	free(made.bytes);
}

static vs_status verify(const struct signers *by, size_t keys,
                        uint64_t threshold)
{
	struct vs_envelope e;
	struct vs_role role;
	struct vs_why why = {0};
	vs_status status;

	make(by, &e);
	make_role(keys, threshold, &role);
	status = vs_envelope_verify(&e, &role, &why);
	if (status)
		assert_int_equal(why.code, VS_REASON_THRESHOLD);
	vs_role_drop(&role);
	vs_envelope_drop(&e);
	return status;
}

static void the_threshold_decides(void **state)
{
	(void)state;
	assert_int_equal(verify(
				 &(struct signers){
					 {0, 1},
                                         2, 0
        },
				 3, 2),
	                 VS_OK);
	assert_int_equal(verify(
				 &(struct signers){
					 {2, 0},
                                         2, 0
        },
				 3, 2),
	                 VS_OK);
	assert_int_equal(verify(
				 &(struct signers){
					 {0, 1, 2},
                                         3, 0
        },
				 3, 2),
	                 VS_OK);
	assert_int_equal(verify(&(struct signers){{0}, 1, 0}, 3, 2),
	                 VS_ERR_REFUSED);
	assert_int_equal(verify(&(struct signers){{0}, 0, 0}, 3, 1),
	                 VS_ERR_REFUSED);
	assert_int_equal(verify(
				 &(struct signers){
					 {0, 9},
                                         2, 0
        },
				 3, 2),
	                 VS_ERR_REFUSED);
	assert_int_equal(verify(
				 &(struct signers){
					 {0, 1, 2},
                                         3, 0
        },
				 3, UINT32_MAX),
	                 VS_ERR_REFUSED);
}

static void a_bad_signature_is_passed_over(void **state)
{
	struct signers by = {
		{0, 1, 2},
                3, 0
        };
	struct vs_envelope e;
	struct vs_role role;
	json_t *signatures;

	(void)state;
	make(&by, &e);
	make_role(3, 2, &role);
	signatures = json_object_get(e.whole, "signatures");
	json_object_set_new(json_array_get(signatures, 0), "sig",
	                    json_string(""));
	assert_int_equal(vs_envelope_verify(&e, &role, NULL), VS_OK);
	json_object_set_new(json_array_get(signatures, 1), "sig",
	                    json_string("no hex"));
	assert_int_equal(vs_envelope_verify(&e, &role, NULL), VS_ERR_REFUSED);
	vs_role_drop(&role);
	vs_envelope_drop(&e);
}

/* The same P-256 key under its two key types has two ids. */
static void one_key_under_two_ids_counts_once(void **state)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	struct vs_key pair[2];
	struct vs_role role = {.keys = pair, .key_count = 2, .threshold = 2};
	struct vs_envelope e;
	uint8_t sig[80];
	json_t *other, *body;

	(void)state;
	assert_int_equal(vs_key_from_pkey(pkey, &pair[0]), VS_OK);
	other = json_deep_copy(pair[0].object);
	json_object_set_new(other, "keytype",
	                    json_string("ecdsa-sha2-nistp256"));
	assert_int_equal(vs_key_parse(other, &pair[1], NULL), VS_OK);
	assert_int_equal(vs_write_targets(1, NOW, &body), VS_OK);
	assert_int_equal(vs_envelope_new(body, &e), VS_OK);
	for (int i = 0; i < 2; i++) {
		EVP_MD_CTX *md = EVP_MD_CTX_new();
		size_t len = sizeof sig;

		assert_int_equal(
			EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, pkey),
			1);
		assert_int_equal(EVP_DigestSign(md, sig, &len,
		                                (const uint8_t *)e.canon,
		                                e.canon_len),
		                 1);
		EVP_MD_CTX_free(md);
		assert_int_equal(vs_envelope_add(&e, pair[i].id, sig, len),
		                 VS_OK);
	}
	assert_int_equal(vs_envelope_verify(&e, &role, NULL), VS_ERR_REFUSED);
	role.threshold = 1;
	assert_int_equal(vs_envelope_verify(&e, &role, NULL), VS_OK);
	role.threshold = 0;
	assert_int_equal(vs_envelope_verify(&e, &role, NULL), VS_ERR_REFUSED);
	vs_envelope_drop(&e);
	vs_key_drop(&pair[0]);
	vs_key_drop(&pair[1]);
	json_decref(other);
	EVP_PKEY_free(pkey);
}

static void a_key_whose_id_is_not_its_own_is_absent(void **state)
{
	json_t *keys = json_object();
	json_t *role = json_pack("{s:[s, s, s], s:i}", "keyids", r->keys[0].id,
	                         r->keys[1].id, "missing", "threshold", 1);
	struct vs_role out;

	(void)state;
	json_object_set(keys, r->keys[0].id, r->keys[0].object);
	json_object_set(keys, r->keys[1].id, r->keys[2].object); /* not its */
	assert_int_equal(vs_role_parse(role, keys, &out, NULL), VS_OK);
	assert_int_equal(out.key_count, 1);
	assert_string_equal(out.keys[0].id, r->keys[0].id);
	vs_role_drop(&out);
	json_object_set_new(keys, r->keys[0].id, json_string("no key"));
	assert_int_equal(vs_role_parse(role, keys, &out, NULL), VS_OK);
	assert_int_equal(out.key_count, 0);
	vs_role_drop(&out);
	json_decref(keys);
	json_decref(role);
}

static void malformed_roles_are_refused(void **state)
{
	/* clang-format off */
	static const struct {
		const char *json;
		vs_reason reason;
	} bad[] = {
		{"{}",                               VS_REASON_MALFORMED},
		{"{\"keyids\":[]}",                  VS_REASON_MALFORMED},
		{"{\"keyids\":[],\"threshold\":0}",  VS_REASON_MALFORMED},
		{"{\"keyids\":[],\"threshold\":-1}", VS_REASON_MALFORMED},
		{"{\"keyids\":{},\"threshold\":1}",  VS_REASON_MALFORMED},
		{"{\"keyids\":[1],\"threshold\":1}", VS_REASON_MALFORMED},
		{"{\"keyids\":[\"a\",\"a\"],"
		 "\"threshold\":1}", VS_REASON_DUPLICATE_KEYID},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		json_t *role = json_loads(bad[i].json, 0, NULL);
		struct vs_why why = {0};
		struct vs_role out;

		assert_int_equal(vs_role_parse(role, NULL, &out, &why),
		                 VS_ERR_INPUT);
		assert_int_equal(why.code, bad[i].reason);
		json_decref(role);
	}
}

#define BODY                                                                   \
	"{\"_type\":\"targets\",\"spec_version\":\"1.0.34\",\"version\":1,"    \
	"\"expires\":\"2030-01-01T00:00:00Z\"}"

static void malformed_envelopes_are_refused(void **state)
{
	/* clang-format off */
	static const struct {
		const char *text;
		vs_reason reason;
	} bad[] = {
		{"{}",                                VS_REASON_MALFORMED},
		{"{\"signed\":" BODY "}",             VS_REASON_MALFORMED},
		{"{\"signatures\":[]}",               VS_REASON_MALFORMED},
		{"{\"signatures\":{},\"signed\":" BODY "}",
		 VS_REASON_MALFORMED},
		{"{\"signatures\":[],\"signed\":[]}", VS_REASON_MALFORMED},
		{"{\"signatures\":[],\"signed\":{}}", VS_REASON_MALFORMED},
		{"{\"signatures\":[7],\"signed\":" BODY "}",
		 VS_REASON_MALFORMED},
		{"{\"signatures\":[{\"keyid\":\"a\"}],"
		 "\"signed\":" BODY "}", VS_REASON_MALFORMED},
		{"{\"signatures\":[{\"keyid\":\"a\",\"sig\":\"\"},"
		 "{\"keyid\":\"a\",\"sig\":\"00\"}],"
		 "\"signed\":" BODY "}", VS_REASON_DUPLICATE_KEYID},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct vs_why why = {0};
		struct vs_envelope e;

		if (vs_envelope_parse(bad[i].text, strlen(bad[i].text), 4096,
		                      "targets", &e, &why) != VS_ERR_INPUT)
			fail_msg("%s", bad[i].text);
		assert_int_equal(why.code, bad[i].reason);
		assert_null(e.whole);
	}
}

static void what_a_body_says_of_itself_is_checked(void **state)
{
	static const struct {
		const char *member, *json;
		vs_reason reason;
	} bad[] = {
		{"_type",        "\"root\"",                VS_REASON_WRONG_TYPE },
		{"_type",        "7",                       VS_REASON_MALFORMED  },
		{"spec_version", "\"2.0\"",                 VS_REASON_UNSUPPORTED},
		{"spec_version", "\"1.\"",                  VS_REASON_UNSUPPORTED},
		{"spec_version", "\"10.0\"",                VS_REASON_UNSUPPORTED},
		{"spec_version", "\"1.x\"",                 VS_REASON_UNSUPPORTED},
		{"spec_version", "1",                       VS_REASON_MALFORMED  },
		{"version",      "0",                       VS_REASON_MALFORMED  },
		{"version",      "-1",                      VS_REASON_MALFORMED  },
		{"version",      "\"1\"",                   VS_REASON_MALFORMED  },
		{"expires",      "\"2030-01-01\"",          VS_REASON_MALFORMED  },
		{"expires",      "\"2030-01-01T00:00:00\"", VS_REASON_MALFORMED  },
		{"expires",      "1893456000",              VS_REASON_MALFORMED  },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		json_t *whole = json_pack("{s:[], s:o}", "signatures", "signed",
		                          json_loads(BODY, 0, NULL));
		struct vs_why why = {0};
		struct vs_envelope e;
		char *text;

		json_object_set_new(
			json_object_get(whole, "signed"), bad[i].member,
			json_loads(bad[i].json, JSON_DECODE_ANY, NULL));
		text = json_dumps(whole, 0);
		assert_int_equal(vs_envelope_parse(text, strlen(text), 4096,
		                                   "targets", &e, &why),
		                 VS_ERR_INPUT);
		assert_int_equal(why.code, bad[i].reason);
		/* Without a type none of this is asked for. */
		assert_int_equal(vs_envelope_parse(text, strlen(text), 4096,
		                                   NULL, &e, &why),
		                 VS_OK);
		vs_envelope_drop(&e);
		free(text);
		json_decref(whole);
	}
}

static void unknown_members_are_kept_and_signed(void **state)
{
	struct signers by = {{0}, 1, 0};
	struct vs_envelope e;
	struct memfile made;
	struct vs_role role;
	json_t *body;

	(void)state;
	assert_int_equal(vs_write_targets(3, NOW, &body), VS_OK);
	json_object_set_new(body, "x-more", json_pack("[s, b]", "\xc3\xa4", 1));
	repo_sign(r, "targets.json", body, &by, &made);
	assert_int_equal(vs_envelope_parse(made.bytes, made.len, made.len,
	                                   "targets", &e, NULL),
	                 VS_OK);
	free(made.bytes);
	assert_non_null(strstr(e.canon, "\"x-more\":[\"\xc3\xa4\",true]"));
	make_role(1, 1, &role);
	assert_int_equal(vs_envelope_verify(&e, &role, NULL), VS_OK);
	assert_int_equal(vs_envelope_version(&e), 3);
	assert_int_equal(vs_envelope_expires(&e), NOW);
	vs_role_drop(&role);
	vs_envelope_drop(&e);
}

static void too_many_signatures_or_keys_are_refused(void **state)
{
	json_t *ids = json_array();
	json_t *role = json_pack("{s:o, s:i}", "keyids", ids, "threshold", 1);
	struct vs_why why = {0};
	struct vs_envelope e;
	struct vs_role out;
	uint8_t sig[1] = {0};
	json_t *body;
	char id[16], *text;
	size_t len;

	(void)state;
	assert_int_equal(vs_write_targets(1, NOW, &body), VS_OK);
	assert_int_equal(vs_envelope_new(body, &e), VS_OK);
	for (int i = 0; i < VS_ENVELOPE_SIGNATURES_MAX; i++) {
		(void)snprintf(id, sizeof id, "%d", i);
		assert_int_equal(vs_envelope_add(&e, id, sig, 1), VS_OK);
	}
	assert_int_equal(vs_envelope_add(&e, "one more", sig, 1), VS_ERR_LIMIT);
	assert_int_equal(vs_envelope_add(&e, "63", sig, 1), VS_OK);
	json_array_append_new(
		json_object_get(e.whole, "signatures"),
		json_pack("{s:s, s:s}", "keyid", "more", "sig", ""));
	assert_int_equal(vs_envelope_encode(&e, &text, &len), VS_OK);
	vs_envelope_drop(&e);
	assert_int_equal(vs_envelope_parse(text, len, len, "targets", &e, &why),
	                 VS_ERR_LIMIT);
	assert_int_equal(why.code, VS_REASON_TOO_LARGE);
	free(text);
	for (int i = 0; i <= VS_ROLE_KEYS_MAX; i++) {
		(void)snprintf(id, sizeof id, "%d", i);
		json_array_append_new(ids, json_string(id));
	}
	assert_int_equal(vs_role_parse(role, NULL, &out, &why), VS_ERR_LIMIT);
	json_decref(role);
}

static void a_second_signature_replaces_the_first(void **state)
{
	struct vs_envelope e;
	uint8_t sig[2] = {0xab, 0xcd};
	json_t *body, *one;

	(void)state;
	assert_int_equal(vs_write_targets(1, NOW, &body), VS_OK);
	assert_int_equal(vs_envelope_new(body, &e), VS_OK);
	assert_int_equal(vs_envelope_add(&e, "a", sig, 1), VS_OK);
	assert_int_equal(vs_envelope_add(&e, "a", sig, 2), VS_OK);
	assert_int_equal(
		json_array_size(json_object_get(e.whole, "signatures")), 1);
	one = json_array_get(json_object_get(e.whole, "signatures"), 0);
	assert_string_equal(json_string_value(json_object_get(one, "sig")),
	                    "abcd");
	vs_envelope_drop(&e);
	assert_int_equal(vs_envelope_new(json_array(), &e), VS_ERR_INPUT);
	assert_int_equal(vs_envelope_new(NULL, &e), VS_ERR_INPUT);
	assert_null(e.whole);
}

static void a_signature_over_its_maximum_is_none(void **state)
{
	static uint8_t sig[1025];
	static char hex[2 * sizeof sig + 1];
	struct signers by = {{0}, 1, 0};
	struct vs_envelope e;
	struct vs_role role;

	(void)state;
	make(&by, &e);
	make_role(1, 1, &role);
	assert_int_equal(vs_envelope_verify(&e, &role, NULL), VS_OK);
	assert_int_equal(vs_envelope_add(&e, r->keys[0].id, sig, sizeof sig),
	                 VS_ERR_LIMIT);
	assert_int_equal(vs_envelope_verify(&e, &role, NULL), VS_OK);
	memset(hex, '0', sizeof hex - 1);
	json_object_set_new(
		json_array_get(json_object_get(e.whole, "signatures"), 0),
		"sig", json_string(hex));
	assert_int_equal(vs_envelope_verify(&e, &role, NULL), VS_ERR_REFUSED);
	vs_role_drop(&role);
	vs_envelope_drop(&e);
}

static void a_body_of_no_type_expires_at_once(void **state)
{
	static const char *const bodies[] = {"{}", "{\"expires\":\"soon\"}"};
	struct vs_envelope e;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
			vs_envelope_new(json_loads(bodies[i], 0, NULL), &e),
			VS_OK);
		assert_int_equal(vs_envelope_expires(&e), 0);
		vs_envelope_drop(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_threshold_decides),
		cmocka_unit_test(a_bad_signature_is_passed_over),
		cmocka_unit_test(one_key_under_two_ids_counts_once),
		cmocka_unit_test(a_key_whose_id_is_not_its_own_is_absent),
		cmocka_unit_test(malformed_roles_are_refused),
		cmocka_unit_test(malformed_envelopes_are_refused),
		cmocka_unit_test(what_a_body_says_of_itself_is_checked),
		cmocka_unit_test(unknown_members_are_kept_and_signed),
		cmocka_unit_test(too_many_signatures_or_keys_are_refused),
		cmocka_unit_test(a_second_signature_replaces_the_first),
		cmocka_unit_test(a_signature_over_its_maximum_is_none),
		cmocka_unit_test(a_body_of_no_type_expires_at_once),
	};

	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}

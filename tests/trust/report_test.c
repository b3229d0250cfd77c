/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/report_test.c - reports read back, and nothing else does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <stdlib.h>
#include <string.h>

#include "trust/json.h"
#include "trust/report.h"

static EVP_PKEY *pkey, *other;
static struct vs_key key, other_key;
static struct vs_report good;

static vs_status sign(void *ctx, const uint8_t *message, size_t len,
                      uint8_t *sig, size_t *sig_len)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int ok = EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, ctx) == 1 &&
	         EVP_DigestSign(md, sig, sig_len, message, len) == 1;

	EVP_MD_CTX_free(md);
	return ok ? VS_OK : VS_ERR_CRYPTO;
}

static vs_status sign_never(void *ctx, const uint8_t *message, size_t len,
                            uint8_t *sig, size_t *sig_len)
{
	(void)ctx, (void)message, (void)len, (void)sig, (void)sig_len;
	return VS_ERR_IO;
}

static int group_set_up(void **state)
{
	static const struct vs_report start = {
		.vehicle = "CP-0001",
		.primary = "CP-0001-gateway",
		.counter = 8123,
		.time_s = 1800000000,
		.nonce = "6e6f6e6365",
		.ecus = {{.id = "CP-0001-gateway",
	                  .hardware = "gw-rev3",
	                  .path = "gateway/1.1.0.seal",
	                  .length = 30000,
	                  .sha256 = "aa",
	                  .version = "1.1.0",
	                  .release_seq = 11,
	                  .security_version = 5,
	                  .floor = UINT32_MAX},
	                 {.id = "CP-0001-controller"}},
		.ecu_count = 2,
		.status = "Installed",
		.phase = "idle",
		.detail = "fell \"back\" \xc3\xa4\n",
		.reason = VS_REASON_HEALTH_FAILED,
		.about = "1.targets.json",
		.campaign_seq = 12,
		.source = "bundle",
		.healthy = true,
		.director_version = 9007199254740991,
		.faults = 17,
		.image_version = 9007199254740991,
		.image_snapshot_version = 1,
		.slot = 1,
		.fell_back = true,
		.fallback_reason = VS_REASON_NO_TRIES,
		.bytes_fetched = 123456789012,
		.bytes_total = 1,
	};

	(void)state;
	good = start;
	pkey = EVP_EC_gen("P-256");
	other = EVP_EC_gen("P-256");
	assert_int_equal(vs_key_from_pkey(pkey, &key), VS_OK);
	assert_int_equal(vs_key_from_pkey(other, &other_key), VS_OK);
	return 0;
}

static int group_tear_down(void **state)
{
	(void)state;
	vs_key_drop(&key);
	vs_key_drop(&other_key);
	EVP_PKEY_free(pkey);
	EVP_PKEY_free(other);
	return 0;
}

static char *encode(const struct vs_report *r, size_t *len)
{
	char *out;

	assert_int_equal(vs_report_encode(r, key.id, sign, pkey, &out, len),
	                 VS_OK);
	return out;
}

static void a_report_reads_back_as_it_was(void **state)
{
	struct vs_report back;
	struct vs_why why = {0};
	size_t len;
	char *text = encode(&good, &len);

	(void)state;
	assert_int_equal(vs_report_decode(text, len, &key, &back, &why), VS_OK);
	assert_memory_equal(&back, &good, sizeof good);
	free(text);
}

static void an_empty_report_reads_back_too(void **state)
{
	static const struct vs_report empty = {.slot = -1};
	struct vs_report back;
	size_t len;
	char *text = encode(&empty, &len);

	(void)state;
	assert_int_equal(vs_report_decode(text, len, &key, &back, NULL), VS_OK);
	assert_memory_equal(&back, &empty, sizeof empty);
	free(text);
}

/* An agent of before says nothing of them. */
static void what_older_reports_lack_is_zero(void **state)
{
	struct vs_report r = good, back;
	size_t len;
	char *text = encode(&r, &len);

	(void)state;
	assert_non_null(strstr(text, "\"imageVersion\""));
	assert_non_null(strstr(text, "\"imageSnapshotVersion\""));
	assert_non_null(strstr(text, "\"faults\":17"));
	assert_non_null(strstr(text, "\"source\":\"bundle\""));
	free(text);
	r.image_version = 0;
	r.image_snapshot_version = 0;
	r.faults = 0;
	memset(r.source, 0, sizeof r.source);
	text = encode(&r, &len);
	assert_null(strstr(text, "\"image"));
	assert_null(strstr(text, "\"faults\""));
	assert_null(strstr(text, "\"source\""));
	assert_int_equal(vs_report_decode(text, len, &key, &back, NULL), VS_OK);
	assert_memory_equal(&back, &r, sizeof r);
	free(text);
}

static void every_reason_has_its_word(void **state)
{
	struct vs_report r = good, back;

	(void)state;
	for (int i = 0; i < VS_REASON_COUNT; i++) {
		size_t len;
		char *text;

		r.reason = (vs_reason)i;
		text = encode(&r, &len);
		assert_int_equal(vs_report_decode(text, len, &key, &back, NULL),
		                 VS_OK);
		assert_int_equal(back.reason, i);
		free(text);
	}
}

/* S0.27 */
static void any_flipped_bit_is_refused(void **state)
{
	struct vs_report back;
	size_t len;
	char *text = encode(&good, &len);

	(void)state;
	for (size_t bit = 0; bit < len * 8; bit++) {
		text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
		if (vs_report_decode(text, len, &key, &back, NULL) == VS_OK)
			fail_msg("bit %zu", bit);
		assert_int_equal(back.ecu_count, 0);
		text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
	}
	free(text);
}

static void another_key_is_refused(void **state)
{
	struct vs_report back;
	struct vs_why why = {0};
	size_t len;
	char *text = encode(&good, &len);

	(void)state;
	assert_int_equal(vs_report_decode(text, len, &other_key, &back, &why),
	                 VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_BAD_SIGNATURE);
	free(text);
	/* nor does it help to claim the charger's key id */
	assert_int_equal(
		vs_report_encode(&good, key.id, sign, other, &text, &len),
		VS_OK);
	assert_int_equal(vs_report_decode(text, len, &key, &back, &why),
	                 VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_BAD_SIGNATURE);
	free(text);
}

static void a_report_over_its_maximum_is_not_read(void **state)
{
	char *big = calloc(1, VS_REPORT_MAX + 1);
	struct vs_report back;
	struct vs_why why = {0};

	(void)state;
	assert_non_null(big);
	assert_int_equal(
		vs_report_decode(big, VS_REPORT_MAX + 1, &key, &back, &why),
		VS_ERR_LIMIT);
	assert_int_equal(why.code, VS_REASON_TOO_LARGE);
	free(big);
}

/* Signs a body that vs_report_encode() would not make. */
static vs_status decode_edited(const char *ecu_or_null, const char *member,
                               const char *json, struct vs_why *why)
{
	struct vs_report back;
	struct vs_envelope e, made;
	uint8_t sig[128];
	size_t sig_len = sizeof sig, len;
	char *text = encode(&good, &len);
	json_t *body, *at;
	vs_status status;

	assert_int_equal(vs_envelope_parse(text, len, len, NULL, &e, NULL),
	                 VS_OK);
	free(text);
	body = json_deep_copy(e.body);
	at = ecu_or_null ? json_array_get(json_object_get(body, "ecus"), 1)
	                 : body;
	json_object_set_new(at, member,
	                    json_loads(json, JSON_DECODE_ANY, NULL));
	vs_envelope_drop(&e);
	assert_int_equal(vs_envelope_new(body, &made), VS_OK);
	assert_int_equal(sign(pkey, (const uint8_t *)made.canon, made.canon_len,
	                      sig, &sig_len),
	                 VS_OK);
	assert_int_equal(vs_envelope_add(&made, key.id, sig, sig_len), VS_OK);
	assert_int_equal(vs_envelope_encode(&made, &text, &len), VS_OK);
	vs_envelope_drop(&made);
	status = vs_report_decode(text, len, &key, &back, why);
	free(text);
	return status;
}

static void fields_of_the_wrong_kind_are_refused(void **state)
{
	/* clang-format off */
	static const struct {
		const char *ecu, *member, *json;
		vs_reason reason;
	} bad[] = {
		{NULL,  "_type",   "\"root\"",   VS_REASON_WRONG_TYPE},
		{NULL,  "_type",   "7",          VS_REASON_MALFORMED},
		{NULL,  "formatVersion", "\"1\"",    VS_REASON_MALFORMED},
		{NULL,  "counter", "null",       VS_REASON_MALFORMED},
		{NULL,  "healthy", "null",       VS_REASON_MALFORMED},
		{NULL,  "formatVersion", "2",          VS_REASON_UNSUPPORTED},
		{NULL,  "vehicleIdentifier", "7",          VS_REASON_MALFORMED},
		{NULL,  "imageVersion", "null",       VS_REASON_MALFORMED},
		{NULL,  "imageVersion", "-1",         VS_REASON_MALFORMED},
		{NULL,  "imageSnapshotVersion", "9007199254740992",
	         VS_REASON_MALFORMED},
		{NULL,  "counter", "-1",         VS_REASON_MALFORMED},
		{NULL,  "counter", "\"1\"",      VS_REASON_MALFORMED},
		{NULL,  "time",    "1800000000", VS_REASON_MALFORMED},
		{NULL,  "time",    "\"2027-01-15\"", VS_REASON_MALFORMED},
		{NULL,  "healthy", "1",          VS_REASON_MALFORMED},
		{NULL,  "slot",    "-2",         VS_REASON_MALFORMED},
		{NULL,  "slot",    "256",        VS_REASON_MALFORMED},
		{NULL,  "reason",  "\"because\"", VS_REASON_MALFORMED},
		{NULL,  "reason",  "7",          VS_REASON_MALFORMED},
		{NULL, "phase", "\"0123456789012345678901234567890123\"",
		 VS_REASON_MALFORMED},
		{NULL,  "ecus",    "{}",         VS_REASON_MALFORMED},
		{NULL,  "ecus",    "[7]",        VS_REASON_MALFORMED},
		{NULL,  "ecus",    "[1,1,1,1,1,1,1,1,1]", VS_REASON_TOO_LARGE},
		{"ecu", "floor",   "4294967296", VS_REASON_MALFORMED},
		{"ecu", "length",  "null",       VS_REASON_MALFORMED},
		{"ecu", "ecuIdentifier", "\"CP-0001-gateway\"",
		 VS_REASON_DUPLICATE_ECU},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct vs_why why = {0};
		vs_status status = decode_edited(bad[i].ecu, bad[i].member,
		                                 bad[i].json, &why);

		if (why.code != bad[i].reason)
			fail_msg("%s %s", bad[i].member, bad[i].json);
		assert_int_equal(status, why.code == VS_REASON_TOO_LARGE
		                                 ? VS_ERR_LIMIT
		                                 : VS_ERR_INPUT);
	}
}

/* A newer agent may say more. */
static void unknown_fields_are_passed_over(void **state)
{
	(void)state;
	assert_int_equal(decode_edited(NULL, "more", "{}", NULL), VS_OK);
	assert_int_equal(decode_edited("ecu", "more", "{}", NULL), VS_OK);
}

static void a_text_cut_inside_a_character_is_still_reported(void **state)
{
	struct vs_report r = good, back;
	size_t len;
	char *text;

	(void)state;
	memcpy(r.detail, "l\xc3", 3);
	text = encode(&r, &len);
	assert_int_equal(vs_report_decode(text, len, &key, &back, NULL), VS_OK);
	assert_string_equal(back.detail, "l?");
	free(text);
}

static void what_could_not_be_read_is_not_signed(void **state)
{
	struct vs_report r = good;
	size_t len;
	char *text;

	(void)state;
	r.counter = UINT64_MAX;
	assert_int_equal(vs_report_encode(&r, key.id, sign, pkey, &text, &len),
	                 VS_ERR_INPUT);
	assert_null(text);
	r = good;
	r.ecu_count = VS_ECUS_MAX + 1;
	assert_int_equal(vs_report_encode(&r, key.id, sign, pkey, &text, &len),
	                 VS_ERR_INPUT);
	r = good;
	memcpy(r.ecus[1].id, r.ecus[0].id, sizeof r.ecus[0].id);
	assert_int_equal(vs_report_encode(&r, key.id, sign, pkey, &text, &len),
	                 VS_ERR_INPUT);
	assert_int_equal(
		vs_report_encode(&good, key.id, sign_never, NULL, &text, &len),
		VS_ERR_IO);
	assert_null(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_reads_back_as_it_was),
		cmocka_unit_test(an_empty_report_reads_back_too),
		cmocka_unit_test(what_older_reports_lack_is_zero),
		cmocka_unit_test(every_reason_has_its_word),
		cmocka_unit_test(any_flipped_bit_is_refused),
		cmocka_unit_test(another_key_is_refused),
		cmocka_unit_test(a_report_over_its_maximum_is_not_read),
		cmocka_unit_test(fields_of_the_wrong_kind_are_refused),
		cmocka_unit_test(unknown_fields_are_passed_over),
		cmocka_unit_test(
			a_text_cut_inside_a_character_is_still_reported),
		cmocka_unit_test(what_could_not_be_read_is_not_signed),
	};

	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}

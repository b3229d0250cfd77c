/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/seal/keyring_test.c - whom a boot stage believes, and how it changes.
 */
#include "tests/seal/fixture.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PEOPLE 5

static struct vs_crypto crypto;
static struct person people[PEOPLE];
static struct vs_keyring ring; /* 2 of people 0..2 */
static struct vs_seal_header header;
static uint8_t raw[VS_SEAL_HEADER_LEN];

static int begin(void **state)
{
	(void)state;
	if (vs_openssl_init(&crypto) != VS_OK)
		return -1;
	for (size_t i = 0; i < PEOPLE; i++)
		person_init(&people[i], &crypto);
	ring_fill(&ring, people, 3, 2);
	header_fill(&header);
	return vs_seal_header_encode(&header, raw, NULL) == VS_OK ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	for (size_t i = 0; i < PEOPLE; i++)
		person_drop(&people[i]);
	vs_openssl_drop(&crypto);
	return 0;
}

/* The listed people, as digits, sign message. */
static void sign(const char *who, const uint8_t *message, size_t len,
                 struct vs_signatures *sigs)
{
	memset(sigs, 0, sizeof(*sigs));
	for (; *who; who++)
		person_sign(&people[*who - '0'], message, len, sigs);
}

static void assert_header(const struct vs_signatures *sigs, vs_status want,
                          vs_reason reason)
{
	struct vs_seal_header out;
	struct vs_why why = {0};

	assert_int_equal(
		vs_keyring_open_header(&ring, &crypto, raw, sigs, &out, &why),
		want);
	assert_int_equal(why.code, reason);
}

/* S0.1 S2.16 A14 */
static void any_two_of_three_open_a_header_and_one_does_not(void **state)
{
	static const char *const enough[] = {"01", "12", "20", "210", "034"};
	static const char *const too_few[] = {"", "0", "1", "2", "03", "34"};
	struct vs_signatures sigs;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		sign(enough[i], raw, sizeof(raw), &sigs);
		assert_header(&sigs, VS_OK, VS_REASON_NONE);
	}
	sign(enough[4], raw, sizeof(raw), &sigs); /* one and two strangers */
	assert_header(&sigs, VS_ERR_REFUSED, VS_REASON_SEAL_SIGNATURE);
	for (size_t i = 0; i < 6; i++) {
		sign(too_few[i], raw, sizeof(raw), &sigs);
		assert_header(&sigs, VS_ERR_REFUSED, VS_REASON_SEAL_SIGNATURE);
	}
}

/* S0.1: by hand, since a block with an id twice does not even decode */
static void two_signatures_of_one_key_count_once(void **state)
{
	struct vs_signatures sigs;
	struct person again = people[0];

	(void)state;
	sign("0", raw, sizeof(raw), &sigs);
	person_sign(&again, raw, sizeof(raw), &sigs);
	assert_memory_not_equal(people[0].sig, again.sig, sizeof(again.sig));
	assert_header(&sigs, VS_ERR_REFUSED, VS_REASON_SEAL_SIGNATURE);
	/* and a stranger's signature under a trusted key's id is no second */
	sign("03", raw, sizeof(raw), &sigs);
	memcpy(sigs.at[1].key_id, people[1].id, VS_SHA256_LEN);
	assert_header(&sigs, VS_ERR_REFUSED, VS_REASON_SEAL_SIGNATURE);
	/* a bad signature does not spoil the good ones */
	sign("301", raw, sizeof(raw), &sigs);
	memcpy(sigs.at[0].key_id, people[2].id, VS_SHA256_LEN);
	assert_header(&sigs, VS_OK, VS_REASON_NONE);
}

static void only_the_rings_own_scheme_counts(void **state)
{
	struct vs_signatures sigs;

	(void)state;
	sign("01", raw, sizeof(raw), &sigs);
	sigs.at[1].scheme = VS_SCHEME_LMS_SHA256;
	assert_header(&sigs, VS_ERR_REFUSED, VS_REASON_SEAL_SIGNATURE);
	sigs.at[1].scheme = VS_SCHEME_P256_SHA256;
	sigs.at[1].len = 63;
	assert_header(&sigs, VS_ERR_REFUSED, VS_REASON_SEAL_SIGNATURE);
}

/* S0.1 S3.19 S3.16 S3.41: all one-bit flips */
static void every_flipped_bit_of_a_signed_header_is_refused(void **state)
{
	struct vs_signatures sigs;

	(void)state;
	sign("01", raw, sizeof(raw), &sigs);
	for (size_t bit = 0; bit < 8 * sizeof(raw); bit++) {
		raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_header(&sigs, VS_ERR_REFUSED, VS_REASON_SEAL_SIGNATURE);
		raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_header(&sigs, VS_OK, VS_REASON_NONE);
}

static void every_flipped_bit_of_a_signature_is_refused(void **state)
{
	struct vs_signatures sigs;

	(void)state;
	sign("01", raw, sizeof(raw), &sigs);
	for (size_t bit = 0; bit < 8 * VS_P256_SIG_LEN; bit++) {
		people[1].sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_header(&sigs, VS_ERR_REFUSED, VS_REASON_SEAL_SIGNATURE);
		people[1].sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_header(&sigs, VS_OK, VS_REASON_NONE);
}

/* S0.20 S0.34: the right signatures, the wrong component */
static void a_component_the_ring_does_not_cover_is_refused(void **state)
{
	struct vs_seal_header h = header;
	struct vs_signatures sigs;
	uint8_t good[VS_SEAL_HEADER_LEN];

	(void)state;
	memcpy(good, raw, sizeof(raw));
	memcpy(h.component, "gateways", 9);
	assert_int_equal(vs_seal_header_encode(&h, raw, NULL), VS_OK);
	sign("01", raw, sizeof(raw), &sigs);
	assert_header(&sigs, VS_ERR_REFUSED, VS_REASON_WRONG_COMPONENT);
	memcpy(raw, good, sizeof(raw));
}

static vs_status broken_hash(void *ctx, const uint8_t *a, size_t a_len,
                             const uint8_t *b, size_t b_len,
                             uint8_t digest[static VS_SHA256_LEN])
{
	(void)ctx, (void)a, (void)a_len, (void)b, (void)b_len, (void)digest;
	return VS_ERR_CRYPTO;
}

static vs_status broken_verify(void *ctx,
                               const uint8_t key[static VS_P256_KEY_LEN],
                               const uint8_t digest[static VS_SHA256_LEN],
                               const uint8_t sig[static VS_P256_SIG_LEN])
{
	(void)ctx, (void)key, (void)digest, (void)sig;
	return VS_ERR_CRYPTO;
}

static void a_failing_provider_never_says_yes_or_no(void **state)
{
	struct vs_crypto bad = crypto;
	struct vs_signatures sigs;
	struct vs_seal_header out;

	(void)state;
	sign("01", raw, sizeof(raw), &sigs);
	bad.p256_verify = broken_verify;
	assert_int_equal(
		vs_keyring_open_header(&ring, &bad, raw, &sigs, &out, NULL),
		VS_ERR_CRYPTO);
	bad = crypto;
	bad.sha256 = broken_hash;
	assert_int_equal(
		vs_keyring_open_header(&ring, &bad, raw, &sigs, &out, NULL),
		VS_ERR_CRYPTO);
}

/* A keyring file signed by who; gives its length. */
static size_t make_file(const struct vs_keyring *r, const char *who,
                        uint8_t file[static 8192])
{
	struct vs_signatures sigs;
	size_t body = 0;
	size_t len = 0;

	assert_int_equal(vs_keyring_encode(r, file, 8192, &body, NULL), VS_OK);
	sign(who, file, body, &sigs);
	assert_int_equal(
		vs_signatures_encode(&sigs, file + body, 8192 - body, &len),
		VS_OK);
	return body + len;
}

static void assert_rotation(const struct vs_keyring *in_force,
                            const struct vs_keyring *next, const char *who,
                            vs_status want, vs_reason reason)
{
	uint8_t file[8192];
	struct vs_keyring out;
	struct vs_why why = {0};
	size_t len = make_file(next, who, file);

	assert_int_equal(
		vs_keyring_open(in_force, &crypto, file, len, &out, &why),
		want);
	assert_int_equal(why.code, reason);
	if (want == VS_OK)
		assert_int_equal(out.version, next->version);
}

static void the_first_ring_is_signed_by_its_own_threshold(void **state)
{
	(void)state;
	assert_rotation(NULL, &ring, "01", VS_OK, VS_REASON_NONE);
	assert_rotation(NULL, &ring, "0", VS_ERR_REFUSED,
	                VS_REASON_SEAL_SIGNATURE);
	assert_rotation(NULL, &ring, "034", VS_ERR_REFUSED,
	                VS_REASON_SEAL_SIGNATURE);
}

/* S3.20 S2.37 */
static void a_ring_is_replaced_by_old_and_new_threshold_together(void **state)
{
	struct vs_keyring next;

	(void)state;
	ring_fill(&next, people + 2, 3, 2); /* people 2, 3, 4 */
	next.version = 2;
	assert_rotation(&ring, &next, "0134", VS_OK, VS_REASON_NONE);
	assert_rotation(&ring, &next, "023", VS_OK, VS_REASON_NONE);
	assert_rotation(&ring, &next, "01", VS_ERR_REFUSED,
	                VS_REASON_SEAL_SIGNATURE);
	assert_rotation(&ring, &next, "34", VS_ERR_REFUSED,
	                VS_REASON_SEAL_SIGNATURE);
	assert_rotation(&ring, &next, "234", VS_ERR_REFUSED,
	                VS_REASON_SEAL_SIGNATURE);
}

/* S3.20 A2 */
static void a_ring_of_the_same_or_a_lower_version_is_a_rollback(void **state)
{
	struct vs_keyring in_force = ring;
	struct vs_keyring next = ring;

	(void)state;
	in_force.version = 7;
	next.version = 6;
	assert_rotation(&in_force, &next, "01", VS_ERR_REFUSED,
	                VS_REASON_KEYRING_ROLLBACK);
	next.version = 7;
	assert_rotation(&in_force, &next, "01", VS_ERR_REFUSED,
	                VS_REASON_KEYRING_ROLLBACK);
	next.version = 9; /* one missed is no harm */
	assert_rotation(&in_force, &next, "01", VS_OK, VS_REASON_NONE);
	next.version = UINT32_MAX;
	assert_rotation(&in_force, &next, "01", VS_OK, VS_REASON_NONE);
}

static void a_refused_ring_leaves_the_one_in_force(void **state)
{
	struct vs_keyring in_force = ring;
	struct vs_keyring next = ring;
	uint8_t file[8192];
	size_t len;

	(void)state;
	next.version = 2;
	len = make_file(&next, "0", file);
	assert_int_equal(
		vs_keyring_open(&in_force, &crypto, file, len, &in_force, NULL),
		VS_ERR_REFUSED);
	assert_memory_equal(&in_force, &ring, sizeof(ring));
	len = make_file(&next, "01", file);
	assert_int_equal(
		vs_keyring_open(&in_force, &crypto, file, len, &in_force, NULL),
		VS_OK);
	assert_int_equal(in_force.version, 2);
}

static void a_ring_file_altered_cut_or_longer_is_refused(void **state)
{
	uint8_t file[8192] = {0};
	struct vs_keyring out;
	size_t len = make_file(&ring, "01", file);

	(void)state;
	assert_int_equal(vs_keyring_open(NULL, &crypto, file, len, &out, NULL),
	                 VS_OK);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(
			vs_keyring_open(NULL, &crypto, file, i, &out, NULL),
			VS_ERR_INPUT);
	assert_int_equal(
		vs_keyring_open(NULL, &crypto, file, len + 1, &out, NULL),
		VS_ERR_INPUT);
	for (size_t i = 0; i < len; i++) {
		file[i] ^= 0x40;
		assert_int_not_equal(
			vs_keyring_open(NULL, &crypto, file, len, &out, NULL),
			VS_OK);
		file[i] ^= 0x40;
	}
}

/* tests/vectors/seal/keyring.hex was made from the document alone */
static void the_body_is_the_one_of_the_document(void **state)
{
	uint8_t want[1024];
	uint8_t got[1024];
	struct vs_keyring r;
	size_t body = 0;
	size_t len = 0;
	size_t want_len = vector_load("keyring.hex", want, sizeof(want));

	(void)state;
	assert_int_equal(
		vs_keyring_decode(&crypto, want, want_len, &r, &body, NULL),
		VS_OK);
	assert_int_equal(body, want_len);
	assert_int_equal(r.version, 0x01020304);
	assert_int_equal(r.threshold, 2);
	assert_int_equal(r.key_count, 2);
	assert_int_equal(r.component_count, 2);
	assert_string_equal(r.components[0], "gateway");
	assert_string_equal(r.components[1], "controller");
	assert_int_equal(vs_keyring_encode(&r, got, sizeof(got), &len, NULL),
	                 VS_OK);
	assert_int_equal(len, want_len);
	assert_memory_equal(got, want, len);
}

/* S0.1: an id that is not its key's hash could count one key as two */
static void a_key_under_another_id_is_refused(void **state)
{
	uint8_t file[8192];
	struct vs_keyring r = ring;
	struct vs_keyring out;
	struct vs_why why = {0};
	size_t len;

	(void)state;
	r.keys[2].id[31] ^= 1;
	len = make_file(&r, "012", file);
	assert_int_equal(vs_keyring_open(NULL, &crypto, file, len, &out, &why),
	                 VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_MALFORMED);
	assert_int_equal(why.at, 64 + 2 * 104);
}

static void every_reserved_byte_of_a_ring_must_be_zero(void **state)
{
	uint8_t file[8192];
	struct vs_keyring out;
	struct vs_why why;
	size_t body = 0;
	size_t len = make_file(&ring, "01", file);

	(void)state;
	for (size_t at = 24; at < 32; at++) {
		file[at] = 1;
		assert_int_equal(vs_keyring_decode(&crypto, file, len, &out,
		                                   &body, &why),
		                 VS_ERR_INPUT);
		/* 24 and 25 are one field: the LMS threshold */
		assert_int_equal(why.at, at == 25 ? 24 : at);
		file[at] = 0;
	}
	for (size_t at = 64 + 101; at < 64 + 104; at++) {
		file[at] = 1;
		assert_int_equal(vs_keyring_decode(&crypto, file, len, &out,
		                                   &body, &why),
		                 VS_ERR_INPUT);
		file[at] = 0;
	}
	assert_int_equal(
		vs_keyring_decode(&crypto, file, len, &out, &body, &why),
		VS_OK);
}

static void a_ring_nobody_can_use_is_not_encoded(void **state)
{
	uint8_t file[8192];
	struct vs_keyring r = ring;
	size_t len;

	(void)state;
	assert_int_equal(vs_keyring_encode(&r, file, 31, &len, NULL),
	                 VS_ERR_LIMIT);
#define ASSERT_REFUSED(change)                                                 \
	do {                                                                   \
		r = ring;                                                      \
		change;                                                        \
		assert_int_equal(                                              \
			vs_keyring_encode(&r, file, 8192, &len, NULL),         \
			VS_ERR_INPUT);                                         \
	} while (0)
	ASSERT_REFUSED(r.version = 0);
	ASSERT_REFUSED(r.threshold = 0);
	ASSERT_REFUSED(r.threshold = 4);
	ASSERT_REFUSED(r.key_count = 0);
	ASSERT_REFUSED(r.key_count = VS_KEYRING_KEYS_MAX + 1);
	ASSERT_REFUSED(r.component_count = 0);
	ASSERT_REFUSED(r.component_count = VS_KEYRING_COMPONENTS_MAX + 1);
	ASSERT_REFUSED(r.components[0][0] = 0);
	ASSERT_REFUSED(r.components[0][0] = ' ');
	ASSERT_REFUSED(
		(r.component_count = 2,
	         memcpy(r.components[1], r.components[0], VS_COMPONENT_LEN)));
	ASSERT_REFUSED(r.keys[1].scheme = VS_SCHEME_LMS_SHA256);
	ASSERT_REFUSED(r.keys[1].point[0] = 2);
	ASSERT_REFUSED(r.keys[1] = r.keys[0]);
	ASSERT_REFUSED(
		memcpy(r.keys[1].point, r.keys[0].point, VS_P256_KEY_LEN));
	ASSERT_REFUSED(r.keys[2] = ring.keys[1]; r.keys[1] = ring.keys[2]);
#undef ASSERT_REFUSED
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			any_two_of_three_open_a_header_and_one_does_not),
		cmocka_unit_test(two_signatures_of_one_key_count_once),
		cmocka_unit_test(only_the_rings_own_scheme_counts),
		cmocka_unit_test(
			every_flipped_bit_of_a_signed_header_is_refused),
		cmocka_unit_test(every_flipped_bit_of_a_signature_is_refused),
		cmocka_unit_test(
			a_component_the_ring_does_not_cover_is_refused),
		cmocka_unit_test(a_failing_provider_never_says_yes_or_no),
		cmocka_unit_test(the_first_ring_is_signed_by_its_own_threshold),
		cmocka_unit_test(
			a_ring_is_replaced_by_old_and_new_threshold_together),
		cmocka_unit_test(
			a_ring_of_the_same_or_a_lower_version_is_a_rollback),
		cmocka_unit_test(a_refused_ring_leaves_the_one_in_force),
		cmocka_unit_test(a_ring_file_altered_cut_or_longer_is_refused),
		cmocka_unit_test(the_body_is_the_one_of_the_document),
		cmocka_unit_test(a_key_under_another_id_is_refused),
		cmocka_unit_test(every_reserved_byte_of_a_ring_must_be_zero),
		cmocka_unit_test(a_ring_nobody_can_use_is_not_encoded),
	};

	return cmocka_run_group_tests_name("seal keyring", tests, begin, end);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/bearssl_test.c - BearSSL and OpenSSL give one answer to anything.
 *
 * Built by bearssl_test.sh, for its library is fetched when it is needed.
 * VOLTSEAL_VECTORS names the folder of third-party vectors, if it is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "boot/port/bearssl.h"
#include "seal/lms.h"
#include "seal/openssl.h"
#include "tests/boot/signer.h"

#define WYCHEPROOF "wycheproof/wy_ecdsa_secp256r1_sha256_test.json"

enum { RANDOM_ROUNDS = 300, BUFFER = 20000 };

static struct vs_crypto judges[3]; /* OpenSSL, i15, i31 */
static uint32_t noise = 2463534242;

static uint32_t rnd(void)
{
	noise ^= noise << 13;
	noise ^= noise >> 17;
	noise ^= noise << 5;
	return noise;
}

static void fill(uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(rnd() >> 7);
}

static int begin(void **state)
{
	(void)state;
	vs_bearssl_i15(&judges[1]);
	vs_bearssl_i31(&judges[2]);
	return vs_openssl_init(&judges[0]) == VS_OK ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	vs_openssl_drop(&judges[0]);
	return 0;
}

static vs_status all_say(const uint8_t *key, const uint8_t *digest,
                         const uint8_t *sig)
{
	vs_status first =
		judges[0].p256_verify(judges[0].ctx, key, digest, sig);

	for (size_t i = 1; i < 3; i++)
		assert_int_equal(
			judges[i].p256_verify(judges[i].ctx, key, digest, sig),
			first);
	return first;
}

static void hashes_are_the_same_however_they_are_cut(void **state)
{
	uint8_t in[BUFFER];
	uint8_t want[VS_SHA256_LEN];
	uint8_t got[VS_SHA256_LEN];

	(void)state;
	fill(in, sizeof(in));
	for (size_t i = 0; i < 2000; i++) {
		size_t len = i < 300 ? i : rnd() % BUFFER;
		size_t cut = len > 0 ? rnd() % (len + 1) : 0;

		assert_int_equal(
			judges[0].sha256(judges[0].ctx, in, len, NULL, 0, want),
			VS_OK);
		for (size_t k = 1; k < 3; k++) {
			assert_int_equal(judges[k].sha256(judges[k].ctx, in,
			                                  cut, in + cut,
			                                  len - cut, got),
			                 VS_OK);
			assert_memory_equal(got, want, sizeof(want));
		}
	}
}

/* S0.1 */
static void random_signatures_get_one_answer(void **state)
{
	struct vs_keyring ring;
	struct vs_signatures sigs;
	uint8_t room[SIGNERS][VS_P256_SIG_LEN];
	uint8_t message[100];
	uint8_t digest[VS_SHA256_LEN];
	uint8_t key[VS_P256_KEY_LEN];
	uint8_t *parts[] = {key, digest, room[0]};
	const size_t lens[] = {sizeof(key), sizeof(digest), sizeof(room[0])};

	(void)state;
	signer_ring(&judges[0], &ring);
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		size_t part = rnd() % 3;
		size_t bit = rnd() % (lens[part] * 8);

		fill(message, sizeof(message));
		signer_sign(&ring, 1, message, sizeof(message), room, &sigs);
		assert_int_equal(judges[0].sha256(judges[0].ctx, message,
		                                  sizeof(message), NULL, 0,
		                                  digest),
		                 VS_OK);
		memcpy(key, ring.keys[0].point, sizeof(key));
		assert_int_equal(all_say(key, digest, room[0]), VS_OK);
		parts[part][bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(all_say(key, digest, room[0]), VS_ERR_REFUSED);
		fill(parts[part], lens[part]);
		key[0] = 4;
		assert_int_equal(all_say(key, digest, room[0]), VS_ERR_REFUSED);
	}
}

/* r and s at the ends of their range, points at the ends of the field */
static void numbers_at_the_edges_get_one_answer(void **state)
{
	static const char *const edges[] = {
		"0", /* and n - 1, n, n + 1, p - 1, p, 2^256 - 1 */
		"1",
		"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2"
		"fc632550",
		"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2"
		"fc632551",
		"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2"
		"fc632552",
		"ffffffff00000001000000000000000000000000fffffffffffffffff"
		"ffffffe",
		"ffffffff00000001000000000000000000000000fffffffffffffffff"
		"fffffff",
		"fffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"fffffff",
	};
	enum { EDGES = sizeof(edges) / sizeof(edges[0]) };
	uint8_t bytes[EDGES][32];
	uint8_t sig[VS_P256_SIG_LEN];
	uint8_t key[VS_P256_KEY_LEN] = {4};
	uint8_t digest[VS_SHA256_LEN];
	struct vs_keyring ring;
	BIGNUM *n = NULL;

	(void)state;
	signer_ring(&judges[0], &ring);
	for (size_t i = 0; i < EDGES; i++) {
		assert_true(BN_hex2bn(&n, edges[i]) > 0);
		assert_int_equal(BN_bn2binpad(n, bytes[i], 32), 32);
	}
	BN_free(n);
	for (size_t i = 0; i < EDGES * EDGES; i++) {
		memcpy(sig, bytes[i / EDGES], 32);
		memcpy(sig + 32, bytes[i % EDGES], 32);
		memcpy(digest, bytes[i % 5], 32);
		(void)all_say(ring.keys[0].point, digest, sig);
		memcpy(key + 1, sig, 64);
		assert_int_equal(all_say(key, digest, sig), VS_ERR_REFUSED);
	}
	for (unsigned form = 0; form < 256; form++) {
		memcpy(key, ring.keys[0].point, sizeof(key));
		key[0] = (uint8_t)form;
		assert_int_equal(all_say(key, digest, sig), VS_ERR_REFUSED);
	}
}

static size_t unhex(const char *text, uint8_t *out, size_t cap)
{
	size_t len = 0;
	unsigned byte;

	for (; text[0] && text[1]; text += 2) {
		assert_int_equal(sscanf(text, "%2x", &byte), 1);
		assert_true(len < cap);
		out[len++] = (uint8_t)byte;
	}
	return len;
}

/* r || s of a signature in DER; false if 64 bytes cannot say it. */
static bool raw_of(const uint8_t *der, size_t len, uint8_t *raw)
{
	const uint8_t *p = der;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
	uint8_t *again = NULL;
	bool good = false;
	int n;

	if (!sig)
		return false;
	n = i2d_ECDSA_SIG(sig, &again);
	if (n >= 0 && (size_t)n == len && memcmp(again, der, len) == 0 &&
	    !BN_is_negative(ECDSA_SIG_get0_r(sig)) &&
	    !BN_is_negative(ECDSA_SIG_get0_s(sig)))
		good = BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32) == 32 &&
		       BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32) == 32;
	OPENSSL_free(again);
	ECDSA_SIG_free(sig);
	return good;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	assert_non_null(text);
	return text;
}

/* Whether the vector could be said in our form, and was answered as it says. */
static bool check_vector(const json_t *test, const uint8_t *key)
{
	static uint8_t message[BUFFER];
	uint8_t der[BUFFER];
	uint8_t raw[VS_P256_SIG_LEN];
	uint8_t digest[VS_SHA256_LEN];
	size_t len = unhex(text_of(test, "sig"), der, sizeof(der));
	bool valid = strcmp(text_of(test, "result"), "valid") == 0;

	if (!raw_of(der, len, raw)) {
		assert_false(valid);
		return false;
	}
	len = unhex(text_of(test, "msg"), message, sizeof(message));
	assert_int_equal(
		judges[0].sha256(judges[0].ctx, message, len, NULL, 0, digest),
		VS_OK);
	assert_int_equal(all_say(key, digest, raw),
	                 valid ? VS_OK : VS_ERR_REFUSED);
	return true;
}

static void wycheproofs_vectors_get_the_answer_they_name(void **state)
{
	const char *dir = getenv("VOLTSEAL_VECTORS");
	json_t *all;
	json_t *group;
	json_t *test;
	char path[4096];
	size_t i;
	size_t k;
	int checked = 0;
	int others = 0;

	(void)state;
	if (!dir || !*dir) {
		print_message("# skipped: VOLTSEAL_VECTORS names no folder of "
		              "third-party vectors\n");
		return;
	}
	snprintf(path, sizeof(path), "%s/" WYCHEPROOF, dir);
	all = json_load_file(path, 0, NULL);
	assert_non_null(all);
	json_array_foreach(json_object_get(all, "testGroups"), i, group)
	{
		const json_t *pk = json_object_get(group, "publicKey");
		uint8_t key[VS_P256_KEY_LEN];

		assert_int_equal(
			unhex(text_of(pk, "uncompressed"), key, sizeof(key)),
			sizeof(key));
		json_array_foreach(json_object_get(group, "tests"), k, test)
		{
			if (check_vector(test, key))
				checked++;
			else
				others++;
		}
	}
	json_decref(all);
	print_message("# Wycheproof: %d answered as named, %d have no form of "
	              "64 bytes\n",
	              checked, others);
	assert_true(checked >= 240);
}

static void a_seal_opens_with_each(void **state)
{
	struct vs_keyring ring;
	struct vs_signatures sigs;
	uint8_t room[SIGNERS][VS_P256_SIG_LEN];
	uint8_t message[VS_SEAL_HEADER_LEN];

	(void)state;
	signer_ring(&judges[0], &ring);
	fill(message, sizeof(message));
	signer_sign(&ring, 2, message, sizeof(message), room, &sigs);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(vs_keyring_verify(&ring, &judges[i], message,
		                                   sizeof(message), &sigs,
		                                   NULL),
		                 VS_OK);
	sigs.count = 1;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(vs_keyring_verify(&ring, &judges[i], message,
		                                   sizeof(message), &sigs,
		                                   NULL),
		                 VS_ERR_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_the_same_however_they_are_cut),
		cmocka_unit_test(random_signatures_get_one_answer),
		cmocka_unit_test(numbers_at_the_edges_get_one_answer),
		cmocka_unit_test(wycheproofs_vectors_get_the_answer_they_name),
		cmocka_unit_test(a_seal_opens_with_each),
	};

	return cmocka_run_group_tests_name("boot bearssl", tests, begin, end);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/base/demo_test.c - every key whose private part is published is
 * refused in production, and no other.
 *
 * With the argument "list" it prints the rows of base/demo.c.
 */
#include "base/demo.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { small = 64, filled = 16, points = 16, all_max = 128 };

static EVP_PKEY *all[all_max];
static size_t count;

/* RFC 8032, 7.1: TEST 1, 2, 3, 1024 and SHA(abc). */
static const char *const rfc8032[] = {
	"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	"f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
	"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
};

/* RFC 6979, A.2.5. */
static const char rfc6979[] =
	"c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";

static void add(EVP_PKEY *pkey)
{
	assert_non_null(pkey);
	assert_true(count < all_max);
	all[count++] = pkey;
}

static EVP_PKEY *ed25519(const uint8_t secret[static 32])
{
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, 32);
}

/* The public key of a private number. */
static EVP_PKEY *p256(const char *hex)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	EC_POINT *point = EC_POINT_new(group);
	BIGNUM *d = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *pkey = NULL;
	uint8_t raw[65];
	char name[] = "P-256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
	                                         name, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, raw,
	                                          sizeof raw),
		OSSL_PARAM_construct_end(),
	};

	assert_true(BN_hex2bn(&d, hex) > 0);
	assert_int_equal(EC_POINT_mul(group, point, d, NULL, NULL, NULL), 1);
	assert_int_equal(EC_POINT_point2oct(group, point,
	                                    POINT_CONVERSION_UNCOMPRESSED, raw,
	                                    sizeof raw, NULL),
	                 sizeof raw);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params), 1);
	EVP_PKEY_CTX_free(ctx);
	BN_free(d);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	return pkey;
}

/* The seeds that tests and examples count through, in both spellings, and
 * the standards' examples.
 */
static int make_all(void **state)
{
	char hex[8];

	(void)state;
	for (int i = 0; i < small; i++)
		add(ed25519((uint8_t[32]){(uint8_t)i}));
	for (int i = 1; i <= filled; i++) {
		uint8_t secret[32];

		memset(secret, i, sizeof secret);
		add(ed25519(secret));
	}
	for (size_t i = 0; i < sizeof rfc8032 / sizeof *rfc8032; i++) {
		BIGNUM *n = NULL;
		uint8_t secret[32];

		assert_true(BN_hex2bn(&n, rfc8032[i]) > 0);
		assert_int_equal(BN_bn2binpad(n, secret, 32), 32);
		BN_free(n);
		add(ed25519(secret));
	}
	for (int i = 1; i <= points; i++) {
		snprintf(hex, sizeof hex, "%x", i);
		add(p256(hex));
	}
	add(p256(rfc6979));
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	while (count)
		EVP_PKEY_free(all[--count]);
	return 0;
}

static void raw_digest(EVP_PKEY *pkey, uint8_t out[static 32])
{
	uint8_t raw[65];
	size_t len = sizeof raw;

	if (EVP_PKEY_is_a(pkey, "ED25519"))
		assert_int_equal(EVP_PKEY_get_raw_public_key(pkey, raw, &len),
		                 1);
	else
		assert_int_equal(EVP_PKEY_get_octet_string_param(
					 pkey, OSSL_PKEY_PARAM_PUB_KEY, raw,
					 sizeof raw, &len),
		                 1);
	assert_int_equal(EVP_Digest(raw, len, out, NULL, EVP_sha256(), NULL),
	                 1);
}

static void every_published_key_is_known_by_key_and_by_digest(void **state)
{
	uint8_t digest[32];

	(void)state;
	for (size_t i = 0; i < count; i++) {
		assert_true(vs_demo_key(all[i]));
		raw_digest(all[i], digest);
		assert_true(vs_demo_digest(digest));
	}
	assert_int_equal(vs_demo_count(), count);
}

static void a_compressed_point_is_the_same_key(void **state)
{
	(void)state;
	EVP_PKEY *pkey = p256("1");

	assert_int_equal(
		EVP_PKEY_set_utf8_string_param(
			pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
			OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_COMPRESSED),
		1);
	assert_true(vs_demo_key(pkey));
	EVP_PKEY_free(pkey);
}

static void a_key_of_ones_own_is_not_known(void **state)
{
	EVP_PKEY *own[] = {EVP_EC_gen("P-256"), EVP_EC_gen("P-384"),
	                   EVP_RSA_gen(2048),
	                   EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
	uint8_t digest[32];

	(void)state;
	for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
		assert_non_null(own[i]);
		assert_false(vs_demo_key(own[i]));
		EVP_PKEY_free(own[i]);
	}
	raw_digest(all[0], digest);
	digest[31] ^= 1;
	assert_false(vs_demo_digest(digest));
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

static int list(void)
{
	static uint8_t digests[all_max][32];

	make_all(NULL);
	for (size_t i = 0; i < count; i++)
		raw_digest(all[i], digests[i]);
	qsort(digests, count, sizeof *digests, by_bytes);
	for (size_t i = 0; i < count; i++) {
		printf("\t\"");
		for (size_t k = 0; k < 32; k++)
			printf("%02x", digests[i][k]);
		printf("\",\n");
	}
	free_all(NULL);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			every_published_key_is_known_by_key_and_by_digest),
		cmocka_unit_test(a_compressed_point_is_the_same_key),
		cmocka_unit_test(a_key_of_ones_own_is_not_known),
	};

	if (argc > 1 && strcmp(argv[1], "list") == 0)
		return list();
	return cmocka_run_group_tests(tests, make_all, free_all);
}

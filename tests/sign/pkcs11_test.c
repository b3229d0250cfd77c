/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/sign/pkcs11_test.c - what a token gives as r and s, in DER.
 *
 * The expected bytes are X.690's: INTEGER is the shortest two's complement.
 */
#include "base/pkcs11.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/rand.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void numbers_are_as_short_as_can_be_and_never_negative(void **state)
{
	static const uint8_t ones[] = {0x30, 6, 2, 1, 1, 2, 1, 1};
	static const uint8_t high[] = {0x30, 8, 2, 2, 0, 0x80, 2, 2, 0, 0xff};
	uint8_t raw[VS_P256_RAW_LEN] = {0}, der[VS_P256_DER_MAX];
	size_t len;

	(void)state;
	raw[31] = raw[63] = 1;
	assert_int_equal(vs_p256_der(raw, der, &len), VS_OK);
	assert_int_equal(len, sizeof ones);
	assert_memory_equal(der, ones, len);
	raw[31] = 0x80;
	raw[63] = 0xff;
	assert_int_equal(vs_p256_der(raw, der, &len), VS_OK);
	assert_int_equal(len, sizeof high);
	assert_memory_equal(der, high, len);
}

static void the_longest_signature_fits(void **state)
{
	uint8_t raw[VS_P256_RAW_LEN], der[VS_P256_DER_MAX];
	static const uint8_t head[] = {0x30, 70, 2, 33, 0, 0xff};
	size_t len;

	(void)state;
	memset(raw, 0xff, sizeof raw);
	assert_int_equal(vs_p256_der(raw, der, &len), VS_OK);
	assert_int_equal(len, VS_P256_DER_MAX);
	assert_memory_equal(der, head, sizeof head);
	assert_memory_equal(der + 37, "\x02\x21\x00\xff", 4);
}

static void a_zero_is_no_part_of_a_signature(void **state)
{
	uint8_t raw[VS_P256_RAW_LEN] = {0}, der[VS_P256_DER_MAX];
	size_t len;

	(void)state;
	raw[63] = 1;
	assert_int_equal(vs_p256_der(raw, der, &len), VS_ERR_CRYPTO);
	raw[63] = 0;
	raw[31] = 1;
	assert_int_equal(vs_p256_der(raw, der, &len), VS_ERR_CRYPTO);
}

static void reading_the_der_gives_r_and_s_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2000; i++) {
		uint8_t raw[VS_P256_RAW_LEN], back[VS_P256_RAW_LEN];
		uint8_t der[VS_P256_DER_MAX];
		const uint8_t *at = der;
		size_t len;

		assert_int_equal(RAND_bytes(raw, sizeof raw), 1);
		memset(raw, 0, i % 32); /* short numbers are rare */
		memset(raw + 32, 0, i % 31);
		raw[31] |= 1;
		raw[63] |= 1;
		assert_int_equal(vs_p256_der(raw, der, &len), VS_OK);
		ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
		assert_non_null(sig);
		assert_ptr_equal(at, der + len);
		assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), back, 32),
		                 32);
		assert_int_equal(
			BN_bn2binpad(ECDSA_SIG_get0_s(sig), back + 32, 32), 32);
		ECDSA_SIG_free(sig);
		assert_memory_equal(raw, back, sizeof raw);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			numbers_are_as_short_as_can_be_and_never_negative),
		cmocka_unit_test(the_longest_signature_fits),
		cmocka_unit_test(a_zero_is_no_part_of_a_signature),
		cmocka_unit_test(reading_the_der_gives_r_and_s_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

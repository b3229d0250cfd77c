/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/seal/openssl_test.c - the provider against published vectors.
 */
#include "tests/seal/fixture.h"

#include <openssl/err.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct vs_crypto crypto;
static uint8_t key[VS_P256_KEY_LEN];
static uint8_t sig[VS_P256_SIG_LEN];
static uint8_t digest[VS_SHA256_LEN];

/* RFC 6979 A.2.5: curve P-256, SHA-256, message "sample" */
static int begin(void **state)
{
	static const uint8_t message[] = {'s', 'a', 'm', 'p', 'l', 'e'};
	uint8_t both[VS_P256_KEY_LEN + VS_P256_SIG_LEN];

	(void)state;
	if (vector_load("rfc6979.hex", both, sizeof(both)) != sizeof(both))
		return -1;
	memcpy(key, both, sizeof(key));
	memcpy(sig, both + sizeof(key), sizeof(sig));
	if (vs_openssl_init(&crypto) != VS_OK)
		return -1;
	return crypto.sha256(crypto.ctx, message, 6, NULL, 0, digest) == VS_OK
	               ? 0
	               : -1;
}

static int end(void **state)
{
	(void)state;
	vs_openssl_drop(&crypto);
	vs_openssl_drop(&crypto); /* a dropped one is safe to drop */
	return crypto.ctx ? -1 : 0;
}

/* FIPS 180-4's example "abc", cut at each place */
static void sha256_is_of_both_parts_together(void **state)
{
	static const uint8_t abc[] = {'a', 'b', 'c'};
	uint8_t want[VS_SHA256_LEN];
	uint8_t got[VS_SHA256_LEN];

	(void)state;
	assert_int_equal(vector_load("sha256-abc.hex", want, sizeof(want)),
	                 sizeof(want));
	for (size_t cut = 0; cut <= 3; cut++) {
		assert_int_equal(crypto.sha256(crypto.ctx, abc, cut, abc + cut,
		                               3 - cut, got),
		                 VS_OK);
		assert_memory_equal(got, want, sizeof(want));
	}
	assert_int_equal(crypto.sha256(crypto.ctx, abc, 3, NULL, 0, got),
	                 VS_OK);
	assert_memory_equal(got, want, sizeof(want));
}

static vs_status verify(void)
{
	vs_status st = crypto.p256_verify(crypto.ctx, key, digest, sig);

	/* nothing is left behind for the next who asks OpenSSL for errors */
	assert_int_equal(ERR_peek_error(), 0);
	return st;
}

static void a_published_signature_verifies(void **state)
{
	(void)state;
	assert_int_equal(verify(), VS_OK);
	digest[31] ^= 1;
	assert_int_equal(verify(), VS_ERR_REFUSED);
	digest[31] ^= 1;
}

/* S0.1: r and s must be in 1..n-1 */
static void signatures_out_of_range_are_refused(void **state)
{
	uint8_t good[VS_P256_SIG_LEN];
	uint8_t n[32];

	(void)state;
	assert_int_equal(vector_load("p256-order.hex", n, sizeof(n)), 32);
	memcpy(good, sig, sizeof(sig));
	for (size_t half = 0; half < 64; half += 32) {
		memset(sig + half, 0, 32);
		assert_int_equal(verify(), VS_ERR_REFUSED);
		memset(sig + half, 0xff, 32);
		assert_int_equal(verify(), VS_ERR_REFUSED);
		memcpy(sig + half, n, 32);
		assert_int_equal(verify(), VS_ERR_REFUSED);
		memcpy(sig, good, sizeof(sig));
	}
	memset(sig, 0, sizeof(sig));
	assert_int_equal(verify(), VS_ERR_REFUSED);
	memcpy(sig, good, sizeof(sig));
	assert_int_equal(verify(), VS_OK);
}

static void a_key_that_is_no_point_of_the_curve_is_refused(void **state)
{
	uint8_t good[VS_P256_KEY_LEN];

	(void)state;
	memcpy(good, key, sizeof(key));
	key[64] ^= 1; /* off the curve */
	assert_int_equal(verify(), VS_ERR_REFUSED);
	memset(key + 1, 0, 64);
	assert_int_equal(verify(), VS_ERR_REFUSED);
	memset(key + 1, 0xff, 64); /* not below the field's prime */
	assert_int_equal(verify(), VS_ERR_REFUSED);
	for (int form = 0; form < 256; form++) {
		memcpy(key, good, sizeof(key));
		key[0] = (uint8_t)form;
		assert_int_equal(verify(), form == 4 ? VS_OK : VS_ERR_REFUSED);
	}
	memcpy(key, good, sizeof(key));
}

/* Key G, digest 1, r = n - 1: both points cancel out.  That is an answer. */
static void a_signature_whose_points_cancel_out_is_refused(void **state)
{
	uint8_t infinite[VS_P256_SIG_LEN] = {0};
	uint8_t one[VS_SHA256_LEN] = {0};
	uint8_t base[VS_P256_KEY_LEN];

	(void)state;
	assert_int_equal(vector_load("p256-base.hex", base, sizeof(base)),
	                 sizeof(base));
	assert_int_equal(vector_load("p256-order.hex", infinite, 32), 32);
	infinite[31]--;
	infinite[63] = 1;
	one[31] = 1;
	assert_int_equal(crypto.p256_verify(crypto.ctx, base, one, infinite),
	                 VS_ERR_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_is_of_both_parts_together),
		cmocka_unit_test(a_published_signature_verifies),
		cmocka_unit_test(signatures_out_of_range_are_refused),
		cmocka_unit_test(
			a_key_that_is_no_point_of_the_curve_is_refused),
		cmocka_unit_test(
			a_signature_whose_points_cancel_out_is_refused),
	};

	return cmocka_run_group_tests_name("seal openssl", tests, begin, end);
}

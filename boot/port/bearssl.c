/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/bearssl.c - SHA-256 and P-256 verification by BearSSL.
 *
 * BearSSL says 1 for a good signature and 0 for everything else; nothing in it
 * can fail in another way.
 */
#include <bearssl_hash.h>

#include "boot/memory.h"
#include "boot/port/bearssl_part.h"

vs_status vs_bearssl_sha256(void *ctx, const uint8_t *a, size_t a_len,
                            const uint8_t *b, size_t b_len,
                            uint8_t digest[static VS_SHA256_LEN])
{
	br_sha256_context hash;

	(void)ctx;
	br_sha256_init(&hash);
	br_sha256_update(&hash, a, a_len);
	if (b_len > 0)
		br_sha256_update(&hash, b, b_len);
	br_sha256_out(&hash, digest);
	return VS_OK;
}

vs_status vs_bearssl_verify(const br_ec_impl *curve, br_ecdsa_vrfy vrfy,
                            const uint8_t key[static VS_P256_KEY_LEN],
                            const uint8_t digest[static VS_SHA256_LEN],
                            const uint8_t sig[static VS_P256_SIG_LEN])
{
	unsigned char point[VS_P256_KEY_LEN]; /* its pointer is not const */
	br_ec_public_key pk = {
		.curve = BR_EC_secp256r1, .q = point, .qlen = sizeof(point)};

	memcpy(point, key, sizeof(point));
	if (point[0] != 4)
		return VS_ERR_REFUSED;
	if (vrfy(curve, digest, VS_SHA256_LEN, &pk, sig, VS_P256_SIG_LEN) != 1)
		return VS_ERR_REFUSED;
	return VS_OK;
}

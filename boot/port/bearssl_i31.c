/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/bearssl_i31.c - BearSSL's P-256 in 31-bit words.
 */
#include "boot/port/bearssl.h"

#include "boot/port/bearssl_part.h"

static vs_status p256_verify(void *ctx,
                             const uint8_t key[static VS_P256_KEY_LEN],
                             const uint8_t digest[static VS_SHA256_LEN],
                             const uint8_t sig[static VS_P256_SIG_LEN])
{
	(void)ctx;
	return vs_bearssl_verify(&br_ec_p256_m31, br_ecdsa_i31_vrfy_raw, key,
	                         digest, sig);
}

void vs_bearssl_i31(struct vs_crypto *out)
{
	out->ctx = NULL;
	out->sha256 = vs_bearssl_sha256;
	out->p256_verify = p256_verify;
}

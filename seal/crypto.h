/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/crypto.h - the two operations that seals and boot decisions need.
 *
 * Passed in, so that a boot stage brings its own verifier and hosted programs
 * bring OpenSSL (seal/openssl.h).  Verification handles public data only.
 *
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_SEAL_CRYPTO_H
#define VS_SEAL_CRYPTO_H

#include "base/status.h"

#define VS_SHA256_LEN 32
#define VS_P256_KEY_LEN 65 /* uncompressed point: 04, x, y */
#define VS_P256_SIG_LEN 64 /* r, s: big endian, 32 bytes each */

struct vs_crypto {
	void *ctx; /* keeps; one per thread */

	/* digest = SHA-256(a then b).  b may be NULL with b_len 0; digest
	 * may overlap neither.  VS_OK or VS_ERR_CRYPTO.
	 */
	vs_status (*sha256)(void *ctx, const uint8_t *a, size_t a_len,
	                    const uint8_t *b, size_t b_len,
	                    uint8_t digest[static VS_SHA256_LEN]);

	/* VS_OK if sig is key's ECDSA signature over digest (FIPS 186-4);
	 * VS_ERR_REFUSED if it is not, or if key is not a point of P-256;
	 * VS_ERR_CRYPTO if that could not be found out.
	 */
	vs_status (*p256_verify)(void *ctx,
	                         const uint8_t key[static VS_P256_KEY_LEN],
	                         const uint8_t digest[static VS_SHA256_LEN],
	                         const uint8_t sig[static VS_P256_SIG_LEN]);
};

#endif

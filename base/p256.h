/* SPDX-License-Identifier: Apache-2.0
 *
 * base/p256.h - P-256 keys and signatures as devices give them.
 *
 * Standard: SEC 1 2.3.3 (points), RFC 3279 2.2.3 (signatures in DER).
 */
#ifndef VS_BASE_P256_H
#define VS_BASE_P256_H

#include <openssl/evp.h>

#include "base/status.h"

#define VS_P256_POINT_LEN 65 /* 04, x, y */
#define VS_P256_DIGEST_LEN 32
#define VS_P256_RAW_LEN 64 /* r, s */
#define VS_P256_DER_MAX 72

/* Whether key (NULL: no) is one. */
bool vs_p256_is(EVP_PKEY *key);

/* The public part as an OpenSSL key; gives *out: EVP_PKEY_free().
 * VS_OK; VS_ERR_CRYPTO (also: not on the curve); VS_ERR_NOMEM.
 */
vs_status vs_p256_key(const uint8_t point[static VS_P256_POINT_LEN],
                      EVP_PKEY **out) VS_MUST_CHECK;

/* r || s as the DER that X.509 and TUF want.  VS_OK; VS_ERR_CRYPTO if one
 * is 0; VS_ERR_NOMEM.
 */
vs_status vs_p256_der(const uint8_t raw[static VS_P256_RAW_LEN],
                      uint8_t out[static VS_P256_DER_MAX],
                      size_t *len) VS_MUST_CHECK;

/* Whether der is this key's signature of a digest. */
bool vs_p256_verifies(EVP_PKEY *key,
                      const uint8_t digest[static VS_P256_DIGEST_LEN],
                      const uint8_t *der, size_t len);

#endif

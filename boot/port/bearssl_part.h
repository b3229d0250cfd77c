/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/bearssl_part.h - what both variants of boot/port/bearssl.h share.
 *
 * For boot/port/bearssl*.c only.
 */
#ifndef VS_BOOT_PORT_BEARSSL_PART_H
#define VS_BOOT_PORT_BEARSSL_PART_H

#include <bearssl_ec.h>

#include "seal/crypto.h"

vs_status vs_bearssl_sha256(void *ctx, const uint8_t *a, size_t a_len,
                            const uint8_t *b, size_t b_len,
                            uint8_t digest[static VS_SHA256_LEN]);

/* p256_verify() by one of BearSSL's curves and its ECDSA. */
vs_status vs_bearssl_verify(const br_ec_impl *curve, br_ecdsa_vrfy vrfy,
                            const uint8_t key[static VS_P256_KEY_LEN],
                            const uint8_t digest[static VS_SHA256_LEN],
                            const uint8_t sig[static VS_P256_SIG_LEN]);

#endif

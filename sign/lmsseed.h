/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/lmsseed.h - the seed of an LMS key, encrypted under a passphrase.
 *
 * scrypt (RFC 7914; N = 2^17, r = 8, p = 1: 128 MiB for a guess) makes the
 * key of AES-256-GCM, which also covers the public key: a seed does not open
 * in another key's folder.
 *
 * Format: docs/formats/lms-key.md, version 1.
 */
#ifndef VS_SIGN_LMSSEED_H
#define VS_SIGN_LMSSEED_H

#include "seal/lms_sign.h"

#define VS_LMSSEED_LEN 88

/* VS_OK; VS_ERR_CRYPTO; VS_ERR_NOMEM. */
vs_status vs_lmsseed_encode(const uint8_t seed[static VS_LMS_SEED_LEN],
                            const uint8_t key[static VS_LMS_KEY_LEN],
                            const char *passphrase,
                            uint8_t out[static VS_LMSSEED_LEN]) VS_MUST_CHECK;

/* VS_OK; VS_ERR_INPUT (no such file); VS_ERR_DENIED (another passphrase, or
 * the file was changed); VS_ERR_CRYPTO.  Wipe seed.
 */
vs_status vs_lmsseed_decode(const uint8_t in[static VS_LMSSEED_LEN],
                            const uint8_t key[static VS_LMS_KEY_LEN],
                            const char *passphrase,
                            uint8_t seed[static VS_LMS_SEED_LEN]) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/lms.h - hash-based signatures that a quantum computer does not forge.
 *
 * One Merkle tree of one-time keys, SHA-256 with 32 bytes throughout,
 * Winternitz parameter 8.  Its only assumption is SHA-256.  A verifier cannot
 * see that a one-time key was used twice: the signer must never let it happen
 * (seal/lms_sign.h).
 *
 * Standard: RFC 8554 sections 4 and 5; LMS_SHA256_M32_H5, _H10, _H15 with
 * LMOTS_SHA256_N32_W8.  No hypertree (HSS).  Format: docs/formats/seal.md.
 * Freestanding: no heap, no stdio, no globals.  About 1.3 KiB of stack.
 */
#ifndef VS_SEAL_LMS_H
#define VS_SEAL_LMS_H

#include "base/status.h"
#include "seal/crypto.h"

#define VS_LMS_HASH_LEN 32
#define VS_LMS_ID_LEN 16
#define VS_LMS_CHAINS 34       /* 32 of the digest, 2 of its checksum */
#define VS_LMS_CHAIN_STEPS 255 /* hashes from a chain's secret to its end */
#define VS_LMS_HEIGHT_MAX 15

/* Public key: tree type 4, one-time type 4 (big endian), id 16, root 32. */
#define VS_LMS_KEY_LEN 56

/* Signature: leaf 4, one-time type 4, randomizer 32, 34 chains of 32, tree
 * type 4, height x 32.
 */
#define VS_LMS_SIG_LEN(height) ((size_t)(44 + VS_LMS_CHAINS * 32 + (height)*32))
#define VS_LMS_SIG_LEN_MAX VS_LMS_SIG_LEN(VS_LMS_HEIGHT_MAX)

/* The tree's height: 5, 10 or 15; 0 if key is of no type we know. */
unsigned vs_lms_height(const uint8_t key[static VS_LMS_KEY_LEN]);

/* VS_OK if sig is key's signature over message; VS_ERR_REFUSED if it is not,
 * is longer or shorter, or is of another type than key; VS_ERR_CRYPTO if that
 * could not be found out.
 */
vs_status vs_lms_verify(const struct vs_crypto *crypto,
                        const uint8_t key[static VS_LMS_KEY_LEN],
                        const uint8_t *message, size_t len, const uint8_t *sig,
                        size_t sig_len) VS_MUST_CHECK;

#endif

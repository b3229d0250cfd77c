/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/signature.h - the signatures that stand behind 512-byte headers.
 *
 * A block is a list of (key id, scheme, bytes).  Nothing in it is believed:
 * a signature counts when a trusted key of that id verifies it, and a key
 * counts once.
 *
 * Format: docs/formats/seal.md section 2, version 1.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_SEAL_SIGNATURE_H
#define VS_SEAL_SIGNATURE_H

#include "base/status.h"
#include "seal/crypto.h"

#define VS_SIGNATURES_MAX 16
#define VS_SIGNATURE_BYTES_MAX 2048
#define VS_SIGNATURE_BLOCK_MAX 15872 /* 16 KiB less the header */

enum vs_scheme {
	VS_SCHEME_P256_SHA256 = 1, /* ECDSA; bytes = r || s, 64 */
	VS_SCHEME_LMS_SHA256 = 2,  /* RFC 8554: seal/lms.h */
};

struct vs_signature {
	uint8_t key_id[VS_SHA256_LEN]; /* SHA-256 of the public key */
	uint16_t scheme;
	uint16_t len;
	const uint8_t *bytes; /* keeps: points into the decoded block */
};

struct vs_signatures {
	size_t count;
	struct vs_signature at[VS_SIGNATURES_MAX];
	size_t encoded_len; /* bytes the block takes, its head included */
};

/* in may be longer than the block; out->encoded_len tells its length.
 * VS_OK; VS_ERR_INPUT (MALFORMED, DUPLICATE_KEYID).
 */
vs_status vs_signatures_decode(const uint8_t *in, size_t len,
                               struct vs_signatures *out,
                               struct vs_why *why) VS_MUST_CHECK;

/* VS_OK and *len; VS_ERR_LIMIT if out (cap bytes) is too small;
 * VS_ERR_INPUT if decode would refuse it (a key id twice, a bad length).
 */
vs_status vs_signatures_encode(const struct vs_signatures *in, uint8_t *out,
                               size_t cap, size_t *len) VS_MUST_CHECK;

#endif

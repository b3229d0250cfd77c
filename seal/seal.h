/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/seal.h - a seal file: header, signatures, tree above the leaves.
 *
 * The file is what TUF's length and hashes cover.  A seal that is open has
 * been verified whole: threshold of boot keys, component, tree against root.
 *
 * Format: docs/formats/seal.md, version 1.
 */
#ifndef VS_SEAL_SEAL_H
#define VS_SEAL_SEAL_H

#include "base/status.h"
#include "seal/header.h"
#include "seal/keyring.h"
#include "seal/signature.h"
#include "seal/tree.h"

/* 64 GiB make 4 MiB and a little of hashes above the leaves. */
#define VS_SEAL_LEN_MAX                                                        \
	(VS_SEAL_HEADER_LEN + VS_SIGNATURE_BLOCK_MAX + (UINT32_C(5) << 20))

/* Views into the caller's bytes, which it keeps alive and unchanged. */
struct vs_seal {
	struct vs_seal_header header;
	struct vs_signatures signatures;
	struct vs_tree tree;
	const uint8_t *raw;   /* the 512 header bytes */
	const uint8_t *upper; /* tree.upper_len bytes */
};

/* Takes a seal file apart.  Says nothing of whether it may be believed.
 * VS_OK; VS_ERR_INPUT (MALFORMED, UNSUPPORTED; trailing bytes too).
 */
vs_status vs_seal_decode(const uint8_t *file, size_t len, struct vs_seal *out,
                         struct vs_why *why) VS_MUST_CHECK;

/* Decodes and verifies against a keyring.
 * VS_OK; VS_ERR_INPUT; VS_ERR_REFUSED (SEAL_SIGNATURE, WRONG_COMPONENT,
 * TREE_MISMATCH); VS_ERR_CRYPTO.
 */
vs_status vs_seal_open(const struct vs_keyring *ring,
                       const struct vs_crypto *crypto, const uint8_t *file,
                       size_t len, struct vs_seal *out,
                       struct vs_why *why) VS_MUST_CHECK;

/* Writes header, signatures, upper as one file into out (cap bytes).
 * VS_OK and *len; VS_ERR_LIMIT if it does not fit; VS_ERR_INPUT if decode
 * would refuse it (upper_len is not the tree's, for one).
 */
vs_status vs_seal_encode(const uint8_t header[static VS_SEAL_HEADER_LEN],
                         const struct vs_signatures *sigs, const uint8_t *upper,
                         size_t upper_len, uint8_t *out, size_t cap,
                         size_t *len) VS_MUST_CHECK;

#endif

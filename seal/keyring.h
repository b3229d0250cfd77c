/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/keyring.h - whom a boot stage believes: keys, threshold, components.
 *
 * A keyring is replaced only by one of a higher version that the threshold
 * of the keyring in force has signed (and that satisfies its own threshold,
 * so that a ring nobody can use is never installed).
 *
 * A ring may hold LMS keys beside its P-256 keys and demand both: then a
 * forger must break the curve and the hash.
 *
 * Format: docs/formats/seal.md section 4, versions 1 and 2.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_SEAL_KEYRING_H
#define VS_SEAL_KEYRING_H

#include "base/status.h"
#include "seal/crypto.h"
#include "seal/header.h"
#include "seal/signature.h"

#define VS_KEYRING_KEYS_MAX 16
#define VS_KEYRING_COMPONENTS_MAX 8
#define VS_KEYRING_LEN_MAX 32768

struct vs_keyring {
	uint32_t version;       /* from 1: the epoch */
	uint16_t threshold;     /* P-256 keys that must sign; from 1 */
	uint16_t lms_threshold; /* LMS keys that must sign, too; may be 0 */
	uint16_t key_count;     /* of both schemes */
	uint16_t component_count;
	struct {
		uint8_t id[VS_SHA256_LEN];
		uint16_t scheme; /* enum vs_scheme */
		/* P-256: the point; LMS: VS_LMS_KEY_LEN bytes, then zeros */
		uint8_t point[VS_P256_KEY_LEN];
	} keys[VS_KEYRING_KEYS_MAX]; /* ids ascending, points distinct */
	char components[VS_KEYRING_COMPONENTS_MAX][VS_COMPONENT_LEN];
};

/* Decodes the signed part of a keyring file and checks each key id against
 * its point.  body_len is what the signatures cover; they follow it.
 * VS_OK; VS_ERR_INPUT; VS_ERR_CRYPTO.
 */
vs_status vs_keyring_decode(const struct vs_crypto *crypto, const uint8_t *in,
                            size_t len, struct vs_keyring *out,
                            size_t *body_len, struct vs_why *why) VS_MUST_CHECK;

/* Writes the signed part; the caller appends the signature block. */
vs_status vs_keyring_encode(const struct vs_keyring *in, uint8_t *out,
                            size_t cap, size_t *len,
                            struct vs_why *why) VS_MUST_CHECK;

/* Checks that threshold P-256 keys and lms_threshold LMS keys of ring signed
 * message.  Distinct keys count, not signatures.
 * VS_OK; VS_ERR_REFUSED (SEAL_SIGNATURE); VS_ERR_CRYPTO.
 */
vs_status vs_keyring_verify(const struct vs_keyring *ring,
                            const struct vs_crypto *crypto,
                            const uint8_t *message, size_t len,
                            const struct vs_signatures *sigs,
                            struct vs_why *why) VS_MUST_CHECK;

/* Verifies a whole keyring file against the ring in force (NULL: against
 * itself, for the first one) and gives the new ring.
 * VS_OK; VS_ERR_INPUT; VS_ERR_REFUSED (SEAL_SIGNATURE, KEYRING_ROLLBACK);
 * VS_ERR_CRYPTO.
 */
vs_status vs_keyring_open(const struct vs_keyring *in_force,
                          const struct vs_crypto *crypto, const uint8_t *file,
                          size_t len, struct vs_keyring *out,
                          struct vs_why *why) VS_MUST_CHECK;

/* Verifies the 512 header bytes and what they say: signatures, allowed
 * component.  The verified bytes are the ones decoded into *out.
 * VS_OK; VS_ERR_INPUT; VS_ERR_REFUSED (SEAL_SIGNATURE, WRONG_COMPONENT).
 */
vs_status vs_keyring_open_header(
	const struct vs_keyring *ring, const struct vs_crypto *crypto,
	const uint8_t header[static VS_SEAL_HEADER_LEN],
	const struct vs_signatures *sigs, struct vs_seal_header *out,
	struct vs_why *why) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/digest.h - the digests by which metadata names bytes, in hex.
 *
 * For this room's own files.
 */
#ifndef VS_TRUST_DIGEST_H
#define VS_TRUST_DIGEST_H

#include <jansson.h>

#include "base/status.h"

#define VS_DIGEST_HEX_MAX 129 /* SHA-512 and the closing zero */

/* Hex digest of in; name: "sha256" or "sha512".
 * VS_OK; VS_ERR_INPUT for other names; VS_ERR_CRYPTO. */
vs_status vs_digest_hex(const char *name, const void *in, size_t len,
                        char out[static VS_DIGEST_HEX_MAX]) VS_MUST_CHECK;

/* Checks every member of hashes ({"sha256": hex, ...}, not empty).
 * VS_OK; VS_ERR_REFUSED (HASH_MISMATCH, UNSUPPORTED); VS_ERR_CRYPTO. */
vs_status vs_digest_check(const json_t *hashes, const void *in, size_t len,
                          struct vs_why *why) VS_MUST_CHECK;

/* Whether text is digits lower-case hex digits. */
bool vs_digest_is_hex(const char *text, size_t digits);

/* Writes 2 * len digits and a closing zero. */
void vs_digest_put_hex(const uint8_t *in, size_t len, char *out);

/* Reads lower-case hex; VS_ERR_INPUT if odd, foreign or over max. */
vs_status vs_digest_get_hex(const char *text, uint8_t *out, size_t max,
                            size_t *len) VS_MUST_CHECK;

#endif

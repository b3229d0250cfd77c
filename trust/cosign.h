/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/cosign.h - a witness's signature on a log's checkpoint.
 *
 * It says: at this time, this was the largest tree of this log that I saw,
 * and it contains every smaller one that I saw.
 *
 * Standard: C2SP tlog-cosignature v1, Ed25519.
 */
#ifndef VS_TRUST_COSIGN_H
#define VS_TRUST_COSIGN_H

#include "trust/checkpoint.h"

#define VS_COSIGN_LEN (8 + VS_NOTE_SIG_LEN)
#define VS_COSIGN_HEAD_LEN 64 /* the lines before the checkpoint's text */

/* Signs message, 64 bytes: the key is the caller's. */
typedef vs_status (*vs_cosign_fn)(void *ctx, const void *message, size_t len,
                                  uint8_t sig[static VS_NOTE_SIG_LEN]);

/* Writes witness's signature line for note at time_s to *out.
 * VS_OK; VS_ERR_LIMIT; VS_ERR_INPUT over 2^63-1 s; VS_ERR_NOMEM; what sign
 * gave.
 */
vs_status vs_cosign_add(const struct vs_note *note,
                        const struct vs_vkey *witness, uint64_t time_s,
                        vs_cosign_fn sign, void *ctx,
                        struct vs_text *out) VS_MUST_CHECK;

/* Verifies every line of a witness; *time_s is the latest's.
 * VS_OK; VS_ERR_ABSENT (UNKNOWN_KEY) if it has none; VS_ERR_REFUSED
 * (BAD_SIGNATURE); VS_ERR_NOMEM; VS_ERR_CRYPTO.
 */
vs_status vs_cosign_verify(const struct vs_note *note,
                           const struct vs_vkey *witness, uint64_t *time_s,
                           struct vs_why *why) VS_MUST_CHECK;

#endif

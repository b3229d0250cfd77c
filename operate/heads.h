/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/heads.h - signed heads of the audit log, as they are kept elsewhere.
 *
 * A file of them is one note after the other; empty lines between are passed
 * over, so that heads kept one by one can be put together with cat.  A head
 * has one spelling: three lines, and at least one signature.
 *
 * Format: docs/formats/audit.md section 6.
 */
#ifndef VS_OPERATE_HEADS_H
#define VS_OPERATE_HEADS_H

#include "trust/note.h"

#define VS_HEADS_ORIGIN "voltseal-audit"
#define VS_HEADS_LEN_MAX (UINT32_C(64) << 20)
#define VS_HEADS_KEYS_MAX 16

struct vs_heads_keys {
	struct vs_vkey all[VS_HEADS_KEYS_MAX];
	size_t count;
};

struct vs_head {
	uint64_t seq;
	char hash[65]; /* of record seq */
};

struct vs_heads {
	struct vs_head *all; /* owned; by seq, twice the same only once */
	size_t count;
};

/* Verifier keys, one a line: a server that was given a new one has several.
 * VS_OK; VS_ERR_INPUT (MALFORMED, UNSUPPORTED); VS_ERR_LIMIT; VS_ERR_CRYPTO.
 * why->at is the line.
 */
vs_status vs_heads_keys_parse(const void *in, size_t len,
                              struct vs_heads_keys *out,
                              struct vs_why *why) VS_MUST_CHECK;

/* Heads, each signed by one of the keys; keys NULL: not verified, only read.
 * Gives *out: vs_heads_drop() in every case.
 * VS_OK; VS_ERR_INPUT (MALFORMED); VS_ERR_LIMIT (TOO_LARGE); VS_ERR_REFUSED
 * (UNKNOWN_KEY, BAD_SIGNATURE, WRONG_ORIGIN); VS_ERR_NOMEM; VS_ERR_CRYPTO.
 * why->at is the line where the head begins.
 */
vs_status vs_heads_parse(const void *in, size_t len,
                         const struct vs_heads_keys *keys, struct vs_heads *out,
                         struct vs_why *why) VS_MUST_CHECK;
void vs_heads_drop(struct vs_heads *h); /* also for VS_AUTO */

#endif

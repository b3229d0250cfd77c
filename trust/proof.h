/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/proof.h - one file that shows, offline, that an entry is in a log.
 *
 * It carries the entry's index, the inclusion proof and the checkpoint with
 * the witnesses' signatures.  The extra data is signed by nobody: what is
 * read from it must prove itself.
 *
 * Standard: C2SP tlog-proof v1.
 */
#ifndef VS_TRUST_PROOF_H
#define VS_TRUST_PROOF_H

#include "trust/merkle.h"
#include "trust/text.h"

#define VS_PROOF_LEN_MAX (UINT32_C(512) << 10)
#define VS_PROOF_EXTRA_MAX (UINT32_C(192) << 10)

/* Views into the caller's bytes, which it keeps alive and unchanged. */
struct vs_proof {
	struct vs_span extra; /* base64; empty = none */
	uint64_t index;
	struct vs_merkle_proof path;
	struct vs_span checkpoint; /* a note, not parsed */
};

/* VS_OK; VS_ERR_INPUT (MALFORMED); VS_ERR_LIMIT (TOO_LARGE). */
vs_status vs_proof_parse(const void *in, size_t len, struct vs_proof *out,
                         struct vs_why *why) VS_MUST_CHECK;

/* Writes a proof with these extra bytes (not p->extra).  VS_OK; VS_ERR_LIMIT.
 */
vs_status vs_proof_encode(const struct vs_proof *p, const void *extra,
                          size_t extra_len, struct vs_text *out) VS_MUST_CHECK;

/* Proof lines alone, as in a file and in a request to a witness: a hash a
 * line, up to and with the empty line.
 */
vs_status vs_proof_hashes(struct vs_span *rest, struct vs_merkle_proof *out,
                          struct vs_why *why) VS_MUST_CHECK;
vs_status vs_proof_add_hashes(const struct vs_merkle_proof *p,
                              struct vs_text *out) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/evidence.h - what our proofs carry as extra data.
 *
 * The entry itself, so that a charger need not know SBOM and provenance to
 * rebuild it, and consistency proofs from earlier checkpoints, so that a
 * charger that keeps one of them can see without a network that the log did
 * not fork.  Neither is signed; both prove themselves against the checkpoint.
 *
 * Format: docs/formats/tlog.md.
 */
#ifndef VS_TRUST_EVIDENCE_H
#define VS_TRUST_EVIDENCE_H

#include <jansson.h>

#include "trust/leaf.h"
#include "trust/merkle.h"

#define VS_EVIDENCE_LINKS_MAX 64

struct vs_evidence {
	struct vs_leaf leaf;
	json_t *links; /* owned: [{"from", "hashes"}] */
};

/* Gives *out: vs_evidence_drop() in every case.
 * VS_OK; VS_ERR_INPUT (MALFORMED, UNSUPPORTED); VS_ERR_LIMIT; VS_ERR_NOMEM.
 */
vs_status vs_evidence_decode(const void *in, size_t len,
                             struct vs_evidence *out,
                             struct vs_why *why) VS_MUST_CHECK;
void vs_evidence_drop(struct vs_evidence *e);

/* The consistency proof from a size.  VS_OK; VS_ERR_ABSENT. */
vs_status vs_evidence_link(const struct vs_evidence *e, uint64_t from,
                           struct vs_merkle_proof *out) VS_MUST_CHECK;

struct vs_evidence_link {
	uint64_t from;
	struct vs_merkle_proof proof;
};

/* Gives *out (free()).  VS_OK; VS_ERR_INPUT; VS_ERR_NOMEM. */
vs_status vs_evidence_encode(const struct vs_leaf *leaf,
                             const struct vs_evidence_link *links, size_t count,
                             char **out, size_t *len) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/tlog.h - whether a seal is in a log that a charger believes.
 *
 * Needs no network: proof, policy and the last checkpoint that was believed
 * are enough.  A checkpoint older than the last is refused even where it
 * would cover the seal; the signing room proves anew at the newest.
 *
 * Standard: C2SP tlog-proof, tlog-policy.  docs/formats/tlog.md.
 */
#ifndef VS_TRUST_TLOG_H
#define VS_TRUST_TLOG_H

#include "trust/evidence.h"
#include "trust/policy.h"
#include "trust/proof.h"

struct vs_tlog_question {
	const void *proof; /* a .tlog-proof file; len 0: there is none */
	size_t proof_len;
	const struct vs_leaf *seal; /* what the seal says of itself */
	const struct vs_tlog_policy *policy;
	const void *kept; /* the last checkpoint of this log; len 0: none */
	size_t kept_len;
	const struct vs_merkle_proof *link; /* from the kept one, or NULL:
	                                     * then the proof's own is used */
};

struct vs_tlog_verdict {
	struct vs_leaf leaf; /* with SBOM and provenance, if it has them */
	uint64_t index;
	struct vs_checkpoint checkpoint;
	size_t witnesses;
	uint64_t time_s;     /* the latest witness's; 0 = none */
	struct vs_span keep; /* keep this checkpoint; empty: nothing new */
};

/* The log that a proof is about, to find the checkpoint kept of it.
 * VS_OK; VS_ERR_INPUT; VS_ERR_LIMIT.
 */
vs_status vs_tlog_origin(const void *proof, size_t len,
                         char out[static VS_NOTE_NAME_LEN],
                         struct vs_why *why) VS_MUST_CHECK;

/* VS_OK, then out->keep is to be kept before the seal is used (it points
 * into the proof); VS_ERR_REFUSED (NOT_LOGGED, SEAL_MISMATCH, WRONG_ORIGIN,
 * UNKNOWN_KEY, BAD_SIGNATURE, WITNESSES, LOG_FORKED, LOG_TRUNCATED,
 * LOG_REPLAYED); VS_ERR_ABSENT (LOG_GAP): fetch a consistency proof from the
 * kept size to out->checkpoint's and ask again; VS_ERR_INPUT; VS_ERR_LIMIT;
 * VS_ERR_STATE: the kept checkpoint is unreadable or another log's;
 * VS_ERR_NOMEM; VS_ERR_CRYPTO.
 */
vs_status vs_tlog_judge(const struct vs_tlog_question *q,
                        struct vs_tlog_verdict *out,
                        struct vs_why *why) VS_MUST_CHECK;

#endif

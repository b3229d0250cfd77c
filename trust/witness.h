/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/witness.h - what a witness is asked, and what it may answer.
 *
 * The caller keeps the last head of each log.  Judging against it, keeping
 * the new one and answering must be one step that nothing comes between.
 *
 * Standard: C2SP tlog-witness, add-checkpoint.
 */
#ifndef VS_TRUST_WITNESS_H
#define VS_TRUST_WITNESS_H

#include "trust/policy.h"

#define VS_WITNESS_REQUEST_MAX (VS_NOTE_LEN_MAX + 64 * 64)

struct vs_witness_request {
	uint64_t old_size;
	struct vs_merkle_proof proof;
	struct vs_span checkpoint; /* in the caller's bytes */
};

/* HTTP statuses, as the standard gives them. */
enum vs_witness_answer {
	VS_WITNESS_COSIGN = 200,
	VS_WITNESS_MALFORMED = 400,
	VS_WITNESS_FORBIDDEN = 403,    /* no key of this log signed it */
	VS_WITNESS_UNKNOWN = 404,      /* not a log of ours */
	VS_WITNESS_CONFLICT = 409,     /* say the size that is kept */
	VS_WITNESS_INCONSISTENT = 422, /* the log forked, or the proof is bad */
	VS_WITNESS_FAILED = 500,
};

/* VS_OK; VS_ERR_INPUT; VS_ERR_LIMIT. */
vs_status vs_witness_parse(const void *in, size_t len,
                           struct vs_witness_request *out,
                           struct vs_why *why) VS_MUST_CHECK;
vs_status vs_witness_encode(const struct vs_witness_request *r,
                            struct vs_text *out) VS_MUST_CHECK;

/* Parses a request and its checkpoint: COSIGN means go on to judge. */
enum vs_witness_answer vs_witness_open(const struct vs_tlog_policy *logs,
                                       const void *in, size_t len,
                                       struct vs_witness_request *out,
                                       struct vs_tlog_valid *valid,
                                       struct vs_why *why) VS_MUST_CHECK;

/* last: the head kept of this log; size 0 if none was. */
enum vs_witness_answer vs_witness_judge(const struct vs_witness_request *r,
                                        const struct vs_merkle_head *asked,
                                        const struct vs_merkle_head *last,
                                        struct vs_why *why) VS_MUST_CHECK;

#endif

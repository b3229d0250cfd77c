/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/witness.c - what a witness is asked, and what it may answer.
 */
#include "trust/witness.h"

#include "trust/proof.h"

vs_status vs_witness_parse(const void *in, size_t len,
                           struct vs_witness_request *out, struct vs_why *why)
{
	struct vs_span rest = {in, len}, line;

	*out = (struct vs_witness_request){0};
	if (len > VS_WITNESS_REQUEST_MAX)
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		               "a request is too long", 0);
	if (vs_span_line(&rest, &line) || !vs_span_begins(&line, "old ") ||
	    vs_span_number(&line, &out->old_size))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "a request does not begin with old and a size",
		               0);
	vs_status status = vs_proof_hashes(&rest, &out->proof, why);
	if (!status)
		out->checkpoint = rest;
	return status;
}

vs_status vs_witness_encode(const struct vs_witness_request *r,
                            struct vs_text *out)
{
	vs_status status = vs_text_string(out, "old ");

	if (!status)
		status = vs_text_number(out, r->old_size);
	if (!status)
		status = vs_text_string(out, "\n");
	if (!status)
		status = vs_proof_add_hashes(&r->proof, out);
	return status ? status
	              : vs_text_add(out, r->checkpoint.at, r->checkpoint.len);
}

enum vs_witness_answer vs_witness_open(const struct vs_tlog_policy *logs,
                                       const void *in, size_t len,
                                       struct vs_witness_request *out,
                                       struct vs_tlog_valid *valid,
                                       struct vs_why *why)
{
	struct vs_why local = {0};
	vs_status status = vs_witness_parse(in, len, out, &local);

	if (!status)
		status = vs_tlog_policy_signed(logs, out->checkpoint.at,
		                               out->checkpoint.len, valid,
		                               &local);
	if (why)
		*why = local;
	if (!status)
		return VS_WITNESS_COSIGN;
	if (local.code == VS_REASON_WRONG_ORIGIN)
		return VS_WITNESS_UNKNOWN;
	if (status == VS_ERR_REFUSED)
		return VS_WITNESS_FORBIDDEN;
	return status == VS_ERR_INPUT || status == VS_ERR_LIMIT
	               ? VS_WITNESS_MALFORMED
	               : VS_WITNESS_FAILED;
}

static enum vs_witness_answer answer(enum vs_witness_answer a,
                                     struct vs_why *why, vs_reason code,
                                     const char *what)
{
	if (why)
		*why = (struct vs_why){code, what, 0};
	return a;
}

/* A first checkpoint: there is nothing it could contradict. */
static enum vs_witness_answer judge_first(const struct vs_witness_request *r,
                                          const struct vs_merkle_head *asked,
                                          struct vs_why *why)
{
	struct vs_hash empty;

	if (r->proof.count)
		return answer(VS_WITNESS_INCONSISTENT, why, VS_REASON_MALFORMED,
		              "a proof from size 0 is empty");
	if (asked->size)
		return VS_WITNESS_COSIGN;
	if (vs_merkle_empty(&empty))
		return answer(VS_WITNESS_FAILED, why, VS_REASON_NONE, "hash");
	return vs_hash_same(&empty, &asked->root)
	               ? VS_WITNESS_COSIGN
	               : answer(VS_WITNESS_INCONSISTENT, why,
	                        VS_REASON_LOG_FORKED,
	                        "not the root of an empty tree");
}

enum vs_witness_answer vs_witness_judge(const struct vs_witness_request *r,
                                        const struct vs_merkle_head *asked,
                                        const struct vs_merkle_head *last,
                                        struct vs_why *why)
{
	vs_status status;

	if (r->old_size > asked->size)
		return answer(VS_WITNESS_MALFORMED, why, VS_REASON_MALFORMED,
		              "the old size is above the checkpoint's");
	if (r->old_size != last->size)
		return answer(VS_WITNESS_CONFLICT, why, VS_REASON_CONFLICT,
		              "another size is kept of this log");
	if (r->old_size == 0)
		return judge_first(r, asked, why);
	if (asked->size == last->size &&
	    !vs_hash_same(&asked->root, &last->root))
		return answer(VS_WITNESS_CONFLICT, why, VS_REASON_LOG_FORKED,
		              "two roots for one size");
	status = vs_merkle_consistent(last, asked, &r->proof);
	if (status == VS_ERR_REFUSED)
		return answer(VS_WITNESS_INCONSISTENT, why,
		              VS_REASON_LOG_FORKED,
		              "the checkpoint does not continue the last one");
	return status ? answer(VS_WITNESS_FAILED, why, VS_REASON_NONE, "hash")
	              : VS_WITNESS_COSIGN;
}

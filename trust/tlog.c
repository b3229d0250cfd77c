/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/tlog.c - whether a seal is in a log that a charger believes.
 *
 * The order: who signed, then what was kept, then what is covered.  So a
 * forked log is told as such even by a proof for a seal that is not ours.
 */
#include "trust/tlog.h"

#include <stdlib.h>
#include <string.h>

vs_status vs_tlog_origin(const void *proof, size_t len,
                         char out[static VS_NOTE_NAME_LEN], struct vs_why *why)
{
	struct vs_proof p;
	struct vs_note note;
	struct vs_checkpoint c;
	vs_status status = vs_proof_parse(proof, len, &p, why);

	*out = '\0';
	if (!status)
		status = vs_note_parse(p.checkpoint.at, p.checkpoint.len, &note,
		                       why);
	if (!status)
		status = vs_checkpoint_parse(&note, &c, why);
	if (!status)
		memcpy(out, c.origin, sizeof c.origin);
	return status;
}

/* Another log's tools write no extra data: then the seal alone must do. */
static vs_status read_evidence(const struct vs_proof *p,
                               const struct vs_leaf *seal,
                               struct vs_evidence *out, struct vs_why *why)
{
	size_t cap = p->extra.len / 4 * 3 + 1, len;
	uint8_t *bytes;

	*out = (struct vs_evidence){.leaf = *seal};
	if (p->extra.len == 0)
		return VS_OK;
	bytes = malloc(cap);
	if (!bytes)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "a proof", 0);
	/* parsing the proof has seen that it is base64 */
	len = vs_span_base64(&p->extra, bytes, cap, &len) ? 0 : len;
	vs_status status = vs_evidence_decode(bytes, len, out, why);
	free(bytes);
	return status;
}

static vs_status read_kept(const struct vs_tlog_question *q, const char *origin,
                           struct vs_checkpoint_seen *out, struct vs_why *why)
{
	struct vs_tlog_valid kept;
	struct vs_why ignored;
	vs_status status = vs_note_parse(q->kept, q->kept_len, &kept.note, why);

	if (!status)
		status = vs_checkpoint_parse(&kept.note, &kept.checkpoint, why);
	if (!status && strcmp(kept.checkpoint.origin, origin) != 0)
		return vs_fail(VS_ERR_STATE, why, VS_REASON_WRONG_ORIGIN,
		               "the kept checkpoint is another log's", 0);
	if (status)
		return vs_fail(VS_ERR_STATE, why, VS_REASON_MALFORMED,
		               "the kept checkpoint is unreadable", 0);
	out->head = kept.checkpoint.head;
	/* it was believed once; only its witnesses' times are wanted, and a
	 * policy that changed since may not know them */
	status = vs_tlog_policy_check(q->policy, q->kept, q->kept_len, &kept,
	                              &ignored);
	out->time_s = status ? 0 : kept.time_s;
	return VS_OK;
}

static vs_status check_kept(const struct vs_tlog_question *q,
                            const struct vs_evidence *evidence,
                            const struct vs_tlog_valid *valid,
                            struct vs_why *why)
{
	struct vs_checkpoint_seen older,
		newer = {valid->checkpoint.head, valid->time_s};
	const struct vs_merkle_proof *link = q->link;
	struct vs_merkle_proof own;

	if (q->kept_len == 0)
		return VS_OK;
	vs_status status = read_kept(q, valid->checkpoint.origin, &older, why);
	if (status)
		return status;
	if (!link && vs_evidence_link(evidence, older.head.size, &own) == VS_OK)
		link = &own;
	return vs_checkpoint_follows(&older, &newer, link, why);
}

static vs_status check_covered(const struct vs_tlog_question *q,
                               const struct vs_proof *p,
                               const struct vs_evidence *evidence,
                               const struct vs_merkle_head *head,
                               struct vs_why *why)
{
	struct vs_hash leaf;
	char *entry;
	size_t len;

	if (!vs_leaf_covers(&evidence->leaf, q->seal))
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_SEAL_MISMATCH,
		               "the log's entry is about another seal", 0);
	if (p->index >= head->size)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_LOG_TRUNCATED,
		               "the entry is beyond the log's end", 0);
	vs_status status = vs_leaf_encode(&evidence->leaf, &entry, &len, why);
	if (status)
		return status;
	status = vs_merkle_leaf(entry, len, &leaf);
	free(entry);
	if (!status)
		status = vs_merkle_included(p->index, head->size, &leaf,
		                            &p->path, &head->root);
	return status ? vs_fail(status, why,
	                        status == VS_ERR_REFUSED ? VS_REASON_NOT_LOGGED
	                                                 : VS_REASON_NONE,
	                        "the checkpoint does not cover the entry", 0)
	              : VS_OK;
}

static vs_status judge(const struct vs_tlog_question *q,
                       const struct vs_proof *p, struct vs_evidence *evidence,
                       struct vs_tlog_verdict *out, struct vs_why *why)
{
	struct vs_tlog_valid valid;
	vs_status status = vs_tlog_policy_check(q->policy, p->checkpoint.at,
	                                        p->checkpoint.len, &valid, why);

	if (status)
		return status;
	out->checkpoint = valid.checkpoint;
	out->witnesses = valid.witnesses;
	out->time_s = valid.time_s;
	status = read_evidence(p, q->seal, evidence, why);
	if (status)
		return status;
	out->leaf = evidence->leaf;
	status = check_kept(q, evidence, &valid, why);
	return status ? status
	              : check_covered(q, p, evidence, &valid.checkpoint.head,
	                              why);
}

vs_status vs_tlog_judge(const struct vs_tlog_question *q,
                        struct vs_tlog_verdict *out, struct vs_why *why)
{
	struct vs_evidence evidence = {0};
	struct vs_proof p;

	*out = (struct vs_tlog_verdict){0};
	if (q->proof_len == 0)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_NOT_LOGGED,
		               "the seal comes without a proof", 0);
	vs_status status = vs_proof_parse(q->proof, q->proof_len, &p, why);
	if (status)
		return status;
	out->index = p.index;
	status = judge(q, &p, &evidence, out, why);
	vs_evidence_drop(&evidence);
	if (!status)
		out->keep = p.checkpoint;
	return status;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/checkpoint.c - a log's statement of its size and root.
 */
#include "trust/checkpoint.h"

#include <string.h>

static vs_status malformed(struct vs_why *why, const char *what)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, 0);
}

vs_status vs_checkpoint_parse(const struct vs_note *note,
                              struct vs_checkpoint *out, struct vs_why *why)
{
	struct vs_span rest = note->text, line;
	size_t len;

	*out = (struct vs_checkpoint){0};
	if (vs_span_line(&rest, &line) || line.len == 0 ||
	    line.len >= sizeof out->origin || memchr(line.at, 0, line.len))
		return malformed(why, "a checkpoint has no fit origin");
	memcpy(out->origin, line.at, line.len);
	if (vs_span_line(&rest, &line) ||
	    vs_span_number(&line, &out->head.size))
		return malformed(why, "a checkpoint's size is no number");
	if (vs_span_line(&rest, &line) ||
	    vs_span_base64(&line, out->head.root.bytes, VS_HASH_LEN, &len) ||
	    len != VS_HASH_LEN)
		return malformed(why, "a checkpoint's root is no hash");
	while (vs_span_line(&rest, &line) == VS_OK) {
		if (line.len == 0)
			return malformed(why, "a checkpoint has an empty line");
	}
	return VS_OK;
}

vs_status vs_checkpoint_open(const void *in, size_t len,
                             const struct vs_vkey *log, struct vs_note *note,
                             struct vs_checkpoint *out, struct vs_why *why)
{
	vs_status status = vs_note_parse(in, len, note, why);

	if (!status)
		status = vs_checkpoint_parse(note, out, why);
	if (status)
		return status;
	if (strcmp(out->origin, log->name) != 0)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_WRONG_ORIGIN,
		               "a checkpoint of another log", 0);
	status = vs_note_verify(note, log, why);
	return status == VS_ERR_ABSENT ? VS_ERR_REFUSED : status;
}

vs_status vs_checkpoint_encode(const struct vs_checkpoint *c,
                               struct vs_text *out)
{
	vs_status status = vs_text_string(out, c->origin);

	if (!status)
		status = vs_text_string(out, "\n");
	if (!status)
		status = vs_text_number(out, c->head.size);
	if (!status)
		status = vs_text_string(out, "\n");
	if (!status)
		status = vs_text_base64(out, c->head.root.bytes, VS_HASH_LEN);
	return status ? status : vs_text_string(out, "\n");
}

/* Sizes differ: whether proof connects them. */
static vs_status connected(const struct vs_merkle_head *small,
                           const struct vs_merkle_head *large,
                           const struct vs_merkle_proof *proof,
                           struct vs_why *why)
{
	vs_status status = vs_merkle_consistent(small, large, proof);

	return status ? vs_fail(status, why,
	                        status == VS_ERR_REFUSED ? VS_REASON_LOG_FORKED
	                                                 : VS_REASON_NONE,
	                        "two checkpoints of one log contradict", 0)
	              : VS_OK;
}

static vs_status went_back(const struct vs_checkpoint_seen *older,
                           const struct vs_checkpoint_seen *newer,
                           const struct vs_merkle_proof *proof,
                           struct vs_why *why)
{
	vs_status status =
		proof && newer->head.size
			? connected(&newer->head, &older->head, proof, why)
			: VS_OK;

	if (status)
		return status;
	if (newer->time_s > older->time_s)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_LOG_TRUNCATED,
		               "a log is smaller than it was", 0);
	return vs_fail(VS_ERR_REFUSED, why, VS_REASON_LOG_REPLAYED,
	               "an older checkpoint than the last one", 0);
}

vs_status vs_checkpoint_follows(const struct vs_checkpoint_seen *older,
                                const struct vs_checkpoint_seen *newer,
                                const struct vs_merkle_proof *proof,
                                struct vs_why *why)
{
	if (newer->head.size < older->head.size)
		return went_back(older, newer, proof, why);
	if (newer->head.size == older->head.size)
		return vs_hash_same(&newer->head.root, &older->head.root)
		               ? VS_OK
		               : vs_fail(VS_ERR_REFUSED, why,
		                         VS_REASON_LOG_FORKED,
		                         "two roots for one size", 0);
	if (older->head.size == 0)
		return VS_OK;
	if (!proof)
		return vs_fail(VS_ERR_ABSENT, why, VS_REASON_LOG_GAP,
		               "no proof leads from the last checkpoint here",
		               0);
	return connected(&older->head, &newer->head, proof, why);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/checkpoint.h - a log's statement of its size and root.
 *
 * A checkpoint is a note of which the first three lines are origin, size and
 * root.  Lines after them are signed with it and mean nothing to us; we never
 * write any.
 *
 * Standard: C2SP tlog-checkpoint v1.
 */
#ifndef VS_TRUST_CHECKPOINT_H
#define VS_TRUST_CHECKPOINT_H

#include "trust/merkle.h"
#include "trust/note.h"

#define VS_CHECKPOINT_TEXT_LEN (VS_NOTE_NAME_LEN + 20 + 1 + 44 + 2)

struct vs_checkpoint {
	char origin[VS_NOTE_NAME_LEN];
	struct vs_merkle_head head;
};

/* Reads a note's text.  VS_OK; VS_ERR_INPUT (MALFORMED). */
vs_status vs_checkpoint_parse(const struct vs_note *note,
                              struct vs_checkpoint *out,
                              struct vs_why *why) VS_MUST_CHECK;

/* Note and checkpoint in one step, signed by the log's key, whose name is
 * the origin.  *note keeps in.
 * VS_OK; VS_ERR_INPUT; VS_ERR_LIMIT; VS_ERR_REFUSED (WRONG_ORIGIN,
 * UNKNOWN_KEY, BAD_SIGNATURE); VS_ERR_CRYPTO.
 */
vs_status vs_checkpoint_open(const void *in, size_t len,
                             const struct vs_vkey *log, struct vs_note *note,
                             struct vs_checkpoint *out,
                             struct vs_why *why) VS_MUST_CHECK;

/* Writes the text that is to be signed.  VS_OK; VS_ERR_LIMIT. */
vs_status vs_checkpoint_encode(const struct vs_checkpoint *c,
                               struct vs_text *out) VS_MUST_CHECK;

/* What a newer checkpoint of the same log is to an older one that was
 * believed.  proof leads from the smaller size to the larger; NULL if there
 * is none.  newer_s and older_s: the latest witness's time on each, 0 if
 * there is none.
 * VS_OK: it continues or is the older one; VS_ERR_REFUSED (LOG_FORKED,
 * LOG_TRUNCATED, LOG_REPLAYED); VS_ERR_ABSENT (LOG_GAP): a proof is needed;
 * VS_ERR_CRYPTO.
 */
struct vs_checkpoint_seen {
	struct vs_merkle_head head;
	uint64_t time_s;
};
vs_status vs_checkpoint_follows(const struct vs_checkpoint_seen *older,
                                const struct vs_checkpoint_seen *newer,
                                const struct vs_merkle_proof *proof,
                                struct vs_why *why) VS_MUST_CHECK;

#endif

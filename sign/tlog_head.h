/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/tlog_head.h - a log's checkpoints: signed, witnessed, published.
 *
 * A log never signs a checkpoint that contradicts one it signed before: both
 * roots are computed from the files there are.  DIR/checkpoints/SIZE keeps
 * every one; DIR/checkpoint is the newest that met the log's policy
 * (DIR/policy, if there is one), DIR/pending the one that waits for
 * witnesses.
 *
 * Each function says by itself what is wrong.
 */
#ifndef VS_SIGN_TLOG_HEAD_H
#define VS_SIGN_TLOG_HEAD_H

#include <openssl/evp.h>

#include "sign/tlog.h"
#include "trust/policy.h"

/* A checkpoint as a file has it. */
struct vs_tlog_head {
	uint8_t *bytes; /* owned */
	size_t len;
	struct vs_note note;
	struct vs_checkpoint checkpoint;
};

void vs_tlog_head_drop(struct vs_tlog_head *h);

/* The published one, or the newest that is signed (pending or published).
 * VS_OK; VS_ERR_ABSENT (not said) if there is none.  Drop in every case.
 */
vs_status vs_tlog_published(const struct vs_tlog *t,
                            struct vs_tlog_head *out) VS_MUST_CHECK;
vs_status vs_tlog_newest(const struct vs_tlog *t,
                         struct vs_tlog_head *out) VS_MUST_CHECK;

/* Signs the log as it stands and publishes it if the policy is met.
 * VS_OK and whether it is published; VS_ERR_REFUSED (LOG_FORKED,
 * LOG_TRUNCATED, UNKNOWN_KEY if key is not the log's).
 */
vs_status vs_tlog_checkpoint(struct vs_tlog *t, EVP_PKEY *key,
                             bool *published) VS_MUST_CHECK;

/* Adds lines of witnesses to the newest checkpoint and publishes it if the
 * policy is met.  Lines of keys that the policy does not name are left out.
 * VS_OK; VS_ERR_REFUSED (BAD_SIGNATURE); VS_ERR_STATE without a policy.
 */
vs_status vs_tlog_cosign(struct vs_tlog *t, const void *lines, size_t len,
                         size_t *added, bool *published) VS_MUST_CHECK;

/* What to ask a witness that has seen the first from entries.  out is the
 * caller's to free: out->at.
 */
vs_status vs_tlog_request(struct vs_tlog *t, uint64_t from,
                          struct vs_text *out) VS_MUST_CHECK;

/* A proof file of an entry under the published checkpoint, with links from
 * the newest checkpoints before it, and from the size from unless it is 0.
 */
vs_status vs_tlog_prove(struct vs_tlog *t, uint64_t index,
                        const struct vs_leaf *leaf, uint64_t from,
                        struct vs_text *out) VS_MUST_CHECK;

#endif

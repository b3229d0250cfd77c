/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/lmsleaf.h - which leaves of an LMS key are used up, kept across cuts.
 *
 * Two messages signed with one leaf let anybody sign a third.  So both copies
 * of the state say that a leaf is used up, durably, before it is given out;
 * one copy that is lost or torn can then never bring a leaf back.  A copy is
 * written only while the other one is whole, and none says less than it said.
 *
 * Format: docs/formats/lms-key.md, version 1.
 * Pure: the disk is passed in.
 */
#ifndef VS_SIGN_LMSLEAF_H
#define VS_SIGN_LMSLEAF_H

#include "base/status.h"

#define VS_LMSLEAF_COPY_LEN 512
#define VS_LMSLEAF_COPIES 2
#define VS_LMSLEAF_ID_LEN 32

/* Where the copies lie; copy is 0 or 1. */
struct vs_lmsleaf_disk {
	void *ctx;
	vs_status (*read)(void *ctx, unsigned copy,
	                  uint8_t out[static VS_LMSLEAF_COPY_LEN]);
	/* durable when it returns VS_OK */
	vs_status (*write)(void *ctx, unsigned copy,
	                   const uint8_t in[static VS_LMSLEAF_COPY_LEN]);
	vs_status (*sha256)(void *ctx, const uint8_t *in, size_t len,
	                    uint8_t out[static 32]);
};

/* A state: leaves next to end - 1 are left. */
struct vs_lmsleaf {
	uint8_t key_id[VS_LMSLEAF_ID_LEN]; /* SHA-256 of the public key */
	uint8_t home[VS_LMSLEAF_ID_LEN];   /* the one file it may lie in */
	uint32_t first;                    /* where its range began */
	uint32_t next;
	uint32_t end;
	unsigned newer; /* the copy that says most; vs_lmsleaf_load() sets it */
};

/* Makes the state of a new range: both copies.
 * VS_OK; VS_ERR_INPUT (the range is none); VS_ERR_IO; VS_ERR_CRYPTO.
 */
vs_status vs_lmsleaf_make(const struct vs_lmsleaf_disk *disk,
                          const struct vs_lmsleaf *state) VS_MUST_CHECK;

/* Reads the state; of two copies the one that says more is used up.
 * VS_OK; VS_ERR_INPUT (MALFORMED: no copy is whole, or they contradict);
 * VS_ERR_REFUSED (CONFLICT: another key's; REPLAY: copied here from another
 * file, so it may be older than leaves that were used); VS_ERR_IO;
 * VS_ERR_CRYPTO.
 */
vs_status vs_lmsleaf_load(const struct vs_lmsleaf_disk *disk,
                          const uint8_t key_id[static VS_LMSLEAF_ID_LEN],
                          const uint8_t home[static VS_LMSLEAF_ID_LEN],
                          struct vs_lmsleaf *out,
                          struct vs_why *why) VS_MUST_CHECK;

/* Uses up count leaves and gives the first; they are the caller's alone, and
 * durably nobody else's any more.  After another status than VS_OK or
 * VS_ERR_LIMIT the state must be loaded anew.
 * VS_OK; VS_ERR_LIMIT (fewer are left); VS_ERR_INPUT (count is 0);
 * VS_ERR_IO; VS_ERR_CRYPTO.
 */
vs_status vs_lmsleaf_take(const struct vs_lmsleaf_disk *disk,
                          struct vs_lmsleaf *state, uint32_t count,
                          uint32_t *first) VS_MUST_CHECK;

#endif

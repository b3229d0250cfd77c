/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/lms_sign.h - LMS keys and signatures, from a seed and a leaf's number.
 *
 * Pure: nothing here remembers which leaves were used.  Who signs must make a
 * leaf's number durable as used up before the signature leaves the room: two
 * messages signed with one leaf let anybody sign a third.
 *
 * Standard: RFC 8554 sections 4 and 5; secrets from the seed as in its
 * appendix A.  Hosted; threads may share a secret and a tree, not a crypto.
 */
#ifndef VS_SEAL_LMS_SIGN_H
#define VS_SEAL_LMS_SIGN_H

#include "seal/lms.h"

#define VS_LMS_SEED_LEN 32

/* All of a private key; seed is secret, wipe it with vs_lms_secret_drop(). */
struct vs_lms_secret {
	unsigned height; /* 5, 10, 15: 2^height signatures in its life */
	uint8_t id[VS_LMS_ID_LEN];
	uint8_t seed[VS_LMS_SEED_LEN];
};

void vs_lms_secret_drop(struct vs_lms_secret *s);

/* Some leaves of a tree, for one caller or thread. */
struct vs_lms_range {
	uint32_t first, count;
	/* Called after each leaf with how many are done; may be NULL.  False
	 * ends the work.
	 */
	bool (*progress)(void *ctx, uint32_t done);
	void *ctx; /* for progress; keeps */
};

/* Bytes of a whole tree: 2^(height + 1) nodes of 32.  The nodes are no secret,
 * but whoever changes one spoils a leaf: vs_lms_sign() notices.
 */
size_t vs_lms_tree_len(unsigned height);

/* Writes the leaves of a range into tree, which other ranges may share at the
 * same time.  About 8,700 hashes a leaf.
 * VS_OK; VS_ERR_INPUT (height or range); VS_ERR_STATE (progress said no);
 * VS_ERR_CRYPTO.
 */
vs_status vs_lms_grow(const struct vs_lms_secret *s,
                      const struct vs_crypto *crypto,
                      const struct vs_lms_range *range,
                      uint8_t *tree) VS_MUST_CHECK;

/* Writes the nodes above leaves that are all there, and the public key.
 * VS_OK; VS_ERR_INPUT (height); VS_ERR_CRYPTO.
 */
vs_status vs_lms_close(const struct vs_lms_secret *s,
                       const struct vs_crypto *crypto, uint8_t *tree,
                       uint8_t key[static VS_LMS_KEY_LEN]) VS_MUST_CHECK;

/* What is signed, with what. */
struct vs_lms_job {
	uint32_t leaf; /* used up from now on, whatever is returned */
	uint8_t randomizer[VS_LMS_HASH_LEN]; /* fresh for each message */
	const uint8_t *message;
	size_t len;
};

/* Signs into sig, VS_LMS_SIG_LEN(height) bytes, and verifies what it made.
 * VS_OK; VS_ERR_INPUT (height); VS_ERR_LIMIT (no such leaf: the key is used
 * up); VS_ERR_CRYPTO (also if the tree is not this secret's).
 */
vs_status vs_lms_sign(const struct vs_lms_secret *s,
                      const struct vs_crypto *crypto, const uint8_t *tree,
                      const struct vs_lms_job *job, uint8_t *sig) VS_MUST_CHECK;

#endif

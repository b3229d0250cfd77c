/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/lmskey.h - a person's LMS key: a folder with seed, tree and state.
 *
 * DIR/public.json, for policies; DIR/seed, encrypted under a passphrase;
 * DIR/tree, its nodes, no secret; DIR/leaves, which of them are used up.  A
 * leaf is durably used up before its signature exists.  A copy of the folder
 * signs nothing: a second folder for the same key has leaves of its own, cut
 * off the first one's (vs_lmskey_reserve()).
 *
 * Format: docs/formats/lms-key.md, version 1.
 * Each function says by itself what is wrong.
 */
#ifndef VS_SIGN_LMSKEY_H
#define VS_SIGN_LMSKEY_H

#include <jansson.h>
#include <limits.h>

#include "base/pkcs11.h"
#include "seal/lms_sign.h"
#include "sign/lmsleaf.h"
#include "sign/pubkey.h"

#define VS_LMSKEY_HEIGHT 15     /* what a room in production takes */
#define VS_LMSKEY_PASS_LEAST 12 /* characters of a passphrase */

/* The public part: {"holder", "label", "lms": 56 bytes in hex}. */
struct vs_lmspub {
	char holder[VS_HOLDER_MAX];
	char label[VS_P11_LABEL_MAX + 1];
	uint8_t key[VS_LMS_KEY_LEN];
	uint8_t id[VS_SHA256_LEN]; /* SHA-256 of key */
};

vs_status vs_lmspub_load(const char *path, struct vs_lmspub *out) VS_MUST_CHECK;
vs_status vs_lmspub_decode(const char *path, const json_t *object,
                           struct vs_lmspub *out) VS_MUST_CHECK;
/* Gives a new object, NULL without memory. */
json_t *vs_lmspub_encode(const struct vs_lmspub *pub);

struct vs_lmskey {
	char dir[PATH_MAX];
	struct vs_lmspub pub;
	struct vs_crypto crypto;
	int fd; /* of the state, locked */
	struct vs_lmsleaf leaf;
	struct vs_lms_secret secret; /* once it is unlocked */
	uint8_t *tree;               /* owned; verified up to the public key */
	bool broken;                 /* a write failed: nothing more is taken */
};

/* Who a new key is for. */
struct vs_lmskey_new {
	const char *dir, *holder, *label;
	unsigned height;
	const char *passphrase;
};

/* Makes a key in a new folder; a cut leaves none or all of it.
 * VS_OK; VS_ERR_STATE if there is something already.
 */
vs_status vs_lmskey_make(const struct vs_lmskey_new *want,
                         struct vs_lmspub *out) VS_MUST_CHECK;

/* Opens a key for reading: public part and state, the lock held.  Drop *out
 * in every case.
 */
vs_status vs_lmskey_open(const char *dir, struct vs_lmskey *out) VS_MUST_CHECK;
/* Also the seed and the tree.  VS_ERR_DENIED if the passphrase is wrong. */
vs_status vs_lmskey_unlock(struct vs_lmskey *key,
                           const char *passphrase) VS_MUST_CHECK;
void vs_lmskey_drop(struct vs_lmskey *key); /* also for VS_AUTO */

/* How many signatures are left here. */
uint32_t vs_lmskey_left(const struct vs_lmskey *key);
/* VS_OK if that is as many as count; VS_ERR_LIMIT. */
vs_status vs_lmskey_enough(const struct vs_lmskey *key,
                           uint32_t count) VS_MUST_CHECK;

/* Uses up a leaf, durably, and signs with it.  sig has the length of the
 * key's height.
 * VS_OK; VS_ERR_LIMIT: the key is used up; VS_ERR_IO; VS_ERR_CRYPTO: the
 * leaf may be used up then and is given to nobody.
 */
vs_status vs_lmskey_sign(struct vs_lmskey *key, const void *message, size_t len,
                         uint8_t sig[static VS_LMS_SIG_LEN_MAX],
                         size_t *sig_len) VS_MUST_CHECK;

/* Moves the next count leaves into a new folder with the same key and
 * passphrase, for another place.  They are gone from here first; a cut may
 * lose them and never has them in two folders.
 */
vs_status vs_lmskey_reserve(struct vs_lmskey *key, uint32_t count,
                            const char *dir) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/pubkey.h - the public part of a key, as it is handed to a room.
 *
 * A file holds {"holder", "label", "tuf": key object, "boot": point in hex}.
 * Both forms are the same key: a file where they differ is refused.  Keys of
 * online roles come as PEM or as a file without "boot" and "label".
 */
#ifndef VS_SIGN_PUBKEY_H
#define VS_SIGN_PUBKEY_H

#include <jansson.h>

#include "base/pkcs11.h"
#include "base/status.h"
#include "trust/key.h"

#define VS_HOLDER_MAX 64

struct vs_pubkey {
	char holder[VS_HOLDER_MAX];
	char label[VS_P11_LABEL_MAX + 1];
	struct vs_key tuf;
	bool has_boot;
	uint8_t point[VS_P256_POINT_LEN];
	uint8_t boot_id[32]; /* SHA-256 of point */
};

/* From a key on a token. */
vs_status vs_pubkey_make(const char *holder, const struct vs_p11_key *key,
                         struct vs_pubkey *out) VS_MUST_CHECK;
/* From a file or its parsed object; says by itself what is wrong. */
vs_status vs_pubkey_load(const char *path, struct vs_pubkey *out) VS_MUST_CHECK;
vs_status vs_pubkey_decode(const char *path, const json_t *object,
                           struct vs_pubkey *out) VS_MUST_CHECK;
/* The member that says who holds it, or its label: not empty, and quoted into
 * out; says by itself what is wrong.
 */
vs_status vs_pubkey_text(const char *path, const json_t *object,
                         const char *name, char *out, size_t cap) VS_MUST_CHECK;
/* Gives a new object, NULL without memory. */
json_t *vs_pubkey_encode(const struct vs_pubkey *key);
void vs_pubkey_drop(struct vs_pubkey *key);

#endif

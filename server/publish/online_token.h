/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/online_token.h - the online keys on a PKCS#11 token.
 *
 * P-256 keys with the labels of vs_online_names, made on the token, which they
 * cannot leave.  A token that goes away and comes back is opened anew at the
 * next signature; one that denies the PIN is asked no more, for it would lock
 * itself.  Any thread may sign; one does at a time.
 */
#ifndef VS_SERVER_PUBLISH_ONLINE_TOKEN_H
#define VS_SERVER_PUBLISH_ONLINE_TOKEN_H

#include <openssl/evp.h>

#include "base/status.h"
#include "server/publish/online.h"

struct vs_online_token;

/* Logs in.  place is kept.
 * VS_OK and *out (vs_online_token_drop); VS_ERR_IO, VS_ERR_INPUT (PIN file);
 * VS_ERR_DENIED (PIN); VS_ERR_ABSENT (no such module or token); VS_ERR_REFUSED
 * (two of them); VS_ERR_CRYPTO; with a line in error[].
 */
vs_status vs_online_token_open(const struct vs_online_place *place,
                               bool writable, struct vs_online_token **out,
                               char error[static 256]) VS_MUST_CHECK;
void vs_online_token_drop(struct vs_online_token **t);

/* The public part of key i; gives *out: EVP_PKEY_free().  make: the token was
 * opened writable, and gets a key if it has none of this label.
 * VS_OK; VS_ERR_ABSENT; VS_ERR_REFUSED (it could leave the token, or is no
 * P-256 key); VS_ERR_CRYPTO; with a line in error[].
 */
vs_status vs_online_token_key(struct vs_online_token *t, size_t i, bool make,
                              EVP_PKEY **out,
                              char error[static 256]) VS_MUST_CHECK;

/* ECDSA over SHA-256, DER; *len: in the room, at least 128, out the length.
 * Says in the log what is wrong.  VS_OK; as vs_online_token_open().
 */
vs_status vs_online_token_sign(struct vs_online_token *t, size_t i,
                               const void *message, size_t message_len,
                               uint8_t *sig, size_t *len) VS_MUST_CHECK;

#endif

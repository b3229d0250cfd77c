/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/net/remote_key.h - a private key for OpenSSL that is somewhere else.
 *
 * A provider with two kinds of key, P-256 and Ed25519, that can do one thing:
 * have a whole message signed by who holds the key.
 */
#ifndef VS_AGENT_REMOTE_KEY_H
#define VS_AGENT_REMOTE_KEY_H

#include <openssl/evp.h>

#include "base/status.h"

/* Signs in.  sig_len: in the capacity, out the length.  False: it will not. */
typedef bool (*vs_remote_sign)(void *ctx, const uint8_t *in, size_t len,
                               uint8_t *sig, size_t *sig_len);

/* A key whose public part this is, as if it had the private one.  Keeps ctx.
 * Gives *out (EVP_PKEY_free()).  VS_OK; VS_ERR_INPUT: another kind of key;
 * VS_ERR_CRYPTO.
 */
vs_status vs_remote_key_new(EVP_PKEY *public_key, vs_remote_sign sign,
                            void *ctx, EVP_PKEY **out) VS_MUST_CHECK;

#endif

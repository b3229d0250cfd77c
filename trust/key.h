/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/key.h - public keys of TUF metadata and their signatures.
 *
 * A key id is the SHA-256 of the key object's canonical JSON; a key whose id
 * does not recompute is treated as absent.  Low-order and non-canonical
 * Ed25519 points are refused when a key is parsed.
 *
 * Standard: TUF 1.0.34 section 4.2.
 */
#ifndef VS_TRUST_KEY_H
#define VS_TRUST_KEY_H

#include <jansson.h>
#include <openssl/evp.h>

#include "base/status.h"

#define VS_KEY_ID_LEN 65 /* 64 hex digits and the closing zero */

enum vs_key_scheme {
	VS_KEY_ED25519,     /* keytype ed25519, 64 hex digits */
	VS_KEY_ECDSA_P256,  /* keytype ecdsa or ecdsa-sha2-nistp256, PEM */
	VS_KEY_RSA_PSS_256, /* keytype rsa, rsassa-pss-sha256, PEM */
};

struct vs_key {
	char id[VS_KEY_ID_LEN];
	enum vs_key_scheme scheme;
	EVP_PKEY *pkey; /* owned */
	json_t *object; /* owned: the key object as it stood */
};

/* Parses one key object.  Gives *out: vs_key_drop().
 * VS_OK; VS_ERR_INPUT (MALFORMED, UNSUPPORTED) or VS_ERR_CRYPTO (the library
 * failed, mostly for lack of memory), *out empty.
 */
vs_status vs_key_parse(const json_t *object, struct vs_key *out,
                       struct vs_why *why) VS_MUST_CHECK;

/* Makes a key object from an OpenSSL public key. */
vs_status vs_key_from_pkey(EVP_PKEY *pkey, struct vs_key *out) VS_MUST_CHECK;

void vs_key_drop(struct vs_key *k);

/* Whether two keys are the same key material, whatever their ids. */
bool vs_key_same(const struct vs_key *a, const struct vs_key *b);

/* sig: Ed25519 64 bytes; ECDSA DER; RSA-PSS any salt length.
 * VS_OK; VS_ERR_REFUSED (BAD_SIGNATURE); VS_ERR_CRYPTO.
 */
vs_status vs_key_verify(const struct vs_key *k, const void *message, size_t len,
                        const uint8_t *sig, size_t sig_len) VS_MUST_CHECK;

#endif

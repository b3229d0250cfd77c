/* SPDX-License-Identifier: Apache-2.0
 *
 * base/pkcs11.h - people's keys on tokens, through PKCS#11 called directly.
 *
 * P-256 keys that were made on the token and can never leave it: anything
 * else is refused before it signs.  A label names exactly one private and one
 * public key, and every signature is verified before it is given out.
 *
 * Every function that talks to the token may also give VS_ERR_DENIED (PIN
 * wrong or locked), VS_ERR_ABSENT (the token was taken out), VS_ERR_LIMIT (it
 * is full) and VS_ERR_STATE (the session was lost), each with its own line.
 *
 * Standard: PKCS#11 2.40, CKM_EC_KEY_PAIR_GEN and CKM_ECDSA.  One thread;
 * one module at a time in a process.
 */
#ifndef VS_BASE_PKCS11_H
#define VS_BASE_PKCS11_H

#include "base/p256.h"
#include "base/status.h"

#define VS_P11_LABEL_MAX 32
#define VS_P256_DIGEST_LEN 32
#define VS_P11_KEYS_MAX 32 /* on one token */
#define VS_P11_MODULE "/usr/lib/softhsm/libsofthsm2.so"

struct vs_p11; /* a loaded module, perhaps logged in to one token */

struct vs_p11_key {
	char label[VS_P11_LABEL_MAX + 1];
	uint8_t point[VS_P256_POINT_LEN];
	unsigned long handle; /* of the private key, while logged in */
};

/* Loads a module.  Gives *out: vs_p11_close().
 * VS_OK; VS_ERR_ABSENT, VS_ERR_CRYPTO with a line in error[].
 */
vs_status vs_p11_open(const char *module, struct vs_p11 **out,
                      char error[static 256]) VS_MUST_CHECK;
void vs_p11_close(struct vs_p11 **p); /* logs out; also for VS_AUTO */

/* What the last failure was, for a person: one line. */
const char *vs_p11_error(const struct vs_p11 *p);

/* Makes a token of this label out of an empty one.
 * VS_OK; VS_ERR_STATE if the label is taken; VS_ERR_ABSENT if the module has
 * no empty token; VS_ERR_CRYPTO.
 */
vs_status vs_p11_init_token(struct vs_p11 *p, const char *label,
                            const char *so_pin, const char *pin) VS_MUST_CHECK;

/* Opens a session on the one token of this label and logs in; writable only
 * where keys are to be made.
 * VS_OK; VS_ERR_ABSENT; VS_ERR_REFUSED (two tokens of one label);
 * VS_ERR_DENIED (PIN); VS_ERR_CRYPTO.
 */
vs_status vs_p11_login(struct vs_p11 *p, const char *label, const char *pin,
                       bool writable) VS_MUST_CHECK;

/* Whether one more wrong PIN would lock the token of this label, or has.
 * VS_OK; VS_ERR_ABSENT; VS_ERR_REFUSED; VS_ERR_CRYPTO.
 */
vs_status vs_p11_last_try(struct vs_p11 *p, const char *label,
                          bool *last) VS_MUST_CHECK;

/* Makes a P-256 key pair on the token: private, sensitive, not extractable.
 * VS_OK and *out; VS_ERR_STATE if the label is taken; VS_ERR_CRYPTO.
 */
vs_status vs_p11_generate(struct vs_p11 *p, const char *label,
                          struct vs_p11_key *out) VS_MUST_CHECK;

/* Finds the one key of this label and checks that it is P-256, sensitive,
 * never extractable and was made on the token.
 * VS_OK; VS_ERR_ABSENT; VS_ERR_REFUSED; VS_ERR_CRYPTO.
 */
vs_status vs_p11_find(struct vs_p11 *p, const char *label,
                      struct vs_p11_key *out) VS_MUST_CHECK;

/* All private keys of the token that vs_p11_find() would give; those it
 * would refuse are left out and counted in *refused.
 */
vs_status vs_p11_list(struct vs_p11 *p,
                      struct vs_p11_key out[static VS_P11_KEYS_MAX],
                      size_t *count, size_t *refused) VS_MUST_CHECK;

/* Signs SHA-256(message) and verifies what came out.
 * VS_OK; VS_ERR_CRYPTO.
 */
vs_status vs_p11_sign(struct vs_p11 *p, const struct vs_p11_key *key,
                      const void *message, size_t len,
                      uint8_t raw[static VS_P256_RAW_LEN]) VS_MUST_CHECK;

/* The same of a digest that the caller made. */
vs_status vs_p11_sign_digest(struct vs_p11 *p, const struct vs_p11_key *key,
                             const uint8_t digest[static VS_P256_DIGEST_LEN],
                             uint8_t raw[static VS_P256_RAW_LEN]) VS_MUST_CHECK;

#endif

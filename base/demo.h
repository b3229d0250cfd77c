/* SPDX-License-Identifier: Apache-2.0
 *
 * base/demo.h - keys whose private part is published.
 *
 * Keys of this project's tests, examples and vectors, and of the standards'
 * own examples: anybody can sign with them.  A room and a device in
 * production refuse them wherever a key is believed.
 *
 * A key is known by the SHA-256 of its raw public part: the 32 bytes of an
 * Ed25519 key, the 65 bytes (04, x, y) of a P-256 key - so this is also the
 * id of a boot key in a keyring - and the DER SubjectPublicKeyInfo of any
 * other.  A new row is made by tests/base/demo_test.c, which makes every key
 * of the list and holds the list against them.
 */
#ifndef VS_BASE_DEMO_H
#define VS_BASE_DEMO_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VS_DEMO_DIGEST_LEN 32

/* Whether this is the digest, or boot key id, of a demo key. */
bool vs_demo_digest(const uint8_t digest[static VS_DEMO_DIGEST_LEN]);

/* Whether this public or private key is a demo key; a key that cannot be
 * read counts as one.
 */
bool vs_demo_key(EVP_PKEY *pkey);

/* How many there are. */
size_t vs_demo_count(void);

#endif

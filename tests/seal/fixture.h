/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/seal/fixture.h - people with boot keys, headers and rings to try.
 *
 * Every helper asserts: a test that gets something back has it whole.
 */
#ifndef VS_TESTS_SEAL_FIXTURE_H
#define VS_TESTS_SEAL_FIXTURE_H

#include "seal/keyring.h"
#include "seal/openssl.h"
#include "seal/seal.h"

#include <openssl/evp.h>

/* One person: a key pair, its id, and the bytes of the last signature. */
struct person {
	EVP_PKEY *key;
	uint8_t point[VS_P256_KEY_LEN];
	uint8_t id[VS_SHA256_LEN];
	uint8_t sig[VS_P256_SIG_LEN];
};

void person_init(struct person *p, const struct vs_crypto *crypto);
void person_drop(struct person *p);

/* Signs message and appends the signature, which points into p. */
void person_sign(struct person *p, const uint8_t *message, size_t len,
                 struct vs_signatures *sigs);

/* A header that encodes: gateway 1.1.0 for two kinds of hardware. */
void header_fill(struct vs_seal_header *h);

/* A ring of n people with a threshold, version 1, for "gateway". */
void ring_fill(struct vs_keyring *r, const struct person *people, size_t n,
               unsigned threshold);

/* Numbers that are the same in each run. */
void noise(uint8_t *out, size_t len, uint64_t seed);

/* Reads a file of hex digits, white space and # comments; gives its length. */
size_t vector_load(const char *name, uint8_t *out, size_t cap);

#endif

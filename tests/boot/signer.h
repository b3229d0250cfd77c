/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/signer.h - three people with P-256 keys, made anew in each run.
 */
#ifndef VS_TESTS_BOOT_SIGNER_H
#define VS_TESTS_BOOT_SIGNER_H

#include "seal/keyring.h"

#define SIGNERS 3

/* A ring of all three, any two of whom are believed about "gateway" and
 * "meter".
 */
void signer_ring(const struct vs_crypto *crypto, struct vs_keyring *out);

/* The first count signers of ring sign message; the bytes live in room. */
void signer_sign(const struct vs_keyring *ring, int count,
                 const uint8_t *message, size_t len,
                 uint8_t room[SIGNERS][VS_P256_SIG_LEN],
                 struct vs_signatures *out);

#endif

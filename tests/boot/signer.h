/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/signer.h - people with P-256 keys, made anew in each run.
 */
#ifndef VS_TESTS_BOOT_SIGNER_H
#define VS_TESTS_BOOT_SIGNER_H

#include "seal/keyring.h"

#define SIGNERS 3
#define PEOPLE 6 /* the signers, and others */

/* A ring of the first three, any two of whom are believed about "gateway",
 * "meter" and "recovery"; version 7.
 */
void signer_ring(const struct vs_crypto *crypto, struct vs_keyring *out);

/* The first count signers of ring sign message; the bytes live in room. */
void signer_sign(const struct vs_keyring *ring, int count,
                 const uint8_t *message, size_t len,
                 uint8_t room[SIGNERS][VS_P256_SIG_LEN],
                 struct vs_signatures *out);

/* The same for the people of a mask (bit 0: the first). */
void signer_ring_of(const struct vs_crypto *crypto, unsigned mask,
                    uint32_t version, struct vs_keyring *out);
void signer_sign_by(unsigned mask, const uint8_t *message, size_t len,
                    uint8_t room[PEOPLE][VS_P256_SIG_LEN],
                    struct vs_signatures *out);

/* A keyring file at out: ring, signed by the people of mask.  Its length. */
size_t signer_ring_file(const struct vs_keyring *ring, unsigned mask,
                        uint8_t *out, size_t cap);

#endif

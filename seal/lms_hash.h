/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/lms_hash.h - the hashes that LMS signer and verifier share.
 *
 * Each hash begins with the tree's id, a number, and a word that tells what
 * kind of hash it is, so that none can stand for another (RFC 8554, 7.1).
 *
 * For the .c files of this room only.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_SEAL_LMS_HASH_H
#define VS_SEAL_LMS_HASH_H

#include "seal/lms.h"

enum {
	LMS_PREFIX_LEN = 22, /* id 16, number 4, kind 2 */
	LMS_OTS_W8 = 4,
	LMS_TYPE_H5 = 5,
	LMS_TYPE_H10 = 6,
	LMS_TYPE_H15 = 7,
	LMS_D_PBLC = 0x8080, /* a one-time public key */
	LMS_D_MESG = 0x8181,
	LMS_D_LEAF = 0x8282,
	LMS_D_INTR = 0x8383,
	/* where the parts of a signature begin */
	LMS_AT_LEAF = 0,
	LMS_AT_OTS = 4,
	LMS_AT_RANDOM = 8,
	LMS_AT_CHAINS = 40,
	LMS_AT_TYPE = LMS_AT_CHAINS + VS_LMS_CHAINS * VS_LMS_HASH_LEN,
	LMS_AT_PATH = LMS_AT_TYPE + 4,
};

uint32_t vs_lms_get32(const uint8_t *p);
void vs_lms_put32(uint8_t *p, uint32_t v);

/* Writes the prefix of a hash. */
void vs_lms_prefix(uint8_t out[static LMS_PREFIX_LEN], const uint8_t *id,
                   uint32_t number, unsigned kind);

/* The chains' digits: the digest of message, then the checksum over it.
 * Hashes id, leaf, randomizer and message.
 */
vs_status vs_lms_digits(const struct vs_crypto *crypto, const uint8_t *id,
                        uint32_t leaf, const uint8_t *randomizer,
                        const uint8_t *message, size_t len,
                        uint8_t out[static VS_LMS_CHAINS]) VS_MUST_CHECK;

/* Walks chain number chain in place from step from to step to. */
vs_status vs_lms_walk(const struct vs_crypto *crypto, const uint8_t *id,
                      uint32_t leaf, unsigned chain, unsigned from, unsigned to,
                      uint8_t value[static VS_LMS_HASH_LEN]) VS_MUST_CHECK;

/* The tree's leaf over the ends of all chains.  ends has the room of a prefix
 * before the first end, which is overwritten.
 */
vs_status vs_lms_leaf(const struct vs_crypto *crypto, const uint8_t *id,
                      uint32_t leaf, unsigned height, uint8_t *ends,
                      uint8_t out[static VS_LMS_HASH_LEN]) VS_MUST_CHECK;

/* The node above left and right; out may be one of them. */
vs_status vs_lms_node(const struct vs_crypto *crypto, const uint8_t *id,
                      uint32_t number, const uint8_t *left,
                      const uint8_t *right,
                      uint8_t out[static VS_LMS_HASH_LEN]) VS_MUST_CHECK;

#endif

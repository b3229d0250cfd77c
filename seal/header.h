/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/header.h - the 512 signed bytes that say what an image is.
 *
 * Everything the boot stage reads about an image is in these bytes, and the
 * signatures cover exactly these bytes.  One value has one encoding: reserved
 * bytes are zero, texts are padded with zeros, and decode refuses all else.
 *
 * Format: docs/formats/seal.md, version 1.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_SEAL_HEADER_H
#define VS_SEAL_HEADER_H

#include "base/status.h"
#include "seal/crypto.h"

#define VS_SEAL_HEADER_LEN 512
#define VS_SEAL_MAGIC_LEN 8
#define VS_COMPONENT_LEN 32 /* with the closing zero */
#define VS_HARDWARE_LEN 32
#define VS_HARDWARE_MAX 4
#define VS_VERSION_LEN 32
#define VS_SALT_LEN 32

#define VS_BLOCK_LEN 4096     /* data and hash blocks alike */
#define VS_CLUSTER_BLOCKS 128 /* the blocks under one leaf-level node */
#define VS_CLUSTER_LEN (VS_BLOCK_LEN * VS_CLUSTER_BLOCKS)
#define VS_IMAGE_LEN_MAX (UINT64_C(1) << 36) /* 64 GiB */

/* VLTSEAL1: the first bytes */
extern const uint8_t vs_seal_magic[VS_SEAL_MAGIC_LEN];

/* offset of each field in the encoding, little endian */
struct vs_seal_header {
	char component[VS_COMPONENT_LEN]; /*  16 "gateway" */
	char hardware[VS_HARDWARE_MAX]
		     [VS_HARDWARE_LEN]; /*  48 ids; "" = none */
	char version[VS_VERSION_LEN];   /* 176 for people */
	uint64_t release_seq;           /* 208 orders releases; from 1 */
	uint32_t security_version;      /* 216 compared with the floor */
					/* 220 reserved */
	uint64_t image_len;             /* 224 bytes, from 1; the last block
	                                 *     is hashed padded with zeros */
	uint8_t salt[VS_SALT_LEN];      /* 232 the component's, kept for ever */
	uint8_t root_hash[VS_SHA256_LEN]; /* 264 of the dm-verity tree */
					  /* 296 reserved, to 512 */
};

/* VS_OK; VS_ERR_INPUT (MALFORMED, UNSUPPORTED) with *out undefined. */
vs_status vs_seal_header_decode(const uint8_t in[static VS_SEAL_HEADER_LEN],
                                struct vs_seal_header *out,
                                struct vs_why *why) VS_MUST_CHECK;

/* VS_OK; VS_ERR_INPUT if a field cannot be encoded (empty component or
 * version, no hardware id, text with foreign characters, zero length ...).
 */
vs_status vs_seal_header_encode(const struct vs_seal_header *in,
                                uint8_t out[static VS_SEAL_HEADER_LEN],
                                struct vs_why *why) VS_MUST_CHECK;

/* Whether two decoded headers say the same in every field. */
bool vs_seal_header_equal(const struct vs_seal_header *a,
                          const struct vs_seal_header *b);

/* Whether the header was made for hardware id (exact match). */
bool vs_seal_header_fits(const struct vs_seal_header *h, const char *hardware);

#endif

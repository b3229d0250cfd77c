/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/tree.h - the dm-verity hash tree: its shape and its hashes.
 *
 * SHA-256(salt then block) over 4 KiB blocks, 128 hashes to a node, hash type
 * 1, no superblock: byte for byte what `veritysetup --no-superblock` makes.
 * Level 0 is the leaves; the root hash covers the one block of the top level.
 * An image of a single block has no level: its hash is the root hash.
 *
 * Standard: Linux Documentation/admin-guide/device-mapper/verity.rst.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_SEAL_TREE_H
#define VS_SEAL_TREE_H

#include "base/status.h"
#include "seal/crypto.h"
#include "seal/header.h"

#define VS_TREE_LEVELS_MAX 6
#define VS_TREE_FANOUT 128

struct vs_tree {
	uint64_t image_len; /* bytes */
	uint64_t blocks;    /* data blocks, the last one padded */
	uint32_t levels;    /* 0..VS_TREE_LEVELS_MAX */
	uint64_t level_blocks[VS_TREE_LEVELS_MAX]; /* [0] = leaves */
	uint64_t level_at[VS_TREE_LEVELS_MAX];     /* byte offset in the tree */
	uint64_t len;                              /* bytes of the whole tree */
	uint64_t upper_len; /* bytes above the leaves, which come first */
	uint64_t clusters;  /* ceil(blocks / 128) */
};

/* VS_OK; VS_ERR_LIMIT if image_len is 0 or above VS_IMAGE_LEN_MAX. */
vs_status vs_tree_init(struct vs_tree *t, uint64_t image_len) VS_MUST_CHECK;

/* Data bytes of cluster i: VS_CLUSTER_LEN but for the last one. */
size_t vs_tree_cluster_len(const struct vs_tree *t, uint64_t i);

/* Hashes one block of len <= VS_BLOCK_LEN bytes, padded with zeros. */
vs_status
vs_tree_hash_block(const struct vs_crypto *crypto,
                   const uint8_t salt[static VS_SALT_LEN], const uint8_t *block,
                   size_t len,
                   uint8_t digest[static VS_SHA256_LEN]) VS_MUST_CHECK;

/* Checks the tree part of a seal (the levels above the leaves, root level
 * first, t->upper_len bytes) against the root hash.
 * VS_OK; VS_ERR_REFUSED (TREE_MISMATCH); VS_ERR_CRYPTO.
 */
vs_status vs_tree_check_upper(const struct vs_tree *t,
                              const struct vs_crypto *crypto,
                              const struct vs_seal_header *h,
                              const uint8_t *upper,
                              struct vs_why *why) VS_MUST_CHECK;

/* Derives cluster i's leaves (a whole hash block, zero padded) from its data
 * and checks them against the node above: a checked upper, or the root hash
 * where there is no level above.  data is vs_tree_cluster_len(t, i) bytes.
 * leaves is ready to be written at vs_tree_leaves_at(), if t->len is not 0.
 * VS_OK; VS_ERR_REFUSED (CLUSTER_MISMATCH) with leaves undefined;
 * VS_ERR_CRYPTO.
 */
vs_status vs_tree_check_cluster(const struct vs_tree *t,
                                const struct vs_crypto *crypto,
                                const struct vs_seal_header *h,
                                const uint8_t *upper, uint64_t i,
                                const uint8_t *data,
                                uint8_t leaves[static VS_BLOCK_LEN],
                                struct vs_why *why) VS_MUST_CHECK;

/* Checks what a slot holds of cluster i: its stored leaves against the node
 * above, then each of its blocks against its leaf.  data is whole blocks, the
 * last one's zeros included, as dm-verity will read them; leaves may be NULL
 * where the tree has no level.  Each block that matches, by two comparisons,
 * adds 1 to *matched, and so do the leaves: vs_tree_matches() in all.
 * VS_OK; VS_ERR_REFUSED (CLUSTER_MISMATCH, TREE_MISMATCH); VS_ERR_CRYPTO.
 */
vs_status
vs_tree_check_stored(const struct vs_tree *t, const struct vs_crypto *crypto,
                     const struct vs_seal_header *h, const uint8_t *upper,
                     uint64_t i, const uint8_t *data, const uint8_t *leaves,
                     uint32_t *matched, struct vs_why *why) VS_MUST_CHECK;

/* How many matches cluster i has if all is well; its number of blocks. */
uint32_t vs_tree_matches(const struct vs_tree *t, uint64_t i);
uint32_t vs_tree_cluster_blocks(const struct vs_tree *t, uint64_t i);

/* Offset of cluster i's leaf block in the tree. */
uint64_t vs_tree_leaves_at(const struct vs_tree *t, uint64_t i);

/* Fills in the levels above the leaves and the root hash.  tree holds t->len
 * bytes with the leaves in place (vs_tree_hash_cluster made them).  An image
 * of one block has no tree (t->len is 0): tree is then its one leaf block,
 * VS_BLOCK_LEN bytes, and none of them belongs in a file.
 */
vs_status vs_tree_finish(const struct vs_tree *t,
                         const struct vs_crypto *crypto,
                         const uint8_t salt[static VS_SALT_LEN], uint8_t *tree,
                         uint8_t root_hash[static VS_SHA256_LEN]) VS_MUST_CHECK;

/* Derives the leaves of one cluster of len bytes, unchecked. */
vs_status
vs_tree_hash_cluster(const struct vs_crypto *crypto,
                     const uint8_t salt[static VS_SALT_LEN],
                     const uint8_t *data, size_t len,
                     uint8_t leaves[static VS_BLOCK_LEN]) VS_MUST_CHECK;

#endif

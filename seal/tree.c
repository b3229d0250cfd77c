/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/tree.c - the dm-verity hash tree: its shape and its hashes.
 *
 * 128 hashes of 32 bytes fill a block exactly, so the hash of block n of a
 * level stands at n * 32 from the start of the level above.
 */
#include "seal/tree.h"
#include "seal/bytes.h"

vs_status vs_tree_init(struct vs_tree *t, uint64_t image_len)
{
	uint64_t below;

	memset(t, 0, sizeof(*t));
	if (image_len == 0 || image_len > VS_IMAGE_LEN_MAX)
		return VS_ERR_LIMIT;
	t->image_len = image_len;
	t->blocks = (image_len + VS_BLOCK_LEN - 1) / VS_BLOCK_LEN;
	t->clusters = (t->blocks + VS_CLUSTER_BLOCKS - 1) / VS_CLUSTER_BLOCKS;
	for (below = t->blocks; below > 1; t->levels++) {
		below = (below + VS_TREE_FANOUT - 1) / VS_TREE_FANOUT;
		t->level_blocks[t->levels] = below;
	}
	for (uint32_t i = t->levels; i-- > 0;) {
		t->level_at[i] = t->len;
		t->len += t->level_blocks[i] * VS_BLOCK_LEN;
	}
	t->upper_len = t->levels > 0 ? t->level_at[0] : 0;
	return VS_OK;
}

size_t vs_tree_cluster_len(const struct vs_tree *t, uint64_t i)
{
	uint64_t left;

	if (i >= t->clusters)
		return 0;
	left = t->image_len - i * VS_CLUSTER_LEN;
	return left < VS_CLUSTER_LEN ? (size_t)left : VS_CLUSTER_LEN;
}

uint64_t vs_tree_leaves_at(const struct vs_tree *t, uint64_t i)
{
	return t->level_at[0] + i * VS_BLOCK_LEN;
}

vs_status vs_tree_hash_block(const struct vs_crypto *crypto,
                             const uint8_t salt[static VS_SALT_LEN],
                             const uint8_t *block, size_t len,
                             uint8_t digest[static VS_SHA256_LEN])
{
	uint8_t padded[VS_BLOCK_LEN];

	if (len > VS_BLOCK_LEN)
		return VS_ERR_LIMIT;
	if (len < VS_BLOCK_LEN) {
		memcpy(padded, block, len);
		memset(padded + len, 0, VS_BLOCK_LEN - len);
		block = padded;
	}
	return crypto->sha256(crypto->ctx, salt, VS_SALT_LEN, block,
	                      VS_BLOCK_LEN, digest);
}

vs_status vs_tree_hash_cluster(const struct vs_crypto *crypto,
                               const uint8_t salt[static VS_SALT_LEN],
                               const uint8_t *data, size_t len,
                               uint8_t leaves[static VS_BLOCK_LEN])
{
	uint8_t *leaf = leaves;
	size_t n;
	vs_status st;

	if (len > VS_CLUSTER_LEN)
		return VS_ERR_LIMIT;
	for (size_t at = 0; at < len; at += n) {
		n = len - at < VS_BLOCK_LEN ? len - at : VS_BLOCK_LEN;
		st = vs_tree_hash_block(crypto, salt, data + at, n, leaf);
		if (st != VS_OK)
			return st;
		leaf += VS_SHA256_LEN;
	}
	memset(leaf, 0, VS_BLOCK_LEN - (size_t)(leaf - leaves));
	return VS_OK;
}

/* VS_OK if a whole block hashes to want; VS_ERR_REFUSED if not.  Without
 * vs_tree_hash_block(), whose room for padding a microcontroller has not.
 */
static vs_status check_block(const struct vs_crypto *crypto,
                             const struct vs_seal_header *h,
                             const uint8_t *block, const uint8_t *want)
{
	uint8_t digest[VS_SHA256_LEN];
	vs_status st;

	st = crypto->sha256(crypto->ctx, h->salt, VS_SALT_LEN, block,
	                    VS_BLOCK_LEN, digest);
	if (st != VS_OK)
		return st;
	return memcmp(digest, want, VS_SHA256_LEN) == 0 ? VS_OK
	                                                : VS_ERR_REFUSED;
}

/* Where the hash of block n of a level is: in the level above, or the root
 * hash.  upper holds all levels but the leaves.
 */
static const uint8_t *hash_of(const struct vs_tree *t, const uint8_t *upper,
                              const struct vs_seal_header *h, uint32_t level,
                              uint64_t n)
{
	if (level + 1 >= t->levels)
		return h->root_hash;
	return upper + t->level_at[level + 1] + n * VS_SHA256_LEN;
}

static vs_status refuse(vs_status st, struct vs_why *why, vs_reason reason,
                        uint64_t at)
{
	const char *what = "does not hash to its tree node";

	if (st == VS_ERR_CRYPTO)
		return vs_fail(st, why, VS_REASON_NONE, "hash failed", 0);
	return vs_fail(st, why, reason, what, (size_t)at);
}

vs_status vs_tree_check_upper(const struct vs_tree *t,
                              const struct vs_crypto *crypto,
                              const struct vs_seal_header *h,
                              const uint8_t *upper, struct vs_why *why)
{
	uint64_t at;
	vs_status st;

	for (uint32_t level = t->levels; level-- > 1;) {
		for (uint64_t n = 0; n < t->level_blocks[level]; n++) {
			at = t->level_at[level] + n * VS_BLOCK_LEN;
			st = check_block(crypto, h, upper + at,
			                 hash_of(t, upper, h, level, n));
			if (st != VS_OK)
				return refuse(st, why, VS_REASON_TREE_MISMATCH,
				              at);
		}
	}
	return VS_OK;
}

vs_status
vs_tree_check_cluster(const struct vs_tree *t, const struct vs_crypto *crypto,
                      const struct vs_seal_header *h, const uint8_t *upper,
                      uint64_t i, const uint8_t *data,
                      uint8_t leaves[static VS_BLOCK_LEN], struct vs_why *why)
{
	vs_status st;

	if (i >= t->clusters)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_CLUSTER_MISMATCH,
		               "no such cluster", 0);
	st = vs_tree_hash_cluster(crypto, h->salt, data,
	                          vs_tree_cluster_len(t, i), leaves);
	if (st == VS_OK && t->levels > 0)
		st = check_block(crypto, h, leaves, hash_of(t, upper, h, 0, i));
	else if (st == VS_OK && memcmp(leaves, h->root_hash, VS_SHA256_LEN))
		st = VS_ERR_REFUSED;
	if (st != VS_OK)
		return refuse(st, why, VS_REASON_CLUSTER_MISMATCH,
		              i * VS_CLUSTER_LEN);
	return VS_OK;
}

uint32_t vs_tree_cluster_blocks(const struct vs_tree *t, uint64_t i)
{
	uint64_t left;

	if (i >= t->clusters)
		return 0;
	left = t->blocks - i * VS_CLUSTER_BLOCKS;
	return left < VS_CLUSTER_BLOCKS ? (uint32_t)left : VS_CLUSTER_BLOCKS;
}

uint32_t vs_tree_matches(const struct vs_tree *t, uint64_t i)
{
	return vs_tree_cluster_blocks(t, i) + (t->levels > 0);
}

/* Hashes a whole block and compares twice, in two ways: an instruction that a
 * glitch skips must not be the only one that says no.
 */
static vs_status match_block(const struct vs_crypto *crypto,
                             const struct vs_seal_header *h,
                             const uint8_t *block, const uint8_t *want,
                             uint32_t *matched)
{
	uint8_t digest[VS_SHA256_LEN];
	volatile uint8_t differ = 0;
	vs_status st;

	memset(digest, 0, sizeof(digest)); /* not the last block's */
	st = crypto->sha256(crypto->ctx, h->salt, VS_SALT_LEN, block,
	                    VS_BLOCK_LEN, digest);
	if (st != VS_OK)
		return VS_ERR_CRYPTO;
	for (size_t k = 0; k < VS_SHA256_LEN; k++)
		differ |= digest[k] ^ want[k];
	if (memcmp(digest, want, VS_SHA256_LEN) != 0)
		return VS_ERR_REFUSED;
	if (differ != 0)
		return VS_ERR_REFUSED;
	(*matched)++;
	return VS_OK;
}

vs_status vs_tree_check_stored(const struct vs_tree *t,
                               const struct vs_crypto *crypto,
                               const struct vs_seal_header *h,
                               const uint8_t *upper, uint64_t i,
                               const uint8_t *data, const uint8_t *leaves,
                               uint32_t *matched, struct vs_why *why)
{
	uint32_t blocks = vs_tree_cluster_blocks(t, i);
	const uint8_t *want = t->levels > 0 ? leaves : h->root_hash;
	vs_status st = VS_OK;

	if (blocks == 0)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_CLUSTER_MISMATCH,
		               "no such cluster", 0);
	if (t->levels > 0)
		st = match_block(crypto, h, leaves, hash_of(t, upper, h, 0, i),
		                 matched);
	if (st != VS_OK)
		return refuse(st, why, VS_REASON_TREE_MISMATCH,
		              vs_tree_leaves_at(t, i));
	for (uint32_t n = 0; n < blocks; n++) {
		st = match_block(crypto, h, data + (size_t)n * VS_BLOCK_LEN,
		                 want + (size_t)n * VS_SHA256_LEN, matched);
		if (st != VS_OK)
			return refuse(st, why, VS_REASON_CLUSTER_MISMATCH,
			              i * VS_CLUSTER_LEN +
			                      (uint64_t)n * VS_BLOCK_LEN);
	}
	return VS_OK;
}

/* Makes one level from the one below it. */
static vs_status fill_level(const struct vs_tree *t,
                            const struct vs_crypto *crypto, const uint8_t *salt,
                            uint8_t *tree, uint32_t level)
{
	uint8_t *to = tree + t->level_at[level];
	const uint8_t *from = tree + t->level_at[level - 1];
	uint64_t n;
	vs_status st;

	for (n = 0; n < t->level_blocks[level - 1]; n++) {
		st = vs_tree_hash_block(crypto, salt, from + n * VS_BLOCK_LEN,
		                        VS_BLOCK_LEN, to + n * VS_SHA256_LEN);
		if (st != VS_OK)
			return st;
	}
	n *= VS_SHA256_LEN;
	memset(to + n, 0, (size_t)(t->level_blocks[level] * VS_BLOCK_LEN - n));
	return VS_OK;
}

vs_status vs_tree_finish(const struct vs_tree *t,
                         const struct vs_crypto *crypto,
                         const uint8_t salt[static VS_SALT_LEN], uint8_t *tree,
                         uint8_t root_hash[static VS_SHA256_LEN])
{
	vs_status st;

	if (t->levels == 0) {
		memcpy(root_hash, tree, VS_SHA256_LEN);
		return VS_OK;
	}
	for (uint32_t level = 1; level < t->levels; level++) {
		st = fill_level(t, crypto, salt, tree, level);
		if (st != VS_OK)
			return st;
	}
	return vs_tree_hash_block(crypto, salt, tree, VS_BLOCK_LEN, root_hash);
}

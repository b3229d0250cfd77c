/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/merkle.h - the hash tree of a transparency log.
 *
 * A tree that only grows: its root commits to every entry and their order.
 * An inclusion proof shows that an entry is in the tree, a consistency proof
 * that an older tree is the beginning of a newer one.
 *
 * Standard: RFC 6962 section 2.1, verification as RFC 9162 2.1.3.2, 2.1.4.2.
 */
#ifndef VS_TRUST_MERKLE_H
#define VS_TRUST_MERKLE_H

#include "base/status.h"

#define VS_HASH_LEN 32
#define VS_MERKLE_DEPTH_MAX 63 /* sizes are below 2^63 */

struct vs_hash {
	uint8_t bytes[VS_HASH_LEN];
};

/* Inclusion: from the leaf's sibling up.  Consistency: as RFC 6962 2.1.2. */
struct vs_merkle_proof {
	struct vs_hash hashes[VS_MERKLE_DEPTH_MAX];
	size_t count;
};

bool vs_hash_same(const struct vs_hash *a, const struct vs_hash *b);

/* Each VS_OK or VS_ERR_CRYPTO. */
vs_status vs_merkle_empty(struct vs_hash *out) VS_MUST_CHECK;
vs_status vs_merkle_leaf(const void *entry, size_t len,
                         struct vs_hash *out) VS_MUST_CHECK;
vs_status vs_merkle_node(const struct vs_hash *left,
                         const struct vs_hash *right,
                         struct vs_hash *out) VS_MUST_CHECK;

/* Whether leaf is entry index of the tree.
 * VS_OK; VS_ERR_REFUSED; VS_ERR_CRYPTO.
 */
vs_status vs_merkle_included(uint64_t index, uint64_t size,
                             const struct vs_hash *leaf,
                             const struct vs_merkle_proof *proof,
                             const struct vs_hash *root) VS_MUST_CHECK;

struct vs_merkle_head {
	uint64_t size;
	struct vs_hash root;
};

/* Whether the old tree is the beginning of the new one.  Nothing can be said
 * of an empty old tree: it is refused, and the caller knows better.
 * VS_OK; VS_ERR_REFUSED; VS_ERR_CRYPTO.
 */
vs_status
vs_merkle_consistent(const struct vs_merkle_head *old,
                     const struct vs_merkle_head *new,
                     const struct vs_merkle_proof *proof) VS_MUST_CHECK;

/* Where a maker of proofs reads: the hash over the 2^level leaves from
 * index * 2^level, which are all in the tree.  Gives what read gives.
 */
struct vs_merkle_source {
	vs_status (*read)(void *ctx, unsigned level, uint64_t index,
	                  struct vs_hash *out);
	void *ctx;
};

/* Makers.  VS_OK; VS_ERR_INPUT if no such proof exists (index not below
 * size, old above size); VS_ERR_CRYPTO; what read gave.
 */
vs_status vs_merkle_root(const struct vs_merkle_source *source, uint64_t size,
                         struct vs_hash *out) VS_MUST_CHECK;
vs_status vs_merkle_prove(const struct vs_merkle_source *source, uint64_t index,
                          uint64_t size,
                          struct vs_merkle_proof *out) VS_MUST_CHECK;
vs_status vs_merkle_connect(const struct vs_merkle_source *source, uint64_t old,
                            uint64_t size,
                            struct vs_merkle_proof *out) VS_MUST_CHECK;

/* The right edge of a tree: enough to append and to give the root.
 * nodes[i] is the complete subtree of 2^i leaves, if bit i of size is set.
 */
struct vs_merkle_edge {
	uint64_t size;
	struct vs_hash nodes[VS_MERKLE_DEPTH_MAX];
};

/* VS_OK; VS_ERR_LIMIT at 2^63-1 leaves; VS_ERR_CRYPTO. */
vs_status vs_merkle_append(struct vs_merkle_edge *edge,
                           const struct vs_hash *leaf) VS_MUST_CHECK;
vs_status vs_merkle_edge_root(const struct vs_merkle_edge *edge,
                              struct vs_hash *out) VS_MUST_CHECK;
vs_status vs_merkle_edge_load(const struct vs_merkle_source *source,
                              uint64_t size,
                              struct vs_merkle_edge *out) VS_MUST_CHECK;

#endif

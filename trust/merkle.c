/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/merkle.c - the hash tree of a transparency log.
 */
#include "trust/merkle.h"

#include <openssl/evp.h>
#include <string.h>

bool vs_hash_same(const struct vs_hash *a, const struct vs_hash *b)
{
	return memcmp(a->bytes, b->bytes, VS_HASH_LEN) == 0;
}

vs_status vs_merkle_empty(struct vs_hash *out)
{
	return EVP_Digest("", 0, out->bytes, NULL, EVP_sha256(), NULL) == 1
	               ? VS_OK
	               : VS_ERR_CRYPTO;
}

vs_status vs_merkle_leaf(const void *entry, size_t len, struct vs_hash *out)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
	          EVP_DigestUpdate(md, "\0", 1) == 1 &&
	          EVP_DigestUpdate(md, entry, len) == 1 &&
	          EVP_DigestFinal_ex(md, out->bytes, NULL) == 1;

	EVP_MD_CTX_free(md);
	return ok ? VS_OK : VS_ERR_CRYPTO;
}

vs_status vs_merkle_node(const struct vs_hash *left,
                         const struct vs_hash *right, struct vs_hash *out)
{
	uint8_t in[1 + 2 * VS_HASH_LEN] = {1};

	memcpy(in + 1, left->bytes, VS_HASH_LEN);
	memcpy(in + 1 + VS_HASH_LEN, right->bytes, VS_HASH_LEN);
	return EVP_Digest(in, sizeof in, out->bytes, NULL, EVP_sha256(),
	                  NULL) == 1
	               ? VS_OK
	               : VS_ERR_CRYPTO;
}

vs_status vs_merkle_included(uint64_t index, uint64_t size,
                             const struct vs_hash *leaf,
                             const struct vs_merkle_proof *proof,
                             const struct vs_hash *root)
{
	uint64_t at = index, last = size - 1;
	struct vs_hash r = *leaf;
	vs_status status = VS_OK;

	if (index >= size || proof->count > VS_MERKLE_DEPTH_MAX)
		return VS_ERR_REFUSED;
	for (size_t i = 0; i < proof->count && !status; i++) {
		const struct vs_hash *p = &proof->hashes[i];

		if (last == 0)
			return VS_ERR_REFUSED;
		if (at & 1 || at == last) {
			status = vs_merkle_node(p, &r, &r);
			for (; at && !(at & 1); at >>= 1)
				last >>= 1;
		} else {
			status = vs_merkle_node(&r, p, &r);
		}
		at >>= 1;
		last >>= 1;
	}
	if (status)
		return status;
	return last == 0 && vs_hash_same(&r, root) ? VS_OK : VS_ERR_REFUSED;
}

/* The walk of RFC 9162 2.1.4.2 over hashes[0] to hashes[count - 1], from
 * first: the roots of both trees come out of one proof.
 */
static vs_status walk(const struct vs_merkle_head *old,
                      const struct vs_merkle_head *new,
                      const struct vs_hash *first, const struct vs_hash *hashes,
                      size_t count)
{
	uint64_t at = old->size - 1, last = new->size - 1;
	struct vs_hash from = *first, to = *first;
	vs_status status = VS_OK;

	for (; at & 1; at >>= 1)
		last >>= 1;
	for (size_t i = 0; i < count && !status; i++) {
		if (last == 0)
			return VS_ERR_REFUSED;
		if (at & 1 || at == last) {
			status = vs_merkle_node(&hashes[i], &from, &from);
			if (!status)
				status = vs_merkle_node(&hashes[i], &to, &to);
			for (; at && !(at & 1); at >>= 1)
				last >>= 1;
		} else {
			status = vs_merkle_node(&to, &hashes[i], &to);
		}
		at >>= 1;
		last >>= 1;
	}
	if (status)
		return status;
	return last == 0 && vs_hash_same(&from, &old->root) &&
	                       vs_hash_same(&to, &new->root)
	               ? VS_OK
	               : VS_ERR_REFUSED;
}

vs_status vs_merkle_consistent(const struct vs_merkle_head *old,
                               const struct vs_merkle_head *new,
                               const struct vs_merkle_proof *proof)
{
	if (old->size == 0 || old->size > new->size ||
	    proof->count > VS_MERKLE_DEPTH_MAX)
		return VS_ERR_REFUSED;
	if (old->size == new->size)
		return proof->count == 0 && vs_hash_same(&old->root, &new->root)
		               ? VS_OK
		               : VS_ERR_REFUSED;
	if (proof->count == 0)
		return VS_ERR_REFUSED;
	/* an old tree that is one whole subtree needs no first hash */
	if ((old->size & (old->size - 1)) == 0)
		return walk(old, new, &old->root, proof->hashes, proof->count);
	return walk(old, new, &proof->hashes[0], proof->hashes + 1,
	            proof->count - 1);
}

static unsigned log2_floor(uint64_t n)
{
	unsigned level = 0;

	while (n >>= 1)
		level++;
	return level;
}

/* The largest power of two below n, n > 1. */
static uint64_t split(uint64_t n)
{
	return UINT64_C(1) << log2_floor(n - 1);
}

/* Folds nodes of rising height from the right. */
static vs_status fold(const struct vs_hash *nodes, size_t count,
                      struct vs_hash *out)
{
	vs_status status = VS_OK;

	if (count == 0)
		return vs_merkle_empty(out);
	*out = nodes[count - 1];
	for (size_t i = count - 1; i-- > 0 && !status;)
		status = vs_merkle_node(&nodes[i], out, out);
	return status;
}

/* The hash over leaves from to to, as RFC 6962 splits them. */
static vs_status range(const struct vs_merkle_source *source, uint64_t from,
                       uint64_t to, struct vs_hash *out)
{
	struct vs_hash nodes[VS_MERKLE_DEPTH_MAX];
	size_t count = 0;
	vs_status status = VS_OK;

	while (from < to && !status) {
		unsigned level = log2_floor(to - from);

		status = source->read(source->ctx, level, from >> level,
		                      &nodes[count]);
		from += UINT64_C(1) << level;
		count++;
	}
	return status ? status : fold(nodes, count, out);
}

vs_status vs_merkle_root(const struct vs_merkle_source *source, uint64_t size,
                         struct vs_hash *out)
{
	return size > INT64_MAX ? VS_ERR_INPUT : range(source, 0, size, out);
}

/* Proofs come out from the root down and are wanted from the leaf up. */
static void reverse(struct vs_merkle_proof *p)
{
	for (size_t i = 0; i < p->count / 2; i++) {
		struct vs_hash h = p->hashes[i];

		p->hashes[i] = p->hashes[p->count - 1 - i];
		p->hashes[p->count - 1 - i] = h;
	}
}

static vs_status push(const struct vs_merkle_source *source, uint64_t from,
                      uint64_t to, struct vs_merkle_proof *p)
{
	return range(source, from, to, &p->hashes[p->count++]);
}

vs_status vs_merkle_prove(const struct vs_merkle_source *source, uint64_t index,
                          uint64_t size, struct vs_merkle_proof *out)
{
	uint64_t from = 0, to = size;
	vs_status status = VS_OK;

	out->count = 0;
	if (index >= size || size > INT64_MAX)
		return VS_ERR_INPUT;
	while (to - from > 1 && !status) {
		uint64_t middle = from + split(to - from);

		if (index < middle) {
			status = push(source, middle, to, out);
			to = middle;
		} else {
			status = push(source, from, middle, out);
			from = middle;
		}
	}
	reverse(out);
	return status;
}

vs_status vs_merkle_connect(const struct vs_merkle_source *source, uint64_t old,
                            uint64_t size, struct vs_merkle_proof *out)
{
	uint64_t from = 0, to = size;
	vs_status status = VS_OK;

	out->count = 0;
	if (old > size || size > INT64_MAX)
		return VS_ERR_INPUT;
	if (old == 0 || old == size)
		return VS_OK;
	while (to != old && !status) {
		uint64_t middle = from + split(to - from);

		if (old <= middle) {
			status = push(source, middle, to, out);
			to = middle;
		} else {
			status = push(source, from, middle, out);
			from = middle;
		}
	}
	/* from == 0: the old root itself, which the verifier has */
	if (!status && from)
		status = push(source, from, to, out);
	reverse(out);
	return status;
}

vs_status vs_merkle_append(struct vs_merkle_edge *edge,
                           const struct vs_hash *leaf)
{
	struct vs_hash h = *leaf;
	vs_status status = VS_OK;
	unsigned level = 0;

	if (edge->size >= INT64_MAX)
		return VS_ERR_LIMIT;
	for (; edge->size >> level & 1 && !status; level++)
		status = vs_merkle_node(&edge->nodes[level], &h, &h);
	if (status)
		return status;
	edge->nodes[level] = h;
	edge->size++;
	return VS_OK;
}

vs_status vs_merkle_edge_root(const struct vs_merkle_edge *edge,
                              struct vs_hash *out)
{
	struct vs_hash nodes[VS_MERKLE_DEPTH_MAX];
	size_t count = 0;

	for (unsigned level = VS_MERKLE_DEPTH_MAX; level-- > 0;)
		if (edge->size >> level & 1)
			nodes[count++] = edge->nodes[level];
	return fold(nodes, count, out);
}

vs_status vs_merkle_edge_load(const struct vs_merkle_source *source,
                              uint64_t size, struct vs_merkle_edge *out)
{
	vs_status status = VS_OK;
	uint64_t from = 0;

	*out = (struct vs_merkle_edge){.size = size};
	if (size > INT64_MAX)
		return VS_ERR_INPUT;
	for (unsigned level = VS_MERKLE_DEPTH_MAX; level-- > 0 && !status;) {
		if (!(size >> level & 1))
			continue;
		status = source->read(source->ctx, level, from >> level,
		                      &out->nodes[level]);
		from += UINT64_C(1) << level;
	}
	return status;
}

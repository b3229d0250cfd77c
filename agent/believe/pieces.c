/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/believe/pieces.c - from the top of the tree down.
 */
#include "agent/believe/pieces.h"

#include <string.h>

#define LEVELS_MIN 3 /* with fewer there is one block to ask for */

struct pieces {
	const struct vs_tree *tree;
	const uint8_t *was; /* upper levels */
	uint8_t *is;
	size_t head; /* bytes before them */
	vs_pieces_read read;
	void *ctx;
};

/* Hashes in block n of a level; zeros follow. */
static size_t used(const struct vs_tree *t, uint32_t level, uint64_t n)
{
	uint64_t left = t->level_blocks[level - 1] - n * VS_TREE_FANOUT;

	return (size_t)(left < VS_TREE_FANOUT ? left : VS_TREE_FANOUT) *
	       VS_SHA256_LEN;
}

static bool is_same(const struct pieces *p, uint32_t level, uint64_t n)
{
	uint64_t at = p->tree->level_at[level + 1] + n * VS_SHA256_LEN;

	return memcmp(p->was + at, p->is + at, VS_SHA256_LEN) == 0;
}

static vs_status ask(const struct pieces *p, uint32_t level, uint64_t first,
                     uint64_t end)
{
	uint64_t at = p->tree->level_at[level] + first * VS_BLOCK_LEN;
	size_t len = (size_t)(end - 1 - first) * VS_BLOCK_LEN +
	             used(p->tree, level, end - 1);

	return p->read(p->ctx, p->head + at, p->is + at, len);
}

static vs_status gather_level(const struct pieces *p, uint32_t level)
{
	uint64_t count = p->tree->level_blocks[level];
	vs_status status = VS_OK;

	for (uint64_t n = 0, first; n < count && status == VS_OK; n++) {
		uint64_t at = p->tree->level_at[level] + n * VS_BLOCK_LEN;

		if (is_same(p, level, n)) {
			memcpy(p->is + at, p->was + at, VS_BLOCK_LEN);
			continue;
		}
		for (first = n; n + 1 < count && !is_same(p, level, n + 1);)
			n++;
		status = ask(p, level, first, n + 1);
	}
	return status;
}

vs_status vs_pieces_gather(const struct vs_seal *was, size_t len,
                           vs_pieces_read read, void *ctx, uint8_t *out)
{
	const struct vs_tree *t = &was->tree;
	struct pieces p = {t, was->upper, NULL, 0, read, ctx};
	struct vs_seal_header header;
	vs_status status;

	if (t->levels < LEVELS_MIN || len <= t->upper_len ||
	    len - t->upper_len < VS_SEAL_HEADER_LEN ||
	    len - t->upper_len > VS_SEAL_HEADER_LEN + VS_SIGNATURE_BLOCK_MAX)
		return VS_ERR_ABSENT;
	p.head = len - (size_t)t->upper_len;
	p.is = out + p.head;
	memset(out, 0, len);
	status = read(ctx, 0, out, p.head + used(t, t->levels - 1, 0));
	if (status != VS_OK)
		return status;
	if (vs_seal_header_decode(out, &header, NULL) != VS_OK ||
	    header.image_len != t->image_len)
		return VS_ERR_ABSENT;
	for (uint32_t level = t->levels - 1; level-- > 1 && status == VS_OK;)
		status = gather_level(&p, level);
	return status;
}

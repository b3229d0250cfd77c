/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/inode.c - checksums that can be computed need not be sent.
 */
#include "delta/inode.h"

#include <string.h>

#include "delta/operand.h"

#define INODE 256
#define SUM_LOW 0x7c
#define SUM_HIGH 0x82
#define GENERATION 0x64
#define NONE UINT32_MAX

void vs_inode_view_init(struct vs_inode_view *v, uint32_t seed,
                        const struct vs_inodes *tables, size_t count)
{
	v->tables = tables;
	v->count = count;
	v->seed = seed;
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
		v->crc[i] = crc;
	}
}

static uint32_t crc32c(const struct vs_inode_view *v, uint32_t crc,
                       const uint8_t *in, size_t len)
{
	for (size_t i = 0; i < len; i++)
		crc = crc >> 8 ^ v->crc[(crc ^ in[i]) & 255];
	return crc;
}

static void flip(const struct vs_inode_view *v, uint32_t number, uint8_t *inode)
{
	static const uint8_t zeros[INODE];
	uint8_t low[2], high[2], le[4];
	uint32_t crc;

	memcpy(low, inode + SUM_LOW, 2);
	memcpy(high, inode + SUM_HIGH, 2);
	memset(inode + SUM_LOW, 0, 2);
	memset(inode + SUM_HIGH, 0, 2);
	/* one that is not in use has no checksum */
	crc = 0;
	if (memcmp(inode, zeros, INODE) != 0) {
		vs_put_le(le, number, 4);
		crc = crc32c(v, v->seed, le, 4);
		crc = crc32c(v, crc, inode + GENERATION, 4);
		crc = crc32c(v, crc, inode, INODE);
	}
	inode[SUM_LOW] = (uint8_t)(low[0] ^ crc);
	inode[SUM_LOW + 1] = (uint8_t)(low[1] ^ crc >> 8);
	inode[SUM_HIGH] = (uint8_t)(high[0] ^ crc >> 16);
	inode[SUM_HIGH + 1] = (uint8_t)(high[1] ^ crc >> 24);
}

static const struct vs_inodes *find(const struct vs_inode_view *v,
                                    uint32_t block)
{
	size_t low = 0, high = v->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (v->tables[middle].at <= block)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 ||
	    block - v->tables[low - 1].at >= v->tables[low - 1].count)
		return NULL;
	return &v->tables[low - 1];
}

void vs_inode_view_flip(const struct vs_inode_view *v, uint32_t block,
                        uint8_t bytes[static VS_DELTA_BLOCK])
{
	const struct vs_inodes *table = find(v, block);
	uint32_t each = VS_DELTA_BLOCK / INODE;

	if (!table)
		return;
	for (uint32_t i = 0; i < each; i++)
		flip(v, table->first + (block - table->at) * each + i,
		     bytes + (size_t)i * INODE);
}

static vs_status read_flipped(void *ctx, uint64_t at, void *out, size_t len)
{
	struct vs_inode_image *i = ctx;
	uint8_t *to = out;

	while (len > 0) {
		uint32_t block = (uint32_t)(at / VS_DELTA_BLOCK);
		size_t within = (size_t)(at % VS_DELTA_BLOCK);
		size_t step = VS_DELTA_BLOCK - within;

		if (step > len)
			step = len;
		if (i->cached != block) {
			vs_status status = i->raw->read(
				i->raw->ctx, (uint64_t)block * VS_DELTA_BLOCK,
				i->block, VS_DELTA_BLOCK);

			i->cached = NONE;
			if (status != VS_OK)
				return status;
			i->cached = block;
			vs_inode_view_flip(i->view, block, i->block);
		}
		memcpy(to, i->block + within, step);
		to += step;
		at += step;
		len -= step;
	}
	return VS_OK;
}

void vs_inode_image_init(struct vs_inode_image *i,
                         const struct vs_old_image *raw,
                         const struct vs_inode_view *view,
                         struct vs_old_image *out)
{
	i->raw = raw;
	i->view = view;
	i->cached = NONE;
	*out = (struct vs_old_image){i, raw->len, read_flipped};
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/old.c - reading a file by its extents.
 */
#include "delta/old.h"

#include <string.h>

/* The last extent that begins at or before a block; -1 if there is none. */
static size_t find(const struct vs_old *old, uint64_t block)
{
	size_t low = 0, high = old->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (old->extents[middle].file <= block)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

vs_status vs_old_read(const struct vs_old *old, uint64_t at, void *out,
                      size_t len)
{
	uint8_t *to = out;

	while (len > 0) {
		size_t i = find(old, at / VS_DELTA_BLOCK);
		const struct vs_extent *e = i > 0 ? &old->extents[i - 1] : NULL;
		uint64_t begin = e ? (uint64_t)e->file * VS_DELTA_BLOCK : 0;
		uint64_t end =
			e ? begin + (uint64_t)e->count * VS_DELTA_BLOCK : 0;
		uint64_t next = i < old->count
		                        ? (uint64_t)old->extents[i].file *
		                                  VS_DELTA_BLOCK
		                        : UINT64_MAX;
		bool hole = at >= end;
		size_t step = (size_t)smaller(len, (hole ? next : end) - at);

		if (hole) {
			memset(to, 0, step);
		} else {
			uint64_t from = (uint64_t)e->image * VS_DELTA_BLOCK +
			                (at - begin);
			vs_status status;

			if (from > old->image->len ||
			    step > old->image->len - from)
				return VS_ERR_IO;
			status = old->image->read(old->image->ctx, from, to,
			                          step);
			if (status != VS_OK)
				return status;
		}
		to += step;
		at += step;
		len -= step;
	}
	return VS_OK;
}

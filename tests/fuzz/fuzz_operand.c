/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_operand.c - any file as an old one with addresses in it.
 *
 * Operands come in order and apart; one that names a target by itself is
 * written for that target as it was.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "delta/operand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct image {
	const uint8_t *bytes;
	size_t len;
};

static vs_status read_old(void *ctx, uint64_t at, void *out, size_t len)
{
	const struct image *i = ctx;
	size_t real = at >= i->len ? 0 : i->len - (size_t)at;

	real = real < len ? real : len;
	memset(out, 0, len);
	if (real > 0)
		memcpy(out, i->bytes + at, real);
	return VS_OK;
}

static void check(const struct vs_operand *o, const struct vs_elf *elf,
                  const struct vs_window *w)
{
	const struct vs_section_row *row = vs_elf_by_place(elf, o->place);
	const uint8_t *was = w->bytes + (o->place - w->place);
	uint8_t bytes[8];
	uint64_t addr, target;

	assert(row && o->len >= 2 && o->len <= 8);
	assert(o->place + o->len <= w->place + w->len);
	addr = row->addr + (o->place - row->at);
	memcpy(bytes, was, o->len);
	if (!vs_operand_get(o, addr, row->addr, was, &target))
		return;
	vs_operand_put(o, addr, row->addr, target, bytes);
	assert(memcmp(bytes, was, o->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t
		bytes[VS_WINDOW_BEFORE + VS_DELTA_BLOCK + VS_WINDOW_AFTER];
	static struct vs_operands found;
	struct image image = {data, size};
	const struct vs_old_image from = {&image, UINT32_MAX, read_old};
	const struct vs_extent all = {0, 0, UINT32_MAX / VS_DELTA_BLOCK};
	const struct vs_old old = {&from, &all, 1, size};
	struct vs_frames frames;
	struct vs_elf elf;

	if (size > 1 << 20 || vs_elf_read(&old, &elf) != VS_OK)
		return 0;
	assert(vs_frames_init(&frames, &old, &elf) == VS_OK);
	for (uint32_t at = 0; at < size; at += VS_DELTA_BLOCK) {
		uint32_t first = vs_window_first(&elf, at);
		const struct vs_window w = {bytes, first,
		                            at - first + VS_DELTA_BLOCK +
		                                    VS_WINDOW_AFTER,
		                            at, at + VS_DELTA_BLOCK};

		assert(vs_old_read(&old, first, bytes, w.len) == VS_OK);
		vs_operands_find(&found, &w, &elf, &frames);
		for (size_t i = 0; i < found.count; i++) {
			if (i > 0)
				assert(found.list[i - 1].place +
				               found.list[i - 1].len <=
				       found.list[i].place);
			check(&found.list[i], &elf, &w);
		}
	}
	vs_frames_drop(&frames);
	return 0;
}

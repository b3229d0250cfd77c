/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/delta_maker.c - the maker's own code, and its coder for lies.
 */
#include "tests/agent/delta_maker.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "delta/make/make.h"

#define DELTA_MAX ((size_t)16 << 20)

static vs_status keep(void *ctx, const uint8_t *in, size_t len)
{
	return vs_buffer_add(ctx, in, len);
}

uint8_t *delta_make(const struct made *from, const struct made *to, size_t *len)
{
	struct vs_buffer out;
	struct vs_make m = {
		.was = {from->image, from->image_len},
		.is = {to->image,   to->image_len  },
		.write = keep,
		.ctx = &out
        };

	vs_buffer_init(&out, DELTA_MAX);
	memcpy(m.old_root, from->opened.header.root_hash, VS_SHA256_LEN);
	memcpy(m.new_root, to->opened.header.root_hash, VS_SHA256_LEN);
	assert_int_equal(vs_delta_make(&m), VS_OK);
	*len = out.len;
	return out.data;
}

/* One file each for as many blocks as there are, each the largest of all and
 * old in as many pieces as the format has.
 */
static void fill_layout(struct vs_layout *l, const struct made *from,
                        const struct made *to)
{
	l->blocks = (uint32_t)((to->image_len + VS_DELTA_BLOCK - 1) /
	                       VS_DELTA_BLOCK);
	l->was_blocks = (uint32_t)((from->image_len + VS_DELTA_BLOCK - 1) /
	                           VS_DELTA_BLOCK);
	l->file_count = l->blocks;
	l->segment_count = l->blocks;
	l->extent_count = VS_RUNS_MAX - l->blocks;
	l->files = calloc(l->file_count, sizeof(*l->files));
	l->segments = calloc(l->segment_count, sizeof(*l->segments));
	l->extents = calloc(l->extent_count, sizeof(*l->extents));
	assert_true(l->files && l->segments && l->extents);
	for (size_t i = 0; i < l->file_count; i++) {
		size_t each = l->extent_count / l->file_count;

		l->files[i] = (struct vs_file){.blocks = 2,
		                               .was_blocks = VS_FILE_BLOCKS_MAX,
		                               .was = l->extents + i * each,
		                               .was_count = each};
		for (uint32_t k = 0; k < each; k++)
			l->files[i].was[k] = (struct vs_extent){k, 0, 1};
		l->segments[i] =
			(struct vs_segment){(uint32_t)i, 1, (uint32_t)i, 0};
	}
}

/* Behind the layout: as many covers as a number can say, of ones. */
uint8_t *delta_bomb(const struct made *from, const struct made *to, size_t *len)
{
	static struct vs_coder coder;
	struct vs_buffer out;
	struct vs_layout layout = {0};
	struct vs_delta_head head = {.old_len = from->image_len,
	                             .new_len = to->image_len};
	uint8_t raw[VS_DELTA_HEAD_LEN];

	vs_buffer_init(&out, DELTA_MAX);
	memcpy(head.old_root, from->opened.header.root_hash, VS_SHA256_LEN);
	memcpy(head.new_root, to->opened.header.root_hash, VS_SHA256_LEN);
	vs_delta_head_encode(&head, raw);
	assert_int_equal(vs_buffer_add(&out, raw, sizeof(raw)), VS_OK);
	fill_layout(&layout, from, to);
	vs_coder_encode_init(&coder, keep, &out);
	assert_int_equal(vs_layout_code(&layout, &coder), VS_OK);
	for (unsigned i = 0; i < 200000; i++)
		(void)vs_coder_bit(&coder, 1, 32768);
	assert_int_equal(vs_coder_finish(&coder), VS_OK);
	vs_layout_drop(&layout);
	*len = out.len;
	return out.data;
}

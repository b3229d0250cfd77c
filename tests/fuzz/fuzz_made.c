/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_made.c - any old image and any edit of it: what is made of
 * them and applied is the new image, however the delta's bytes arrive, and the
 * same pair makes the same delta.
 *
 * Two bytes say how long the old image is; then it, then the edit: pieces that
 * are copied, changed, new or zeros.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "delta/apply/apply.h"
#include "delta/make/make.h"
#include "delta/operand.h"

#define NEW_MAX 131072

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
	uint8_t *at;
	size_t len, cap, read, piece;
};

static vs_status take(void *ctx, const uint8_t *in, size_t len)
{
	struct bytes *b = ctx;

	if (b->len + len > b->cap) {
		b->cap = (b->len + len) * 2;
		b->at = realloc(b->at, b->cap);
		assert(b->at);
	}
	if (len > 0)
		memcpy(b->at + b->len, in, len);
	b->len += len;
	return VS_OK;
}

static vs_status give(void *ctx, uint8_t *out, size_t len, size_t *got)
{
	struct bytes *b = ctx;
	size_t left = b->len - b->read;

	if (left == 0)
		return VS_ERR_ABSENT;
	*got = len < b->piece ? len : b->piece;
	*got = *got < left ? *got : left;
	memcpy(out, b->at + b->read, *got);
	b->read += *got;
	return VS_OK;
}

static vs_status read_old(void *ctx, uint64_t at, void *out, size_t len)
{
	const struct vs_image *i = ctx;

	assert(at <= i->len && len <= i->len - at);
	memcpy(out, i->bytes + at, len);
	return VS_OK;
}

/* One piece of the edit; false: there is none. */
static int edit(const struct vs_image *old, const uint8_t **data, size_t *size,
                uint8_t *out, size_t *out_len)
{
	const uint8_t *p = *data;
	size_t at, len, room = NEW_MAX - *out_len;

	if (*size < 5)
		return 0;
	at = (size_t)(vs_le(p + 1, 2) % old->len);
	len = (size_t)vs_le(p + 3, 2) + 1;
	*data += 5;
	*size -= 5;
	if (len > room)
		len = room;
	if (p[0] % 4 < 2 && len > old->len - at)
		len = (size_t)(old->len - at);
	if (p[0] % 4 == 2 && len > *size)
		len = *size;
	out += *out_len;
	*out_len += len;
	switch (p[0] % 4) {
	case 0:
		memcpy(out, old->bytes + at, len);
		break;
	case 1: /* as when addresses move */
		for (size_t i = 0; i < len; i++)
			out[i] = (uint8_t)(old->bytes[at + i] +
			                   (i % 16 == p[0] / 16 ? p[0] : 0));
		break;
	case 2:
		memcpy(out, *data, len);
		*data += len;
		*size -= len;
		break;
	default:
		memset(out, 0, len);
		break;
	}
	return 1;
}

static void make(const struct vs_image *was, const struct vs_image *is,
                 struct bytes *out)
{
	struct vs_make m = {.was = *was, .is = *is, .write = take, .ctx = out};

	assert(vs_delta_make(&m) == VS_OK);
	assert(m.bytes == out->len);
}

static void applied(struct vs_image *was, const struct vs_image *is,
                    struct bytes *delta, size_t piece)
{
	const struct vs_old_image image = {was, was->len, read_old};
	struct vs_apply *a;
	struct vs_why why;

	delta->read = 0;
	delta->piece = piece;
	assert(vs_apply_new(&image, give, delta, &a, &why) == VS_OK);
	for (size_t at = 0; at < is->len;) {
		uint8_t block[VS_DELTA_BLOCK];
		size_t step = is->len - at < sizeof(block)
		                      ? (size_t)(is->len - at)
		                      : sizeof(block);

		assert(vs_apply_next(a, block, step, &why) == VS_OK);
		assert(memcmp(block, is->bytes + at, step) == 0);
		at += step;
	}
	vs_apply_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t new[NEW_MAX];
	struct vs_image was, is;
	struct bytes first = {0}, second = {0};
	size_t len = 0;

	if (size < 2 || vs_le(data, 2) == 0 || vs_le(data, 2) > size - 2)
		return 0;
	was = (struct vs_image){data + 2, vs_le(data, 2)};
	data += 2 + was.len;
	size -= 2 + (size_t)was.len;
	while (edit(&was, &data, &size, new, &len))
		;
	if (len == 0)
		return 0;
	is = (struct vs_image){new, len};
	make(&was, &is, &first);
	make(&was, &is, &second);
	assert(first.len == second.len);
	assert(memcmp(first.at, second.at, first.len) == 0);
	applied(&was, &is, &first, SIZE_MAX);
	applied(&was, &is, &first, 7);
	free(first.at);
	free(second.at);
	return 0;
}

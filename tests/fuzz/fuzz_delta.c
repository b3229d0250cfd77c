/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_delta.c - any delta over any old image.
 *
 * Four bytes say how long the old image is; then it, then the delta.  How the
 * delta's bytes arrive changes nothing of what comes out, and nothing comes
 * after the first error.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "delta/apply/apply.h"
#include "delta/operand.h"

#define OLD_MAX 65536
#define OUT_MAX (64 * VS_DELTA_BLOCK)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *at;
	size_t left, piece;
};

static vs_status give(void *ctx, uint8_t *out, size_t len, size_t *got)
{
	struct input *in = ctx;

	if (in->left == 0)
		return VS_ERR_ABSENT;
	*got = len < in->piece ? len : in->piece;
	*got = *got < in->left ? *got : in->left;
	memcpy(out, in->at, *got);
	in->at += *got;
	in->left -= *got;
	return VS_OK;
}

struct image {
	const uint8_t *bytes;
	uint64_t len;
};

static vs_status read_old(void *ctx, uint64_t at, void *out, size_t len)
{
	const struct image *i = ctx;

	assert(at <= i->len && len <= i->len - at);
	memcpy(out, i->bytes + at, len);
	return VS_OK;
}

/* How many bytes came out. */
static size_t apply(struct image *old, const uint8_t *delta, size_t len,
                    size_t piece, uint8_t *out)
{
	const struct vs_old_image image = {old, old->len, read_old};
	struct input in = {delta, len, piece};
	struct vs_apply *a;
	struct vs_why why;
	size_t done = 0, all;
	vs_status status = vs_apply_new(&image, give, &in, &a, &why);

	if (status != VS_OK)
		return 0;
	all = vs_apply_head(a)->new_len < OUT_MAX
	              ? (size_t)vs_apply_head(a)->new_len
	              : OUT_MAX;
	while (done < all && status == VS_OK) {
		size_t step = all - done < VS_DELTA_BLOCK ? all - done
		                                          : VS_DELTA_BLOCK;

		status = vs_apply_next(a, out + done, step, &why);
		if (status == VS_OK)
			done += step;
	}
	if (status != VS_OK)
		assert(vs_apply_next(a, out, 1, &why) == status);
	vs_apply_free(&a);
	return done;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t first[OUT_MAX], second[OUT_MAX];
	struct image old;
	size_t len;

	if (size < 4 || vs_le(data, 4) == 0 || vs_le(data, 4) > OLD_MAX ||
	    vs_le(data, 4) > size - 4)
		return 0;
	old = (struct image){data + 4, vs_le(data, 4)};
	data += 4 + old.len;
	size -= 4 + (size_t)old.len;
	len = apply(&old, data, size, SIZE_MAX, first);
	assert(apply(&old, data, size, 7, second) == len);
	assert(memcmp(first, second, len) == 0);
	return 0;
}

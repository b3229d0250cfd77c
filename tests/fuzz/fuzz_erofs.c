/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_erofs.c - any inode and index of a packed file.
 *
 * The input is an image whose first byte says where the inode lies, in slots of
 * 32 bytes.  What is read makes up the whole file from clusters that lie in the
 * image, and its bytes are the same, however they are asked for.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "delta/packed.h"

#define FILE_MAX (1 << 20) /* bytes that are looked at */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct image {
	const uint8_t *bytes;
	size_t len;
};

static vs_status read_image(void *ctx, uint64_t at, void *out, size_t len)
{
	const struct image *i = ctx;

	assert(at <= i->len && len <= i->len - at);
	memcpy(out, i->bytes + at, len);
	return VS_OK;
}

static void check(const struct vs_erofs_file *f, size_t image_len)
{
	uint64_t held = 0;

	assert(f->count > 0 && f->len > 0);
	for (size_t i = 0; i < f->count; i++) {
		const struct vs_erofs_cluster *c = &f->list[i];

		assert(c->from == held);
		assert(c->blocks > 0);
		assert(((uint64_t)c->block + c->blocks) * VS_DELTA_BLOCK <=
		       image_len);
		held += vs_erofs_holds(f, i);
		assert(vs_erofs_holds(f, i) <= f->longest);
		assert(vs_erofs_find(f, c->from) == i);
	}
	assert(held == f->len);
}

static vs_status read_all(const struct vs_old_image *image, uint64_t inode,
                          size_t len, size_t piece, uint8_t *out)
{
	struct vs_packed p = {.image = image};
	vs_status status = VS_OK;

	for (size_t at = 0; at < len && status == VS_OK; at += piece)
		status = vs_packed_read(&p, inode, at, out + at,
		                        len - at < piece ? len - at : piece);
	vs_packed_drop(&p);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t first[FILE_MAX], second[FILE_MAX];
	struct image bytes = {data + 1, size - 1};
	const struct vs_old_image image = {&bytes, size - 1, read_image};
	struct vs_erofs_file f;
	size_t len = 0;

	if (size < 1)
		return 0;
	if (vs_erofs_file_read(&image, data[0] * 32u, &f) == VS_OK) {
		check(&f, bytes.len);
		len = f.len < FILE_MAX ? f.len : FILE_MAX;
	}
	vs_erofs_file_drop(&f);
	if (len > 0) {
		vs_status status =
			read_all(&image, data[0] * 32u, len, len, first);

		assert(read_all(&image, data[0] * 32u, len, 1000, second) ==
		       status);
		if (status == VS_OK)
			assert(memcmp(first, second, len) == 0);
	}
	return 0;
}

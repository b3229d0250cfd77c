/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/tool.c - makes and applies deltas of files, for other programs
 * to be compared with.
 *
 * tool make OLD NEW DELTA; tool apply OLD DELTA OUT.  After a fault OUT holds
 * the blocks before it, and the exit code is 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/delta/fixture.h"

static vs_status read_old(void *ctx, uint64_t at, void *out, size_t len)
{
	const struct bytes *b = ctx;

	if (at > b->len || len > b->len - at)
		return VS_ERR_IO;
	memcpy(out, b->data + at, len);
	return VS_OK;
}

static vs_status apply(struct bytes *old, struct bytes *delta,
                       struct bytes *out)
{
	const struct vs_old_image image = {old, old->len, read_old};
	VS_AUTO(vs_apply_free) struct vs_apply *a = NULL;
	uint8_t block[VS_DELTA_BLOCK];
	vs_status status = vs_apply_new(&image, bytes_read, delta, &a, NULL);
	uint64_t left = status == VS_OK ? vs_apply_head(a)->new_len : 0;

	while (left > 0 && status == VS_OK) {
		size_t len =
			left < sizeof(block) ? (size_t)left : sizeof(block);

		status = vs_apply_next(a, block, len, NULL);
		if (status == VS_OK)
			status = bytes_write(out, block, len);
		left -= len;
	}
	return status;
}

int main(int argc, char **argv)
{
	struct bytes a, b, out = {0};
	vs_status status;

	if (argc != 5)
		return 2;
	a = load(argv[2]);
	b = load(argv[3]);
	if (strcmp(argv[1], "make") == 0)
		status = make_delta(&a, &b, &out, NULL);
	else
		status = apply(&a, &b, &out);
	save(argv[4], &out);
	free(a.data);
	free(b.data);
	free(out.data);
	return status == VS_OK ? 0 : 1;
}
